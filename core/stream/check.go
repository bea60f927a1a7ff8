package stream

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Check implements command.State.
func (s *Streams) Check() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var wrong []error
	if s.order.Len() != len(s.rooms) {
		wrong = append(wrong, fmt.Errorf("%d rooms, but %d in order", len(s.rooms), s.order.Len()))
	}
	for name, r := range s.rooms {
		r.mu.Lock()
		if other, _ := s.order.Get(name); other != r || r.name != name || r.generation > s.last {
			wrong = append(wrong, fmt.Errorf("room %q is not what it is under in order, or too new", name))
		}
		if err := r.check(); err != nil {
			wrong = append(wrong, fmt.Errorf("room %q: %w", name, err))
		}
		if next, due := r.nextDue(), r.due.Load(); next != 0 && (due == 0 || due > next) {
			wrong = append(wrong, fmt.Errorf("room %q is due at %d, but the sweeper comes at %d", name, next, due))
		}
		r.mu.Unlock()
	}
	return errors.Join(append(wrong, s.due.check(s.rooms))...)
}

// check verifies that the heap is one, and of rooms that exist.
func (d *deadlines) check(rooms map[string]*room) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, r := range d.heap {
		switch {
		case int(r.place) != i:
			return fmt.Errorf("room %q is at %d among the deadlines and thinks %d", r.name, i, r.place)
		case r.due.Load() == 0 || d.less(i, (i-1)/2):
			return fmt.Errorf("the deadline of room %q is out of order", r.name)
		case rooms[r.name] != r:
			return fmt.Errorf("room %q has a deadline and is gone", r.name)
		}
	}
	return nil
}

func (r *room) check() error {
	for i := range r.partitions {
		if err := r.checkRing(i); err != nil {
			return fmt.Errorf("partition %d: %w", i, err)
		}
	}
	for name, g := range r.groups {
		if err := r.checkGroup(name, g); err != nil {
			return fmt.Errorf("group %q: %w", name, err)
		}
	}
	if d := r.dedupe; d != nil {
		if err := d.check(); err != nil {
			return err
		}
	}
	return nil
}

// check verifies that every id leads to its newest mark.
func (d *dedupe) check() error {
	newest := map[string]uint64{}
	for number := d.first; number < d.next(); number++ {
		newest[d.at(number).id] = number
	}
	if !maps.Equal(newest, d.byID) || d.count() > MaxDedupeIDs {
		return fmt.Errorf("%d dedupe ids in order, %d by id", d.count(), len(d.byID))
	}
	return nil
}

func (r *room) checkRing(i int) error {
	p := &r.partitions[i]
	if p.oldest > p.next || p.count() > len(p.ring) || len(p.ring)&(len(p.ring)-1) != 0 {
		return fmt.Errorf("offsets %d to %d in a ring of %d", p.oldest, p.next, len(p.ring))
	}
	bytes, at := int64(0), int64(0)
	for o := p.oldest; o < p.next; o++ {
		e := p.at(o)
		if e == nil || e.Offset != o || e.At < at || e.Data.IsZero() {
			return fmt.Errorf("offset %d holds %+v", o, e)
		}
		again := *e
		if again.weigh(); again.size != e.size {
			return fmt.Errorf("offset %d weighs %d, counted as %d", o, again.size, e.size)
		}
		bytes, at = bytes+int64(e.size), e.At
	}
	filled := 0
	for _, e := range p.ring {
		if e != nil {
			filled++
		}
	}
	if bytes != p.bytes || filled != p.count() {
		return fmt.Errorf("%d events of %d bytes, counted as %d of %d", filled, bytes, p.count(), p.bytes)
	}
	c := r.config
	if c.keepUnread == 0 && c.maxEvents > 0 && int64(p.count()) > c.maxEvents {
		return fmt.Errorf("%d events, and %d are allowed", p.count(), c.maxEvents)
	}
	if c.keepUnread == 0 && c.maxBytes > 0 && p.bytes > c.maxBytes && p.count() > 1 {
		return fmt.Errorf("%d bytes, and %d are allowed", p.bytes, c.maxBytes)
	}
	return nil
}

func (r *room) checkGroup(name string, g *group) error {
	if g.name != name || len(g.positions) != len(r.partitions) || g.generation > r.lastGroup {
		return fmt.Errorf("is named %q, has %d positions, generation %d", g.name, len(g.positions), g.generation)
	}
	for i, offset := range g.positions {
		if offset > r.partitions[i].next {
			return fmt.Errorf("has committed offset %d of partition %d, which ends at %d", offset, i, r.partitions[i].next)
		}
	}
	return g.check(len(r.partitions))
}

// check verifies that every partition, of so many, is one member's.
func (g *group) check(partitions int) error {
	if len(g.positions) != partitions {
		return fmt.Errorf("has %d positions in %d partitions", len(g.positions), partitions)
	}
	owner := map[int]string{}
	for i, m := range g.members {
		if i > 0 && m.id <= g.members[i-1].id {
			return fmt.Errorf("member %q is out of order", m.id)
		}
		for _, p := range m.partitions {
			if other, taken := owner[p]; taken {
				return fmt.Errorf("partition %d is both %q's and %q's", p, other, m.id)
			}
			owner[p] = m.id
		}
		if d := len(m.partitions) - partitions/len(g.members); d < 0 || d > 1 {
			return fmt.Errorf("member %q has %d partitions of %d", m.id, len(m.partitions), partitions)
		}
	}
	if len(g.members) > 0 && len(owner) != partitions {
		return fmt.Errorf("only the partitions %v are given out", slices.Sorted(maps.Keys(owner)))
	}
	return nil
}
