package command

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
)

// This file is where limits are enforced, for every command of every structure and through every door. What can be known of
// a request is checked before its handler runs (limit). What only the handler knows, by how much it makes the data grow, is
// checked when it commits (Tx.admit), before anything is in the journal: so a SET of a key that there is passes where a new key
// does not, and a transaction that does not fit has not happened.

// Bounded is implemented by a State that has things which quotas count.
type Bounded interface {
	// Fits returns the refusal of a quota that the ops, applied together, would exceed; nil when they fit. The caller
	// holds the locks that the ops need.
	Fits(limits *quota.Limits, ops []journal.Op) error
	// Used returns how much there is of what a quota counts, and whether it counts anything of this structure. It takes
	// what locks it needs.
	Used(q quota.Quota) (use int64, counted bool)
}

// Limited is how a server is limited as a whole.
type Limited struct {
	Callers *quota.Buckets // how fast each caller may be
	Memory  *quota.Memory  // of the whole server
	Measure func() int64   // how much of it is used
}

// Limit has the dispatcher heed the limits. It is called before the first command.
func (d *Dispatcher) Limit(l Limited) { d.limited = l }

// unlimited is what a dispatcher heeds that was told of no limits.
func unlimited() Limited {
	return Limited{
		Callers: quota.NewBuckets("requests", quota.Rate{}, 0),
		Memory:  quota.NewMemory(func(limit, use int64) error { return quota.MemoryBytes.Refuse(limit, use) }),
		Measure: func() int64 { return 0 },
	}
}

// limit refuses a request that comes too fast or carries too much.
func (d *Dispatcher) limit(r *Request, space *Space, args any) error {
	limits := space.Meter.Limits()
	if limits != nil || d.limited.Callers.Limited() || r.Caller.RequestsPerS > 0 {
		if err := d.pace(r, space.Meter, limits, args); err != nil {
			return err
		}
	}
	if r.Command.grows() {
		space.Meter.Memory.Refresh(space.bytes)
		d.limited.Memory.Refresh(d.limited.Measure)
	}
	return nil
}

// carries reports whether the command's request may carry a value that is kept or passed on. What is called by another
// command is looked at for itself, and who administers is not kept from changing the quota.
func (c *Command) carries() bool {
	return c.Kind == KindWrite || c.Kind == KindAct && !c.Open && c.Access == auth.Write
}

// hold holds back the refusal of a caller that came too fast. Nothing is held meanwhile; who calls on another's behalf leaves it to
// the outermost call.
func (d *Dispatcher) hold(ctx context.Context, owed *Owed, err error) {
	if err == nil || CallOf(ctx) != nil {
		return
	}
	var e *fault.Error
	if errors.As(err, &e) && e.Code == fault.Exhausted && e.Details["retry_after_ms"] != nil {
		if owed != nil {
			owed.penalty = &d.penalty
			return
		}
		d.penalty.Hold(ctx)
	}
}

// grows reports whether the command may make data take more memory, and is refused when there is none left.
func (c *Command) grows() bool { return c.Kind == KindWrite && !c.Frees }

// nameOf is under what a caller's requests are counted: its key, and without one its name.
func nameOf(caller *auth.Identity) string {
	if caller.Key != "" {
		return caller.Key
	}
	return caller.Name
}

// rateOf is the caller's own rate; the zero Rate is that of everybody.
func rateOf(caller *auth.Identity) quota.Rate {
	return quota.Rate{PerSecond: caller.RequestsPerS, Burst: caller.Burst}
}

func (d *Dispatcher) pace(r *Request, meter *quota.Meter, limits *quota.Limits, args any) error {
	now, weight := r.Watch.now(d.clock), r.Command.Weigh(args)
	if weight > 0 {
		if err := d.limited.Callers.Take(nameOf(r.Caller), rateOf(r.Caller), now, weight); err != nil {
			return err
		}
	}
	if limits == nil {
		return nil
	}
	if most := limits[quota.ValueBytes]; most > 0 && r.Command.carries() {
		if size := int64(largest(reflect.ValueOf(args))); size > most {
			meter.Refused(quota.ValueBytes)
			return fault.New(fault.TooLarge, "a value of %d bytes is too large for the namespace: it may have %d", size, most).
				With("quota", quota.ValueBytes.String()).With("limit", most).With("use", size)
		}
	}
	bytes := int64(0)
	if meter.CountsBytes() {
		bytes = int64(weigh(args))
	}
	return meter.Admit(now, weight, bytes)
}

