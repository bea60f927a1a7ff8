package pubsub

import (
	"context"
	"math"
	"sync"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// Message is what was published. It is shared by everybody who receives it and never changed.
type Message struct {
	Topic       string            `json:"topic"`
	Message     value.Value       `json:"message"`
	Headers     map[string]string `json:"headers,omitempty"`
	ReplyTo     string            `json:"reply_to,omitempty" jsonschema:"publish the answer to this topic"`
	PublishedAt int64             `json:"published_at" jsonschema:"when it was published, in Unix milliseconds"`
	PublishedBy string            `json:"published_by,omitempty" jsonschema:"who published it"`
	Retained    bool              `json:"retained,omitempty" jsonschema:"true for the message that its topic keeps for newcomers"`

	stamp         // which one it is, among all that were published anywhere
	keep     bool // it was published to be retained
	gone     bool // it is none, but word that the topic retains nothing any more; only carriers hear of it
	via, run string
	hops     int
}

// size is about how many bytes of memory the message takes.
func (m *Message) size() int {
	n := 256 + len(m.Topic) + m.Message.Len() + len(m.ReplyTo) + len(m.PublishedBy)
	for k, v := range m.Headers {
		n += 32 + len(k) + len(v)
	}
	return n
}

// What may wait in one mailbox, besides a number of messages. At it the oldest go, as at that.
const (
	MaxWaitingBytes = 16 << 20
	MaxCarriedBytes = 64 << 20 // of whoever carries them to another server, not counting those that topics retained when it began
)

// smallBox is how many messages a mailbox has room for before it grows.
const smallBox = 16

// subscription is one subscriber with its bounded mailbox: a publisher never waits for it.
type subscription struct {
	patterns []string
	queue    string        // the queue group; "" for none
	capacity int           // how many messages may wait
	most     int           // and how many bytes of them, but always one message
	strict   bool          // ends at its first loss instead of going on without the oldest
	carrier  bool          // carries what it hears to another server, and so wants to know where it comes from and what was forgotten
	except   string        // of a carrier: the node that it carries to, which needs not hear what it told this one; "" is none
	wake     chan struct{} // holds a token when the mailbox changed

	mu sync.Mutex

	box     []*Message // a ring; grows up to capacity
	head    int        // where the oldest is
	count   int        // how many there are
	bytes   int        // about how much memory they take
	dropped uint64     // how many were lost since the subscriber was last told
	end     error      // why nothing more will come; nil while it may
}

func newSubscription(patterns []string, queue string, capacity int, strict bool) *subscription {
	return &subscription{patterns: patterns, queue: queue, capacity: capacity, most: MaxWaitingBytes, strict: strict, wake: make(chan struct{}, 1)}
}

// full reports whether the next message would cost one.
func (s *subscription) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count >= s.capacity || s.end != nil
}

// deliver puts the message into the mailbox. When there is no room the oldest goes, or, if the subscriber is
// strict, the subscription ends. It never blocks.
func (s *subscription) deliver(m *Message) {
	if s.except != "" && m.via == s.except {
		return
	}
	size := m.size()
	s.mu.Lock()
	for s.end == nil && s.count > 0 && (s.count >= s.capacity || s.bytes+size > s.most) {
		s.dropped++
		if s.strict {
			s.end = fault.New(fault.Exhausted,
				"the subscriber did not keep up: %d messages were waiting, and no more are held", s.count).
				With("limit", s.capacity)
			break
		}
		s.pull()
	}
	if s.end == nil {
		s.push(m)
		s.bytes += size
	}
	s.mu.Unlock()
	s.poke()
}

// pull takes the oldest message out.
func (s *subscription) pull() *Message {
	m := s.box[s.head]
	s.box[s.head] = nil
	s.head = (s.head + 1) % len(s.box)
	s.count--
	s.bytes -= m.size()
	return m
}

// push adds the message at the end; there is room for it within capacity.
func (s *subscription) push(m *Message) {
	if s.count == len(s.box) {
		bigger := make([]*Message, min(max(smallBox, 2*len(s.box)), s.capacity))
		for i := range s.count {
			bigger[i] = s.box[(s.head+i)%len(s.box)]
		}
		s.box, s.head = bigger, 0
	}
	s.box[(s.head+s.count)%len(s.box)] = m
	s.count++
}

// take returns up to limit messages, oldest first, and how many were lost before them. The reason why nothing
// more will come follows once the mailbox is empty.
func (s *subscription) take(limit, maxBytes int) (messages []*Message, dropped uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.fitting(min(limit, s.count), maxBytes)
	if n > 0 {
		messages = make([]*Message, n)
	}
	for i := range n {
		messages[i] = s.pull()
	}
	dropped, s.dropped = s.dropped, 0
	if n == 0 {
		err = s.end
	}
	return messages, dropped, err
}

// fitting is how many of the next n messages take at most so many bytes, but at least one. s.mu is held.
func (s *subscription) fitting(n, maxBytes int) int {
	if maxBytes == math.MaxInt {
		return n // who streams does not count
	}
	bytes := 0
	for i := range n {
		if bytes += s.box[(s.head+i)%len(s.box)].size(); bytes > maxBytes && i > 0 {
			return i
		}
	}
	return n
}

// stop ends the subscription for the reason.
func (s *subscription) stop(reason error) {
	s.mu.Lock()
	if s.end == nil {
		s.end = reason
	}
	s.mu.Unlock()
	s.poke()
}

// wait returns when something may have changed, or with the context's error.
func (s *subscription) wait(ctx context.Context) error {
	select {
	case <-s.wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *subscription) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
