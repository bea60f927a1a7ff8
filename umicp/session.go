package umicp

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

// maxUnsent is how much is gathered before it is written without waiting for the end of what has come in.
const maxUnsent = 64 << 10

// link is what a session's frames travel over.
type link interface {
	// write sends whole frames. It is called by one goroutine at a time.
	write(frames []byte, more net.Buffers) error
	// close breaks the connection off. It may be called at any time, and twice.
	close()
	// remote says where the peer is.
	remote() string
}

// session is one connection of a peer, over TCP or WebSocket.
//
// One goroutine reads: a loop that does so for many sessions, or one of its own. It runs what is quick and came on stream 0 itself,
// so that a burst of requests that was read at once is answered in one write; everything else runs on the goroutine of its lane, one for each stream that
// is open. Answers are appended to out under the pen and written by whoever finds something there. A peer that takes
// nothing for the write timeout is dropped; one that gives no credit on a stream holds back that stream alone.
type session struct {
	server *Server
	link   link
	ctx    context.Context // of everything on this session
	cancel context.CancelCauseFunc
	caller *auth.Identity  // nil before HELLO
	client *clients.Client // the connection among all of the server; nil where it is not booked
	peer   string          // its peer id
	greet  bool            // HELLO is still to come
	brief  bool            // it ends with what has come in: nothing is streamed
	limits umx.Limits      // as agreed; MaxFrame bounds what is written, too
	in     *umx.Inbound
	hello  *umx.Hello // what the peer said
	asked  asked      // of the goroutine that reads, used again
	owed   command.Owed
	spares *spares // of the loop that reads; nil where none does

	held    []held // answers of stream 0 that must not be sent yet; of the goroutine that reads
	pending []byte // their frames; as above

	quick bool         // a loop reads, which must not wait: what would have to is left in later. Of whoever reads
	later func() error // nil while there is nothing; of whoever reads

	depart  func()         // gives back what settle took; of the goroutine that reads
	turning sync.WaitGroup // the goroutine of turnOut

	active atomic.Bool // something has come since the last look
	idle   int         // looks since something came; of the goroutine that looks

	writing sync.Mutex // held while frames are written; taken before pen
	pen     sync.Mutex // guards out and every lane's sequence
	out     []byte
	spare   []byte // an empty buffer for out; guarded by writing

	open atomic.Int32 // streams of the peer's that this side has not ended; more only by whoever reads

	running sync.WaitGroup // the lanes' goroutines
	mu      sync.Mutex     // guards the rest
	zero    *lane          // stream 0
	lanes   map[uint64]*lane
	credit  int64  // body bytes that may be sent on all streams together
	window  int64  // body bytes that the peer may send on all streams together
	used    int64  // of which these were taken in and are not done with
	back    int64  // done with, and the peer was not told
	queued  int64  // bytes that requests which wait for their turn hold
	last    uint64 // the highest stream that the peer has opened
	closing bool   // no new streams are taken
}

func newSession(s *Server, l link, parent context.Context) *session {
	x := &session{
		server: s, link: l, greet: true, lanes: map[uint64]*lane{}, depart: func() {},
		limits: umx.Limits{MaxFrame: min(s.limits.MaxFrame, helloFrame), MaxMessage: min(s.limits.MaxMessage, helloFrame)},
		window: umx.DefaultConnWindow, credit: umx.DefaultConnWindow,
	}
	x.in = umx.NewInbound(true, x.limits)
	x.ctx, x.cancel = context.WithCancelCause(parent)
	x.zero = &lane{session: x, ctx: x.ctx}
	return x
}

// helloFrame is the largest frame, and message, before it is known who sends it.
const helloFrame = 64 << 10

