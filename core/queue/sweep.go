package queue

import (
	"cmp"
	"slices"

	"github.com/hivellm/synap-go/core/command"
)

const (
	// dueBatch is how many messages one record moves because their time has come, so that nobody waits long
	// for the lock.
	dueBatch = 256
	// dueRounds is how many such records a command writes before it goes on; the sweeper does the rest.
	dueRounds = 4
)

// Sweep implements command.State: it does a batch of what is due in the queue that is the most overdue.
func (s *Queues) Sweep(tx *command.Tx) (next int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = 0
	if at := s.due.next(); at != 0 && at <= tx.Now() {
		if err := s.advance(tx, s.due[0]); err != nil {
			return 0, err
		}
	}
	s.asked = s.due.next()
	return s.asked, nil
}

// catchUp does what time has made due in the queue before a command looks at it: a lease that ran out is
// over, whether the sweeper has come by or not.
func (s *Queues) catchUp(tx *command.Tx, q *queue) error {
	for range dueRounds {
		if q == nil || q.next == 0 || q.next > tx.Now() {
			return nil
		}
		if err := s.advance(tx, q); err != nil {
			return err
		}
	}
	return nil
}

// advance does a batch of what is due in a queue.
func (s *Queues) advance(tx *command.Tx, q *queue) error {
	now := tx.Now()
	var over []*message
	q.due.overdue(now, func(m *message) bool {
		over = append(over, m)
		return len(over) < dueBatch
	})
	// The same way first, so that they share an op; then in order, so that dead letters keep theirs.
	slices.SortFunc(over, func(a, b *message) int {
		return cmp.Or(cmp.Compare(a.state, b.state), cmp.Compare(a.id, b.id))
	})
	d := s.draft(tx)
	p := d.plan(q.name)
	var dying []*message
	for _, m := range over {
		switch {
		case m.state == leased && m.spent(p.settings):
			dying = append(dying, m)
		case m.state == leased:
			d.move(p, m, move{to: ready, cause: lapsed})
		case m.state == delayed && !m.expired(now):
			d.move(p, m, move{to: ready, cause: arrived})
		default:
			d.move(p, m, move{to: gone, cause: expired})
		}
	}
	if at := q.dedupe.next(); at != 0 && at <= now {
		d.ops = append(d.ops, &forget{queue: q.name, until: now})
	}
	if _, err := d.commit(); err != nil {
		return err
	}
	return s.buryAll(tx, q, dying)
}

// buryAll makes dead letters of messages that were handed out too often. It is a record of its own because
// it may drop dead letters for which there is no room, and they must not have gone in the same one.
func (s *Queues) buryAll(tx *command.Tx, q *queue, dying []*message) error {
	d := s.draft(tx)
	p := d.plan(q.name)
	for _, m := range dying {
		d.bury(p, m, maxAttempts, "")
	}
	_, err := d.commit()
	return err
}
