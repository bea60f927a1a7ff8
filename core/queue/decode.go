package queue

import (
	"encoding/binary"
	"math"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// reader takes an op's encoding apart; after a mistake it yields zeros.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) fail() {
	r.bad, r.data = true, nil
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.data)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[size:]
	return n
}

// signed is a number that fits an int64, as times do.
func (r *reader) signed() int64 {
	n := r.number()
	if n > math.MaxInt64 {
		r.fail()
		return 0
	}
	return int64(n)
}

func (r *reader) attempts() uint32 {
	n := r.number()
	if n > math.MaxUint32 {
		r.fail()
		return 0
	}
	return uint32(n)
}

// octet is one byte that is at most most.
func (r *reader) octet(most byte) byte {
	if len(r.data) == 0 || r.data[0] > most {
		r.fail()
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *reader) flag() bool { return r.octet(1) == 1 }

func (r *reader) text() string { return string(r.name()) }

// name is a text that is looked at and not kept: it belongs to what is read.
func (r *reader) name() []byte {
	n := r.number()
	if n > uint64(len(r.data)) {
		r.fail()
		return nil
	}
	s := r.data[:n]
	r.data = r.data[n:]
	return s
}

// textLike is a text that is probably the same as the one before it, which it then shares.
func (r *reader) textLike(before *string) string {
	if s := r.name(); string(s) != *before {
		*before = string(s)
	}
	return *before
}

// rest is everything to the end.
func (r *reader) rest() string {
	s := string(r.data)
	r.data = nil
	return s
}

// many is a count of things of which each takes so many bytes at least, so that one that lies allocates nothing.
func (r *reader) many(each int) int {
	n := r.number()
	if n > uint64(len(r.data)/each) { //nolint:gosec // lengths are not negative
		r.fail()
		return 0
	}
	return int(n) //nolint:gosec // at most len(r.data)
}

// decodeOp reads what AppendTo wrote.
func decodeOp(kind byte, data []byte) (journal.Op, error) {
	r := &reader{data: data}
	var op journal.Op
	switch kind {
	case opConfigure:
		op = r.configure()
	case opDrop:
		op = &drop{name: r.rest()}
	case opPut:
		op = r.put()
	case opLease:
		op = r.lease()
	case opMove:
		op = r.move()
	case opForget:
		op = &forget{until: r.signed(), queue: r.rest()}
	default:
		r.fail()
	}
	if !r.bad && len(r.data) == 0 {
		if name, _ := op.Target(); checkName(name) == nil {
			return op, nil
		}
	}
	return nil, fault.New(fault.Corrupt, "a queue op of kind %d cannot be read", kind)
}

func (r *reader) configure() *configure {
	s := &Settings{Overflow: overflowReject, Backoff: backoffFixed}
	op := &configure{name: r.text(), created: r.signed(), paused: r.flag(), settings: s}
	s.MaxDepth, s.MaxBytes = r.signed(), r.signed()
	if r.flag() {
		s.Overflow = overflowDropOldest
	}
	s.LeaseMS, s.MaxAttempts = r.signed(), r.signed()
	if r.flag() {
		s.Backoff = backoffExponential
	}
	for _, n := range [...]*int64{
		&s.BackoffMS, &s.BackoffMaxMS, &s.JitterPercent, &s.RetentionMS, &s.DedupeMS, &s.Prefetch, &s.MaxDead,
	} {
		*n = r.signed()
	}
	s.DeadLetterQueue = r.rest()
	if s.validate(op.name) != nil || s.JitterPercent > 100 {
		r.fail()
	}
	if *s == defaults {
		op.settings = &defaults // most queues share them
	}
	return op
}

func (r *reader) put() *put {
	op := &put{queue: r.text(), edge: edge(r.octet(byte(drained))), id: r.number()}
	m := &op.body
	m.priority = r.octet(numPriorities - 1)
	op.due, m.expires, m.publishedAt = r.signed(), r.signed(), r.signed()
	m.publishedBy, m.group, op.dedupeID = r.text(), r.text(), r.text()
	op.until = r.signed()
	op.death = r.death()
	r.content(m)
	if op.id == 0 || (op.dedupeID != "") != (op.until != 0) || op.until == math.MaxInt64 {
		r.fail()
	}
	return op
}

// content is a message's headers and its value.
func (r *reader) content(m *body) {
	headers := r.many(2)
	last := ""
	for i := range headers {
		if m.headers == nil {
			m.headers = make(map[string]string, headers)
		}
		k := r.text()
		if i > 0 && k <= last {
			r.fail()
		}
		m.headers[k], last = r.text(), k
	}
	k, ok := kindOf(r.octet(byte(value.Bytes)))
	if !ok {
		r.fail()
	}
	m.value = value.Restore(k, r.rest())
}

func (r *reader) death() *death {
	if !r.flag() {
		return nil
	}
	d := &death{cause: r.cause(), reason: r.text(), attempts: r.attempts(), at: r.signed(), queue: r.text(), id: r.number()}
	if !d.cause.buries() {
		r.fail()
	}
	return d
}

func (r *reader) cause() cause {
	c := cause(r.octet(byte(maxAttempts)))
	if c == 0 {
		r.fail()
	}
	return c
}

func (r *reader) lease() *lease {
	op := &lease{
		queue: r.text(), edge: edge(r.octet(byte(drained))), token: r.number(), until: r.signed(), consumer: r.text(),
	}
	op.grants = make([]grant, r.many(2))
	for i := range op.grants {
		op.grants[i] = grant{id: r.number(), attempts: r.attempts()}
	}
	if op.until == 0 {
		r.fail()
	}
	return op
}

func (r *reader) move() *move {
	op := &move{
		queue: r.text(), edge: edge(r.octet(byte(drained))), to: state(r.octet(byte(dead))), cause: r.cause(), fresh: r.flag(),
		at: r.signed(), due: r.signed(), reason: r.text(),
	}
	op.ids = make([]uint64, r.many(1))
	for i := range op.ids {
		op.ids[i] = r.number()
	}
	// A lease is not a move, only a death makes dead letters, and what is delayed has an end, what is ready none.
	if op.to == leased || (op.to == dead && !op.cause.buries()) || (op.to == delayed && op.due == 0) ||
		(op.to == ready && op.due != 0 && !op.fresh) || (op.fresh && op.to != ready) {
		r.fail()
	}
	return op
}
