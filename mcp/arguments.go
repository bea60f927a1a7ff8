package mcp

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// arguments are what a model gave, each once. There are few: a list is searched faster than a map is made.
type arguments []given

// given is what a model gave for one argument, in the shape that the schema asks for.
type given struct {
	*argument
	spelling string // as the model wrote its name
	value    json.RawMessage
}

// get is what was given for an argument; nil is nothing.
func (all arguments) get(a *argument) *given {
	for i := range all {
		if all[i].argument == a {
			return &all[i]
		}
	}
	return nil
}

// read understands what a model gave. Known spellings and shapes are forgiven in silence; anything else that is
// not shown is an error that says what is, with the arguments as far as they were understood.
func (t *tool) read(raw json.RawMessage) (arguments, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if err := command.CheckJSON(raw); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fault.New(fault.Invalid, "the arguments are a JSON object, not %s", kindOf(raw))
	}
	args := make(arguments, 0, len(members))
	for _, spelling := range slices.Sorted(maps.Keys(members)) {
		a := t.find(spelling)
		if a == nil {
			return args, t.unknown(spelling)
		}
		if other := args.get(a); other != nil {
			return args, fault.New(fault.Invalid, "%q and %q mean the same: give %q only", other.spelling, spelling, a.name).
				With("argument", a.name)
		}
		if kindOf(members[spelling]) == "null" && !slices.Contains(a.schema.Types, "null") {
			continue // models say null for absent
		}
		args = append(args, given{a, spelling, forgive(members[spelling], a.schema)})
	}
	return args, nil
}

// unknown names the nearest argument, and all.
func (t *tool) unknown(spelling string) error {
	if len(t.args) == 0 {
		return fault.New(fault.Invalid, "there is no argument %q: %s takes none", clip(spelling, 80), t.name())
	}
	names := t.argumentNames()
	err := fault.New(fault.Invalid, "there is no argument %q", clip(spelling, 80))
	if near := command.Nearest(spelling, slices.Sorted(maps.Keys(t.byName))); near != "" {
		err = fault.New(fault.Invalid, "there is no argument %q; did you mean %q?", clip(spelling, 80), t.byName[near].name).
			With("nearest", t.byName[near].name)
	}
	return err.With("allowed", names)
}

func (t *tool) argumentNames() []string {
	names := make([]string, len(t.args))
	for i, a := range t.args {
		names[i] = a.name
	}
	return names
}

// request turns arguments into the command's request.
func (t *tool) request(args arguments) command.JSON {
	out := []byte("{")
	add := func(field string, raw json.RawMessage) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(strconv.AppendQuote(out, field), ':'), raw...) // a field's name is plain ASCII
	}
	for _, a := range t.args {
		if g := args.get(a); g != nil {
			add(a.field, a.bounded(g.value))
		}
	}
	for _, p := range t.presets {
		if !t.gives(args, p.field) {
			add(p.field, p.value)
		}
	}
	return append(out, '}')
}

// gives reports whether an argument gives the field.
func (t *tool) gives(args arguments, field string) bool {
	for _, g := range args {
		if g.field == field {
			return true
		}
	}
	return false
}

// bounded is a number, or the most that may be asked for: at most a thousand is at most twenty, too.
func (a *argument) bounded(raw json.RawMessage) json.RawMessage {
	var n float64
	if a.most == 0 || json.Unmarshal(raw, &n) != nil || n <= float64(a.most) {
		return raw
	}
	return json.RawMessage(strconv.Itoa(a.most))
}

// forgive turns a value into the shape that the schema asks for where there is only one way to mean it. What
// it cannot help it returns as it is: the command says what is wrong with it.
func forgive(raw json.RawMessage, s *jsonschema.Schema) json.RawMessage {
	raw = bytes.TrimSpace(raw)
	given := kindOf(raw)
	switch {
	case s.Type == "array" && given == "array":
		return forgiveAll(raw, s.Items)
	case s.Type == "array" && s.Items != nil:
		if item := forgive(raw, s.Items); accepts(s.Items, kindOf(item)) {
			return slices.Concat(json.RawMessage("["), item, json.RawMessage("]"))
		}
	case s.Type == "integer" && given == "number":
		return whole(raw)
	case accepts(s, given):
	case given == "string":
		return unquote(raw, s)
	case s.Type == "string" && (given == "number" || given == "boolean"):
		return strconv.AppendQuote(nil, string(raw))
	}
	return raw
}

func forgiveAll(raw json.RawMessage, s *jsonschema.Schema) json.RawMessage {
	var items []json.RawMessage
	if s == nil || json.Unmarshal(raw, &items) != nil {
		return raw
	}
	for i := range items {
		items[i] = forgive(items[i], s)
	}
	if text, err := encode(items); err == nil {
		return text
	}
	return raw
}

// unquote takes a number, a boolean or an object out of the string that it was given in.
func unquote(raw json.RawMessage, s *jsonschema.Schema) json.RawMessage {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return raw
	}
	inner := json.RawMessage(strings.TrimSpace(text))
	if !json.Valid(inner) {
		return raw
	}
	if kind := kindOf(inner); kind == "number" && s.Type == "integer" {
		return whole(inner)
	} else if accepts(s, kind) {
		return inner
	}
	return raw
}

// whole writes a number without a fraction, such as 5.0 or 1e3, as an integer.
func whole(raw json.RawMessage) json.RawMessage {
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 || !bytes.ContainsAny(raw, ".eE") {
		return raw
	}
	return strconv.AppendInt(nil, int64(f), 10)
}

// accepts reports whether a value of the kind can fit the schema.
func accepts(s *jsonschema.Schema, kind string) bool {
	if s.Type == "" && s.Types == nil {
		return true
	}
	if kind == "number" && (s.Type == "integer" || slices.Contains(s.Types, "integer")) {
		return true
	}
	return s.Type == kind || slices.Contains(s.Types, kind)
}

// kindOf names the JSON type of a value; every number is a "number".
func kindOf(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}
