package stream

import (
	"encoding/binary"
	"slices"

	"github.com/hivellm/synap-go/core/command"
)

// The kinds of saved entries. The numbers are permanent, and so are the encodings, which are made of what op.go
// explains. An entry begins with its kind, u8; all but the first go on with a room's name, str, and generation, uv.
//
//	last      ┌──────────┐
//	(1)       │ last, uv │ the newest generation that any room of the namespace had
//	          └──────────┘
//	room      ┌─────────────────────────┬────────────────┬──────────────────────────────┬────────────────────┐
//	(2)       │ configuration, 5 of uv, │ last group, uv │ marks, uv: the number of the │ next offset of     │
//	          │ as of the op room       │                │ next dedupe mark             │ each partition,    │
//	          └─────────────────────────┴────────────────┴──────────────────────────────┤ list of uv         │
//	                                                                                    └────────────────────┘
//	group     ┌─────────────────────┐
//	(3)       │ as of the op group  │
//	          └─────────────────────┘
//	marks     ┌────────────────────────────────┬──────────────────────────────────────────────────────┐
//	(4)       │ end, uv: the number of the     │ list, oldest first, of                               │
//	          │ mark that follows the last one │ id, str │ partition, uv │ offset, uv │ at, uv        │
//	          └────────────────────────────────┴──────────────────────────────────────────────────────┘
//	events    ┌───────────────┬─────────────────────────────────┬──────────────────────────────────────┐
//	(5)       │ partition, uv │ end, uv: the offset of the      │ list, oldest first, of               │
//	          │               │ event that follows the last one │ at, uv │ by, str │ event, as of op.go│
//	          └───────────────┴─────────────────────────────────┴──────────────────────────────────────┘
//
// A room is saved in several entries, then: its own first, its groups, its marks, and its events. They are of
// different moments, and nothing needs to tell of which: to replay over them all records since before the first
// gives what the records alone would give, because what an op does to anything is one of these.
//
//   - It sets something to what it says: a configuration, a group, a position, a deadline. The last record wins, and
//     before that something is never read to decide about something else.
//   - It moves a number on, never back: generations, and the old ends of partitions and marks.
//   - It appends under numbers that it says, as events are, and marks with them. What is there already is passed over.
//     So that events and their marks are there together, only those before the ends that the room's own entry
//     tells are saved: what follows is in records.
//   - It is about another generation of the room, and does nothing.
//
// Events and marks are saved newest first. Those that are dropped meanwhile are missing at the old end then, where a
// record drops them anyway; the other way round they would leave a hole.
const (
	entryLast   = 1
	entryRoom   = 2
	entryGroup  = 3
	entryMarks  = 4
	entryEvents = 5
)

// saveParts is how many parts a namespace is saved in. A room is in the part that Partition finds for its name.
const saveParts = 8

// Bounds of saving. They are variables so that tests can make every boundary a common one.
var (
	saveBytes  = command.SaveBytes // of one call
	entryBytes = 16 << 10          // of memory, that one entry's events or marks take
	saveLooks  = 1024              // how many rooms' names are looked at under the lock
)

// entryCost is what an entry counts besides its bytes, so that one call does not save too many small ones.
const entryCost = 128

// Parts implements command.State.
func (s *Streams) Parts() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.last == 0 {
		return 0
	}
	return saveParts
}

// Save implements command.State. What an entry says is taken under the room's lock; groups, marks and events are
// encoded without it.
func (s *Streams) Save(part int, from []byte, add func(entry []byte)) (next []byte) {
	w := walkFrom(from)
	var b []byte
	if from == nil && part == 0 {
		b = s.appendLast(b)
		add(b)
	}
	for cost := 0; cost < saveBytes; cost += entryCost + len(b) {
		b = b[:0]
		if w.inside {
			b = s.saveInside(w, b)
		} else if b = s.saveRoom(part, w, b); !w.inside && w.done {
			return nil
		}
		if len(b) > 0 {
			add(b)
		}
	}
	return w.appendTo(nil)
}

func (s *Streams) appendLast(b []byte) []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return appendInt(append(b, entryLast), s.last)
}

// saveRoom goes into the next room of the part, and appends its own entry.
func (s *Streams) saveRoom(part int, w *walk, b []byte) []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	w.done = true
	looks := 0
	s.order.Ascend(w.room, func(name string, r *room) bool {
		switch looks++; {
		case Partition(name, saveParts) == part:
			r.mu.Lock()
			b = r.appendHead(b)
			w.enter(r)
			r.mu.Unlock()
		case looks == saveLooks:
			w.room, w.done = after(name), false
		default:
			return true
		}
		return false
	})
	return b
}

func (r *room) appendHead(b []byte) []byte {
	head := r.head()
	b = r.config.appendTo(head.appendTo(append(b, entryRoom)))
	b = binary.AppendUvarint(appendInt(b, r.lastGroup), r.dedupe.next())
	b = appendInt(b, int64(len(r.partitions)))
	for i := range r.partitions {
		b = binary.AppendUvarint(b, r.partitions[i].next)
	}
	return b
}

// saveInside appends the next entry of the room that w is in, or leaves the room.
func (s *Streams) saveInside(w *walk, b []byte) []byte {
	r := s.lock(w.room)
	if r == nil {
		w.leave()
		return b
	}
	if r.generation != w.generation { // the one that was being saved is gone, and how this one came to be is in records
		s.unlock(r)
		w.leave()
		return b
	}
	head := r.head()
	g := w.nextGroup(r)
	var marks []mark
	var events []*Event
	var partition int
	if g == nil {
		marks = w.nextMarks(r.dedupe)
	}
	if g == nil && marks == nil {
		partition, events = w.nextEvents(r)
	}
	s.unlock(r)
	switch {
	case g != nil:
		return g.appendTo(head.appendTo(append(b, entryGroup)))
	case marks != nil:
		return appendMarks(head.appendTo(append(b, entryMarks)), w.marks, marks)
	case events != nil:
		return appendEvents(head.appendTo(append(b, entryEvents)), partition, events)
	}
	w.leave()
	return b
}

// appendMarks appends marks of which the first has that number.
func appendMarks(b []byte, first uint64, marks []mark) []byte {
	b = binary.AppendUvarint(b, first+uint64(len(marks)))
	b = appendInt(b, int64(len(marks)))
	for i := range marks {
		m := &marks[i]
		b = appendInt(appendString(b, m.id), int64(m.partition))
		b = appendInt(binary.AppendUvarint(b, m.offset), m.at)
	}
	return b
}

func appendEvents(b []byte, partition int, events []*Event) []byte {
	size := 0
	for _, e := range events {
		size += int(e.size)
	}
	b = slices.Grow(b, size)
	b = appendInt(b, int64(partition))
	b = binary.AppendUvarint(b, events[len(events)-1].Offset+1)
	b = appendInt(b, int64(len(events)))
	for _, e := range events {
		b = e.appendTo(appendString(appendInt(b, e.At), e.By))
	}
	return b
}
