package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"go/format"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/command"
)

// clientMaker writes the typed half of umicp/client: a method and its types for every command. The types are those of
// the table, with what they embed laid out flat, so that the client depends on no structure.
type clientMaker struct {
	body  bytes.Buffer
	names map[reflect.Type]string // of the types that were written or are about to be
	taken map[string]bool
	queue []reflect.Type
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	tensorSetter  = reflect.TypeFor[interface {
		SetTensor(dims []int, data []float32) error
	}]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
)

// clientSource returns umicp/client/commands.go.
func clientSource(table *command.Table) ([]byte, error) {
	m := &clientMaker{names: map[reflect.Type]string{}, taken: map[string]bool{}}
	for _, c := range table.Commands() {
		m.method(c)
	}
	for len(m.queue) > 0 {
		t := m.queue[0]
		m.queue = m.queue[1:]
		m.declare(t)
	}
	var b bytes.Buffer
	b.WriteString("package client\n\n// Code generated from the command table by `make generate`; DO NOT EDIT.\n\nimport (\n\t\"context\"\n")
	text := m.body.String()
	if strings.Contains(text, "json.RawMessage") {
		b.WriteString("\t\"encoding/json\"\n")
	}
	b.WriteString("\t\"iter\"\n")
	if strings.Contains(text, "time.Time") {
		b.WriteString("\t\"time\"\n")
	}
	b.WriteString("\n")
	for _, p := range []string{"core/journal", "core/value"} {
		if strings.Contains(text, path.Base(p)+".") {
			fmt.Fprintf(&b, "\t%q\n", module+p)
		}
	}
	b.WriteString(")\n\n// beside are the operations that may take a while: each call has a stream of its own.\nvar beside = map[string]bool{\n")
	for _, c := range table.Commands() {
		if c.MayWait() || c.Open || c.Kind == command.KindAct {
			fmt.Fprintf(&b, "%q: true,\n", c.Name)
		}
	}
	b.WriteString("}\n")
	b.WriteString(text)
	return format.Source(b.Bytes())
}

// camel is a command's or a type's name as Go has it.
func camel(name string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '.' || r == '_' || r == '[' || r == ']' || r == '/' || r == '*' }) {
		switch part {
		case "kv", "txn", "id", "ttl":
			b.WriteString(strings.ToUpper(part))
		default:
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}

// method writes the calls of one command.
func (m *clientMaker) method(c *command.Command) {
	name, request, response := camel(c.Name), m.root(c.Request, camel(c.Name)+"Request"), ""
	summary := strings.ToLower(c.Summary[:1]) + c.Summary[1:]
	p := func(format string, args ...any) { fmt.Fprintf(&m.body, format, args...) }
	if c.Kind == command.KindWatch {
		response = m.root(c.Response, camel(c.Name)+"Event")
		p("\n// %s is %s: %s\n", name, c.Name, summary)
		p("func (c *Client) %s(ctx context.Context, request *%s, opts ...Option) iter.Seq2[Event[%s], error] {\n", name, request, response)
		p("return WatchAs[%s](c.Watch(ctx, %q, request, opts...))\n}\n", response, c.Name)
		return
	}
	response = m.root(c.Response, camel(c.Name)+"Response")
	p("\n// %s is %s: %s\n", name, c.Name, summary)
	p("func (c *Client) %s(ctx context.Context, request *%s, opts ...Option) (*%s, error) {\n", name, request, response)
	p("response := new(%s)\nreturn response, c.Call(ctx, %q, request, response, opts...)\n}\n", response, c.Name)
	if c.Waits && c.Kind == command.KindWrite {
		p("\n// %sEach is %s again and again, as long as this side takes what it is given.\n", name, c.Name)
		p("func (c *Client) %sEach(ctx context.Context, request *%s, opts ...Option) iter.Seq2[*%s, error] {\n", name, request, response)
		p("return RepeatAs[%s](c.Repeat(ctx, %q, request, opts...))\n}\n", response, c.Name)
	}
}

// root names the type of a request, a response or an event.
func (m *clientMaker) root(t reflect.Type, name string) string {
	if known, ok := m.names[t]; ok {
		return known
	}
	return m.name(t, name)
}

func (m *clientMaker) name(t reflect.Type, name string) string {
	for m.taken[name] {
		name += "X"
	}
	m.taken[name] = true
	m.names[t] = name
	m.queue = append(m.queue, t)
	return name
}

// goType is how a field's type is written.
func (m *clientMaker) goType(t reflect.Type) string {
	switch t.String() {
	case "value.Value", "journal.Position", "journal.Durability", "json.RawMessage", "time.Time":
		return t.String()
	}
	pt := reflect.PointerTo(t)
	switch {
	case t.Kind() == reflect.Interface:
		return "any"
	case t.Kind() == reflect.Pointer:
		return "*" + m.goType(t.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Float32:
		return "[]float32" // whatever the structure calls it
	case t.Kind() == reflect.Struct && pt.Implements(tensorSetter):
		return "[][]float32"
	case t.Implements(jsonMarshaler), pt.Implements(jsonMarshaler), pt.Implements(jsonUnmarshaler):
		return "json.RawMessage"
	case t.Implements(textMarshaler), pt.Implements(textMarshaler):
		return "string"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "[]" + m.goType(t.Elem())
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return "json.RawMessage"
		}
		return "map[string]" + m.goType(t.Elem())
	case reflect.Struct:
		if known, ok := m.names[t]; ok {
			return known
		}
		if t.Name() == "" {
			return "json.RawMessage"
		}
		return m.name(t, camel(path.Base(t.PkgPath()))+camel(t.Name()))
	case reflect.Array, reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return "json.RawMessage"
	}
	return t.Kind().String()
}

// declare writes a struct as JSON sees it.
func (m *clientMaker) declare(t reflect.Type) {
	name := m.names[t]
	fmt.Fprintf(&m.body, "\n// %s is what the command table says of it; docs/commands.md describes it.\ntype %s struct {\n", name, name)
	var seen []string
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("json")
		key, options, _ := strings.Cut(tag, ",")
		if tag == "-" || !f.IsExported() || (f.Anonymous && key == "") {
			continue
		}
		if key == "" {
			key = f.Name
		}
		if slices.Contains(seen, key) {
			continue
		}
		seen = append(seen, key)
		if options != "" {
			key += "," + options
		}
		comment, _, _ := strings.Cut(f.Tag.Get("jsonschema"), "\n")
		fmt.Fprintf(&m.body, "%s %s `json:%q` // %s\n", f.Name, m.goType(f.Type), key, comment)
	}
	m.body.WriteString("}\n")
}
