package core

import (
	"context"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// ClientRequest says whose transaction a call is about.
type ClientRequest struct {
	ClientID string `json:"client_id" max:"128" jsonschema:"whose transaction it is: any name; a caller has one transaction at a time under each"`
}

// of is the client that a call is from.
func (r *ClientRequest) of(ctx context.Context) (*command.Request, client) {
	call := command.CallOf(ctx)
	return call, clientOf(call.Caller, r.ClientID)
}

// MultiRequest begins a transaction.
type MultiRequest struct {
	ClientRequest
	TimeoutMS int64 `json:"timeout_ms,omitempty" default:"60000" min:"1" max:"600000" jsonschema:"it is forgotten when nothing was asked of it for so many milliseconds"`
}

// OpenResponse is how a transaction stands.
type OpenResponse struct {
	Watching  int   `json:"watching" jsonschema:"how many things are watched"`
	Queued    int   `json:"queued" jsonschema:"how many commands wait to be executed"`
	ExpiresAt int64 `json:"expires_at" jsonschema:"when it is forgotten if nothing more is asked of it, in Unix milliseconds"`
}

func (s *session) shown() OpenResponse {
	return OpenResponse{Watching: len(s.watched), Queued: len(s.queued), ExpiresAt: s.expires}
}

func (t *interactive) multi(ctx context.Context, r *MultiRequest) (resp OpenResponse, err error) {
	_, c := r.of(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.findOrMake(c)
	if err != nil {
		return resp, err
	}
	if s.begun {
		return resp, fault.New(fault.AlreadyExists, "client %q has begun a transaction already: execute or discard it first", c.id)
	}
	s.begun, s.life = true, r.TimeoutMS
	t.touch(s)
	return s.shown(), nil
}

// WatchThingsRequest names things that must not change.
type WatchThingsRequest struct {
	ClientRequest
	Things command.Conditions `json:"things" min:"1" max:"100" jsonschema:"what must not change: each names a key or a room, as a condition does"`
}

func (t *interactive) watch(ctx context.Context, r *WatchThingsRequest) (resp OpenResponse, err error) {
	call, c := r.of(ctx)
	pinned, err := t.engine.pin(ctx, call, r.Things)
	if err != nil {
		return resp, err
	}
	bytes := 0
	for _, p := range pinned {
		bytes += queuedBytes + p.Size()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.find(c)
	if s != nil && len(s.watched)+len(pinned) > MaxWatched {
		return resp, fault.New(fault.TooLarge, "%d things would be watched; at most %d can be", len(s.watched)+len(pinned), MaxWatched).
			With("limit", MaxWatched)
	}
	if s, err = t.findOrMake(c); err != nil {
		return resp, err
	}
	if err := t.grow(s, bytes); err != nil {
		if len(s.watched) == 0 && !s.begun {
			t.forget(c)
		}
		return resp, err
	}
	s.watched = append(s.watched, pinned...)
	t.touch(s)
	return s.shown(), nil
}

// pin turns conditions into ones that hold just as long as the things stay as they are now.
func (e *Engine) pin(ctx context.Context, call *command.Request, things command.Conditions) ([]*command.Clause, error) {
	clauses, err := e.table.Clauses(things)
	if err != nil {
		return nil, err
	}
	for i, c := range clauses {
		found, err := e.dispatcher.Do(ctx, c.Call(call))
		if err == nil {
			clauses[i], err = c.Pin(found)
		}
		if err != nil {
			return nil, command.InCondition(err, i)
		}
	}
	return clauses, nil
}

func (t *interactive) unwatch(ctx context.Context, r *ClientRequest) (resp OpenResponse, err error) {
	_, c := r.of(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.find(c)
	switch {
	case s == nil:
		return resp, nil
	case !s.begun:
		t.forget(c)
		return resp, nil
	}
	for _, w := range s.watched {
		s.bytes -= queuedBytes + w.Size()
		t.bytes -= queuedBytes + w.Size()
	}
	s.watched = nil
	t.touch(s)
	return s.shown(), nil
}

// QueueRequest is a command for the transaction.
type QueueRequest struct {
	ClientRequest
	Command string      `json:"command" jsonschema:"the command's name, such as kv.set"`
	Payload value.Value `json:"payload,omitzero" jsonschema:"the command's request"`
}

// Describe says that the payload is an object, not any value.
func (*QueueRequest) Describe(s *jsonschema.Schema) { describePayload(s) }

func (t *interactive) queue(ctx context.Context, r *QueueRequest) (resp OpenResponse, err error) {
	call, c := r.of(ctx)
	inner, err := t.engine.inner(call, r.Command, r.Payload)
	if err == nil {
		err = inner.Command.Joins()
	}
	if err == nil {
		err = t.engine.dispatcher.Check(inner)
	}
	if err != nil {
		return resp, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.begun(c)
	if err != nil {
		return resp, err
	}
	if len(s.queued) >= MaxQueuedCommands {
		return resp, fault.New(fault.TooLarge, "the transaction has %d commands, and no more are allowed", MaxQueuedCommands).
			With("limit", MaxQueuedCommands)
	}
	if err := t.grow(s, queuedBytes+r.Payload.Len()); err != nil {
		return resp, err
	}
	s.queued = append(s.queued, queued{inner.Command, command.JSON(r.Payload.Data())})
	t.touch(s)
	return s.shown(), nil
}

func (t *interactive) exec(ctx context.Context, r *ClientRequest) (*command.Plan, error) {
	call, c := r.of(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.begun(c)
	if err != nil {
		return nil, err
	}
	plan := &command.Plan{}
	for _, w := range s.watched {
		plan.If = append(plan.If, w.Call(call))
	}
	for _, q := range s.queued {
		plan.Do = append(plan.Do, call.Inner(q.command, q.payload))
	}
	plan.Claim = func() error { return t.claim(c, s, len(plan.Do)) }
	return plan, nil
}

// claim ends the transaction because it is about to be executed, with so many commands.
func (t *interactive) claim(c client, s *session, commands int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.find(c) != s:
		return c.none()
	case len(s.queued) != commands:
		return fault.New(fault.Conflict, "client %q queued more while its transaction was about to be executed: call again", c.id)
	}
	t.forget(c)
	return nil
}

// DiscardResponse says what was forgotten.
type DiscardResponse struct {
	Found     bool `json:"found" jsonschema:"false when there was nothing to forget"`
	Discarded int  `json:"discarded" jsonschema:"how many commands had been queued"`
}

func (t *interactive) discard(ctx context.Context, r *ClientRequest) (resp DiscardResponse, err error) {
	_, c := r.of(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.find(c); s != nil {
		resp = DiscardResponse{Found: true, Discarded: len(s.queued)}
		t.forget(c)
	}
	return resp, nil
}
