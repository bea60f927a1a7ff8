package collection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// Limits of a filter.
const (
	MaxConditions  = 256 // in all
	MaxFilterDepth = 8
	MaxMatches     = 1000 // values of one any, and ids
)

// Filter says which points are meant: those for which all of Must are so, at least one of Should if there is any, and
// none of MustNot. The zero Filter means every point.
type Filter struct {
	Must    []Condition `json:"must,omitempty"`
	Should  []Condition `json:"should,omitempty"`
	MustNot []Condition `json:"must_not,omitempty"`
}

// Condition is about one payload field, and says one thing of it; or it is about ids, or a filter of its own. A field
// that holds several values, in an array or in objects of an array, is as wanted when one of them is.
type Condition struct {
	Key string `json:"key,omitempty"`

	Match  value.Value   `json:"match,omitzero"`
	Any    []value.Value `json:"any,omitempty"`
	Range  *Range        `json:"range,omitempty"`
	Prefix *string       `json:"prefix,omitempty"`
	Exists *bool         `json:"exists,omitempty"`
	Geo    *Circle       `json:"geo,omitempty"`
	Nested *Filter       `json:"nested,omitempty"`

	IDs    []ID    `json:"ids,omitempty"`
	Filter *Filter `json:"filter,omitempty"`
}

// Range is numbers between bounds, of which any may be absent.
type Range struct {
	GT  *float64 `json:"gt,omitempty"`
	GTE *float64 `json:"gte,omitempty"`
	LT  *float64 `json:"lt,omitempty"`
	LTE *float64 `json:"lte,omitempty"`
}

// Circle is all places near one.
type Circle struct {
	Lat     float64 `json:"lat"`
	Lon     float64 `json:"lon"`
	RadiusM float64 `json:"radius_m"`
}

// filterFields are what a filter can have.
var filterFields = []string{"must", "should", "must_not"}

// UnmarshalJSON is strict, and shows a condition to whoever wrote a field of the payload where the lists belong: filters of memories are
// written so.
func (f *Filter) UnmarshalJSON(raw []byte) error {
	var names map[string]json.RawMessage
	if json.Unmarshal(raw, &names) == nil {
		for name := range names {
			if !slices.Contains(filterFields, name) {
				return fault.New(fault.Invalid, "there is no field %q in a filter; it has %s, lists of conditions such as "+
					`{"key":"year","range":{"gte":2015}} or {"key":"lang","match":"en"}`, clip(name), strings.Join(filterFields, ", ")).With("field", clip(name))
			}
		}
	}
	type plain Filter
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode((*plain)(f))
}

// conditionFields are what a condition can have.
var conditionFields = []string{"key", "match", "any", "range", "prefix", "exists", "geo", "nested", "ids", "filter"}

// UnmarshalJSON is strict, and says what a condition can have: nobody else knows.
func (c *Condition) UnmarshalJSON(raw []byte) error {
	var names map[string]json.RawMessage
	if json.Unmarshal(raw, &names) == nil {
		for name := range names {
			if !slices.Contains(conditionFields, name) {
				return fault.New(fault.Invalid, "there is no field %q in a condition of a filter; the fields are %s",
					clip(name), strings.Join(conditionFields, ", ")).With("field", clip(name))
			}
		}
	}
	type plain Condition
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode((*plain)(c))
}

// IsZero reports whether the filter says nothing.
func (f *Filter) IsZero() bool {
	return f == nil || len(f.Must)+len(f.Should)+len(f.MustNot) == 0
}

// JSONSchema describes a filter. It contains itself, which a schema says no further than once.
func (Filter) JSONSchema() *jsonschema.Schema {
	number := func() *jsonschema.Schema { return &jsonschema.Schema{Type: "number"} }
	anything := func() *jsonschema.Schema { return &jsonschema.Schema{Types: []string{"string", "number", "boolean"}} }
	condition := &jsonschema.Schema{
		Type: "object",
		Properties: map[string]*jsonschema.Schema{
			"key":    {Type: "string", Description: "the payload field, with dots into objects: user.city"},
			"match":  {Types: []string{"string", "number", "boolean"}, Description: "a value of the field is this"},
			"any":    {Type: "array", Items: anything(), Description: "a value of the field is one of these"},
			"range":  {Type: "object", Properties: map[string]*jsonschema.Schema{"gt": number(), "gte": number(), "lt": number(), "lte": number()}, Description: "a number of the field is between these"},
			"prefix": {Type: "string", Description: "a text of the field begins so"},
			"exists": {Type: "boolean", Description: "whether the field has a value that is not null"},
			"geo": {Type: "object", Properties: map[string]*jsonschema.Schema{"lat": number(), "lon": number(), "radius_m": number()},
				Required: []string{"lat", "lon", "radius_m"}, Description: `a place of the field, {"lat":…,"lon":…}, is so near`},
			"nested": {Type: "object", Description: "an object of the field, taken alone, is as this filter says"},
			"ids":    {Type: "array", Items: ID{}.JSONSchema(), Description: "without key: the point's id is one of these"},
			"filter": {Type: "object", Description: "without key: a filter within the filter"},
		},
	}
	list := func(text string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "array", Items: condition, Description: text}
	}
	return &jsonschema.Schema{
		Type: "object",
		Properties: map[string]*jsonschema.Schema{
			"must": list("all of these are so"), "should": list("at least one of these is so"), "must_not": list("none of these is so"),
		},
	}
}

