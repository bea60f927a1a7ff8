package umicp

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/umicp/umx"
)

// lane is the server's side of a stream: requests that are answered one after the other. Its goroutine lives while
// there is something to do, and that of a watch until the watch ends.
type lane struct {
	session *session
	id      uint64
	ctx     context.Context
	cancel  context.CancelCauseFunc // nil on stream 0, which ends with the session
	wake    chan struct{}           // one token: there may be credit; nil on stream 0

	// sequence is of the next frame, and finished says that one with the stream's end was sent. The session's pen guards both; but while stream 0
	// is idle they are of who reads.
	sequence uint32
	finished bool

	mu      sync.Mutex // guards the rest
	queue   []*umx.Frame
	busy    atomic.Bool             // the goroutine lives; changed with mu, true only by whoever reads
	taken   *umx.Frame              // the request that runs, or is about to
	stop    context.CancelCauseFunc // ends what runs; nil before it does
	dropped bool                    // taken was cancelled before it could run
	follows bool                    // what runs is a watch, which ends when it is told to
	ended   bool                    // the lane takes and sends nothing more

	credit int64 // body bytes that may be sent on this stream; guarded by the session's mu
	window int64 // body bytes that the peer may send on it; guarded by the session's mu
	used   int64 // of which these were taken in and are not done with; as above
	back   int64 // done with, and the peer was not told; as above
}

// newLane opens the server's side of a stream. x.mu is held.
func (x *session) newLane(id uint64) *lane {
	l := &lane{session: x, id: id, wake: make(chan struct{}, 1), credit: x.hello.Window, window: umx.DefaultWindow}
	if x.brief {
		l.window = maxCredit
	}
	l.ctx, l.cancel = context.WithCancelCause(x.ctx)
	return l
}

// maxQueuedFrames bounds what waits on a lane, as the windows bound its bytes.
const maxQueuedFrames = 64 << 10

// idle reports whether nothing is before a request that comes now. Who reads may go by it without mu.
func (l *lane) idle() bool { return !l.busy.Load() }

// push puts a request at the end of the lane.
func (l *lane) push(f *umx.Frame) error {
	x := l.session
	x.mu.Lock()
	over := x.queued > int64(x.limits.MaxMessage) //nolint:gosec // far below
	x.queued += f.Held()
	x.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if over || len(l.queue) >= maxQueuedFrames {
		return umx.Errorf(umx.ResourceExhausted, "too many requests wait for their turn on this connection")
	}
	l.queue = append(l.queue, f.Own())
	if l.idle() {
		l.busy.Store(true)
		x.running.Add(1)
		go l.serve()
	}
	return nil
}

// serve answers what is on the lane until nothing is.
func (l *lane) serve() {
	x := l.session
	defer x.running.Done()
	defer x.fell(nil)
	for {
		f, dropped := l.next()
		for _, d := range dropped {
			l.done(d, d.Held())
		}
		if f == nil {
			return
		}
		held := f.Held()
		l.request(f)
		l.done(f, held)
		_ = x.flush() // a session that cannot write has been cancelled
		if f.Flags&umx.StreamEnd != 0 || (l.id != 0 && l.ctx.Err() != nil) {
			l.close()
		}
	}
}

// done is said of a request that the session holds no more.
func (l *lane) done(f *umx.Frame, held int64) {
	x := l.session
	x.mu.Lock()
	x.queued -= held
	x.mu.Unlock()
	x.giveBack(l.id, f.Unpaid)
}

// next takes the first request, or ends the goroutine; dropped are those that nobody will answer then.
func (l *lane) next() (f *umx.Frame, dropped []*umx.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken, l.stop, l.dropped, l.follows = nil, nil, false, false
	if len(l.queue) == 0 || l.ended || l.session.ctx.Err() != nil {
		dropped, l.queue = l.queue, nil
		l.busy.Store(false)
		return nil, dropped
	}
	f = l.queue[0]
	l.queue = l.queue[1:]
	l.taken = f
	return f, nil
}

