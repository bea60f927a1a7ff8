package http_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/clients"
	door "github.com/hivellm/synap-go/http"
)

// follower reads an event stream line by line.
type follower struct {
	t      *testing.T
	resp   *http.Response
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func (b *bench) follow(method, path, body string, headers ...string) *follower {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		req.Header.Set(name, v)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		cancel()
		b.Fatal(err)
	}
	f := &follower{b.T, resp, bufio.NewScanner(resp.Body), cancel}
	b.Cleanup(f.close)
	return f
}

func (f *follower) close() {
	f.cancel()
	_ = f.resp.Body.Close()
}

// frame returns the next SSE frame: its fields but the id, joined, and the id.
func (f *follower) frame() (text, id string) {
	f.t.Helper()
	var parts []string
	for f.lines.Scan() {
		line := f.lines.Text()
		switch {
		case line == "":
			return strings.Join(parts, "|"), id
		case strings.HasPrefix(line, "id: "):
			id = line[4:]
		default:
			parts = append(parts, line)
		}
	}
	return strings.Join(append(parts, "EOF"), "|"), id
}

func (f *follower) wantFrame(want string) (id string) {
	f.t.Helper()
	got, id := f.frame()
	if got != want {
		f.t.Fatalf("got %s\nwant %s", got, want)
	}
	return id
}

const sse = "Accept: text/event-stream"

func TestServerSentEvents(t *testing.T) {
	b := newBench(t, nil)
	for name, open := range map[string]func(...string) *follower{
		"the resource": func(h ...string) *follower {
			return b.follow("GET", "/v1/notes?prefix=a&limit=3", "", append(h, sse)...)
		},
		"the derived route": func(h ...string) *follower {
			return b.follow("POST", "/v1/note/watch", `{"prefix":"a","limit":3}`, append(h, sse)...)
		},
		"the envelope": func(h ...string) *follower {
			return b.follow("POST", envelopes, `{"type":"request","command":"note.watch","payload":{"prefix":"a","limit":3}}`, append(h, sse)...)
		},
		"the envelope in MessagePack": func(h ...string) *follower {
			return b.follow("POST", envelopes, packed(t, `{"type":"request","command":"note.watch","payload":{"prefix":"a","limit":3}}`), append(h, sse, asMsgPack)...)
		},
	} {
		b.do("DELETE", "/v1/notes/a1", "")
		f := open()
		if ct := f.resp.Header.Get("Content-Type"); ct != "text/event-stream" {
			t.Fatalf("%s: content type %q", name, ct)
		}
		f.wantFrame(": ready")
		b.do("PUT", "/v1/notes/a1", "one")
		b.do("PUT", "/v1/notes/b1", "not watched")
		got, id := f.frame()
		if !strings.HasPrefix(got, `event: put|data: {"event":"put","key":"a1","value":"one","version":`) || id == "" {
			t.Fatalf("%s: got %s with id %q", name, got, id)
		}
		f.close()

		// What happens while nobody listens is heard after coming back with the last id.
		b.do("PUT", "/v1/notes/a2", "two")
		b.do("DELETE", "/v1/notes/a2", "")
		b.do("PUT", "/v1/notes/a3", `{"three":3}`, asJSON)
		f = open("Last-Event-ID: " + id)
		f.wantFrame(": ready")
		for _, want := range []string{`event: put|data: {"event":"put","key":"a2","value":"two",`, `event: remove|data: {"event":"remove","key":"a2",`,
			`event: put|data: {"event":"put","key":"a3","value":{"three":3},`} {
			if got, _ := f.frame(); !strings.HasPrefix(got, want) {
				t.Fatalf("%s, resumed: got %s, want %s", name, got, want)
			}
		}
		f.wantFrame("event: end|data: {}")
		f.wantFrame("EOF")
	}
}

func TestWatchErrorsBeforeTheStream(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		name, path, last, want string
		status                 int
	}{
		{"a position that is none", "/v1/notes", "x", "neither a version", 400},
		{"a position of another history", "/v1/notes", "1-1", "out_of_range", 400},
		{"an unknown parameter", "/v1/notes?prefx=a", "", "did you mean", 400},
	} {
		got := b.do("GET", c.path, "", sse, "Last-Event-ID: "+c.last)
		if got.status != c.status || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %d %s", c.name, got.status, got.body)
		}
	}
}

