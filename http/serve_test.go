package http_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/command"
	door "github.com/hivellm/synap-go/http"
)

// serve runs the door on a socket of its own; stop ends it and returns what Serve did, and how long it took.
func serve(t *testing.T, change func(*door.Options)) (b *bench, stop func() (time.Duration, error)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, change, l, "http://"+l.Addr().String(), &http.Transport{})
}

// servePipes is serve behind pipes: in a bubble time is the test's own.
func servePipes(t *testing.T, change func(*door.Options)) (b *bench, p *pipes, stop func() (time.Duration, error)) {
	t.Helper()
	p = newPipes()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return p.dial(), nil }}
	b, stop = serveOn(t, change, p, "http://localhost", transport)
	return b, p, stop
}

func serveOn(t *testing.T, change func(*door.Options), l net.Listener, url string, transport *http.Transport) (b *bench, stop func() (time.Duration, error)) {
	t.Helper()
	d := newDoor(t, change)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- d.Serve(ctx, l) }()
	stop = sync.OnceValues(func() (time.Duration, error) {
		begin := time.Now()
		cancel()
		err := <-served
		return time.Since(begin), err
	})
	t.Cleanup(func() { _, _ = stop() })
	t.Cleanup(transport.CloseIdleConnections)
	return &bench{T: t, url: url, client: &http.Client{Transport: transport}, door: d}, stop
}

// Two hundred watchers of every kind hear everything, and the server stops cleanly with all of them attached.
func TestStopWithWatchers(t *testing.T) { synctest.Test(t, testStopWithWatchers) }

func testStopWithWatchers(t *testing.T) {
	const each = 67
	b, _, stop := servePipes(t, nil)
	var followers, jsonLines []*follower
	var sockets []*wire
	for range each {
		f := b.follow("GET", "/v1/notes", "", sse)
		f.wantFrame(": ready")
		followers = append(followers, f)
		n := b.follow("GET", "/v1/notes", "", "Accept: application/x-ndjson")
		n.line()
		jsonLines = append(jsonLines, n)
		w := b.dial(websocket.MessageText, nil)
		w.send(`{"type":"request","request_id":"w","command":"note.watch"}`)
		w.receive()
		sockets = append(sockets, w)
	}
	b.do("PUT", "/v1/notes/a", "1")
	for i := range each {
		followers[i].wantFrame(`event: put|data: {"event":"put","key":"a","value":"1","version":1}`)
		if l := jsonLines[i].line(); l.Payload.Key != "a" {
			t.Fatalf("line %+v", l)
		}
		sockets[i].want(`{"payload":{"event":"put","key":"a","value":"1","version":1},"position":"E-1","request_id":"w","type":"event"}`)
	}
	if got := b.metric(`synap_streams{kind="sse"}`); got != fmt.Sprint(each) {
		t.Errorf("%s event streams are counted, want %d", got, each)
	}

	stopped := make(chan error, 1)
	go func() {
		took, err := stop()
		if err == nil && took > 5*time.Second {
			err = fmt.Errorf("it took %v", took)
		}
		stopped <- err
	}()
	const why = `{"code":"unavailable","message":"the server is shutting down"}`
	for i := range each {
		if got, _ := followers[i].frame(); got != `event: error|data: {"error":`+why+`}` {
			t.Fatalf("an event stream ends with %s", got)
		}
		followers[i].wantFrame("EOF")
		if l := jsonLines[i].line(); l.Type != "end" || l.Error.Code != "unavailable" {
			t.Fatalf("a stream of lines ends with %+v", l)
		}
		if jsonLines[i].lines.Scan() {
			t.Fatalf("a stream of lines goes on with %s", jsonLines[i].lines.Text())
		}
		sockets[i].want(`{"error":` + why + `,"position":"E-1","request_id":"w","status":"error","type":"end"}`)
		_, _, err := sockets[i].conn.Read(sockets[i].ctx)
		if websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Fatalf("a socket ends with %v", err)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// signalling says when a command has begun.
type signalling struct {
	command.Executor
	begun chan struct{}
}

func (s signalling) Do(ctx context.Context, r *command.Request) (any, error) {
	close(s.begun)
	return s.Executor.Do(ctx, r)
}

// A request that never ends is cancelled, and answered, within the time to stop; its caller, who cancelled nothing, is told why.
func TestStopWithARequestThatHangs(t *testing.T) { synctest.Test(t, testStopWithARequestThatHangs) }

func testStopWithARequestThatHangs(t *testing.T) {
	begun := make(chan struct{})
	b, _, stop := servePipes(t, func(o *door.Options) { o.Executor = signalling{o.Executor, begun} })
	answered := make(chan string, 1)
	go func() {
		resp, err := b.client.Post(b.url+"/v1/note/test/fail", "application/json", strings.NewReader(`{"code":"stall"}`))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		answered <- fmt.Sprintln(resp.StatusCode, string(text), err)
	}()
	<-begun
	if took, err := stop(); err != nil || took > 5*time.Second {
		t.Errorf("stopped after %v with %v", took, err)
	}
	if got := <-answered; !strings.HasPrefix(got, "503 ") || !strings.Contains(got, "shutting down") {
		t.Errorf("got %s, want 503, and why", got)
	}
}

// A connection over which nothing was asked does not hold up a stop, nor is one that is in use cut off for it.
func TestStopWithAConnectionThatSaysNothing(t *testing.T) {
	synctest.Test(t, testStopWithAConnectionThatSaysNothing)
}

func testStopWithAConnectionThatSaysNothing(t *testing.T) {
	b, p, stop := servePipes(t, nil)
	conn := p.dial()
	defer conn.Close()
	resp, err := b.client.Get(b.url + "/health")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if took, err := stop(); err != nil || took > 5*time.Second {
		t.Errorf("stopped after %v with %v", took, err)
	}
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("Read() = %d, %v", n, err)
	}
}

func TestHTTP2WithPriorKnowledge(t *testing.T) {
	t.Parallel()
	b, stop := serve(t, nil)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	b.client = &http.Client{Transport: transport}
	resp, err := b.client.Get(b.url + "/health")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Errorf("served over %s", resp.Proto)
	}
	f := b.follow("GET", "/v1/notes", "", sse)
	f.wantFrame(": ready")
	b.do("PUT", "/v1/notes/a", "1")
	f.wantFrame(`event: put|data: {"event":"put","key":"a","value":"1","version":1}`)
	if got := b.do("GET", "/v1/ws", ""); got.status != 415 {
		t.Errorf("a WebSocket over HTTP/2: %d %s", got.status, got.body)
	}
	f.close()
	transport.CloseIdleConnections()
	if _, err := stop(); err != nil {
		t.Error(err)
	}
}

