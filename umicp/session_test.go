package umicp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// listener hands out connections that are made in memory, so that a test needs no ports and can be in a bubble.
type listener struct {
	conns chan net.Conn
	once  sync.Once
	over  chan struct{}

	sockets net.Listener // nil for connections in memory
	alone   bool         // no loop takes them
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), over: make(chan struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	if l.sockets != nil {
		conn, err := l.sockets.Accept()
		if err == nil && l.alone {
			conn = struct{ *net.TCPConn }{conn.(*net.TCPConn)}
		}
		return conn, err
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	if l.sockets != nil {
		return l.sockets.Close()
	}
	l.once.Do(func() { close(l.over) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (l *listener) dial() net.Conn {
	if l.sockets != nil {
		conn, err := net.Dial("tcp", l.sockets.Addr().String())
		if err != nil {
			panic(err) // the loopback has room for one more, or no test can say anything
		}
		return conn
	}
	ours, theirs := net.Pipe()
	l.conns <- theirs
	return ours
}

// serving is a door that serves connections; stop ends it.
func serving(t testing.TB, o umicp.Options) (l *listener, door *umicp.Server, stop func()) {
	t.Helper()
	door, _ = openWith(t, o)
	l = newListener()
	return l, door, serveOn(t, door, l)
}

// servingSockets is serving over TCP on the loopback, where loops read.
func servingSockets(t testing.TB, o umicp.Options) (l *listener, door *umicp.Server, stop func()) {
	t.Helper()
	door, _ = openWith(t, o)
	l = listening(t)
	return l, door, serveOn(t, door, l)
}

func listening(t testing.TB) *listener {
	t.Helper()
	sockets, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &listener{sockets: sockets}
}

// opener is serving, or servingSockets.
type opener func(testing.TB, umicp.Options) (*listener, *umicp.Server, func())

// everyWay runs a test over connections in memory, each of which a goroutine reads, and over sockets, which loops read.
func everyWay(t *testing.T, test func(t *testing.T, serving opener)) {
	t.Run("pipes", func(t *testing.T) { test(t, serving) })
	t.Run("sockets", func(t *testing.T) { test(t, servingSockets) })
}

// serveOn has the door serve the connections of a listener until stop is called.
func serveOn(t testing.TB, door *umicp.Server, l net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- door.Serve(ctx, l) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := door.Sessions(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
	t.Cleanup(stop)
	return stop
}

// peer speaks frames by hand. It can always send, also while the server sends to it, as one with a socket's buffer can.
type peer struct {
	t      testing.TB
	conn   net.Conn
	out    chan []byte // what write sends, in order
	reader *umx.Reader
	in     *umx.Inbound
	seq    map[uint64]uint32
	id     uint64
}

func newPeer(t testing.TB, conn net.Conn) *peer {
	p := &peer{
		t: t, conn: conn, out: make(chan []byte, 1024), reader: umx.NewReader(conn, umx.Limits{}),
		in: umx.NewInbound(false, umx.Limits{}), seq: map[uint64]uint32{},
	}
	var sending sync.WaitGroup
	sending.Go(func() {
		for b := range p.out {
			_, _ = conn.Write(b) // a session that is over is seen where it is read
		}
	})
	t.Cleanup(func() {
		close(p.out)
		_ = conn.Close()
		sending.Wait()
	})
	return p
}

// write sends in the background, because a pipe has no buffer: were it to wait, it and a server that writes an answer at that
// moment would wait for each other.
func (p *peer) write(b []byte) { p.out <- b }

// frame encodes a message with the next number of its stream.
func (p *peer) frame(m umx.Message) []byte {
	p.t.Helper()
	if m.Kind.Bare() {
		return m.Bare(nil)
	}
	m.Sequence = p.seq[m.Stream]
	p.seq[m.Stream]++
	if m.Flags&umx.StreamStart != 0 {
		p.in.Expect(m.Stream)
	}
	b, err := m.Append(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *peer) send(m umx.Message) { p.t.Helper(); p.write(p.frame(m)) }

// ask makes a request in the short form.
func (p *peer) ask(stream uint64, flags umx.Flags, operation any, args any, options ...any) umx.Message {
	p.t.Helper()
	p.id++
	meta, err := msgpack.Marshal(append([]any{operation, args}, options...))
	if err != nil {
		p.t.Fatal(err)
	}
	return umx.Message{
		Op: umx.OpRequest, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Stream: stream, Flags: flags, Request: p.id, Meta: meta,
	}
}

// read returns the next frame. It answers the server that asks whether there is anybody, as it does when the machine stood still for a while.
func (p *peer) read() (*umx.Frame, error) {
	for {
		f, err := p.reader.Next()
		if err != nil || f.Kind != umx.KindPing {
			return f, err
		}
		p.write((&umx.Message{Kind: umx.KindPong, Request: f.Request}).Bare(nil))
	}
}

// next returns the next message, put together, and gives no credit.
func (p *peer) next() *umx.Frame {
	p.t.Helper()
	for {
		f, err := p.read()
		if err != nil {
			p.t.Fatal(err)
		}
		if f.Kind.Bare() {
			return f.Own()
		}
		whole, err := p.in.Accept(f)
		if err != nil {
			p.t.Fatal(err)
		}
		if whole != nil {
			return whole.Own()
		}
	}
}

// json is a frame's metadata as JSON.
func text(t testing.TB, f *umx.Frame) string {
	t.Helper()
	if f.MetaEncoding == umx.JSON {
		return string(f.Meta)
	}
	b, ok := pack.ToJSON(nil, f.Meta)
	if !ok {
		t.Fatalf("%x has no JSON", f.Meta)
	}
	return string(b)
}

// expect wants the next message to be an answer on that stream that has the words in it.
func (p *peer) expect(stream, request uint64, words ...string) *umx.Frame {
	p.t.Helper()
	f := p.next()
	got := ""
	if !f.Kind.Bare() && f.BodyLen > 0 {
		got = text(p.t, f)
	}
	ok := f.Stream == stream && f.Request == request
	for _, w := range words {
		ok = ok && strings.Contains(got, w)
	}
	if !ok {
		p.t.Fatalf("kind %d, stream %d, request %d: %s; want stream %d, request %d with %q", f.Kind, f.Stream, f.Request, got, stream, request, words)
	}
	return f
}

func (p *peer) bare(kind umx.Kind) *umx.Frame {
	p.t.Helper()
	f := p.next()
	if f.Kind != kind {
		p.t.Fatalf("kind %d (%s), want %d", f.Kind, f.Meta, kind)
	}
	return f
}

// TestSilenceIsNotSlow: what a peer waits between two requests is no time that the second one took.
func TestSilenceIsNotSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := engineOn(t, nil)
		engine.Dispatcher().Observe(&command.Observer{SlowAfter: time.Second, Slow: func(_ context.Context, r *command.Request, took time.Duration, _ error) {
			t.Errorf("%s took %v", r.Command.Name, took)
		}})
		door := umicp.New(umicp.Options{Executor: engine.Dispatcher()})
		l := newListener()
		stop := serveOn(t, door, l)
		p := greeted(t, l, nil)
		for range 3 {
			p.send(p.ask(0, 0, "kv.get", map[string]any{"key": "a"}))
			p.expect(0, p.id, `"found":false`)
			time.Sleep(2 * time.Second)
		}
		stop()
	})
}

func hello(change func(*umx.Hello)) umx.Message {
	h := umx.NewHello("tester", umx.Limits{})
	if change != nil {
		change(h)
	}
	return umx.Message{Kind: umx.KindHello, Meta: h.Meta()}
}

// greeted is a peer that has said HELLO.
func greeted(t testing.TB, l *listener, change func(*umx.Hello)) *peer {
	t.Helper()
	p := newPeer(t, l.dial())
	p.send(hello(change))
	f := p.next()
	if f.Kind != umx.KindWelcome {
		t.Fatalf("kind %d: %s", f.Kind, f.Meta)
	}
	var welcome umx.Hello
	if err := json.Unmarshal(f.Meta, &welcome); err != nil || len(welcome.DTypes) != 17 || welcome.Identity == "" {
		t.Fatalf("WELCOME %s: %v", f.Meta, err)
	}
	return p
}

type doorman struct{}

func (doorman) Authenticate(_ context.Context, c *auth.Credential) (*auth.Identity, error) {
	switch c.Key {
	case "right":
		return auth.Local(), nil
	case "reader":
		return &auth.Identity{Name: "reader", Namespace: "default", Access: auth.Read}, nil
	}
	return nil, fault.New(fault.Unauthenticated, "the key is not known")
}

func TestGreeting(t *testing.T) {
	everyWay(t, testGreeting)
	t.Run("sockets, a goroutine each", func(t *testing.T) {
		testGreeting(t, func(t testing.TB, o umicp.Options) (*listener, *umicp.Server, func()) {
			door, _ := openWith(t, o)
			l := listening(t)
			l.alone = true
			return l, door, serveOn(t, door, l)
		})
	})
}

func testGreeting(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{Authenticator: doorman{}})
	keyed := func(key string) func(*umx.Hello) { return func(h *umx.Hello) { h.Auth = &umx.Auth{APIKey: key} } }
	t.Run("the right key", func(t *testing.T) {
		p := greeted(t, l, keyed("right"))
		p.send(p.ask(0, 0, "kv.set", map[string]any{"key": "a", "value": "1"}))
		p.expect(0, 1, `[0,{"version":1`)
	})
	t.Run("as a bearer", func(t *testing.T) {
		greeted(t, l, func(h *umx.Hello) { h.Auth = &umx.Auth{Bearer: "right"} })
	})
	t.Run("what the key does not allow", func(t *testing.T) {
		p := greeted(t, l, keyed("reader"))
		p.send(p.ask(0, 0, "kv.set", map[string]any{"key": "a", "value": "1"}))
		p.expect(0, 1, fmt.Sprintf(`[%d,"reader may not`, umx.PermissionDenied))
	})
	refused := map[string]struct {
		first umx.Message
		code  umx.Code
	}{
		"the wrong key":   {hello(keyed("wrong")), umx.AuthenticationFailed},
		"no key":          {hello(nil), umx.AuthenticationFailed},
		"a request first": {umx.Message{Op: umx.OpRequest, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Meta: []byte{0x91, 1}}, umx.InvalidState},
		"a HELLO on a stream": {func() umx.Message {
			m := hello(keyed("right"))
			m.Stream, m.Flags = 1, umx.StreamStart
			return m
		}(), umx.InvalidState},
		"a PING first":          {umx.Message{Kind: umx.KindPing, Request: 1}, umx.InvalidState},
		"another version":       {hello(func(h *umx.Hello) { h.UMX = []int{2} }), umx.Unsupported},
		"frames of no size":     {hello(func(h *umx.Hello) { h.MaxFrame = 100 }), umx.InvalidArgument},
		"no window":             {hello(func(h *umx.Hello) { h.Window = 0 }), umx.InvalidArgument},
		"another checksum":      {hello(func(h *umx.Hello) { h.Checksum = "none" }), umx.Unsupported},
		"a HELLO without JSON":  {umx.Message{Kind: umx.KindHello, Meta: []byte("hello")}, umx.InvalidEnvelope},
		"a HELLO that is large": {umx.Message{Kind: umx.KindHello, Meta: bytes.Repeat([]byte(" "), 70_000)}, umx.BufferOverflow},
	}
	for name, test := range refused {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, l.dial())
			p.send(test.first)
			for {
				f := p.next()
				if f.Kind == umx.KindGoAway {
					if umx.Code(f.Sequence) != test.code { //nolint:gosec // small
						t.Errorf("GOAWAY %s, want %s", umx.Code(f.Sequence), test.code) //nolint:gosec // small
					}
					break
				}
				if f.Kind != umx.KindError {
					t.Fatalf("kind %d", f.Kind)
				}
			}
			if _, err := p.reader.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("the connection goes on: %v", err)
			}
		})
	}
}

