package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

// session is a connection that has said HELLO.
//
// One goroutine reads, and gives every answer to who waits for it; callers write, and a frame that is appended
// while another goroutine writes goes out with the next write.
type session struct {
	carrier carrier
	limits  umx.Limits
	hello   *umx.Hello    // what the server said
	done    chan struct{} // closed when the reader has ended

	writing sync.Mutex // held while frames are written; taken before pen
	pen     sync.Mutex // guards out and sequence
	out     []byte
	spare   []byte // guarded by writing
	next    uint32 // number of the next frame on stream 0

	mu      sync.Mutex // guards the rest
	err     error      // why it broke
	request uint64     // the last request id
	stream  uint64     // the last stream that was opened
	pending map[uint64]*pending
	open    map[uint64]*subscription
	in      *umx.Inbound
	streams int           // that are open, or about to be; at most umx.MaxStreams
	blocked int           // who waits for more
	credit  int64         // body bytes that may be sent on streams
	more    chan struct{} // closed and replaced when credit comes, or a stream ends for which somebody waits
	back    int64         // body bytes that were taken and the server was not told of
}

// pending is a call that waits for its answer.
type pending struct {
	response any // what to fill; nil drops the result
	apart    map[string]umx.Tensor
	stream   uint64
	back     int64 // body bytes of its answer that were taken and the server was not told of; guarded by the session's mu
	err      error
	done     chan struct{}
}

func open(ctx context.Context, address string, o Options) (*session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.DialWithin, fmt.Errorf("it took the connection and said nothing for %v", o.DialWithin))
	defer cancel()
	c, err := dial(ctx, address, o)
	if err != nil {
		return nil, noServer(address, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.close() })
	hello, err := greet(c, o)
	if !stop() {
		err = context.Cause(ctx) // and that the connection was closed is what came of it
	}
	if err != nil {
		_ = c.close()
		var wrong *umx.Error
		if errors.As(err, &wrong) {
			return nil, fault.Wrap(wrong.Code.Fault(), wrong, "what answers at %s does not speak UMICP: %s", address, wrong.Reason)
		}
		return nil, noServer(address, err)
	}
	limits := umx.NewHello("", o.Limits).Agree(hello)
	s := &session{
		carrier: c, limits: limits, hello: hello, done: make(chan struct{}), pending: map[uint64]*pending{}, open: map[uint64]*subscription{},
		in: umx.NewInbound(false, limits), credit: hello.ConnWindow, more: make(chan struct{}), next: 1,
	}
	s.in.Skip()           // WELCOME
	s.stream = ^uint64(0) // minus one
	go s.read()
	return s, nil
}

func (s *session) broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// fail ends the session, and everything that waits on it.
func (s *session) fail(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
		for id, p := range s.pending {
			delete(s.pending, id)
			p.err = lost(err)
			close(p.done)
		}
		for _, sub := range s.open {
			sub.finish(lost(err))
		}
		close(s.more)
	}
	s.mu.Unlock()
	_ = s.carrier.close()
}

// read takes frames until the connection ends.
func (s *session) read() {
	defer close(s.done)
	for {
		f, err := s.carrier.next()
		if err == nil {
			err = s.frame(f)
		}
		if err != nil {
			s.fail(err)
			return
		}
	}
}

