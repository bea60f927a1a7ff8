package mcp_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/mcp"
)

// web is a door on a real socket, behind a front that believes the name in the X-Caller header.
type web struct {
	*testing.T
	url string
}

func serve(t *testing.T, s *mcp.Server) *web {
	t.Helper()
	return behind(t, s.Handler())
}

func behind(t *testing.T, door http.Handler) *web {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := r.Header.Get("X-Caller"); name != "" {
			id := *auth.Local()
			id.Name = name
			r = r.WithContext(auth.NewContext(r.Context(), &id))
		}
		door.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return &web{t, server.URL}
}

// reply is an HTTP response with its body read.
type reply struct {
	status int
	header http.Header
	body   string
}

// do sends a request as caller with further headers, "Name: value" each.
func (w *web) do(method, query, caller, body string, headers ...string) reply {
	w.Helper()
	// A refusal that fails to refuse may be a stream that never ends.
	ctx, cancel := context.WithTimeout(w.Context(), 10*time.Minute)
	defer cancel()
	resp := w.open(ctx, method, query, caller, body, headers...)
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		w.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(text)}
}

func (w *web) open(ctx context.Context, method, query, caller, body string, headers ...string) *http.Response {
	w.Helper()
	r, err := http.NewRequestWithContext(ctx, method, w.url+"/mcp"+query, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("X-Caller", caller)
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		r.Header.Set(name, v)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	w.Cleanup(transport.CloseIdleConnections)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		w.Fatal(err)
	}
	return resp
}

// session initializes and returns the header that names the session.
func (w *web) session(caller string) string {
	w.Helper()
	r := w.do("POST", "", caller, initialize)
	id := r.header.Get("Mcp-Session-Id")
	if r.status != 200 || len(id) < 22 {
		w.Fatalf("initialize: %+v", r)
	}
	return "Mcp-Session-Id: " + id
}

func TestBothErasOnOneEndpoint(t *testing.T) {
	w := serve(t, full(t))
	session := w.session("ann")
	if r := w.do("POST", "?profile=full", "ann", getA, session); r.status != 200 || !strings.Contains(r.body, `"found":false`) {
		t.Errorf("with a session: %+v", r)
	}
	headers := []string{"MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: synap_box_list"}
	r := w.do("POST", "", "ann", modern("1", "tools/call", `"name":"synap_box_list","arguments":{}`), headers...)
	if r.status != 200 || !strings.Contains(r.body, `"keys":[]`) || r.header.Get("Mcp-Session-Id") != "" {
		t.Errorf("without sessions: %+v", r)
	}
	r = w.do("POST", "?profile=boxes", "ann", modern("1", "tools/list", ""), "MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/list")
	if !strings.Contains(r.body, `"ttlMs":300000`) || !strings.Contains(r.body, "synap_box_put") || strings.Contains(r.body, "synap_status") {
		t.Errorf("list without sessions: %+v", r)
	}
}

func TestRefusals(t *testing.T) {
	w := serve(t, full(t))
	session := w.session("ann")
	huge := `{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("x", 4<<20) + `"}`
	tests := []struct {
		name, method, query, caller, body, header string
		status                                    int
		text                                      string
	}{
		{"nobody knows who calls", "POST", "", "", initialize, "", 401, "send a credential"},
		{"a profile that is not there", "POST", "?profile=nope", "ann", initialize, "", 400, "the profiles are boxes, core"},
		{"one byte over 4 MiB", "POST", "", "ann", huge[:4<<20] + "x", "", 413, "4 MiB"},
		{"4 MiB", "POST", "", "ann", strings.Repeat(" ", 4<<20-len(getA)) + getA, session, 200, `"found":false`},
		{"not JSON", "POST", "", "ann", `{"jsonrpc"`, "", 400, "-32700"},
		{"another method", "PUT", "", "ann", "", "", 405, "PUT"},
		{"no session where there must be one", "GET", "", "ann", "", "", 400, "initialize"},
		{"no session to call in", "POST", "", "ann", getA, "", 400, "send initialize first"},
		{"a session that never was", "POST", "", "ann", getA, "Mcp-Session-Id: mcp-session-x", 404, "there is no such session"},
		{"a stranger calls in a session", "POST", "", "bob", getA, session, 404, "there is no such session"},
		{"a stranger listens in a session", "GET", "", "bob", "", session, 404, "there is no such session"},
		{"a stranger ends a session", "DELETE", "", "bob", "", session, 404, "there is no such session"},
		{"and it lives on", "POST", "", "ann", getA, session, 200, `"found":false`},
		{"its owner ends it", "DELETE", "", "ann", "", session, 200, ""},
		{"then it is gone", "POST", "", "ann", getA, session, 404, "there is no such session"},
		{"and cannot be ended again", "DELETE", "", "ann", "", session, 404, "there is no such session"},
	}
	for _, tt := range tests {
		headers := []string{}
		if tt.header != "" {
			headers = append(headers, tt.header)
		}
		r := w.do(tt.method, tt.query, tt.caller, tt.body, headers...)
		if r.status != tt.status || !strings.Contains(r.body, tt.text) {
			t.Errorf("%s: %d %.200s, want %d with %q", tt.name, r.status, r.body, tt.status, tt.text)
		}
		if r.status == 401 && r.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", tt.name)
		}
	}
}

