package umicp

import (
	"context"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

// Flow control counts stored body bytes on every stream but 0, in both directions: those of one stream, and those of
// all of them. Who sends may begin a frame while both credits are above zero, and the frame may take them
// below; then it waits for CREDIT. An ERROR needs none. Stream 0 is held back by the connection alone: whoever asks
// there without reading the answers holds back nobody else.

// weight is what a frame counts for: one without a body is not free.
func weight(body int) int64 { return int64(max(body, umx.HeaderBytes)) }

// charge takes a frame off what the peer may send on the connection and on the lane, which may be nil.
func (x *session) charge(l *lane, f *umx.Frame) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := weight(f.BodyLen)
	if x.used >= x.window {
		return umx.Errorf(umx.ProtocolError, "more was sent than there was credit for on the connection")
	}
	x.used += n
	if l != nil {
		if l.used >= l.window {
			return umx.Errorf(umx.ProtocolError, "more was sent than there was credit for on stream %d", f.Stream)
		}
		l.used += n
	}
	return nil
}

// giveBack lets the peer send again what was taken in and is done with. It tells the peer when it is much.
func (x *session) giveBack(stream uint64, body int) {
	if stream == 0 {
		return
	}
	n := weight(body)
	x.mu.Lock()
	x.used -= n
	var conn, own int64
	// What the peer was told it may send is window minus used; telling it of every frame would cost one for each.
	x.back += n
	if x.back >= x.window/2 {
		conn, x.back = x.back, 0
	}
	if l := x.lanes[stream]; l != nil {
		l.used -= n
		l.back += n
		if l.back >= l.window/2 {
			own, l.back = l.back, 0
		}
	}
	x.mu.Unlock()
	if conn == 0 && own == 0 {
		return
	}
	x.pen.Lock()
	if conn > 0 {
		m := umx.Message{Kind: umx.KindCredit, Credit: uint64(conn)} //nolint:gosec // positive
		x.out = m.Bare(x.out)
	}
	if own > 0 {
		m := umx.Message{Kind: umx.KindCredit, Stream: stream, Credit: uint64(own)} //nolint:gosec // positive
		x.out = m.Bare(x.out)
	}
	x.pen.Unlock()
}

// maxCredit bounds what a peer may give, so that sums cannot overflow.
const maxCredit = 1 << 50

// credited takes a CREDIT.
func (x *session) credited(f *umx.Frame) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f.MessageLen > maxCredit {
		return umx.Errorf(umx.ProtocolError, "a credit of %d bytes is too large", f.MessageLen)
	}
	n := int64(f.MessageLen) //nolint:gosec // just compared
	if f.Stream == 0 {
		if x.credit += n; x.credit > maxCredit {
			return umx.Errorf(umx.ProtocolError, "the connection's credit is too large")
		}
		for _, l := range x.lanes {
			l.notify()
		}
		return nil
	}
	if l := x.lanes[f.Stream]; l != nil { // it may have ended meanwhile
		if l.credit += n; l.credit > maxCredit {
			return umx.Errorf(umx.ProtocolError, "the credit of stream %d is too large", f.Stream)
		}
		l.notify()
	}
	return nil
}

func (l *lane) notify() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// ready waits until something may be sent. What was gathered is written before.
func (l *lane) ready(ctx context.Context) error {
	x := l.session
	for {
		x.mu.Lock()
		ok := l.credit > 0 && x.credit > 0
		x.mu.Unlock()
		if ok {
			return ctx.Err()
		}
		if err := x.flush(); err != nil {
			return err
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			return fault.From(ctx.Err())
		}
	}
}

// spend books a frame that is sent.
func (l *lane) spend(body int) {
	x := l.session
	n := weight(padded(body))
	x.mu.Lock()
	l.credit -= n
	x.credit -= n
	x.mu.Unlock()
}

// take is spend if there is credit, without waiting for it.
func (l *lane) take(body int) bool {
	x := l.session
	x.mu.Lock()
	defer x.mu.Unlock()
	if l.credit <= 0 || x.credit <= 0 {
		return false
	}
	n := weight(padded(body))
	l.credit -= n
	x.credit -= n
	return true
}

func padded(n int) int { return (n + umx.HeaderBytes - 1) &^ (umx.HeaderBytes - 1) }
