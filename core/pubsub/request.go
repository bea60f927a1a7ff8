package pubsub

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// inboxHead begins the topics that answers to requests go to.
const inboxHead = "_inbox."

// AskRequest is a message that wants an answer.
type AskRequest struct {
	Topic     string            `json:"topic" jsonschema:"where the message goes"`
	Message   value.Value       `json:"message" jsonschema:"the message: text, JSON or bytes"`
	Headers   map[string]string `json:"headers,omitempty" jsonschema:"short facts about the message"`
	TimeoutMS int64             `json:"timeout_ms,omitempty" default:"5000" min:"1" max:"25000" jsonschema:"how long to wait for the answer, in milliseconds"`
}

// Resource is the topic.
func (r *AskRequest) Resource() auth.Resource { return auth.Name("pubsub", r.Topic) }

// Validate checks the message.
func (r *AskRequest) Validate() error {
	return (&Outgoing{Topic: r.Topic, Message: r.Message, Headers: r.Headers}).validate()
}

// AskResponse is the first answer.
type AskResponse struct {
	Message   value.Value       `json:"message" jsonschema:"the answer"`
	Headers   map[string]string `json:"headers,omitempty"`
	RepliedBy string            `json:"replied_by,omitempty" jsonschema:"who answered"`
}

// ask publishes a message with an inbox to answer to, and waits for the first answer.
func (b *Broker) ask(ctx context.Context, r *AskRequest) (AskResponse, error) {
	inbox := inboxHead + rand.Text()
	s := newSubscription([]string{inbox}, "", 1, false)
	if err := b.subscribe(s); err != nil {
		return AskResponse{}, err
	}
	defer b.unsubscribe(s)
	to := b.receivers(r.Topic)
	if len(to) == 0 {
		return AskResponse{}, fault.New(fault.NotFound, "nobody listens to %q, so nobody will answer", r.Topic)
	}
	if anyReserved(r.Headers) && command.CallOf(ctx).Caller.Check(auth.Write, auth.Any("peer")) != nil {
		return AskResponse{}, errReserved()
	}
	b.send(&Message{
		stamp: stamp{number: b.numbers.Add(1)},
		Topic: r.Topic, Message: r.Message, Headers: r.Headers, ReplyTo: inbox,
		PublishedAt: b.env.Clock.Now(), PublishedBy: command.CallOf(ctx).Caller.Name,
	}, to)
	late := fault.New(fault.Timeout, "%d listen to %q, and none answered within %d ms", len(to), r.Topic, r.TimeoutMS)
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(r.TimeoutMS)*time.Millisecond, late)
	defer cancel()
	for {
		if messages, _, _ := s.take(1, math.MaxInt); len(messages) > 0 {
			m := messages[0]
			return AskResponse{Message: m.Message, Headers: m.Headers, RepliedBy: m.PublishedBy}, nil
		}
		if err := s.wait(ctx); err != nil {
			if errors.Is(context.Cause(ctx), late) {
				return AskResponse{}, late
			}
			return AskResponse{}, err
		}
	}
}
