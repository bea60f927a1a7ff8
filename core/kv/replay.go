package kv

import "github.com/hivellm/synap-go/core/journal"

// Replay implements command.State. What it is given may be inside the state already, because a snapshot is newer than
// the record it begins with, so an op leaves alone what a later record has written. It does not pass over what
// its own record has written: a record may hold several ops of one key, and each must do its part, both where
// none of them was applied and where all were.
//
// A key that was removed leaves nothing to know that by: an older put brings it back, until the remove or the wipe that
// follows in the journal is replayed too.
func (s *Store) Replay(seq uint64, op journal.Op) {
	t := s.recovering()
	name, prefix := op.Target()
	if prefix {
		t.lock(allShards)
		defer t.unlock(allShards)
		t.each(allShards, func(sh *shard) { sh.wipeUpTo(name, seq) })
		return
	}
	sh := &t[s.place(name)]
	sh.mu.Lock()
	it := sh.items[name]
	if it != nil && it.version > seq {
		sh.mu.Unlock()
		return
	}
	wake := sh.replay(seq, op, it)
	sh.mu.Unlock()
	s.wake(wake)
}

// replay applies an op of one key, whose item is given, if there is one. It returns what put returns.
func (sh *shard) replay(seq uint64, op journal.Op, it *item) (wake int64) {
	switch op := op.(type) {
	case *put:
		if it == nil {
			it = sh.add(op.key)
			sh.recent = nil // it may remember that there was none
		}
		return sh.assign(it, op.value, seq, op.expires)
	case *touch:
		return sh.touch(op.key, seq, op.expires)
	case *remove:
		sh.remove(op.key)
	}
	return 0
}

// wipeUpTo drops every key that begins with the prefix and that no record after seq has written.
func (sh *shard) wipeUpTo(prefix string, seq uint64) {
	sh.arrange(len(sh.loose))
	var keys []string
	sh.under(prefix, func(it *item) {
		if it.version <= seq {
			keys = append(keys, it.key)
		}
	})
	if len(keys) == len(sh.items) {
		sh.wipe("") // much cheaper
		return
	}
	for _, key := range keys {
		sh.remove(key)
	}
}
