package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tiktoken-go/tokenizer"

	"github.com/hivellm/synap-go/mcp"
)

// maxCoreTokens is what the tools of the default profile may cost a model before it has done anything.
const maxCoreTokens = 2800

// facing is what a model is shown of a tool; titles, annotations and output schemas are for its client.
type facing struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	InputSchema json.RawMessage `json:"inputSchema"`
}

// TestToolTokens counts what each profile's tools cost in tokens of o200k, and compares with testdata/tool-tokens.txt, so that
// nothing grows unseen. Rewrite it with -update.
func TestToolTokens(t *testing.T) {
	encoding, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		t.Fatal(err)
	}
	count := func(v any) int {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(text))
		ids, _, err := encoding.Encode(plain)
		if err != nil {
			t.Fatal(err)
		}
		return len(ids)
	}
	table := tableForTests(t)
	var got strings.Builder
	each := map[string]int{}
	for _, profile := range []string{"core", "full", "memory", "messaging", "kv", "readonly", "compat"} {
		text, err := mcp.ToolList(table, profile)
		if err != nil {
			t.Fatal(err)
		}
		var list struct{ Tools []facing }
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatal(err)
		}
		for i := range list.Tools {
			compact, err := json.Marshal(list.Tools[i].InputSchema)
			if err != nil {
				t.Fatal(err)
			}
			list.Tools[i].InputSchema = compact
			each[list.Tools[i].Name] = count(list.Tools[i])
		}
		tokens := count(list.Tools)
		fmt.Fprintf(&got, "%-10s %2d tools %5d tokens\n", profile, len(list.Tools), tokens)
		if profile == "core" && tokens > maxCoreTokens {
			t.Errorf("the core tools cost %d tokens, and may cost %d", tokens, maxCoreTokens)
		}
		if profile == "full" {
			defer func() {
				for _, tool := range list.Tools {
					t.Logf("%-22s %4d", tool.Name, each[tool.Name])
				}
			}()
		}
	}
	page, err := os.ReadFile(root + "/docs/mcp.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(got.String()), "\n") {
		f := strings.Fields(line)
		row := fmt.Sprintf("| `%s` | %s | %s |", f[0], f[1], thousands(f[3]))
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/mcp.md does not say %s", row)
		}
	}
	const golden = "testdata/tool-tokens.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != got.String() {
		t.Errorf("counted\n%s%s says (%v)\n%s", got.String(), golden, err, want)
	}
}

// thousands is a number as people write it.
func thousands(digits string) string {
	if n := len(digits) - 3; n > 0 {
		return digits[:n] + "," + digits[n:]
	}
	return digits
}

// TestPagesAreInTheirPage holds what docs/mcp.md says of resources against what there is.
func TestPagesAreInTheirPage(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/mcp.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	rows := 0
	for _, s := range tableForTests(t).Structures() {
		if s.Things != nil && !strings.Contains(page, "`synap://"+s.Things.Kind+"`") {
			t.Errorf("docs/mcp.md does not name synap://%s", s.Things.Kind)
		}
		for _, c := range s.Commands {
			for _, a := range c.Addresses {
				rows++
				_, row, found := strings.Cut(page, "| `"+a.URI+"` | ")
				row, _, _ = strings.Cut(row, "\n")
				if !found || strings.HasSuffix(row, "| no |") != (a.Follow == nil) {
					t.Errorf("docs/mcp.md says of %s %q, and followed is %v", a.URI, row, a.Follow != nil)
				}
			}
		}
	}
	if got := strings.Count(page, "| `synap://"); got != rows {
		t.Errorf("docs/mcp.md has %d rows of addresses, and there are %d", got, rows)
	}
}
