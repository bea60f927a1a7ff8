package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/mcp"
)

// person answers what the client is asked.
type person struct {
	asked  []mcpgo.ElicitationParams
	answer mcpgo.ElicitationResponse
	err    error
}

func (p *person) Elicit(_ context.Context, r mcpgo.ElicitationRequest) (*mcpgo.ElicitationResult, error) {
	p.asked = append(p.asked, r.Params)
	return &mcpgo.ElicitationResult{ElicitationResponse: p.answer}, p.err
}

// ways are the transports by which a client can come.
var ways = map[string]func(*testing.T, *world) transport.Interface{
	"http": func(t *testing.T, w *world) transport.Interface {
		tr, err := transport.NewStreamableHTTP(serve(t, w.door).url+"/mcp?profile=full", transport.WithHTTPHeaders(map[string]string{"X-Caller": "ann"}))
		if err != nil {
			t.Fatal(err)
		}
		return tr
	},
	"sse": func(t *testing.T, w *world) transport.Interface {
		tr, err := transport.NewSSE(serveOld(t, w.door).url+"/mcp?profile=full", transport.WithHeaders(map[string]string{"X-Caller": "ann"}))
		if err != nil {
			t.Fatal(err)
		}
		return tr
	},
	"pipes": func(t *testing.T, w *world) transport.Interface {
		serverIn, in := io.Pipe()
		out, serverOut := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			err := w.door.ServeStdio(context.Background(), serverIn, serverOut)
			_ = serverOut.Close()
			ended <- err
		}()
		t.Cleanup(func() { _ = in.Close(); <-ended })
		return transport.NewIO(out, in, io.NopCloser(strings.NewReader("")))
	},
}

