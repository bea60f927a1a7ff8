package queue

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Check implements command.State.
func (s *Queues) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byName) != s.names.Len() {
		return fmt.Errorf("%d queues, and %d in order", len(s.byName), s.names.Len())
	}
	timed := 0
	for name, q := range s.byName {
		if ordered, _ := s.names.Get(name); q.name != name || ordered != q {
			return fmt.Errorf("queue %q is not in order as itself", name)
		}
		if err := q.check(); err != nil {
			return fmt.Errorf("queue %q: %w", name, err)
		}
		for _, w := range q.savings {
			if !slices.Contains(s.savings, w) {
				return fmt.Errorf("queue %q is being saved, and nobody knows", name)
			}
		}
		if q.next != 0 {
			timed++
			if q.place < 0 || int(q.place) >= len(s.due) || s.due[q.place] != q {
				return fmt.Errorf("queue %q is not at its place %d in the heap", name, q.place)
			}
		}
		if all := s.waiting[name]; all != nil && !q.paused && q.settings.Prefetch == 0 && all.parked.Len() > 0 && all.called < q.line.len() {
			return fmt.Errorf("queue %q: %d messages in line, %d receivers called, and %d sleep", name, q.line.len(), all.called, all.parked.Len())
		}
	}
	for _, w := range s.savings {
		if s.byName[w.q.name] != w.q || !slices.Contains(w.q.savings, w) {
			return fmt.Errorf("a queue %q is being saved, and is not there, or does not know", w.q.name)
		}
		if err := w.check(); err != nil {
			return fmt.Errorf("saving queue %q: %w", w.q.name, err)
		}
	}
	if timed != len(s.due) {
		return fmt.Errorf("%d queues have a deadline, and %d are in the heap", timed, len(s.due))
	}
	return checkHeap(s.due)
}

func (w *saving) check() error {
	var bytes int64
	for _, m := range w.aside {
		bytes += m.size
	}
	if !w.spilt && (bytes != w.bytes || bytes > w.limit) {
		return fmt.Errorf("%d bytes are put aside, counted as %d, of at most %d", bytes, w.bytes, w.limit)
	}
	return nil
}

func checkHeap[T timed](h deadlines[T]) error {
	for i := 1; i < len(h); i++ {
		if h[(i-1)/2].when() > h[i].when() {
			return fmt.Errorf("deadline %d is earlier than the one above it", i)
		}
	}
	return nil
}

func (q *queue) check() error {
	var bytes, deadBytes int64
	timed, foreign := 0, 0
	inFlight := map[string]int{}
	groups := map[string]int{}
	for id, m := range q.messages {
		if m.id != id || id == 0 || id > q.last {
			return fmt.Errorf("message %d is under %d, and the last is %d", m.id, id, q.last)
		}
		if err := q.checkPlace(m); err != nil {
			return fmt.Errorf("message %d: %w", id, err)
		}
		if m.deadline != 0 {
			timed++
		}
		switch {
		case m.state == dead:
			deadBytes += m.size
		default:
			bytes += m.size
			if m.grouped() {
				groups[m.group]++
			}
			if m.death != nil {
				foreign++
			}
		}
		if m.state == leased {
			inFlight[m.consumer]++
		}
	}
	switch {
	case bytes != q.bytes || deadBytes != q.deadBytes:
		return fmt.Errorf("counted %d+%d bytes, and there are %d+%d", q.bytes, q.deadBytes, bytes, deadBytes)
	case q.ready()+q.delayed.len()+q.leased.len()+q.dead.len() != len(q.messages):
		return fmt.Errorf("%d messages, and in order %+v", len(q.messages), q.counts())
	case timed != len(q.due):
		return fmt.Errorf("%d messages have a deadline, and %d are in the heap", timed, len(q.due))
	case q.version < q.restored:
		return fmt.Errorf("is of version %d, and was restored at %d", q.version, q.restored)
	case foreign != q.foreign:
		return fmt.Errorf("%d messages died elsewhere, counted as %d", foreign, q.foreign)
	case (q.inFlight != nil) != (q.settings.Prefetch > 0):
		return errors.New("counts who holds what without need, or does not")
	case q.inFlight != nil && len(inFlight) != len(q.inFlight):
		return fmt.Errorf("%d consumers hold messages, counted as %d", len(inFlight), len(q.inFlight))
	case len(groups) != len(q.groups):
		return fmt.Errorf("%d groups, counted as %d", len(groups), len(q.groups))
	case q.next != sooner(q.due.next(), q.dedupe.next()):
		return fmt.Errorf("is due at %d, and something in it at %d or %d", q.next, q.due.next(), q.dedupe.next())
	}
	for consumer, n := range inFlight {
		if q.inFlight != nil && q.inFlight[consumer] != n {
			return fmt.Errorf("consumer %q holds %d messages, counted as %d", consumer, n, q.inFlight[consumer])
		}
	}
	for name, n := range groups {
		if err := q.groups[name].check(n); err != nil {
			return fmt.Errorf("group %q: %w", name, err)
		}
	}
	return errors.Join(checkHeap(q.due), q.dedupe.check())
}

