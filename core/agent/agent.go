// Package agent is mail between agents: every agent has an inbox, and a message
// stays in it until it was read.
//
// An agent is known by a name that it cannot choose freely: that of its credential,
// or one behind it, as auth.Identity.AgentName says; so what a message says of its
// sender is true. An agent comes to be when it first looks into its inbox or sends
// something, or when somebody sends to it. A broadcast goes to all agents that there
// are at that moment; they share one message, which goes when the last has read it.
//
// Agents is the state of one namespace, behind one lock. Whoever waits for a message
// holds none.
package agent

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// ID is the structure's permanent number.
const ID = 0x0D

const structureName = "agent"

// Limits of one namespace.
const (
	// MaxAgents bounds the agents. The next one takes the place of the one with an empty inbox that was seen least
	// recently; when every inbox has something in it, the caller gets Exhausted.
	MaxAgents = 10_000
	// MaxInbox and MaxInboxBytes bound what waits for one agent. A message to a full inbox gets Exhausted; a broadcast passes it over.
	MaxInbox      = 10_000
	MaxInboxBytes = 16 << 20
	// MaxMessageBytes bounds a message: agents tell each other where things are, and the things are elsewhere.
	MaxMessageBytes = 16 << 10
	// MaxRemembered bounds the dedupe_ids that are remembered; beyond it the oldest are forgotten early.
	MaxRemembered = 100_000
)

// dedupeMS is how long a dedupe_id is remembered; seenMS is how exactly it is known when an agent was last seen.
const (
	dedupeMS = 10 * 60 * 1000
	seenMS   = 60 * 1000
)

// Structure returns the declaration of mail between agents.
func Structure() *command.Structure {
	return &command.Structure{
		Name: structureName, ID: ID,
		Summary:  "Messages from agent to agent, kept until they are read.",
		Commands: commands(),
		Things: &command.Things{Kind: "agents", List: "agent.list", Name: "name", Clear: map[string]command.Clearing{
			"empty": {Command: "agent.forget", Field: "agent", With: map[string]any{"messages_only": true}},
			"drop":  {Command: "agent.forget", Field: "agent"},
		}},
		New:      func(env command.Env) command.State { return newAgents(env) },
		DecodeOp: decodeOp,
	}
}

// Agents is the agents of one namespace and what waits for them.
type Agents struct {
	env command.Env

	mu sync.Mutex

	last     uint64                        // the number of the newest message there ever was
	agents   btree.Map[string, *agent]     // by name
	messages btree.Map[uint64, *message]   // unread by somebody, by number
	bytes    int64                         // of messages
	sent     map[sending]remembered        // what dedupe_ids stand for
	order    btree.Map[uint64, remembered] // the same, by the message's number
	waiting  map[string][]chan struct{}    // of agents that wait for a message
}

// agent is one agent with its inbox.
type agent struct {
	name  string
	seen  int64 // when it last sent or looked, in Unix milliseconds, about; 0 is never
	inbox btree.Map[uint64, *message]
	bytes int64 // of the messages in it
}

// message is what one agent told others. Only unread changes.
type message struct {
	id      uint64
	from    string
	sent    int64 // Unix milliseconds
	all     bool  // to everybody
	thread  string
	replyTo uint64 // the number of another message; 0 is none
	value   value.Value
	unread  []string // by whom, in order; never empty while the message is kept
}

// size is about how much memory the message takes.
func (m *message) size() int64 {
	return int64(160 + m.value.Len() + len(m.from) + len(m.thread))
}

// sending is a sender's dedupe_id.
type sending struct{ from, id string }

// remembered is what a dedupe_id stands for.
type remembered struct {
	sending
	message   uint64
	delivered uint64 // to how many
	until     int64  // Unix milliseconds
}

func newAgents(env command.Env) *Agents {
	return &Agents{env: env, sent: map[sending]remembered{}, waiting: map[string][]chan struct{}{}}
}

// find returns the agent of that name, which it makes if there is none.
func (s *Agents) find(name string) *agent {
	if a, ok := s.agents.Get(name); ok {
		return a
	}
	a := &agent{name: name}
	s.agents.Set(name, a)
	return a
}

// put puts the message into the inbox of one who has not read it.
func (s *Agents) put(m *message, name string) {
	a := s.find(name)
	if _, there := a.inbox.Set(m.id, m); !there {
		a.bytes += m.size()
	}
	if i, found := slices.BinarySearch(m.unread, name); !found {
		m.unread = slices.Insert(m.unread, i, name)
	}
	if _, there := s.messages.Set(m.id, m); !there {
		s.bytes += m.size()
	}
}