// comes is a client of mcp-go at whose side there is a person, if p is one.
func comes(t *testing.T, tr transport.Interface, version string, p *person) *client.Client {
	t.Helper()
	options := []client.ClientOption{client.WithProtocolVersion(version)}
	if p != nil {
		options = append(options, client.WithElicitationHandler(p))
	}
	c := client.NewClient(tr, options...)
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	hello := mcpgo.InitializeRequest{}
	hello.Params.ProtocolVersion = version
	hello.Params.ClientInfo = mcpgo.Implementation{Name: "test", Version: "1"}
	if _, err := c.Initialize(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	return c
}

// clearKeys calls synap_clear and returns the text of the result.
func clearKeys(t *testing.T, c *client.Client, arguments map[string]any) (text string, failed bool) {
	t.Helper()
	r := mcpgo.CallToolRequest{}
	r.Params.Name, r.Params.Arguments = "synap_clear", arguments
	result, err := c.CallTool(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	content, ok := result.Content[0].(mcpgo.TextContent)
	if !ok {
		t.Fatalf("%+v", result)
	}
	return content.Text, result.IsError
}

func ofKeys() map[string]any { return map[string]any{"uri": "synap://kv/a:", "mode": "empty"} }

// TestThePersonConfirms: by every transport and in every revision that can ask, the person's answer is what happens.
func TestThePersonConfirms(t *testing.T) {
	const done, preview = `"done":true`, `"done":false`
	tests := map[string]struct {
		answer mcpgo.ElicitationResponse
		err    error
		want   string // in the result
		gone   bool   // what was to be cleared
	}{
		"accepts": {mcpgo.ElicitationResponse{Action: "accept", Content: map[string]any{"confirm": true}}, nil, done, true},
		"accepts and does not tick": {mcpgo.ElicitationResponse{Action: "accept", Content: map[string]any{"confirm": false}}, nil,
			"denied: the user was asked, and did not agree. Nothing was changed.", false},
		"accepts with something else": {mcpgo.ElicitationResponse{Action: "accept", Content: map[string]any{"confirm": "yes"}}, nil,
			`invalid: the form came back without a true or false in "confirm". Nothing was changed.`, false},
		"accepts with nothing": {mcpgo.ElicitationResponse{Action: "accept"}, nil, "invalid: the form came back without", false},
		"declines":             {mcpgo.ElicitationResponse{Action: "decline"}, nil, "denied: the user was asked, and declined. Nothing was changed.", false},
		"declines with the box ticked": {mcpgo.ElicitationResponse{Action: "decline", Content: map[string]any{"confirm": true}}, nil,
			"denied: the user was asked, and declined", false},
		"cancels":      {mcpgo.ElicitationResponse{Action: "cancel"}, nil, "canceled: the user was asked, and closed the question", false},
		"does neither": {mcpgo.ElicitationResponse{Action: "shrug"}, nil, `invalid: the client answered the question with "shrug"`, false},
		"cannot ask":   {mcpgo.ElicitationResponse{}, errors.New("there is no screen"), preview, false},
	}
	for way, open := range ways {
		if way == "sse" {
			continue // mcp-go's client cannot be asked there: see TestThePersonConfirmsOverSSE
		}
		for _, version := range []string{"2025-06-18", "2025-11-25", "2026-07-28"} {
			t.Run(way+" "+version, func(t *testing.T) {
				w := newWorld(t)
				p := &person{}
				c := comes(t, open(t, w), version, p)
				for name, tt := range tests {
					if tt.err != nil && version == "2026-07-28" {
						continue // then there is no second call
					}
					w.do("kv.set", `{"key":"a:1","value":1}`)
					p.asked, p.answer, p.err = nil, tt.answer, tt.err
					text, failed := clearKeys(t, c, ofKeys())
					if !strings.Contains(text, tt.want) || failed == strings.HasPrefix(text, "{") {
						t.Errorf("%s: the result is %s", name, text)
					}
					if strings.Contains(text, `"confirm"`) != (tt.want == preview) && !strings.HasPrefix(text, "invalid") {
						t.Errorf("%s: the code in %s", name, text)
					}
					if gone := strings.Contains(w.do("kv.get", `{"key":"a:1"}`), `"found":false`); gone != tt.gone {
						t.Errorf("%s: gone is %v", name, gone)
					}
					const question = `An agent wants to clear "synap://kv/a:" by "empty". It holds `
					if len(p.asked) != 1 || !strings.HasPrefix(p.asked[0].Message, question) || p.asked[0].RequestedSchema == nil {
						t.Errorf("%s: asked %+v", name, p.asked)
					}
				}
				if n := w.door.Asking(); n != 0 {
					t.Errorf("%d questions are left", n)
				}
			})
		}
	}
}

// TestThePersonConfirmsOverSSE: the question comes over the stream, and the answer by POST, from the stream's owner only.
func TestThePersonConfirmsOverSSE(t *testing.T) {
	for action, want := range map[string]string{"accept": `"done":true`, "decline": "declined", "cancel": "closed the question"} {
		w := newWorld(t)
		w.do("kv.set", `{"key":"a:1","value":1}`)
		s := serveOld(t, w.door).listen("?profile=full", "ann")
		s.post(strings.Replace(initialize, `"capabilities":{}`, `"capabilities":{"elicitation":{}}`, 1))
		s.event()
		s.post(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":` + clearCall + `}`)
		_, data := s.event()
		var asked message
		if err := json.Unmarshal([]byte(data), &asked); err != nil || asked.Method != "elicitation/create" {
			t.Fatalf("came %s: %v", data, err)
		}
		answer := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":%q,"content":{"confirm":true}}}`, asked.ID, action)
		if r := s.do("POST", s.address, "bob", answer); r.status != http.StatusNotFound {
			t.Errorf("a stranger's answer: %+v", r)
		}
		s.post(answer)
		if _, data := s.event(); !strings.Contains(data, `"id":7`) || !strings.Contains(strings.ReplaceAll(data, `\"`, `"`), want) {
			t.Errorf("%s: %s", action, data)
		}
		if gone := strings.Contains(w.do("kv.get", `{"key":"a:1"}`), `"found":false`); gone != (action == "accept") {
			t.Errorf("%s: gone is %v", action, gone)
		}
	}
}

// TestNobodyToAsk: a client that cannot ask has the preview and its code, and is asked nothing; neither is one that comes with a code.
func TestNobodyToAsk(t *testing.T) {
	for way, open := range ways {
		for _, version := range []string{"2025-06-18", "2025-11-25", "2026-07-28"} {
			if way == "sse" && version == "2026-07-28" {
				continue // it has no sessions, and that transport has nothing else
			}
			t.Run(way+" "+version, func(t *testing.T) {
				w := newWorld(t)
				c := comes(t, open(t, w), version, nil)
				w.do("kv.set", `{"key":"a:1","value":1}`)
				text, _ := clearKeys(t, c, ofKeys())
				var preview struct {
					Done    bool
					Confirm string
				}
				if err := json.Unmarshal([]byte(text), &preview); err != nil || preview.Done || preview.Confirm == "" {
					t.Fatalf("%s: %v", text, err)
				}
				arguments := ofKeys()
				arguments["code"] = preview.Confirm
				if text, _ := clearKeys(t, c, arguments); !strings.Contains(text, `"done":true`) {
					t.Errorf("with the code: %s", text)
				}
			})
		}
	}
}

const clearCall = `{"name":"synap_clear","arguments":{"target":"synap://kv/a:","mode":"empty"}}`

// TestWhatAClientCanAsk: only forms count.
func TestWhatAClientCanAsk(t *testing.T) {
	for capabilities, asks := range map[string]bool{
		`{}`: false, `{"elicitation":{}}`: true, `{"elicitation":{"form":{}}}`: true,
		`{"elicitation":{"form":{},"url":{}}}`: true, `{"elicitation":{"url":{}}}`: false,
	} {
		w := newWorld(t)
		w.do("kv.set", `{"key":"a:1","value":1}`)
		l := w.dialAs(capabilities)
		id := l.send("tools/call", clearCall)
		m := l.next()
		if asked := m.Method == "elicitation/create"; asked != asks {
			t.Errorf("%s: came %+v", capabilities, m)
		}
		if !asks {
			continue
		}
		// Answers to other questions, and what is no answer, are nothing.
		for _, odd := range []string{
			`{"jsonrpc":"2.0","id":77,"result":{"action":"accept","content":{"confirm":true}}}`,
			`{"jsonrpc":"2.0","id":"1","result":{"action":"accept","content":{"confirm":true}}}`,
			fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"action":["accept"]}}`, m.ID),
		} {
			if _, err := io.WriteString(l.in, odd+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		if m := l.next(); string(m.ID) != id || !strings.Contains(string(m.Result), "invalid: the client answered the question") {
			t.Errorf("%s: came %+v %s", capabilities, m, m.Result)
		}
	}
}

// TestAQuestionEnds: with the time, with the request, with the client and with the server, and nothing is left of it.
func TestAQuestionEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(*world, *line, string)
		want string
	}{
		"with the time": {func(*world, *line, string) { time.Sleep(mcp.MaxAskTime) }, "timeout: the user was asked, and did not answer within 1m50s. Nothing was changed."},
		"with the request": {func(w *world, l *line, id string) {
			if _, err := fmt.Fprintf(l.in, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}`+"\n", id); err != nil {
				w.Error(err)
			}
		}, ""},
		"with the client": {func(_ *world, l *line, _ string) { _ = l.in.Close() }, "canceled: the call ended before the user answered"},
		"with the server": {func(w *world, _ *line, _ string) {
			if err := w.door.Shutdown(context.Background()); err != nil {
				w.Error(err)
			}
		}, "unavailable: the server is stopping"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.do("kv.set", `{"key":"a:1","value":1}`)
				l := w.dialAs(`{"elicitation":{}}`)
				id := l.send("tools/call", clearCall)
				asked := l.next()
				if asked.Method != "elicitation/create" || w.door.Asking() != 1 {
					t.Fatalf("came %+v", asked)
				}
				ended := make(chan struct{})
				go func() { defer close(ended); tt.end(w, l, id) }()
				if m := l.next(); m.Method != "notifications/cancelled" || !strings.Contains(string(m.Params), `"requestId":`+string(asked.ID)) {
					t.Errorf("the client was told %+v", m)
				}
				if tt.want != "" {
					if m := l.next(); string(m.ID) != id || !strings.Contains(string(m.Result), tt.want) {
						t.Errorf("the answer is %+v %s", m, m.Result)
					}
				}
				<-ended
				synctest.Wait()
				if n := w.door.Asking(); n != 0 {
					t.Errorf("%d questions are left", n)
				}
				if got := w.do("kv.get", `{"key":"a:1"}`); !strings.Contains(got, `"found":true`) {
					t.Errorf("the key is %s", got)
				}
			})
		})
	}
}

