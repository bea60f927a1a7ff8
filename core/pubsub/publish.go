package pubsub

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// Limits of one message.
const (
	MaxMessageBytes = 1 << 20
	MaxHeaders      = 64
	MaxHeaderBytes  = 8 << 10 // of all headers of a message
)

// PublishRequest is one message, or several.
type PublishRequest struct {
	Topic    string            `json:"topic,omitempty" jsonschema:"where the message goes: levels separated by dots, such as orders.eu.created"`
	Message  value.Value       `json:"message,omitzero" jsonschema:"the message: text, JSON or bytes"`
	Headers  map[string]string `json:"headers,omitempty" jsonschema:"short facts about the message, at most 64 of them"`
	ReplyTo  string            `json:"reply_to,omitempty" jsonschema:"the topic that answers go to"`
	Retain   bool              `json:"retain,omitempty" jsonschema:"keep the message for subscribers that come later, in place of the one kept before"`
	Messages []Outgoing        `json:"messages,omitempty" max:"1000" jsonschema:"several messages, instead of the fields above"`
}

// Outgoing is one of several messages.
type Outgoing struct {
	Topic   string            `json:"topic"`
	Message value.Value       `json:"message"`
	Headers map[string]string `json:"headers,omitempty"`
	ReplyTo string            `json:"reply_to,omitempty"`
	Retain  bool              `json:"retain,omitempty"`
}

// PublishResponse says who will hear of it.
type PublishResponse struct {
	Subscribers int `json:"subscribers" jsonschema:"how many subscribers the messages went to, in all; 0 means that nobody listens"`
	command.Receipt
}

// Resources names every topic.
func (r *PublishRequest) Resources() []auth.Resource {
	if r.Topic != "" {
		return []auth.Resource{auth.Name("pubsub", r.Topic)}
	}
	all := make([]auth.Resource, len(r.Messages))
	for i := range r.Messages {
		all[i] = auth.Name("pubsub", r.Messages[i].Topic)
	}
	return all
}

// Validate makes one form of the two and checks every message.
func (r *PublishRequest) Validate() error {
	if len(r.Messages) == 0 {
		if r.Topic == "" {
			return fault.New(fault.Invalid, `"topic" is required, or "messages"`).With("field", "topic")
		}
		return (&Outgoing{r.Topic, r.Message, r.Headers, r.ReplyTo, r.Retain}).validate()
	}
	if r.Topic != "" || !r.Message.IsZero() || len(r.Headers) > 0 || r.ReplyTo != "" || r.Retain {
		return fault.New(fault.Invalid, `"messages" stands for itself: each has a topic, headers and retain of its own`)
	}
	for i := range r.Messages {
		if err := r.Messages[i].validate(); err != nil {
			return fault.From(err).With("index", i)
		}
	}
	return nil
}

func (o *Outgoing) validate() error {
	if err := CheckTopic(o.Topic); err != nil {
		return err
	}
	if o.Message.IsZero() {
		return fault.New(fault.Invalid, `"message" is required`).With("field", "message")
	}
	if n := o.Message.Len(); n > MaxMessageBytes {
		return fault.New(fault.TooLarge, "the message is %d bytes long; at most %d are allowed", n, MaxMessageBytes).
			With("limit", MaxMessageBytes)
	}
	if o.ReplyTo != "" {
		if err := CheckTopic(o.ReplyTo); err != nil {
			return err
		}
	}
	size := 0
	for k, v := range o.Headers {
		size += len(k) + len(v)
	}
	if len(o.Headers) > MaxHeaders || size > MaxHeaderBytes {
		return fault.New(fault.TooLarge, "%d headers of %d bytes in all; at most %d of %d bytes are allowed",
			len(o.Headers), size, MaxHeaders, MaxHeaderBytes)
	}
	return nil
}

// list returns the messages of either form.
func (r *PublishRequest) list() []Outgoing {
	if len(r.Messages) > 0 {
		return r.Messages
	}
	return []Outgoing{{r.Topic, r.Message, r.Headers, r.ReplyTo, r.Retain}}
}

