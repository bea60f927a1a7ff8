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

// CarryRequest opens a subscription for whoever carries messages to another server, or comes back to one.
type CarryRequest struct {
	Patterns     []string `json:"patterns,omitempty" max:"100" jsonschema:"topics and patterns whose messages are carried from now on, after those that they retain"`
	Except       string   `json:"except,omitempty" max:"64" jsonschema:"with patterns: the node that the messages are carried to; what it told this one is left out"`
	Subscription string   `json:"subscription,omitempty" max:"64" jsonschema:"the subscription of an earlier answer, to go on without a gap"`
	Answer       uint64   `json:"answer,omitempty" jsonschema:"with subscription: answer of the last answer that arrived; what was in a later one is sent again"`
	WaitMS       int64    `json:"wait_ms,omitempty" min:"0" max:"25000" jsonschema:"how long to wait for the first message, in milliseconds"`
	Limit        int      `json:"limit,omitempty" default:"1000" min:"1" max:"1000" jsonschema:"answer with at most so many messages"`
	MaxBytes     int      `json:"max_bytes,omitempty" default:"1048576" min:"1" max:"16777216" jsonschema:"and at most so many bytes, but at least one message"`
	Close        bool     `json:"close,omitempty" jsonschema:"end the subscription"`
}

// Resources are every peer, and every pattern.
func (r *CarryRequest) Resources() []auth.Resource {
	return append(patternResources(r.Patterns), auth.Any("peer"))
}

// Validate wants patterns or a subscription.
func (r *CarryRequest) Validate() error {
	if r.Except != "" {
		if err := CheckNode(r.Except); err != nil {
			return fault.From(err).With("field", "except")
		}
		if len(r.Patterns) == 0 {
			return fault.New(fault.Invalid, `"except" is said when the subscription is opened, with "patterns"`).With("field", "except")
		}
	}
	return r.listen().Validate()
}

func (r *CarryRequest) listen() *ListenRequest {
	return &ListenRequest{Patterns: r.Patterns, Subscription: r.Subscription, WaitMS: r.WaitMS, Limit: r.Limit, MaxBytes: r.MaxBytes, Close: r.Close}
}

// CarryResponse is what came, and where it comes from.
type CarryResponse struct {
	ListenResponse
	Origins []Origin `json:"origins" jsonschema:"where the messages come from, in their order"`
	Answer  uint64   `json:"answer,omitempty" jsonschema:"which answer it is, of those that hold messages: pass it to the next call"`
	Waiting int      `json:"waiting,omitempty" jsonschema:"how many messages are left for the next call"`
}

func (b *Broker) carry(ctx context.Context, r *CarryRequest) (CarryResponse, error) {
	l := r.listen()
	name, h, err := b.open(l, command.CallOf(ctx).Caller.Name, MaxCarried, &carrying{r.Except})
	if err != nil {
		return CarryResponse{}, err
	}
	if lost := b.unheard(r, h); lost != nil {
		b.release(name, h, r.Close)
		return *lost, nil
	}
	found, err := b.poll(ctx, l, name, h)
	if err != nil {
		return CarryResponse{}, err
	}
	resp := CarryResponse{ListenResponse: found, Origins: b.origins(found.Messages), Waiting: h.waiting()}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(found.Messages) > 0 {
		h.answer++
	}
	resp.Answer = h.answer
	if len(found.Messages) > 0 {
		h.given = &resp
	}
	return resp, nil
}

// unheard is the answer before, if it did not arrive. One that did is not held any longer.
func (b *Broker) unheard(r *CarryRequest, h *handle) *CarryResponse {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.given != nil && r.Answer < h.answer {
		return h.given
	}
	h.given = nil
	return nil
}

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
	fresh, err := b.takeIn(tx, r)
	if err != nil {
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

// takeIn commits what is new: what topics are to keep, and the numbers of all else, as one record. It returns what came of it.
func (b *Broker) takeIn(tx *command.Tx, r *AcceptRequest) (fresh []*Message, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ops, last := []journal.Op{}, map[string]*Message{}
	taking := taking{seen: &b.seen, at: tx.Now()}
	graves := 0
	for i := range r.Messages {
		in := &r.Messages[i]
		if !in.Retain && !in.Forgotten {
			if in.Node != r.Here && in.Hops <= MaxHops && taking.mark(in.Node, in.Run, in.Number) {
				fresh = append(fresh, in.arrived(tx, r))
			}
			continue
		}
		m := in.arrived(tx, r)
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
	if len(ops) == 0 { // messages that nobody keeps pass however full it is here, as those do that are published here
		tx.Spare()
	}
	ops = append(append(b.roomForGraves(graves), ops...), taking.all()...)
	return fresh, b.commit(tx, ops)
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
