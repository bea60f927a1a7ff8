package memory

import (
	"errors"
	"fmt"
)

// Check implements command.State.
func (s *Memories) Check() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var wrong []error
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	var bytes int64
	users := map[*metadata]int{}
	deadlines, waiting, placed := 0, 0, 0
	for number, it := range s.items {
		c, _ := s.collections.Get(it.collection)
		if it.number != number || number > s.last || c == nil {
			complain("memory %d is kept as %d of %q", it.number, number, it.collection)
			continue
		}
		if at, _ := c.numbers.Get(number); at != it || c.slots[it.slot] != it || !c.words.Has(it.slot) {
			complain("memory %s is not where its collection looks for it", it.id())
		}
		if it.expires != 0 {
			deadlines++
			if _, ok := s.deadlines.Get(deadline{it.expires, number}); !ok {
				complain("memory %s expires, and nobody knows", it.id())
			}
		}
		if _, waits := s.waiting.Get(number); waits != s.lacks(it) {
			complain("memory %s waits for a vector: %v", it.id(), waits)
		}
		if s.lacks(it) {
			waiting++
		}
		bytes += it.size()
		if it.metadata != nil {
			users[it.metadata]++
		}
	}
	for m, n := range users {
		bytes += m.size()
		if s.kinds[m.text] != m || m.users != n {
			complain("the metadata %s has %d users, counted as %d", m.text, n, m.users)
		}
	}
	s.collections.Scan(func(name string, c *collection) bool {
		placed += c.numbers.Len()
		if err := c.checkVectors(); err != nil {
			complain("collection %s: %w", name, err)
		}
		if err := c.words.Check(); err != nil {
			complain("collection %s: %w", name, err)
		}
		if c.name != name || c.numbers.Len() == 0 || c.words.Len() != c.numbers.Len() || c.numbers.Len()+len(c.free) != len(c.slots) {
			complain("collection %s has %d memories, %d texts, %d slots of which %d are free", name, c.numbers.Len(), c.words.Len(), len(c.slots), len(c.free))
		}
		return true
	})
	if placed != len(s.items) || deadlines != s.deadlines.Len() || waiting != s.waiting.Len() || len(users) != len(s.kinds) || bytes != s.bytes {
		complain("%d memories of %d bytes, %d deadlines, %d waiting, %d kinds of metadata: counted as %d, %d, %d, %d, %d", placed, bytes, deadlines, waiting,
			len(users), len(s.items), s.bytes, s.deadlines.Len(), s.waiting.Len(), len(s.kinds))
	}
	return errors.Join(wrong...)
}

// checkVectors verifies that the vectors that are compared are those that the memories have.
func (c *collection) checkVectors() error {
	n := 0
	for slot, it := range c.slots {
		if it == nil || !c.compares(it) {
			continue
		}
		if c.vectors == nil || !c.vectors.Has(uint32(slot)) { //nolint:gosec // slots are uint32
			return fmt.Errorf("the vector of %s is not compared", it.id())
		}
		n++
	}
	switch {
	case c.vectors == nil:
		return nil
	case c.vectors.Len() != n:
		return fmt.Errorf("%d vectors are compared, of %d", c.vectors.Len(), n)
	}
	return c.vectors.Check()
}
