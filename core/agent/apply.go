package agent

import (
	"slices"

	"github.com/hivellm/synap-go/core/journal"
)

// Apply implements command.State. The caller holds s.mu.
func (s *Agents) Apply(_ uint64, op journal.Op) {
	switch op := op.(type) {
	case *sendOp:
		s.send(op)
	case *readOp:
		if a, ok := s.agents.Get(op.agent); ok {
			for _, id := range op.ids {
				s.take(a, id)
			}
		}
	case *seenOp:
		a := s.find(op.agent)
		a.seen = max(a.seen, op.at)
	case *forgetOp:
		a, ok := s.agents.Get(op.agent)
		if !ok {
			return
		}
		for _, id := range a.inbox.Keys() {
			s.take(a, id)
		}
		if !op.keep {
			s.agents.Delete(op.agent)
		}
	case *lapseOp:
		for _, r := range s.upTo(op.upTo) {
			s.forgetSending(r.sending)
		}
	}
}

// send puts the message into the inboxes it is for, also of those who had read it when it was saved: a record that
// follows says so again.
func (s *Agents) send(op *sendOp) {
	s.last = max(s.last, op.id)
	if op.from != "" {
		sender := s.find(op.from)
		sender.seen = max(sender.seen, op.sent)
	}
	if op.dedupe != "" {
		s.remember(remembered{sending{op.from, op.dedupe}, op.id, uint64(len(op.unread)), op.until})
		if s.env.Wake != nil {
			s.env.Wake(op.until)
		}
	}
	m, there := s.messages.Get(op.id)
	if !there {
		fresh := op.message
		fresh.unread = nil
		m = &fresh
	}
	for _, name := range op.unread {
		s.put(m, name)
		s.wake(name)
	}
}

// upTo is what is remembered of messages up to the number.
func (s *Agents) upTo(id uint64) (all []remembered) {
	s.order.Scan(func(at uint64, r remembered) bool {
		if at <= id {
			all = append(all, r)
		}
		return at < id
	})
	return all
}

// Undo implements command.State. The caller holds s.mu.
func (s *Agents) Undo(op journal.Op) func() {
	var undo func()
	switch op := op.(type) {
	case *sendOp:
		undo = s.undoSend(op)
	case *readOp:
		undo = s.undoTake(op.agent, op.ids)
	case *seenOp:
		undo = s.undoSeen(op.agent)
	case *forgetOp:
		var ids []uint64
		if a, ok := s.agents.Get(op.agent); ok {
			ids = a.inbox.Keys()
		}
		back, seen := s.undoTake(op.agent, ids), s.undoSeen(op.agent)
		undo = func() { back(); seen() }
	case *lapseOp:
		lost := s.upTo(op.upTo)
		undo = func() {
			for _, r := range lost {
				s.remember(r)
			}
		}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		undo()
	}
}

// undoTake returns what puts messages back into an inbox.
func (s *Agents) undoTake(name string, ids []uint64) func() {
	a, ok := s.agents.Get(name)
	if !ok {
		return func() {}
	}
	var taken []*message
	for _, id := range ids {
		if m, ok := a.inbox.Get(id); ok {
			taken = append(taken, m)
		}
	}
	return func() {
		for _, m := range taken {
			s.put(m, name)
		}
	}
}

// undoSeen returns what makes an agent what it was, or that it was not.
func (s *Agents) undoSeen(name string) func() {
	a, ok := s.agents.Get(name)
	if !ok {
		return func() { s.agents.Delete(name) }
	}
	seen := a.seen
	return func() { s.find(name).seen = seen }
}

// undoSend returns what takes a message back.
func (s *Agents) undoSend(op *sendOp) func() {
	last, names := s.last, append(slices.Clone(op.unread), op.from)
	var agents []func()
	for _, name := range names {
		agents = append(agents, s.undoSeen(name))
	}
	key := sending{op.from, op.dedupe}
	before, was := s.sent[key]
	return func() {
		for _, name := range op.unread {
			if a, ok := s.agents.Get(name); ok {
				s.take(a, op.id)
			}
		}
		for _, back := range slices.Backward(agents) {
			back()
		}
		if op.dedupe != "" {
			s.forgetSending(key)
			if was {
				s.remember(before)
			}
		}
		s.last = last
	}
}
