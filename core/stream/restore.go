package stream

import (
	"math"
	"slices"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/fault"
)

// Restore implements command.State. What does not go with the entries before it is Corrupt, like what cannot be read.
func (s *Streams) Restore(entry []byte) error {
	r := reading(entry)
	kind := r.Byte(math.MaxUint8)
	ok := false
	switch kind {
	case entryLast:
		ok = s.restoreLast(r)
	case entryRoom:
		ok = s.restoreRoom(r)
	case entryGroup:
		ok = s.restoreInside(r, (*Streams).restoreGroup)
	case entryMarks:
		ok = s.restoreInside(r, (*Streams).restoreMarks)
	case entryEvents:
		ok = s.restoreInside(r, (*Streams).restoreEvents)
	}
	if !ok {
		return fault.New(fault.Corrupt, "a saved entry of kind %d of streams cannot be read, or does not go with those before it", kind)
	}
	return nil
}

func (r *reader) head() head {
	h := head{room: r.Text(), generation: r.int()}
	if h.room == "" || !utf8.ValidString(h.room) {
		r.Fail()
	}
	return h
}

func (s *Streams) restoreLast(r *reader) bool {
	last := r.int()
	if !r.Whole() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last, last)
	return true
}

// restoreRoom makes a room that has no groups, marks and events yet, but ends where it will.
func (s *Streams) restoreRoom(r *reader) bool {
	op := &roomOp{head: r.head(), config: r.config()}
	lastGroup, marks := r.int(), r.int()
	op.partitions = r.Count(1)
	if r.Bad() || op.partitions == 0 || op.partitions > MaxPartitions {
		return false
	}
	room := newRoom(op)
	room.lastGroup = lastGroup
	if marks > 0 {
		room.dedupe = &dedupe{first: uint64(marks)} //nolint:gosec // int returns nothing negative
	}
	for i := range room.partitions {
		next := uint64(r.int()) //nolint:gosec // int returns nothing negative
		room.partitions[i].restore(next, nil)
	}
	if !r.Whole() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[room.name] != nil {
		return false
	}
	s.addRoom(room)
	return true
}

// restoreInside takes in more of a room that is there already.
func (s *Streams) restoreInside(r *reader, restore func(*Streams, *room, *reader) bool) bool {
	h := r.head()
	if r.Bad() {
		return false
	}
	room := s.lock(h.room)
	if room == nil {
		return false
	}
	defer s.unlock(room)
	return room.generation == h.generation && restore(s, room, r)
}

func (s *Streams) restoreGroup(room *room, r *reader) bool {
	g := r.group()
	if !r.Whole() || len(room.groups) >= MaxGroups || room.groups[g.name] != nil || g.check(len(room.partitions)) != nil {
		return false
	}
	room.putGroup(g)
	s.schedule(room, room.nextDue())
	return true
}

// leastMark is the least that a mark takes.
const leastMark = 4

func (s *Streams) restoreMarks(room *room, r *reader) bool {
	end := r.Number()
	marks := make([]mark, r.Count(leastMark))
	for i := range marks {
		marks[i] = mark{id: r.Text(), partition: r.below(len(room.partitions)), offset: r.Number(), at: r.int()}
		if marks[i].id == "" || marks[i].offset > math.MaxInt64 {
			r.Fail()
		}
	}
	d := room.dedupe
	if !r.Whole() || d == nil || end != d.first || uint64(len(marks)) > d.first || d.count()+len(marks) > MaxDedupeIDs {
		return false
	}
	d.prepend(marks)
	s.schedule(room, d.nextDue(room.config.window))
	return true
}

func (s *Streams) restoreEvents(room *room, r *reader) bool {
	partition, end := r.below(len(room.partitions)), r.Number()
	n := r.Count(leastEvent + 2)
	p := &room.partitions[partition]
	if r.Bad() || end != p.oldest || uint64(n) > end { //nolint:gosec // never negative
		return false
	}
	events := make([]*Event, n)
	before := &Event{}
	for i := range events {
		at, by := r.int(), r.TextLike(before.By)
		e := r.event(before)
		e.Offset, e.At, e.By = end-uint64(n-i), at, by //nolint:gosec // never negative
		if r.Bad() || at < before.At {
			return false
		}
		events[i], before = e, e
	}
	if !r.Whole() || p.count() > 0 && before.At > p.at(p.oldest).At {
		return false
	}
	for _, e := range slices.Backward(events) {
		p.pushFront(e)
	}
	s.schedule(room, room.ageDue(partition))
	return true
}
