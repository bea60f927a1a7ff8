package umicp

import (
	"context"
	"slices"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

// onZero takes a request of stream 0: at once if it is quick and nothing is before it.
func (x *session) onZero(f *umx.Frame) error {
	if f.Ext&umx.Compact == 0 || !x.zero.idle() {
		return x.behind(f)
	}
	q := x.next(f)
	if err := x.server.compact(f, &q.call, x.atHand()); err != nil {
		x.reply(q, command.Owed{}, nil, err)
		return nil
	}
	switch {
	case !q.row.inline:
		return x.behind(f)
	case x.quick && q.row.heavy:
		own := q.own()
		x.later = func() error { return x.run(own) }
		return nil
	}
	return x.run(q)
}

// next begins with a call. It is the same one every time; own makes a copy of it that lasts.
func (x *session) next(f *umx.Frame) *asked {
	q := &x.asked
	if x.quick {
		q = &x.spares.asked
	}
	*q = asked{frame: f}
	return q
}

func (q *asked) own() *asked {
	copied := *q
	return &copied
}

// atHand is what the loop that reads has to decode into and answer with; there is none where no loop does.
func (x *session) atHand() *spares {
	if !x.quick {
		return nil
	}
	return x.spares
}

// behind puts a request on the lane of stream 0, behind the answers that are held.
func (x *session) behind(f *umx.Frame) error {
	if x.quick && len(x.held) > 0 {
		x.later = func() error { return x.behind(f) }
		return nil
	}
	x.deliver()
	if x.quick {
		x.spill() // what the lane answers comes behind it
	}
	return x.zero.push(f)
}

// run answers a request of stream 0 at once.
func (x *session) run(q *asked) error {
	ctx, owed := x.ctx, &x.owed
	if x.quick {
		owed, q.Watch = &x.spares.owed, &x.spares.watch
	}
	*owed = command.Owed{}
	if q.frame.DeadlineMS > 0 && !x.quick {
		var done context.CancelFunc
		ctx, done = context.WithTimeout(ctx, deadline(q.frame))
		defer done()
	} else {
		q.Owed = owed
	}
	q.Caller, q.Into = x.caller, x.atHand().response(q.row)
	result, err := x.server.executor.Do(ctx, &q.Request)
	if q.frame.DeadlineMS > 0 && owed.Any() {
		x.later = x.byItself(q, *owed, result, err)
		return nil
	}
	if x.reply(q, *owed, result, err) && q.IdempotencyKey == "" {
		x.atHand().giveBack(q.row, q.Args, result)
	}
	return nil
}

// byItself is alone, for later.
func (x *session) byItself(q *asked, owed command.Owed, result any, err error) func() error {
	q = q.own()
	return func() error { x.alone(q, owed, result, err); return nil }
}

// alone answers a request by itself when what it did is safe, or its deadline, if it has one, is over.
func (x *session) alone(q *asked, owed command.Owed, result any, err error) {
	x.deliver()
	ctx := x.ctx
	if q.frame.DeadlineMS > 0 {
		var done context.CancelFunc
		ctx, done = context.WithTimeout(ctx, deadline(q.frame))
		defer done()
	}
	if failed := owed.Settle(ctx); failed != nil && err == nil {
		result, err = nil, failed
	}
	x.zero.answer(q, result, err)
}

// held is an answer that has to wait until what it tells is safe, or for one that does. It is encoded already, as if all went well.
type held struct {
	request  uint64
	sequence uint32
	refused  bool // it is an error as it is
	begin    int  // where it is in the session's pending, up to end
	end      int
	owed     command.Owed
}

// What waits for the disk together: at most maxHeld answers, and no more once they are maxUnsent bytes.
const maxHeld = 512

// reply answers a request of stream 0, in its turn: requests that came together share one wait for the disk. It reports whether
// nobody needs the request any more, or the result.
func (x *session) reply(q *asked, owed command.Owed, result any, err error) (done bool) {
	if len(x.held) == 0 && !owed.Any() {
		x.say(q, result, err)
		return x.later == nil
	}
	switch held := x.hold(q, owed, result, err); {
	case !held && x.quick:
		x.later = x.byItself(q, owed, result, err)
		return false
	case !held:
		x.alone(q, owed, result, err)
	case len(x.held) < maxHeld && len(x.pending) < maxUnsent && !(x.quick && owed.Alone()):
	case x.quick:
		x.later = func() error { x.deliver(); return nil }
	default:
		x.deliver()
	}
	return true
}

// hold gathers an answer among those that wait. One that is to be tensors, or is too large, it does not take.
func (x *session) hold(q *asked, owed command.Owed, result any, err error) bool {
	if q.apart && err == nil && len(q.row.out) > 0 {
		return false
	}
	begin := len(x.pending)
	sequence, meta := x.zero.encode(&x.pending, q, result, err)
	if meta != nil {
		return false
	}
	x.held = append(x.held, held{q.frame.Request, sequence, err != nil, begin, len(x.pending), owed})
	return true
}

// say gives an answer of stream 0. Where a loop reads, what cannot be gathered is left for later.
func (x *session) say(q *asked, result any, err error) {
	if !x.quick {
		x.zero.answer(q, result, err)
		return
	}
	if q.apart && err == nil && len(q.row.out) > 0 {
		own := q.own()
		x.later = func() error { x.zero.answer(own, result, err); return nil }
		return
	}
	_, meta := x.zero.encode(&x.pending, q, result, err)
	switch {
	case meta != nil:
		x.later = x.muchLater(meta, q, result, err)
	case len(x.pending) > maxUnsent:
		x.later = x.press
	}
}

func (x *session) muchLater(meta []byte, q *asked, result any, err error) func() error {
	q = q.own()
	return func() error { x.zero.answerLarge(meta, q, result, err); return nil }
}

// deliver waits until what was answered is safe, and lets the answers go.
func (x *session) deliver() {
	if len(x.held) == 0 {
		return
	}
	var all command.Owed
	x.join(&all)
	x.release(all.Settle(x.ctx))
}

// join adds what all answers that are held wait for.
func (x *session) join(all *command.Owed) {
	for i := range x.held {
		all.Join(&x.held[i].owed)
	}
}

// release lets the answers that are held go, of which failed says whether what they waited for failed.
func (x *session) release(failed error) {
	if len(x.held) == 0 {
		return
	}
	if failed != nil {
		x.repent()
	}
	if x.held = x.held[:0]; cap(x.held) > keptHeld {
		x.held = nil
	}
	if !x.quick && x.spill() {
		_ = x.press() // a session that cannot write has been cancelled
	}
}

// spill puts the answers that were gathered and wait for nothing any more where everybody's are, and reports whether that is much by now.
func (x *session) spill() (full bool) {
	x.pen.Lock()
	x.out = append(x.out, x.pending...)
	full = len(x.out) > maxUnsent
	x.pen.Unlock()
	if x.pending = x.pending[:0]; cap(x.pending) > keptPending {
		x.pending = nil
	}
	return full
}

// keep makes what was gathered the session's own, before the loop whose memory it is in goes on.
func (x *session) keep() {
	if len(x.held) == 0 {
		x.spill()
		x.held, x.pending = nil, nil
		return
	}
	x.held, x.pending = slices.Clone(x.held), slices.Clone(x.pending)
}

// What a session keeps for answers that wait when there are none.
const (
	keptHeld    = 32
	keptPending = 8 << 10
)

// repent encodes the answers that are held once more when the disk has failed: some may have been safe before it did, and the others say
// what happened.
func (x *session) repent() {
	encoded := x.pending
	x.pending = append([]byte(nil), encoded[:x.held[0].begin]...)
	for i := range x.held {
		h := &x.held[i]
		if failed := h.owed.Settle(x.ctx); failed == nil || h.refused {
			x.pending = append(x.pending, encoded[h.begin:h.end]...)
		} else {
			m := umx.Message{
				Op: umx.OpError, Kind: umx.KindError, Ext: umx.Compact, MetaEncoding: umx.MessagePack,
				Sequence: h.sequence, Request: h.request, Meta: appendError(nil, fault.From(failed)),
			}
			x.pending, _ = m.Append(x.pending) // an error is never too large
		}
	}
}
