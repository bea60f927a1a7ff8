package queue

import (
	"math"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// reader takes ops and saved entries apart.
type reader struct{ journal.Reader }

func reading(data []byte) *reader { return &reader{journal.NewReader(data)} }

func (r *reader) attempts() uint32 { return uint32(r.UpTo(math.MaxUint32)) } //nolint:gosec // it fits

// decodeOp reads what AppendTo wrote.
func decodeOp(kind byte, data []byte) (journal.Op, error) {
	r := reading(data)
	var op journal.Op
	switch kind {
	case opConfigure:
		op = r.configure()
	case opDrop:
		op = &drop{name: r.Rest()}
	case opPut:
		op = r.put()
	case opLease:
		op = r.lease()
	case opMove:
		op = r.move()
	case opForget:
		op = &forget{until: r.Int(), queue: r.Rest()}
	default:
		r.Fail()
	}
	if r.Whole() {
		if name, _ := op.Target(); checkName(name) == nil {
			return op, nil
		}
	}
	return nil, fault.New(fault.Corrupt, "a queue op of kind %d cannot be read", kind)
}

func (r *reader) configure() *configure {
	s := &Settings{Overflow: overflowReject, Backoff: backoffFixed}
	op := &configure{name: r.Text(), created: r.Int(), paused: r.Flag(), settings: s}
	s.MaxDepth, s.MaxBytes = r.Int(), r.Int()
	if r.Flag() {
		s.Overflow = overflowDropOldest
	}
	s.LeaseMS, s.MaxAttempts = r.Int(), r.Int()
	if r.Flag() {
		s.Backoff = backoffExponential
	}
	for _, n := range [...]*int64{
		&s.BackoffMS, &s.BackoffMaxMS, &s.JitterPercent, &s.RetentionMS, &s.DedupeMS, &s.Prefetch, &s.MaxDead,
	} {
		*n = r.Int()
	}
	s.DeadLetterQueue = r.Rest()
	if s.validate(op.name) != nil || s.JitterPercent > 100 {
		r.Fail()
	}
	if *s == defaults {
		op.settings = &defaults // most queues share them
	}
	return op
}

func (r *reader) put() *put {
	op := &put{queue: r.Text(), edge: edge(r.Byte(byte(drained))), id: r.Number()}
	m := &op.body
	m.priority = r.Byte(numPriorities - 1)
	op.due, m.expires, m.publishedAt = r.Int(), r.Int(), r.Int()
	m.publishedBy, m.group, op.dedupeID = r.Text(), r.Text(), r.Text()
	op.until = r.Int()
	op.death = r.death()
	r.content(m)
	if op.id == 0 || (op.dedupeID != "") != (op.until != 0) || op.until == math.MaxInt64 {
		r.Fail()
	}
	return op
}

// content is a message's headers and its value.
func (r *reader) content(m *body) {
	headers := r.Count(2)
	last := ""
	for i := range headers {
		if m.headers == nil {
			m.headers = make(map[string]string, headers)
		}
		k := r.Text()
		if i > 0 && k <= last {
			r.Fail()
		}
		m.headers[k], last = r.Text(), k
	}
	k, ok := kindOf(r.Byte(byte(value.Bytes)))
	if !ok {
		r.Fail()
	}
	m.value = value.Restore(k, r.Rest())
}

func (r *reader) death() *death {
	if !r.Flag() {
		return nil
	}
	d := &death{cause: r.cause(), reason: r.Text(), attempts: r.attempts(), at: r.Int(), queue: r.Text(), id: r.Number()}
	if !d.cause.buries() {
		r.Fail()
	}
	return d
}

func (r *reader) cause() cause {
	c := cause(r.Byte(byte(maxAttempts)))
	if c == 0 {
		r.Fail()
	}
	return c
}

func (r *reader) lease() *lease {
	op := &lease{
		queue: r.Text(), edge: edge(r.Byte(byte(drained))), token: r.Number(), until: r.Int(), consumer: r.Text(),
	}
	op.grants = make([]grant, r.Count(2))
	for i := range op.grants {
		op.grants[i] = grant{id: r.Number(), attempts: r.attempts()}
	}
	if op.until == 0 {
		r.Fail()
	}
	return op
}

func (r *reader) move() *move {
	op := &move{
		queue: r.Text(), edge: edge(r.Byte(byte(drained))), to: state(r.Byte(byte(dead))), cause: r.cause(), fresh: r.Flag(),
		at: r.Int(), due: r.Int(), reason: r.Text(),
	}
	op.ids = make([]uint64, r.Count(1))
	for i := range op.ids {
		op.ids[i] = r.Number()
	}
	// A lease is not a move, only a death makes dead letters, and what is delayed has an end, what is ready none.
	if op.to == leased || (op.to == dead && !op.cause.buries()) || (op.to == delayed && op.due == 0) ||
		(op.to == ready && op.due != 0 && !op.fresh) || (op.fresh && op.to != ready) {
		r.Fail()
	}
	return op
}