// answered counts the bytes of an answer.
func (space *Space) answered(resp any) {
	if space.Meter.CountsBytes() {
		space.Meter.Owe(int64(weigh(resp)))
	}
}

// bytes is about how much memory the namespace's data takes.
func (space *Space) bytes() (bytes int64) {
	for place, state := range space.States {
		if space.Shared == nil || !space.Shared[place] {
			bytes += state.Stats().Bytes
		}
	}
	return bytes
}

// Bytes is about how much memory the namespace's data takes.
func (space *Space) Bytes() int64 { return space.bytes() }

// Used returns how much the namespace has of what a quota counts; of a rate, nothing.
func (space *Space) Used(q quota.Quota) (use int64) {
	switch q {
	case quota.MemoryBytes:
		return space.bytes()
	case quota.Subscriptions, quota.Connections:
		return space.Meter.Opened(q)
	}
	for _, state := range space.States {
		if b, ok := state.(Bounded); ok {
			n, _ := b.Used(q)
			use += n
		}
	}
	return use
}

// admit refuses ops that do not fit into the memory that there may be, or that make more things than there may be.
func (tx *Tx) admit(ops []journal.Op) error {
	bytes := int64(0)
	for _, op := range ops {
		bytes += int64(op.Size())
	}
	meter := tx.space.Meter
	if err := tx.memory.Admit(bytes); err != nil {
		return err
	}
	if err := meter.Memory.Admit(bytes); err != nil {
		meter.Refused(quota.MemoryBytes)
		return err
	}
	limits := meter.Limits()
	state, counts := tx.state.(Bounded)
	if limits == nil || !counts {
		return nil
	}
	err := state.Fits(limits, ops)
	if err != nil {
		if name, ok := fault.From(err).Details["quota"].(string); ok {
			if q, ok := quota.Parse(name); ok {
				meter.Refused(q)
			}
		}
	}
	return err
}

// Connect counts a connection that stays in a namespace, and refuses one too many. The caller is checked as any
// command's is. leave is called once, when the connection is over.
func (d *Dispatcher) Connect(caller *auth.Identity, namespace string) (leave func(), err error) {
	if caller == nil {
		return nil, fault.New(fault.Unauthenticated, "who is calling is not known")
	}
	name, err := caller.Select(namespace)
	if err != nil {
		return nil, err
	}
	space, err := d.spaces.Space(name, caller.Everywhere(auth.Admin))
	if err != nil {
		return nil, err
	}
	if err := space.Meter.Open(quota.Connections); err != nil {
		return nil, err
	}
	return func() { space.Meter.Close(quota.Connections) }, nil
}

// Levels returns how the rates stand that hold for a caller in a namespace, none when there are none: what a door's answers
// tell of them.
func (d *Dispatcher) Levels(caller *auth.Identity, namespace string) (levels []quota.Level) {
	if caller == nil {
		return nil
	}
	now := time.Now()
	levels = d.limited.Callers.Levels(levels, nameOf(caller), rateOf(caller), now)
	if name, err := caller.Select(namespace); err == nil {
		if space, err := d.spaces.Space(name, false); err == nil && space.Meter.Limits() != nil {
			levels = space.Meter.Levels(levels, now)
		}
	}
	return levels
}

// slowed is a Sink that sends no more bytes a second than its namespace may.
type slowed struct {
	Sink
	ctx   context.Context //nolint:containedctx // of the watch, which has just this one sink
	meter *quota.Meter
}

func (s *slowed) Event(resume journal.Position, event any) error {
	if s.meter.CountsBytes() {
		if err := s.meter.Wait(s.ctx, int64(weigh(event))); err != nil {
			return err
		}
	}
	return s.Sink.Event(resume, event)
}
