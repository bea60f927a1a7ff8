package command

import (
	"context"
	"encoding/json"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// Limits of one transaction. Past them it fails with TooLarge, and nothing has happened.
const (
	MaxTransactionBytes = 64 << 20 // of what it changes
	MaxResultBytes      = 64 << 20 // of what its commands answer, about

	maxKeptBytes = 16 << 20 // of its answer's JSON, when that is kept for an idempotency key
)

// joint is several commands on their way to become one record.
type joint struct {
	space   *Space // nil until the first command says which
	steps   []step
	checks  int                // how many of the steps are conditions, which come first
	single  bool               // a lone command that is a transaction only to be one record with its answer
	at      int                // the step that is being worked on
	now     int64              // the time of every Write, from before the conditions: a lease that one of them found alive still is
	seq     uint64             // of the record, once it is in the journal; 0 before, and when nothing was changed
	asked   journal.Durability // the most that any of them asks for
	bytes   int                // about what the results come to
	outcome Outcome
}

// step is one command of a joint.
type step struct {
	*Request
	args    any
	receipt *Receipt // of a Write that changed something
}

// run runs the steps as one record, waits until it is as safe as asked, and fills in the outcome.
func (d *Dispatcher) run(ctx context.Context, j *joint, k *keeping) error {
	if len(j.steps) == 0 {
		return nil
	}
	seq, err := d.alone(j.space, func(seq uint64, open *transaction) error {
		j.now = d.clock.Now()
		for j.at = range j.steps {
			if err := d.step(ctx, j, seq, open); err != nil {
				return j.blame(err)
			}
		}
		if open.record.Len() == 0 {
			return nil
		}
		j.outcome.Version = seq
		return j.keep(k, open)
	})
	if err != nil || seq == 0 {
		return d.seen(ctx, err)
	}
	j.seq = seq
	level, err := d.settle(ctx, seq, j.asked)
	if err != nil {
		return err
	}
	j.promise(level)
	return nil
}

// promise says how safe the record is in every answer that speaks of it.
func (j *joint) promise(level journal.Durability) {
	j.outcome.Durability = level
	for i := range j.steps {
		if receipt := j.steps[i].receipt; receipt != nil {
			receipt.Durability = level
		}
	}
}

// step runs one command, and remembers what it answered.
func (d *Dispatcher) step(ctx context.Context, j *joint, seq uint64, open *transaction) error {
	s := &j.steps[j.at]
	resp, err := d.handle(ctx, j, s, seq, open)
	if err != nil || j.at < j.checks {
		return err
	}
	j.outcome.Results = append(j.outcome.Results, resp)
	if j.single {
		return nil
	}
	if j.bytes += weigh(resp); j.bytes > MaxResultBytes {
		return fault.New(fault.TooLarge, "the answers of the commands so far take more than %d bytes: read less in one transaction",
			MaxResultBytes).With("limit", MaxResultBytes)
	}
	if open.record.Size() > MaxTransactionBytes {
		return fault.New(fault.TooLarge, "the changes so far take %d bytes; one transaction may make %d",
			open.record.Size(), MaxTransactionBytes).With("limit", MaxTransactionBytes)
	}
	return nil
}

// handle runs the handler of a step.
func (d *Dispatcher) handle(ctx context.Context, j *joint, s *step, seq uint64, open *transaction) (any, error) {
	if s.Command.Kind == KindRead {
		return s.Command.handler.read(ctx, j.space.States[s.Command.place], s.args, nil)
	}
	tx := txs.Get().(*Tx)
	tx.begin(d, s.Request, j.space)
	tx.open, tx.seq, tx.now = open, seq, j.now
	defer tx.free()
	resp, receipt, err := s.Command.handler.write(ctx, tx.state, tx, s.args, nil)
	if err == nil && tx.changed {
		receipt.Version, s.receipt = seq, receipt
	}
	return resp, err
}

// response is what the caller gets: of a single command, what that answers.
func (j *joint) response() any {
	if j.single {
		return j.outcome.Results[0]
	}
	return &j.outcome
}

// keep makes the answer a part of the record.
func (j *joint) keep(k *keeping, open *transaction) (err error) {
	if k == nil {
		return nil
	}
	answer := k.answer
	if !j.single {
		j.promise(journal.InMemory) // so that Outcome.restored knows which results have a durability
	}
	if answer.Value, err = json.Marshal(j.response()); err != nil {
		return err
	}
	if !j.single && len(answer.Value) > maxKeptBytes {
		return fault.New(fault.TooLarge, "the answer has %d bytes; at most %d are kept for an idempotency key: read less, or go without one",
			len(answer.Value), maxKeptBytes).With("limit", maxKeptBytes)
	}
	open.record.Answer = answer
	open.after = append(open.after, k.kept)
	return nil
}

// alone runs f with the namespace to itself and the journal's pen in hand, then writes the record that f made.
// If f fails or panics, or the journal does, everything is undone. It returns the record's number, 0 if it
// stayed empty.
func (d *Dispatcher) alone(space *Space, f func(seq uint64, open *transaction) error) (seq uint64, err error) {
	space.gate.close()
	defer space.gate.open()
	if space.gone.Load() {
		return 0, space.deleted()
	}
	open := &transaction{}
	done := false
	defer func() {
		if !done {
			for i := len(open.undo) - 1; i >= 0; i-- {
				open.undo[i]()
			}
		}
	}()

	seq = d.journal.Begin()
	pen := true
	defer func() {
		if pen {
			d.journal.Abandon()
		}
	}()
	if err := f(seq, open); err != nil {
		return 0, err
	}
	if open.record.Len() == 0 {
		seq = 0
	} else {
		pen = false // Commit gives it back, whatever it returns
		if err := d.journal.Commit(&open.record); err != nil {
			return 0, fault.From(err)
		}
	}
	done = true
	for _, f := range open.after {
		f()
	}
	return seq, nil
}
