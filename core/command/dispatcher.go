package command

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
)

// Spaces finds namespaces. The engine is one.
type Spaces interface {
	// Space returns the namespace of that name. One that does not exist is made if make says so and the name is
	// allowed, and is NotFound else.
	Space(name string, make bool) (*Space, error)
}

// Dispatcher runs commands: who calls, may they, which namespace, is the request right, the handler, and then
// the wait until the change, or what was read, is as safe as promised. Locks are released before that wait, so that one fsync
// serves many writers.
type Dispatcher struct {
	// Report is told of every Internal error, with the command it happened in, so that somebody hears of it: the
	// caller is told no more than that there was one. It must be set before the first call.
	Report func(command string, err error)

	table   *Table
	spaces  Spaces
	journal journal.Journal
	clock   *Clock
	answers *answers
	limited Limited
	penalty quota.Penalty

	observer atomic.Pointer[Observer] // nil when nobody observes
}

// NewDispatcher returns a dispatcher of the table's commands.
func NewDispatcher(table *Table, spaces Spaces, j journal.Journal, clock *Clock) *Dispatcher {
	return &Dispatcher{
		Report: func(string, error) {}, table: table, spaces: spaces, journal: j, clock: clock, answers: newAnswers(),
		limited: unlimited(),
	}
}

// Table implements Executor.
func (d *Dispatcher) Table() *Table { return d.table }

// Do implements Executor. One call in 16 of each command is timed: reading the clock twice costs as much as a small read.
func (d *Dispatcher) Do(ctx context.Context, r *Request) (resp any, err error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	o, done := d.observer.Load(), &r.Command.stats.done[r.Watch.own()].n
	if sample := sampled(done.Load()); sample || (o != nil && o.SlowAfter > 0) {
		resp, err = d.timed(ctx, r, sample, o)
	} else {
		resp, err = d.do(ctx, r)
	}
	if err == nil {
		done.Add(1)
	} else {
		d.failed(ctx, r, err)
	}
	if o != nil && o.Audit != nil {
		o.Audit(ctx, r, err)
	}
	d.hold(ctx, r.Owed, err)
	return resp, err
}

// failed books a call that failed.
func (d *Dispatcher) failed(ctx context.Context, r *Request, err error) {
	code := fault.CodeOf(err)
	if code == fault.Internal {
		d.report(ctx, r.Command.Name, err)
	}
	r.Command.stats.count(code)
}

func (d *Dispatcher) do(ctx context.Context, r *Request) (resp any, err error) {
	defer recovered(&err)
	space, args, err := d.prepare(r)
	if err != nil {
		return nil, err
	}
	switch r.Command.Kind {
	case KindRead:
		if resp, err = d.read(ctx, r, space, args); err == nil {
			err = r.Command.answerable(args, resp)
		}
		err = d.seenBy(ctx, r, err)
	case KindAct:
		// No gate: an act changes no data, and one that calls other commands must not hold it for them.
		if r.Command.composed() {
			resp, err = d.compose(ctx, r, space, args)
		} else {
			resp, err = d.act(ctx, r, space, args)
		}
	case KindWrite:
		if r.IdempotencyKey != "" {
			resp, err = d.writeOnce(ctx, r, space, args)
		} else {
			resp, err = d.write(ctx, r, space, args)
		}
	default:
		err = fault.New(fault.Invalid, "%s follows changes: it cannot be a part of something else", r.Command.Name)
	}
	if err != nil {
		return nil, fault.From(err)
	}
	space.answered(resp)
	return resp, nil
}

// recovered turns a panic, which is a bug, into an Internal error: one request fails and the server stays up.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fault.Wrap(fault.Internal, fmt.Errorf("panic: %v\n%s", p, debug.Stack()), "internal error")
	}
}

type callKey struct{}

// withCall lets the handler of an Act or an open command find the call that it is serving.
func withCall(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, callKey{}, r)
}

// CallOf returns the call that the handler of an Act or an open command is serving: whoever runs other
// commands on its caller's behalf runs them as that caller, in that namespace. Nil in other handlers.
func CallOf(ctx context.Context) *Request {
	r, _ := ctx.Value(callKey{}).(*Request)
	return r
}

