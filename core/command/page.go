package command

import "strings"

// Page makes one page of what a List answers: the lines of those names, in order, that begin with the prefix and come after the cursor. ascend
// visits names from one on; next is the cursor of the page after, "" on the last one. items is never nil.
func Page[V, L any](ascend func(from string, visit func(string, V) bool), prefix, cursor string, limit int, line func(name string, v V) L,
) (items []L, next string) {
	items = []L{}
	last := ""
	ascend(max(prefix, cursor), func(name string, v V) bool {
		switch {
		case cursor != "" && name <= cursor:
			return true
		case !strings.HasPrefix(name, prefix):
			return false
		case len(items) == limit:
			next = last
			return false
		}
		items, last = append(items, line(name, v)), name
		return true
	})
	return items, next
}
