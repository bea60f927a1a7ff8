package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/mcp"
)

// shownTool is a tool as clients are told of it.
type shownTool struct {
	Name, Title, Description string
	InputSchema              orderedSchema
	OutputSchema             orderedSchema
	Annotations              struct{ ReadOnlyHint, DestructiveHint, IdempotentHint bool }
}

// orderedSchema is a schema that knows in which order its properties, and those of its properties' entries, were written.
type orderedSchema struct{ *jsonschema.Schema }

// UnmarshalJSON implements json.Unmarshaler.
func (o *orderedSchema) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &o.Schema); err != nil {
		return err
	}
	return putInOrder(text, o.Schema)
}

func putInOrder(text json.RawMessage, s *jsonschema.Schema) error {
	var raw struct {
		Properties, Items json.RawMessage
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	if s.Items != nil {
		return putInOrder(raw.Items, s.Items)
	}
	if len(raw.Properties) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw.Properties))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var property json.RawMessage
		if err := dec.Decode(&property); err != nil {
			return err
		}
		s.PropertyOrder = append(s.PropertyOrder, name.(string))
		if err := putInOrder(property, s.Properties[name.(string)]); err != nil {
			return err
		}
	}
	return nil
}

// toolReference writes the tools for people, in the order in which models see them.
func toolReference(table *command.Table) ([]byte, error) {
	profiles := map[string][]string{} // by tool
	for _, profile := range []string{"core", "kv", "memory", "messaging", "readonly"} {
		tools, err := shownTools(table, profile)
		if err != nil {
			return nil, err
		}
		for _, t := range tools {
			profiles[t.Name] = append(profiles[t.Name], profile)
		}
	}
	tools, err := shownTools(table, "full")
	if err != nil {
		return nil, err
	}
	commands := map[string]string{} // by tool
	for _, c := range table.Commands() {
		if c.Tool != nil {
			commands[c.Tool.Name] = c.Name
		}
	}
	var b bytes.Buffer
	b.WriteString("# Tools for agents\n\nMade from the command table by `make generate`; do not edit. How to set them up is in [mcp.md](mcp.md); " +
		"[mcp-tools.json](mcp-tools.json) has the schemas as clients see them, and [commands.md](commands.md) the commands that the tools run.\n")
	for _, t := range tools {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n*%s · `%s` · in %s*\n", t.Name, t.Description, t.kind(), commands[t.Name],
			strings.Join(append(profiles[t.Name], "full"), ", "))
		argumentTable(&b, t.InputSchema.Schema)
		fmt.Fprintf(&b, "\nAnswers %s.\n", memberNames(t.OutputSchema.Schema))
	}
	return b.Bytes(), nil
}

func shownTools(table *command.Table, profile string) ([]shownTool, error) {
	text, err := mcp.ToolList(table, profile)
	if err != nil {
		return nil, err
	}
	var list struct{ Tools []shownTool }
	err = json.Unmarshal(text, &list)
	return list.Tools, err
}

// kind is what the annotations say.
func (t *shownTool) kind() string {
	switch {
	case t.Annotations.ReadOnlyHint:
		return "reads"
	case t.Annotations.DestructiveHint && t.Annotations.IdempotentHint:
		return "may replace or remove; repeating it changes nothing more"
	case t.Annotations.DestructiveHint:
		return "may replace or remove"
	case t.Annotations.IdempotentHint:
		return "changes data; repeating it changes nothing more"
	}
	return "changes data"
}

func argumentTable(b *bytes.Buffer, s *jsonschema.Schema) {
	if len(s.Properties) == 0 {
		return
	}
	b.WriteString("\n| argument | type | |\n| --- | --- | --- |\n")
	for _, name := range s.PropertyOrder {
		p := s.Properties[name]
		need := ""
		if slices.Contains(s.Required, name) {
			need = "**required** "
		}
		fmt.Fprintf(b, "| `%s` | %s | %s%s |\n", name, shownType(p), need, strings.TrimSpace(p.Description+bounds(p)))
	}
}

// shownType is typeOf for a schema in which alternatives are anyOf.
func shownType(p *jsonschema.Schema) string {
	if len(p.AnyOf) == 0 {
		return typeOf(p)
	}
	kinds := make([]string, len(p.AnyOf))
	for i, a := range p.AnyOf {
		kinds[i] = a.Type
	}
	return strings.Join(kinds, " or ")
}

// memberNames names what an answer has.
func memberNames(s *jsonschema.Schema) string {
	names := make([]string, 0, len(s.Properties))
	for _, name := range s.PropertyOrder {
		shown := "`" + name + "`"
		if p := s.Properties[name]; p.Type == "array" && p.Items != nil && len(p.Items.PropertyOrder) > 0 {
			shown += " of {" + strings.Join(p.Items.PropertyOrder, ", ") + "}"
		}
		names = append(names, shown)
	}
	return strings.Join(names, ", ")
}

// TestToolReferenceHasEveryTool holds the page against the table: every tool once, and what it takes.
func TestToolReferenceHasEveryTool(t *testing.T) {
	table := tableForTests(t)
	page, err := toolReference(table)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range table.Commands() {
		if c.Tool == nil {
			continue
		}
		if n := bytes.Count(page, []byte("\n## "+c.Tool.Name+"\n")); n != 1 {
			t.Errorf("%s is there %d times", c.Tool.Name, n)
		}
		for _, arg := range c.Tool.Args {
			name, _, _ := strings.Cut(arg, "=")
			if !bytes.Contains(page, []byte("| `"+name+"` |")) {
				t.Errorf("%s: %s is not there", c.Tool.Name, name)
			}
		}
	}
}
