// Package journal is the order of all changes: numbered records, how safe each
// one is, and the feed that followers read.
//
// A structure describes a change as an Op and never learns where it goes. One
// commit is one Record with one sequence number, whatever the number of ops and
// structures in it; that number is the version of everything the commit wrote.
// A Journal assigns the numbers and keeps the records; a Feed tells followers.
// Nothing in here knows what an op means.
package journal

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
)

// Op is one effect on one structure: final values, absolute times and assigned ids, never a request.
// Applying an op cannot fail, and applying it twice in a row is the same as once.
type Op interface {
	// Kind is the op's permanent number within its structure.
	Kind() byte
	// AppendTo appends the op's permanent encoding, without its kind.
	AppendTo(b []byte) []byte
	// Target names what the op changes: one name, or everything that begins with it when prefix is true. Recovery applies ops of different
	// targets side by side: those that must keep their order have one target.
	Target() (name string, prefix bool)
	// Size is about how many bytes of memory the op holds on to.
	Size() int
}

// Change is an op with its address.
type Change struct {
	Namespace uint32 // the namespace's number
	Structure uint8  // the structure's permanent number
	Op        Op
}

// Record is one commit: all of it happens or none. The zero Record is empty.
type Record struct {
	Seq    uint64  // assigned by the journal; 0 before
	Answer *Answer // set when the caller gave an idempotency key

	// A record of a single change, by far the most common, allocates nothing.
	first Change
	rest  []Change
	size  int
}

// Answer remembers what a caller with an idempotency key was told, so that a retry hears it again.
type Answer struct {
	Caller  string // who asked
	Key     string // the caller's key
	Command string
	Digest  [32]byte // of the request, to tell a retry from a key used twice
	Born    int64    // when, in Unix milliseconds
	Value   []byte   // the response, in JSON
}

// Place is where a saved entry belongs: a part of one structure in one namespace. Namespace 0 is the engine's own, and
// is restored before all others.
type Place struct {
	Namespace uint32
	Structure uint8
	Part      uint16
}

// AppendEntry appends an entry to a chunk, which is a sequence of them: each its length, an unsigned varint, and
// its bytes.
func AppendEntry(chunk, entry []byte) []byte {
	return append(binary.AppendUvarint(chunk, uint64(len(entry))), entry...)
}

// NextEntry takes the first entry off a chunk; ok is false when the chunk is not well-formed.
func NextEntry(chunk []byte) (entry, rest []byte, ok bool) {
	length, n := binary.Uvarint(chunk)
	if n <= 0 || length > uint64(len(chunk)-n) {
		return nil, nil, false
	}
	end := n + int(length)
	return chunk[n:end], chunk[end:], true
}

// Add puts one more change into the record.
func (r *Record) Add(c Change) {
	if r.first.Op == nil {
		r.first = c
	} else {
		r.rest = append(r.rest, c)
	}
	r.size += c.Op.Size()
}

// Len is the number of changes.
func (r *Record) Len() int {
	if r.first.Op == nil {
		return 0
	}
	return 1 + len(r.rest)
}

// Size is about how many bytes of memory the record holds on to.
func (r *Record) Size() int { return r.size }

// Changes yields the changes in the order they were made.
func (r *Record) Changes() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		if r.first.Op == nil || !yield(r.first) {
			return
		}
		for _, c := range r.rest {
			if !yield(c) {
				return
			}
		}
	}
}

// Durability is what a write is worth: how much has to fail before it is lost.
type Durability uint8

// The levels, from least to most safe. A zero Durability in a request means the configured default.
const (
	InMemory   Durability = iota + 1 // lost with the process
	Buffered                         // in the log's buffer: lost with the machine
	Fsynced                          // on disk
	Replicated                       // on disk, and acknowledged by a replica
)

var durabilities = [...]string{"", "memory", "buffered", "fsynced", "replicated"}

// String returns the level's permanent name; "" for zero.
func (d Durability) String() string { return durabilities[d] }

// MarshalText writes the permanent name.
func (d Durability) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// AppendText appends the permanent name.
func (d Durability) AppendText(b []byte) ([]byte, error) { return append(b, d.String()...), nil }

// UnmarshalText reads a permanent name.
func (d *Durability) UnmarshalText(text []byte) error {
	for level, name := range durabilities {
		if name == string(text) {
			*d = Durability(level)
			return nil
		}
	}
	return fmt.Errorf("durability %q is none of memory, buffered, fsynced, replicated", text)
}

// Journal gives every commit its number and keeps it as safely as it was built to.
//
// A writer holds its structure's lock while it appends, so that the order of the
// records is the order of the changes; it waits for durability after it let go of
// all locks, so that one fsync serves many writers.
//
// Begin, Commit and Abandon are for a commit that must know its number before its
// changes are complete: between Begin and the other two nobody else can append.
type Journal interface {
	// Append numbers and keeps a record; the memory that rec points at is the caller's again when it returns. On
	// an error nothing was kept and the number was not used.
	Append(rec *Record) (seq uint64, err error)

	// Begin takes the pen and returns the number that the next record gets.
	Begin() (seq uint64)
	// Commit keeps the record under the number that Begin returned and gives the pen back.
	Commit(rec *Record) error
	// Abandon gives the pen back and leaves the number for the next record.
	Abandon()

	// Wait returns when the record is at least as safe as asked, and says how safe it is.
	Wait(ctx context.Context, seq uint64, level Durability) (Durability, error)
	// Seen returns when every record that anybody may have seen the effect of is as safe as every write is before it
	// is answered: what is told then, no crash takes back. It does not wait for a disk that failed.
	Seen(ctx context.Context) error
	// Levels returns the level that every write reaches and the highest one that may be asked for.
	Levels() (standard, highest Durability)

	Source
}