func TestLibraryClient(t *testing.T) {
	w := serve(t, full(t))
	r, err := client.NewStreamableHttpClient(w.url+"/mcp?profile=boxes", transport.WithHTTPHeaders(map[string]string{"X-Caller": "ann"}))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := r.Start(ctx); err != nil {
		t.Fatal(err)
	}
	hello := mcpgo.InitializeRequest{}
	hello.Params.ProtocolVersion = "2025-11-25"
	hello.Params.ClientInfo = mcpgo.Implementation{Name: "test", Version: "1"}
	if _, err := r.Initialize(ctx, hello); err != nil {
		t.Fatal(err)
	}
	tools, err := r.ListTools(ctx, mcpgo.ListToolsRequest{})
	if err != nil || len(tools.Tools) != 3 || tools.Tools[0].Name != "synap_box_put" {
		t.Errorf("tools %+v (%v)", tools, err)
	}
	put := mcpgo.CallToolRequest{}
	put.Params.Name, put.Params.Arguments = "synap_box_put", map[string]any{"key": "a", "value": "x"}
	if result, err := r.CallTool(ctx, put); err != nil || result.IsError {
		t.Errorf("put: %+v (%v)", result, err)
	}
	put.Params.Name = "synap_box_list"
	if result, err := r.CallTool(ctx, put); err != nil || !result.IsError {
		t.Errorf("a hidden tool: %+v (%v)", result, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestShutdownAnswersThoseWhoWait(t *testing.T) {
	s := full(t)
	w := serve(t, s)
	session := w.session("ann")
	listening := w.open(t.Context(), "GET", "", "ann", "", session)
	if got := listening.Header.Get("X-Accel-Buffering"); got != "no" {
		t.Errorf("X-Accel-Buffering: %q, want no", got)
	}
	var calls sync.WaitGroup
	calls.Go(func() {
		r := w.do("POST", "?profile=full", "ann",
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_box_wait","arguments":{}}}`, session)
		if r.status != 200 || !strings.Contains(r.body, "unavailable: the server is stopping") {
			t.Errorf("the waiting call got %+v", r)
		}
	})
	<-waiting
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	calls.Wait()
	if _, err := bufio.NewReader(listening.Body).ReadString('\n'); err != io.EOF {
		t.Errorf("the stream goes on: %v", err)
	}
	if err := listening.Body.Close(); err != nil {
		t.Error(err)
	}
	if r := w.do("POST", "", "ann", initialize); r.status != 503 || r.header.Get("Retry-After") == "" {
		t.Errorf("after the end: %+v", r)
	}
}

func TestCallEndsWhenItsClientGoesAway(t *testing.T) {
	w := serve(t, full(t))
	session := w.session("ann")
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", w.url+"/mcp?profile=full",
		strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_box_wait","arguments":{}}}`))
	if err != nil {
		t.Fatal(err)
	}
	name, id, _ := strings.Cut(session, ": ")
	r.Header.Set(name, id)
	r.Header.Set("X-Caller", "ann")
	r.Header.Set("Content-Type", "application/json")
	go func() { <-waiting; cancel() }()
	transport := &http.Transport{DisableKeepAlives: true}
	if resp, err := transport.RoundTrip(r); err == nil {
		_ = resp.Body.Close()
		t.Errorf("answered with %d", resp.StatusCode)
	}
	// That the handler ended is what the server's Close and goleak check.
}

// connecting is an executor whose namespace has room for so many connections.
type connecting struct {
	command.Executor
	most, open atomic.Int64
}

func (c *connecting) Connect(*auth.Identity, string) (leave func(), err error) {
	if c.open.Add(1) > c.most.Load() {
		c.open.Add(-1)
		return nil, fault.New(fault.Exhausted, "there is no room for a connection")
	}
	return func() { c.open.Add(-1) }, nil
}

// TestASessionHasAPlace: from initialize to its end, and no request that opens none keeps one.
func TestASessionHasAPlace(t *testing.T) {
	e := newWorld(t)
	x := &connecting{Executor: e.engine.Dispatcher()}
	x.most.Store(2)
	w := serve(t, start(t, mcp.Options{Executor: x}))
	first := w.session("ann")
	w.session("ann")
	if n := x.open.Load(); n != 2 {
		t.Errorf("two sessions have %d places", n)
	}
	if r := w.do("POST", "", "ann", initialize); r.status != http.StatusServiceUnavailable || !strings.Contains(r.body, "no room") {
		t.Errorf("the third is %+v", r)
	}
	if r := w.do("POST", "", "ann", `{"jsonrpc":"2.0","id":2,"method":"ping"}`, first); r.status != 200 {
		t.Errorf("a ping: %+v", r)
	}
	if r := w.do("DELETE", "", "ann", "", first); r.status >= 300 || x.open.Load() != 1 {
		t.Errorf("the end of the first: %+v; %d places are taken", r, x.open.Load())
	}
	if r := w.do("POST", "", "ann", `{"jsonrpc":"2.0","id":2,"method":"ping"}`); r.status < 400 || x.open.Load() != 1 {
		t.Errorf("a ping without a session: %+v; %d places are taken", r, x.open.Load())
	}
}
