package kv

import (
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
)

// Used implements command.Bounded: a store counts keys. Those whose deadline has come count until they are swept.
func (s *Store) Used(q quota.Quota) (int64, bool) {
	if q != quota.Keys {
		return 0, false
	}
	return s.holds(), true
}

// holds is how many keys there are. It takes no lock: writers of other shards may be at work.
func (s *Store) holds() (n int64) {
	t := s.reading()
	for i := range t {
		n += t[i].held.Load()
	}
	return n
}

// Fits implements command.Bounded: it refuses new keys when there are too many.
func (s *Store) Fits(limits *quota.Limits, ops []journal.Op) error {
	if limits[quota.Keys] == 0 {
		return nil
	}
	grown := int64(0)
	t := s.writing()
	var made map[string]bool // keys as they will be by what came earlier among the ops
	there := func(key string) bool {
		if is, said := made[key]; said {
			return is
		}
		return t[s.place(key)].find(key) != nil
	}
	for _, op := range ops {
		key, _ := op.Target()
		is := there(key)
		switch op.(type) {
		case *put:
			if !is {
				grown++
			}
			is = true
		case *remove:
			if is {
				grown--
			}
			is = false
		default:
			continue
		}
		if len(ops) > 1 {
			if made == nil {
				made = make(map[string]bool, len(ops))
			}
			made[key] = is
		}
	}
	if grown <= 0 {
		return nil
	}
	return limits.Admit(quota.Keys, s.holds()+grown)
}