func TestStreamZeroIsAnsweredInOrder(t *testing.T) { everyWay(t, testStreamZeroIsAnsweredInOrder) }

func testStreamZeroIsAnsweredInOrder(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	p := greeted(t, l, nil)
	p.seqStart()
	// Much at once, with one in between that waits: nothing overtakes it, and a PING does.
	var all []byte
	all = append(all, p.frame(p.ask(0, 0, 0x0102, map[string]any{"key": "a", "value": "1"}))...)
	all = append(all, p.frame(p.ask(0, 0, "queue.create", map[string]any{"queue": "q"}))...)
	all = append(all, p.frame(p.ask(0, 0, "queue.receive", map[string]any{"queue": "q", "wait_ms": 10_000}))...)
	all = append(all, p.frame(p.ask(0, 0, 0x0101, map[string]any{"key": "a"}))...)
	all = append(all, p.frame(umx.Message{Kind: umx.KindPing, Request: 77})...)
	p.write(all)
	p.expect(0, 1, `"created":true`)
	p.expect(0, 2)
	if f := p.bare(umx.KindPong); f.Request != 77 {
		t.Errorf("PONG %d", f.Request)
	}
	p.send(p.ask(1, umx.StreamStart|umx.StreamEnd, "queue.publish", map[string]any{"queue": "q", "message": "x"}))
	got := map[uint64]*umx.Frame{}
	var order []uint64
	for range 3 {
		f := p.next()
		got[f.Request] = f
		if f.Stream == 0 {
			order = append(order, f.Request)
		}
	}
	if len(order) != 2 || order[0] != 3 || order[1] != 4 || !strings.Contains(text(t, got[3]), `"x"`) || !strings.Contains(text(t, got[4]), `"1"`) {
		t.Errorf("answered in the order %v", order)
	}
	if got[5] == nil || got[5].Stream != 1 || got[5].Flags&umx.StreamEnd == 0 {
		t.Errorf("the stream's answer is %+v", got[5])
	}
}

