package collection

import (
	"strings"

	"github.com/tidwall/gjson"
)

// Project returns the payload with nothing but some fields of it, by path; "" when it has none of them.
func Project(payload string, paths []string) string {
	wanted := make([]path, len(paths))
	for i, p := range paths {
		wanted[i] = parsePath(p)
	}
	b, some := project(nil, gjson.Parse(payload), wanted)
	if !some {
		return ""
	}
	return string(b)
}

// project appends what is wanted of a value; of an array what is wanted of each element.
func project(b []byte, v gjson.Result, wanted []path) (_ []byte, some bool) {
	open, end := byte('{'), byte('}')
	if v.IsArray() {
		open, end = '[', ']'
	} else if !v.IsObject() {
		return b, false
	}
	start := len(b)
	b = append(b, open)
	v.ForEach(func(k, e gjson.Result) bool {
		mark := len(b)
		if some {
			b = append(b, ',')
		}
		found := false
		if v.IsArray() {
			b, found = project(b, e, wanted)
		} else {
			b = append(append(b, k.Raw...), ':')
			b, found = projectField(b, k.Str, e, wanted)
		}
		if !found {
			b = b[:mark]
		}
		some = some || found
		return true
	})
	if !some {
		return b[:start], false
	}
	return append(b, end), true
}

// projectField appends what is wanted of a field.
func projectField(b []byte, name string, v gjson.Result, wanted []path) ([]byte, bool) {
	var within []path
	for _, p := range wanted {
		switch {
		case p[0] != name:
		case len(p) == 1:
			return append(b, strings.TrimSpace(v.Raw)...), true
		default:
			within = append(within, p[1:])
		}
	}
	if within == nil {
		return b, false
	}
	return project(b, v, within)
}