// close forgets the stream, having said that it has ended.
func (l *lane) close() {
	x := l.session
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	x.pen.Lock()
	finished := l.finished
	x.pen.Unlock()
	if !finished && x.ctx.Err() == nil {
		reason, ok := context.Cause(l.ctx).(*fault.Error) //nolint:errorlint // it is one of ours, or none
		if !ok {
			reason = errStopping
		}
		l.cancel(reason)
		l.answer(&asked{frame: &umx.Frame{Header: umx.Header{Ext: umx.Compact, Flags: umx.StreamEnd}}}, nil, reason)
		_ = x.flush() // a session that cannot write has been cancelled
	}
	l.cancel(nil)
	x.mu.Lock()
	delete(x.lanes, l.id)
	x.mu.Unlock()
}

// begin makes a request one that can be cancelled.
func (l *lane) begin(f *umx.Frame) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(l.ctx)
	done := func() { cancel(nil) }
	if f.DeadlineMS > 0 {
		var timed context.CancelFunc
		ctx, timed = context.WithTimeout(ctx, deadline(f))
		done = func() { timed(); cancel(nil) }
	}
	l.mu.Lock()
	l.stop = cancel
	dropped := l.dropped
	l.mu.Unlock()
	if dropped {
		cancel(errCancelled)
	}
	return ctx, done
}

// cancelRequest gives up what runs, or on stream 0 the request of that id, also one that waits.
func (l *lane) cancelRequest(request uint64) {
	l.mu.Lock()
	stop, hit := l.stop, l.taken != nil && (l.id != 0 || l.taken.Request == request)
	if hit {
		l.dropped = true
	} else if l.id == 0 {
		for i, f := range l.queue {
			if f.Request == request {
				dropped := *f
				dropped.Ext |= cancelledMark
				l.queue[i] = &dropped
			}
		}
	}
	busy := l.busy.Load()
	l.mu.Unlock()
	if stop != nil && hit {
		stop(errCancelled)
	}
	if l.id == 0 {
		return
	}
	l.cancel(errCancelled)
	if !busy {
		l.close()
	}
}

// cancelledMark marks a waiting request that was cancelled. It is never on the wire.
const cancelledMark umx.ExtFlags = 0x8000

var errCancelled = fault.New(fault.Canceled, "the request was cancelled")

// stopFollowing ends a watch, which then says so.
func (l *lane) stopFollowing() {
	l.mu.Lock()
	stop := l.stop
	if !l.follows {
		stop = nil
	}
	idle := l.idle()
	l.mu.Unlock()
	switch {
	case stop != nil:
		stop(errStopping)
	case idle:
		l.close()
	}
}

// following makes what runs something that ends when the server stops, which may be now.
func (l *lane) following() {
	l.mu.Lock()
	l.follows = true
	stop := l.stop
	l.mu.Unlock()
	l.session.mu.Lock()
	stopping := l.session.closing
	l.session.mu.Unlock()
	if stopping {
		stop(errStopping)
	}
}

// request runs one request to its end.
func (l *lane) request(f *umx.Frame) {
	x := l.session
	q := &asked{frame: f}
	if f.BodyLen == 0 && f.Flags&umx.StreamEnd != 0 { // nothing is asked but the end
		_ = l.send(&umx.Message{Op: umx.OpResponse, Flags: umx.StreamEnd, Request: f.Request}) // a broken session has been cancelled
		return
	}
	err := x.server.read(q)
	if f.Ext&cancelledMark != 0 {
		err = errCancelled
	}
	if err != nil {
		l.answer(q, nil, err)
		return
	}
	ctx, done := l.begin(f)
	defer done()
	q.Caller = x.caller
	switch {
	case l.id != 0 && q.Command.Kind == command.KindWatch && !q.once && !x.brief:
		l.follow(ctx, q)
	case q.repeat && !x.brief:
		l.repeat(ctx, q)
	default:
		result, err := x.server.execute(ctx, &q.call)
		l.answer(q, result, why(ctx, err))
	}
}

