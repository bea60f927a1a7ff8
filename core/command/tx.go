package command

import (
	"sync"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
)

// Tx is how a Write changes data. A handler decides under its structure's lock, then commits its ops; the ops
// are in the journal, under a sequence number, before they change anything.
//
// Alone, each commit is one record. In a transaction the record was begun before the first handler ran:
// commits apply at once, under the number that the record will have, and are undone if a later handler fails.
type Tx struct {
	journal journal.Journal
	caller  *auth.Identity // nil when time, not a caller, made this change due
	space   *Space
	state   State
	id      uint8 // the structure's number
	clock   *Clock

	memory  *quota.Memory // of the whole server
	bounded bool          // commits are checked against limits
	single  [1]journal.Op // the list of one that is checked: here, so that no SET allocates one

	seq     uint64 // of the last commit; in a transaction, of the record to come
	changed bool   // something was committed
	now     int64

	open *transaction // nil for a commit of its own

	stripe int // of the processor that has it in its pool

	// alone is the record of a commit of its own, and spot the context of a handler that waits: here, so that nobody
	// allocates one.
	alone journal.Record
	spot  parking
}

// transaction is a record in the making.
type transaction struct {
	record journal.Record
	undo   []func()
	after  []func()
}

var (
	txs    = sync.Pool{New: func() any { return &Tx{stripe: int(txMade.Add(1))} }}
	txMade atomic.Int32
)

// Commit writes the op to the journal as one record, applies it, and returns its sequence number: the version
// of what it changed. On an error nothing changed. The caller holds the locks that the op needs.
func (tx *Tx) Commit(op journal.Op) (version uint64, err error) {
	if tx.bounded {
		tx.single[0] = op
		if err := tx.admit(tx.single[:]); err != nil {
			return 0, err
		}
	}
	if tx.open != nil {
		return tx.join(op), nil
	}
	tx.alone = journal.Record{}
	tx.alone.Add(tx.change(op))
	if err := tx.append(&tx.alone); err != nil {
		return 0, err
	}
	tx.state.Apply(tx.seq, op)
	return tx.seq, nil
}

// CommitAll is Commit for several ops: one record, all or nothing. Without ops it does nothing and returns 0.
func (tx *Tx) CommitAll(ops []journal.Op) (version uint64, err error) {
	if len(ops) == 0 {
		return 0, nil
	}
	if tx.bounded {
		if err := tx.admit(ops); err != nil {
			return 0, err
		}
	}
	if tx.open != nil {
		for _, op := range ops {
			tx.join(op)
		}
		return tx.seq, nil
	}
	tx.alone = journal.Record{}
	for _, op := range ops {
		tx.alone.Add(tx.change(op))
	}
	if err := tx.append(&tx.alone); err != nil {
		return 0, err
	}
	for _, op := range ops {
		tx.state.Apply(tx.seq, op)
	}
	return tx.seq, nil
}

func (tx *Tx) change(op journal.Op) journal.Change {
	return journal.Change{Namespace: tx.space.ID, Structure: tx.id, Op: op}
}

func (tx *Tx) append(rec *journal.Record) error {
	if tx.space.gone.Load() { // a handler that was outside may not have noticed
		return tx.space.deleted()
	}
	seq, err := tx.journal.Append(rec)
	if err != nil {
		return fault.From(err)
	}
	tx.seq, tx.changed = seq, true
	return nil
}

// join applies the op as a part of the transaction.
func (tx *Tx) join(op journal.Op) uint64 {
	tx.open.undo = append(tx.open.undo, tx.state.Undo(op))
	tx.open.record.Add(tx.change(op))
	tx.state.Apply(tx.seq, op)
	tx.changed = true
	return tx.seq
}

// Now is the time of this Tx in Unix milliseconds, the same however often it is asked: what the handler
// decides by and what its ops record. After a Wait, Later reads the clock again.
func (tx *Tx) Now() int64 {
	if tx.now == 0 {
		tx.now = tx.clock.Now()
	}
	return tx.now
}

// After runs f once the change is sure to happen: at once, or at the end of the transaction, if it succeeds. It
// is for what cannot be taken back, such as telling subscribers; f runs before any later command of the
// namespace that waits for the transaction. It must not fail, block, or use the Tx.
func (tx *Tx) After(f func()) {
	if tx.open == nil {
		f()
		return
	}
	tx.open.after = append(tx.open.after, f)
}

// Spare has no limit on memory refuse what this handler commits from now on. It is for notes that have a bound of their own, about
// what is let pass however full it is.
func (tx *Tx) Spare() { tx.bounded = false }

// Later forgets the time, so that Now reads the clock again.
func (tx *Tx) Later() { tx.now = 0 }

// begin readies a pooled Tx for one handler.
func (tx *Tx) begin(d *Dispatcher, r *Request, space *Space) {
	tx.journal, tx.clock, tx.caller, tx.space = d.journal, d.clock, r.Caller, space
	tx.state, tx.id = space.States[r.Command.place], r.Command.structure.ID
	tx.memory = d.limited.Memory
	tx.bounded = r.Command.grows() && (space.Meter.Limits() != nil || tx.memory.Limit() != 0)
}

// Caller is who asked for this change; nil when nobody did and time made it due.
func (tx *Tx) Caller() *auth.Identity { return tx.caller }

// free returns the Tx to the pool; a handler must not keep it.
func (tx *Tx) free() {
	*tx = Tx{stripe: tx.stripe}
	txs.Put(tx)
}