// Check does everything that Do does before it runs the handler, and nothing else. Of a composed command it checks
// those that it is made of, too.
func (d *Dispatcher) Check(r *Request) (err error) {
	defer recovered(&err)
	if err := r.Validate(); err != nil {
		return err
	}
	space, args, err := d.prepare(r)
	if err != nil || !r.Command.composed() {
		return err
	}
	plan, err := d.plan(context.Background(), r, space, args)
	if err == nil {
		_, err = d.gather(space, plan)
	}
	return err
}

// prepare makes all checks that come before the handler.
func (d *Dispatcher) prepare(r *Request) (*Space, any, error) {
	caller, err := r.Caller.Now()
	if err != nil {
		return nil, nil, err
	}
	if caller != r.Caller {
		r.Caller = caller // what is told of it, and who it is to the commands inside, is so by now
	}
	name, err := caller.Select(r.Namespace)
	if err != nil {
		return nil, nil, err
	}
	if r.Durability != 0 {
		if _, highest := d.journal.Levels(); r.Durability > highest {
			return nil, nil, fault.New(fault.Unsupported, "durability %q was asked for; this server gives at most %q",
				r.Durability, highest)
		}
	}
	args, err := r.args()
	if err != nil {
		return nil, nil, fault.From(err)
	}
	if d.observer.Load() != nil {
		r.Args = args // for those who want to know what a call was about
	}
	if err := r.Command.check(args); err != nil {
		return nil, nil, fault.From(err)
	}
	if err := r.Command.permit(r.Caller, args); err != nil {
		return nil, nil, fault.From(err)
	}
	if r.Command.structure.Global {
		name = DefaultNamespace
	}
	// Who administers makes a namespace by using it; everybody else uses those that there are.
	space, err := d.spaces.Space(name, r.Caller.Everywhere(auth.Admin))
	if err != nil {
		return nil, nil, err
	}
	return space, args, d.limit(r, space, args)
}

// act runs an Act. One that waits does not outlive its namespace.
func (d *Dispatcher) act(ctx context.Context, r *Request, space *Space, args any) (resp any, err error) {
	if space.gone.Load() {
		return nil, space.deleted()
	}
	if r.Command.Waits {
		within, over := space.within(ctx)
		defer func() { err = over(err) }()
		ctx = within
	}
	guarded, release := r.guard(ctx, args)
	defer release()
	resp, err = r.Command.handler.read(withCall(guarded, r), space.States[r.Command.place], args, nil)
	return resp, whyEnded(guarded, err)
}

// read runs a Read so that it sees no transaction's middle.
func (d *Dispatcher) read(ctx context.Context, r *Request, space *Space, args any) (any, error) {
	if r.Command.waits(args) {
		guarded, release := r.guard(ctx, args)
		defer release()
		var spot parking
		if err := spot.park(guarded, space); err != nil {
			return nil, err
		}
		defer spot.leave()
		resp, err := r.Command.handler.read(&spot, space.States[r.Command.place], args, r.Into)
		return resp, whyEnded(guarded, err)
	}
	if r.Command.Open {
		ctx = withCall(ctx, r)
	}
	if turn := space.gate.turns.Load(); turn%2 == 0 {
		resp, err := r.Command.handler.read(ctx, space.States[r.Command.place], args, r.Into)
		if space.gate.turns.Load() == turn {
			return resp, err
		}
	}
	gate, err := space.enter()
	if err != nil {
		return nil, err
	}
	defer gate.RUnlock()
	return r.Command.handler.read(ctx, space.States[r.Command.place], args, r.Into)
}

// write runs a Write on its own.
func (d *Dispatcher) write(ctx context.Context, r *Request, space *Space, args any) (any, error) {
	tx := txs.Get().(*Tx)
	tx.begin(d, r, space)
	resp, receipt, err := d.enter(ctx, r, tx, args)
	seq, changed := tx.seq, tx.changed
	tx.free()
	if err != nil || !changed {
		return resp, d.seenBy(ctx, r, err)
	}
	receipt.Version = seq
	if r.Owed.record(d.journal, seq, r.Durability) {
		receipt.Durability = r.Owed.level
		return resp, nil
	}
	receipt.Durability, err = d.settle(ctx, seq, r.Durability)
	return resp, err
}