func (p *peer) seqStart() { p.id = 0 }

func TestErrorsSayWhat(t *testing.T) { everyWay(t, testErrorsSayWhat) }

func testErrorsSayWhat(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	p := greeted(t, l, nil)
	deep := any("x")
	for range 40 {
		deep = []any{deep}
	}
	tests := []struct {
		name string
		m    umx.Message
		code umx.Code
		word string
	}{
		{"no such command", p.ask(0, 0, "kv.gett", nil), umx.NotFound, "kv.get"},
		{"no such number", p.ask(0, 0, 0x01ff, nil), umx.NotFound, "operation"},
		{"a field that is not there", p.ask(0, 0, "kv.get", map[string]any{"kei": "a"}), umx.InvalidArgument, "key"},
		{"a wrong type", p.ask(0, 0, "kv.get", map[string]any{"key": 1}), umx.InvalidArgument, "key"},
		{"too many elements", p.ask(0, 0, "kv.get", map[string]any{"key": "a"}, map[string]any{}, 1), umx.InvalidArgument, "options"},
		{"an option that is not there", p.ask(0, 0, "kv.get", map[string]any{"key": "a"}, map[string]any{"ttl": 1}), umx.InvalidArgument, "ttl"},
		{"a watch repeated", p.ask(1, umx.StreamStart|umx.StreamEnd, "kv.get", map[string]any{"key": "a"}, map[string]any{"repeat": true}), umx.InvalidArgument, "repeated"},
		{"a durability that there is not", p.ask(0, 0, "kv.set", map[string]any{"key": "a", "value": 1}, map[string]any{"durability": "fsynced"}), umx.Unsupported, "durability"},
		{"a tensor nobody takes", func() umx.Message {
			m := p.ask(0, 0, "kv.get", map[string]any{"key": "a"}, map[string]any{"tensors": []string{"key"}})
			m.Tensors = []umx.Tensor{umx.NewTensor(umx.Float32, make([]byte, 4), 1)}
			m.Tensors[0].Name = 0
			return m
		}(), umx.InvalidArgument, "tensor"},
	}
	for _, test := range tests {
		p.send(test.m)
		f := p.expect(test.m.Stream, test.m.Request, fmt.Sprintf("[%d,", test.code), test.word)
		if f.Kind != umx.KindError || f.Op != umx.OpError {
			t.Errorf("%s: kind %d op %d", test.name, f.Kind, f.Op)
		}
	}
	p.send(umx.Message{Op: umx.OpRequest, Request: 99, Meta: []byte(`{"v":"1.0"}`)})
	p.expect(0, 99, `"name":"INVALID_ARGUMENT"`, `msg_id`)
}

