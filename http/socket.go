package http

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

const (
	pingEvery   = 30 * time.Second
	closeWithin = time.Second // for the other side to answer a close
)

// socket is one WebSocket: any number of requests and watches in flight, up to a bound.
//
// One goroutine reads; each request has one of its own, which answers it; a timer pings. There is no queue of
// messages: who has something to say waits for the pen and encodes under it, so that a caller that reads slowly
// holds one encoded message in memory, however much it asked for. A watch that waits for the pen falls behind
// in the journal, and is told so when the journal no longer reaches back to it. A caller that takes nothing
// for the write timeout is dropped.
type socket struct {
	peer
	door   *Door
	conn   *websocket.Conn
	ctx    context.Context // of everything on this socket
	cancel context.CancelFunc
	reads  func() error // takes what the caller says until it goes away

	pen chan struct{} // holds the token of whoever writes; guards buf
	buf []byte

	pinging *time.Timer    // runs ping
	asking  sync.WaitGroup // counts the ping that is under way

	running sync.WaitGroup                // the goroutines of calls
	mu      sync.Mutex                    // guards the rest
	calls   map[string]context.CancelFunc // what may be cancelled, by request id
	busy    int                           // calls that have not been answered in full
	closing bool                          // nothing new is begun
	over    bool                          // nobody pings any more
}

// pushed is a message about a request that goes on: an event, or its end.
type pushed struct {
	Type      string            `json:"type"`
	RequestID string            `json:"request_id"`
	Status    string            `json:"status,omitempty"`
	Position  *journal.Position `json:"position,omitempty"`
	Payload   any               `json:"payload,omitempty"`
	Error     *failure          `json:"error,omitempty"`
}

// watching is the payload that says that a watch is in place.
type watching struct {
	Watching bool              `json:"watching"`
	Position *journal.Position `json:"position,omitempty"`
}

// serveSocket serves GET /v1/ws.
func (d *Door) serveSocket(x *exchange) error {
	s, leave, err := d.accept(x, routeSocket)
	if s != nil {
		go s.serve(leave) // the request is over
	}
	return err
}

// accept makes a WebSocket of the exchange; nil with no error is one whose handshake failed, and was answered.
func (d *Door) accept(x *exchange, route string) (s *socket, leave func(), err error) {
	switch {
	case d.stopping.Err() != nil:
		return nil, nil, errStopping
	case x.r.ProtoMajor != 1:
		return nil, nil, fault.New(fault.Unsupported, "WebSockets are served over HTTP/1.1 only")
	case !websocketAsked(x.r):
		x.w.Header().Set("Upgrade", "websocket")
		return nil, nil, x.failAs(http.StatusUpgradeRequired, fault.New(fault.Invalid, "%s is a WebSocket: connect to it as one", route))
	}
	if leave, err = x.connect(); err != nil {
		return nil, nil, err
	}
	// The front has checked the origin already.
	conn, err := websocket.Accept(lean{x.w}, x.r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		leave()
		d.o.Log.WithError(err).Debug("a WebSocket handshake failed")
		return nil, nil, nil // it has been answered
	}
	conn.SetReadLimit(d.rules.Load().maxBody)
	s = &socket{peer: x.peer, door: d, conn: conn, pen: make(chan struct{}, 1), calls: map[string]context.CancelFunc{}}
	s.ctx, s.cancel = context.WithCancel(detached(x.r.Context()))
	s.reads = s.read
	d.sockets.Add(1)
	return s, leave, nil
}

func websocketAsked(r *http.Request) bool {
	return mediaType(first(r.Header, "Upgrade")) == "websocket"
}

// serve reads until the caller goes away or the door stops, and leaves nothing behind.
func (s *socket) serve(leave func()) {
	d := s.door
	defer d.sockets.Done()
	defer leave()
	d.metrics.sockets.Add(1)
	defer d.metrics.sockets.Add(-1)
	if client := clients.FromContext(s.ctx); client != nil {
		client.Become("websocket")
	}
	defer s.cancel()
	s.mu.Lock()
	s.pinging = time.AfterFunc(pingEvery, s.ping)
	s.mu.Unlock()
	drained := make(chan struct{})
	defer s.caller.OnEnd(func(why error) { go s.turnOut(why) })()
	stop := context.AfterFunc(d.stopping, func() {
		defer close(drained)
		s.drain()
	})
	_ = s.reads() // why it ended is the other side's business, or ours, and told
	s.refuseMore()
	s.cancel() // before drain is waited for, which waits for calls that nobody awaits any more
	if stop() {
		close(drained)
	}
	<-drained
	s.running.Wait()
	s.endPings()
	_ = s.conn.CloseNow() // it is closed already, or there is nobody at the other end
}

