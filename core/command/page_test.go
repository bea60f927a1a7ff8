package command_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/command"
)

// TestPagesTogetherAreTheWhole: pages of any size, one after the other, are every name with the prefix once, in order, and the cursor of one that
// has gone meanwhile loses nothing.
func TestPagesTogetherAreTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfDistinct(rapid.StringMatching("[ab]{1,4}"), func(s string) string { return s }).Draw(t, "names")
		slices.Sort(names)
		prefix, limit := rapid.StringMatching("[ab]{0,2}").Draw(t, "prefix"), rapid.IntRange(1, 4).Draw(t, "limit")
		gone := ""
		ascend := func(from string, visit func(string, int) bool) {
			for i, name := range names {
				if name >= from && name != gone && !visit(name, i) {
					return
				}
			}
		}
		var want, got []string
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				want = append(want, name)
			}
		}
		for cursor, n := "", 0; n == 0 || cursor != ""; n++ {
			var page []string
			page, cursor = command.Page(ascend, prefix, cursor, limit, func(name string, i int) string { return names[i] })
			if page == nil || len(page) > limit || (cursor != "" && len(page) < limit) || n > len(names) {
				t.Fatalf("page %d is %q, and %q follows", n, page, cursor)
			}
			got, gone = append(got, page...), cursor
		}
		if !slices.Equal(got, want) {
			t.Fatalf("the pages are %q, want %q", got, want)
		}
	})
}
