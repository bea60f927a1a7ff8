package kv

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// numShards is how many locks a store has; a shardSet has a bit for each.
const numShards = 32

// table is the shards of a store that is in use.
type table [numShards]shard

// nothing stands in for the table of a store that was never written. It is only ever read.
var nothing table

// Store is the keys of one namespace.
type Store struct {
	env  command.Env
	max  Options
	seed maphash.Seed
	// shards is nil until the first write, all at once then: a reader that sees nil sees the empty store that
	// there was when it looked, and never half of a change.
	shards atomic.Pointer[table]
	// unordered is true while a shard may be. It is set before shards is, and never again.
	unordered atomic.Bool
}

func newStore(env command.Env, o Options) *Store {
	return &Store{env: env, max: o, seed: maphash.MakeSeed()}
}

// reading returns the shards for somebody who does not write.
func (s *Store) reading() *table {
	if t := s.shards.Load(); t != nil {
		return t
	}
	return &nothing
}

// writing returns the shards, made if need be.
func (s *Store) writing() *table {
	if t := s.shards.Load(); t != nil {
		return t
	}
	s.shards.CompareAndSwap(nil, new(table))
	return s.shards.Load()
}

// place is the number of the shard that a key belongs to.
func (s *Store) place(key string) int {
	return int(maphash.String(s.seed, key) % numShards)
}

// placeOf is place for a key in bytes.
func (s *Store) placeOf(key []byte) int {
	return int(maphash.Bytes(s.seed, key) % numShards)
}

// shardSet is a set of shards, a bit for each.
type shardSet uint32

const allShards shardSet = 1<<numShards - 1

// shardsOf returns the shards of the keys.
func (s *Store) shardsOf(keys ...string) (set shardSet) {
	for _, key := range keys {
		set |= 1 << s.place(key)
	}
	return set
}

// each calls f for the shards of the set in ascending order, the order in which they are locked.
func (t *table) each(set shardSet, f func(*shard)) {
	for ; set != 0; set &= set - 1 {
		f(&t[bits.TrailingZeros32(uint32(set))])
	}
}

func (t *table) lock(set shardSet)    { t.each(set, func(sh *shard) { sh.mu.Lock() }) }
func (t *table) unlock(set shardSet)  { t.each(set, func(sh *shard) { sh.mu.Unlock() }) }
func (t *table) rlock(set shardSet)   { t.each(set, func(sh *shard) { sh.mu.RLock() }) }
func (t *table) runlock(set shardSet) { t.each(set, func(sh *shard) { sh.mu.RUnlock() }) }

// Apply implements command.State.
func (s *Store) Apply(seq uint64, op journal.Op) {
	t := s.writing()
	switch op := op.(type) {
	case *put:
		s.wake(t[s.place(op.key)].put(op.key, op.value, seq, op.expires))
	case *remove:
		t[s.place(op.key)].remove(op.key)
	case *touch:
		s.wake(t[s.place(op.key)].touch(op.key, seq, op.expires))
	case *wipe:
		for i := range t {
			t[i].wipe(op.prefix)
		}
	}
}

// wake asks to be swept at the deadline; 0 is none.
func (s *Store) wake(at int64) {
	if at != 0 {
		s.env.Wake(at)
	}
}

// touched returns the shards that the op changes.
func (s *Store) touched(op journal.Op) shardSet {
	name, prefix := op.Target()
	if prefix {
		return allShards
	}
	return s.shardsOf(name)
}

// Undo implements command.State.
func (s *Store) Undo(op journal.Op) func() {
	t, set := s.writing(), s.touched(op)
	name, prefix := op.Target()
	var before []item
	if prefix {
		t.each(set, func(sh *shard) { before = sh.appendUnder(before, name) })
	} else if it := t[s.place(name)].find(name); it != nil {
		before = append(before, *it)
	}
	return func() {
		t.lock(set)
		defer t.unlock(set)
		if len(before) == 0 && !prefix {
			t[s.place(name)].remove(name)
		}
		for i := range before {
			b := &before[i]
			sh := &t[s.place(b.key)]
			s.wake(sh.put(b.key, b.value, b.version, b.expires))
			sh.find(b.key).written = b.written
		}
	}
}

// Stats implements command.State.
func (s *Store) Stats() command.Usage {
	var u command.Usage
	t := s.reading()
	for i := range t {
		sh := &t[i]
		sh.mu.RLock()
		u.Items += int64(len(sh.items))
		u.Bytes += sh.bytes()
		sh.mu.RUnlock()
	}
	return u
}

// checkKey refuses what cannot be a key.
func (s *Store) checkKey(key string) error {
	switch {
	case len(key) == 0:
		return fault.New(fault.Invalid, "a key has at least one byte")
	case len(key) > s.max.MaxKeyBytes:
		return fault.New(fault.TooLarge, "the key is %d bytes long; at most %d are allowed", len(key), s.max.MaxKeyBytes).
			With("limit", s.max.MaxKeyBytes)
	case !utf8.ValidString(key):
		return fault.New(fault.Invalid, "the key is not UTF-8")
	}
	return nil
}

func (s *Store) checkKeys(keys []string) error {
	for _, key := range keys {
		if err := s.checkKey(key); err != nil {
			return err
		}
	}
	return nil
}

// checkSize refuses values over the limit.
func (s *Store) checkSize(bytes int64) error {
	if bytes <= int64(s.max.MaxValueBytes) {
		return nil
	}
	return fault.New(fault.TooLarge, "the value would be %d bytes long; at most %d are allowed", bytes, s.max.MaxValueBytes).
		With("limit", s.max.MaxValueBytes)
}

// check refuses a key or a value that cannot be stored.
func (s *Store) check(key string, v value.Value) error {
	if err := s.checkKey(key); err != nil {
		return err
	}
	return s.checkSize(int64(v.Len()))
}

// live reports whether it is a key that a reader finds. The clock is read only for a key with a deadline.
func (s *Store) live(it *item) bool {
	return it != nil && (it.expires == 0 || s.env.Clock.Now() < it.expires)
}

// ttl is how many milliseconds a live key has left; 0 when it has no deadline.
func (s *Store) ttl(it *item) int64 {
	if it.expires == 0 {
		return 0
	}
	return max(1, it.expires-s.env.Clock.Now()) // it was alive when it was found
}
