package umx

// MaxStreams is how many streams a peer may have open at once, until both sides have ended them; the next one is refused with
// ResourceExhausted.
const MaxStreams = 1024

// Inbound keeps the order of what one peer sends on one connection: the numbers of its frames on every stream, who
// may open which stream, and messages in fragments, which it puts together.
type Inbound struct {
	parity  uint64 // of the streams that the peer opens: 1 where the peer opened the connection, else 0
	limits  Limits
	first   uint32 // the next number on stream 0
	zero    *assembly
	last    uint64 // the highest stream that the peer has opened
	theirs  int    // how many that the peer opened are open
	streams map[uint64]*incoming
	partial uint64 // bytes that messages which are not complete will have, and what their metadata was unpacked to
}

// incoming is the peer's side of a stream that is open.
type incoming struct {
	next    uint32 // the number of the next frame
	part    *assembly
	theirs  bool
	dropped bool // it was refused: what comes is read and forgotten
}

// assembly is a message of which some fragments have come.
type assembly struct {
	frame Frame  // its MessageLen is how long body becomes
	body  []byte // grows with what has come
	have  int    // of body
}

// takes is how much memory it will take until the message is complete.
func (a *assembly) takes() uint64 { return a.frame.MessageLen + uint64(a.frame.unpacked()) } //nolint:gosec // not negative

// add takes the next bytes, which fit.
func (a *assembly) add(part []byte) {
	if need := a.have + len(part); need > len(a.body) {
		a.body = enlarge(a.body, need, int(a.frame.MessageLen)) //nolint:gosec // within MaxMessage
	}
	a.have += copy(a.body[a.have:], part)
}

// NewInbound returns the order of a connection that has just begun. accepted says that the peer opened it.
func NewInbound(accepted bool, l Limits) *Inbound {
	in := &Inbound{limits: l.OrDefault(), streams: map[uint64]*incoming{}}
	if accepted {
		in.parity = 1
	}
	return in
}

// SetLimits changes what is accepted from the next frame on.
func (in *Inbound) SetLimits(l Limits) { in.limits = l.OrDefault() }

// Expect opens the peer's side of a stream that we open.
func (in *Inbound) Expect(stream uint64) { in.streams[stream] = &incoming{} }

// Drop makes what still comes on a stream be read and forgotten.
func (in *Inbound) Drop(stream uint64) {
	if s := in.streams[stream]; s != nil {
		s.dropped = true
		in.forget(&s.part)
	}
}

// Open is how many streams there are on which the peer may still send.
func (in *Inbound) Open() int { return len(in.streams) }

// Last is the highest stream that the peer has opened.
func (in *Inbound) Last() uint64 { return in.last }

// Accept takes the next frame that is not a bare one. It returns the whole message when the frame completes one, and
// nil when more fragments are to come, or what came is to be forgotten. An error is the end of the connection.
func (in *Inbound) Accept(f *Frame) (*Frame, error) {
	if f.Stream == 0 {
		if f.Sequence != in.first {
			return nil, errorf(ProtocolError, "frame %d of stream 0 was to come, and %d came", in.first, f.Sequence)
		}
		if f.Flags&(StreamStart|StreamEnd) != 0 {
			return nil, errorf(ProtocolError, "stream 0 is the connection: it is neither opened nor ended")
		}
		in.first++
		return in.assemble(&in.zero, f)
	}
	s := in.streams[f.Stream]
	if s == nil {
		if f.Stream%2 != in.parity || f.Stream <= in.last {
			return nil, in.stray(f)
		}
		if f.Flags&StreamStart == 0 {
			return nil, errorf(ProtocolError, "stream %d was not opened", f.Stream)
		}
		s = &incoming{theirs: true, dropped: in.theirs >= MaxStreams}
		in.last = f.Stream
		in.theirs++
		in.streams[f.Stream] = s
	} else if f.Flags&StreamStart != 0 && (s.theirs || s.next > 0) {
		return nil, errorf(ProtocolError, "stream %d was opened before", f.Stream)
	}
	if f.Sequence != s.next {
		return nil, errorf(ProtocolError, "frame %d of stream %d was to come, and %d came", s.next, f.Stream, f.Sequence)
	}
	s.next++
	if f.Flags&StreamEnd != 0 && f.Last() {
		defer in.end(f.Stream, s)
	}
	if s.dropped {
		return nil, nil
	}
	return in.assemble(&s.part, f)
}

