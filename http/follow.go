package http

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// maxUnsentBytes is how much of a stream is collected before it is sent without waiting for a Flush.
const maxUnsentBytes = 32 << 10

// follow answers a watch as a stream of events until the caller goes away, the door stops, or the watch ends.
// An error before the first event is an answer like any other.
func (d *Door) follow(x *exchange, r *command.Request) error {
	if err := d.resume(x.r, r); err != nil {
		return err
	}
	leave, err := x.connect()
	if err != nil {
		return err
	}
	s := newStreamer(d, streamOf(x.r), r.Command)
	if x.mayLeave() {
		return d.followApart(x, r, s, leave)
	}
	defer leave()
	s.out = &answer{x.w, http.NewResponseController(x.w), s.patient}
	return d.stream(x.r.Context(), r, s)
}

// stream runs a watch to its end. An error is still to be answered.
func (d *Door) stream(ctx context.Context, r *command.Request, s *streamer) error {
	defer d.metrics.open(s.kind)()
	if client := clients.FromContext(ctx); client != nil {
		client.Become(s.kind.String())
		defer client.Become("")
	}
	ctx, done := d.untilStop(ctx)
	defer done()
	return s.end(d.ended(d.o.Executor.Watch(ctx, r, s)))
}

// resume makes the call go on after the Last-Event-ID of the stream that broke off, if there was one. It goes
// before the request's own from, which a browser repeats unchanged.
func (d *Door) resume(hr *http.Request, r *command.Request) error {
	if err := decode(r); err != nil {
		return err
	}
	last := first(hr.Header, "Last-Event-Id")
	if last == "" {
		return nil
	}
	from, err := journal.ParsePosition(last)
	if err != nil {
		return err
	}
	reflect.ValueOf(r.Args).Elem().FieldByIndex(d.rows[r.Command].from).Set(reflect.ValueOf(from))
	return nil
}

// decode makes the request's arguments of its payload, so that a watch keeps nothing of the text while it goes on.
func decode(r *command.Request) error {
	if r.Args != nil {
		return nil
	}
	args := r.Command.NewRequest()
	if r.Payload != nil {
		if err := r.Payload.Decode(args); err != nil {
			return err
		}
	}
	r.Args, r.Payload = args, nil
	return nil
}

// outlet is where a stream goes. An error means that the caller is gone.
type outlet interface {
	open(head http.Header) error // begins the answer
	write(b []byte) error        // sends it at once
	close()                      // says that the answer is complete
}

// answer is an outlet that is an answer like any other.
type answer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	patient time.Duration
}

func (a *answer) open(head http.Header) error {
	h := a.w.Header()
	for name, value := range head {
		h[name] = value
	}
	a.w.WriteHeader(http.StatusOK)
	ignoreUnsupported(a.control.SetReadDeadline(time.Time{}))
	return nil
}

func (a *answer) write(b []byte) error {
	ignoreUnsupported(a.control.SetWriteDeadline(time.Now().Add(a.patient)))
	if _, err := a.w.Write(b); err != nil {
		return err
	}
	return a.control.Flush()
}

func (a *answer) close() { ignoreUnsupported(a.control.SetWriteDeadline(time.Time{})) } // the connection may serve further requests

// framing writes a stream's parts in one of the two formats.
type framing interface {
	ready(b []byte, at journal.Position) []byte // the watch is in place: nothing will be missed
	seen(b []byte, at journal.Position) []byte  // there is nothing more for now
	event(b []byte, resume journal.Position, event any) ([]byte, error)
	alive(b []byte, at journal.Position) []byte
	// end says that nothing follows, and why if it was not asked for.
	end(b []byte, at journal.Position, err *failure) []byte
}

// streamer is the Sink of a watch that is followed over HTTP. A timer beside it says that the stream is alive.
type streamer struct {
	out     outlet
	kind    stream
	framing framing
	every   time.Duration // between signs of life
	patient time.Duration // how long the caller may take nothing

	mu       sync.Mutex
	timer    *time.Timer
	unsent   []byte
	position journal.Position // everything up to it was seen
	started  bool             // the answer has begun
	ended    bool             // the timer must not touch it any more
	broken   error            // why nothing can be sent any more
}

func newStreamer(d *Door, kind stream, c *command.Command) *streamer {
	s := &streamer{kind: kind, every: d.o.KeepAlive, patient: d.o.WriteTimeout}
	if s.framing = (lines{}); kind == serverSentEvents {
		s.framing = sse{row: d.rows[c], command: c.Name}
	}
	return s
}

// Event implements command.Sink.
func (s *streamer) Event(resume journal.Position, event any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start(journal.Position{})
	b, err := s.framing.event(s.unsent, resume, event)
	if err != nil {
		return fault.From(err)
	}
	s.unsent, s.position = b, resume
	if len(s.unsent) < maxUnsentBytes {
		return s.broken
	}
	return s.push()
}

// Flush implements command.Sink.
func (s *streamer) Flush(at journal.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start(at)
	s.position = at
	s.unsent = s.framing.seen(s.unsent, at)
	return s.push()
}