func (s *session) frame(f *umx.Frame) error {
	switch {
	case f.Kind > umx.KindFragment:
		return nil
	case f.Kind == umx.KindPing:
		pong := umx.Message{Kind: umx.KindPong, Request: f.Request}
		s.pen.Lock()
		s.out = pong.Bare(s.out)
		s.pen.Unlock()
		return s.flush()
	case f.Kind == umx.KindCredit:
		s.credited(f)
		return nil
	case f.Kind == umx.KindGoAway:
		return fault.New(umx.Code(f.Sequence).Fault(), "the server ends the session: %s", umx.Code(f.Sequence)) //nolint:gosec // an unknown code is Internal
	case f.Kind.Bare():
		return nil
	}
	s.mu.Lock()
	before := s.in.Open()
	whole, err := s.in.Accept(f)
	if s.in.Open() < before {
		s.ended()
	}
	sub := s.open[f.Stream]
	var back *int64 // of the stream, where more is to come
	if sub != nil {
		back = &sub.back
	} else if p := s.pending[f.Request]; p != nil {
		back = &p.back
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if whole == nil {
		return s.taken(f.Stream, back, f.BodyLen, f.Kind)
	}
	if sub != nil {
		sub.take(whole, f.BodyLen) // the fragments before were given back
		return nil
	}
	s.settle(whole)
	return s.taken(f.Stream, nil, f.BodyLen, f.Kind)
}

// settle gives an answer to the call that waits for it.
func (s *session) settle(f *umx.Frame) {
	s.mu.Lock()
	p := s.pending[f.Request]
	delete(s.pending, f.Request)
	s.mu.Unlock()
	if p == nil {
		return // it was given up
	}
	a, err := parseAnswer(f)
	if err == nil {
		err = a.fill(f, p.response, p.apart)
	}
	p.err = err
	close(p.done)
}

// ended books that a stream is over. s.mu is held.
func (s *session) ended() {
	s.streams--
	if s.blocked > 0 && s.err == nil {
		close(s.more)
		s.more = make(chan struct{})
	}
}

// taken tells the server, now and then, that it may send again what has been taken in: on the connection, and with back, what is not told yet of a
// stream on which more is to come, on that.
func (s *session) taken(stream uint64, back *int64, body int, kind umx.Kind) error {
	if stream == 0 || kind == umx.KindError {
		return nil // those need no credit
	}
	n := int64(max(body, umx.HeaderBytes))
	s.mu.Lock()
	var conn, own int64
	if s.back += n; s.back >= umx.DefaultConnWindow/2 {
		conn, s.back = s.back, 0
	}
	if back != nil {
		if *back += n; *back >= umx.DefaultWindow/2 {
			own, *back = *back, 0
		}
	}
	s.mu.Unlock()
	if conn == 0 && own == 0 {
		return nil
	}
	s.pen.Lock()
	if conn > 0 {
		m := umx.Message{Kind: umx.KindCredit, Credit: uint64(conn)} //nolint:gosec // positive
		s.out = m.Bare(s.out)
	}
	if own > 0 {
		m := umx.Message{Kind: umx.KindCredit, Stream: stream, Credit: uint64(own)} //nolint:gosec // positive
		s.out = m.Bare(s.out)
	}
	s.pen.Unlock()
	return s.flush()
}

// credited takes a CREDIT. Those of single streams concern calls of one message, which the first credit covers.
func (s *session) credited(f *umx.Frame) {
	if f.Stream != 0 || f.MessageLen > 1<<50 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credit += int64(f.MessageLen) //nolint:gosec // just compared
	if s.err == nil {
		close(s.more)
		s.more = make(chan struct{})
	}
}

// start sends a request. response is filled before the pending's done is closed.
func (s *session) start(ctx context.Context, r *request, response any) (*pending, error) {
	if at, ok := ctx.Deadline(); ok {
		left := time.Until(at).Milliseconds()
		if left <= 0 {
			return nil, fault.From(context.DeadlineExceeded)
		}
		r.deadline = uint32(min(left, 1<<31)) //nolint:gosec // just bounded
	}
	p := &pending{response: response, apart: r.apart, done: make(chan struct{})}
	if !r.stream && r.tensors == nil {
		return p, s.startPlain(r, p)
	}
	room := requests.Get().(*[]byte)
	defer requests.Put(room)
	meta, err := r.appendMeta((*room)[:0])
	if err != nil {
		return nil, err
	}
	used := meta
	if r.Body != nil {
		used = r.tensors[*r.Body].Data
	}
	if cap(used) <= maxKept {
		*room = used[:0]
	}
	m := r.message(meta)
	if r.stream {
		m.Flags = umx.StreamStart | umx.StreamEnd
	}
	return p, s.send(ctx, &m, p, nil)
}

// requests are where requests with streams of their own are encoded: they are megabytes now and then, and written when send returns.
var requests = sync.Pool{New: func() any { return new([]byte) }}

// maxKept is the largest of them that is used again.
const maxKept = 16 << 20

// startPlain is start of a request on stream 0 that is metadata alone, which is encoded where it is sent from.
func (s *session) startPlain(r *request, p *pending) error {
	id, err := s.register(p)
	if err != nil {
		return err
	}
	m := r.message(nil)
	m.Request = id
	s.pen.Lock()
	at := len(s.out)
	b, err := r.appendMeta(umx.Reserve(s.out))
	if err != nil || r.tensors != nil { // it did not fit
		s.out = b[:at]
		s.pen.Unlock()
		s.forget(id)
		if err != nil {
			return err
		}
		m := r.message(append([]byte(nil), b[at+umx.HeaderBytes:]...))
		return s.send(context.Background(), &m, p, nil)
	}
	m.Sequence = s.next
	s.next++
	s.out = m.Seal(b, at, len(b)-at-umx.HeaderBytes)
	full := len(s.out) > maxUnsent
	s.pen.Unlock()
	if full {
		return s.press()
	}
	return s.flush()
}

// register gives a call its id.
func (s *session) register(p *pending) (id uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, lost(s.err)
	}
	s.request++
	if p != nil {
		s.pending[s.request] = p
	}
	return s.request, nil
}

func (s *session) forget(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, id)
}

// cancel says that an answer is no longer wanted.
func (s *session) cancel(stream, request uint64) {
	m := umx.Message{Kind: umx.KindCancel, Stream: stream, Sequence: uint32(umx.Cancelled), Request: request}
	s.pen.Lock()
	s.out = m.Bare(s.out)
	s.pen.Unlock()
	_ = s.flush() // a broken session has told everybody
}

// wait waits for an answer.
func (s *session) wait(ctx context.Context, p *pending) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
	}
	s.mu.Lock()
	var request uint64
	for id, other := range s.pending {
		if other == p {
			request = id
			delete(s.pending, id)
		}
	}
	s.mu.Unlock()
	if request == 0 { // it came at the last moment
		<-p.done
		return p.err
	}
	s.cancel(p.stream, request)
	return fault.From(ctx.Err())
}
