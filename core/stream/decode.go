package stream

import (
	"encoding/binary"
	"math"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// decodeOp reads what AppendTo wrote. It keeps nothing of data.
func decodeOp(kind byte, data []byte) (journal.Op, error) {
	r := &reader{data: data}
	h := head{room: r.text(), generation: r.int()}
	var op journal.Op
	switch kind {
	case opRoom:
		op = &roomOp{head: h, partitions: r.below(MaxPartitions + 1), config: r.config()}
		r.bad = r.bad || op.(*roomOp).partitions == 0
	case opDrop:
		op = &dropOp{h}
	case opAppend:
		op = r.append(h)
	case opGroup:
		op = &groupOp{h, r.group()}
	case opUngroup:
		op = &ungroupOp{h, r.text()}
	case opProgress:
		op = r.progress(h)
	default:
		r.bad = true
	}
	if r.bad || len(r.data) > 0 || h.room == "" {
		return nil, fault.New(fault.Corrupt, "a stream op of kind %d cannot be read", kind)
	}
	return op, nil
}

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

// int reads a number of which two can be added up.
func (r *reader) int() int64 {
	n := r.number()
	if n > math.MaxInt64/2 {
		r.fail()
		return 0
	}
	return int64(n)
}

// below reads a number that is less than the limit.
func (r *reader) below(limit int) int {
	n := r.number()
	if n >= uint64(limit) { //nolint:gosec // limits are positive
		r.fail()
		return 0
	}
	return int(n) //nolint:gosec // less than limit
}

// length reads how many elements follow, each of which takes so many bytes at least: a count that lies
// allocates nothing.
func (r *reader) length(each int) int {
	n := r.number()
	if n > uint64(len(r.data))/uint64(each) { //nolint:gosec // each is a small constant
		r.fail()
		return 0
	}
	return int(n) //nolint:gosec // at most len(data)
}

func (r *reader) text() string {
	n := r.length(1)
	s := string(r.data[:n])
	r.data = r.data[n:]
	return s
}

// textLike is text, but for one that is equal to the one given it allocates nothing.
func (r *reader) textLike(before string) string {
	n := r.length(1)
	b := r.data[:n]
	r.data = r.data[n:]
	if string(b) == before {
		return before
	}
	return string(b)
}

func (r *reader) byte() byte {
	if len(r.data) == 0 {
		r.fail()
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *reader) config() *config {
	c := &config{maxEvents: r.int(), maxBytes: r.int(), maxAge: r.int(), keepUnread: r.int(), window: r.int()}
	if *c == *defaultConfig {
		return defaultConfig
	}
	return c
}

// The least that an event and a member take.
const (
	leastEvent  = 6
	leastMember = 4
)

func (r *reader) append(h head) *appendOp {
	op := &appendOp{head: h, partition: r.below(MaxPartitions), first: r.number(), oldest: r.number(), forget: r.number(),
		at: r.int(), by: r.text()}
	n := r.length(leastEvent)
	if op.first > math.MaxInt64 || op.oldest > op.first+uint64(n) { //nolint:gosec // never negative
		r.fail()
		return op
	}
	before := &Event{}
	for i := range n {
		e := r.event(before)
		e.Offset, e.At, e.By = op.first+uint64(i), op.at, op.by
		op.events = append(op.events, e)
		if before = e; r.bad {
			break
		}
	}
	return op
}

// event reads an event, which shares its type and key with the one before if they are the same: they often are.
func (r *reader) event(before *Event) *Event {
	e := &Event{Event: r.textLike(before.Event), Key: r.textLike(before.Key), dedupe: r.text()}
	if n := r.length(2); n > 0 {
		e.Headers = make(map[string]string, n)
		for range n {
			k := r.text()
			e.Headers[k] = r.text()
		}
	}
	kind := value.Kind(r.byte())
	if kind == value.None || kind > value.Bytes {
		r.fail()
	}
	e.Data = value.Restore(kind, r.text())
	e.weigh()
	return e
}

func (r *reader) group() *group {
	g := &group{name: r.text(), strategy: strategy(r.byte()), session: r.int(), generation: r.int()}
	if g.strategy < byRange || g.strategy > sticky {
		r.fail()
	}
	g.positions = make([]uint64, r.length(1))
	for i := range g.positions {
		g.positions[i] = r.number()
	}
	n := r.length(leastMember)
	for i := 0; i < n && !r.bad; i++ {
		m := member{id: r.text(), owner: r.text(), deadline: r.int()}
		m.partitions = make([]int, r.length(1))
		for j := range m.partitions {
			m.partitions[j] = r.below(len(g.positions))
		}
		if i > 0 && m.id <= g.members[i-1].id {
			r.fail()
		}
		g.members = append(g.members, m)
	}
	return g
}

func (r *reader) progress(h head) *progressOp {
	op := &progressOp{head: h, group: r.text(), member: r.text(), deadline: r.int()}
	for n := r.length(2); n > 0 && !r.bad; n-- {
		op.offsets = append(op.offsets, PartitionOffset{Partition: r.below(MaxPartitions), Offset: r.number()})
	}
	return op
}
