package pubsub

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// Limits of those who poll.
const (
	HandleLife = 5 * time.Minute // how long a handle lives that nobody uses
	MaxHandles = 10_000          // of one namespace

	listenBufferSize = 1024
	// MaxCarried bounds the messages that wait for whoever carries them to another server, not counting those that topics retained
	// when it began; of more the oldest are lost, and counted.
	MaxCarried = 16384
)

// handle is the subscription of somebody who comes back for its messages.
type handle struct {
	*subscription
	owner   string // who may use it
	expires int64  // Unix milliseconds; moved on at every use
	busy    int    // how many calls are using it now; a handle in use does not expire

	answer uint64         // of a carrier: how many answers with messages there were
	given  *CarryResponse // and the last one, until it is known to have arrived
}

// ListenRequest opens a subscription, or comes back to one.
type ListenRequest struct {
	Patterns     []string `json:"patterns,omitempty" max:"100" jsonschema:"topics and patterns to listen to from now on: * is exactly one level, # at the end any number of levels"`
	Subscription string   `json:"subscription,omitempty" max:"64" jsonschema:"the subscription of an earlier answer, to go on listening without a gap"`
	WaitMS       int64    `json:"wait_ms,omitempty" min:"0" max:"25000" jsonschema:"how long to wait for the first message, in milliseconds"`
	Wait         int64    `json:"wait,omitempty" min:"0" max:"25" jsonschema:"how long to wait for the first message, in seconds"`
	Limit        int      `json:"limit,omitempty" default:"50" min:"1" max:"1000" jsonschema:"answer with at most so many messages"`
	MaxBytes     int      `json:"max_bytes,omitempty" default:"1048576" min:"1" max:"16777216" jsonschema:"and at most so many bytes, but at least one message"`
	Close        bool     `json:"close,omitempty" jsonschema:"end the subscription"`
}

// Resources is every pattern; of a subscription, listen checks them again.
func (r *ListenRequest) Resources() []auth.Resource { return patternResources(r.Patterns) }

// Validate wants patterns or a subscription.
func (r *ListenRequest) Validate() error {
	switch {
	case len(r.Patterns) > 0 && r.Subscription != "":
		return fault.New(fault.Invalid, `"patterns" opens a new subscription and "subscription" goes on with one: give one of them`)
	case len(r.Patterns) == 0 && r.Subscription == "":
		return fault.New(fault.Invalid, `"patterns" is required, or the "subscription" of an earlier answer`).With("field", "patterns")
	}
	return checkPatterns(r.Patterns)
}

// ListenResponse is what came.
type ListenResponse struct {
	Subscription string     `json:"subscription,omitempty" jsonschema:"pass it to the next call, within five minutes; absent when it was closed"`
	Messages     []*Message `json:"messages" jsonschema:"the messages, oldest first; empty when none came in time"`
	Dropped      uint64     `json:"dropped,omitempty" jsonschema:"how many messages were lost before these because nobody came for them"`
}

func (b *Broker) listen(ctx context.Context, r *ListenRequest) (ListenResponse, error) {
	name, h, err := b.open(r, command.CallOf(ctx).Caller.Name, listenBufferSize, nil)
	if err != nil {
		return ListenResponse{}, err
	}
	return b.poll(ctx, r, name, h)
}

// poll is one call's use of a handle.
func (b *Broker) poll(ctx context.Context, r *ListenRequest, name string, h *handle) (ListenResponse, error) {
	caller := command.CallOf(ctx).Caller
	defer b.release(name, h, r.Close)
	defer caller.OnChange(h.poke)() // whoever waits looks anew
	ctx, cancel := context.WithTimeoutCause(ctx, max(time.Duration(r.WaitMS)*time.Millisecond, time.Duration(r.Wait)*time.Second), errTooLong)
	defer cancel()
	resp := ListenResponse{Subscription: name, Messages: []*Message{}}
	if r.Close {
		resp.Subscription = ""
	}
	for {
		// What was allowed when it was opened, or when the call began, may not be any more: the request of one who comes back names no pattern.
		if err := h.allowed(caller); err != nil {
			return ListenResponse{}, err
		}
		messages, dropped, err := h.take(r.Limit, r.MaxBytes)
		resp.Dropped += dropped
		if err != nil {
			return ListenResponse{}, err
		}
		if len(messages) > 0 {
			resp.Messages = messages
			return resp, nil
		}
		if r.Close {
			return resp, nil
		}
		if err := h.wait(ctx); err != nil {
			if errors.Is(context.Cause(ctx), errTooLong) {
				return resp, nil
			}
			return ListenResponse{}, err
		}
	}
}

// allowed refuses who may not hear all of the patterns, now.
func (h *handle) allowed(caller *auth.Identity) error {
	now, err := caller.Now()
	if err != nil {
		return err
	}
	for _, res := range patternResources(h.patterns) {
		if err := now.Check(auth.Read, res); err != nil {
			return err
		}
	}
	return nil
}

var errTooLong = errors.New("nothing came in time")

// carrying is what a carrier asks for besides.
type carrying struct{ except string }

// open finds or makes the handle, and marks it used.
func (b *Broker) open(r *ListenRequest, owner string, buffer int, carrying *carrying) (string, *handle, error) {
	if r.Subscription != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		h := b.handles[r.Subscription]
		if h == nil || h.owner != owner || h.carrier != (carrying != nil) {
			return "", nil, fault.New(fault.NotFound,
				"there is no subscription %q: it ended after five minutes without a call; open one anew with patterns", r.Subscription)
		}
		h.busy++
		return r.Subscription, h, nil
	}
	h := &handle{subscription: newSubscription(r.Patterns, "", buffer, false), owner: owner, busy: 1}
	if carrying != nil {
		h.carrier, h.except, h.most = true, carrying.except, MaxCarriedBytes
	}
	if err := b.subscribe(h.subscription); err != nil {
		return "", nil, err
	}
	b.mu.Lock()
	if len(b.handles) >= MaxHandles {
		b.mu.Unlock()
		b.unsubscribe(h.subscription)
		return "", nil, fault.New(fault.Exhausted, "%d subscriptions are open for polling, and no more are allowed", MaxHandles).
			With("limit", MaxHandles)
	}
	defer b.mu.Unlock()
	name := rand.Text()
	b.handles[name] = h
	return name, h, nil
}

// release ends a call's use of the handle; with end, or when it was the last one, the handle's own life.
func (b *Broker) release(name string, h *handle, end bool) {
	b.mu.Lock()
	h.busy--
	h.expires = b.env.Clock.Now() + HandleLife.Milliseconds()
	if end {
		delete(b.handles, name)
	}
	b.mu.Unlock()
	if end {
		h.stop(fault.New(fault.NotFound, "the subscription was closed"))
		b.unsubscribe(h.subscription)
		return
	}
	b.env.Wake(h.expires)
}

// Sweep implements command.State: it ends the handles that nobody came back for.
func (b *Broker) Sweep(*command.Tx) (next int64, err error) {
	now := b.env.Clock.Now()
	var over []*handle
	b.mu.Lock()
	for name, h := range b.handles {
		switch {
		case h.busy > 0:
		case h.expires <= now:
			over = append(over, h)
			delete(b.handles, name)
		case next == 0 || h.expires < next:
			next = h.expires
		}
	}
	b.mu.Unlock()
	for _, h := range over {
		b.unsubscribe(h.subscription)
	}
	return next, nil
}
