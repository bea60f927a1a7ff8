package pubsub

import (
	"context"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

const (
	// MaxHops is how many servers may carry a message: what has come further goes in circles, and is passed over.
	MaxHops = 16
	// maxAheadMS is how much later than now what is retained may be: beyond it a clock is wrong, and would be right against all others.
	maxAheadMS = int64(time.Hour / time.Millisecond)
)

// AcceptRequest is messages that were heard at another server.
type AcceptRequest struct {
	Here     string     `json:"here" jsonschema:"what this namespace is called among nodes, as peer.hello says"`
	From     string     `json:"from" jsonschema:"the node where the messages were heard"`
	Messages []Incoming `json:"messages" max:"1000" jsonschema:"the messages, in their order"`
}

// Incoming is a message that was published at another server.
type Incoming struct {
	Topic   string            `json:"topic"`
	Message value.Value       `json:"message,omitzero" jsonschema:"the message; absent when the topic forgets"`
	Headers map[string]string `json:"headers,omitempty" jsonschema:"without those that begin with synap."`
	ReplyTo string            `json:"reply_to,omitempty"`
	By      string            `json:"by,omitempty" jsonschema:"who published it"`
	At      int64             `json:"at,omitempty" min:"0" jsonschema:"when, in Unix milliseconds"`
	Origin
}

// Resources are every peer, and every topic.
func (r *AcceptRequest) Resources() []auth.Resource {
	all := []auth.Resource{auth.Any("peer")}
	for i := range r.Messages {
		all = append(all, auth.Name("pubsub", r.Messages[i].Topic))
	}
	return all
}

// Validate refuses what cannot have been published, and nodes that cannot be.
func (r *AcceptRequest) Validate() error {
	for field, node := range map[string]string{"here": r.Here, "from": r.From} {
		if err := CheckNode(node); err != nil {
			return fault.From(err).With("field", field)
		}
	}
	for i := range r.Messages {
		if err := r.Messages[i].validate(); err != nil {
			return fault.From(err).With("index", i)
		}
	}
	return nil
}

func (m *Incoming) validate() error {
	if err := CheckNode(m.Node); err != nil {
		return fault.From(err).With("field", "node")
	}
	switch {
	case m.Forgotten && !m.Message.IsZero():
		return fault.New(fault.Invalid, `what is "forgotten" has no message`).With("field", "message")
	case m.Forgotten || m.Retain:
		if m.Time <= 0 {
			return fault.New(fault.Invalid, `"time" is required of what is retained or forgotten`).With("field", "time")
		}
	case CheckNode(m.Run) != nil:
		return fault.New(fault.Invalid, `"run" is required: letters and digits, 64 at most`).With("field", "run")
	}
	if m.Forgotten {
		return CheckTopic(m.Topic)
	}
	return (&Outgoing{Topic: m.Topic, Message: m.Message, Headers: m.Headers, ReplyTo: m.ReplyTo}).validate()
}

// AcceptResponse says how many of the messages were new.
type AcceptResponse struct {
	Taken  int `json:"taken" jsonschema:"how many were new"`
	Passed int `json:"passed,omitempty" jsonschema:"how many were here already or not wanted any more"`
	command.Receipt
}

func (b *Broker) accept(_ context.Context, tx *command.Tx, r *AcceptRequest) (resp AcceptResponse, err error) {
	for i := range r.Messages {
		if m := &r.Messages[i]; (m.Retain || m.Forgotten) && m.Time > tx.Now()+maxAheadMS {
			return resp, fault.New(fault.Invalid, "what topic %q retains at node %s is more than an hour ahead of this server's clock: one of the clocks is wrong",
				clip(m.Topic), m.Node).With("index", i)
		}
	}
	var fresh []*Message
	b.mu.Lock()
	ops, last := []journal.Op{}, map[string]*Message{}
	graves := 0
	for i := range r.Messages {
		in := &r.Messages[i]
		m := in.arrived(tx, r)
		if !m.keep && !m.gone {
			if in.Node != r.Here && in.Hops <= MaxHops && b.seen.mark(source{in.Node, in.Run}, in.Number) {
				fresh = append(fresh, m)
			}
			continue
		}
		before := last[m.Topic]
		if before == nil {
			before = b.last(m.Topic)
		}
		if before != nil && !m.later(&before.stamp, r.Here) {
			continue
		}
		if m.gone {
			ops = append(ops, &retainOp{m.Topic, m})
			graves++
		} else {
			ops = append(ops, &retainOp{m.Topic, m.kept()})
		}
		last[m.Topic] = m
		fresh = append(fresh, m)
	}
	if len(ops) > 0 {
		err = b.commit(tx, append(b.roomForGraves(graves), ops...))
	}
	b.mu.Unlock()
	if err != nil {
		for _, m := range fresh {
			if !m.keep && !m.gone {
				b.seen.unmark(source{m.node, m.run}, m.number)
			}
		}
		return resp, err
	}
	resp.Taken, resp.Passed = len(fresh), len(r.Messages)-len(fresh)
	b.accepted.Add(uint64(resp.Taken))
	b.passed.Add(uint64(resp.Passed)) //nolint:gosec // not negative
	tx.After(func() {
		for _, m := range fresh {
			if m.gone {
				b.tellCarriers(m)
			} else {
				b.send(m, b.receivers(m.Topic))
			}
		}
	})
	return resp, nil
}

// arrived is the message as it is here. What was published here once, and comes back, is as it was.
func (m *Incoming) arrived(tx *command.Tx, r *AcceptRequest) *Message {
	a := &Message{
		Topic: m.Topic, Message: m.Message, ReplyTo: m.ReplyTo, Headers: m.Headers,
		PublishedAt: tx.Now(), PublishedBy: tx.Caller().Name, keep: m.Retain && !m.Forgotten, gone: m.Forgotten,
		stamp: stamp{m.Time, m.Node, m.Number}, run: m.Run, hops: m.Hops, via: r.From,
	}
	if m.Node == r.Here {
		a.node, a.PublishedAt, a.PublishedBy = "", m.At, m.By
	} else if !m.Forgotten {
		a.Headers = marked(m.Headers, &m.Origin, m.By, m.At)
	}
	return a
}
