package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tiktoken-go/tokenizer"

	"github.com/hivellm/synap-go/eval"
)

// mostResultTokens is what an answer may cost a model.
const mostResultTokens = 8000

// TestTasksForAgents has every task done by its scripted solver over HTTP, and a few over stdio; and the judges judged.
func TestTasksForAgents(t *testing.T) {
	a := serveAsking(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	on := &eval.Server{URL: a.url, Key: a.admin, Command: []string{self}, Env: []string{childEnv + "=1"}}
	tokens := countTokens(t)
	tasks, err := eval.Tasks()
	if err != nil {
		t.Fatal(err)
	}
	overPipes := map[string]bool{"follow-a-resource": true, "find-your-limits": true}
	t.Run("all", func(t *testing.T) {
		for _, task := range tasks {
			t.Run(task.ID, func(t *testing.T) {
				t.Parallel()
				if err := on.Doubt(t.Context(), task); err != nil {
					t.Error(err)
				}
				over := []eval.Transport{eval.HTTP}
				if overPipes[task.ID] {
					over = append(over, eval.Stdio)
				}
				for _, transport := range over {
					score, err := on.Play(t.Context(), task, transport, tokens)
					if err != nil {
						t.Errorf("over %s: %v", transport, err)
					}
					if score.Largest > mostResultTokens {
						t.Errorf("over %s an answer has %d tokens", transport, score.Largest)
					}
				}
			})
		}
	})
}

// TestAProgramIsGivenTasks has programs do tasks as one would that runs a model: it is told all that it needs, and judged by what it did and
// not by what it says.
func TestAProgramIsGivenTasks(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh")
	}
	a := serveAsking(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	on := &eval.Server{URL: a.url, Key: a.admin, Command: []string{self}, Env: []string{childEnv + "=1", "QUOTED=it's $HOME"}}
	tasks, err := eval.Tasks()
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]*eval.Task{}
	for _, task := range tasks {
		byID[task.ID] = task
	}
	const line = `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`
	hello := fmt.Sprintf(line, 1, "initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"m","version":"1"}}`)
	right := fmt.Sprintf(line, 2, "tools/call", `{"name":"synap_kv_set","arguments":{"key":"shop:config:port","value":"8080"}}`)
	over := "cat; pwd; ls -A; cat {config}; echo {url} {key}; printf '%s\\n' '" + hello + "' '" + right + "' | {stdio}"
	for _, tt := range []struct {
		what, task, program string
		most                time.Duration
		said                []string
		wrong               string // what is wrong in the end; "" is nothing
	}{
		{"it does it", "fix-wrong-key", over, time.Hour,
			[]string{"mistyped", "Nobody is here", "/here\n{", `"mcpServers":{"synap":{"command":`, `"SYNAP_KEY":"sk_`, `"QUOTED":"it's $HOME"`, "/mcp?agent=player sk_", `"structuredContent"`}, ""},
		{"it says that it did it", "fix-wrong-key", "echo done", time.Hour, []string{"done"}, "not so: The port is 8080"},
		{"it does it and ends badly", "fix-wrong-key", over + "; exit 3", time.Hour, nil, "exit status 3"},
		{"it never ends", "fix-wrong-key", over + "; exec sleep 3600", 0, nil, "it was not done after 0s"},
		{"it is told the prompt", "prompt-remember", "cat", time.Hour, []string{"synap_memory_search", "are cut on Tuesdays", "Nobody is here"}, "not so: What was known was corrected"},
	} {
		var said strings.Builder
		got, err := on.Give(t.Context(), byID[tt.task], tt.program, tt.most, &said)
		if err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		if err := got.Err(); (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("%s: %v, want %q; it said %s", tt.what, err, tt.wrong, said.String())
		}
		for _, s := range tt.said {
			if !strings.Contains(said.String(), s) {
				t.Errorf("%s: it does not say %q: %s", tt.what, s, said.String())
			}
		}
	}
}

// TestAModelIsAsked has an endpoint of the test's own say what a model would: its calls are made, it is told what they answer, and the judge looks.
func TestAModelIsAsked(t *testing.T) {
	a := serveAsking(t)
	on := &eval.Server{URL: a.url, Key: a.admin}
	tasks, err := eval.Tasks()
	if err != nil {
		t.Fatal(err)
	}
	task := tasks[slices.IndexFunc(tasks, func(task *eval.Task) bool { return task.ID == "fix-wrong-key" })]
	const look = `{"id":"a","type":"function","function":{"name":"synap_kv_list","arguments":"{\"prefix\":\"shop:\"}"}}`
	const odd = `{"id":"b","type":"function","function":{"name":"synap_kv_set","arguments":"{"}},{"id":"c","type":"function","function":{"name":"nothing","arguments":""}}`
	const set = `{"id":"d","type":"function","function":{"name":"synap_kv_set","arguments":"{\"key\":\"shop:config:port\",\"value\":\"8080\"}"}}`
	called := func(calls string) string {
		return `{"choices":[{"message":{"role":"assistant","content":null,"tool_calls":[` + calls + `]}}],"usage":{"prompt_tokens":10,"completion_tokens":2}}`
	}
	const done = `{"choices":[{"message":{"role":"assistant","content":"It is 8080 now."}}],"usage":{"prompt_tokens":10,"completion_tokens":2}}`
	for _, tt := range []struct {
		what    string
		answers []string // the last one again and again
		wrong   string   // "" is nothing
		said    []string
		calls   int
		errors  int
	}{
		{"it does it", []string{called(look), called(odd), called(set), done}, "",
			[]string{"== system\n", "synap_kv_", "== user\n", "mistyped", "Nobody is here", `-> synap_kv_list {"prefix":"shop:"}`, "80 8O", "are no JSON object", "It is 8080 now."}, 3, 1},
		{"it says that it did it", []string{done}, "not so: The port is 8080", nil, 0, 0},
		{"it goes on and on", []string{called(look)}, "it still calls tools after 100 answers", nil, 100, 0},
		{"there is none", []string{`{"error":{"message":"no such model"}}`}, "answers with no message: {\"error\"", nil, 0, 0},
		{"it is not let", []string{""}, "401 Unauthorized", nil, 0, 0},
	} {
		var asked []string
		turn := 0
		endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer k" {
				t.Errorf("%s: asked %s as %q, %v", tt.what, r.URL, r.Header.Get("Authorization"), err)
			}
			asked = append(asked, string(body))
			answer := tt.answers[min(turn, len(tt.answers)-1)]
			if turn++; answer == "" {
				w.WriteHeader(http.StatusUnauthorized)
			}
			_, _ = io.WriteString(w, answer)
		}))
		var said strings.Builder
		got, err := on.Ask(t.Context(), task, eval.Model{URL: endpoint.URL + "/v1/", Name: "m", Key: "k"}, time.Hour, func(text string) int { return len(text) }, &said)
		endpoint.Close()
		if err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		if err := got.Err(); (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("%s: %v, want %q; said was %.3000s", tt.what, err, tt.wrong, said.String())
		}
		if got.Calls != tt.calls || got.Errors != tt.errors {
			t.Errorf("%s: %d calls and %d errors, want %d and %d", tt.what, got.Calls, got.Errors, tt.calls, tt.errors)
		}
		for _, s := range tt.said {
			if !strings.Contains(said.String(), s) {
				t.Errorf("%s: %q is not said: %s", tt.what, s, said.String())
			}
		}
		if tt.wrong == "" {
			last := asked[len(asked)-1]
			for _, s := range []string{`"model":"m"`, `"type":"function"`, `"name":"synap_kv_set"`, `"parameters":{`, `"role":"tool"`, `"tool_call_id":"d"`, `"tool_calls":[`} {
				if !strings.Contains(last, s) {
					t.Errorf("%s: the endpoint is not told %s: %s", tt.what, s, last)
				}
			}
			if got.Read != 40 || got.Wrote != 8 {
				t.Errorf("%d tokens read and %d written, want 40 and 8", got.Read, got.Wrote)
			}
		}
	}
}

// countTokens counts in tokens of o200k, or about so: under the race detector counting takes longer than all else.
func countTokens(t *testing.T) func(string) int {
	if underRace {
		return func(text string) int { return len(text) / 4 }
	}
	encoding, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) int {
		ids, _, err := encoding.Encode(text)
		if err != nil {
			t.Error(err)
		}
		return len(ids)
	}
}