// checkPlace verifies that the message is where its state says, with the fields that go with it.
func (q *queue) checkPlace(m *message) error {
	turn := m.state == ready && (!m.grouped() || q.groups[m.group].front == m)
	for _, o := range []struct {
		order *order
		in    bool
	}{
		{&q.line, turn}, {&q.blocked, m.state == ready && !turn},
		{&q.delayed, m.state == delayed}, {&q.leased, m.state == leased}, {&q.dead, m.state == dead},
	} {
		if o.order.has(m) != o.in {
			return fmt.Errorf("is %s and not where that is", m.state)
		}
	}
	switch {
	case m.size != int64(m.body.size()):
		return fmt.Errorf("is %d bytes and said to be %d", m.body.size(), m.size)
	case m.deadline != m.ends():
		return fmt.Errorf("ends at %d, and is in the heap for %d", m.ends(), m.deadline)
	case m.deadline != 0 && (int(m.place) >= len(q.due) || q.due[m.place] != m):
		return fmt.Errorf("is not at its place %d in the heap", m.place)
	case m.state == leased && (m.token == 0 || m.due == 0 || m.attempts == 0):
		return errors.New("is leased without a token, an end or an attempt")
	case m.state != leased && (m.token != 0 || m.consumer != ""):
		return fmt.Errorf("is %s and has a lease", m.state)
	case m.state == ready && m.due != 0, m.state == delayed && m.due == 0:
		return fmt.Errorf("is %s and due at %d", m.state, m.due)
	case m.state == dead && m.death == nil:
		return errors.New("is dead without a death")
	}
	return nil
}

func (g *group) check(live int) error {
	held := 0
	g.live.each(func(m *message) bool {
		if m.state == leased {
			held++
		}
		return true
	})
	switch {
	case g.live.len() != live:
		return fmt.Errorf("%d messages, counted as %d", live, g.live.len())
	case held != g.leased:
		return fmt.Errorf("%d leased, counted as %d", held, g.leased)
	case g.front != g.turn():
		return errors.New("the one in line is not the one whose turn it is")
	}
	return nil
}

func (d *dedupe) check() error {
	last, latest, bytes := uint64(0), map[string]uint64{}, int64(0)
	for _, r := range d.order[d.from:] {
		bytes += rememberedBytes + int64(len(r.dedupeID))
		if r.id <= last || r.until <= 0 || r.until == math.MaxInt64 {
			return fmt.Errorf("dedupe_id %q of message %d, until %d, comes after that of %d", r.dedupeID, r.id, r.until, last)
		}
		last, latest[r.dedupeID] = r.id, r.id
	}
	if bytes != d.bytes {
		return fmt.Errorf("dedupe_ids take %d bytes, counted as %d", bytes, d.bytes)
	}
	if !maps.Equal(latest, d.known) {
		return fmt.Errorf("%d dedupe_ids are known, and %d in order", len(d.known), len(latest))
	}
	return nil
}
