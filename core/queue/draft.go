package queue

import (
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// draft is a record in the making: the ops that a handler has decided on, and what the queues that they
// change will look like. Its user holds the lock of Queues, and moves a message once at most. There is one,
// used again and again, so that drafting allocates nothing (BenchmarkCycle).
type draft struct {
	s     *Queues
	tx    *command.Tx
	ops   []journal.Op
	plans []*plan
}

// draft begins a record; the one begun before must have been committed or given up.
func (s *Queues) draft(tx *command.Tx) *draft {
	d := &s.drafted
	clear(d.ops)
	d.s, d.tx, d.ops, d.plans = s, tx, d.ops[:0], d.plans[:0]
	return d
}

// add returns a plan to fill in.
func (d *draft) add(p plan) *plan {
	n := len(d.plans)
	if n == cap(d.plans) {
		d.plans = append(d.plans, new(plan))
	} else if d.plans = d.plans[:n+1]; d.plans[n] == nil {
		d.plans[n] = new(plan)
	}
	*d.plans[n] = p
	return d.plans[n]
}

// plan is what a queue will look like after the draft's ops.
type plan struct {
	name     string
	q        *queue // nil when the draft makes it
	settings *Settings
	ready    int
	depth    int
	dead     int
	trimmed  int // how many of the oldest dead letters there are now will be gone
	bytes    int64
	last     uint64
}

// plan returns the plan of a queue; nil when there is no such queue.
func (d *draft) plan(name string) *plan {
	for _, p := range d.plans {
		if p.name == name {
			return p
		}
	}
	q := d.s.find(name)
	if q == nil {
		return nil
	}
	return d.add(plan{
		name: name, q: q, settings: q.settings,
		ready: q.ready(), depth: q.depth(), dead: q.dead.len(), bytes: q.bytes, last: q.last,
	})
}

// need is plan, and makes the queue when there is none.
func (d *draft) need(name string) (*plan, error) {
	if p := d.plan(name); p != nil {
		return p, nil
	}
	return d.create(name, &defaults)
}

// create makes a queue that there is not.
func (d *draft) create(name string, settings *Settings) (*plan, error) {
	if n := len(d.s.byName); n >= d.s.max.MaxQueues {
		return nil, fault.New(fault.Exhausted, "there are %d queues, and no more than %d are allowed", n, d.s.max.MaxQueues).
			With("limit", d.s.max.MaxQueues)
	}
	d.ops = append(d.ops, &configure{name: name, created: d.tx.Now(), settings: settings})
	return d.add(plan{name: name, settings: settings}), nil
}

// shift books that so many more messages are ready, and says what that means to those who watch.
func (p *plan) shift(by int) edge {
	before := p.ready
	p.ready += by
	switch {
	case before == 0 && p.ready > 0:
		return filled
	case before > 0 && p.ready == 0:
		return drained
	}
	return level
}

// put adds a message to the queue, with the next number.
func (d *draft) put(p *plan, op *put) {
	p.last++
	op.queue, op.id = p.name, p.last
	p.depth++
	p.bytes += int64(op.body.size())
	if op.due == 0 {
		op.edge = p.shift(1)
	}
	d.ops = append(d.ops, op)
}

// move moves one message. Messages that go the same way one after the other share an op.
func (d *draft) move(p *plan, m *message, like move) {
	by := 0
	if m.state == ready {
		by--
	}
	if like.to == ready {
		by++
	}
	e := p.shift(by)
	if m.live() {
		p.depth--
		p.bytes -= m.size
	} else {
		p.dead--
	}
	switch like.to {
	case ready, delayed:
		p.depth++
		p.bytes += m.size
	case dead:
		p.dead++
	}
	op := d.same(p.name, &like)
	if op == nil {
		op = newMove(p.name, like.to, like.cause, m.id)
		op.fresh, op.at, op.due, op.reason = like.fresh, like.at, like.due, like.reason
		d.ops = append(d.ops, op)
	} else {
		op.ids = append(op.ids, m.id)
	}
	if e != level {
		op.edge = e
	}
}

// same returns the last op if it moves messages of the queue in just this way, else nil.
func (d *draft) same(queue string, like *move) *move {
	if len(d.ops) == 0 {
		return nil
	}
	op, ok := d.ops[len(d.ops)-1].(*move)
	if ok && op.queue == queue && op.to == like.to && op.cause == like.cause && op.fresh == like.fresh &&
		op.at == like.at && op.due == like.due && op.reason == like.reason {
		return op
	}
	return nil
}

// bury makes a dead letter of a message, in the queue that is meant for it. When that one has no room the
// letter stays: a dead letter is never lost for want of room elsewhere.
func (d *draft) bury(p *plan, m *message, why cause, reason string) {
	if reason == "" {
		reason = m.reason
	}
	now := d.tx.Now()
	if to := d.cemetery(p, m); to != nil {
		d.move(p, m, move{to: gone, cause: why, at: now, reason: reason})
		moved := &put{body: *m.body, death: &death{cause: why, reason: reason, attempts: m.attempts, at: now, queue: p.name, id: m.id}}
		moved.body.expires = later(now, to.settings.RetentionMS)
		d.put(to, moved)
		return
	}
	if p.settings.MaxDead == 0 {
		d.move(p, m, move{to: gone, cause: why, at: now, reason: reason})
		return
	}
	d.move(p, m, move{to: dead, cause: why, at: now, due: later(now, p.settings.RetentionMS), reason: reason})
	d.trim(p)
}

// cemetery is the other queue that a dead letter goes to; nil when it stays.
func (d *draft) cemetery(p *plan, m *message) *plan {
	if p.settings.DeadLetterQueue == "" {
		return nil
	}
	to, err := d.need(p.settings.DeadLetterQueue)
	if err != nil || int64(to.depth) >= to.settings.MaxDepth || to.bytes+m.size > to.settings.MaxBytes {
		return nil
	}
	return to
}

// trim drops the oldest of too many dead letters. Those of this draft are not among them, so there may be
// more than allowed until the next one dies.
func (d *draft) trim(p *plan) {
	over := p.dead - int(p.settings.MaxDead)
	if over <= 0 || p.q == nil {
		return
	}
	seen := 0
	p.q.dead.each(func(m *message) bool {
		if seen++; seen > p.trimmed {
			d.move(p, m, move{to: gone, cause: dropped})
			p.trimmed++
			over--
		}
		return over > 0
	})
}

// commit writes the record, if there is anything in it, and ends the draft.
func (d *draft) commit() (version uint64, err error) {
	if len(d.ops) == 1 {
		version, err = d.tx.Commit(d.ops[0])
	} else {
		version, err = d.tx.CommitAll(d.ops)
	}
	clear(d.ops) // they belong to the journal and to Apply now
	d.ops = d.ops[:0]
	return version, err
}
