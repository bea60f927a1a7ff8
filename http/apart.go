package http

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
)

// A stream that may be silent for hours leaves net/http: its connection is taken over, and the goroutine that served the request
// goes back with its stack, the router's and net/http's state and 10 KB of buffers. What stays is a goroutine that
// follows and one that notices that the caller has gone (TestACrowdOfSubscribers says what that takes). HTTP/2 and writers
// that are no connection are streamed to as any answer is.

type baseKey struct{}

// asBase makes a context one that what leaves its request goes on with; it ends when the server cuts off what still runs.
func asBase(ctx context.Context) context.Context {
	return context.WithValue(ctx, baseKey{}, struct{ context.Context }{ctx})
}

// detached is the context of what outlives the request: it ends with the server, and knows the connection and the trace, but
// keeps nothing of the request alive.
func detached(ctx context.Context) context.Context {
	base := context.Background()
	if b, ok := ctx.Value(baseKey{}).(struct{ context.Context }); ok {
		base = b.Context
	}
	if c := clients.FromContext(ctx); c != nil {
		base = clients.NewContext(base, c)
	}
	if trace := clients.TraceOf(ctx); trace != (clients.Trace{}) {
		base = clients.WithTrace(base, &trace)
	}
	return base
}

// mayLeave reports whether the exchange's connection can be taken over for a stream.
func (x *exchange) mayLeave() bool {
	if x.r.ProtoMajor != 1 || x.r.ProtoMinor < 1 || x.r.Method == http.MethodHead {
		return false
	}
	w := x.w
	for {
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = inner.Unwrap()
	}
	_, ok := w.(http.Hijacker)
	return ok
}

// followApart is follow on a connection that is taken over as soon as the answer begins.
func (d *Door) followApart(x *exchange, r *command.Request, s *streamer, leave func()) error {
	ctx, cancel := context.WithCancel(detached(x.r.Context()))
	unlink := context.AfterFunc(x.r.Context(), cancel)
	defer unlink()
	out := &connection{wanted: make(chan http.Header, 1), opened: make(chan struct{}), cancel: cancel, patient: s.patient}
	s.out = out
	refused := make(chan error, 1)
	d.sockets.Add(1)
	go func() {
		defer d.sockets.Done()
		defer leave()
		refused <- d.stream(ctx, r, s)
		cancel()
		out.end()
	}()
	select {
	case err := <-refused:
		return err
	case head := <-out.wanted:
		unlink() // or the end of this request would be taken for the caller's
		out.takeOver(x.w, head)
		return nil
	}
}

// connection is an outlet over a connection that was taken over: it is written to in chunks, and closed at the end.
type connection struct {
	wanted  chan http.Header // takes the answer's headers when it begins; has room for them
	opened  chan struct{}    // closed when conn or failed is set
	cancel  context.CancelFunc
	patient time.Duration

	conn   net.Conn
	failed error         // why there is no conn
	read   chan struct{} // closed when nobody reads any more
}

// open implements outlet. The goroutine of the request does the work, because this one's stack should stay small.
func (c *connection) open(h http.Header) error {
	c.wanted <- h
	<-c.opened
	return c.failed
}

// takeOver takes the connection from net/http and begins the answer.
func (c *connection) takeOver(w http.ResponseWriter, stream http.Header) {
	defer close(c.opened)
	head := w.Header()
	for name, value := range stream {
		head[name] = value
	}
	head.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	head.Set("Transfer-Encoding", "chunked")
	head.Set("Connection", "close")
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	_ = head.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		c.failed = err
		return
	}
	c.conn, c.read = conn, make(chan struct{})
	ignoreUnsupported(conn.SetWriteDeadline(time.Now().Add(c.patient)))
	_, c.failed = conn.Write(b.Bytes())
	go c.notice()
}

// notice cancels the stream when the caller has gone. One that sends something more is not read any further, as by net/http:
// that it has gone is seen when it takes nothing.
func (c *connection) notice() {
	defer close(c.read)
	var b [1]byte
	if _, err := c.conn.Read(b[:]); err != nil {
		c.cancel()
	}
}

// write implements outlet.
func (c *connection) write(b []byte) error {
	buf := buffers.Get().(*[]byte)
	chunk := strconv.AppendInt((*buf)[:0], int64(len(b)), 16)
	chunk = append(chunk, "\r\n"...)
	chunk = append(chunk, b...)
	chunk = append(chunk, "\r\n"...)
	ignoreUnsupported(c.conn.SetWriteDeadline(time.Now().Add(c.patient)))
	_, err := c.conn.Write(chunk)
	*buf = chunk
	buffers.Put(buf)
	return err
}

// close implements outlet.
func (c *connection) close() { _, _ = io.WriteString(c.conn, "0\r\n\r\n") } // nobody is left to tell

// end gives the connection back, if there was one, and returns when nothing uses it.
func (c *connection) end() {
	if c.conn != nil {
		_ = c.conn.Close()
		<-c.read
	}
}

// The buffers of a WebSocket: as large as most messages, and not as those of net/http, which are 8 KB. What is larger goes past
// them, but for its first kilobyte.
const socketBuffer = 1 << 10

// lean is a ResponseWriter that hands its connection over with small buffers.
type lean struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (l lean) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(l.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	came, _ := rw.Reader.Peek(rw.Reader.Buffered()) // what is buffered can be had
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(came)), conn), max(socketBuffer, len(came)))
	_, _ = r.Peek(len(came)) // as whoever takes over looks for it in the buffer
	return conn, bufio.NewReadWriter(r, bufio.NewWriterSize(conn, socketBuffer)), nil
}

// Unwrap lets a ResponseController, and whoever looks for gin's WriteHeaderNow, find what is below.
func (l lean) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// WriteHeaderNow is gin's: it sends the status.
func (l lean) WriteHeaderNow() {
	if now, ok := l.ResponseWriter.(interface{ WriteHeaderNow() }); ok {
		now.WriteHeaderNow()
	}
}
