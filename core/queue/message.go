package queue

import (
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// Limits of one message.
const (
	MaxHeaders     = 64
	MaxHeaderBytes = 8 << 10 // of all headers of a message
	maxNameBytes   = 128     // of a queue, a group, a consumer, a dedupe_id
	maxReasonBytes = 1024
	numPriorities  = 10 // 0 to 9
	usualPriority  = 5
)

// messageBytes is about what a message costs besides its own text.
const messageBytes = 320

// state is where a message is. The numbers are permanent.
type state uint8

const (
	gone    state = iota // nowhere: done, expired, purged or moved to another queue
	ready                // may be handed out, unless its group is busy
	delayed              // ready when due comes
	leased               // with a receiver until due comes
	dead                 // kept for people to look at, until due comes
)

func (s state) String() string { return [...]string{"gone", "ready", "delayed", "leased", "dead"}[s] }

// body is what a message was published with. It is immutable.
type body struct {
	value       value.Value
	headers     map[string]string
	group       string
	publishedBy string
	publishedAt int64 // Unix milliseconds
	expires     int64 // Unix milliseconds; from then on it is not handed out. 0 is never. See message.expires
	priority    uint8
}

// size is about how many bytes of memory a message with this body takes.
func (b *body) size() int {
	n := messageBytes + b.value.Len() + len(b.group) + len(b.publishedBy)
	for k, v := range b.headers {
		n += len(k) + len(v) + 32
	}
	return n
}

// death is why a message became a dead letter, and where. It is immutable.
type death struct {
	cause    cause
	reason   string // as the receiver gave it, perhaps ""
	attempts uint32
	at       int64  // Unix milliseconds
	queue    string // where it died
	id       uint64 // its number there
}

// message is a message in a queue. The lock of Queues guards everything but the body.
type message struct {
	*body
	id       uint64
	size     int64 // of the body, counted once
	state    state
	attempts uint32 // how often it was handed out
	changed  uint32 // by the time of which save it last changed; see queue.keep
	place    int32  // in the queue's heap
	expires  int64  // as published, or anew since it was redriven
	due      int64  // when its state ends in Unix milliseconds: see state; 0 is never
	deadline int64  // when time has something to do with it; 0 is never. While it is not 0 it is in the queue's heap
	token    uint64 // of the lease: the version of the record that granted it
	consumer string // who holds the lease
	reason   string // what the last retry said
	death    *death // of a dead letter, here or where it came from
}

// ends is when time has something to do with the message.
func (m *message) ends() int64 {
	switch m.state {
	case ready:
		return m.expires
	case delayed:
		return sooner(m.due, m.expires)
	default: // a lifetime that ends under a lease is noticed when the lease ends
		return m.due
	}
}

// expired reports whether the message's lifetime is over.
func (m *message) expired(now int64) bool { return m.expires != 0 && m.expires <= now }

func (m *message) when() int64   { return m.deadline }
func (m *message) where() *int32 { return &m.place }
func (m *message) grouped() bool { return m.group != "" }

// live reports whether the message counts against the queue's depth.
func (m *message) live() bool { return m.state != dead }

// checkName refuses what cannot be the name of a queue.
func checkName(name string) error {
	if name == "" {
		return fault.New(fault.Invalid, "a queue has a name").With("field", "queue")
	}
	if len(name) > maxNameBytes {
		return fault.New(fault.TooLarge, "the queue's name is %d bytes long; at most %d are allowed", len(name), maxNameBytes).
			With("limit", maxNameBytes)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-' || c == ':'):
		default:
			return fault.New(fault.Invalid,
				"%q cannot be the name of a queue: letters, digits and . _ - : are allowed, and it begins with a letter or digit", name).
				With("field", "queue")
		}
	}
	return nil
}

// noQueue is the error for a queue that does not exist.
func noQueue(name string) error { return fault.New(fault.NotFound, "there is no queue %q", name) }
