package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// argument is one field of a command's request as the command line gives it: by place or as a flag. It is a
// pflag.Value. What it says about the field comes from the request's schema, and from its type only where the
// schema cannot tell.
type argument struct {
	name   string // of the field
	schema *jsonschema.Schema
	goType reflect.Type
	span   span     // whether it is a span of time, and in what it counts
	texts  []string // as given; only a list has several
}

// newArguments returns the request's fields in the order in which they are declared.
func newArguments(t reflect.Type, schema *jsonschema.Schema) []*argument {
	var all []*argument
	for _, sf := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if s := schema.Properties[name]; name != "" && s != nil {
			all = append(all, &argument{name: name, schema: s, goType: sf.Type, span: spanOf(name, schema)})
		}
	}
	return all
}

// String implements pflag.Value: the default, for the help text.
func (a *argument) String() string {
	if a.schema == nil || a.schema.Default == nil {
		return ""
	}
	if n, err := strconv.ParseInt(string(a.schema.Default), 10, 64); err == nil && a.span.is() {
		return (time.Duration(n) * a.span.unit).String()
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
	if _, err := a.encodeText(text, a.schema); err != nil {
		return fault.New(fault.Invalid, "%s: %s", a.name, fault.From(err).Message)
	}
	return nil
}

// Type implements pflag.Value: what the help text calls it.
func (a *argument) Type() string {
	switch {
	case a.isValue():
		return "value"
	case a.list():
		return strings.TrimSuffix(a.name, "s")
	case a.span.is():
		return "duration"
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
	if a.schema.Format == "password" {
		text += "; - reads it from standard input and @name from a file, where nobody else sees it"
	}
	if choice := choices(a.schema); choice != nil {
		text += ": " + strings.Join(choice, ", ")
	}
	return text
}

// completion tells the shell what the field may be; nil leaves that to the shell.
func (a *argument) completion() cobra.CompletionFunc {
	values := choices(a.schema)
	switch {
	case a.isValue():
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault // perhaps a file
		}
	case values != nil:
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	case a.span.is():
		return a.span.complete
	}
	return nil
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

// field is the field that takes what was given: its own, unless that is a time too fine for it.
func (a *argument) field() string {
	if a.span.fine != "" {
		if _, fine, err := a.span.parse(a.texts[len(a.texts)-1]); fine && err == nil {
			return a.span.fine
		}
	}
	return a.name
}

// encode returns the field's JSON.
func (a *argument) encode(in *input) (json.RawMessage, error) {
	if !a.list() {
		return a.encodeOne(in, a.texts[len(a.texts)-1], a.schema, a.goType)
	}
	items := []json.RawMessage{}
	for _, text := range a.texts {
		for _, one := range a.spread(text) {
			item, err := a.encodeOne(in, one, a.schema.Items, a.goType.Elem())
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
	}
	return encodeJSON(items)
}

// spread returns the elements that a text gives to a list: the text itself, or those of the JSON array that it is, where no element
// can be meant by that.
func (a *argument) spread(text string) []string {
	kind := kindOf(a.schema.Items)
	var many []json.RawMessage
	if a.isValue() || !strings.HasPrefix(text, "[") || (kind != "object" && kind != "number" && kind != "integer") || json.Unmarshal([]byte(text), &many) != nil {
		return []string{text}
	}
	all := make([]string, len(many))
	for i, one := range many {
		all[i] = string(one)
	}
	return all
}

func (a *argument) encodeOne(in *input, text string, s *jsonschema.Schema, t reflect.Type) (json.RawMessage, error) {
	raw, err := json.RawMessage(nil), error(nil)
	switch {
	case t == reflect.TypeFor[value.Value]():
		raw, err = in.value(text, kindOf(s) != "string")
	case s.Format == "password":
		raw, err = in.password(text)
	case t.Kind() == reflect.Struct && kindOf(s) == "object":
		raw, err = in.object(text, s, t)
	default:
		raw, err = a.encodeText(text, s)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s: %s", a.name, fault.From(err).Message)
	}
	return raw, nil
}

// encodeText turns a text into JSON of the field's type, or, of a list, of an element's.
func (a *argument) encodeText(text string, s *jsonschema.Schema) (json.RawMessage, error) {
	if a.span.is() {
		return a.span.encode(text)
	}
	if isTime(a.name) && kindOf(s) == "integer" {
		if at, err := time.Parse(time.RFC3339, text); err == nil { // as tables show it
			return strconv.AppendInt(nil, at.UnixMilli(), 10), nil
		}
	}
	return encodeText(text, s)
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
