package queue

import (
	"encoding/binary"
	"slices"

	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// The kinds of ops. The numbers are permanent, and so are the encodings. Numbers are unsigned varints unless
// they are marked u8; times are in Unix milliseconds, 0 for never; a string is its length and its bytes, and
// one marked … goes to the end.
//
//	configure  ┌───────┬─────────┬───────────┬───────────┬───────────┬──────────────┬──────────┬──────────────┐
//	(1)        │ queue │ created │ paused u8 │ max_depth │ max_bytes │ overflow u8  │ lease_ms │ max_attempts │
//	           ├───────┴────┬────┴───────┬───┴───────────┴┬──────────┴─────┬────────┴─────┬────┴──────┬───────┘
//	           │ backoff u8 │ backoff_ms │ backoff_max_ms │ jitter_percent │ retention_ms │ dedupe_ms │
//	           ├──────────┬─┴────────┬───┴────────────────┴─┬──────────────┴──────────────┴───────────┘
//	           │ prefetch │ max_dead │ dead_letter_queue …  │
//	           └──────────┴──────────┴──────────────────────┘
//	drop       ┌─────────┐
//	(2)        │ queue … │
//	           └─────────┘
//	put        ┌───────┬─────────┬────┬─────────────┬─────┬─────────┬──────────────┬──────────────┬───────┐
//	(3)        │ queue │ edge u8 │ id │ priority u8 │ due │ expires │ published at │ published by │ group │
//	           ├───────┴───┬─────┴────┴───┬─────────┴─────┴─┬───────┴───────┬──────┴──────────────┴───────┘
//	           │ dedupe id │ dedupe until │ death, see below │ headers, many │ key and value of each, by key
//	           ├─────────┬─┴──────────────┴─────────────────┴───────────────┘
//	           │ kind u8 │ data …
//	           └─────────┘
//	death      ┌──────┐ or ┌──────┬──────────┬────────┬──────────┬────┬───────┬────┐
//	           │ 0 u8 │    │ 1 u8 │ cause u8 │ reason │ attempts │ at │ queue │ id │
//	           └──────┘    └──────┴──────────┴────────┴──────────┴────┴───────┴────┘
//	lease      ┌───────┬─────────┬───────┬───────┬──────────┬──────┐
//	(4)        │ queue │ edge u8 │ token │ until │ consumer │ many │ id and attempts of each
//	           └───────┴─────────┴───────┴───────┴──────────┴──────┘
//	move       ┌───────┬─────────┬──────────┬──────────┬──────────┬────┬─────┬────────┬──────┐
//	(5)        │ queue │ edge u8 │ state u8 │ cause u8 │ fresh u8 │ at │ due │ reason │ many │ id of each
//	           └───────┴─────────┴──────────┴──────────┴──────────┴────┴─────┴────────┴──────┘
//	forget     ┌───────┬─────────┐
//	(6)        │ until │ queue … │
//	           └───────┴─────────┘
const (
	opConfigure = 1
	opDrop      = 2
	opPut       = 3
	opLease     = 4
	opMove      = 5
	opForget    = 6
)

// opBytes is about what an op costs in memory besides its strings and lists.
const opBytes = 96

// edge says that a change made the first message ready, or took the last ready one. The numbers are permanent.
type edge uint8

const (
	level   edge = iota
	filled       // nothing was ready, and now something is
	drained      // something was ready, and now nothing is
)

// cause is why messages move. The numbers are permanent.
type cause uint8

const (
	done        cause = iota + 1 // acknowledged
	expired                      // the lifetime or the retention is over
	purged                       // somebody emptied the queue
	dropped                      // to make room
	moved                        // redriven to another queue
	retried                      // given back
	lapsed                       // the lease ran out
	arrived                      // the delay is over
	redriven                     // from the dead letters
	rejected                     // refused for good; a dead letter
	maxAttempts                  // handed out too often; a dead letter
)

func (c cause) String() string {
	return [...]string{
		"", "done", "expired", "purged", "dropped", "moved", "retry", "lease_expired", "due", "redriven", "rejected", "max_attempts",
	}[c]
}

// buries reports whether the cause makes dead letters, here or in another queue.
func (c cause) buries() bool { return c == rejected || c == maxAttempts }

// configure makes a queue, or gives it other settings.
type configure struct {
	name     string
	created  int64
	paused   bool
	settings *Settings // never changed
}

// Kind implements journal.Op, as do the following methods.
func (*configure) Kind() byte { return opConfigure }

// Target is the queue.
func (op *configure) Target() (string, bool) { return op.name, false }

// Size counts the settings.
func (op *configure) Size() int { return 2*opBytes + len(op.name) }

// AppendTo writes the box above.
func (op *configure) AppendTo(b []byte) []byte {
	s := op.settings
	b = appendNumber(appendString(b, op.name), op.created)
	b = append(b, flag(op.paused))
	b = appendNumber(appendNumber(b, s.MaxDepth), s.MaxBytes)
	b = append(b, flag(s.Overflow == overflowDropOldest))
	b = appendNumber(appendNumber(b, s.LeaseMS), s.MaxAttempts)
	b = append(b, flag(s.Backoff == backoffExponential))
	for _, n := range [...]int64{s.BackoffMS, s.BackoffMaxMS, s.JitterPercent, s.RetentionMS, s.DedupeMS, s.Prefetch, s.MaxDead} {
		b = appendNumber(b, n)
	}
	return append(b, s.DeadLetterQueue...)
}

// drop deletes a queue with all that is in it.
type drop struct{ name string }

// Kind implements journal.Op, as do the following methods.
func (*drop) Kind() byte { return opDrop }

// Target is the queue.
func (op *drop) Target() (string, bool) { return op.name, false }

// Size counts the name.
func (op *drop) Size() int { return opBytes + len(op.name) }

// AppendTo writes the box above.
func (op *drop) AppendTo(b []byte) []byte { return append(b, op.name...) }

// put adds a message: published, or arrived from another queue.
type put struct {
	queue    string
	edge     edge
	id       uint64
	due      int64 // 0 is ready at once
	body     body
	dedupeID string
	until    int64  // of the dedupe_id
	death    *death // of a dead letter from another queue
}

// Kind implements journal.Op, as do the following methods.
func (*put) Kind() byte { return opPut }

// Target is the queue.
func (op *put) Target() (string, bool) { return op.queue, false }

// Size counts the message.
func (op *put) Size() int {
	n := opBytes + op.body.size()
	if op.dedupeID != "" {
		n += rememberedBytes + len(op.dedupeID)
	}
	return n
}

// AppendTo writes the box above.
func (op *put) AppendTo(b []byte) []byte {
	m := &op.body
	b = append(appendString(b, op.queue), byte(op.edge))
	b = append(binary.AppendUvarint(b, op.id), m.priority)
	b = appendNumber(appendNumber(appendNumber(b, op.due), m.expires), m.publishedAt)
	b = appendString(appendString(appendString(b, m.publishedBy), m.group), op.dedupeID)
	b = appendDeath(appendNumber(b, op.until), op.death)
	return m.appendContent(b)
}

// appendContent appends the headers, in the order of their keys, and the value, which goes to the end.
func (m *body) appendContent(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(m.headers)))
	if len(m.headers) > 0 {
		var all [MaxHeaders]string
		keys := all[:0]
		for k := range m.headers {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			b = appendString(appendString(b, k), m.headers[k])
		}
	}
	b = append(b, byte(m.value.Kind()))
	return append(b, m.value.Data()...)
}

