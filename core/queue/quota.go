package queue

import (
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
)

// Used implements command.Bounded: queues are counted, and the messages of the deepest one.
func (s *Queues) Used(q quota.Quota) (int64, bool) {
	switch q {
	case quota.Queues:
		s.mu.Lock()
		defer s.mu.Unlock()
		return int64(len(s.byName)), true
	case quota.QueueDepth:
		s.mu.Lock()
		defer s.mu.Unlock()
		deepest := 0
		for _, queue := range s.byName {
			deepest = max(deepest, queue.depth())
		}
		return int64(deepest), true
	}
	return 0, false
}

// Fits implements command.Bounded: it refuses new queues when there are too many, and new messages when the queue has
// too many. The caller holds s.mu.
func (s *Queues) Fits(limits *quota.Limits, ops []journal.Op) error {
	queues := int64(len(s.byName))
	grown := map[string]int64{} // by how many messages each queue grows
	for _, op := range ops {
		name, _ := op.Target()
		q := s.find(name)
		switch op := op.(type) {
		case *configure:
			if q != nil {
				continue
			}
			queues++
			if err := limits.Admit(quota.Queues, queues); err != nil {
				return err
			}
		case *put:
			grown[name]++
		case *move:
			grown[name] += q.moved(op)
		}
	}
	for name, by := range grown {
		if by <= 0 {
			continue
		}
		depth := by
		if q := s.find(name); q != nil {
			depth += int64(q.depth())
		}
		if err := limits.Admit(quota.QueueDepth, depth); err != nil {
			return err
		}
	}
	return nil
}

// moved is by how much the op changes how many messages the queue has besides dead letters.
func (q *queue) moved(op *move) (by int64) {
	if q == nil {
		return 0
	}
	stays := op.to != gone && op.to != dead
	for _, id := range op.ids {
		m := q.messages[id]
		switch {
		case m == nil || m.live() == stays:
		case stays:
			by++
		default:
			by--
		}
	}
	return by
}
