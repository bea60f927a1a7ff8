package stream

import (
	"math"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// decodeOp reads what AppendTo wrote. It keeps nothing of data.
func decodeOp(kind byte, data []byte) (journal.Op, error) {
	r := reading(data)
	h := head{room: r.Text(), generation: r.int()}
	var op journal.Op
	switch kind {
	case opRoom:
		op = &roomOp{head: h, partitions: r.below(MaxPartitions + 1), config: r.config()}
		if op.(*roomOp).partitions == 0 {
			r.Fail()
		}
	case opDrop:
		op = &dropOp{h}
	case opAppend:
		op = r.append(h)
	case opGroup:
		op = &groupOp{h, r.group()}
	case opUngroup:
		op = &ungroupOp{h, r.Text()}
	case opProgress:
		op = r.progress(h)
	default:
		r.Fail()
	}
	if !r.Whole() || h.room == "" {
		return nil, fault.New(fault.Corrupt, "a stream op of kind %d cannot be read", kind)
	}
	return op, nil
}

// reader takes ops, saved entries and cursors apart.
type reader struct{ journal.Reader }

func reading(data []byte) *reader { return &reader{journal.NewReader(data)} }

// int reads a number of which two can be added up.
func (r *reader) int() int64 { return int64(r.UpTo(math.MaxInt64 / 2)) } //nolint:gosec // it fits

// below reads a number that is less than the limit.
func (r *reader) below(limit int) int {
	n := r.Number()
	if n >= uint64(limit) { //nolint:gosec // limits are not negative
		r.Fail()
		return 0
	}
	return int(n) //nolint:gosec // less than limit
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
	op := &appendOp{head: h, partition: r.below(MaxPartitions), first: r.Number(), oldest: r.Number(), forget: r.Number(),
		at: r.int(), by: r.Text()}
	n := r.Count(leastEvent)
	if op.first > math.MaxInt64 || op.oldest > op.first+uint64(n) { //nolint:gosec // never negative
		r.Fail()
		return op
	}
	before := &Event{}
	for i := range n {
		e := r.event(before)
		e.Offset, e.At, e.By = op.first+uint64(i), op.at, op.by
		op.events = append(op.events, e)
		if before = e; r.Bad() {
			break
		}
	}
	return op
}

// event reads an event, which shares its type and key with the one before if they are the same: they often are.
func (r *reader) event(before *Event) *Event {
	e := &Event{Event: r.TextLike(before.Event), Key: r.TextLike(before.Key), dedupe: r.Text()}
	if n := r.Count(2); n > 0 {
		e.Headers = make(map[string]string, n)
		for range n {
			k := r.Text()
			e.Headers[k] = r.Text()
		}
	}
	kind := value.Kind(r.Byte(byte(value.Bytes)))
	if kind == value.None {
		r.Fail()
	}
	e.Data = value.Restore(kind, r.Text())
	e.weigh()
	return e
}

func (r *reader) group() *group {
	g := &group{name: r.Text(), strategy: strategy(r.Byte(byte(sticky))), session: r.int(), generation: r.int()}
	if g.strategy < byRange {
		r.Fail()
	}
	g.positions = make([]uint64, r.Count(1))
	for i := range g.positions {
		g.positions[i] = r.Number()
	}
	n := r.Count(leastMember)
	for i := 0; i < n && !r.Bad(); i++ {
		m := member{id: r.Text(), owner: r.Text(), deadline: r.int()}
		m.partitions = make([]int, r.Count(1))
		for j := range m.partitions {
			m.partitions[j] = r.below(len(g.positions))
		}
		if i > 0 && m.id <= g.members[i-1].id {
			r.Fail()
		}
		g.members = append(g.members, m)
	}
	return g
}

func (r *reader) progress(h head) *progressOp {
	op := &progressOp{head: h, group: r.Text(), member: r.Text(), deadline: r.int()}
	for n := r.Count(2); n > 0 && !r.Bad(); n-- {
		op.offsets = append(op.offsets, PartitionOffset{Partition: r.below(MaxPartitions), Offset: r.Number()})
	}
	return op
}
