package stream

import (
	"slices"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
)

// How much one round of sweeping does at most, so that nobody waits long for it.
const (
	sweptRooms  = 64
	sweptEvents = 10_000 // of each partition
)

// Sweep implements command.State: it drops events that are too old and members that went silent, and forgets
// dedupe ids that are past their window.
func (s *Streams) Sweep(tx *command.Tx) (next int64, err error) {
	for range sweptRooms {
		r := s.due.take(tx.Now())
		if r == nil {
			break
		}
		if err := s.sweepRoom(tx, r); err != nil {
			return 0, err
		}
	}
	return s.due.next(), nil
}

// sweepRoom does what is due in the room and schedules what comes next.
func (s *Streams) sweepRoom(tx *command.Tx, r *room) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.rooms[r.name] != r {
		return nil // it was dropped in the meantime
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := tx.Now()
	ops := r.expel(now, nil)
	if r.config.maxAge > 0 {
		ops = r.trims(r.config, now, sweptEvents, ops)
	}
	ops = r.forgets(now, ops)
	if len(ops) > 0 {
		if err := s.commit(tx, ops...); err != nil {
			s.schedule(r, now)
			return err
		}
	}
	s.schedule(r, r.nextDue())
	return nil
}

// expel appends ops that give the partitions of silent members to the others.
func (r *room) expel(now int64, ops []journal.Op) []journal.Op {
	for _, name := range r.groupNames() {
		g := r.groups[name]
		alive := slices.DeleteFunc(slices.Clone(g.members), func(m member) bool { return m.deadline <= now })
		if len(alive) < len(g.members) {
			ops = append(ops, &groupOp{r.head(), g.rebalanced(alive, now)})
		}
	}
	return ops
}

// trims appends ops that bring the partitions within the bounds, dropping at most so many events of each.
func (r *room) trims(c *config, now int64, most uint64, ops []journal.Op) []journal.Op {
	for i := range r.partitions {
		p := &r.partitions[i]
		if before := min(p.excess(c, r.unread(c, i), now, nil), p.oldest+most); before > p.oldest {
			ops = append(ops, r.trim(i, before))
		}
	}
	return ops
}

// forgets appends an op that forgets the dedupe ids that are past the window, if it is time.
func (r *room) forgets(now int64, ops []journal.Op) []journal.Op {
	d := r.dedupe
	if d == nil || d.count() == 0 || d.nextDue(r.config.window) > now {
		return ops
	}
	op := r.trim(0, r.partitions[0].oldest)
	op.forget = d.expired(r.config.window, now)
	return append(ops, op)
}

// trim is the op that lets go of a partition's events before the offset.
func (r *room) trim(partition int, before uint64) *appendOp {
	return &appendOp{head: r.head(), partition: partition, first: r.partitions[partition].next, oldest: before}
}

func (r *room) head() head { return head{r.name, r.generation} }

// everything is no limit to how much is trimmed.
const everything = 1 << 62