// TestAQuestionOverHTTPEnds: when its time is over, with its call, when the client hangs up, and with the session; a client that still listens is told.
func TestAQuestionOverHTTPEnds(t *testing.T) {
	const hello = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},` +
		`"clientInfo":{"name":"test","version":"1"}}}`
	for name, tt := range map[string]struct {
		end  func(w *world, session string, hangUp func())
		told string // why; "" when nobody listens
	}{
		"with the time": {func(*world, string, func()) { time.Sleep(mcp.MaxAskTime) }, "nobody answered in time"},
		"with the call": {func(w *world, session string, _ func()) {
			w.post(takeBack("2"), "Mcp-Session-Id: "+session)
		}, "context canceled"},
		"with the client":  {func(_ *world, _ string, hangUp func()) { hangUp() }, ""},
		"with the session": {func(w *world, session string, _ func()) { w.request(http.MethodDelete, "", session) }, "there is no such session"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.do("kv.set", `{"key":"a:1","value":1}`)
				session := w.post(hello).Header().Get("Mcp-Session-Id")
				ctx, hangUp := context.WithCancel(t.Context())
				defer hangUp()
				r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":`+clearCall+`}`))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Accept", "application/json, text/event-stream")
				r.Header.Set("Mcp-Session-Id", session)
				answered, stream := make(chan struct{}), httptest.NewRecorder()
				go func() {
					defer close(answered)
					w.door.Handler().ServeHTTP(stream, r.WithContext(auth.NewContext(ctx, auth.Local())))
				}()
				synctest.Wait()
				if n := w.door.Asking(); n != 1 {
					t.Fatalf("%d questions", n)
				}
				tt.end(w, session, hangUp)
				<-answered
				if n := w.door.Asking(); n != 0 {
					t.Errorf("%d questions are left", n)
				}
				if got := w.do("kv.get", `{"key":"a:1"}`); !strings.Contains(got, `"found":true`) {
					t.Errorf("the key is %s", got)
				}
				told(t, stream.Body.String(), tt.told)
			})
		})
	}
}

