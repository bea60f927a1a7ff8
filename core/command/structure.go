package command

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// Structure is a kind of data: its commands, and how a namespace gets one of its own. It is declared once;
// each namespace holds a State of it.
type Structure struct {
	Name     string // the first part of its commands' names
	ID       uint8  // permanent: its number in records, and the high byte of its commands' numbers
	Summary  string // one sentence, for help
	Commands []*Command

	// Global marks a structure of the whole server: there is one State, that of the default namespace, and its commands
	// run there whatever the caller's namespace is. All of them are open.
	Global bool

	// Things says how the structure's named things are listed; nil when it has none to browse.
	Things *Things
	// Measures are what its states, if they are Measurers, report about each of their things; may be nil.
	Measures []*Measures
	// Exchanges are what namespaces of several servers can exchange with each other, and by which commands.
	Exchanges []Exchange
	// Condition says how a transaction can depend on the structure's data; nil when it cannot.
	Condition *Condition

	// New returns the structure's empty state for one namespace. It must cost almost nothing before first use.
	New func(Env) State
	// DecodeOp reads back an op from its kind and encoding. Nil for structures without ops.
	DecodeOp func(kind byte, data []byte) (journal.Op, error)
}

// Things says how the named things of a structure are listed, so that all structures can be browsed alike.
type Things struct {
	Kind string // what they are, in the plural: "queues"
	List string // the Read that lists them, from prefix, cursor and limit, as items and next_cursor
	Name string // the field of an item that holds its name

	Base      string // the first part of their addresses; "" is their kind in the singular
	Separator string // what stands between the levels of a name: ":"; "" when names have none
	// Count is a Read that counts what is under a prefix. Where there is one it is prefixes that can be cleared.
	Count string

	// Made reports whether the op makes a thing, or changes how one is made: what server.watch tells of alone. Nil if nobody can tell.
	Made func(op journal.Op) bool

	// Clear says how much of a thing can be removed at once, by mode: "empty", "drop", … May be nil.
	Clear map[string]Clearing
}

// Root is the beginning of the things' addresses: "synap://queue/".
func (t *Things) Root() string {
	if t.Base != "" {
		return "synap://" + t.Base + "/"
	}
	return "synap://" + t.One() + "/"
}

// One is what one of them is: "queue", "memory".
func (t *Things) One() string {
	if one, ok := strings.CutSuffix(t.Kind, "ies"); ok {
		return one + "y"
	}
	return strings.TrimSuffix(t.Kind, "s")
}

// Exchange is a kind of things whose changes servers can carry to each other, and the commands that do it.
type Exchange struct {
	Kind    string `json:"kind"`              // what they are, in the plural: "rooms"
	Hello   string `json:"hello"`             // says which node the namespace is
	List    string `json:"list"`              // the Read that lists them
	Read    string `json:"read"`              // the Read of their changes, from a place on
	Reached string `json:"reached,omitempty"` // says up to which place a node's changes were taken in; "" when nothing is kept to go back to
	Apply   string `json:"apply"`             // takes changes in, and up to which place, as one
}

// Clearing is a way to remove much at once.
type Clearing struct {
	Command string         // the Write that does it
	Field   string         // the field of its request that takes the thing's name
	With    map[string]any // what else it is told
}

// DefaultNamespace is where requests go that name no namespace, and where all of the server's own data is.
const DefaultNamespace = "default"

// SaveBytes is about how much one call of State.Save hands out.
const SaveBytes = 64 << 10

// State is the data of one structure in one namespace. The handlers of the structure's commands get it as
// their receiver.
type State interface {
	// Apply makes the op's change under the version seq. The caller holds the locks that the op needs. It
	// cannot fail, and applying the same op twice is the same as once.
	Apply(seq uint64, op journal.Op)
	// Replay is Apply for callers that hold no locks: recovery, replicas.
	Replay(seq uint64, op journal.Op)
	// Undo returns a function that takes back what Apply of this op is about to do. The caller of Undo holds
	// the locks that the op needs; the caller of the function holds none, but has the namespace to itself.
	Undo(op journal.Op) func()
	// Sweep does a bounded amount of what time has made due, through the Tx, and returns when it next has
	// something to do, in Unix milliseconds; 0 means when Wake is next called.
	Sweep(tx *Tx) (next int64, err error)

	// Parts is how many parts the state can be saved and restored in side by side; 0 when it holds nothing to save.
	Parts() int
	// Save hands some entries of a part to add, about SaveBytes of them, going on after from: nil at first, later
	// what the call before returned. Nil is returned with the last of them. An entry is a permanent encoding, and
	// add keeps nothing of it. Writers go on between calls, and a call holds locks for a millisecond at most; its
	// caller holds the namespace's gate shared, so that it never sees the middle of a transaction.
	//
	// Entries are of different moments, then. What counts is that an empty state, given every entry and then every
	// record since before the first call, is the state that those records made.
	Save(part int, from []byte, add func(entry []byte)) (next []byte)
	// Restore takes an entry in. Entries of one part come in the order in which they were saved, those of different parts
	// at the same time. Everything is checked: an entry that cannot be read is Corrupt.
	Restore(entry []byte) error

	// Check verifies the state's invariants. It takes what locks it needs, and is for tests and diagnosis.
	Check() error
	// Stats says how much is held.
	Stats() Usage
}

