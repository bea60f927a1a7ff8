package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
)

// tool is one command as a language model sees it. It is immutable.
type tool struct {
	command *command.Command
	decl    *command.Tool        // how it is shown
	args    []*argument          // in the order shown
	byName  map[string]*argument // by every spelling that is understood
	presets []preset
	quick   bool // a call may be answered without mcp-go

	answer *jsonschema.Schema // of what the tool returns
	input  json.RawMessage    // the schema of its arguments, as shown
	output json.RawMessage    // the answer's schema, as shown
}

// argument is one field of the command's request, as the tool shows it.
type argument struct {
	name   string // as shown
	field  string // as the request has it
	schema *jsonschema.Schema
	plain  bool // its name says enough to a model
	most   int  // a greater number is passed on as this; 0 is no bound
}

// plainName is the description of an argument in a declaration that needs none.
const plainName = "-"

// preset is the value of a field that the caller left out.
type preset struct {
	field string
	value json.RawMessage
}

func (t *tool) name() string { return t.decl.Name }

func newTool(c *command.Command, decl *command.Tool) (*tool, error) {
	t := &tool{command: c, decl: decl, byName: map[string]*argument{}, quick: decl.Ask == nil}
	fields := decl.Args
	if len(fields) == 0 {
		fields = c.RequestSchema().PropertyOrder
	}
	for _, shown := range fields {
		if err := t.show(shown); err != nil {
			return nil, err
		}
	}
	if err := t.understand(); err != nil {
		return nil, err
	}
	var err error
	for field, v := range t.decl.Defaults {
		p := preset{field: field}
		if p.value, err = json.Marshal(v); err != nil {
			return nil, fmt.Errorf("the preset of %q: %w", field, err)
		}
		t.presets = append(t.presets, p)
	}
	return t, nil
}

// write writes the schemas as they are shown; named puts the names that a model knows into what they say.
func (t *tool) write(named func(string) string) (err error) {
	in, out := t.inputSchema(), (*jsonschema.Schema)(nil)
	if out, err = answerSchema(t.command); err != nil {
		return err
	}
	t.answer = out.CloneSchemas()
	for _, s := range []*jsonschema.Schema{in, t.answer} {
		visit(s, func(s *jsonschema.Schema) { s.Description = named(s.Description) })
	}
	if t.input, err = encode(portable(in)); err != nil {
		return err
	}
	t.output, err = encode(portable(t.answer))
	return err
}

// show adds one argument: "field", or "name=field" to rename it.
func (t *tool) show(declared string) error {
	name, field, renamed := strings.Cut(declared, "=")
	if !renamed {
		field = name
	}
	s := t.command.RequestSchema().Properties[field]
	if s == nil {
		return fmt.Errorf("shows the field %q, which the request's schema does not have", field)
	}
	if t.byName[name] != nil {
		return fmt.Errorf("shows two arguments called %q", name)
	}
	s = s.CloneSchemas()
	a := &argument{name: name, field: field, schema: s, most: t.decl.Most[field]}
	if a.most > 0 {
		most := float64(a.most)
		s.Maximum = &most
	}
	switch doc := t.decl.Docs[name]; doc {
	case "":
	case plainName:
		a.plain = true
	default:
		s.Description = doc
	}
	t.args = append(t.args, a)
	t.byName[name] = a
	return nil
}

// understand adds the spellings that are known but not shown.
func (t *tool) understand() error {
	for spelling, name := range t.decl.Aliases {
		meant := t.byName[name]
		if i := slices.IndexFunc(t.args, func(a *argument) bool { return a.field == name }); meant == nil && i >= 0 {
			meant = t.args[i]
		}
		if meant == nil {
			return fmt.Errorf("has the alias %q for %q, which it does not show", spelling, name)
		}
		if other := t.byName[spelling]; other != nil && other != meant {
			return fmt.Errorf("has the alias %q, which is the name of another argument", spelling)
		}
		t.byName[spelling] = meant
	}
	for _, a := range t.args {
		if t.byName[a.field] == nil {
			t.byName[a.field] = a
		}
	}
	return nil
}

