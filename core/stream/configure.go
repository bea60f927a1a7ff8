package stream

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// Policy is how much a room keeps. An absent field stays as it is; of a new room it is the default.
type Policy struct {
	MaxEvents      *int64 `json:"max_events,omitempty" min:"0" max:"1000000000000" jsonschema:"keep at most so many events of each partition; 0 is no bound, absent in a new room 10000"`
	MaxBytes       *int64 `json:"max_bytes,omitempty" min:"0" max:"1000000000000000" jsonschema:"keep at most about so many bytes of memory of each partition; 0 is no bound, absent in a new room 16 MiB"`
	MaxAgeMS       *int64 `json:"max_age_ms,omitempty" min:"0" max:"1000000000000" jsonschema:"keep events so many milliseconds; 0 is no bound, as is absent in a new room"`
	KeepUnread     *int64 `json:"keep_unread_bytes,omitempty" min:"0" max:"1000000000000000" jsonschema:"whatever the bounds above say, keep what the slowest group has not committed while the partition holds at most so many bytes; 0 heeds no group"`
	DedupeWindowMS *int64 `json:"dedupe_window_ms,omitempty" min:"0" max:"86400000" jsonschema:"remember dedupe ids so many milliseconds; 0 remembers none, absent in a new room two minutes"`
}

func (p *Policy) isEmpty() bool { return *p == Policy{} }

// over returns the configuration with what the policy says changed.
func (p *Policy) over(c *config) *config {
	if p.isEmpty() {
		return c
	}
	changed := *c
	set := func(field *int64, v *int64) {
		if v != nil {
			*field = *v
		}
	}
	set(&changed.maxEvents, p.MaxEvents)
	set(&changed.maxBytes, p.MaxBytes)
	set(&changed.maxAge, p.MaxAgeMS)
	set(&changed.keepUnread, p.KeepUnread)
	set(&changed.window, p.DedupeWindowMS)
	return &changed
}

// CreateRequest asks for a room.
type CreateRequest struct {
	Room       string `json:"room" max:"512" jsonschema:"the room's name"`
	Partitions int    `json:"partitions,omitempty" default:"1" min:"1" max:"256" jsonschema:"how many partitions it has, for good: events are in order within a partition only"`
	IfAbsent   bool   `json:"if_absent,omitempty" jsonschema:"leave a room that exists as it is, instead of an error"`
	Policy
}

// Resource is the room.
func (r *CreateRequest) Resource() auth.Resource { return auth.Name(structureName, r.Room) }

// Validate checks the name.
func (r *CreateRequest) Validate() error { return checkRoom(r.Room) }

// CreateResponse says what there is now.
type CreateResponse struct {
	Created    bool  `json:"created" jsonschema:"false when the room existed and was left as it is"`
	Generation int64 `json:"generation" jsonschema:"of the room: another one means that it was deleted and made anew"`
	Partitions int   `json:"partitions"`
	command.Receipt
}

func (s *Streams) create(_ context.Context, tx *command.Tx, r *CreateRequest) (resp CreateResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.rooms[r.Room]; old != nil {
		if !r.IfAbsent {
			return resp, fault.New(fault.AlreadyExists, "room %q exists: change it with stream.update", r.Room)
		}
		return CreateResponse{Generation: old.generation, Partitions: len(old.partitions)}, nil
	}
	op, err := s.birth(r.Room, r.Partitions, r.over(defaultConfig), tx.Now())
	if err != nil {
		return resp, err
	}
	return CreateResponse{Created: true, Generation: op.generation, Partitions: r.Partitions}, s.commit(tx, op)
}

// birth is the op that makes a room that does not exist. The caller holds s.mu alone.
func (s *Streams) birth(name string, partitions int, c *config, now int64) (*roomOp, error) {
	if len(s.rooms) >= s.max.MaxRooms {
		return nil, fault.New(fault.Exhausted, "there are %d rooms, and no more are allowed", s.max.MaxRooms).
			With("limit", s.max.MaxRooms)
	}
	return &roomOp{head: head{name, max(now, s.last+1)}, partitions: partitions, config: c}, nil
}

// UpdateRequest changes how much a room keeps.
type UpdateRequest struct {
	Room string `json:"room" max:"512" jsonschema:"the room"`
	Policy
}

// Resource is the room.
func (r *UpdateRequest) Resource() auth.Resource { return auth.Name(structureName, r.Room) }

// Validate wants something to change.
func (r *UpdateRequest) Validate() error {
	if r.isEmpty() {
		return fault.New(fault.Invalid, "nothing to change: give at least one of max_events, max_bytes, max_age_ms, "+
			"keep_unread_bytes, dedupe_window_ms; the number of partitions is fixed")
	}
	return checkRoom(r.Room)
}

// UpdateResponse says what was dropped because of it.
type UpdateResponse struct {
	Trimmed int64 `json:"trimmed" jsonschema:"how many events were dropped to meet the new bounds"`
	command.Receipt
}

func (s *Streams) update(_ context.Context, tx *command.Tx, r *UpdateRequest) (resp UpdateResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := s.rooms[r.Room]
	if room == nil {
		return resp, noRoom(r.Room)
	}
	before := room.count()
	op := &roomOp{head: room.head(), partitions: len(room.partitions), config: r.over(room.config)}
	if *op.config == *room.config {
		return resp, nil
	}
	err = s.commit(tx, room.trims(op.config, tx.Now(), everything, []journal.Op{op})...)
	resp.Trimmed = before - room.count()
	return resp, err
}

// RoomRequest names a room.
type RoomRequest struct {
	Room string `json:"room" max:"512" jsonschema:"the room"`
}

// Resource is the room.
func (r *RoomRequest) Resource() auth.Resource { return auth.Name(structureName, r.Room) }

// DeleteResponse says whether there was something to delete.
type DeleteResponse struct {
	Found  bool  `json:"found" jsonschema:"whether the room existed"`
	Events int64 `json:"events" jsonschema:"how many events it held"`
	command.Receipt
}

func (s *Streams) delete(_ context.Context, tx *command.Tx, r *RoomRequest) (resp DeleteResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := s.rooms[r.Room]
	if room == nil {
		return resp, nil
	}
	return DeleteResponse{Found: true, Events: room.count()}, s.commit(tx, &dropOp{room.head()})
}
