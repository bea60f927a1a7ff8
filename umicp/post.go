package umicp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

// maxPosted is how many bytes frames over HTTP are answered with, all together: the answer is whole before it is sent, and a small request may ask
// for much, many times over. What is beyond it is not run, or not told.
const maxPosted = 128 << 20

var errMuch = umx.Errorf(umx.BufferOverflow, "the answers come to more than %d bytes: ask for less at once, or over a session", maxPosted)

// memoryLink gathers what is written: the answer to a request over HTTP.
type memoryLink struct {
	mu   sync.Mutex
	most int
	full bool // more was to be written
	sent []byte
	from string
}

func (l *memoryLink) write(frames []byte, more net.Buffers) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full = l.full || len(l.sent)+len(frames)+size(more) > l.most; l.full {
		return errMuch
	}
	l.sent = append(l.sent, frames...)
	for _, p := range more {
		l.sent = append(l.sent, p...)
	}
	return nil
}

func (l *memoryLink) close()         {}
func (l *memoryLink) remote() string { return l.from }

// postFrames answers a body of frames with frames: it is a session that has said HELLO and ends with the body. There is
// no flow control; HTTP has its own.
func (s *Server) postFrames(w http.ResponseWriter, r *http.Request, caller *auth.Identity, body []byte) {
	l := &memoryLink{from: r.RemoteAddr, most: s.maxPosted}
	x := newSession(s, l, r.Context())
	x.caller, x.greet, x.brief = caller, false, true
	x.limits = s.limits
	x.in.SetLimits(x.limits)
	x.hello = umx.NewHello("", s.limits)
	x.hello.Window, x.credit, x.window = maxCredit, maxCredit, maxCredit
	err := x.frames(body)
	if err != nil {
		x.cancel(fault.From(err))
	}
	x.running.Wait()
	if flushed := x.flush(); err == nil {
		err = flushed
	}
	if l.full {
		err = errMuch
	}
	x.cancel(nil)
	status := http.StatusOK
	var wrong *umx.Error
	if errors.As(err, &wrong) {
		if status = statuses[wrong.Code.Fault()]; status == 0 {
			status = http.StatusBadRequest
		}
		l.sent = wrongFrame(l.sent, wrong)
	}
	s.traffic.wrote(l.sent, 0)
	w.Header().Set("Content-Type", binaryType)
	w.WriteHeader(status)
	_, _ = w.Write(l.sent) // the client went away: there is nobody to tell
}

// wrongFrame appends the ERROR that says why the frames were read no further.
func wrongFrame(b []byte, wrong *umx.Error) []byte {
	m := umx.Message{
		Op: umx.OpError, Kind: umx.KindError, Ext: umx.Compact, MetaEncoding: umx.MessagePack,
		Meta: appendWire(nil, wrong.Code, wrong.Reason),
	}
	b, _ = m.Append(b) // a short error is never too large
	return b
}

// postLegacy answers a legacy frame.
func (s *Server) postLegacy(w http.ResponseWriter, r *http.Request, caller *auth.Identity, body []byte) {
	if _, err := umx.DecodeLegacy(body, int(s.maxBytes.Load())); err != nil {
		s.refuse(w, umx.AsFault(err))
		return
	}
	w.Header().Set("Content-Type", binaryType)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(s.legacy(r.Context(), caller, body)) // the client went away: there is nobody to tell
}

// legacy answers a legacy frame. What is in it is opaque, unless it is an envelope; then that is answered.
func (s *Server) legacy(ctx context.Context, caller *auth.Identity, body []byte) []byte {
	f, err := umx.DecodeLegacy(body, int(s.maxBytes.Load()))
	if err != nil {
		refused := umx.Legacy{Op: umx.OpError, Payload: []byte(err.Error())}
		return refused.Append(nil)
	}
	answer := umx.Legacy{Op: umx.OpAck, Stream: f.Stream, Sequence: f.Sequence}
	if e, err := Decode(f.Payload); err == nil {
		if answer.Payload, err = encode(s.answer(ctx, caller, e)); err == nil {
			answer.Op = umx.OpData
		}
	}
	return answer.Append(nil)
}
