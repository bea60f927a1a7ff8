package kv

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// A store that is being recovered does not keep its keys in order: putting each into its place as it comes, at random,
// cost more than all the rest (BenchmarkReplay). Its shards are unordered until somebody needs the order, or
// until the sweeper, which Restore and Replay wake, gets there. Reading and writing single keys works at once.

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

// settle puts the keys of one more shard in order. It reports whether there may be another.
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

// settle puts the keys in order, if they are not. It reports whether they were not. The caller holds no lock.
func (sh *shard) settle() bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	was := sh.unordered
	sh.sort()
	return was
}

// sorting is an item with the bytes of its key that tell it from most others, so that sorting seldom has to look at
// keys, which lie all over the memory.
type sorting struct {
	head uint64
	item *item
}

// sort puts the keys in order, if they are not.
func (sh *shard) sort() {
	if !sh.unordered {
		return
	}
	sh.unordered = false
	all := make([]sorting, 0, len(sh.items))
	common, first := 0, ""
	for key, it := range sh.items {
		if len(all) == 0 {
			common, first = len(key), key
		}
		common = shared(first[:common], key)
		all = append(all, sorting{item: it})
	}
	for i := range all {
		all[i].head = head(all[i].item.key[common:])
	}
	slices.SortFunc(all, func(a, b sorting) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return strings.Compare(a.item.key, b.item.key)
	})
	for i := range all {
		sh.order.push(all[i].item)
	}
}

// shared is how many bytes the two begin with in common.
func shared(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// head is the first eight bytes as a number that compares as they do; zero bytes stand for missing ones.
func head(s string) uint64 {
	var b [8]byte
	copy(b[:], s)
	return binary.BigEndian.Uint64(b[:])
}
