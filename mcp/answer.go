package mcp

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/fault"
)

// The longest answer of a tool. Tools page by themselves; what is still too long is asked for again in a smaller page, or has its long
// values cut (fit.go), and only what cannot be made shorter is replaced by an error that says how to ask for less.
const (
	maxAnswerBytes  = 32 << 10
	maxAnswerTokens = 7_600 // as weigh counts, which is 8,000 at most
)

// tooLong reports whether an answer is longer than any may be. A token has a byte at least.
func tooLong(answer []byte) bool {
	return len(answer) > maxAnswerTokens && (len(answer) > maxAnswerBytes || weigh(answer) > maxAnswerTokens)
}

// present turns a response into what a model gets: compact JSON without nulls.
func (t *tool) present(resp any) (json.RawMessage, error) {
	text, err := encode(resp)
	if err != nil {
		return nil, fault.From(err)
	}
	if bytes.Contains(text, []byte("null")) {
		text = withoutNulls(text, t.answer)
	}
	return text, nil
}

// refuse says how to ask for less, in terms of the tool's own arguments.
func (t *tool) refuse(size int) error {
	err := fault.New(fault.TooLarge, "the answer has %d bytes; a tool answers with at most %d, or about 8,000 tokens", size, maxAnswerBytes)
	if !t.command.ReadOnly() {
		err = fault.New(fault.TooLarge, "the call was carried out, but its answer has %d bytes; a tool answers with at most %d, or about 8,000 tokens",
			size, maxAnswerBytes)
	}
	if less := t.narrowing(); len(less) > 0 {
		err = err.With("narrow", less)
	}
	return err.With("limit", maxAnswerBytes)
}

// narrowing names the arguments that make an answer shorter: fewer list entries, a smaller number of results, a
// place to go on from.
func (t *tool) narrowing() []string {
	var names []string
	for _, a := range t.args {
		paging := []string{"limit", "cursor", "offset", "prefix", "payload"}
		if a.schema.Type == "array" || slices.Contains(paging, a.name) || strings.HasPrefix(a.name, "max_") {
			names = append(names, a.name)
		}
	}
	return names
}

// withoutNulls drops the members that are null where the schema does not allow null, and makes a required list
// that is null an empty one. Null inside a stored value is that value, and stays. The order of members is kept.
func withoutNulls(raw json.RawMessage, s *jsonschema.Schema) json.RawMessage {
	if s == nil || !bytes.Contains(raw, []byte("null")) {
		return raw
	}
	switch kindOf(raw) {
	case "object":
		return objectWithoutNulls(raw, s)
	case "array":
		return arrayWithoutNulls(raw, s)
	}
	return raw
}

func objectWithoutNulls(raw json.RawMessage, s *jsonschema.Schema) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return raw
	}
	out := []byte("{")
	for dec.More() {
		key, err := dec.Token()
		var v json.RawMessage
		if err != nil || dec.Decode(&v) != nil {
			return raw
		}
		name, _ := key.(string)
		member := s.Properties[name]
		if member == nil && s.AdditionalProperties != nil {
			member = s.AdditionalProperties
		}
		if string(v) == "null" && forbidsNull(member) {
			if !slices.Contains(s.Required, name) || member.Type != "array" {
				continue
			}
			v = json.RawMessage("[]")
		}
		quoted, err := encode(name)
		if err != nil {
			return raw
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, quoted...), ':')
		out = append(out, withoutNulls(v, member)...)
	}
	return append(out, '}')
}

func arrayWithoutNulls(raw json.RawMessage, s *jsonschema.Schema) json.RawMessage {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return raw
	}
	out := []byte("[")
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, withoutNulls(item, s.Items)...)
	}
	return append(out, ']')
}

// forbidsNull reports whether a null cannot be meant: the schema has a type, and it is another one.
func forbidsNull(s *jsonschema.Schema) bool {
	if s == nil || (s.Type == "" && s.Types == nil) {
		return false
	}
	return s.Type != "null" && !slices.Contains(s.Types, "null")
}
