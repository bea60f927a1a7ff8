package umicp

import (
	"net"

	"github.com/hivellm/synap-go/umicp/umx"
)

// answer sends the answer to a request.
func (l *lane) answer(q *asked, result any, err error) {
	if q.apart && err == nil && len(q.row.out) > 0 {
		if err = l.answerApart(q, result); err == nil {
			return
		}
		err = why(l.ctx, err)
	}
	meta, full := l.gather(q, result, err)
	switch {
	case meta != nil:
		l.answerLarge(meta, q, result, err)
	case full:
		_ = l.session.press() // a session that cannot write has been cancelled
	}
}

// header is that of the answer to a request, in the form that was asked in.
func (l *lane) header(q *asked, err error) umx.Header {
	h := umx.Header{Op: umx.OpResponse, Flags: q.frame.Flags & umx.StreamEnd, Stream: l.id, Request: q.frame.Request}
	if h.MetaEncoding = q.frame.MetaEncoding; q.frame.Ext&umx.Compact != 0 {
		h.Ext, h.MetaEncoding = umx.Compact, umx.MessagePack
	}
	if err != nil {
		h.Op, h.Kind = umx.OpError, umx.KindError
		if l.id != 0 && l.ctx.Err() != nil {
			h.Flags |= umx.StreamEnd // nothing more comes on a stream that was given up
		}
	}
	return h
}

// message is the answer to a request, still empty.
func (l *lane) message(q *asked, err error) umx.Message {
	h := l.header(q, err)
	return umx.Message{Op: h.Op, Kind: h.Kind, Flags: h.Flags, Ext: h.Ext, MetaEncoding: h.MetaEncoding, Stream: h.Stream, Request: h.Request}
}

// gather appends an answer to what is written next, and reports whether that is much by now. An answer that is too large, or has to
// wait for credit, it does not take: it returns its metadata.
func (l *lane) gather(q *asked, result any, err error) (meta []byte, full bool) {
	x := l.session
	x.pen.Lock()
	defer x.pen.Unlock()
	if l.finished {
		return nil, false // it was cancelled while its last answer waited for credit, and told so
	}
	_, meta = l.encode(&x.out, q, result, err)
	return meta, len(x.out) > maxUnsent
}

// encode is gather into any buffer; it returns the number of the frame. The pen is held, or the lane is stream 0, which is idle, and the buffer
// and the call are of who reads.
func (l *lane) encode(to *[]byte, q *asked, result any, err error) (sequence uint32, meta []byte) {
	x, h, at := l.session, l.header(q, err), len(*to)
	b := q.appendAnswer(umx.Reserve(*to), result, err)
	size := len(b) - at - umx.HeaderBytes
	if x.fits(size) && (l.id == 0 || err != nil || l.take(size)) {
		*to = l.seal(&h, b, at, size)
		return h.Sequence, nil
	}
	meta = append([]byte(nil), b[at+umx.HeaderBytes:]...)
	*to = b[:at]
	return 0, meta
}

// fits reports whether a frame holds that many bytes of metadata and nothing else.
func (x *session) fits(size int) bool {
	return size <= umx.MaxMeta && size+2*umx.HeaderBytes <= x.limits.MaxFrame
}

// answerLarge sends an answer that gather did not take, out of the way of the others.
func (l *lane) answerLarge(meta []byte, q *asked, result any, err error) {
	m := l.message(q, err)
	if m.Meta = meta; err == nil && !l.session.fits(len(meta)) {
		m.Meta, m.Tensors = q.asBody(meta, result)
	}
	if err := l.send(&m); err != nil && l.session.ctx.Err() == nil {
		l.answer(q, nil, why(l.ctx, err)) // it cannot be sent; why, can
	}
}

// answerApart sends an answer with its numbers in tensors.
func (l *lane) answerApart(q *asked, result any) (err error) {
	m := l.message(q, nil)
	rest, names, tensors := q.row.takeOut(result)
	m.Tensors = tensors
	if m.Meta, err = q.metaApart(rest, names); err != nil {
		return err
	}
	return l.send(&m)
}

// seal makes a frame of what was appended from at on. Who may call encode may call it.
func (l *lane) seal(h *umx.Header, b []byte, at, size int) []byte {
	h.Sequence = l.sequence
	l.sequence++
	if h.Flags&umx.StreamEnd != 0 {
		l.finish()
	}
	return h.Seal(b, at, size)
}

// finish books that the stream is ended from this side. Who may call encode may call it.
func (l *lane) finish() {
	if !l.finished && l.id != 0 {
		l.session.open.Add(-1)
	}
	l.finished = true
}

// send sends a message on the lane, on a stream frame by frame as there is credit for them. Only one goroutine sends on
// a lane: its own, or the one that reads while the lane is idle.
func (l *lane) send(m *umx.Message) error {
	x := l.session
	m.Stream = l.id
	x.pen.Lock()
	m.Sequence = l.sequence
	x.pen.Unlock()
	frames, err := m.Frames(x.limits.MaxFrame)
	if err != nil {
		return umx.AsFault(err)
	}
	for i, parts := range frames {
		if l.id != 0 && m.Kind != umx.KindError {
			if err := l.ready(l.ctx); err != nil {
				return err
			}
			l.spend(size(parts) - umx.HeaderBytes)
		}
		x.pen.Lock() // one by one: who is cancelled in between is told so in the place of what is missing
		l.sequence++
		if m.Flags&umx.StreamEnd != 0 && i == len(frames)-1 {
			l.finish()
		}
		x.pen.Unlock()
		x.writing.Lock()
		err := x.drain(parts)
		x.writing.Unlock()
		if err != nil {
			return err
		}
	}
	return x.flush()
}

func size(parts net.Buffers) (n int) {
	for _, p := range parts {
		n += len(p)
	}
	return n
}
