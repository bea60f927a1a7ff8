package stream

import (
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
)

// Used implements command.Bounded: rooms are counted.
func (s *Streams) Used(q quota.Quota) (int64, bool) {
	if q != quota.Rooms {
		return 0, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return int64(len(s.rooms)), true
}

// Fits implements command.Bounded: it refuses new rooms when there are too many. A room is made with s.mu held alone.
func (s *Streams) Fits(limits *quota.Limits, ops []journal.Op) error {
	for _, op := range ops {
		made, ok := op.(*roomOp)
		if !ok || s.rooms[made.room] != nil {
			continue
		}
		if err := limits.Admit(quota.Rooms, int64(len(s.rooms))+1); err != nil { // a record makes one room at most
			return err
		}
	}
	return nil
}
