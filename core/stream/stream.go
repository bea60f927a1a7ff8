// Package stream is event streams: rooms that keep their newest events in order,
// for any number of readers, each at its own place.
//
// A room has one partition or several. A partition is a ring of events under
// offsets that begin at 0 and have no gaps, bounded by number, bytes and age; what
// no longer fits goes from the old end, and whoever had not read it is told how
// much was lost. A consumer group reads a room together: every partition belongs to
// one member at a time, and the group remembers how far each was read.
//
// Streams is the state of one namespace. Its lock is held shared by whoever uses a
// room and alone while rooms come and go; a room's own lock guards all that is in
// it. Handlers decide under these locks what is appended under which offsets, what
// goes, and who gets which partition; they commit that as ops, and only Apply
// changes a room. An event never changes once it is appended, so readers share it.
//
// Readers that wait hold a channel and nothing else; the sweeper drops what is too
// old and members that went silent. The package starts no goroutine, keeps no
// file, and knows no door.
package stream

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// The structure's name and its permanent number.
const (
	structureName = "stream"
	structureID   = 3
)

// Limits of one namespace and of what is in it; past them the caller gets Exhausted or TooLarge.
const (
	MaxPartitions   = 256 // of one room
	MaxGroups       = 1000
	MaxMembers      = 1000 // of one group
	MaxBatch        = 1000 // events of one append
	MaxBatchBytes   = 16 << 20
	MaxRoomBytes    = 512 // of a room's name
	MaxNameBytes    = 256 // of an event type, a key, a group's or a member's name, a dedupe id
	MaxHeaders      = 64
	MaxHeaderBytes  = 8 << 10 // of all headers of an event
	MaxDedupeIDs    = 100_000 // remembered by one room; past that the oldest is forgotten
	DefaultMaxRooms = 1_000_000

	DefaultMaxEventBytes = 1 << 20
	largestMaxEventBytes = 16 << 20
)

// Options bound what a namespace takes. The zero Options are the defaults.
type Options struct {
	MaxRooms      int // of one namespace; 0 is a million
	MaxEventBytes int // of one event's data; 0 is 1 MiB, at most 16 MiB
}

// Validate reports which field is out of bounds.
func (o Options) Validate() error {
	switch {
	case o.MaxRooms < 0:
		return fmt.Errorf("MaxRooms: %d is negative", o.MaxRooms)
	case o.MaxEventBytes < 0 || o.MaxEventBytes > largestMaxEventBytes:
		return fmt.Errorf("MaxEventBytes: %d is not between 0 and %d", o.MaxEventBytes, largestMaxEventBytes)
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.MaxRooms == 0 {
		o.MaxRooms = DefaultMaxRooms
	}
	if o.MaxEventBytes == 0 {
		o.MaxEventBytes = DefaultMaxEventBytes
	}
	return o
}

// Structure declares streams. It panics on options that Validate refuses.
func Structure(o Options) *command.Structure {
	if err := o.Validate(); err != nil {
		panic("stream: " + err.Error())
	}
	o = o.withDefaults()
	return &command.Structure{
		Name: structureName, ID: structureID,
		Summary:  "Rooms of events in order, for any number of readers and for groups that share the work.",
		Commands: commands(),
		Things: &command.Things{Kind: "streams", List: "stream.list", Name: "room", Clear: map[string]command.Clearing{
			"empty": {Command: "stream.trim", Field: "room", With: map[string]any{"keep": 0}},
			"drop":  {Command: "stream.delete", Field: "room"},
		}, Made: func(op journal.Op) bool { return op.Kind() == opRoom }},
		Measures:  []*command.Measures{roomMeasures, groupMeasures},
		Condition: condition,
		New:       func(env command.Env) command.State { return newStreams(env, o) },
		DecodeOp:  decodeOp,
	}
}

// Streams is the rooms of one namespace.
type Streams struct {
	env    command.Env
	max    Options
	due    deadlines
	absent absent // readers of rooms that are not there yet
	// hold is set while a transaction has changed something that may still be undone. It is closed when the
	// transaction ends: watches, which pass no gate, wait for that before they look.
	hold atomic.Pointer[chan struct{}]

	mu sync.RWMutex

	rooms map[string]*room // nil before the first
	order btree.Map[string, *room]
	last  int64 // the newest generation given to a room
}

func newStreams(env command.Env, o Options) *Streams { return &Streams{env: env, max: o} }

// lock finds a room and locks it; nil when there is none. What it returns is given back with unlock.
func (s *Streams) lock(name string) *room {
	s.mu.RLock()
	r := s.rooms[name]
	if r == nil {
		s.mu.RUnlock()
		return nil
	}
	r.mu.Lock()
	return r
}

// find is lock for callers who cannot do without the room.
func (s *Streams) find(name string) (*room, error) {
	if r := s.lock(name); r != nil {
		return r, nil
	}
	return nil, noRoom(name)
}

func noRoom(name string) error {
	return fault.New(fault.NotFound, "there is no room %q: the first append makes it, or stream.create", name)
}

func (s *Streams) unlock(r *room) {
	r.mu.Unlock()
	s.mu.RUnlock()
}

// Stats implements command.State.
func (s *Streams) Stats() command.Usage {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var u command.Usage
	for _, r := range s.rooms {
		r.mu.Lock()
		u.Items += r.count()
		u.Bytes += r.memory()
		r.mu.Unlock()
	}
	return u
}