// NoData is embedded by a State that holds nothing: it does all that a State has to do, with nothing.
type NoData struct{}

// Apply implements State, as do the following methods.
func (NoData) Apply(uint64, journal.Op) {}

// Replay does nothing.
func (NoData) Replay(uint64, journal.Op) {}

// Undo has nothing to take back.
func (NoData) Undo(journal.Op) func() { return func() {} }

// Sweep has nothing to do.
func (NoData) Sweep(*Tx) (int64, error) { return 0, nil }

// Parts is 0: there is nothing to save.
func (NoData) Parts() int { return 0 }

// Save is never called.
func (NoData) Save(int, []byte, func([]byte)) []byte { return nil }

// Restore refuses: nothing was saved.
func (NoData) Restore([]byte) error {
	return fault.New(fault.Corrupt, "there is an entry of a structure that keeps nothing")
}

// Check finds nothing wrong.
func (NoData) Check() error { return nil }

// Stats is zero.
func (NoData) Stats() Usage { return Usage{} }

// Usage is how much a state holds.
type Usage struct {
	Items int64 `json:"items" jsonschema:"how many things there are"`
	Bytes int64 `json:"bytes" jsonschema:"about how much memory they take"`
}

// Env is what a State knows of the world.
type Env struct {
	Namespace uint32
	Structure uint8
	Clock     *Clock
	Feed      *journal.Feed
	// Wake asks for a Sweep at the time, in Unix milliseconds. It is cheap and may be called under locks.
	Wake func(at int64)
}

// Clock tells the time in Unix milliseconds. It follows the monotonic clock from the wall-clock time at which
// it was made, so that a jump of the wall clock expires nothing early and moves no lease.
type Clock struct {
	start time.Time
	base  int64
}

// NewClock returns a clock that agrees with the wall clock now.
func NewClock() *Clock {
	now := time.Now()
	return &Clock{start: now, base: now.UnixMilli()}
}

// Ahead returns a clock that is ahead of the wall clock by so much, or behind it: what a server has whose system's clock is wrong. Tests have it.
func Ahead(by time.Duration) *Clock {
	c := NewClock()
	c.base += by.Milliseconds()
	return c
}

// Now returns the time in Unix milliseconds.
func (c *Clock) Now() int64 { return c.base + time.Since(c.start).Milliseconds() }

// time is the time as others want it. It costs half of what time.Now does, which asks for the wall clock as well.
func (c *Clock) time() time.Time { return c.start.Add(time.Since(c.start)) }

// Until returns how long it is until the given time; it is not positive when the time has come.
func (c *Clock) Until(at int64) time.Duration { return time.Duration(at-c.Now()) * time.Millisecond }

// Stats counts the calls of one command.
type Stats struct {
	done    tally                 // the calls that succeeded, which many do at once
	failed  [16 + 1]atomic.Uint64 // the others, by fault.Code
	latency Histogram
}

// count books a call that ended with the code.
func (s *Stats) count(code fault.Code) {
	if code == 0 {
		s.done.mine().Add(1)
		return
	}
	s.failed[code].Add(1)
}

// Calls returns how many calls ended with the code; 0 is success.
func (s *Stats) Calls(code int) uint64 {
	if code == 0 {
		return s.done.sum()
	}
	return s.failed[code].Load()
}

// Latency returns the durations of a sample of the calls.
func (s *Stats) Latency() *Histogram { return &s.latency }

// Buckets are the upper bounds of a Histogram's buckets, in nanoseconds: powers of two from 256 ns to 2 s.
var Buckets = func() (b [24]int64) {
	for i := range b {
		b[i] = 256 << i
	}
	return b
}()

// Histogram counts durations in buckets. The zero Histogram is ready for use.
type Histogram struct {
	counts [len(Buckets) + 1]atomic.Uint64
	sum    atomic.Int64
}

func (h *Histogram) observe(d time.Duration) {
	i := 0
	for i < len(Buckets) && int64(d) > Buckets[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// Snapshot returns the cumulative count at each of Buckets, the total count and the sum of the durations.
func (h *Histogram) Snapshot() (cumulative [len(Buckets)]uint64, count uint64, sum time.Duration) {
	for i := range cumulative {
		count += h.counts[i].Load()
		cumulative[i] = count
	}
	count += h.counts[len(cumulative)].Load()
	return cumulative, count, time.Duration(h.sum.Load())
}
