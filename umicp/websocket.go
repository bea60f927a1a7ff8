package umicp

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

// subprotocols are those of UMICP, the best first; a peer may also name none.
var subprotocols = []string{"umicp.v1.bin", "umicp.v1.json", "umicp", "umicp-protocol"}

// How a WebSocket is kept and ended.
const (
	wsPingEvery    = 30 * time.Second
	wsCloseWithin  = time.Second // for the peer to answer a close
	maxEnvelopesIn = 64          // envelopes that run at once on one WebSocket; then it is read no further
)

// upgrade makes a request a session over WebSocket.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	caller := auth.FromContext(r.Context())
	if caller == nil {
		s.refuse(w, fault.New(fault.Unauthenticated, "who is calling is not known"))
		return
	}
	if r.ProtoMajor != 1 {
		s.write(w, http.StatusNotImplemented, refusal{fault.New(fault.Unsupported, "WebSockets are served over HTTP/1.1 only")})
		return
	}
	// The front has checked the origin.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: subprotocols})
	if err != nil {
		s.log.WithError(err).Debug("a WebSocket handshake failed")
		return // it has been answered
	}
	conn.SetReadLimit(int64(s.limits.MaxFrame) + umx.HeaderBytes)
	ctx := context.WithoutCancel(r.Context())
	l := &wsLink{conn: conn, ctx: ctx, from: r.RemoteAddr, timeout: s.writeTimeout, traffic: &s.traffic}
	x := newSession(s, l, ctx)
	if err := x.settle(caller); err != nil {
		_ = conn.Close(websocket.StatusTryAgainLater, fault.From(err).Message) // it ends either way
		return
	}
	if refused := s.sessions.add(x, s.maxSessions); refused != nil {
		x.depart()
		_ = conn.Close(websocket.StatusTryAgainLater, refused.Message) // it ends either way
		return
	}
	defer s.sessions.remove(x)
	defer x.end()
	var beside sync.WaitGroup
	defer beside.Wait()
	reading, done := context.WithCancel(x.ctx)
	defer done()
	beside.Go(func() { l.keepAlive(reading) })
	s.part(x, x.readMessages(reading, conn))
}

// readMessages takes messages until the connection ends, and returns why it did.
func (x *session) readMessages(ctx context.Context, conn *websocket.Conn) (err error) {
	defer x.fell(func(why error) { err = why })
	slots := make(chan struct{}, maxEnvelopesIn)
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		x.active.Store(true)
		switch what := umx.Sniff(data); {
		case what == 'X' && kind == websocket.MessageBinary:
			if err := x.frames(data); err != nil {
				return err
			}
			if err := x.flush(); err != nil {
				return err
			}
		default:
			slots <- struct{}{} // who asks for more than this at once is read no further
			caller := x.caller  // a HELLO may change it meanwhile
			x.running.Add(1)
			go func() {
				defer x.running.Done()
				defer func() { <-slots }()
				defer x.fell(nil)
				x.text(caller, kind, what, data)
			}()
		}
	}
}

// frames takes one or more frames that came together.
func (x *session) frames(data []byte) error {
	defer x.deliver()
	var f umx.Frame
	for len(data) > 0 {
		if x.brief && x.ctx.Err() != nil {
			return context.Cause(x.ctx) // what is answered cannot be told
		}
		n, err := f.Decode(data, x.limits)
		if err != nil {
			return err
		}
		x.server.traffic.in.add(1, n)
		if err := x.over(); err != nil {
			return err
		}
		if err := x.frame(&f); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// text answers an envelope, or a legacy frame, with a message of the kind that it came in.
func (x *session) text(caller *auth.Identity, kind websocket.MessageType, what byte, data []byte) {
	var answer []byte
	if what == 'L' {
		answer = x.server.legacy(x.ctx, caller, data)
	} else {
		e, err := Decode(data)
		var back any
		if err != nil {
			back = refusal{fault.From(err)}
		} else {
			back = x.server.answer(x.ctx, caller, e)
		}
		if answer, err = encode(back); err != nil {
			answer = []byte(`{"error":{"code":"internal","message":"internal error"}}`)
		}
	}
	x.writing.Lock()
	_ = x.link.(*wsLink).message(kind, answer) // who is gone is noticed by the goroutine that reads
	x.writing.Unlock()
	_ = x.flush() // as before
}

// wsLink is a WebSocket.
type wsLink struct {
	conn    *websocket.Conn
	ctx     context.Context
	from    string
	timeout time.Duration
	traffic *traffic
}

// write sends frames as one message.
func (l *wsLink) write(frames []byte, more net.Buffers) error {
	l.traffic.wrote(frames, size(more))
	if len(more) == 0 {
		return l.message(websocket.MessageBinary, frames)
	}
	ctx, done := context.WithTimeout(l.ctx, l.timeout+time.Duration((len(frames)+size(more))/slowestPeer)*time.Second)
	defer done()
	w, err := l.conn.Writer(ctx, websocket.MessageBinary)
	if err != nil {
		return err
	}
	if _, err := w.Write(frames); err != nil {
		return err
	}
	if _, err := io.Copy(w, &more); err != nil {
		return err
	}
	return w.Close()
}

func (l *wsLink) message(kind websocket.MessageType, b []byte) error {
	ctx, done := context.WithTimeout(l.ctx, l.timeout)
	defer done()
	return l.conn.Write(ctx, kind, b)
}

func (l *wsLink) keepAlive(ctx context.Context) {
	tick := time.NewTicker(wsPingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, done := context.WithTimeout(ctx, l.timeout)
		err := l.conn.Ping(within)
		done()
		if err != nil {
			l.close()
			return
		}
	}
}

func (l *wsLink) close() {
	defer time.AfterFunc(wsCloseWithin, func() { _ = l.conn.CloseNow() }).Stop()
	_ = l.conn.Close(websocket.StatusNormalClosure, "") // however it ends, it ends
	_ = l.conn.CloseNow()
}

func (l *wsLink) remote() string { return l.from }
