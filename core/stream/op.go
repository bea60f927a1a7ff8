package stream

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/hivellm/synap-go/core/journal"
)

// The kinds of ops. The numbers are permanent, and so are the encodings. uv is an unsigned varint, str a
// string's length as uv and its bytes. Every op begins with the room's name, str, and its generation, uv: an op
// of another generation than the room's changes nothing. Times are in Unix milliseconds, spans in milliseconds.
//
//	room      ┌────────────────┬───────────────┬──────────────┬────────────┬────────────────┬────────────┐
//	(1)       │ partitions, uv │ max events, uv│ max bytes, uv│ max age, uv│ keep unread, uv│ window, uv │
//	          └────────────────┴───────────────┴──────────────┴────────────┴────────────────┴────────────┘
//	drop      nothing more
//	(2)
//	append    ┌───────────────┬───────────┬────────────┬────────────┬────────┬─────────┬──────────┬────────┐
//	(3)       │ partition, uv │ first, uv │ oldest, uv │ forget, uv │ at, uv │ by, str │ count, uv│ events │
//	          └───────────────┴───────────┴────────────┴────────────┴────────┴─────────┴──────────┴────────┘
//	  event   ┌────────────┬──────────┬─────────────┬─────────────┬───────────────┬──────────┬───────────┐
//	          │ event, str │ key, str │ dedupe, str │ headers, uv │ key and value │ kind, u8 │ data, str │
//	          │            │          │             │ how many    │ str each      │          │           │
//	          └────────────┴──────────┴─────────────┴─────────────┴───────────────┴──────────┴───────────┘
//	group     ┌────────────┬──────────────┬─────────────┬────────────────┬────────────────────┬──────────┐
//	(4)       │ group, str │ strategy, u8 │ session, uv │ generation, uv │ positions, list    │ members, │
//	          │            │              │             │                │ of uv              │ list     │
//	          └────────────┴──────────────┴─────────────┴────────────────┴────────────────────┴──────────┘
//	  member  ┌─────────┬────────────┬──────────────┬────────────────────┐
//	          │ id, str │ owner, str │ deadline, uv │ partitions, list   │   a list is its length as uv,
//	          └─────────┴────────────┴──────────────┴────────────────────┘   then its elements
//	ungroup   ┌────────────┐
//	(5)       │ group, str │
//	          └────────────┘
//	progress  ┌────────────┬─────────────┬──────────────┬──────────────────────────────────────┐
//	(6)       │ group, str │ member, str │ deadline, uv │ list of partition, uv and offset, uv │
//	          └────────────┴─────────────┴──────────────┴──────────────────────────────────────┘
const (
	opRoom     = 1
	opDrop     = 2
	opAppend   = 3
	opGroup    = 4
	opUngroup  = 5
	opProgress = 6
)

// opBytes is about what an op costs in memory besides what it points at.
const opBytes = 96

// head is what every op has: the room that it is about.
type head struct {
	room       string
	generation int64
}

// Target is the room.
func (h *head) Target() (string, bool) { return h.room, false }

func (h *head) appendTo(b []byte) []byte { return appendInt(appendString(b, h.room), h.generation) }

// roomOp makes a room, or changes its configuration. The number of partitions is heeded at birth only.
type roomOp struct {
	head
	partitions int
	config     *config
}

// Kind implements journal.Op, as do the methods of that name, Size and AppendTo below.
func (*roomOp) Kind() byte { return opRoom }

// Size counts the configuration.
func (op *roomOp) Size() int { return opBytes + len(op.room) + 48 }

// AppendTo writes the box above.
func (op *roomOp) AppendTo(b []byte) []byte {
	return op.config.appendTo(appendInt(op.appendTo(b), int64(op.partitions)))
}

func (c *config) appendTo(b []byte) []byte {
	for _, n := range [...]int64{c.maxEvents, c.maxBytes, c.maxAge, c.keepUnread, c.window} {
		b = appendInt(b, n)
	}
	return b
}

// dropOp drops a room with all that is in it.
type dropOp struct{ head }

// Kind is the op's number.
func (*dropOp) Kind() byte { return opDrop }

// Size counts the name.
func (op *dropOp) Size() int { return opBytes + len(op.room) }

// AppendTo writes the box above.
func (op *dropOp) AppendTo(b []byte) []byte { return op.appendTo(b) }

