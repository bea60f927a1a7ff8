package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/command"
	httpdoor "github.com/hivellm/synap-go/http"
	"github.com/hivellm/synap-go/mcp"
)

var update = flag.Bool("update", false, "rewrite the generated files")

// TestGeneratedFilesAreFresh compares what the command table makes with what is committed.
// `make generate` rewrites the files.
func TestGeneratedFilesAreFresh(t *testing.T) {
	table, err := command.NewTable(tableForTests(t).Structures()...)
	if err != nil {
		t.Fatal(err)
	}
	openAPI, err := httpdoor.OpenAPI(table, "v1")
	if err != nil {
		t.Fatal(err)
	}
	tools, err := mcp.ToolList(table, "full")
	if err != nil {
		t.Fatal(err)
	}
	toolPage, err := toolReference(table)
	if err != nil {
		t.Fatal(err)
	}
	client, err := clientSource(table)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{
		"docs/openapi.json": openAPI, "docs/mcp-tools.json": tools, "docs/mcp-tools.md": toolPage, "docs/commands.md": reference(table), "docs/config.md": []byte(settingsPage()),
		"umicp/client/commands.go": client,
	} {
		file := filepath.Join(root, name)
		if !bytes.HasSuffix(want, []byte("\n")) {
			want = append(want, '\n')
		}
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the command table makes: run make generate", name)
		}
	}
}

// reference writes the command reference.
func reference(table *command.Table) []byte {
	var b bytes.Buffer
	b.WriteString("# Commands\n\nMade from the command table by `make generate`; do not edit.\n\n" +
		"Every command can be run through every door: `POST /v1/<structure>/<verb>` and the envelope `{\"type\":\"request\",\"command\":…}` " +
		"over HTTP and WebSocket, `synap <structure> <verb>` on the command line, an operation of that name over UMICP, and a tool of " +
		"its own or `synap_query` and `synap_execute` over MCP. The answer of every write that changed something carries `version` and `durability`.\n")
	for _, s := range table.Structures() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.Name, s.Summary)
		for _, c := range table.Commands() {
			if c.Structure() == s.Name {
				describe(&b, c)
			}
		}
	}
	return b.Bytes()
}

func describe(b *bytes.Buffer, c *command.Command) {
	ref := c.Reference()
	fmt.Fprintf(b, "\n### %s\n\n%s", c.Name, c.Summary)
	if c.Doc != "" {
		fmt.Fprintf(b, " %s", c.Doc)
	}
	facts := []string{ref.Kind, needs(ref.Access)}
	if ref.Idempotent {
		facts = append(facts, "idempotent")
	}
	if ref.Destructive {
		facts = append(facts, "destructive")
	}
	facts = append(facts, fmt.Sprintf("number `%#04x`", ref.Op))
	for _, route := range ref.Routes {
		method, path, _ := strings.Cut(route, " ")
		facts = append(facts, "`"+method+" /v1"+path+"`")
	}
	if ref.Tool != "" {
		facts = append(facts, "tool `"+ref.Tool+"`")
	}
	fmt.Fprintf(b, "\n\n*%s*\n", strings.Join(facts, " · "))
	fieldTable(b, "request", c.RequestSchema())
	if c.Kind == command.KindWatch {
		fieldTable(b, "event", c.ResponseSchema())
	} else {
		fieldTable(b, "response", c.ResponseSchema())
	}
}

func needs(access string) string {
	if access == "none" {
		return "needs what the command that it runs needs"
	}
	return "needs " + access + " access"
}

// fieldTable lists a schema's properties in the order of their declaration.
func fieldTable(b *bytes.Buffer, what string, s *jsonschema.Schema) {
	if len(s.Properties) == 0 {
		return
	}
	fmt.Fprintf(b, "\n| %s | type | |\n| --- | --- | --- |\n", what)
	for _, name := range s.PropertyOrder {
		p := s.Properties[name]
		if p == nil {
			continue
		}
		need := ""
		if what == "request" && slices.Contains(s.Required, name) {
			need = "**required** "
		}
		fmt.Fprintf(b, "| `%s` | %s | %s%s |\n", name, typeOf(p), need, strings.TrimSpace(p.Description+bounds(p)))
	}
}

// typeOf names a schema's type in a few words.
func typeOf(p *jsonschema.Schema) string {
	switch {
	case p.Type == "array" && p.Items != nil:
		return "array of " + typeOf(p.Items)
	case p.Type == "object" && len(p.Properties) > 0:
		return "{" + strings.Join(p.PropertyOrder, ", ") + "}"
	case p.Type != "":
		return p.Type
	case len(p.Types) == 6:
		return "value"
	}
	return strings.Join(p.Types, " or ")
}

// bounds says what a schema allows.
func bounds(p *jsonschema.Schema) string {
	var facts []string
	if len(p.Enum) > 0 {
		words := make([]string, len(p.Enum))
		for i, e := range p.Enum {
			words[i] = fmt.Sprint(e)
		}
		facts = append(facts, "one of "+strings.Join(words, ", "))
	}
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	if p.Minimum != nil {
		facts = append(facts, "at least "+number(*p.Minimum))
	}
	if p.Maximum != nil {
		facts = append(facts, "at most "+number(*p.Maximum))
	}
	if p.MaxLength != nil {
		facts = append(facts, fmt.Sprintf("at most %d bytes", *p.MaxLength))
	}
	if p.MaxItems != nil {
		facts = append(facts, fmt.Sprintf("at most %d entries", *p.MaxItems))
	}
	if len(p.Default) > 0 {
		facts = append(facts, "default "+string(p.Default))
	}
	if len(facts) == 0 {
		return ""
	}
	return " (" + strings.Join(facts, ", ") + ")"
}