// frame takes one frame. An error ends the session, and is told in a GOAWAY.
func (x *session) frame(f *umx.Frame) error {
	if f.Kind > umx.KindFragment {
		return nil // one to be ignored
	}
	if x.greet && (f.Kind != umx.KindHello || f.Stream != 0) {
		return umx.Errorf(umx.InvalidState, "a session begins with HELLO, on stream 0")
	}
	if f.Kind.Bare() {
		return x.control(f)
	}
	whole, err := x.in.Accept(f)
	if err != nil {
		return err
	}
	var l *lane
	if f.Stream != 0 {
		if l, err = x.onStream(f); l == nil {
			return err
		}
	}
	if whole == nil {
		x.giveBack(f.Stream, f.BodyLen) // a fragment's memory is that of its message, which is bounded by itself
		return nil
	}
	switch whole.Kind {
	case umx.KindHello:
		return x.greeting(whole)
	case umx.KindMessage:
		if l != nil {
			return l.push(whole)
		}
		return x.onZero(whole)
	case umx.KindError:
		x.server.log.WithField("peer", x.peer).Debugf("a peer sent an error: %q", clip(string(whole.Meta)))
		return nil
	}
	return umx.Errorf(umx.ProtocolError, "a frame of kind %d is not for who accepted the connection", whole.Kind)
}

// over is why nothing more of what has come is to be run: the peer, who may have asked for much, cannot be answered, or the session is broken off. Where
// a loop reads, what cannot be written ends the session by itself.
func (x *session) over() error {
	if x.ctx.Err() == nil {
		return nil
	}
	return context.Cause(x.ctx)
}

// onStream finds the lane of a stream and books the frame there. There is none for a stream that is refused; then the
// frame is done with.
func (x *session) onStream(f *umx.Frame) (*lane, error) {
	x.mu.Lock()
	x.last = x.in.Last()
	l := x.lanes[f.Stream]
	refused := x.in.Refused(f.Stream)
	opens := f.Flags&umx.StreamStart != 0
	stopping := l == nil && opens && !refused && x.closing
	if l == nil && opens && !refused && !stopping {
		if refused = x.open.Load() >= umx.MaxStreams; refused { // their answers are still to come
			x.in.Drop(f.Stream)
		} else {
			x.open.Add(1)
			l = x.newLane(f.Stream)
			x.lanes[f.Stream] = l
		}
	}
	x.mu.Unlock()
	if err := x.charge(l, f); err != nil {
		return nil, err
	}
	if l != nil {
		return l, nil
	}
	switch {
	case stopping:
		x.in.Drop(f.Stream)
		x.refuse(f, errStopping)
	case refused && opens:
		x.refuse(f, fault.New(fault.Exhausted, "%d streams are open, and no more are allowed", umx.MaxStreams))
	}
	x.giveBack(f.Stream, f.BodyLen)
	return nil, x.relieve()
}

// control takes a frame that is a header and nothing else.
func (x *session) control(f *umx.Frame) error {
	switch f.Kind {
	case umx.KindPing:
		pong := umx.Message{Kind: umx.KindPong, Request: f.Request}
		x.pen.Lock()
		x.out = pong.Bare(x.out)
		x.pen.Unlock()
		return x.relieve()
	case umx.KindCredit:
		return x.credited(f)
	case umx.KindCancel:
		x.cancelled(f)
	case umx.KindGoAway: // the peer opens no more streams; what runs goes on
	}
	return nil
}

// cancelled ends what a stream is doing; on stream 0, the one request of that id.
func (x *session) cancelled(f *umx.Frame) {
	x.mu.Lock()
	l := x.lanes[f.Stream]
	if f.Stream == 0 {
		l = x.zero
	}
	x.mu.Unlock()
	if l != nil {
		l.cancelRequest(f.Request)
	}
	if f.Stream != 0 {
		x.in.Cancelled(f.Stream)
	}
}

// greeting answers HELLO: who the peer is, and what holds between the two.
func (x *session) greeting(f *umx.Frame) error {
	if !x.greet {
		return umx.Errorf(umx.ProtocolError, "HELLO was said already")
	}
	theirs, err := umx.ParseHello(f.Meta)
	if err != nil {
		return x.turnAway(f, umx.CodeOf(err), err.Error())
	}
	if err := x.identify(theirs); err != nil {
		return x.turnAway(f, umx.CodeOf(err), fault.From(err).Message)
	}
	ours := umx.NewHello(x.server.peer, x.server.limits)
	ours.Software, ours.Identity = "synap "+x.server.version, x.caller.Name
	x.greet, x.hello, x.peer = false, theirs, theirs.PeerID
	x.limits = ours.Agree(theirs)
	x.in.SetLimits(x.limits)
	x.mu.Lock()
	x.credit = theirs.ConnWindow
	x.mu.Unlock()
	welcome := umx.Message{Kind: umx.KindWelcome, Request: f.Request, Meta: ours.Meta()}
	return x.zero.send(&welcome)
}