// find returns the argument that a spelling means, or nil. Case and underscores do not matter: ttlSeconds is
// ttl_seconds.
func (t *tool) find(spelling string) *argument {
	if a := t.byName[spelling]; a != nil {
		return a
	}
	for _, a := range t.args {
		if bare(a.name) == bare(spelling) {
			return a
		}
	}
	return nil
}

func bare(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}

// inputSchema is the request's schema, seen through the declaration.
func (t *tool) inputSchema() *jsonschema.Schema {
	s := &jsonschema.Schema{
		Type: "object", Properties: map[string]*jsonschema.Schema{},
		AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}, // written as false
	}
	for _, a := range t.args {
		i := slices.IndexFunc(t.presets, func(p preset) bool { return p.field == a.field })
		if i >= 0 {
			a.schema.Default = t.presets[i].value
		}
		if a.schema.Default == nil && slices.Contains(t.command.RequestSchema().Required, a.field) {
			s.Required = append(s.Required, a.name)
		}
		s.Properties[a.name] = a.shown()
		s.PropertyOrder = append(s.PropertyOrder, a.name)
	}
	return s
}

// shown is the argument's schema as far as a model needs it before it calls. What is left out it learns when it has gone too
// far, because errors quote all of it. Tokens are paid by every conversation, and errors by few.
func (a *argument) shown() *jsonschema.Schema {
	s := a.schema.CloneSchemas()
	if a.plain {
		s.Description = ""
	}
	s.MinLength, s.MaxLength = nil, nil
	if s.Minimum != nil && *s.Minimum == 0 {
		s.Minimum = nil
	}
	if s.Maximum != nil && *s.Maximum > largestShown {
		s.Maximum = nil
	}
	if s.MaxItems != nil && *s.MaxItems > mostItemsShown {
		s.MaxItems = nil
	}
	if len(s.Types) == len(anyJSON) && s.Types[0] == "string" {
		s.Types = anyJSON[:2] // the others are understood as well
	}
	return s
}

// Bounds beyond which nobody goes by mistake.
const (
	largestShown   = 100_000
	mostItemsShown = 100
)

// anyJSON are the types of a field that takes anything, and begins with the two that models use.
var anyJSON = [...]string{"string", "object", "array", "number", "boolean", "null"}

// answerSchema describes what the tool returns: the response, or what Collect makes of a watch's events.
func answerSchema(c *command.Command) (*jsonschema.Schema, error) {
	if c.Kind != command.KindWatch {
		return c.ResponseSchema(), nil
	}
	s, err := jsonschema.For[command.Events](&jsonschema.ForOptions{TypeSchemas: wireTypes})
	if err != nil {
		return nil, err
	}
	events := s.Properties["events"]
	events.Type, events.Types = "array", nil // never null
	events.Items.Properties["event"] = c.ResponseSchema().CloneSchemas()
	return s, nil
}

// portable returns the schema in the dialect that every client understands: one type each, alternatives as anyOf.
func portable(s *jsonschema.Schema) *jsonschema.Schema {
	s = s.CloneSchemas()
	visit(s, func(s *jsonschema.Schema) {
		for _, kind := range s.Types {
			s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Type: kind})
		}
		s.Types = nil
	})
	return s
}

// visit calls f for a schema and those inside it, as far as command tables make them.
func visit(s *jsonschema.Schema, f func(*jsonschema.Schema)) {
	if s == nil {
		return
	}
	f(s)
	visit(s.Items, f)
	visit(s.AdditionalProperties, f)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		visit(s.Properties[name], f)
	}
}

// encode writes a schema, or anything else, compactly and without escaping what only HTML minds.
func encode(v any) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// wireTypes are the types in command.Events whose JSON is not what their Go structure suggests.
var wireTypes = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[journal.Position](): {Type: "string"},
}