func TestConnectionCap(t *testing.T) {
	t.Parallel()
	b, _ := serve(t, func(o *door.Options) { o.MaxConnections = 2 })
	addr := strings.TrimPrefix(b.url, "http://")
	open := func() net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	ask := func(conn net.Conn) int {
		_, _ = io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	one, two := open(), open()
	if ask(one) != 200 || ask(two) != 200 {
		t.Fatal("two connections are not served")
	}
	resp, err := http.ReadResponse(bufio.NewReader(open()), nil)
	if err != nil || resp.StatusCode != 503 {
		t.Fatalf("the third connection: %v %v", resp, err)
	}
	_ = resp.Body.Close()
	_ = one.Close()
	for { // until the place of the closed connection is free again
		conn := open()
		_, _ = io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && resp.StatusCode == 200 {
			break
		}
		_ = conn.Close()
	}
}

func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	b, _ := serve(t, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprintf(conn, "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", 24<<10))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Fatalf("24 KiB of headers: %v %v", resp, err)
	}
	_ = resp.Body.Close()
}

// exhausted is a listener of a process that is out of file descriptors for a while.
type exhausted struct {
	net.Listener
	left atomic.Int64 // how often it fails yet
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

// TestOutOfDescriptors: the log hears of it, once, and the door goes on when there are descriptors again.
func TestOutOfDescriptors(t *testing.T) { synctest.Test(t, testOutOfDescriptors) }

func testOutOfDescriptors(t *testing.T) {
	var said strings.Builder
	log := logrus.New()
	log.SetOutput(&said)
	d := newDoor(t, func(o *door.Options) { o.Log = log })
	inner := newPipes()
	l := &exhausted{Listener: inner}
	l.left.Store(4)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- d.Serve(ctx, l) }()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return inner.dial(), nil }}
	resp, err := (&http.Client{Transport: transport}).Get("http://localhost/health")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("afterwards: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
	transport.CloseIdleConnections()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if told := strings.Count(said.String(), "no connection can be taken now"); told != 1 {
		t.Errorf("it said so %d times: %s", told, said.String())
	}
}

func TestListenerThatFails(t *testing.T) {
	d := newDoor(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := d.Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve = %v", err)
	}
}
