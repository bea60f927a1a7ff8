package command

import (
	"context"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
)

// Owed is what has to be waited for before an answer may be passed on. The zero Owed is nothing. It is for one goroutine. Who observes or counts
// calls hears of one that owes before it is settled: the time it took is without the wait, and it succeeded, although the disk may fail after.
type Owed struct {
	journal journal.Journal
	seq     uint64             // of the last record
	level   journal.Durability // how safe it has to be; zero when nothing was written
	seen    bool               // something was told that may not be safe yet
	penalty *quota.Penalty     // a refusal that is held back; nil when none is
}

// Any reports whether there is anything to wait for.
func (o *Owed) Any() bool { return o.level != 0 || o.seen || o.penalty != nil }

// Alone reports whether the wait is one that the others who call at the same time do not have: for more safety than every write
// gets, or for a refusal that is held back.
func (o *Owed) Alone() bool {
	if o.penalty != nil {
		return true
	}
	if o.level == 0 {
		return false
	}
	standard, _ := o.journal.Levels()
	return o.level > standard
}

// Join adds what another call owes.
func (o *Owed) Join(other *Owed) {
	if other.journal != nil {
		o.journal = other.journal
	}
	if other.penalty != nil {
		o.penalty = other.penalty
	}
	o.seq, o.level, o.seen = max(o.seq, other.seq), max(o.level, other.level), o.seen || other.seen
}

// Settle waits until everything is as safe as it was promised. The error is one to answer a Write with in place of its
// response: the change was made, and nobody knows whether it is safe.
func (o *Owed) Settle(ctx context.Context) error {
	if o.penalty != nil {
		o.penalty.Hold(ctx)
		o.penalty = nil // once for all that was asked together
	}
	if o.level != 0 {
		if _, err := o.journal.Wait(ctx, o.seq, o.level); err != nil {
			return fault.From(err).With("version", o.seq)
		}
	}
	if o.seen {
		if err := o.journal.Seen(ctx); err != nil {
			return fault.From(err)
		}
	}
	return nil
}

// record books a record. It reports false where there is nothing to wait for, or nobody else to do it.
func (o *Owed) record(j journal.Journal, seq uint64, asked journal.Durability) bool {
	if o == nil {
		return false
	}
	standard, _ := j.Levels()
	level := max(asked, standard)
	if level < journal.Fsynced {
		return false
	}
	o.journal, o.seq, o.level = j, seq, level
	return true
}

// glance books that something was told that others may have written. It reports as record does.
func (o *Owed) glance(j journal.Journal) bool {
	if o == nil {
		return false
	}
	if standard, _ := j.Levels(); standard < journal.Fsynced {
		return false
	}
	o.journal, o.seen = j, true
	return true
}
