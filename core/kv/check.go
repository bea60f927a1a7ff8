package kv

import "fmt"

// Check implements command.State.
func (s *Store) Check() error {
	t := s.ordered(s.reading())
	for i := range t {
		sh := &t[i]
		sh.mu.RLock()
		err := sh.check(func(key string) bool { return s.place(key) == i })
		sh.mu.RUnlock()
		if err != nil {
			return fmt.Errorf("shard %d: %w", i, err)
		}
	}
	return nil
}

func (sh *shard) check(mine func(key string) bool) error {
	var keyBytes, valueBytes int64
	expiring := 0
	for key, it := range sh.items {
		switch {
		case it.key != key:
			return fmt.Errorf("the item under %q is of %q", key, it.key)
		case !mine(key):
			return fmt.Errorf("%q belongs to another shard", key)
		case it.value.IsZero():
			return fmt.Errorf("%q has no value", key)
		case it.version == 0:
			return fmt.Errorf("%q has no version", key)
		case it.expires < 0:
			return fmt.Errorf("%q has the deadline %d", key, it.expires)
		}
		if it.expires != 0 {
			expiring++
			if it.place < 0 || int(it.place) >= len(sh.due) || sh.due[it.place] != it {
				return fmt.Errorf("%q is not at its place %d among the deadlines", key, it.place)
			}
		}
		keyBytes += int64(len(key))
		valueBytes += int64(it.value.Len())
	}
	if keyBytes != sh.keyBytes || valueBytes != sh.valueBytes {
		return fmt.Errorf("counted %d+%d bytes and there are %d+%d", sh.keyBytes, sh.valueBytes, keyBytes, valueBytes)
	}
	if expiring != len(sh.due) {
		return fmt.Errorf("%d items have a deadline and there are %d deadlines", expiring, len(sh.due))
	}
	for i := 1; i < len(sh.due); i++ {
		if sh.due[(i-1)/2].expires > sh.due[i].expires {
			return fmt.Errorf("deadline %d is earlier than the one above it", i)
		}
	}
	for key := range sh.halves {
		return fmt.Errorf("%q was restored by half", key)
	}
	if it := sh.recent; it != nil && sh.items[it.key] != it {
		return fmt.Errorf("%q was removed and is remembered", it.key)
	}
	return sh.checkOrder()
}

func (sh *shard) checkOrder() error {
	n, last := 0, ""
	for w := sh.order.from(""); w.valid; w.next() {
		switch {
		case sh.items[w.item.key] != w.item:
			return fmt.Errorf("%q is in the order and not in the map", w.item.key)
		case n > 0 && w.item.key <= last:
			return fmt.Errorf("%q comes after %q", w.item.key, last)
		case sh.order.at(n) != w.item || sh.order.rank(w.item.key) != n:
			return fmt.Errorf("%q is not number %d of the order", w.item.key, n)
		}
		n, last = n+1, w.item.key
	}
	if n != len(sh.items) || n != sh.order.len() || int64(n) != sh.held.Load() {
		return fmt.Errorf("%d keys in the map, %d in the order, %d counted", len(sh.items), n, sh.held.Load())
	}
	return nil
}