func appendDeath(b []byte, d *death) []byte {
	if d == nil {
		return append(b, 0)
	}
	b = appendString(append(b, 1, byte(d.cause)), d.reason)
	b = appendNumber(binary.AppendUvarint(b, uint64(d.attempts)), d.at)
	return binary.AppendUvarint(appendString(b, d.queue), d.id)
}

// lease hands messages out, or with a token extends the lease that has it.
type lease struct {
	queue    string
	edge     edge
	token    uint64 // 0 is the version of this record
	until    int64
	consumer string
	grants   []grant
	one      [1]grant // what grants is made of when there is just one
}

// grant is one message under a lease.
type grant struct {
	id       uint64
	attempts uint32 // how often it has been handed out, this time included
}

// Kind implements journal.Op, as do the following methods.
func (*lease) Kind() byte { return opLease }

// Target is the queue.
func (op *lease) Target() (string, bool) { return op.queue, false }

// Size counts the grants.
func (op *lease) Size() int { return opBytes + len(op.queue) + len(op.consumer) + 16*len(op.grants) }

// AppendTo writes the box above.
func (op *lease) AppendTo(b []byte) []byte {
	b = append(appendString(b, op.queue), byte(op.edge))
	b = appendString(appendNumber(binary.AppendUvarint(b, op.token), op.until), op.consumer)
	b = binary.AppendUvarint(b, uint64(len(op.grants)))
	for _, g := range op.grants {
		b = binary.AppendUvarint(binary.AppendUvarint(b, g.id), uint64(g.attempts))
	}
	return b
}

// move gives messages another state. What is not there is passed over.
type move struct {
	queue  string
	edge   edge
	to     state
	cause  cause
	fresh  bool   // begin anew: no attempts, and no death
	at     int64  // of dead letters: when they died
	due    int64  // see message.due; of a fresh one, when it expires
	reason string // what the receiver said
	ids    []uint64
	one    [1]uint64 // what ids is made of when there is just one
}

// Kind implements journal.Op, as do the following methods.
func (*move) Kind() byte { return opMove }

// Target is the queue.
func (op *move) Target() (string, bool) { return op.queue, false }

// Size counts the ids.
func (op *move) Size() int { return opBytes + len(op.queue) + len(op.reason) + 8*len(op.ids) }

// AppendTo writes the box above.
func (op *move) AppendTo(b []byte) []byte {
	b = append(appendString(b, op.queue), byte(op.edge), byte(op.to), byte(op.cause), flag(op.fresh))
	b = appendString(appendNumber(appendNumber(b, op.at), op.due), op.reason)
	b = binary.AppendUvarint(b, uint64(len(op.ids)))
	for _, id := range op.ids {
		b = binary.AppendUvarint(b, id)
	}
	return b
}

// forget drops the dedupe_ids whose time is over.
type forget struct {
	queue string
	until int64
}

// Kind implements journal.Op, as do the following methods.
func (*forget) Kind() byte { return opForget }

// Target is the queue.
func (op *forget) Target() (string, bool) { return op.queue, false }

// Size counts the name.
func (op *forget) Size() int { return opBytes + len(op.queue) }

// AppendTo writes the box above.
func (op *forget) AppendTo(b []byte) []byte { return append(appendNumber(b, op.until), op.queue...) }

// newMove returns the move of one message, in a single allocation.
func newMove(queue string, to state, why cause, id uint64) *move {
	op := &move{queue: queue, to: to, cause: why}
	op.one[0] = id
	op.ids = op.one[:]
	return op
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendNumber appends a number that is never negative.
func appendNumber(b []byte, n int64) []byte { return binary.AppendUvarint(b, uint64(n)) } //nolint:gosec // never negative

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

var _ = [...]journal.Op{&configure{}, &drop{}, &put{}, &lease{}, &move{}, &forget{}}

// kindOf checks a value's kind that was read.
func kindOf(b byte) (value.Kind, bool) {
	k := value.Kind(b)
	return k, k > value.None && k <= value.Bytes
}
