package pubsub

import (
	"context"
	"math"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// batch is how many messages leave a mailbox at a time.
const batch = 256

// SubscribeRequest says what to hear, and how.
type SubscribeRequest struct {
	Patterns []string `json:"patterns" max:"100" jsonschema:"topics and patterns: * is exactly one level, # at the end any number of levels"`
	Queue    string   `json:"queue,omitempty" max:"128" jsonschema:"share the messages with all subscribers that give the same name: each goes to one of them"`
	Buffer   int      `json:"buffer,omitempty" default:"1024" min:"1" max:"65536" jsonschema:"how many messages may wait for a slow subscriber"`
	Overflow string   `json:"overflow,omitempty" default:"drop_oldest" enum:"drop_oldest,close" jsonschema:"when the buffer is full: lose the oldest message and be told, or end the subscription"`
	command.Following
}

// Resources is every pattern.
func (r *SubscribeRequest) Resources() []auth.Resource { return patternResources(r.Patterns) }

func patternResources(patterns []string) []auth.Resource {
	all := make([]auth.Resource, len(patterns))
	for i, p := range patterns {
		all[i] = auth.Resource{Structure: "pubsub", Name: p, Match: auth.Levels}
	}
	return all
}

// Validate checks the patterns.
func (r *SubscribeRequest) Validate() error {
	if !r.From.IsZero() {
		return fault.New(fault.Unsupported,
			"a topic keeps no history to resume from: append to a stream, or retain the last message of the topic").With("field", "from")
	}
	return checkPatterns(r.Patterns)
}

func checkPatterns(patterns []string) error {
	for _, p := range patterns {
		if err := CheckPattern(p); err != nil {
			return err
		}
	}
	return nil
}

// Event is a message, or word of messages that were lost.
type Event struct {
	Event       string            `json:"event" jsonschema:"message; or dropped: messages were lost because the subscriber was slow"`
	Topic       string            `json:"topic,omitempty"`
	Message     value.Value       `json:"message,omitzero"`
	Headers     map[string]string `json:"headers,omitempty"`
	ReplyTo     string            `json:"reply_to,omitempty" jsonschema:"publish the answer to this topic"`
	PublishedAt int64             `json:"published_at,omitempty" jsonschema:"when it was published, in Unix milliseconds"`
	PublishedBy string            `json:"published_by,omitempty" jsonschema:"who published it"`
	Retained    bool              `json:"retained,omitempty" jsonschema:"true for the message that its topic keeps for newcomers"`
	Dropped     uint64            `json:"dropped,omitempty" jsonschema:"how many messages were lost before the next one"`
}

func eventOf(m *Message) Event {
	return Event{
		Event: "message", Topic: m.Topic, Message: m.Message, Headers: m.Headers, ReplyTo: m.ReplyTo,
		PublishedAt: m.PublishedAt, PublishedBy: m.PublishedBy, Retained: m.Retained,
	}
}

func (b *Broker) watch(ctx context.Context, r *SubscribeRequest, out *command.Stream[Event]) error {
	s := newSubscription(r.Patterns, r.Queue, r.Buffer, r.Overflow == "close")
	if err := b.subscribe(s); err != nil {
		return err
	}
	defer b.unsubscribe(s)
	for {
		messages, dropped, err := s.take(batch, math.MaxInt)
		if dropped > 0 {
			if err := out.Send(journal.Position{}, Event{Event: "dropped", Dropped: dropped}); err != nil {
				return err
			}
		}
		for _, m := range messages {
			if err := out.Send(journal.Position{}, eventOf(m)); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		if len(messages) > 0 {
			continue
		}
		if err := out.Flush(journal.Position{}); err != nil {
			return err
		}
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
}