func TestProtocolFaultsEndTheSession(t *testing.T) { everyWay(t, testProtocolFaultsEndTheSession) }

func testProtocolFaultsEndTheSession(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	end := umx.StreamStart | umx.StreamEnd
	tests := map[string]struct {
		send func(p *peer) []byte
		code umx.Code
	}{
		"a sequence gap":            {func(p *peer) []byte { p.seq[0]++; return p.frame(p.ask(0, 0, 0x0101, nil)) }, umx.ProtocolError},
		"an even stream":            {func(p *peer) []byte { return p.frame(p.ask(2, end, 0x0101, nil)) }, umx.ProtocolError},
		"a stream that is not open": {func(p *peer) []byte { return p.frame(p.ask(1, 0, 0x0101, nil)) }, umx.ProtocolError},
		"HELLO again":               {func(p *peer) []byte { return p.frame(hello(nil)) }, umx.ProtocolError},
		"WELCOME from a client":     {func(p *peer) []byte { m := hello(nil); m.Kind = umx.KindWelcome; return p.frame(m) }, umx.ProtocolError},
		"too much credit":           {func(p *peer) []byte { return p.frame(umx.Message{Kind: umx.KindCredit, Credit: 1 << 60}) }, umx.ProtocolError},
		"a header that is damaged":  {func(p *peer) []byte { b := p.frame(p.ask(0, 0, 0x0101, nil)); b[33] ^= 1; return b }, umx.ChecksumMismatch},
		"a frame larger than agreed": {func(p *peer) []byte {
			m := umx.Message{Op: umx.OpRequest, Tensors: []umx.Tensor{umx.NewTensor(umx.Uint8, make([]byte, 2<<20), 2<<20)}}
			return p.frame(m)[:64]
		}, umx.BufferOverflow},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := greeted(t, l, func(h *umx.Hello) { h.MaxFrame = 1 << 20 })
			b := test.send(p)
			p.write(b)
			if f := p.bare(umx.KindGoAway); umx.Code(f.Sequence) != test.code { //nolint:gosec // small
				t.Errorf("GOAWAY %s, want %s", umx.Code(f.Sequence), test.code) //nolint:gosec // small
			}
		})
	}
}

// TestAStalledPeerHoldsBackOnlyItself: a watch whose reader gives no credit stops after its window; everything else on the
// same connection goes on, and when credit comes nothing is missing.
func TestAStalledPeerHoldsBackOnlyItself(t *testing.T) {
	everyWay(t, testAStalledPeerHoldsBackOnlyItself)
}

