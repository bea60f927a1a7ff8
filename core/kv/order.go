package kv

import "slices"

// A store that is being recovered does not keep its keys in order: putting each into its place as it comes, at random,
// cost more than all the rest (BenchmarkReplay). Its shards are unordered until somebody needs the order, or
// until the sweeper, which Restore and Replay wake, gets there. Reading and writing single keys works at once, and
// goes on meanwhile: the keys are put in order a few at a time.

// settleItems is how many items are put in order with the lock held: about half a millisecond's work. It is a variable
// so that tests can stop in the middle.
var settleItems = 512

// recovering returns the shards for Restore and Replay, made if need be, without an order then.
func (s *Store) recovering() *table {
	if t := s.shards.Load(); t != nil {
		return t
	}
	t := new(table)
	for i := range t {
		t[i].unordered = true
	}
	s.unordered.Store(true) // before anybody can see the shards
	if s.shards.CompareAndSwap(nil, t) {
		s.env.Wake(s.env.Clock.Now())
	}
	return s.shards.Load()
}

// ordered returns the shards with their keys in order. The caller holds no lock.
func (s *Store) ordered(t *table) *table {
	for s.settle(t) {
	}
	return t
}

// settle puts some more keys in order. It reports whether there may be others.
func (s *Store) settle(t *table) bool {
	if !s.unordered.Load() || t == &nothing { // if it is nothing, the shards are still to come
		return false
	}
	for i := range t {
		if t[i].settle() {
			return true
		}
	}
	s.unordered.Store(false)
	return false
}

// settle puts some more keys in order. It reports whether there were any, or might have been. The caller holds no lock.
func (sh *shard) settle() bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if !sh.unordered {
		return false
	}
	sh.arrange(settleItems)
	if len(sh.loose) == 0 {
		sh.unordered, sh.loose = false, nil
	}
	return true
}

// arrange puts at most so many of the loose items into the order.
func (sh *shard) arrange(most int) {
	rest := max(0, len(sh.loose)-most)
	for _, it := range sh.loose[rest:] {
		if sh.items[it.key] == it {
			sh.order.set(it)
		}
	}
	clear(sh.loose[rest:])
	sh.loose = sh.loose[:rest]
}

// leave adds an item to the loose ones. Those that were removed are let go of before they are the most, so that a long
// log of keys that came and went takes no room.
func (sh *shard) leave(it *item) {
	if len(sh.loose) > 2*len(sh.items)+settleItems {
		sh.loose = slices.DeleteFunc(sh.loose, func(it *item) bool { return sh.items[it.key] != it })
	}
	if len(sh.loose) == cap(sh.loose) {
		sh.loose = slices.Grow(sh.loose, len(sh.loose)+64) // append alone grows by a quarter, and copies five times as much
	}
	sh.loose = append(sh.loose, it)
}
