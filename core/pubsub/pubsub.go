// Package pubsub is messages for whoever listens now: topics, patterns, and
// subscribers with bounded mailboxes.
//
// A message that is published reaches every subscriber with a pattern that matches
// its topic, once, however many of its patterns do; of a queue group just one
// member gets it. All of them share the one message. A subscriber that does not
// keep up loses the oldest messages and is told how many, and never slows the
// publisher. Nothing is kept for those who come later, except the one message that
// a topic may retain: that one is data, and goes through the journal. So does which
// messages were taken in from other servers, so that none of them is heard twice.
//
// A Broker is the state of one namespace. Its lock is held while subscriptions and
// retained messages change, and shared while messages are matched.
package pubsub

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// ID is the structure's permanent number.
const ID = 4

// Limits of one namespace; past them the caller gets Exhausted.
const (
	MaxSubscriptions = 100_000
	MaxRetained      = 100_000
	// MaxGraves bounds the topics of which it is remembered that they let go of their message, so that no other server brings it
	// back. Of more the one that did so longest ago is not.
	MaxGraves = 10_000
)

// Structure returns the declaration of pub/sub.
func Structure() *command.Structure {
	return &command.Structure{
		Name: "pubsub", ID: ID,
		Summary:  "Topics: messages for whoever listens now, matched by patterns.",
		Commands: commands(),
		Things: &command.Things{Kind: "topics", List: "pubsub.topics", Name: "name", Separator: ".", Clear: map[string]command.Clearing{
			"empty": {Command: "pubsub.forget", Field: "topic"},
		}},
		Measures: []*command.Measures{measures},
		New:      func(env command.Env) command.State { return newBroker(env) },
		DecodeOp: decodeOp,
	}
}

// Broker is the topics of one namespace.
type Broker struct {
	env command.Env

	mu sync.RWMutex

	subscribers map[*subscription]struct{}
	index       *index
	handles     map[string]*handle          // of those who poll
	retained    btree.Map[string, *Message] // by topic
	bytes       int64                       // of the retained messages
	graves      btree.Map[string, *Message] // by topic: when it let go of its message; no topic is in both
	oldest      *btree.BTreeG[*Message]     // the graves, by time
	seen        seen                        // what was taken in from other servers

	// None of the following is guarded.

	published, delivered atomic.Uint64 // messages since the start
	numbers              atomic.Uint64 // of messages that were published here
	run                  string        // the name of the process's life, in which numbers are counted
	accepted, passed     atomic.Uint64 // messages of other servers since the start: taken in, and here already
}

func newBroker(env command.Env) *Broker {
	return &Broker{
		env: env, subscribers: map[*subscription]struct{}{}, index: newIndex(),
		handles: map[string]*handle{}, oldest: byTime(), run: rand.Text()[:13],
	}
}

// subscribe puts a subscription into the index and its mailbox under the retained messages that it matches.
func (b *Broker) subscribe(s *subscription) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.subscribers) >= MaxSubscriptions {
		return fault.New(fault.Exhausted, "there are %d subscriptions, and no more are allowed", MaxSubscriptions).
			With("limit", MaxSubscriptions)
	}
	b.subscribers[s] = struct{}{}
	seen := map[*Message]bool{}
	begin := func(m *Message) {
		if seen[m] {
			return
		}
		seen[m] = true
		if s.carrier { // what it begins with must not cost it what it begins with
			s.capacity++
			s.most += m.size()
		}
		s.deliver(m)
	}
	for _, pattern := range s.patterns {
		b.index.add(pattern, s)
		if s.carrier {
			b.buried(pattern, begin)
		}
		b.under(literal(pattern), func(topic string, m *Message) bool {
			if Match(pattern, topic) {
				begin(m)
			}
			return true
		})
	}
	return nil
}

func (b *Broker) unsubscribe(s *subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.subscribers, s)
	for _, pattern := range s.patterns {
		b.index.remove(pattern, s)
	}
}

