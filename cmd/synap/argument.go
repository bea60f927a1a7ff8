package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// maxInputBytes bounds what is read for one value from a file or standard input.
const maxInputBytes = 512 << 20

// argument is one field of a command's request as the command line gives it: by place or as a flag. It is a
// pflag.Value. What it says about the field comes from the request's schema, and from its type only where the
// schema cannot tell.
type argument struct {
	name   string // of the field
	schema *jsonschema.Schema
	goType reflect.Type
	texts  []string // as given; only a list has several
}

// newArguments returns the request's fields in the order in which they are declared.
func newArguments(t reflect.Type, schema *jsonschema.Schema) []*argument {
	var all []*argument
	for _, sf := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if s := schema.Properties[name]; name != "" && s != nil {
			all = append(all, &argument{name: name, schema: s, goType: sf.Type})
		}
	}
	return all
}

// String implements pflag.Value: the default, for the help text.
func (a *argument) String() string {
	if a.schema == nil || a.schema.Default == nil {
		return ""
	}
	return strings.Trim(string(a.schema.Default), `"`)
}

// Set implements pflag.Value. What needs no more than the text is checked here.
func (a *argument) Set(text string) error {
	if len(a.texts) > 0 && !a.list() {
		a.texts = nil
	}
	a.texts = append(a.texts, text)
	if a.isValue() || a.list() {
		return nil
	}
	_, err := encodeText(text, a.schema)
	return err
}

// Type implements pflag.Value: what the help text calls it.
func (a *argument) Type() string {
	switch {
	case a.isValue():
		return "value"
	case a.list():
		return strings.TrimSuffix(a.name, "s")
	case kindOf(a.schema) == "boolean":
		return "bool" // as pflag calls it, which needs no value then
	}
	return kindOf(a.schema)
}

func (a *argument) list() bool { return kindOf(a.schema) == "array" }

// isValue reports whether the argument, or each of its texts, is a value as a key holds one.
func (a *argument) isValue() bool {
	t := a.goType
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t == reflect.TypeFor[value.Value]()
}

// usage describes the field, with what it may be.
func (a *argument) usage() string {
	text := strings.ReplaceAll(a.schema.Description, "`", "'")
	if choice := choices(a.schema); choice != nil {
		text += ": " + strings.Join(choice, ", ")
	}
	return text
}

// choices returns the allowed values of a field that lists them.
func choices(s *jsonschema.Schema) []string {
	if s.Items != nil {
		s = s.Items
	}
	var all []string
	for _, e := range s.Enum {
		all = append(all, fmt.Sprint(e))
	}
	return all
}

// kindOf is the JSON type that a text is turned into.
func kindOf(s *jsonschema.Schema) string {
	switch {
	case s.Type != "":
		return s.Type
	case slices.Contains(s.Types, "string"):
		return "string"
	case slices.Contains(s.Types, "number"):
		return "number"
	}
	for _, t := range s.Types {
		if t != "null" {
			return t
		}
	}
	return "json"
}

// encode returns the field's JSON.
func (a *argument) encode(in *input) (json.RawMessage, error) {
	if !a.list() {
		return a.encodeOne(in, a.texts[len(a.texts)-1], a.schema, a.goType)
	}
	items := make([]json.RawMessage, len(a.texts))
	for i, text := range a.texts {
		var err error
		if items[i], err = a.encodeOne(in, text, a.schema.Items, a.goType.Elem()); err != nil {
			return nil, err
		}
	}
	return encodeJSON(items)
}

func (a *argument) encodeOne(in *input, text string, s *jsonschema.Schema, t reflect.Type) (json.RawMessage, error) {
	raw, err := json.RawMessage(nil), error(nil)
	switch {
	case t == reflect.TypeFor[value.Value]():
		raw, err = in.value(text, kindOf(s) != "string")
	case t.Kind() == reflect.Struct && kindOf(s) == "object":
		raw, err = in.object(text, s, t)
	default:
		raw, err = encodeText(text, s)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s: %s", a.name, fault.From(err).Message)
	}
	return raw, nil
}

