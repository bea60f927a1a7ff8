package kv

import (
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
)

// sweepBatch is how many dead keys one round removes, so that nobody waits long for the shard.
const sweepBatch = 128

// Sweep implements command.State: it removes dead keys of the shard whose deadline is the most overdue. After a
// recovery it first puts the keys in order, a shard each time.
func (s *Store) Sweep(tx *command.Tx) (next int64, err error) {
	t := s.reading()
	if s.settle(t) {
		return tx.Now(), nil
	}
	at, i := t.earliest()
	if at == 0 || at > tx.Now() {
		return at, nil
	}
	if err := t[i].sweep(tx); err != nil {
		return 0, err
	}
	at, _ = t.earliest()
	return at, nil
}

// earliest returns the earliest deadline of all shards and the shard it is in; 0 when there is none.
func (t *table) earliest() (at int64, place int) {
	for i := range t {
		sh := &t[i]
		sh.mu.RLock()
		if next := sh.due.next(); next != 0 && (at == 0 || next < at) {
			at, place = next, i
		}
		sh.mu.RUnlock()
	}
	return at, place
}

func (sh *shard) sweep(tx *command.Tx) error {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	var ops []journal.Op
	sh.due.overdue(tx.Now(), func(it *item) bool {
		ops = append(ops, &remove{key: it.key, cause: expired})
		return len(ops) < sweepBatch
	})
	_, err := tx.CommitAll(ops)
	return err
}