// Refused reports whether the stream is being dropped.
func (in *Inbound) Refused(stream uint64) bool {
	s := in.streams[stream]
	return s != nil && s.dropped
}

// stray is why a frame on a stream that is not open is the end, or nil when it was sent before its sender could know
// that the stream had ended.
func (in *Inbound) stray(f *Frame) error {
	switch {
	case f.Stream%2 != in.parity && f.Flags&StreamStart != 0:
		return errorf(ProtocolError, "stream %d is not the peer's to open", f.Stream)
	case f.Flags&StreamStart != 0:
		return errorf(ProtocolError, "stream %d comes after stream %d, and numbers only rise", f.Stream, in.last)
	}
	return errorf(ProtocolError, "stream %d is not open", f.Stream)
}

func (in *Inbound) end(stream uint64, s *incoming) {
	in.forget(&s.part)
	delete(in.streams, stream)
	if s.theirs {
		in.theirs--
	}
}

func (in *Inbound) forget(part **assembly) {
	if *part != nil {
		in.partial -= (*part).takes()
		*part = nil
	}
}

// assemble puts fragments together.
func (in *Inbound) assemble(part **assembly, f *Frame) (*Frame, error) {
	a := *part
	switch {
	case f.Kind == KindError && f.Flags&fragments == 0:
		in.forget(part) // what was under way will not be finished
		return f, nil
	case f.Kind == KindFragment && a == nil:
		return nil, errorf(ProtocolError, "a fragment goes on with a message that was not begun")
	case f.Kind != KindFragment && a != nil:
		return nil, errorf(ProtocolError, "a message begins in the middle of another one")
	case f.Kind != KindFragment && f.Flags&FragmentStart == 0:
		return f, nil
	case f.Kind != KindFragment:
		if in.partial+f.MessageLen > in.limits.MaxMessage {
			return nil, errorf(BufferOverflow, "messages of %d bytes in all are under way, more than the %d that were agreed on",
				in.partial+f.MessageLen, in.limits.MaxMessage)
		}
		a = &assembly{frame: *f}
		a.frame.Meta = append([]byte(nil), f.Meta...)
		a.frame.Tensors = append([]Tensor(nil), f.Tensors...)
		a.add(f.Body)
		in.partial += a.takes()
		*part = a
		return nil, nil
	case f.MessageLen != a.frame.MessageLen || f.Request != a.frame.Request:
		return nil, errorf(ProtocolError, "a fragment belongs to another message")
	case uint64(len(f.Body)) > a.frame.MessageLen-uint64(a.have): //nolint:gosec // not negative
		return nil, errorf(ProtocolError, "the fragments are longer than their message")
	}
	a.add(f.Body)
	if f.Flags&FragmentEnd == 0 {
		return nil, nil
	}
	if uint64(a.have) != a.frame.MessageLen { //nolint:gosec // not negative
		return nil, errorf(ProtocolError, "the fragments have %d bytes and their message %d", a.have, a.frame.MessageLen)
	}
	in.forget(part)
	whole := &a.frame
	whole.Flags = whole.Flags&^fragments | f.Flags&StreamEnd
	whole.Body, whole.BodyLen, whole.Unpaid, whole.owned = a.body, len(a.body), f.BodyLen, true
	return whole, whole.Complete(a.body)
}

// Cancelled ends the peer's side of a stream that it gave up: a CANCEL is the last that is sent on a stream.
func (in *Inbound) Cancelled(stream uint64) {
	if s := in.streams[stream]; s != nil {
		in.end(stream, s)
	}
}

// Skip counts a frame of stream 0 that was taken by other means, as WELCOME is.
func (in *Inbound) Skip() { in.first++ }