func TestKeepAlive(t *testing.T) {
	b := newBench(t, func(o *door.Options) { o.KeepAlive = 20 * time.Millisecond })
	f := b.follow("GET", "/v1/notes", "", sse)
	f.wantFrame(": ready")
	f.wantFrame(": alive")
	f.wantFrame(": alive")
	n := b.follow("GET", "/v1/notes", "", "Accept: application/x-ndjson")
	for _, want := range []string{"ready", "alive", "alive"} {
		if got := n.line(); got.Type != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}

type line struct {
	Type, Position string
	Payload        struct{ Event, Key string }
	Error          *struct{ Code string }
}

// line is the next line that says more than that there is nothing more for now.
func (f *follower) line() line {
	f.t.Helper()
	for {
		if l := f.anyLine(); l.Type != "seen" {
			return l
		}
	}
}

func (f *follower) anyLine() (l line) {
	f.t.Helper()
	if !f.lines.Scan() {
		f.t.Fatal("the stream has ended")
	}
	if err := json.Unmarshal(f.lines.Bytes(), &l); err != nil {
		f.t.Fatal(err)
	}
	return l
}

func TestJSONLines(t *testing.T) {
	b := newBench(t, nil)
	f := b.follow("GET", "/v1/notes?limit=2", "", "Accept: application/x-ndjson")
	if l := f.anyLine(); l.Type != "ready" || l.Position == "" {
		t.Fatalf("first line %+v", l)
	}
	if l := f.anyLine(); l.Type != "seen" || l.Position == "" {
		t.Fatalf("then nothing more for now: %+v", l)
	}
	b.do("PUT", "/v1/notes/a", "1")
	b.do("DELETE", "/v1/notes/a", "")
	if l := f.line(); l.Type != "event" || l.Payload.Event != "put" || l.Payload.Key != "a" || l.Position == "" {
		t.Fatalf("second line %+v", l)
	}
	if l := f.line(); l.Type != "event" || l.Payload.Event != "remove" {
		t.Fatalf("third line %+v", l)
	}
	if l := f.line(); l.Type != "end" || l.Error != nil {
		t.Fatalf("last line %+v", l)
	}
}

// A watch without Accept answers once, with what there is.
func TestWatchAnsweredOnce(t *testing.T) {
	b := newBench(t, nil)
	b.do("PUT", "/v1/notes/a", "1")
	b.do("PUT", "/v1/notes/b", "2")
	first := b.do("POST", "/v1/note/watch", `{"from":0,"limit":1}`)
	if first.status != 200 || strings.Contains(first.body, `"key"`) {
		t.Fatalf("from now on there is nothing: %d %s", first.status, first.body)
	}
	got := b.do("POST", "/v1/note/watch", `{"from":1}`)
	if got.status != 200 || strings.Count(got.body, `"key"`) != 1 || !strings.Contains(got.body, `"key":"b"`) {
		t.Errorf("after 1: %d %s", got.status, got.body)
	}
}

// TestAStreamTakesItsConnection: over HTTP/1.1 a stream has the headers of any answer, is complete when it says so, and gives its
// connection back.
func TestAStreamTakesItsConnection(t *testing.T) {
	registry := clients.New(clients.Limits{})
	b, _ := serve(t, func(o *door.Options) { o.Clients, o.AllowedOrigins = registry, []string{"https://app.example"} })
	conn := dial(t, b.url)
	if _, err := io.WriteString(conn, "GET /v1/notes?limit=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\nX-Request-Id: r-9\r\n"+sse+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := resp.Header
	if resp.StatusCode != 200 || len(resp.TransferEncoding) != 1 || !resp.Close || h.Get("Date") == "" || h.Get("X-Request-Id") != "r-9" ||
		h.Get("Access-Control-Allow-Origin") != "https://app.example" || h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %v %v", resp.StatusCode, resp.TransferEncoding, resp.Close, h)
	}
	body := bufio.NewReader(resp.Body)
	if line, err := body.ReadString('\n'); line != ": ready\n" {
		t.Fatalf("%q %v", line, err)
	}
	if list := registry.List(0, 10); len(list) != 1 || list[0].Kind != "sse" {
		t.Errorf("its connection is %+v", list)
	}
	b.do("PUT", "/v1/notes/a", "1")
	if text, err := io.ReadAll(body); err != nil || !strings.HasSuffix(string(text), "event: end\ndata: {}\n\n") {
		t.Errorf("%q %v", text, err)
	}
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("after the end: %q %v", rest, err)
	}
	b.client.CloseIdleConnections()
	for registry.Counts().Open > 0 { // the connection is closed, and then given back
		runtime.Gosched()
	}

	// What is refused before the stream begins is an answer like any other, on a connection that goes on.
	again := dial(t, b.url)
	r = bufio.NewReader(again)
	for range 2 {
		if _, err := io.WriteString(again, "GET /v1/notes?from=nonsense HTTP/1.1\r\nHost: localhost\r\n"+sse+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != 400 || resp.Close {
			t.Fatalf("%+v %v", resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
	}
}