// encodeText turns a text into JSON of the schema's type.
func encodeText(text string, s *jsonschema.Schema) (json.RawMessage, error) {
	ok := true
	switch kindOf(s) {
	case "string":
		return encodeJSON(text)
	case "boolean":
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fault.New(fault.Invalid, "%q is not true or false", text)
		}
		return strconv.AppendBool(nil, b), nil
	case "integer":
		_, signed := strconv.ParseInt(text, 10, 64)
		_, unsigned := strconv.ParseUint(text, 10, 64)
		ok = signed == nil || unsigned == nil
		text = strings.TrimPrefix(text, "+")
	}
	if !ok || !json.Valid([]byte(text)) || (kindOf(s) == "number" && !isNumber(text)) {
		return nil, fault.New(fault.Invalid, "%q is not %s", text, article(kindOf(s)))
	}
	return json.RawMessage(text), nil
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

func article(kind string) string {
	switch kind {
	case "integer", "array", "object":
		return "an " + kind
	case "json":
		return "JSON"
	}
	return "a " + kind
}

// input is where values come from that are not on the command line itself.
type input struct {
	stdin  io.Reader
	asJSON bool // values are JSON, not text
	used   bool // standard input was read
}

// value returns the JSON of a value: the text itself, the file it names with @, or standard input for "-".
func (in *input) value(text string, onlyJSON bool) (json.RawMessage, error) {
	data, err := in.read(text)
	if err != nil {
		return nil, err
	}
	v := value.OfText(string(data)) // bytes, if it is no text
	if in.asJSON || onlyJSON {
		if v, err = value.OfJSON(bytes.TrimSpace(data)); err != nil {
			return nil, fault.New(fault.Invalid, "%q is not valid JSON", clip(string(data)))
		}
	}
	return encodeJSON(v)
}

// read returns the bytes that a text stands for. "@@" stands for an @ at the beginning.
func (in *input) read(text string) ([]byte, error) {
	switch {
	case text == "-" && in.used:
		return nil, fault.New(fault.Invalid, "standard input can be read only once")
	case text == "-":
		in.used = true
		return readAll(in.stdin)
	case strings.HasPrefix(text, "@@"):
		return []byte(text[1:]), nil
	case strings.HasPrefix(text, "@"):
		f, err := os.Open(filepath.Clean(text[1:]))
		if err != nil {
			return nil, fault.New(fault.Invalid, "%v", err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		return readAll(f)
	}
	return []byte(text), nil
}

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInputBytes+1))
	switch {
	case err != nil:
		return nil, fault.New(fault.Invalid, "%v", err)
	case len(data) > maxInputBytes:
		return nil, fault.New(fault.TooLarge, "the input is longer than %d bytes", maxInputBytes)
	}
	return data, nil
}

// object returns an object: as JSON, or, of one that needs two fields, as first=second.
func (in *input) object(text string, s *jsonschema.Schema, t reflect.Type) (json.RawMessage, error) {
	fields := slices.DeleteFunc(newArguments(t, s), func(f *argument) bool { return !slices.Contains(s.Required, f.name) })
	first, second, pair := strings.Cut(text, "=")
	if len(fields) != 2 || !pair || strings.HasPrefix(strings.TrimSpace(text), "{") {
		if !json.Valid([]byte(text)) {
			return nil, fault.New(fault.Invalid, "%q is not a JSON object", clip(text))
		}
		return json.RawMessage(text), nil
	}
	object := map[string]json.RawMessage{}
	for i, part := range []string{first, second} {
		raw, err := fields[i].encodeOne(in, part, fields[i].schema, fields[i].goType)
		if err != nil {
			return nil, err
		}
		object[fields[i].name] = raw
	}
	return encodeJSON(object)
}

// encodeJSON writes JSON as it is, without escaping what only HTML minds.
func encodeJSON(v any) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err
}

// clip shortens what was given before it is repeated in an error.
func clip(s string) string {
	const most = 80
	if len(s) <= most && utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s[:min(len(s), most)], "") + "…"
}
