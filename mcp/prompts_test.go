package mcp_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/mcp"
)

func TestPrompts(t *testing.T) {
	w := newWorld(t)
	l := w.dial()
	var got struct {
		Prompts []struct {
			Name, Description string
			Arguments         []struct {
				Name, Description string
				Required          bool
			}
		}
	}
	if err := json.Unmarshal([]byte(l.get("prompts/list", `{}`)), &got); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range got.Prompts {
		names = append(names, p.Name)
		args := map[string]string{}
		for _, a := range p.Arguments {
			args[a.Name] = "1"
			if a.Description == "" {
				t.Errorf("%s: %s has no description", p.Name, a.Name)
			}
		}
		text, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		said := l.get("prompts/get", fmt.Sprintf(`{"name":%q,"arguments":%s}`, p.Name, text))
		if !strings.Contains(said, "Stop") || strings.Contains(said, "{{") || strings.Contains(said, "<no value>") {
			t.Errorf("%s says %s", p.Name, said)
		}
		// Every tool that it names is one, and every argument of a tool that it names in backticks or as "with x" is known
		// to some of them: a model is never sent where there is nothing.
		for _, tool := range regexp.MustCompile(`synap_[a-z_]+`).FindAllString(said, -1) {
			if !strings.Contains(l.tools(), `"name":"`+tool+`"`) {
				t.Errorf("%s names %s, which is no tool", p.Name, tool)
			}
		}
	}
	if want := "catch_up coordinate debug_queue handoff_task recall remember work_queue"; strings.Join(names, " ") != want {
		t.Errorf("the prompts are %s, want %s", names, want)
	}
}

func (l *line) tools() string { return l.get("tools/list", `{}`) }

func TestPromptArguments(t *testing.T) {
	l := newWorld(t).dial()
	for _, tt := range []struct{ name, args, want string }{
		{"work_queue", `{}`, `the argument "queue" is required`},
		{"work_queue", `{"queue":"a\nb"}`, "is a name: one line"},
		{"work_queue", `{"queue":"a","max_tasks":"many"}`, "is a whole number from 1 to 100, not"},
		{"work_queue", `{"queue":"a","max_tasks":"101"}`, "is a whole number from 1 to 100, not"},
		{"work_queue", `{"queue":"a","colour":"red"}`, `there is no argument "colour"`},
		{"remember", `{"fact":"` + strings.Repeat("x", 16<<10+1) + `"}`, "at most 16384 are allowed"},
	} {
		m := l.ask("prompts/get", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tt.name, tt.args))
		if m.Error == nil || m.Error.Code != -32602 || !strings.Contains(m.Error.Message, tt.want) {
			t.Errorf("%s %s: %+v, want %s", tt.name, tt.args, m.Error, tt.want)
		}
	}
	if got := l.get("prompts/get", `{"name":"work_queue","arguments":{"queue":"jobs"}}`); !strings.Contains(got, "settled 10 tasks") {
		t.Errorf("the default is not filled in: %s", got)
	}
	if got := l.get("prompts/get", `{"name":"catch_up","arguments":{"room":"log","since":"7"}}`); !strings.Contains(got, "from_offset 7") {
		t.Errorf("the offset is not filled in: %s", got)
	}
}

// TestPromptsNeedTheirTools: a profile without a prompt's tools does not offer it, and does not give it either.
func TestPromptsNeedTheirTools(t *testing.T) {
	w := newWorld(t)
	door := start(t, mcp.Options{Executor: w.engine.Dispatcher(), Profile: "kv"})
	l := (&world{t, w.engine, door}).dial()
	if got := l.get("prompts/list", `{}`); strings.Contains(got, `"work_queue"`) || !strings.Contains(got, `"remember"`) {
		t.Errorf("kv offers %s", got)
	}
	if m := l.ask("prompts/get", `{"name":"work_queue","arguments":{"queue":"a"}}`); m.Error == nil {
		t.Error("a prompt that is not offered is given")
	}
}
