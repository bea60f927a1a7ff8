package queue

import (
	"encoding/binary"
	"slices"
)

// Parts implements command.State: one lock guards all queues, so there is one part.
func (s *Queues) Parts() int { return 1 }

// Save implements command.State. Queues are saved by name: of each the head, its dedupe_ids and its messages. A cursor
// is the number of the saving to go on with, and the queue's name; with 0 it says after which queue to go on.
func (s *Queues) Save(_ int, from []byte, add func(entry []byte)) (next []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from == nil {
		s.retire()
	}
	out := &saver{add: add, left: saveBytes, looks: saveLooks, scratch: make([]byte, 0, 512)}
	id, n := binary.Uvarint(from)
	name := string(from[n:])
	for w := s.goOn(out, id, name); ; w = nil {
		if w == nil {
			q := s.after(name)
			if q == nil {
				return nil
			}
			w = out.begin(q, maxAside)
		}
		name = w.q.name
		if !out.save(w) {
			s.register(w)
			return append(binary.AppendUvarint(nil, w.id), name...)
		}
		s.end(w)
		if out.full() {
			return append([]byte{0}, name...)
		}
	}
}

// after is the first queue after the name; nil when there is none.
func (s *Queues) after(name string) (found *queue) {
	s.names.Ascend(name, func(key string, q *queue) bool {
		if key == name {
			return true
		}
		found = q
		return false
	})
	return found
}

// goOn is the saving to go on with; nil when the queue is saved, or there is none of that name any more. One that
// ended early is begun anew.
func (s *Queues) goOn(out *saver, id uint64, name string) *saving {
	if id == 0 {
		return nil
	}
	limit := maxAside
	if i := slices.IndexFunc(s.savings, func(w *saving) bool { return w.id == id }); i >= 0 {
		w := s.savings[i]
		if !w.spilt {
			return w
		}
		s.end(w)
		limit = 2 * w.limit // so that it comes to an end, however much changes
	}
	if q := s.byName[name]; q != nil {
		return out.begin(q, limit)
	}
	return nil
}

// saver is one call of Save: what it may still do.
type saver struct {
	add     func(entry []byte)
	left    int // bytes
	looks   int
	scratch []byte
}

func (out *saver) full() bool { return out.left <= 0 || out.looks <= 0 }

// entry hands out an entry that was made in scratch.
func (out *saver) entry(b []byte) {
	out.scratch = b[:0]
	out.left -= len(b)
	out.looks--
	out.add(b)
}

// begin saves the head of a queue, and returns the saving to go on with.
func (out *saver) begin(q *queue, limit int64) *saving {
	out.entry(appendHead(out.scratch, q))
	return q.begin(limit)
}

// save goes on with a saving, and reports whether it is complete.
func (out *saver) save(w *saving) bool {
	for len(w.aside) > 0 && !out.full() {
		m := w.aside[0]
		w.aside[0] = nil
		w.aside, w.bytes = w.aside[1:], w.bytes-m.size
		out.entry(appendMessage(out.scratch, w.q.name, m))
	}
	for _, r := range w.q.dedupe.after(w.remembered) {
		if r.id > w.last {
			break
		}
		if out.full() {
			return false
		}
		w.remembered = r.id
		out.entry(appendRemembered(out.scratch, w.q.name, r))
	}
	for w.state <= dead {
		if out.full() {
			return false
		}
		if out.walk(w) {
			w.come(w.state + 1)
		}
	}
	return len(w.aside) == 0
}

// walk saves messages of the state that the saving has come to, and reports whether these are all.
func (out *saver) walk(w *saving) (all bool) {
	all = true
	w.q.ascend(w.state, w.pivot, func(m *message) bool {
		out.looks--
		if m.id > w.last {
			all = !w.skip(m) // it came later, and so did what follows
			return false
		}
		w.pivot.body.priority, w.pivot.id = m.priority, m.id+1
		if m.changed < w.number {
			out.entry(appendMessage(out.scratch, w.q.name, m))
		}
		all = !out.full()
		return all
	})
	return all
}

// skip goes on with the priority below that of the message, and reports whether there is one.
func (w *saving) skip(m *message) bool {
	if w.state != ready || m.priority == 0 {
		return false
	}
	w.pivot.body.priority, w.pivot.id = m.priority-1, 0
	return true
}

// ascend calls f for the messages in the state that do not come before the pivot, in order, until it returns false. f
// may move the pivot to what comes after its message.
func (q *queue) ascend(in state, pivot *message, f func(*message) bool) {
	switch in {
	case delayed:
		q.delayed.from(pivot, byID, f)
	case leased:
		q.leased.from(pivot, byID, f)
	case dead:
		q.dead.from(pivot, byID, f)
	case ready:
		if q.blocked.len() == 0 {
			q.line.from(pivot, byPlace, f)
			return
		}
		for m := q.readyFrom(pivot); m != nil && f(m); {
			m = q.readyFrom(pivot)
		}
	}
}
