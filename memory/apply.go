package memory

import "github.com/hivellm/synap-go/core/journal"

// Apply implements command.State. The caller holds s.mu.
func (s *Memories) Apply(seq uint64, op journal.Op) {
	switch op := op.(type) {
	case *put:
		s.applyPut(seq, op)
	case *embedOp:
		s.applyEmbed(seq, op)
	case *remove:
		for _, n := range op.numbers {
			s.set(n, nil, nil)
		}
	case *clearOp:
		if c, ok := s.collections.Get(op.collection); ok {
			s.empty(c)
		}
	}
}

func (s *Memories) applyPut(seq uint64, op *put) {
	it := &item{
		number: op.number, collection: op.collection, version: seq, textVersion: seq,
		text: op.text, metadata: s.shared(op.metadata), source: op.source, stored: op.stored, updated: op.updated, expires: op.expires,
	}
	if old := s.items[op.number]; old != nil && !op.newText {
		it.textVersion, it.vector, it.model = old.textVersion, old.vector, old.model
	}
	s.set(op.number, it, op.terms)
}

func (s *Memories) applyEmbed(seq uint64, op *embedOp) {
	old := s.items[op.number]
	of := op.textVersion
	if of == 0 {
		of = seq
	}
	if old == nil || old.textVersion != of {
		return
	}
	it := *old
	it.vector, it.model = op.vector, op.model
	if it.model == s.model {
		it.model = s.model // one string for all of them
	}
	s.set(op.number, &it, nil)
}

// numbers are those of the collection's memories. s.mu is held.
func (s *Memories) numbers(collection string) []uint64 {
	c, ok := s.collections.Get(collection)
	if !ok {
		return nil
	}
	return c.numbers.Keys()
}

// Replay implements command.State.
func (s *Memories) Replay(seq uint64, op journal.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Apply(seq, op)
}

// Undo implements command.State. The caller holds s.mu.
func (s *Memories) Undo(op journal.Op) func() {
	var numbers []uint64
	switch op := op.(type) {
	case *put:
		numbers = []uint64{op.number}
	case *embedOp:
		numbers = []uint64{op.number}
	case *remove:
		numbers = op.numbers
	case *clearOp:
		numbers = s.numbers(op.collection)
	}
	before := make([]*item, len(numbers))
	for i, n := range numbers {
		before[i] = s.items[n]
	}
	last := s.last
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, n := range numbers {
			s.set(n, before[i], nil)
		}
		s.last = last
	}
}