// turnAway says why a HELLO is refused, in the short form, which every client of sessions reads. What it returns ends the session.
func (x *session) turnAway(f *umx.Frame, code umx.Code, why string) error {
	m := umx.Message{
		Op: umx.OpError, Kind: umx.KindError, Ext: umx.Compact, MetaEncoding: umx.MessagePack,
		Request: f.Request, Meta: appendWire(nil, code, why),
	}
	_ = x.zero.send(&m) // the session ends either way
	return umx.Errorf(code, "%s", why)
}

// flush writes what was gathered, unless somebody is writing: who does looks again afterwards. So nobody waits for a
// peer that takes nothing, least of all the goroutine that reads; who has gathered much waits in press.
func (x *session) flush() error {
	for x.unsent() && x.writing.TryLock() {
		err := x.drain(nil)
		x.writing.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *session) unsent() bool {
	x.pen.Lock()
	defer x.pen.Unlock()
	return len(x.out) > 0
}

// relieve has who reads wait when much has gathered of what needs no request to be answered: else a peer that takes nothing, while somebody
// else writes to it, could have any amount of it kept. A loop, which must not wait, sees to that when it pauses.
func (x *session) relieve() error {
	if x.quick {
		return nil
	}
	x.pen.Lock()
	full := len(x.out) > maxUnsent
	x.pen.Unlock()
	if !full {
		return nil
	}
	return x.press()
}

// press writes what was gathered and waits until that is done.
func (x *session) press() error {
	x.writing.Lock()
	err := x.drain(nil)
	x.writing.Unlock()
	if err != nil {
		return err
	}
	return x.flush()
}

// drain writes what was gathered and then more. x.writing is held, so that nobody gets in between.
func (x *session) drain(more net.Buffers) error {
	x.pen.Lock()
	b := x.out
	x.out, x.spare = x.spare[:0], nil
	x.pen.Unlock()
	if len(b) == 0 && len(more) == 0 {
		x.spare = b
		return nil
	}
	err := x.link.write(b, more)
	if cap(b) <= 2*maxUnsent {
		x.spare = b[:0]
	}
	if err != nil {
		x.cancel(err)
	}
	return err
}

// refuse ends a stream that was not taken in.
func (x *session) refuse(f *umx.Frame, err *fault.Error) {
	m := umx.Message{
		Op: umx.OpError, Kind: umx.KindError, Flags: umx.StreamEnd, Ext: umx.Compact, MetaEncoding: umx.MessagePack,
		Stream: f.Stream, Request: f.Request, Meta: appendError(nil, err),
	}
	x.pen.Lock()
	x.out, _ = m.Append(x.out) // an error is never too large
	x.pen.Unlock()
}

// goAway says that the session ends and why, as well as that is possible.
func (x *session) goAway(code umx.Code) {
	x.mu.Lock()
	m := umx.Message{Kind: umx.KindGoAway, Sequence: uint32(code), Request: x.last}
	x.mu.Unlock()
	x.pen.Lock()
	x.out = m.Bare(x.out)
	x.pen.Unlock()
	_ = x.flush() // the session is over either way
}

// end waits until nothing of the session runs any more.
func (x *session) end() {
	x.mu.Lock()
	x.closing = true
	x.mu.Unlock()
	x.depart()
	x.depart = func() {}
	x.cancel(errGone)
	x.link.close()
	x.running.Wait()
	x.turning.Wait()
}

// drainLanes takes nothing new, ends watches, and waits until what runs has been answered.
func (x *session) drainLanes() {
	x.mu.Lock()
	x.closing = true
	following := make([]*lane, 0, len(x.lanes))
	for _, l := range x.lanes {
		following = append(following, l)
	}
	x.mu.Unlock()
	x.goAway(umx.Unavailable)
	for _, l := range following {
		l.stopFollowing()
	}
	x.running.Wait()
	_ = x.press() // the session is over either way
}

var (
	errStopping = fault.New(fault.Unavailable, "the server is stopping")
	errGone     = fault.New(fault.Canceled, "the peer is gone")
)