// told looks through the stream of a call for the question, and behind it for the word that the answer is not wanted any more.
func told(t *testing.T, stream, why string) {
	t.Helper()
	if why == "" {
		return
	}
	asked := ""
	for line := range strings.Lines(stream) {
		var m message
		if text, ok := strings.CutPrefix(line, "data: "); !ok || json.Unmarshal([]byte(text), &m) != nil {
			continue
		}
		switch m.Method {
		case "elicitation/create":
			asked = string(m.ID)
		case "notifications/cancelled":
			if want := fmt.Sprintf(`{"reason":%q,"requestId":%s}`, why, asked); asked == "" || string(m.Params) != want {
				t.Errorf("told %s, want %s", m.Params, want)
			}
			return
		}
	}
	t.Errorf("nobody was told: %s", stream)
}

// request sends a request of a session in process.
func (w *world) request(method, body, session string) {
	r := httptest.NewRequest(method, "/mcp", strings.NewReader(body))
	r.Header.Set("Mcp-Session-Id", session)
	w.door.Handler().ServeHTTP(nowhere{http.Header{}}, r.WithContext(auth.NewContext(r.Context(), auth.Local())))
}

// TestQuestionsAreCounted: a session has so many without an answer; a further call is answered with the preview.
func TestQuestionsAreCounted(t *testing.T) {
	w := newWorld(t)
	w.do("kv.set", `{"key":"a:1","value":1}`)
	l := w.dialAs(`{"elicitation":{}}`)
	asked := make([]string, mcp.MaxAsksPerSession)
	for i := range asked {
		l.send("tools/call", clearCall)
		asked[i] = string(l.next().ID)
	}
	if got := l.get("tools/call", clearCall); !strings.Contains(got, `"done":false`) {
		t.Errorf("one more is answered with %s", got)
	}
	for _, id := range asked {
		if _, err := fmt.Fprintf(l.in, `{"jsonrpc":"2.0","id":%s,"result":{"action":"decline"}}`+"\n", id); err != nil {
			t.Fatal(err)
		}
		if m := l.next(); !strings.Contains(string(m.Result), "declined") {
			t.Errorf("came %+v", m)
		}
	}
	if n := w.door.Asking(); n != 0 {
		t.Errorf("%d questions are left", n)
	}
}

// TestTheStateIsOfThatRequest: of the revisions without sessions, the person's yes goes with the target that was previewed, and with no other.
func TestTheStateIsOfThatRequest(t *testing.T) {
	w := newWorld(t)
	w.do("kv.set", `{"key":"a:1","value":1}`)
	w.do("kv.set", `{"key":"b:1","value":1}`)
	l := w.dial()
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}`
	const yes = `"inputResponses":{"confirm":{"action":"accept","content":{"confirm":true}}}`
	call := func(target, more string) string {
		return l.get("tools/call", `{"name":"synap_clear","arguments":{"target":"synap://kv/`+target+`:","mode":"empty"},`+more+meta+`}`)
	}
	var first struct {
		ResultType, RequestState string
		InputRequests            map[string]any
	}
	if got := call("a", ""); json.Unmarshal([]byte(got), &first) != nil || first.ResultType != "input_required" || first.RequestState == "" || first.InputRequests["confirm"] == nil {
		t.Fatal(got)
	}
	for name, got := range map[string]string{
		"another target": call("b", yes+`,"requestState":"`+first.RequestState+`",`),
		"another state":  call("a", yes+`,"requestState":"AAAA",`),
		"no state":       call("a", yes+`,`),
	} {
		if strings.Contains(got, `"done":true`) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := call("a", yes+`,"requestState":"`+first.RequestState+`",`); !strings.Contains(got, `"done":true`) {
		t.Errorf("its own: %s", got)
	}
}
