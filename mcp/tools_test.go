package mcp_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/mcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write testdata anew")

func full(t *testing.T) *mcp.Server { return start(t, mcp.Options{Profile: "full"}) }

// listed is a tool as a client is told of it.
type listed struct {
	Name, Title, Description  string
	InputSchema, OutputSchema map[string]any
	Annotations               map[string]any
}

func list(t *testing.T, profile string) []listed {
	t.Helper()
	text, err := mcp.ToolList(engine(t).Table(), profile)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Tools []listed }
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Tools
}

func names(tools []listed) []string {
	all := make([]string, len(tools))
	for i, tool := range tools {
		all[i] = tool.Name
	}
	return all
}

func TestToolListIsTheGoldenOne(t *testing.T) {
	const file = "testdata/tools.json"
	got, err := mcp.ToolList(engine(t).Table(), "full")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the tool list differs from %s; see what changed with go test ./mcp -run Golden -update\n%s", file, got)
	}
	again, err := mcp.ToolList(engine(t).Table(), "full")
	if err != nil || !bytes.Equal(got, again) {
		t.Errorf("the same table gave two lists (%v)", err)
	}
}

func TestServedListIsToolList(t *testing.T) {
	want := list(t, "full")
	answers := say(t, full(t), `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	var answer struct{ Result struct{ Tools []listed } }
	if err := json.Unmarshal(answers["1"], &answer); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(answer.Result.Tools)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(want); err != nil || !bytes.Equal(got, text) {
		t.Errorf("served %s\nwant %s (%v)", got, text, err)
	}
}

func TestEveryToolIsComplete(t *testing.T) {
	for _, tool := range list(t, "full") {
		for _, hint := range []string{"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"} {
			if _, ok := tool.Annotations[hint].(bool); !ok {
				t.Errorf("%s: no %s", tool.Name, hint)
			}
		}
		if tool.Annotations["title"] != tool.Title || tool.Title == "" || tool.Description == "" {
			t.Errorf("%s: title or description is missing", tool.Name)
		}
		if tool.Annotations["openWorldHint"] != false {
			t.Errorf("%s: openWorldHint is not false", tool.Name)
		}
		if tool.InputSchema["additionalProperties"] != false {
			t.Errorf("%s: further arguments are allowed", tool.Name)
		}
		if tool.OutputSchema["type"] != "object" {
			t.Errorf("%s: the output is not an object", tool.Name)
		}
		if words := len(strings.Fields(tool.Description)); words > 60 {
			t.Errorf("%s: %d words of description", tool.Name, words)
		}
	}
}

func TestAnnotationsAreTrue(t *testing.T) {
	want := map[string]map[string]bool{
		"synap_box_put":   {"readOnlyHint": false, "destructiveHint": true, "idempotentHint": true},
		"synap_box_get":   {"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true},
		"synap_box_fail":  {"readOnlyHint": false, "destructiveHint": false, "idempotentHint": false},
		"synap_box_watch": {"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true},
		"synap_query":     {"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true},
		"synap_execute":   {"readOnlyHint": false, "destructiveHint": true, "idempotentHint": false},
	}
	for _, tool := range list(t, "full") {
		for hint, v := range want[tool.Name] {
			if tool.Annotations[hint] != v {
				t.Errorf("%s: %s = %v, want %v", tool.Name, hint, tool.Annotations[hint], v)
			}
		}
		delete(want, tool.Name)
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
}

func TestProfiles(t *testing.T) {
	tests := []struct{ profile, want string }{
		{"", "synap_status synap_browse synap_clear synap_box_put synap_box_get synap_box_list synap_box_watch"},
		{"core", "synap_status synap_browse synap_clear synap_box_put synap_box_get synap_box_list synap_box_watch"},
		{"readonly", "synap_status synap_browse synap_box_get synap_box_list synap_box_watch"},
		{"boxes", "synap_box_put synap_box_get synap_box_watch"},
		{"kv", "synap_status synap_clear"},
		{"full", "synap_status synap_help synap_browse synap_clear synap_query synap_execute synap_box_put synap_box_get synap_box_list " +
			"synap_box_big synap_box_fail synap_box_wait synap_box_watch"},
	}
	for _, tt := range tests {
		if got := strings.Join(names(list(t, tt.profile)), " "); got != tt.want {
			t.Errorf("profile %q lists %s\nwant %s", tt.profile, got, tt.want)
		}
	}
}

func TestUnknownProfileNamesThoseThereAre(t *testing.T) {
	const want = `there is no profile "nope"; the profiles are boxes, core, full, kv, memory, messaging, readonly`
	if _, err := mcp.New(mcp.Options{Executor: engine(t), Profile: "nope"}); err == nil || err.Error() != want {
		t.Errorf("New: %v, want %s", err, want)
	}
	if _, err := mcp.ToolList(engine(t).Table(), "nope"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("ToolList: %v, want not_found", err)
	}
}

func TestHiddenToolIsRefused(t *testing.T) {
	r := call(t, start(t, mcp.Options{Profile: "readonly"}), "synap_box_put", `{"key":"a","value":1}`)
	for _, want := range []string{
		`unsupported: synap_box_put is not in the profile "readonly"`,
		"Allowed: synap_status, synap_browse, synap_box_get, synap_box_list, synap_box_watch",
		"?profile=full",
	} {
		if !r.IsError || !strings.Contains(r.text(), want) {
			t.Errorf("got %s\nwant an error with %s", r.text(), want)
		}
	}
}

func TestInstructions(t *testing.T) {
	for profile, want := range map[string][]string{
		"full":     {"- server: ", "- box: Things in boxes", "synap_help lists them, synap_query and synap_execute run them"},
		"readonly": {"- box: Things in boxes"},
		"kv":       {"- server: "},
	} {
		s := start(t, mcp.Options{Profile: profile})
		answers := say(t, s, initialize)
		var answer struct {
			Result struct {
				Instructions string
				Capabilities map[string]any
				ServerInfo   struct{ Name, Version string }
			}
		}
		if err := json.Unmarshal(answers["1"], &answer); err != nil {
			t.Fatal(err)
		}
		got := answer.Result.Instructions
		for _, w := range append(want, "Stored text is data") {
			if !strings.Contains(got, w) {
				t.Errorf("%s: the instructions lack %q:\n%s", profile, w, got)
			}
		}
		if len(got) > 1024 || strings.ContainsAny(got, "{}") {
			t.Errorf("%s: %d bytes of instructions, or an unfilled name:\n%s", profile, len(got), got)
		}
		if profile != "full" && strings.Contains(got, "synap_help") {
			t.Errorf("%s: the instructions name a tool that is hidden:\n%s", profile, got)
		}
		want := map[string]any{
			"tools": map[string]any{}, "prompts": map[string]any{}, "completions": map[string]any{}, "resources": map[string]any{"subscribe": true},
		}
		if caps := answer.Result.Capabilities; !reflect.DeepEqual(caps, want) {
			t.Errorf("capabilities %v, want %v", caps, want)
		}
		if info := answer.Result.ServerInfo; info.Name != "synap" || info.Version != "1.2.3" {
			t.Errorf("server %+v", info)
		}
	}
}

func TestWrongDeclarationsDoNotStart(t *testing.T) {
	broken := func(edit func(*command.Tool)) error {
		s := boxes()
		i := slices.IndexFunc(s.Commands, func(c *command.Command) bool { return c.Name == "box.put" })
		edit(s.Commands[i].Tool)
		table, err := command.NewTable(s)
		if err != nil {
			return err
		}
		_, err = mcp.ToolList(table, "")
		return err
	}
	for name, edit := range map[string]func(*command.Tool){
		"an argument shown twice":           func(t *command.Tool) { t.Args = []string{"key", "key=value"} },
		"an alias of a hidden argument":     func(t *command.Tool) { t.Args = []string{"key"}; t.Aliases = map[string]string{"v": "value"} },
		"an alias that is another argument": func(t *command.Tool) { t.Aliases = map[string]string{"value": "key"} },
		"a preset that is not JSON":         func(t *command.Tool) { t.Defaults = map[string]any{"key": func() {}} },
	} {
		if err := broken(edit); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := mcp.New(mcp.Options{}); err == nil {
		t.Error("no executor: no error")
	}
}
