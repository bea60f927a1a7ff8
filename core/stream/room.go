package stream

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// config is what a room was told to be. It is immutable, and rooms with the defaults share one.
type config struct {
	maxEvents  int64 // of each partition; 0 is no bound
	maxBytes   int64 // of each partition; 0 is no bound
	maxAge     int64 // milliseconds; 0 is no bound
	keepUnread int64 // what a group has not committed stays up to so many bytes; 0 heeds no group
	window     int64 // milliseconds that dedupe ids are remembered; 0 remembers none
}

// What a room is that nobody configured.
const (
	DefaultMaxEvents      = 10_000
	DefaultMaxBytes       = 16 << 20
	DefaultDedupeWindowMS = 2 * 60 * 1000
)

var defaultConfig = &config{maxEvents: DefaultMaxEvents, maxBytes: DefaultMaxBytes, window: DefaultDedupeWindowMS}

// room is a stream of events.
type room struct {
	name       string
	generation int64 // the Unix milliseconds at which it was made, or a little more: no two rooms of a name share one

	due   atomic.Int64 // when the sweeper comes; 0 when it has no reason to. Written with Streams.due.mu held
	place int32        // in Streams.due; guarded by Streams.due.mu

	mu sync.Mutex

	config     *config
	partitions []partition
	groups     map[string]*group // nil before the first
	lastGroup  int64             // the newest generation that any group had
	dedupe     *dedupe           // nil before the first id
	turn       int               // the partition that the next event without a key goes to; only a hint, not data
}

func newRoom(op *roomOp) *room {
	return &room{name: op.room, generation: op.generation, config: op.config, partitions: make([]partition, op.partitions)}
}

// roomBytes is about what an empty room of one partition costs, with its place in the indexes.
const roomBytes = 400

func (r *room) count() (n int64) {
	for i := range r.partitions {
		n += int64(r.partitions[i].count())
	}
	return n
}

func (r *room) bytes() (n int64) {
	for i := range r.partitions {
		n += r.partitions[i].bytes
	}
	return n
}

// memory is about what the room takes in all.
func (r *room) memory() int64 {
	n := roomBytes + int64(len(r.name)) + r.bytes() + int64(len(r.partitions)-1)*partitionBytes
	for _, g := range r.groups {
		n += g.memory()
	}
	if r.dedupe != nil {
		n += int64(r.dedupe.count()) * markBytes
	}
	return n
}

// nobody is the unread mark of a partition that no group holds back.
const nobody = math.MaxUint64

// unread is the first offset of the partition that some group has not committed, if the configuration is to
// keep those.
func (r *room) unread(c *config, partition int) uint64 {
	first := uint64(nobody)
	if c.keepUnread == 0 {
		return first
	}
	for _, g := range r.groups {
		first = min(first, g.positions[partition])
	}
	return first
}

// nextDue is when time has something to do in the room; 0 when nothing is to come.
func (r *room) nextDue() (at int64) {
	sooner := func(t int64) {
		if t != 0 && (at == 0 || t < at) {
			at = t
		}
	}
	for i := range r.partitions {
		sooner(r.ageDue(i))
	}
	for _, g := range r.groups {
		for _, m := range g.members {
			sooner(m.deadline)
		}
	}
	if r.dedupe != nil {
		sooner(r.dedupe.nextDue(r.config.window))
	}
	return at
}

// ageDue is when the partition's oldest event is too old to keep; 0 when that never comes, or only after a
// group has read it.
func (r *room) ageDue(i int) int64 {
	p := &r.partitions[i]
	if r.config.maxAge == 0 || p.count() == 0 {
		return 0
	}
	if p.oldest >= r.unread(r.config, i) && p.bytes <= r.config.keepUnread {
		return 0
	}
	return p.at(p.oldest).At + r.config.maxAge
}

// wake lets everybody look anew who waits for something of the room.
func (r *room) wake() {
	for i := range r.partitions {
		r.partitions[i].waiting.wake()
	}
	for _, g := range r.groups {
		g.waiting.wake()
	}
}

// groupNames returns the names of the groups in order.
func (r *room) groupNames() []string {
	names := make([]string, 0, len(r.groups))
	for name := range r.groups {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
