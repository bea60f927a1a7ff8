package umicp

import (
	"context"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/umicp/umx"
)

// onZero takes a request of stream 0: at once if it is quick and nothing is before it.
func (x *session) onZero(f *umx.Frame) error {
	if f.Ext&umx.Compact == 0 || !x.zero.idle() {
		return x.behind(f)
	}
	q := &x.asked
	*q = asked{frame: f}
	x.owed = command.Owed{}
	if err := x.server.compact(f, &q.call, x.atHand()); err != nil {
		x.reply(q, nil, err)
		return nil
	}
	switch {
	case !q.row.inline:
		return x.behind(f)
	case x.quick && q.row.heavy:
		x.later = func() error { return x.run(q) }
		return nil
	}
	return x.run(q)
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
	return x.zero.push(f)
}

// run answers a request of stream 0 at once.
func (x *session) run(q *asked) error {
	ctx := x.ctx
	if q.frame.DeadlineMS > 0 && !x.quick {
		var done context.CancelFunc
		ctx, done = context.WithTimeout(ctx, deadline(q.frame))
		defer done()
	} else {
		q.Owed = &x.owed
	}
	q.Caller, q.Watch, q.Into = x.caller, &x.watch, x.atHand().response(q.row)
	result, err := x.server.executor.Do(ctx, &q.Request)
	if q.frame.DeadlineMS > 0 && x.owed.Any() {
		x.later = func() error { x.settleWithin(q, result, err); return nil }
		return nil
	}
	if x.reply(q, result, err) && q.IdempotencyKey == "" {
		x.atHand().giveBack(q.row, q.Args, result)
	}
	return nil
}

// settleWithin answers a request that has a deadline when what it did is safe, or it is over.
func (x *session) settleWithin(q *asked, result any, err error) {
	owed := x.owed
	x.deliver()
	ctx, done := context.WithTimeout(x.ctx, deadline(q.frame))
	defer done()
	if failed := owed.Settle(ctx); failed != nil && err == nil {
		result, err = nil, failed
	}
	x.zero.answer(q, result, err)
}

// held is an answer that has to wait until what it tells is safe, or for one that does.
type held struct {
	asked
	header umx.Frame // what is needed of the frame, which is used again
	result any
	err    error
	owed   command.Owed
}

// maxHeld bounds the answers that wait for the disk together, by the weight of their requests. Those of reads that weigh more than the least
// may be large, and are not gathered at all.
const maxHeld = 512

// reply answers a request of stream 0, in its turn: requests that came together share one wait for the disk. It reports whether that is
// done, so that nobody needs the request any more, or the result.
func (x *session) reply(q *asked, result any, err error) (done bool) {
	if len(x.held) == 0 && !x.owed.Any() {
		x.say(q, result, err)
		return x.later == nil
	}
	x.held = append(x.held, held{*q, umx.Frame{Header: q.frame.Header}, result, err, x.owed})
	weight := int64(1)
	if err == nil {
		weight = max(weight, q.Command.Weigh(q.Args))
	}
	x.weight += weight
	switch {
	case x.weight < maxHeld && (weight == 1 || q.Command.Kind != command.KindRead) && !(x.quick && x.owed.Alone()):
	case x.quick:
		x.later = func() error { x.deliver(); return nil }
	default:
		x.deliver()
	}
	return false
}

// say gives an answer of stream 0. Where a loop reads, what cannot be gathered is left for later.
func (x *session) say(q *asked, result any, err error) {
	if !x.quick {
		x.zero.answer(q, result, err)
		return
	}
	if q.apart && err == nil && len(q.row.out) > 0 {
		x.later = func() error { x.zero.answer(q, result, err); return nil }
		return
	}
	meta, full := x.zero.gather(q, result, err)
	switch {
	case meta != nil:
		x.later = func() error { x.zero.answerLarge(meta, q, result, err); return nil }
	case full:
		x.later = x.press
	}
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
	for i := range x.held {
		h := &x.held[i]
		h.frame = &h.header
		if failed != nil && h.err == nil {
			if h.err = h.owed.Settle(x.ctx); h.err != nil { // some may have been safe before the disk failed
				h.result = nil
			}
		}
		x.say(&h.asked, h.result, h.err)
		if first := x.later; first != nil {
			x.held = x.held[i+1:]
			x.later = func() error {
				err := first()
				x.release(failed)
				return err
			}
			return
		}
	}
	clear(x.held)
	x.weight = 0
	if x.held = x.held[:0]; cap(x.held) > 2*keptHeld {
		x.held = nil
	}
}

// keptHeld is about how much room for answers a session keeps when it has none.
const keptHeld = 16