func testAStalledPeerHoldsBackOnlyItself(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	const window = 4096
	p := greeted(t, l, func(h *umx.Hello) { h.Window = window })
	other := greeted(t, l, nil)
	p.send(p.ask(1, umx.StreamStart|umx.StreamEnd, "kv.watch", map[string]any{"keys": []string{"a"}}))
	p.expect(1, 1, "[0,null,")
	const events = 500
	for i := range events {
		other.send(other.ask(0, 0, 0x0102, map[string]any{"key": "a", "value": fmt.Sprint("v", i)}))
		other.expect(0, other.id, `"version"`)
	}
	spent, seen := 64, 0
	count := func(f *umx.Frame) {
		spent += max(f.BodyLen, 64)
		for strings.Contains(text(t, f), fmt.Sprintf(`"v%d"`, seen)) {
			seen++
		}
	}
	for spent < window {
		count(p.next())
	}
	if seen >= events || spent > window+256 {
		t.Fatalf("%d events of %d bytes came without credit", seen, spent)
	}
	// The stream is stalled, and its connection is not.
	for range 3 {
		p.send(p.ask(0, 0, 0x0101, map[string]any{"key": "a"}))
		p.expect(0, p.id, fmt.Sprintf(`"v%d"`, events-1))
	}
	p.send(umx.Message{Kind: umx.KindPing, Request: 5})
	p.bare(umx.KindPong)
	for seen < events {
		if spent >= window {
			p.send(umx.Message{Kind: umx.KindCredit, Stream: 1, Credit: uint64(spent)}) //nolint:gosec // positive
			spent = 0
		}
		count(p.next())
	}
	p.send(umx.Message{Kind: umx.KindCancel, Stream: 1, Sequence: uint32(umx.Cancelled)})
	for {
		f := p.next()
		if f.Flags&umx.StreamEnd != 0 {
			if f.Kind != umx.KindError || !strings.Contains(text(t, f), fmt.Sprintf("[%d,", umx.Cancelled)) {
				t.Errorf("a cancelled watch ends with %s", text(t, f))
			}
			break
		}
	}
	// Once more does nothing, and the stream cannot be used again.
	p.send(umx.Message{Kind: umx.KindCancel, Stream: 1, Sequence: uint32(umx.Cancelled)})
	p.send(umx.Message{Kind: umx.KindPing, Request: 6})
	p.bare(umx.KindPong)
}

func TestDeadlinesAndCancel(t *testing.T) { everyWay(t, testDeadlinesAndCancel) }

func testDeadlinesAndCancel(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	p := greeted(t, l, nil)
	p.send(p.ask(0, 0, "queue.create", map[string]any{"queue": "q"}))
	p.expect(0, 1)
	waiting := func(stream uint64, flags umx.Flags) umx.Message {
		return p.ask(stream, flags, "queue.receive", map[string]any{"queue": "q", "wait_ms": 20_000})
	}
	m := waiting(0, 0)
	m.DeadlineMS = 20
	p.send(m)
	p.expect(0, m.Request, fmt.Sprintf("[%d,", umx.DeadlineExceeded))
	m = waiting(1, umx.StreamStart|umx.StreamEnd)
	p.send(m)
	p.send(umx.Message{Kind: umx.KindCancel, Stream: 1, Sequence: uint32(umx.Cancelled)})
	if f := p.expect(1, m.Request, fmt.Sprintf("[%d,", umx.Cancelled)); f.Flags&umx.StreamEnd == 0 {
		t.Error("the stream goes on")
	}
	// On stream 0 one request is cancelled, also one that waits behind another; those after it run.
	first, second, third := waiting(0, 0), waiting(0, 0), p.ask(0, 0, 0x0101, map[string]any{"key": "a"})
	p.send(first)
	p.send(second)
	p.send(third)
	p.send(umx.Message{Kind: umx.KindCancel, Request: second.Request, Sequence: uint32(umx.Cancelled)})
	p.send(umx.Message{Kind: umx.KindCancel, Request: first.Request, Sequence: uint32(umx.Cancelled)})
	p.expect(0, first.Request, fmt.Sprintf("[%d,", umx.Cancelled))
	p.expect(0, second.Request, fmt.Sprintf("[%d,", umx.Cancelled))
	p.expect(0, third.Request, `"found":false`)
}

// TestConsumersAreGivenWhatTheyHaveRoomFor: a command that waits is repeated as long as there is credit.
func TestConsumersAreGivenWhatTheyHaveRoomFor(t *testing.T) {
	everyWay(t, testConsumersAreGivenWhatTheyHaveRoomFor)
}

func testConsumersAreGivenWhatTheyHaveRoomFor(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	p := greeted(t, l, func(h *umx.Hello) { h.Window = 2000 })
	p.send(p.ask(0, 0, "queue.create", map[string]any{"queue": "q"}))
	p.expect(0, 1)
	for i := range 30 {
		p.send(p.ask(0, 0, "queue.publish", map[string]any{"queue": "q", "message": fmt.Sprint("m", i)}))
		p.expect(0, p.id)
	}
	m := p.ask(1, umx.StreamStart|umx.StreamEnd, "queue.receive", map[string]any{"queue": "q"}, map[string]any{"repeat": true})
	p.send(m)
	spent, seen := 0, 0
	for spent < 2000 {
		f := p.expect(1, m.Request, fmt.Sprintf(`"m%d"`, seen))
		spent += f.BodyLen
		seen++
	}
	p.send(p.ask(0, 0, "queue.stats", map[string]any{"queue": "q"}))
	if f := p.next(); f.Stream != 0 || seen >= 30 {
		t.Fatalf("%d of 30 were taken without credit, then stream %d", seen, f.Stream)
	}
	for seen < 30 {
		p.send(umx.Message{Kind: umx.KindCredit, Stream: 1, Credit: 4096})
		f := p.expect(1, m.Request, fmt.Sprintf(`"m%d"`, seen))
		spent += f.BodyLen
		seen++
	}
}

// TestLargeThingsTravelInTensorsAndFragments: what is too large for metadata is a tensor, and what is too large for a frame
// comes in fragments, both ways.
func TestLargeThingsTravelInTensorsAndFragments(t *testing.T) {
	everyWay(t, testLargeThingsTravelInTensorsAndFragments)
}

