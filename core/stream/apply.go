package stream

import (
	"slices"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
)

// commit writes the ops as one record and applies them. The caller holds the locks that they need.
func (s *Streams) commit(tx *command.Tx, ops ...journal.Op) error {
	var err error
	if len(ops) == 1 {
		_, err = tx.Commit(ops[0])
	} else {
		_, err = tx.CommitAll(ops)
	}
	if s.hold.Load() != nil {
		tx.After(s.endHold)
	}
	return err
}

// Apply implements command.State. The caller holds Streams.mu alone for ops that make or drop rooms, and for
// the others shared, with the room's own lock.
func (s *Streams) Apply(_ uint64, op journal.Op) {
	switch op := op.(type) {
	case *roomOp:
		s.applyRoom(op)
	case *dropOp:
		if r := s.rooms[op.room]; r != nil && r.generation == op.generation {
			s.removeRoom(r)
		}
	case *appendOp:
		if r := s.rooms[op.room]; r != nil && r.generation == op.generation && op.partition < len(r.partitions) {
			r.append(op)
			s.scheduleAppended(r, op)
		}
	case *groupOp:
		if r := s.rooms[op.room]; r != nil && r.generation == op.generation && len(op.group.positions) == len(r.partitions) {
			r.putGroup(op.group.clone())
			s.schedule(r, r.nextDue())
		}
	case *ungroupOp:
		if r := s.rooms[op.room]; r != nil && r.generation == op.generation {
			r.putNoGroup(op.group)
			s.schedule(r, r.nextDue())
		}
	case *progressOp:
		if r := s.rooms[op.room]; r != nil && r.generation == op.generation && op.within(len(r.partitions)) {
			r.progress(op)
			for _, o := range op.offsets { // what was kept for the group may be due; a deadline only moves on
				s.schedule(r, r.ageDue(o.Partition))
			}
		}
	}
}

func (s *Streams) applyRoom(op *roomOp) {
	r := s.rooms[op.room]
	switch {
	case r != nil && r.generation > op.generation:
		return
	case r != nil && r.generation == op.generation:
		r.config = op.config
		s.schedule(r, r.nextDue())
		return
	case r != nil:
		s.removeRoom(r)
	}
	s.addRoom(newRoom(op))
}

func (s *Streams) addRoom(r *room) {
	if s.rooms == nil {
		s.rooms = map[string]*room{}
	}
	s.rooms[r.name] = r
	s.order.Set(r.name, r)
	s.last = max(s.last, r.generation)
	s.absent.wake(r.name)
	s.schedule(r, r.nextDue())
}

func (s *Streams) removeRoom(r *room) {
	delete(s.rooms, r.name)
	s.order.Delete(r.name)
	s.due.remove(r)
	r.wake()
}

func (r *room) append(op *appendOp) {
	p := &r.partitions[op.partition]
	if op.first > p.next {
		p.restore(op.first, nil) // what lies before was never there: the op says more than this room knows
	}
	for _, e := range op.events {
		if e.Offset != p.next {
			continue // it is in already
		}
		p.push(e)
		if e.dedupe != "" && r.config.window > 0 {
			if r.dedupe == nil {
				r.dedupe = &dedupe{}
			}
			r.dedupe.add(mark{e.dedupe, op.partition, e.Offset, e.At})
		}
	}
	if r.dedupe != nil {
		r.dedupe.forget(op.forget)
	}
	p.drop(min(op.oldest, p.next))
	p.waiting.wake()
}

func (r *room) putGroup(g *group) {
	if r.groups == nil {
		r.groups = map[string]*group{}
	}
	r.lastGroup = max(r.lastGroup, g.generation)
	old := r.groups[g.name]
	r.groups[g.name] = g
	if old != nil {
		old.waiting.wake()
	}
}

func (r *room) putNoGroup(name string) {
	g := r.groups[name]
	if g == nil {
		return
	}
	g.waiting.wake()
	if delete(r.groups, name); len(r.groups) == 0 {
		r.groups = nil
	}
}

func (r *room) progress(op *progressOp) {
	g := r.groups[op.group]
	if g == nil {
		return
	}
	if i, ok := g.place(op.member); ok {
		g.members[i].deadline = op.deadline
	}
	for _, o := range op.offsets {
		g.positions[o.Partition] = o.Offset
	}
}

// within reports whether the op speaks of so many partitions only.
func (op *progressOp) within(partitions int) bool {
	return !slices.ContainsFunc(op.offsets, func(o PartitionOffset) bool { return o.Partition >= partitions })
}

// Replay implements command.State.
func (s *Streams) Replay(seq uint64, op journal.Op) {
	switch op.Kind() {
	case opRoom, opDrop:
		s.mu.Lock()
		defer s.mu.Unlock()
	default:
		name, _ := op.Target()
		r := s.lock(name)
		if r == nil {
			return
		}
		defer s.unlock(r)
	}
	s.Apply(seq, op)
}

// Undo implements command.State.
func (s *Streams) Undo(op journal.Op) func() {
	first := s.beginHold()
	name, _ := op.Target()
	r := s.rooms[name]
	var restore func()
	switch op := op.(type) {
	case *roomOp:
		restore = s.undoRoom(r, name)
	case *dropOp:
		restore = func() {
			if r != nil && s.rooms[name] == nil {
				s.addRoom(r)
			}
		}
	case *appendOp:
		restore = r.undoAppend(op)
	case *groupOp:
		restore = r.undoGroup(op.group.name)
	case *ungroupOp:
		restore = r.undoGroup(op.group)
	case *progressOp:
		restore = r.undoGroup(op.group)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		restore()
		if r != nil && s.rooms[name] == r {
			s.schedule(r, r.nextDue())
		}
		if first { // undoing goes backwards, so this is the end of it
			s.endHold()
		}
	}
}

func (s *Streams) undoRoom(r *room, name string) func() {
	if r == nil {
		last := s.last
		return func() {
			if fresh := s.rooms[name]; fresh != nil {
				s.removeRoom(fresh)
			}
			s.last = last
		}
	}
	before := r.config
	return func() { r.config = before }
}

func (r *room) undoAppend(op *appendOp) func() {
	p := &r.partitions[op.partition]
	oldest, next := p.oldest, p.next
	var gone []*Event // what the op is about to drop
	for o := oldest; o < min(op.oldest, next); o++ {
		gone = append(gone, p.at(o))
	}
	var marks []mark
	var first uint64
	known := r.dedupe != nil
	if known {
		marks, first = r.dedupe.order[r.dedupe.head:], r.dedupe.first
	}
	return func() {
		events := gone
		for o := p.oldest; o < next; o++ {
			events = append(events, p.at(o))
		}
		p.restore(oldest, events)
		if r.dedupe = nil; known {
			r.dedupe = rebuilt(first, marks)
		}
	}
}

func (r *room) undoGroup(name string) func() {
	var before *group
	if g := r.groups[name]; g != nil {
		before = g.clone()
	}
	last := r.lastGroup
	return func() {
		if before == nil {
			r.putNoGroup(name)
		} else {
			r.putGroup(before)
		}
		r.lastGroup = last
	}
}