// why replaces the end of a context by the reason for it.
func why(ctx context.Context, err error) error {
	if fault.CodeOf(err) == fault.Canceled {
		var known *fault.Error
		if errors.As(context.Cause(ctx), &known) {
			return known
		}
	}
	return err
}

// follow answers a watch with its events, until it ends, the peer cancels it, or the server stops.
func (l *lane) follow(ctx context.Context, q *asked) {
	l.following()
	sink := &follower{lane: l, ctx: ctx, asked: q}
	err := l.session.server.executor.Watch(ctx, &q.Request, sink)
	if l.session.ctx.Err() != nil {
		return
	}
	if err != nil {
		l.answer(q, nil, why(ctx, err))
		return
	}
	sink.end(q.frame.Flags & umx.StreamEnd)
}

// follower is the Sink of a watch on a stream.
type follower struct {
	lane   *lane
	ctx    context.Context
	asked  *asked
	at     journal.Position
	told   bool // the watch is known to be in place
	unseen bool // events were sent since the last mark
}

// Event implements command.Sink.
func (s *follower) Event(resume journal.Position, event any) error {
	s.at, s.unseen, s.told = resume, true, true
	return s.push(event, resume, 0)
}

// Flush implements command.Sink.
func (s *follower) Flush(at journal.Position) error {
	if s.told && !s.unseen {
		s.at = at
		return nil
	}
	s.at, s.told, s.unseen = at, true, false
	if err := s.push(nil, at, 0); err != nil {
		return err
	}
	return s.lane.session.flush()
}

func (s *follower) end(flags umx.Flags) { _ = s.push(nil, s.at, flags) } // the end of a session needs no other

// push appends one event to what is to be sent, when there is credit for it.
func (s *follower) push(event any, at journal.Position, flags umx.Flags) error {
	l, x := s.lane, s.lane.session
	if err := l.ready(s.ctx); err != nil {
		return err
	}
	h := l.header(s.asked, nil)
	h.Flags = flags
	x.pen.Lock()
	start := len(x.out)
	b, err := s.asked.appendEvent(umx.Reserve(x.out), event, at)
	n := len(b) - start - umx.HeaderBytes
	if err == nil && !x.fits(n) {
		err = fault.New(fault.TooLarge, "an event of %d bytes does not fit into a frame", n)
	}
	if err != nil {
		x.out = b[:start]
		x.pen.Unlock()
		return fault.From(err)
	}
	x.out = l.seal(&h, b, start, n)
	full := len(x.out) > maxUnsent
	x.pen.Unlock()
	l.spend(n)
	if full {
		return x.press()
	}
	return nil
}

// maxWaitMS is how long a command that is repeated waits each time, unless its request says.
const maxWaitMS = 25_000

// repeat runs a command that waits again and again, as long as there is credit for its answers: a consumer that does not
// take what it was given is given no more.
func (l *lane) repeat(ctx context.Context, q *asked) {
	x := l.session
	if l.id == 0 || !q.Command.Waits || q.Command.Kind != command.KindWrite {
		l.answer(q, nil, fault.New(fault.Invalid,
			"%s cannot be repeated: only what waits for something and takes it can, on a stream of its own", q.Command.Name))
		return
	}
	l.following()
	original := reflect.ValueOf(q.Args).Elem()
	if q.row.wait != nil {
		if wait := original.FieldByIndex(q.row.wait); wait.Int() == 0 {
			wait.SetInt(maxWaitMS)
		}
	}
	goesOn := *q.frame
	goesOn.Flags &^= umx.StreamEnd
	one := *q
	one.frame = &goesOn
	for {
		err := l.ready(ctx)
		if err == nil {
			again := reflect.New(original.Type()) // a handler may change what it is given
			again.Elem().Set(original)
			one.Args = again.Interface()
			var result any
			if result, err = x.server.execute(ctx, &one.call); err == nil {
				l.answer(&one, result, nil)
				err = x.flush()
			}
		}
		if err != nil {
			l.answer(q, nil, why(ctx, err))
			return
		}
	}
}