func testLargeThingsTravelInTensorsAndFragments(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	for _, stream := range []uint64{0, 1} {
		p := greeted(t, l, func(h *umx.Hello) { h.MaxFrame = 64 << 10 })
		big := strings.Repeat("0123456789abcdef", 200_000)
		args, err := msgpack.Marshal(map[string]any{"key": "big", "value": big})
		if err != nil {
			t.Fatal(err)
		}
		flags := umx.Flags(0)
		if stream > 0 {
			flags = umx.StreamStart
		}
		m := p.ask(stream, flags, "kv.set", nil, map[string]any{"body": 0})
		m.Tensors = []umx.Tensor{umx.NewTensor(umx.Uint8, args, uint64(len(args)))}
		m.Sequence = p.seq[stream]
		frames, err := m.Frames(64 << 10)
		if err != nil || len(frames) < 40 {
			t.Fatalf("%d frames, %v", len(frames), err)
		}
		p.seq[stream] += uint32(len(frames)) //nolint:gosec // small
		if stream > 0 {
			p.in.Expect(stream)
		}
		var sending sync.WaitGroup
		sending.Go(func() {
			for _, parts := range frames {
				if _, err := parts.WriteTo(p.conn); err != nil {
					t.Error(err)
				}
			}
		})
		for {
			if f := p.next(); f.Kind != umx.KindCredit {
				if f.Stream != stream || !strings.Contains(text(t, f), `[0,{"version"`) {
					t.Fatalf("%s", text(t, f))
				}
				break
			}
		}
		sending.Wait()
		p.send(p.ask(stream, 0, "kv.get", map[string]any{"key": "big"}))
		spent := 0
		for {
			raw, err := p.read()
			if err != nil {
				t.Fatal(err)
			}
			if raw.Kind.Bare() {
				continue
			}
			spent += raw.BodyLen
			f, err := p.in.Accept(raw)
			if err != nil {
				t.Fatal(err)
			}
			if stream > 0 && spent > 1<<19 {
				p.send(umx.Message{Kind: umx.KindCredit, Stream: stream, Credit: uint64(spent)}) //nolint:gosec // positive
				spent = 0
			}
			if f == nil {
				continue
			}
			var got struct {
				Value string `json:"value"`
			}
			body, ok := pack.ToJSON(nil, f.Tensors[0].Data)
			if !ok || json.Unmarshal(body, &got) != nil || got.Value != big || !strings.HasPrefix(text(t, f), `[0,null,{"body":0}]`) {
				t.Fatalf("stream %d: %s with %d bytes", stream, text(t, f), len(got.Value))
			}
			break
		}
	}
}

func TestEnvelopesInFrames(t *testing.T) { everyWay(t, testEnvelopesInFrames) }

func testEnvelopesInFrames(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	p := greeted(t, l, nil)
	p.send(umx.Message{Op: umx.OpRequest, Request: 1, Meta: []byte(request(`{"operation":"kv.set","key":"a","value":"1"}`))})
	p.expect(0, 1, `"msg_id":"resp-m1"`, `"status":"success"`, `"result":{"version":1`)
	p.send(umx.Message{Op: umx.OpRequest, Request: 2, Meta: []byte(request(`{"operation":"kv.get"}`))})
	p.expect(0, 2, `"op":"error"`, `"name":"INVALID_ARGUMENT"`, `"code":12`, `"original_message_id":"m1"`)
	p.send(umx.Message{
		Op: umx.OpRequest, Request: 3, Stream: 1, Flags: umx.StreamStart | umx.StreamEnd, Meta: []byte(request(`{"operation":"kv.watch","keys":["a"]}`)),
	})
	p.expect(1, 3, `"status":"seen"`)
	p.send(umx.Message{Op: umx.OpRequest, Request: 4, Meta: []byte(request(`{"operation":"kv.delete","keys":["a"]}`))})
	got := []string{text(t, p.next()), text(t, p.next())}
	if all := strings.Join(got, "\n"); !strings.Contains(all, `"status":"event"`) || !strings.Contains(all, `"position":`) {
		t.Error(all)
	}
}

func TestAStoppingServerSaysGoodbye(t *testing.T) { everyWay(t, testAStoppingServerSaysGoodbye) }

func testAStoppingServerSaysGoodbye(t *testing.T, serving opener) {
	l, _, stop := serving(t, umicp.Options{})
	p := greeted(t, l, nil)
	p.send(p.ask(1, umx.StreamStart|umx.StreamEnd, "kv.watch", map[string]any{"keys": []string{"a"}}))
	p.expect(1, 1, "[0,null,")
	go stop()
	var saw []string
	for {
		f, err := p.read()
		if err != nil {
			break
		}
		switch {
		case f.Kind == umx.KindGoAway && umx.Code(f.Sequence) == umx.Unavailable && f.Request == 1: //nolint:gosec // small
			saw = append(saw, "goaway")
		case f.Stream == 1 && f.Flags&umx.StreamEnd != 0 && strings.Contains(text(t, f), fmt.Sprintf("[%d,", umx.Unavailable)):
			saw = append(saw, "end")
		}
	}
	if strings.Join(saw, " ") != "goaway end" {
		t.Errorf("a stop is %q", saw)
	}
}

