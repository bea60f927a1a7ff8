package collection

import "testing"

func TestMerge(t *testing.T) {
	for _, c := range []struct{ name, before, with, want string }{
		{"fields come and change", `{"b":1,"a":"x"}`, `{"b":2.50,"c":{"d":null}}`, `{"a":"x","b":2.50,"c":{"d":null}}`},
		{"null takes away, there or not", `{"a":1,"b":null}`, `{"a":null,"z":null}`, `{"b":null}`},
		{"nothing is left", `{"a":1}`, `{"a":null}`, `{}`},
		{"there was none", ``, `{"a":"<&>"}`, `{"a":"<&>"}`},
		{"nothing is set", `{"a":1}`, `{}`, `{"a":1}`},
	} {
		if got, err := Object(c.before).Merge(Object(c.with)); err != nil || string(got) != c.want {
			t.Errorf("%s: Merge() = %s, %v, want %s", c.name, got, err, c.want)
		}
	}
}
