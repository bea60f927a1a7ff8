package stream

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// condition lets a transaction depend on how far a room has come.
var condition = &command.Condition{Check: "stream.check", Field: "room", Marks: []string{"generation", "next_offset"}}

// checking declares the command that makes a condition of a room.
func checking() *command.Command {
	return command.Read(command.Info{
		Name: "stream.check", Op: 0x030a, Args: "room",
		Summary: "Check that a room is as you expect: conflict if it is not.",
		Doc: "This is how a transaction depends on a room: a condition of txn.exec is a request of this command. Offsets are of one partition; a " +
			"room with several has to be asked for one of them. A room that does not exist has the generation 0, and its next offset is 0.",
	}, (*Streams).expect)
}

// CheckRequest says what is expected of a room. What is not given is not checked.
type CheckRequest struct {
	Room          string  `json:"room" max:"512" jsonschema:"the room"`
	Partition     *int    `json:"partition,omitempty" jsonschema:"which partition the offsets are of; needed when there are several"`
	Exists        *bool   `json:"exists,omitempty" jsonschema:"whether the room exists"`
	Generation    *int64  `json:"generation,omitempty" jsonschema:"the room has this generation, 0 for a room that does not exist: another one means that it was deleted and made anew"`
	NextOffset    *uint64 `json:"next_offset,omitempty" jsonschema:"the next event gets just this offset: nobody has appended since"`
	MinNextOffset *uint64 `json:"min_next_offset,omitempty" jsonschema:"the next event gets at least this offset"`
	MaxNextOffset *uint64 `json:"max_next_offset,omitempty" jsonschema:"the next event gets at most this offset"`
}

// Resource is the room.
func (r *CheckRequest) Resource() auth.Resource { return auth.Name(structureName, r.Room) }

// Validate refuses what cannot be a room, and bounds that nothing is between.
func (r *CheckRequest) Validate() error {
	if r.MinNextOffset != nil && r.MaxNextOffset != nil && *r.MinNextOffset > *r.MaxNextOffset {
		return fault.New(fault.Invalid, `"min_next_offset" is %d and "max_next_offset" %d: no offset is both`,
			*r.MinNextOffset, *r.MaxNextOffset).With("field", "max_next_offset")
	}
	return checkRoom(r.Room)
}

// CheckResponse is what there is.
type CheckResponse struct {
	Exists     bool   `json:"exists" jsonschema:"whether the room exists"`
	Generation int64  `json:"generation" jsonschema:"of the room; 0 when it does not exist"`
	NextOffset uint64 `json:"next_offset" jsonschema:"the offset that the partition's next event gets"`
}

func (s *Streams) expect(_ context.Context, r *CheckRequest) (resp CheckResponse, err error) {
	if room := s.lock(r.Room); room != nil {
		i, err := room.pick(r.Partition)
		if err == nil {
			resp = CheckResponse{Exists: true, Generation: room.generation, NextOffset: room.partitions[i].next}
		}
		s.unlock(room)
		if err != nil {
			return resp, err
		}
	}
	return resp, r.compare(resp)
}

// compare reports the first expectation that is not met.
func (r *CheckRequest) compare(found CheckResponse) error {
	next := found.NextOffset
	switch {
	case r.Exists != nil && *r.Exists != found.Exists && found.Exists:
		return command.Unmet("exists", false, true, "room %q exists", r.Room)
	case r.Exists != nil && *r.Exists != found.Exists:
		return command.Unmet("exists", true, false, "there is no room %q", r.Room)
	case r.Generation != nil && *r.Generation != found.Generation:
		return command.Unmet("generation", *r.Generation, found.Generation, "the generation of room %q is %d, not the expected %d",
			r.Room, found.Generation, *r.Generation)
	case r.NextOffset != nil && next != *r.NextOffset:
		return command.Unmet("next_offset", *r.NextOffset, next, "the next offset of room %q is %d, not the expected %d",
			r.Room, next, *r.NextOffset)
	case r.MinNextOffset != nil && next < *r.MinNextOffset:
		return command.Unmet("min_next_offset", *r.MinNextOffset, next, "the next offset of room %q is %d; at least %d was expected",
			r.Room, next, *r.MinNextOffset)
	case r.MaxNextOffset != nil && next > *r.MaxNextOffset:
		return command.Unmet("max_next_offset", *r.MaxNextOffset, next, "the next offset of room %q is %d; at most %d was expected",
			r.Room, next, *r.MaxNextOffset)
	}
	return nil
}
