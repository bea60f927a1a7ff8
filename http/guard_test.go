package http_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
	door "github.com/hivellm/synap-go/http"
)

// pipes is a listener whose connections are pipes, for virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipes() *pipes {
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error { p.close(); return nil }

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
	case <-p.closed:
		_ = far.Close()
	}
	return near
}

// inVirtualTime runs a door behind pipes.
func inVirtualTime(t *testing.T, test func(t *testing.T, p *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d, p := newDoor(t, nil), newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- d.Serve(ctx, p) }()
		test(t, p)
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// lasts is how long the server keeps a connection on which these bytes come, one every second.
func lasts(t *testing.T, p *pipes, text string) time.Duration {
	t.Helper()
	conn := p.dial()
	defer func() { _ = conn.Close() }()
	start, ended := time.Now(), make(chan time.Duration, 1)
	go func() {
		_, _ = io.Copy(io.Discard, conn)
		ended <- time.Since(start)
	}()
	for _, b := range []byte(text) {
		if _, err := conn.Write([]byte{b}); err != nil {
			return <-ended
		}
		select {
		case d := <-ended:
			return d
		case <-time.After(time.Second):
		}
	}
	return <-ended
}

// TestSlowHeaders is slowloris: a header that comes letter by letter.
func TestSlowHeaders(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *pipes) {
		if d := lasts(t, p, "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "+strings.Repeat("x", 1000)); d < 4*time.Second || d > 6*time.Second {
			t.Errorf("headers may take %v", d)
		}
		if d := lasts(t, p, ""); d > 6*time.Second {
			t.Errorf("a connection may say nothing for %v", d)
		}
	})
}

// TestSlowBodies: a body that comes letter by letter, to the door itself.
func TestSlowBodies(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *pipes) {
		conn := p.dial()
		start, answered := time.Now(), make(chan string, 1)
		go func() {
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				answered <- err.Error()
				return
			}
			text, _ := io.ReadAll(resp.Body)
			answered <- resp.Status + " " + string(text)
		}()
		_, _ = io.WriteString(conn, "POST /v1/note/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
		for range 100 {
			if _, err := conn.Write([]byte{' '}); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if got := <-answered; !strings.HasPrefix(got, "504 ") {
			t.Errorf("it was answered %s", got)
		}
		if d := time.Since(start); d < 55*time.Second || d > 105*time.Second {
			t.Errorf("a body may take %v", d)
		}
		_ = conn.Close()
	})
}

// TestIdleConnections: a connection between two requests.
func TestIdleConnections(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *pipes) {
		conn := p.dial()
		_, _ = io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
		r := bufio.NewReader(conn)
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		start := time.Now()
		_, err = r.ReadByte()
		if d := time.Since(start); !errors.Is(err, io.EOF) || d != 120*time.Second {
			t.Errorf("an idle connection lasts %v, %v", d, err)
		}
	})
}

// TestSlowReaders: whoever takes nothing of an answer is dropped after ten seconds, and holds nothing after that.
func TestSlowReaders(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *pipes) {
		conn := p.dial()
		_, _ = io.WriteString(conn, "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
		time.Sleep(11 * time.Second)
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			t.Error("it waited for a reader that took nothing for 11 s")
		}
		_ = conn.Close()
	})
}

func TestConnectionsOfACallerAndAnAddress(t *testing.T) {
	registry := clients.New(clients.Limits{PerKey: 1, PerAddress: 3})
	b, _ := serve(t, func(o *door.Options) {
		o.Clients = registry
		o.Authenticator = asker(func(c *auth.Credential) (*auth.Identity, error) {
			return &auth.Identity{Name: c.Key, Namespace: "default", Access: auth.Admin}, nil
		})
	})
	one := func() *bench {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		return &bench{T: t, url: b.url, client: &http.Client{Transport: transport}}
	}
	ann, bob, eve := one(), one(), one()
	want := func(b *bench, key string, status int, text string) {
		t.Helper()
		if got := b.do("POST", "/v1/note/echo", `{"key":"k"}`, "X-API-Key: "+key); got.status != status || !strings.Contains(got.body, text) {
			t.Errorf("%s: %d %s, want %d %s", key, got.status, got.body, status, text)
		}
	}
	want(ann, "ann", 200, "")
	want(ann, "ann", 200, "")
	want(bob, "ann", 503, "there are 1 connections of this caller")
	for registry.Counts().Open > 1 { // its connection is closed after the answer, and has its place until then
		runtime.Gosched()
	}
	want(bob, "bob", 200, "")
	want(eve, "eve", 200, "")
	resp, err := http.ReadResponse(bufio.NewReader(dial(t, b.url)), nil)
	if err != nil || resp.StatusCode != 503 {
		t.Fatalf("the fourth connection from an address: %v %v", resp, err)
	}
	if text, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(text), "there are 3 connections from this address") {
		t.Errorf("it was told %s %v", text, err)
	}
	// Who is connected is known, also by whoever breaks connections off.
	if n := registry.End(func(i clients.Info) bool { return i.Caller == "eve" && i.Address != "" }); n != 1 {
		t.Errorf("eve has %d connections", n)
	}
	if _, err := registry.Open("other", netip.AddrPort{}, func() {}); err != nil {
		t.Errorf("another door's connection: %v", err)
	}
}

func dial(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestTraces: what a caller says about its request reaches whoever runs it, if it is well formed.
func TestTraces(t *testing.T) {
	var seen clients.Trace
	d := newDoor(t, func(o *door.Options) {
		o.Mounts = []door.Mount{{Pattern: "/mounted", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = clients.TraceOf(r.Context()) })}}
	})
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	got := call(d, "POST", "/mounted", "", "X-Request-Id: r-1", "Traceparent: "+parent)
	if seen != (clients.Trace{RequestID: "r-1", TraceID: parent[3:35], SpanID: parent[36:52]}) || got.header.Get("X-Request-Id") != "r-1" {
		t.Errorf("the trace is %+v, the answer %v", seen, got.header)
	}
	if got := call(d, "POST", "/mounted", "", "X-Request-Id: a b"); seen.RequestID == "" || seen.RequestID != got.header.Get("X-Request-Id") {
		t.Errorf("a malformed id: %+v, %v", seen, got.header)
	}
}