// appendOp appends events to a partition and lets go of all before oldest, and of the room's dedupe marks before
// forget. Without events it only trims.
type appendOp struct {
	head
	partition int
	first     uint64 // the offset of the first event; with none, the partition's next offset
	oldest    uint64 // the first offset that is held afterwards
	forget    uint64 // the room's dedupe marks with lower numbers are forgotten afterwards
	at        int64  // of every event
	by        string // of every event
	events    []*Event
	one       [1]*Event // what events is a slice of when there is just one: one allocation less
}

// Kind is the op's number.
func (*appendOp) Kind() byte { return opAppend }

// Size counts the events.
func (op *appendOp) Size() int {
	n := opBytes + len(op.room)
	for _, e := range op.events {
		n += int(e.size)
	}
	return n
}

// AppendTo writes the box above.
func (op *appendOp) AppendTo(b []byte) []byte {
	b = appendInt(op.appendTo(b), int64(op.partition))
	b = binary.AppendUvarint(b, op.first)
	b = binary.AppendUvarint(b, op.oldest)
	b = binary.AppendUvarint(b, op.forget)
	b = appendString(appendInt(b, op.at), op.by)
	b = appendInt(b, int64(len(op.events)))
	for _, e := range op.events {
		b = e.appendTo(b)
	}
	return b
}

func (e *Event) appendTo(b []byte) []byte {
	b = appendString(appendString(appendString(b, e.Event), e.Key), e.dedupe)
	b = appendInt(b, int64(len(e.Headers)))
	if len(e.Headers) > 0 { // sorting none costs allocations too
		for _, k := range slices.Sorted(maps.Keys(e.Headers)) { // the same event is always the same bytes
			b = appendString(appendString(b, k), e.Headers[k])
		}
	}
	return appendString(append(b, byte(e.Data.Kind())), e.Data.Data())
}

// groupOp makes a group what it says, whatever it was before.
type groupOp struct {
	head
	group *group // nobody else has it: Apply takes a copy
}

// Kind is the op's number.
func (*groupOp) Kind() byte { return opGroup }

// Size counts the group.
func (op *groupOp) Size() int { return opBytes + len(op.room) + int(op.group.memory()) }

// AppendTo writes the box above.
func (op *groupOp) AppendTo(b []byte) []byte {
	return op.group.appendTo(op.appendTo(b))
}

func (g *group) appendTo(b []byte) []byte {
	b = append(appendString(b, g.name), byte(g.strategy))
	b = appendInt(appendInt(b, g.session), g.generation)
	b = appendInt(b, int64(len(g.positions)))
	for _, offset := range g.positions {
		b = binary.AppendUvarint(b, offset)
	}
	b = appendInt(b, int64(len(g.members)))
	for _, m := range g.members {
		b = appendInt(appendString(appendString(b, m.id), m.owner), m.deadline)
		b = appendInt(b, int64(len(m.partitions)))
		for _, p := range m.partitions {
			b = appendInt(b, int64(p))
		}
	}
	return b
}

// ungroupOp drops a group.
type ungroupOp struct {
	head
	group string
}

// Kind is the op's number.
func (*ungroupOp) Kind() byte { return opUngroup }

// Size counts the names.
func (op *ungroupOp) Size() int { return opBytes + len(op.room) + len(op.group) }

// AppendTo writes the box above.
func (op *ungroupOp) AppendTo(b []byte) []byte { return appendString(op.appendTo(b), op.group) }

// progressOp says that a member was heard of, and how far it has read.
type progressOp struct {
	head
	group    string
	member   string
	deadline int64
	offsets  []PartitionOffset
}

// Kind is the op's number.
func (*progressOp) Kind() byte { return opProgress }

// Size counts the names and the offsets.
func (op *progressOp) Size() int {
	return opBytes + len(op.room) + len(op.group) + len(op.member) + 16*len(op.offsets)
}

// AppendTo writes the box above.
func (op *progressOp) AppendTo(b []byte) []byte {
	b = appendString(appendString(op.appendTo(b), op.group), op.member)
	b = appendInt(appendInt(b, op.deadline), int64(len(op.offsets)))
	for _, o := range op.offsets {
		b = binary.AppendUvarint(appendInt(b, int64(o.Partition)), o.Offset)
	}
	return b
}

func appendInt(b []byte, n int64) []byte {
	return binary.AppendUvarint(b, uint64(n)) //nolint:gosec // never negative
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var (
	_ journal.Op = (*roomOp)(nil)
	_ journal.Op = (*dropOp)(nil)
	_ journal.Op = (*appendOp)(nil)
	_ journal.Op = (*groupOp)(nil)
	_ journal.Op = (*ungroupOp)(nil)
	_ journal.Op = (*progressOp)(nil)
)