// enter runs a Write's handler with the gate held shared.
func (d *Dispatcher) enter(ctx context.Context, r *Request, tx *Tx, args any) (any, *Receipt, error) {
	if r.Command.Waits {
		guarded, release := r.guard(ctx, args)
		defer release()
		if err := tx.spot.park(guarded, tx.space); err != nil {
			return nil, nil, err
		}
		defer tx.spot.leave()
		resp, receipt, err := r.Command.handler.write(&tx.spot, tx.state, tx, args, r.Into)
		return resp, receipt, whyEnded(guarded, err)
	}
	gate, err := tx.space.enterBy(tx.stripe)
	if err != nil {
		return nil, nil, err
	}
	defer gate.RUnlock()
	return r.Command.handler.write(ctx, tx.state, tx, args, r.Into)
}

// settle waits until the record is as safe as asked, at least as safe as configured.
func (d *Dispatcher) settle(ctx context.Context, seq uint64, asked journal.Durability) (journal.Durability, error) {
	standard, _ := d.journal.Levels()
	level, err := d.journal.Wait(ctx, seq, max(asked, standard))
	if err != nil {
		return 0, fault.From(err).With("version", seq)
	}
	return level, nil
}

// seenBy is seen for a call that may leave the waiting to its caller.
func (d *Dispatcher) seenBy(ctx context.Context, r *Request, err error) error {
	if r.Owed.glance(d.journal) {
		return err
	}
	return d.seen(ctx, err)
}

// seen waits until what an answer without a record of its own tells of, a failure too, is as safe as every write's.
func (d *Dispatcher) seen(ctx context.Context, err error) error {
	if unsafe := d.journal.Seen(ctx); unsafe != nil && err == nil {
		return fault.From(unsafe)
	}
	return err
}

// Sweep runs one round of a state's sweeping and returns when the next is due; in a namespace that is gone, nothing is.
func (d *Dispatcher) Sweep(space *Space, place int) (next int64, err error) {
	defer recovered(&err)
	tx := &Tx{journal: d.journal, clock: d.clock, space: space, state: space.States[place], id: d.table.structures[place].ID}
	gate, err := space.enter()
	if err != nil {
		return 0, nil //nolint:nilerr // it is gone
	}
	defer gate.RUnlock()
	return tx.state.Sweep(tx)
}

// Watch implements Executor.
func (d *Dispatcher) Watch(ctx context.Context, r *Request, sink Sink) error {
	if err := r.Validate(); err != nil {
		return err
	}
	err := d.watch(ctx, r, sink)
	code := fault.CodeOf(err)
	if code == fault.Canceled {
		code = 0 // how a watch ends when its reader has had enough
	}
	if code == 0 {
		r.Command.stats.count(0)
	} else {
		d.failed(ctx, r, err)
		d.hold(ctx, nil, err)
	}
	return err
}

func (d *Dispatcher) watch(ctx context.Context, r *Request, sink Sink) (err error) {
	defer recovered(&err)
	if r.Command.Kind != KindWatch {
		return fault.New(fault.Invalid, "%s answers once: it cannot be watched", r.Command.Name)
	}
	space, args, err := d.prepare(r)
	d.audit(ctx, r, err)
	if err != nil {
		return err
	}
	if f := args.(interface{ following() *Following }).following(); f.Limit > 0 {
		sink = &limited{Sink: sink, left: f.Limit}
	}
	if r.Command.Open {
		ctx = withCall(ctx, r)
	}
	if err := space.Meter.Open(quota.Subscriptions); err != nil {
		return err
	}
	defer space.Meter.Close(quota.Subscriptions)
	ctx, over := space.within(ctx)
	ctx, release := r.guard(ctx, args)
	defer release()
	sink = &slowed{Sink: sink, ctx: ctx, meter: space.Meter}
	err = over(whyEnded(ctx, r.Command.handler.watch(ctx, space.States[r.Command.place], args, sink)))
	if err == nil || errors.Is(err, errEnough) {
		return nil
	}
	return fault.From(err)
}