func (b *Broker) publish(_ context.Context, tx *command.Tx, r *PublishRequest) (PublishResponse, error) {
	outgoing := r.list()
	if err := r.checkReserved(tx.Caller()); err != nil {
		return PublishResponse{}, err
	}
	messages := make([]*Message, len(outgoing))
	var kept []*Message
	for i, o := range outgoing {
		messages[i] = &Message{
			Topic: o.Topic, Message: o.Message, Headers: o.Headers, ReplyTo: o.ReplyTo,
			PublishedAt: tx.Now(), PublishedBy: tx.Caller().Name, keep: o.Retain, stamp: stamp{number: b.numbers.Add(1)},
		}
		if o.Retain {
			kept = append(kept, messages[i])
		}
	}
	// First what is retained, then who listens: whoever subscribes in between may hear of it twice, and
	// nobody misses it.
	if err := b.retain(tx, kept); err != nil {
		return PublishResponse{}, err
	}
	var resp PublishResponse
	for _, m := range messages {
		to := b.receivers(m.Topic)
		resp.Subscribers += len(to)
		tx.After(func() { b.send(m, to) }) // at the end of a transaction: a message cannot be called back
	}
	return resp, nil
}

// send puts the message into the receivers' mailboxes.
func (b *Broker) send(m *Message, to []*subscription) {
	for _, s := range to {
		s.deliver(m)
	}
	b.published.Add(1)
	b.delivered.Add(uint64(len(to)))
}

// retain commits what is to be kept. Each message is stamped so that it is later than what its topic kept before.
func (b *Broker) retain(tx *command.Tx, messages []*Message) error {
	if len(messages) == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	ops := make([]journal.Op, len(messages))
	last := make(map[string]*Message, len(messages))
	for i, m := range messages {
		before := last[m.Topic]
		if before == nil {
			before = b.last(m.Topic)
		}
		m.after(before)
		ops[i] = &retainOp{m.Topic, m.kept()}
		last[m.Topic] = m
	}
	return b.commit(tx, ops)
}

// kept is the message as its topic keeps it.
func (m *Message) kept() *Message {
	k := *m
	k.Retained = true
	return &k
}

// commit commits what topics keep, if there is room for it, and what was taken in. b.mu is held.
func (b *Broker) commit(tx *command.Tx, ops []journal.Op) error {
	added := map[string]bool{}
	for _, op := range ops {
		if op, ok := op.(*retainOp); ok && op.keeps() && !added[op.topic] {
			if _, kept := b.retained.Get(op.topic); !kept {
				added[op.topic] = true
			}
		}
	}
	if len(added) > 0 && b.retained.Len()+len(added) > MaxRetained {
		return fault.New(fault.Exhausted, "%d topics retain a message, and no more than %d may", b.retained.Len(), MaxRetained).
			With("limit", MaxRetained)
	}
	_, err := tx.CommitAll(ops)
	return err
}

// TopicRequest names a topic.
type TopicRequest struct {
	Topic string `json:"topic" jsonschema:"the topic"`
}

// Resource is the topic.
func (r *TopicRequest) Resource() auth.Resource { return auth.Name("pubsub", r.Topic) }

// ForgetResponse says whether there was something to forget.
type ForgetResponse struct {
	Found bool `json:"found" jsonschema:"whether the topic retained a message"`
	command.Receipt
}

func (b *Broker) forget(_ context.Context, tx *command.Tx, r *TopicRequest) (ForgetResponse, error) {
	m := &Message{Topic: r.Topic, gone: true, PublishedAt: tx.Now(), PublishedBy: tx.Caller().Name, stamp: stamp{number: b.numbers.Add(1)}}
	b.mu.Lock()
	before, found := b.retained.Get(r.Topic)
	if !found {
		b.mu.Unlock()
		return ForgetResponse{}, nil
	}
	m.after(before)
	err := b.commit(tx, append(b.roomForGraves(1), &retainOp{r.Topic, m}))
	b.mu.Unlock()
	if err != nil {
		return ForgetResponse{}, err
	}
	tx.After(func() { b.tellCarriers(m) })
	return ForgetResponse{Found: true}, nil
}