// drain lets what is in flight finish, watches having been cancelled, and says goodbye.
func (s *socket) drain() {
	s.refuseMore()
	s.running.Wait()
	defer time.AfterFunc(closeWithin, func() { _ = s.conn.CloseNow() }).Stop()
	_ = s.conn.Close(websocket.StatusGoingAway, errStopping.Message) // no matter how it ends, it ends
}

// turnOut closes the connection of a caller that is nobody any more. Its watches have been ended by the executor.
func (s *socket) turnOut(why error) {
	s.refuseMore()
	defer time.AfterFunc(closeWithin, func() { _ = s.conn.CloseNow() }).Stop()
	_ = s.conn.Close(websocket.StatusPolicyViolation, fault.From(why).Message) // no matter how it ends, it ends
}

func (s *socket) refuseMore() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
}

// ping is called by a timer, so that no goroutine waits in between.
func (s *socket) ping() {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return
	}
	s.asking.Add(1)
	s.mu.Unlock()
	defer s.asking.Done()
	ctx, done := context.WithTimeout(s.ctx, s.door.o.WriteTimeout)
	defer done()
	if s.conn.Ping(ctx) != nil {
		s.cancel()
		return
	}
	s.pinging.Reset(pingEvery)
}

// endPings returns when nobody pings any more.
func (s *socket) endPings() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.pinging.Stop()
	s.asking.Wait()
	s.pinging.Stop() // one that was under way may have set it again
}

// read takes one message after the other. What they say is found out on the goroutine that answers, so that the stack of this
// one, which stays, remains small; the next message is read when the one before it is booked, so that they begin in order.
func (s *socket) read() error {
	booked := make(chan error)
	for {
		kind, data, err := s.conn.Read(s.ctx)
		if err != nil {
			return err
		}
		c := jsonCodec
		if kind == websocket.MessageBinary {
			c = msgpackCodec
		}
		go s.take(c, data, booked)
		if err := <-booked; err != nil {
			return err
		}
	}
}

// take books what a message asks for, and answers it. What cannot be booked is answered before; an error is the connection's.
func (s *socket) take(c *codec, data []byte, booked chan<- error) {
	e, err := c.envelope(data)
	var ctx context.Context
	if err != nil {
		e = &envelope{}
	} else {
		ctx, err = s.receive(e)
	}
	if err != nil {
		err = s.send(c, newResponse(e.requestID, nil, err))
	}
	booked <- err
	if ctx == nil {
		return
	}
	last, watch := s.answer(ctx, e)
	if watch == nil {
		s.finish(c, e.requestID, last)
		return
	}
	id := e.requestID
	go func() { s.finish(c, id, s.follow(ctx, c, id, watch)) }() // with a fresh stack
}

// receive begins what the envelope asks for; without a context there is nothing to answer. An error is its answer.
func (s *socket) receive(e *envelope) (context.Context, error) {
	switch e.kind {
	case typeCancel:
		return nil, s.cancelCall(e.requestID)
	case typeRequest, typeBatch:
	default:
		return nil, unknownType(e.kind)
	}
	if e.requestID == "" {
		return nil, fault.New(fault.Invalid, `the envelope has no "request_id", by which to know its answer`).With("field", "request_id")
	}
	return s.begin(e.requestID)
}

// begin books a call: running counts it, and its id is taken until finish.
func (s *socket) begin(id string) (context.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, taken := s.calls[id]
	switch {
	case s.closing:
		return nil, errStopping
	case taken:
		return nil, fault.New(fault.Conflict, "request %q is still in flight", clip(id))
	case s.busy >= s.door.o.MaxInFlight:
		return nil, fault.New(fault.Exhausted, "%d requests are in flight on this connection, and no more are allowed", s.busy).
			With("limit", s.door.o.MaxInFlight)
	}
	trace := clients.TraceOf(s.ctx)
	trace.RequestID = clients.NewTrace(id, "").RequestID
	ctx, cancel := context.WithCancel(clients.WithTrace(s.ctx, &trace))
	s.calls[id] = cancel
	s.busy++
	s.running.Add(1)
	return ctx, nil
}