// TestSilentPeers: who says nothing is asked, and dropped when there is no answer.
func TestSilentPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, door, stop := serving(t, umicp.Options{})
		quiet := newPeer(t, l.dial()) // says no HELLO
		alive, dead := greeted(t, l, nil), greeted(t, l, nil)
		go func() { _, _ = io.Copy(io.Discard, quiet.conn) }()
		go func() { _, _ = io.Copy(io.Discard, dead.conn) }()
		pings := 0
		go func() {
			for {
				f, err := alive.reader.Next()
				if err != nil {
					return
				}
				if f.Kind == umx.KindPing {
					pings++
					pong := umx.Message{Kind: umx.KindPong, Request: f.Request}
					_, _ = alive.conn.Write(pong.Bare(nil))
				}
			}
		}()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if n := door.Sessions(); n != 2 {
			t.Errorf("%d sessions after the time for a HELLO, want 2", n)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n := door.Sessions(); n != 1 || pings < 5 {
			t.Errorf("%d sessions after five minutes, want the one that answered %d pings", n, pings)
		}
		stop()
	})
}

func TestTooManySessions(t *testing.T) { everyWay(t, testTooManySessions) }

func testTooManySessions(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{MaxSessions: 1})
	greeted(t, l, nil)
	p := newPeer(t, l.dial())
	if f := p.bare(umx.KindGoAway); umx.Code(f.Sequence) != umx.ResourceExhausted { //nolint:gosec // small
		t.Errorf("GOAWAY %d", f.Sequence)
	}
}

// TestTenThousandIdleSessions says what one that does nothing takes. Time stands still, so that none of them is asked whether it is there.
func TestTenThousandIdleSessions(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand sessions take a while")
	}
	synctest.Test(t, tenThousandIdleSessions)
}

func tenThousandIdleSessions(t *testing.T) {
	const n = 10_000
	l, door, _ := serving(t, umicp.Options{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	h := hello(nil)
	greeting, err := h.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]net.Conn, n)
	buf := make([]byte, 8<<10)
	for i := range conns {
		conns[i] = l.dial()
		if _, err := conns[i].Write(greeting); err != nil {
			t.Fatal(err)
		}
		if got, err := conns[i].Read(buf); err != nil || got < 128 {
			t.Fatal(got, err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapInuse + after.StackInuse - before.HeapInuse - before.StackInuse) / n
	t.Logf("%d bytes for each of %d sessions, with a pipe at both ends", each, n)
	if door.Sessions() != n || each > 64<<10 {
		t.Errorf("%d sessions take %d bytes each", door.Sessions(), each)
	}
	for _, c := range conns {
		_ = c.Close()
	}
}

func TestPostedFrames(t *testing.T) {
	door, _ := open(t)
	p := &peer{t: t, seq: map[uint64]uint32{}, in: umx.NewInbound(false, umx.Limits{})}
	body := p.frame(p.ask(0, 0, "kv.set", map[string]any{"key": "a", "value": "1"}))
	body = append(body, p.frame(p.ask(0, 0, "kv.get", map[string]any{"key": "a"}))...)
	body = append(body, p.frame(umx.Message{Kind: umx.KindPing, Request: 9})...)
	body = append(body, p.frame(p.ask(1, umx.StreamStart|umx.StreamEnd, "kv.watch", map[string]any{"keys": []string{"a"}, "from": 0}))...)
	w := send(door, http.MethodPost, umicp.Path, string(body), "Content-Type", "application/umicp+binary")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/umicp+binary" {
		t.Fatalf("%d %s %q", w.Code, w.Header(), w.Body)
	}
	seen := map[uint64]string{}
	for rest := w.Body.Bytes(); len(rest) > 0; {
		var f umx.Frame
		n, err := f.Decode(rest, umx.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
		if f.Kind == umx.KindPong {
			seen[f.Request] = "pong"
		} else {
			seen[f.Request] = text(t, &f)
		}
	}
	if !strings.Contains(seen[1], `"version":1`) || !strings.Contains(seen[2], `"1"`) || seen[9] != "pong" || !strings.Contains(seen[3], "events") {
		t.Errorf("%v", seen)
	}
	body[40] ^= 1
	if w := send(door, http.MethodPost, umicp.Path, string(body), "Content-Type", "application/umicp+binary"); w.Code == 200 {
		t.Errorf("damaged frames: %d", w.Code)
	}
}

func TestPostedLegacyFrames(t *testing.T) {
	door, _ := open(t)
	opaque := umx.Legacy{Op: umx.OpData, Stream: 7, Sequence: 3, Payload: []byte("hello")}
	w := send(door, http.MethodPost, umicp.Path, string(opaque.Append(nil)), "Content-Type", "application/octet-stream")
	if f, err := umx.DecodeLegacy(w.Body.Bytes(), 1<<20); err != nil || f.Op != umx.OpAck || f.Stream != 7 || f.Sequence != 3 {
		t.Errorf("%d %x: %+v, %v", w.Code, w.Body, f, err)
	}
	asking := umx.Legacy{Op: umx.OpData, Payload: []byte(request(`{"operation":"server.status"}`))}
	w = send(door, http.MethodPost, umicp.Path, string(asking.Append(nil)), "Content-Type", "application/umicp+binary")
	f, err := umx.DecodeLegacy(w.Body.Bytes(), 1<<20)
	if err != nil || f.Op != umx.OpData || !bytes.Contains(f.Payload, []byte(`resp-m1`)) {
		t.Errorf("%d %s: %v", w.Code, w.Body, err)
	}
	if w = send(door, http.MethodPost, umicp.Path, string(opaque.Append(nil))+"!", "Content-Type", "application/umicp+binary"); w.Code != 400 {
		t.Errorf("a frame with a tail is answered %d", w.Code)
	}
}

func TestWebSocket(t *testing.T) {
	door, _ := open(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		door.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), auth.Local())))
	}))
	defer server.Close()
	dial := func(protocols ...string) *websocket.Conn {
		conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+umicp.Path, &websocket.DialOptions{Subprotocols: protocols}) //nolint:bodyclose // there is none
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
		if len(protocols) > 0 && conn.Subprotocol() != protocols[0] {
			t.Errorf("subprotocol %q, want %q", conn.Subprotocol(), protocols[0])
		}
		return conn
	}
	for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
		conn := dial("umicp.v1.json")
		if err := conn.Write(t.Context(), kind, []byte(request(`{"operation":"server.status"}`))); err != nil {
			t.Fatal(err)
		}
		got, answer, err := conn.Read(t.Context())
		if err != nil || got != kind || !bytes.Contains(answer, []byte("resp-m1")) {
			t.Errorf("%v: %v %s, %v", kind, got, answer, err)
		}
		if err := conn.Write(t.Context(), kind, []byte("nonsense")); err != nil {
			t.Fatal(err)
		}
		if _, answer, err = conn.Read(t.Context()); err != nil || !bytes.Contains(answer, []byte(`"code":"invalid"`)) {
			t.Errorf("nonsense is answered %s, %v", answer, err)
		}
	}
	// Several frames in one message.
	conn := dial("umicp.v1.bin")
	p := &peer{t: t, seq: map[uint64]uint32{}, in: umx.NewInbound(false, umx.Limits{})}
	all := p.frame(hello(nil))
	all = append(all, p.frame(p.ask(0, 0, "kv.set", map[string]any{"key": "a", "value": "1"}))...)
	all = append(all, p.frame(p.ask(0, 0, "kv.get", map[string]any{"key": "a"}))...)
	if err := conn.Write(t.Context(), websocket.MessageBinary, all); err != nil {
		t.Fatal(err)
	}
	answers := ""
	for strings.Count(answers, "\n") < 3 {
		_, data, err := conn.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for len(data) > 0 {
			var f umx.Frame
			n, err := f.Decode(data, umx.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			answers += text(t, &f) + "\n"
			data = data[n:]
		}
	}
	if !strings.Contains(answers, `[0,{"found":true,"value":"1"`) {
		t.Error(answers)
	}
}

