package mcp_test

import (
	"bufio"
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"github.com/hivellm/synap-go/mcp"
)

// serveOld is serve with the older transport.
func serveOld(t *testing.T, s *mcp.Server) *web {
	t.Helper()
	return behind(t, s.SSEHandler())
}

// oldStream is the reading end of a stream.
type oldStream struct {
	*web
	caller, address string
	body            *bufio.Reader
	end             func()
}

// listen opens a stream and reads where to post to.
func (w *web) listen(query, caller string) *oldStream {
	w.Helper()
	ctx, end := context.WithCancel(w.Context())
	w.Cleanup(end)
	resp := w.open(ctx, "GET", query, caller, "")
	w.Cleanup(func() { end(); _ = resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("X-Accel-Buffering") != "no" {
		w.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	if resp.Header.Get("Access-Control-Allow-Origin") != "" {
		w.Error("any website may listen")
	}
	s := &oldStream{web: w, caller: caller, body: bufio.NewReader(resp.Body), end: end}
	kind, address := s.event()
	if kind != "endpoint" || !strings.HasPrefix(address, "/mcp?sessionId=") {
		w.Fatalf("%s %s", kind, address)
	}
	s.address = strings.TrimPrefix(address, "/mcp")
	return s
}

// event reads one event.
func (s *oldStream) event() (kind, data string) {
	s.Helper()
	for {
		text, err := s.body.ReadString('\n')
		if err != nil {
			s.Fatalf("after %s %s: %v", kind, data, err)
		}
		text = strings.TrimSuffix(text, "\n")
		switch {
		case strings.HasPrefix(text, "event: "):
			kind = text[len("event: "):]
		case strings.HasPrefix(text, "data: "):
			data = text[len("data: "):]
		case text == "" && kind != "":
			return kind, data
		}
	}
}

// post posts a message, which must be accepted.
func (s *oldStream) post(body string) {
	s.Helper()
	if r := s.do("POST", s.address, s.caller, body); r.status != 202 || r.body != "" {
		s.Fatalf("%s: %+v", body, r)
	}
}

// ask posts a request and returns what comes over the stream.
func (s *oldStream) ask(body string) string {
	s.Helper()
	s.post(body)
	_, data := s.event()
	return data
}

func TestOlderTransport(t *testing.T) {
	door := full(t)
	w := serveOld(t, door)
	s := w.listen("?profile=full", "ann")
	if got := s.ask(initialize); !strings.Contains(got, `"serverInfo"`) {
		t.Error(got)
	}
	s.post(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	for body, want := range map[string]string{
		getA: `"found":false`,
		`{"jsonrpc":"2.0","id":2,"method":"ping"}`: `"result":{}`,
		"{\n\"jsonrpc\":\"2.0\",\n\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"synap_box_list\",\"arguments\":{}}}": `"keys":[]`,
		`{"jsonrpc":"2.0","id":4,"method":"nothing"}`: "-32601",
		`{"jsonrpc"`: "-32700",
	} {
		if got := s.ask(body); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	for _, tt := range []struct {
		name, method, query, caller, body string
		status                            int
	}{
		{"nobody knows who listens", "GET", "", "", "", 401},
		{"nobody knows who posts", "POST", s.address, "", getA, 401},
		{"a stranger", "POST", s.address, "bob", getA, 404},
		{"no stream", "POST", "", "ann", getA, 404},
		{"a stream that never was", "POST", "?sessionId=x", "ann", getA, 404},
		{"no such profile", "GET", "?profile=nope", "ann", "", 400},
		{"no such agent", "GET", "?agent=%20", "ann", "", 400},
		{"another method", "PUT", s.address, "ann", getA, 405},
		{"one byte over 4 MiB", "POST", s.address, "ann", strings.Repeat("x", 4<<20+1), 413},
		{"too deep", "POST", s.address, "ann", strings.Repeat("[", 2000), 400},
	} {
		if r := w.do(tt.method, tt.query, tt.caller, tt.body); r.status != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, r.status, r.body, tt.status)
		}
	}
	other := w.listen("", "bob") // in the profile that the library chooses: core
	if got := other.ask(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`); got == s.ask(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`) {
		t.Error("the profile makes no difference")
	}
	other.end()
	for door.Streams() != 1 { // until the server has seen it
		runtime.Gosched()
	}
	if r := w.do("POST", other.address, "bob", getA); r.status != 404 {
		t.Errorf("after its end: %+v", r)
	}
}

// TestOlderTransportEndsWithTheServer has a call that waits answered, and then the stream over.
func TestOlderTransportEndsWithTheServer(t *testing.T) {
	door := full(t)
	w := serveOld(t, door)
	s := w.listen("?profile=full", "ann")
	s.post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_box_wait","arguments":{}}}`)
	<-waiting
	if err := door.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, got := s.event(); !strings.Contains(got, "unavailable: the server is stopping") {
		t.Error(got)
	}
	if rest, err := s.body.ReadString('\n'); err == nil || rest != "" {
		t.Errorf("the stream goes on: %q", rest)
	}
	if r := w.do("GET", "", "ann", ""); r.status != 503 || r.header.Get("Retry-After") == "" {
		t.Errorf("after the end: %+v", r)
	}
}

// TestOlderTransportForItsClients is the library's client of that transport: calls, and updates of what it follows.
func TestOlderTransportForItsClients(t *testing.T) {
	world := newWorld(t)
	w := serveOld(t, world.door)
	c, err := client.NewSSEMCPClient(w.url+"/mcp?profile=full", transport.WithHeaders(map[string]string{"X-Caller": "ann"}))
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 10)
	c.OnNotification(func(n mcpgo.JSONRPCNotification) { told <- n.Method })
	ctx := t.Context()
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	hello := mcpgo.InitializeRequest{}
	hello.Params.ProtocolVersion = "2024-11-05"
	hello.Params.ClientInfo = mcpgo.Implementation{Name: "Old Client", Version: "1"}
	if _, err := c.Initialize(ctx, hello); err != nil {
		t.Fatal(err)
	}
	follow := mcpgo.SubscribeRequest{}
	follow.Params.URI = "synap://kv/a"
	//lint:ignore SA1019 this transport has no other way
	if err := c.Subscribe(ctx, follow); err != nil {
		t.Fatal(err)
	}
	set := mcpgo.CallToolRequest{}
	set.Params.Name, set.Params.Arguments = "synap_kv_set", map[string]any{"key": "a", "value": "x"}
	if r, err := c.CallTool(ctx, set); err != nil || r.IsError {
		t.Errorf("%+v (%v)", r, err)
	}
	if got := <-told; got != mcpgo.MethodNotificationResourceUpdated {
		t.Error(got)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestOlderTransportIsBounded(t *testing.T) {
	if most := mcp.MostStreams(); most != 1000 {
		t.Errorf("one principal has %d streams at most", most)
	}
}