// start begins the answer. s.mu is held.
func (s *streamer) start(at journal.Position) {
	if s.started {
		return
	}
	s.started, s.position = true, at
	h := http.Header{
		"Cache-Control":     {"no-store"},
		"X-Accel-Buffering": {"no"}, // proxies of the nginx kind would hold events back
		"Content-Type":      {s.kind.contentType()},
	}
	if err := s.out.open(h); err != nil {
		s.broken = fault.Wrap(fault.Canceled, err, "the caller is gone")
	}
	s.unsent = s.framing.ready(s.unsent, at)
	s.timer = time.AfterFunc(s.every, s.signOfLife)
}

// push sends what was collected. s.mu is held.
func (s *streamer) push() error {
	if s.broken != nil || len(s.unsent) == 0 {
		return s.broken
	}
	err := s.out.write(s.unsent)
	s.unsent = s.unsent[:0]
	if cap(s.unsent) > 2*maxUnsentBytes {
		s.unsent = nil
	}
	if err != nil {
		s.broken = fault.Wrap(fault.Canceled, err, "the caller is gone")
	}
	if s.timer != nil {
		s.timer.Reset(s.every)
	}
	return s.broken
}

func (s *streamer) signOfLife() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.broken != nil {
		return
	}
	s.unsent = s.framing.alive(s.unsent, s.position)
	_ = s.push() // remembered in broken, and found by the next Event; a caller that is gone ends the context
}

// end finishes the answer, and returns the error if there was none yet.
func (s *streamer) end(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
	if !s.started && err != nil {
		return err
	}
	if fault.CodeOf(err) == fault.Canceled || errors.Is(err, context.Canceled) {
		return nil // the caller has left
	}
	var why *failure
	if err != nil {
		why = newFailure(err)
	}
	s.start(s.position)
	s.timer.Stop()
	s.unsent = s.framing.end(s.unsent, s.position, why)
	if s.push() == nil { // else nobody is left to tell
		s.out.close()
	}
	s.timer.Stop()
	return nil
}

// ignoreUnsupported is for deadlines, which a writer that is no connection does not have and does not need.
func ignoreUnsupported(error) {}

// sse is the format of EventSource. Every "id" is a position to go on from.
type sse struct {
	row     *row
	command string
}

func (sse) ready(b []byte, at journal.Position) []byte {
	b = append(b, ": ready\n"...)
	return append(appendID(b, at), '\n')
}

// seen adds nothing: the id of the last event says it.
func (sse) seen(b []byte, _ journal.Position) []byte { return b }

// appendID also stands alone: without data it dispatches nothing, and moves the reader's last id.
func appendID(b []byte, at journal.Position) []byte {
	if at.IsZero() {
		return b
	}
	b = append(b, "id: "...)
	b = append(b, at.String()...)
	return append(b, '\n')
}

func (f sse) event(b []byte, resume journal.Position, event any) ([]byte, error) {
	return f.frame(b, resume, f.row.eventName(event, f.command), event)
}

func (sse) frame(b []byte, at journal.Position, name string, data any) ([]byte, error) {
	whole := len(b)
	b = appendID(b, at)
	b = append(b, "event: "...)
	b = append(b, name...)
	b = append(b, "\ndata: "...)
	b, err := appendJSON(b, data) // compact JSON has no line breaks but the one at its end
	if err != nil {
		return b[:whole], err
	}
	return append(b, '\n'), nil
}

func (sse) alive(b []byte, at journal.Position) []byte {
	b = append(b, ": alive\n"...)
	return append(appendID(b, at), '\n')
}

func (f sse) end(b []byte, at journal.Position, err *failure) []byte {
	name, data := typeEnd, any(struct{}{})
	if err != nil {
		name, data = statusError, errorAnswer{err}
	}
	out, failed := f.frame(b, at, name, data)
	if failed != nil {
		return b
	}
	return out
}

// lines is the format of one JSON object a line.
type lines struct{}

// line is one line; its type says which fields it has.
type line struct {
	Type     string            `json:"type"`
	Position *journal.Position `json:"position,omitempty"`
	Payload  any               `json:"payload,omitempty"`
	Error    *failure          `json:"error,omitempty"`
}

func positionOf(at journal.Position) *journal.Position {
	if at.IsZero() {
		return nil
	}
	return &at
}

func (f lines) ready(b []byte, at journal.Position) []byte {
	return f.mark(b, line{Type: typeReady, Position: positionOf(at)})
}

func (f lines) seen(b []byte, at journal.Position) []byte {
	return f.mark(b, line{Type: typeSeen, Position: positionOf(at)})
}

func (lines) event(b []byte, resume journal.Position, event any) ([]byte, error) {
	return appendJSON(b, line{Type: typeEvent, Position: positionOf(resume), Payload: event})
}

func (f lines) alive(b []byte, at journal.Position) []byte {
	return f.mark(b, line{Type: typeAlive, Position: positionOf(at)})
}

func (f lines) end(b []byte, at journal.Position, err *failure) []byte {
	return f.mark(b, line{Type: typeEnd, Position: positionOf(at), Error: err})
}

// mark appends a line; one that cannot be encoded is left out.
func (lines) mark(b []byte, l line) []byte {
	out, err := appendJSON(b, l)
	if err != nil {
		return b
	}
	return out
}
