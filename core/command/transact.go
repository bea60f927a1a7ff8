package command

import (
	"context"
	"fmt"

	"github.com/hivellm/synap-go/core/fault"
)

// Transact runs several commands of one namespace as one: they see what those before them did, nobody else
// sees the middle, and all their changes are one record with one version. If one of them fails, none
// happened, and the error says which it was: in its details, by index and command.
func (d *Dispatcher) Transact(ctx context.Context, calls []*Request) ([]any, error) {
	j, err := d.together(ctx, nil, &Plan{Do: calls}, nil)
	if err != nil {
		if fault.CodeOf(err) == fault.Internal {
			d.report(ctx, "transaction", err)
		}
		return nil, err
	}
	return j.outcome.Results, nil
}

// together runs a plan. answer, if any, becomes a part of the record.
func (d *Dispatcher) together(ctx context.Context, space *Space, plan *Plan, k *keeping) (j *joint, err error) {
	defer func() { j.count(err); d.auditJoint(ctx, j, err) }()
	defer recovered(&err)
	if j, err = d.gather(space, plan); err != nil {
		return j, err
	}
	return j, d.run(ctx, j, k)
}

// gather makes all checks that come before the first command runs. It returns the joint with an error too.
func (d *Dispatcher) gather(space *Space, plan *Plan) (*joint, error) {
	j := &joint{space: space, checks: len(plan.If), steps: make([]step, len(plan.If)+len(plan.Do))}
	j.outcome.Results = make([]any, 0, len(plan.Do))
	for i, r := range plan.If {
		j.steps[i].Request = r
	}
	for i, r := range plan.Do {
		j.steps[len(plan.If)+i].Request = r
	}
	for j.at = range j.steps {
		if err := d.admit(j, &j.steps[j.at]); err != nil {
			return j, j.blame(err)
		}
	}
	return j, nil
}

// admit checks a command as if it were called alone, and that it can be a part of a transaction.
func (d *Dispatcher) admit(j *joint, s *step) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if err := s.Command.Joins(); err != nil {
		return err
	}
	if s.IdempotencyKey != "" {
		return fault.New(fault.Invalid, "an idempotency key belongs to a whole transaction, not to a command in it")
	}
	space, args, err := d.prepare(s.Request)
	if err != nil {
		return err
	}
	if j.space != nil && space != j.space {
		return fault.New(fault.Invalid, "a transaction stays in one namespace; this one is in %q", j.space.Name)
	}
	j.space, s.args, j.asked = space, args, max(j.asked, s.Durability)
	return nil
}

// Joins says why the command cannot be part of a transaction; nil when it can.
func (c *Command) Joins() error {
	why := ""
	switch {
	case c.Kind == KindAct:
		why = "an act cannot be part of a transaction, because what it does cannot be taken back"
	case c.Kind == KindWatch:
		why = "a watch cannot be part of a transaction, because it goes on when that is over"
	case c.Open:
		why = "what is about the server cannot be part of a transaction"
	default:
		return nil
	}
	return fault.New(fault.Invalid, "%s: only reads and writes of data can", why)
}

// blame says in the error which step it is about.
func (j *joint) blame(err error) error {
	switch c := j.steps[j.at].Command; {
	case j.single:
		return err
	case j.at < j.checks:
		return InCondition(err, j.at)
	case c == nil:
		return InCommand(err, j.at-j.checks, "")
	default:
		return InCommand(err, j.at-j.checks, c.Name)
	}
}

// InCommand says in an error's details and in its message which of several commands it is about.
func InCommand(err error, index int, name string) error {
	e := fault.From(err).With("index", index)
	where := fmt.Sprintf("command[%d]", index)
	if name != "" {
		e = e.With("command", clip(name))
		where += " " + clip(name)
	}
	e.Message = where + ": " + e.Message
	return e
}

// auditJoint tells the observer of the commands of a transaction: of all when they were run, otherwise of the one that
// failed, since none of the others has happened. A lone command has been told of already.
func (d *Dispatcher) auditJoint(ctx context.Context, j *joint, err error) {
	if j == nil || j.single || d.observer.Load() == nil {
		return
	}
	for i := range j.steps {
		if r := j.steps[i].Request; r != nil && r.Command != nil && r.Caller != nil && (err == nil || i == j.at) {
			d.audit(ctx, r, err)
		}
	}
}

// count books the outcome in the commands' own statistics: every one that succeeded, or the one that failed.
func (j *joint) count(err error) {
	switch {
	case j == nil: // a bug, already on its way
	case err == nil:
		for i := range j.steps {
			j.steps[i].Command.stats.count(0)
		}
	case j.at < len(j.steps) && j.steps[j.at].Request != nil && j.steps[j.at].Command != nil:
		j.steps[j.at].Command.stats.count(fault.CodeOf(err))
	}
}