// finish ends a call with the last message about it. Before that is sent, the call's id is free: it cannot be cancelled any more,
// and can be used again.
func (s *socket) finish(c *codec, id string, last any) {
	defer s.running.Done()
	s.mu.Lock()
	s.calls[id]()
	delete(s.calls, id)
	s.mu.Unlock()
	err := s.send(c, last)
	if err != nil && s.ctx.Err() == nil {
		// The answer cannot be said in this encoding; why, can.
		_ = s.send(c, newResponse(id, nil, err)) // after this only the connection can be broken, and read finds out
	}
	s.mu.Lock()
	s.busy--
	s.mu.Unlock()
}

func (s *socket) cancelCall(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cancel, ok := s.calls[id]
	if !ok {
		return fault.New(fault.NotFound, "no request %q is in flight", clip(id))
	}
	cancel() // the call's own goroutine answers
	return nil
}

// answer runs one call to its end and returns the last message about it; of a watch, what is to be followed.
func (s *socket) answer(ctx context.Context, e *envelope) (last any, watch *command.Request) {
	if e.kind == typeBatch {
		batch, err := s.door.batch(ctx, &s.peer, e)
		if err != nil {
			return newResponse(e.requestID, nil, err), nil
		}
		return batch, nil
	}
	r, err := s.door.call(&s.peer, e)
	if err == nil && r.Command.Kind == command.KindWatch {
		if err = decode(r); err == nil {
			return nil, r
		}
	}
	if err != nil {
		return newResponse(e.requestID, nil, err), nil
	}
	payload, err := s.door.run(ctx, r)
	return newResponse(e.requestID, payload, err), nil
}

// follow runs a watch to its end and returns the last message about it.
func (s *socket) follow(ctx context.Context, c *codec, id string, r *command.Request) any {
	watch, done := s.door.untilStop(ctx)
	defer done()
	out := &watcher{socket: s, codec: c, id: id}
	err := s.door.o.Executor.Watch(watch, r, out)
	cancelled := ctx.Err() != nil && fault.CodeOf(err) == fault.Canceled
	end := pushed{Type: typeEnd, RequestID: id, Status: statusSuccess, Position: positionOf(out.position)}
	if err != nil && !cancelled {
		if !out.started {
			return newResponse(id, nil, s.door.ended(err))
		}
		end.Status, end.Error = statusError, newFailure(s.door.ended(err))
	}
	return end
}

// watcher is the Sink of a watch on a socket.
type watcher struct {
	socket   *socket
	codec    *codec
	id       string
	started  bool
	position journal.Position
}

// start says that the watch is in place, before its first event or when there is none yet.
func (w *watcher) start(at journal.Position) error {
	if w.started {
		return nil
	}
	w.started = true
	// Encoding makes a stack larger than a watch that finds nothing ever needs: it is done on another one.
	sent := make(chan error)
	go func() { sent <- w.socket.send(w.codec, newResponse(w.id, watching{true, positionOf(at)}, nil)) }()
	return <-sent
}

// Event implements command.Sink.
func (w *watcher) Event(resume journal.Position, event any) error {
	if err := w.start(journal.Position{}); err != nil {
		return err
	}
	w.position = resume
	return w.socket.send(w.codec, pushed{Type: typeEvent, RequestID: w.id, Position: positionOf(resume), Payload: event})
}

// Flush implements command.Sink.
func (w *watcher) Flush(at journal.Position) error {
	w.position = at
	return w.start(at)
}

// send writes one message. An error that is not the connection's end is about the encoding.
func (s *socket) send(c *codec, message any) error {
	select {
	case s.pen <- struct{}{}:
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
	defer func() { <-s.pen }()
	b, err := c.append(s.buf[:0], message)
	if err != nil {
		return fault.From(err)
	}
	if s.buf = b; cap(b) > maxPooledBytes {
		s.buf = nil
	}
	kind := websocket.MessageText
	if c == msgpackCodec {
		kind = websocket.MessageBinary
	}
	ctx, done := context.WithTimeout(s.ctx, s.door.o.WriteTimeout)
	defer done()
	if err = s.conn.Write(ctx, kind, b); err == nil {
		return nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		s.door.o.Log.WithField("caller", s.caller.Name).Infof("a WebSocket was dropped: nothing was read from it for %v", s.door.o.WriteTimeout)
	}
	s.cancel()
	return fault.Wrap(fault.Canceled, err, "the caller is gone")
}
