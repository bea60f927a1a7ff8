package memory

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// Bounds of a filter.
const (
	maxConditions = 32   // fields of one filter
	maxChoices    = 1000 // values of an "in"
	maxFieldBytes = 256  // of a field's name
	maxFieldParts = 16   // of a field's name, between its points
	maxCompound   = 32   // values of an "in" that are lists or objects, which are looked for one by one
)

// filter is what a memory's metadata must say: all conditions hold.
type filter []condition

// condition is what one field must be. A field that holds a list holds each of its items.
type condition struct {
	field string // its name, with points before those inside it
	tests []test
}

type test struct {
	op    string
	value any // of "in" and "nin" choices
}

// choices are the values of an "in". Scalars are found at once, however many there are: a filter is asked about every item of every memory's
// lists, while nobody can write.
type choices struct {
	scalars  map[any]bool
	compound []any
}

func (c *choices) have(v any) bool {
	switch v.(type) {
	case []any, map[string]any:
		return slices.ContainsFunc(c.compound, func(w any) bool { return same(v, w) })
	}
	return c.scalars[v]
}

// choicesOf reads them; nil when too many are no scalars.
func choicesOf(list []any) *choices {
	c := &choices{scalars: make(map[any]bool, len(list))}
	for _, v := range list {
		switch v := v.(type) {
		case nil, bool, float64, string:
			c.scalars[v] = true
		default:
			c.compound = append(c.compound, v)
		}
	}
	if len(c.compound) > maxCompound {
		return nil
	}
	return c
}

// operators are what a condition can ask besides equality.
var operators = []string{"eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "exists", "prefix"}

// compileFilter reads a filter: {"field":value} for equality, {"field":{"gte":1,"lt":9}} for more; "a.b" is the field b of a.
func compileFilter(f Fields) (filter, error) {
	if len(f) > maxConditions {
		return nil, fault.New(fault.TooLarge, "the filter has %d fields; at most %d are allowed", len(f), maxConditions).
			With("field", "filter").With("limit", maxConditions)
	}
	list := make(filter, 0, len(f))
	for name, want := range f {
		if len(name) > maxFieldBytes {
			return nil, fault.New(fault.TooLarge, "a name in the filter has %d bytes; at most %d are allowed", len(name), maxFieldBytes).
				With("field", "filter").With("limit", maxFieldBytes)
		}
		if strings.Count(name, ".") >= maxFieldParts {
			return nil, fault.New(fault.TooLarge, "a name in the filter has more than %d parts", maxFieldParts).With("field", "filter").With("limit", maxFieldParts)
		}
		c := condition{field: name}
		asked, several := want.(map[string]any)
		if !several {
			c.tests = []test{{"eq", plain(want)}}
		}
		for op, v := range asked {
			op = strings.TrimPrefix(op, "$")
			t := test{op, plain(v)}
			if err := t.check(name); err != nil {
				return nil, err
			}
			c.tests = append(c.tests, t)
		}
		list = append(list, c)
	}
	return list, nil
}

// check refuses a test that cannot be meant.
func (t *test) check(field string) error {
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Invalid, `"filter", field %q: `+format, append([]any{clip(field, 80)}, args...)...).With("field", "filter")
	}
	if !slices.Contains(operators, t.op) {
		if near := command.Nearest(t.op, operators); near != "" {
			return wrong("there is no condition %q; did you mean %q?", clip(t.op, 80), near)
		}
		return wrong("there is no condition %q; there are %s", clip(t.op, 80), strings.Join(operators, ", "))
	}
	switch v := t.value.(type) {
	case []any:
		if t.op == "in" || t.op == "nin" {
			if len(v) > maxChoices {
				return wrong("%q has %d values; at most %d are allowed", t.op, len(v), maxChoices)
			}
			c := choicesOf(v)
			if c == nil {
				return wrong("%q has more than %d values that are lists or objects", t.op, maxCompound)
			}
			t.value = c
			return nil
		}
		if t.op != "eq" && t.op != "ne" {
			return wrong("%q takes one value, not a list", t.op)
		}
	case bool:
		if slices.Contains([]string{"gt", "gte", "lt", "lte"}, t.op) {
			return wrong("%q takes a number or a text", t.op)
		}
	case nil, map[string]any:
		if t.op != "eq" && t.op != "ne" {
			return wrong("%q cannot take that value", t.op)
		}
	}
	switch t.op {
	case "in", "nin":
		return wrong("%q takes a list of values", t.op)
	case "exists":
		if _, ok := t.value.(bool); !ok {
			return wrong(`"exists" takes true or false`)
		}
	case "prefix":
		if _, ok := t.value.(string); !ok {
			return wrong(`"prefix" takes a text`)
		}
	}
	return nil
}

// plain makes a number of whatever kind of number a decoder has made.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32:
		f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
		if err != nil {
			return v
		}
		return f
	case Fields:
		return plain(map[string]any(v))
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k := range v {
			m[k] = plain(v[k])
		}
		return m
	}
	return v
}

// matches reports whether the metadata says all that.
func (f filter) matches(m *metadata) bool {
	for i := range f {
		var found any
		there := false
		if m != nil {
			found, there = reach(m.fields, f[i].field)
			found = plain(found)
		}
		for _, t := range f[i].tests {
			if !t.holds(found, there) {
				return false
			}
		}
	}
	return true
}

// reach finds the field; its name may have points in it, and so may those inside.
func reach(in any, field string) (v any, there bool) {
	m, ok := in.(map[string]any)
	if !ok {
		return nil, false
	}
	for end := len(field); end >= 0; end = strings.LastIndexByte(field[:end], '.') {
		inner, ok := m[field[:end]]
		if !ok {
			continue
		}
		if end == len(field) {
			return inner, true
		}
		if v, ok := reach(inner, field[end+1:]); ok {
			return v, true
		}
	}
	return nil, false
}

func (t *test) holds(found any, there bool) bool {
	switch t.op {
	case "exists":
		return there == t.value.(bool)
	case "ne":
		return !there || !holds("eq", found, t.value)
	case "nin":
		return !there || !holds("in", found, t.value)
	}
	return there && holds(t.op, found, t.value)
}

// holds compares a value, or any of a list, with what is wanted.
func holds(op string, have, want any) bool {
	if list, ok := have.([]any); ok {
		if op == "eq" && same(have, want) {
			return true
		}
		return slices.ContainsFunc(list, func(v any) bool { return holds(op, v, want) })
	}
	switch op {
	case "eq":
		return same(have, want)
	case "in":
		return want.(*choices).have(have)
	case "prefix":
		s, ok := have.(string)
		return ok && strings.HasPrefix(s, want.(string))
	}
	c, ok := compare(have, want)
	if !ok {
		return false
	}
	switch op {
	case "gt":
		return c > 0
	case "gte":
		return c >= 0
	case "lt":
		return c < 0
	}
	return c <= 0
}

// compare orders numbers and texts; ok is false for what has no order.
func compare(a, b any) (c int, ok bool) {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		switch {
		case a < b:
			return -1, ok
		case a > b:
			return 1, ok
		}
		return 0, ok
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	}
	return 0, false
}

// same reports whether two plain values are equal.
func same(a, b any) bool {
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, same)
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k := range x {
			v, there := y[k]
			if !there || !same(x[k], v) {
				return false
			}
		}
		return true
	}
	return a == b
}