// Check refuses what cannot be a filter.
func (f *Filter) Check() error {
	left := MaxConditions
	return f.check("filter", 1, &left)
}

func (f *Filter) check(where string, depth int, left *int) error {
	if f == nil {
		return nil
	}
	if depth > MaxFilterDepth {
		return fault.New(fault.TooLarge, "%s: filters nest more than %d deep", where, MaxFilterDepth).With("limit", MaxFilterDepth)
	}
	for _, list := range []struct {
		name string
		all  []Condition
	}{{"must", f.Must}, {"should", f.Should}, {"must_not", f.MustNot}} {
		for i := range list.all {
			if *left--; *left < 0 {
				return fault.New(fault.TooLarge, "%s has more than %d conditions", where, MaxConditions).With("limit", MaxConditions)
			}
			if err := list.all[i].check(fmt.Sprintf("%s.%s[%d]", where, list.name, i), depth, left); err != nil {
				return err
			}
		}
	}
	return nil
}

// check refuses a condition that says nothing, or several things, or something that cannot be.
func (c *Condition) check(where string, depth int, left *int) error {
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "%s: %s", where, fmt.Sprintf(format, args...)).With("field", where)
	}
	said := c.says()
	if len(said) != 1 {
		return wrong("a condition says exactly one of match, any, range, prefix, exists, geo, nested, ids and filter; this one says %d of them", len(said))
	}
	ofKey := said[0] != "ids" && said[0] != "filter"
	switch {
	case ofKey && c.Key == "":
		return wrong(`"key" is required with %q: the payload field`, said[0])
	case !ofKey && c.Key != "":
		return wrong(`"key" does not go with %q`, said[0])
	case len(c.Any) > MaxMatches || len(c.IDs) > MaxMatches:
		return fault.New(fault.TooLarge, "%s: more than %d values", where, MaxMatches).With("limit", MaxMatches)
	}
	if ofKey {
		if err := checkPath(c.Key); err != nil {
			return wrong("%s", fault.From(err).Message)
		}
	}
	return c.checkOperand(where, depth, left, wrong)
}

func (c *Condition) checkOperand(where string, depth int, left *int, wrong func(string, ...any) error) error {
	for _, v := range append([]value.Value{c.Match}, c.Any...) {
		if _, ok := scalarOf(v); !ok && !v.IsZero() {
			return wrong("a text, a number, true or false is wanted, not %s", clip(v.Data()))
		}
	}
	if r := c.Range; r != nil {
		if r.GT == nil && r.GTE == nil && r.LT == nil && r.LTE == nil {
			return wrong("the range has no bound: give gt, gte, lt or lte")
		}
		if (r.GT != nil && r.GTE != nil) || (r.LT != nil && r.LTE != nil) {
			return wrong("the range has two bounds on one side")
		}
	}
	if g := c.Geo; g != nil {
		if !(place{g.Lat, g.Lon}).possible() || !(g.RadiusM > 0) || math.IsInf(g.RadiusM, 0) {
			return wrong("lat is from -90 to 90, lon from -180 to 180, and radius_m more than 0; given were %v, %v and %v", g.Lat, g.Lon, g.RadiusM)
		}
	}
	if c.Nested != nil {
		return c.Nested.check(where+".nested", depth+1, left)
	}
	return c.Filter.check(where+".filter", depth+1, left)
}

// says lists what the condition says.
func (c *Condition) says() (said []string) {
	for _, s := range []struct {
		name string
		said bool
	}{
		{"match", !c.Match.IsZero()},
		{"any", c.Any != nil},
		{"range", c.Range != nil},
		{"prefix", c.Prefix != nil},
		{"exists", c.Exists != nil},
		{"geo", c.Geo != nil},
		{"nested", c.Nested != nil},
		{"ids", c.IDs != nil},
		{"filter", c.Filter != nil},
	} {
		if s.said {
			said = append(said, s.name)
		}
	}
	return said
}

// scalar is a text, a number or a truth value. Scalars compare with ==; numbers do as float64.
type scalar struct {
	kind   byte // 's', 'n' or 'b'
	text   string
	number float64 // of a truth value 1 or 0
}

// scalarOf reads an operand; false when it is none.
func scalarOf(v value.Value) (scalar, bool) {
	switch v.Kind() {
	case value.Text:
		return scalar{kind: 's', text: v.Data()}, true
	case value.JSON:
		switch d := v.Data(); {
		case d == "true":
			return scalar{kind: 'b', number: 1}, true
		case d == "false":
			return scalar{kind: 'b'}, true
		case d != "" && (d[0] == '-' || (d[0] >= '0' && d[0] <= '9')):
			n, err := parseNumber(d)
			return scalar{kind: 'n', number: n}, err == nil
		}
	}
	return scalar{}, false
}
