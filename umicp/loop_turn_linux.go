package umicp

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/umicp/umx"
)

// polled is a connection that a loop reads. It is read by one goroutine at a time: the loop, or one of its own.
type polled struct {
	loop    *loop
	session *session
	link    *pollLink
	reader  *umx.Reader
	from    string      // the address that its rate goes by
	greeted *time.Timer // breaks the connection off if no HELLO comes
	looped  atomic.Bool // the loop reads it
	frames  int         // since they were booked; of whoever reads
	bytes   int         // as above
	began   time.Time   // when a goroutine of its own began; of that
	again   bool        // it is among its loop's again; of the loop
	late    int         // how much longer than others it takes; of whoever reads
	deep    int         // how often much came at a time, lately; as above
	spread  bool        // it is one of those; as above
}

// How a session loses its place among those that a loop serves.
const (
	latePoint = 8             // that a turn counts that is longer than longTurn; every other one counts one less
	tooLate   = 2 * latePoint // from then on the session has a goroutine of its own
)

// longTurn is what a session takes of a loop's time at most, but now and then. It is a variable for tests, which are not about how fast the machine is.
var longTurn = 2 * time.Millisecond

// turn takes what has come from the peer: a loop until nothing more has, or it would have to wait.
func (p *polled) turn() {
	x, r := p.session, p.reader
	defer x.fell(p.end)
	if x.quick && (x.greet || p.late >= tooLate || r.Large()) {
		p.apart()
		return
	}
	for {
		f, err := r.Next()
		if err == errNothing { //nolint:errorlint // the reader returns it as it is
			if !x.quick && r.Large() && p.link.more() {
				continue
			}
			break
		}
		if err != nil {
			p.end(err)
			return
		}
		p.frames, p.bytes = p.frames+1, p.bytes+umx.HeaderBytes+f.BodyLen
		if !x.quick {
			err = x.over()
		}
		if err == nil {
			err = p.frame(f)
		}
		if err != nil {
			p.end(err)
			return
		}
		if x.later != nil {
			if x.quick {
				p.apart()
				return
			}
			if err := x.doLater(); err != nil {
				p.end(err)
				return
			}
		}
		if !r.Ready() {
			break
		}
	}
	x.server.traffic.in.add(p.frames, p.bytes)
	p.weigh(p.frames)
	p.frames, p.bytes = 0, 0
	x.active.Store(true)
	r.Rest()
	if x.quick {
		p.loop.asked = append(p.loop.asked, p)
		if p.again = p.link.unread; p.again {
			p.loop.again = append(p.loop.again, p)
		}
		return
	}
	p.pause()
}

// took books how long a turn was.
func (p *polled) took(long time.Duration) {
	if long > longTurn {
		p.late = min(p.late+latePoint, tooLate+latePoint)
	} else if p.late > 0 {
		p.late--
	}
}

// frame takes one frame, or leaves it for later when its address sends too fast.
func (p *polled) frame(f *umx.Frame) error {
	x := p.session
	if f.Kind.Bare() || !x.tooFast(p.from) {
		return p.take(f)
	}
	x.later = func() error {
		x.slowDown(p.from)
		return p.take(f)
	}
	return nil
}

// take takes one frame, which may be HELLO.
func (p *polled) take(f *umx.Frame) error {
	x := p.session
	greeting := x.greet
	err := x.frame(f)
	if greeting && !x.greet {
		p.greeted.Stop()
		p.reader.SetLimits(x.limits)
	}
	return err
}

// doLater does what was left for later, and what that leaves.
func (x *session) doLater() error {
	for x.later != nil {
		later := x.later
		x.later = nil
		if err := later(); err != nil {
			return err
		}
	}
	return nil
}

// pause writes what was gathered and waits for more. What the peer does not take, a goroutine writes.
func (p *polled) pause() {
	x := p.session
	if !x.quick {
		x.deliver()
		if err := x.flush(); err != nil {
			p.end(err)
			return
		}
		p.took(time.Since(p.began))
		p.back()
		return
	}
	for x.later == nil && (len(x.pending) > 0 || x.unsent()) {
		if !x.writing.TryLock() {
			full := x.spill()
			if !x.writing.TryLock() {
				if full { // and nothing more is read of a peer that takes nothing
					x.later = x.press
				}
				break // who writes looks again afterwards
			}
		}
		if err := p.write(); err != nil {
			p.end(err)
			return
		}
	}
	if x.later != nil {
		p.apart()
	}
}

// write writes what was gathered as far as the peer takes it at once; the rest is left for later. x.writing is held, and
// released, then or later.
func (p *polled) write() error {
	x := p.session
	x.pen.Lock()
	b, own := x.pending, false
	if len(x.out) > 0 {
		b, own = append(x.out, b...), true
		x.out, x.spare = x.spare[:0], nil
	}
	x.pen.Unlock()
	x.pending = nil
	n, err := p.link.try(b)
	if err == nil && n < len(b) {
		if !own {
			b, n = slices.Clone(b[n:]), 0
		}
		x.later = p.rest(b, n)
		return nil
	}
	if !own {
		b = x.spare
	}
	x.wrote(b, err)
	return err
}

// rest returns what writes the rest of b from n on, however long the peer takes for it.
func (p *polled) rest(b []byte, n int) func() error {
	return func() error {
		err := p.link.finish(b[n:])
		p.session.wrote(b, err)
		if err == nil {
			err = p.session.flush()
		}
		return err
	}
}

// wrote ends the writing of b.
func (x *session) wrote(b []byte, err error) {
	if cap(b) <= 2*maxUnsent {
		x.spare = b[:0]
	}
	if err != nil {
		x.cancel(err)
	}
	x.writing.Unlock()
}

// apart goes on with the session in a goroutine of its own, until nothing more of it has come.
func (p *polled) apart() {
	p.out()
	p.session.keep()
	p.session.quick = false
	go func() {
		defer p.session.fell(p.end)
		p.began = time.Now()
		if err := p.session.doLater(); err != nil {
			p.end(err)
			return
		}
		p.turn()
	}()
}

// end ends the session: in a goroutine, since it waits for what runs.
func (p *polled) end(why error) {
	p.out()
	x := p.session
	if x.quick {
		x.keep()
	}
	x.quick = false
	go func() {
		defer x.fell(nil)
		p.greeted.Stop()
		x.deliver()
		if why == errClosed { //nolint:errorlint // it is ours
			why = nil
		}
		x.leave(why)
		if p.spread {
			p.loop.deep.Add(-1)
		}
		p.loop.forget(p)
		x.writing.Lock()
		p.link.release()
		x.writing.Unlock()
	}()
}

// back gives the session to the loop.
func (p *polled) back() {
	p.link.watch(func(l *pollLink) {
		l.reads = true
		p.looped.Store(true)
	})
}

// out takes it from the loop.
func (p *polled) out() {
	p.link.watch(func(l *pollLink) {
		l.reads = false
		p.looped.Store(false)
	})
}