// receivers returns who gets a message on the topic: every matching subscription once, of a queue group one.
func (b *Broker) receivers(topic string) []*subscription {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var first group
	var all group // a set of its own, when more than one group matched
	b.index.match(topic, true, func(g group) {
		switch {
		case first == nil:
			first = g
		case all == nil:
			all = maps.Clone(first)
			fallthrough
		default:
			maps.Copy(all, g)
		}
	})
	if all == nil {
		all = first
	}
	list := make([]*subscription, 0, len(all))
	var queues map[string][]*subscription
	for s := range all {
		if s.queue == "" {
			list = append(list, s)
			continue
		}
		if queues == nil {
			queues = map[string][]*subscription{}
		}
		queues[s.queue] = append(queues[s.queue], s)
	}
	for _, members := range queues {
		list = append(list, pick(members))
	}
	return list
}

// pick chooses the member of a queue group that a message goes to. Go's map order has shuffled them; a member
// with a full mailbox is passed over while another has room.
func pick(members []*subscription) *subscription {
	for _, s := range members {
		if !s.full() {
			return s
		}
	}
	return members[0]
}

// Apply implements command.State. The caller holds b.mu.
func (b *Broker) Apply(_ uint64, op journal.Op) {
	switch op := op.(type) {
	case *retainOp:
		b.keep(op.topic, op.message)
	case *takenOp:
		b.seen.apply(op)
	}
}

// keep makes m, or nothing, the retained message of the topic, or its grave.
func (b *Broker) keep(topic string, m *Message) {
	if old, ok := b.retained.Delete(topic); ok {
		b.bytes -= int64(old.size())
	}
	if old, ok := b.graves.Delete(topic); ok {
		b.oldest.Delete(old)
	}
	switch {
	case m == nil:
	case m.gone:
		b.graves.Set(topic, m)
		b.oldest.Set(m)
	default:
		b.retained.Set(topic, m)
		b.bytes += int64(m.size())
	}
}

// under calls f for every topic with the prefix that retains a message, in order, until f returns false. The caller
// holds b.mu.
func (b *Broker) under(prefix string, f func(topic string, m *Message) bool) {
	b.retained.Ascend(prefix, func(topic string, m *Message) bool {
		return strings.HasPrefix(topic, prefix) && f(topic, m)
	})
}

// Replay implements command.State.
func (b *Broker) Replay(seq uint64, op journal.Op) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Apply(seq, op)
}

// Undo implements command.State. The caller holds b.mu.
func (b *Broker) Undo(op journal.Op) func() {
	var undo func()
	switch op := op.(type) {
	case *retainOp:
		old := b.last(op.topic)
		undo = func() { b.keep(op.topic, old) }
	case *takenOp:
		undo = b.seen.undo(op)
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		undo()
	}
}

// Stats implements command.State: the retained messages, and in bytes what is known of other servers', too.
func (b *Broker) Stats() command.Usage {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return command.Usage{Items: int64(b.retained.Len()), Bytes: b.bytes + b.seen.bytes()}
}

// Check implements command.State.
func (b *Broker) Check() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	wrong := b.seen.check()
	var bytes int64
	b.retained.Scan(func(topic string, m *Message) bool {
		bytes += int64(m.size())
		if m.Topic != topic || CheckTopic(topic) != nil {
			wrong = append(wrong, fmt.Errorf("the message of %q is retained for %q", m.Topic, topic))
		}
		return true
	})
	b.graves.Scan(func(topic string, m *Message) bool {
		_, kept := b.retained.Get(topic)
		if _, listed := b.oldest.Get(m); !listed || kept || !m.gone || m.Topic != topic || CheckTopic(topic) != nil {
			wrong = append(wrong, fmt.Errorf("the topic %q has let go of its message, and keeps one: %t", topic, kept))
		}
		return true
	})
	if b.graves.Len() != b.oldest.Len() {
		wrong = append(wrong, fmt.Errorf("%d topics have let go of their message, and %d in order", b.graves.Len(), b.oldest.Len()))
	}
	if bytes != b.bytes {
		wrong = append(wrong, fmt.Errorf("retained messages take %d bytes, counted as %d", bytes, b.bytes))
	}
	for s := range b.subscribers {
		for _, pattern := range s.patterns {
			found := false
			b.index.match(strings.NewReplacer("*", "x", "#", "x").Replace(pattern), true, func(g group) {
				_, in := g[s]
				found = found || in
			})
			if !found {
				wrong = append(wrong, fmt.Errorf("pattern %q of a subscriber is not in the index", pattern))
			}
		}
	}
	if len(b.subscribers) == 0 && !b.index.empty() {
		wrong = append(wrong, errors.New("the index holds patterns of nobody"))
	}
	return errors.Join(wrong...)
}