// take takes the message out of the inbox; it goes when nobody is left who has not read it.
func (s *Agents) take(a *agent, id uint64) {
	m, ok := a.inbox.Delete(id)
	if !ok {
		return
	}
	a.bytes -= m.size()
	if i, found := slices.BinarySearch(m.unread, a.name); found {
		m.unread = slices.Delete(m.unread, i, i+1)
	}
	if len(m.unread) == 0 {
		s.messages.Delete(id)
		s.bytes -= m.size()
	}
}

// remember keeps what a dedupe_id stands for; a message has one at most.
func (s *Agents) remember(r remembered) {
	s.forgetSending(r.sending)
	s.sent[r.sending] = r
	s.order.Set(r.message, r)
}

// forgetSending drops a dedupe_id.
func (s *Agents) forgetSending(key sending) {
	if old, ok := s.sent[key]; ok {
		delete(s.sent, key)
		s.order.Delete(old.message)
	}
}

// Sweep implements command.State: it forgets dedupe_ids.
func (s *Agents) Sweep(tx *command.Tx) (next int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var upTo uint64
	s.order.Scan(func(id uint64, r remembered) bool {
		if r.until > tx.Now() {
			next = r.until
			return false
		}
		upTo = id
		return true
	})
	if upTo == 0 {
		return next, nil
	}
	_, err = tx.Commit(&lapseOp{upTo: upTo})
	return next, err
}

// Stats implements command.State.
func (s *Agents) Stats() command.Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return command.Usage{Items: int64(s.messages.Len()), Bytes: s.bytes}
}

// Check implements command.State.
func (s *Agents) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wrong []error
	var bytes int64
	s.messages.Scan(func(id uint64, m *message) bool {
		bytes += m.size()
		if id != m.id || id > s.last || len(m.unread) == 0 || !slices.IsSorted(m.unread) {
			wrong = append(wrong, fmt.Errorf("message %d of %d is kept as %d, unread by %q", m.id, s.last, id, m.unread))
		}
		for _, name := range m.unread {
			if a, ok := s.agents.Get(name); !ok {
				wrong = append(wrong, fmt.Errorf("message %d is for %q, which does not exist", id, name))
			} else if in, _ := a.inbox.Get(id); in != m {
				wrong = append(wrong, fmt.Errorf("message %d is not in the inbox of %q", id, name))
			}
		}
		return true
	})
	if bytes != s.bytes {
		wrong = append(wrong, fmt.Errorf("messages take %d bytes, counted as %d", bytes, s.bytes))
	}
	s.agents.Scan(func(name string, a *agent) bool {
		var bytes int64
		a.inbox.Scan(func(id uint64, m *message) bool {
			bytes += m.size()
			if kept, _ := s.messages.Get(id); kept != m || !slices.Contains(m.unread, name) {
				wrong = append(wrong, fmt.Errorf("the inbox of %q has message %d, which it should not", name, id))
			}
			return true
		})
		if name != a.name || bytes != a.bytes {
			wrong = append(wrong, fmt.Errorf("the inbox of %q, kept as %q, takes %d bytes, counted as %d", a.name, name, bytes, a.bytes))
		}
		return true
	})
	if len(s.sent) != s.order.Len() {
		wrong = append(wrong, errors.New("dedupe_ids are not all in order"))
	}
	s.order.Scan(func(id uint64, r remembered) bool {
		if s.sent[r.sending] != r || r.message != id {
			wrong = append(wrong, fmt.Errorf("the dedupe_id %q stands for message %d, not %d", r.sending.id, id, r.message))
		}
		return true
	})
	for name, all := range s.waiting {
		if len(all) == 0 {
			wrong = append(wrong, fmt.Errorf("nobody waits for messages to %q, and that is kept", name))
		}
	}
	return errors.Join(wrong...)
}

// wake tells those who wait for a message to the agent. s.mu is held.
func (s *Agents) wake(name string) {
	for _, ready := range s.waiting[name] {
		close(ready)
	}
	delete(s.waiting, name)
}

// park returns a channel that is closed at the agent's next message. s.mu is held.
func (s *Agents) park(name string) chan struct{} {
	ready := make(chan struct{})
	s.waiting[name] = append(s.waiting[name], ready)
	return ready
}

// unpark ends the waiting, however it ended. s.mu is held.
func (s *Agents) unpark(name string, ready chan struct{}) {
	all := s.waiting[name]
	if i := slices.Index(all, ready); i >= 0 {
		all = slices.Delete(all, i, i+1)
	}
	if len(all) == 0 {
		delete(s.waiting, name)
		return
	}
	s.waiting[name] = all
}

// Replay implements command.State.
func (s *Agents) Replay(seq uint64, op journal.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Apply(seq, op)
}