// mend makes the lengths and checksums of frames right, and what stands before them what every frame has: a fuzzer seldom gets past
// those by itself.
func mend(b []byte) []byte {
	b = bytes.Clone(b)
	for rest := b; len(rest) >= umx.HeaderBytes; {
		header, n := rest[:umx.HeaderBytes], int(binary.LittleEndian.Uint16(rest[16:]))+20
		if umx.Kind(header[25]).Bare() {
			n = 0
		}
		n = max(umx.HeaderBytes, min(n, len(rest))&^63)
		header[0], header[3] = 1, header[3]&0x40|0x80
		copy(header[20:], "UMX1\x01")
		binary.LittleEndian.PutUint32(header[16:], uint32(n-20)) //nolint:gosec // small
		binary.LittleEndian.PutUint32(header[56:], umx.CRC(rest[umx.HeaderBytes:n]))
		binary.LittleEndian.PutUint32(header[60:], umx.CRC(header[:60]))
		rest = rest[n:]
	}
	return b
}

// FuzzSession: whatever a peer sends, the server lives and the session ends.
func FuzzSession(f *testing.F) {
	p := &peer{t: f, seq: map[uint64]uint32{}, in: umx.NewInbound(false, umx.Limits{})}
	all := p.frame(hello(nil))
	all = append(all, p.frame(p.ask(0, 0, "kv.set", map[string]any{"key": "a", "value": "1"}))...)
	all = append(all, p.frame(p.ask(1, umx.StreamStart, "kv.watch", map[string]any{"keys": []string{"a"}}))...)
	all = append(all, p.frame(umx.Message{Kind: umx.KindCancel, Stream: 1})...)
	f.Add(all)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	elsewhere := hello(nil)
	elsewhere.Stream, elsewhere.Flags = 1, umx.StreamStart
	f.Add(p.frame(elsewhere))
	l, _, _ := serving(f, umicp.Options{})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, mend(b)} {
			conn := l.dial()
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			_, _ = conn.Write(b)
			_ = conn.Close()
		}
	})
}
