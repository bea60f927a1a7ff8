package stream

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// TrimRequest drops the old end of a room.
type TrimRequest struct {
	Room         string  `json:"room" max:"512" jsonschema:"the room"`
	Partition    *int    `json:"partition,omitempty" jsonschema:"only this partition; absent is all of them"`
	BeforeOffset *uint64 `json:"before_offset,omitempty" jsonschema:"drop the events before this offset"`
	BeforeTime   *int64  `json:"before_time,omitempty" min:"0" max:"9007199254740991" jsonschema:"drop the events older than this time, in Unix milliseconds"`
	Keep         *uint64 `json:"keep,omitempty" jsonschema:"keep the newest so many of each partition and drop the others; 0 empties"`
}

// Resource is the room.
func (r *TrimRequest) Resource() auth.Resource { return auth.Name(structureName, r.Room) }

// Validate wants one measure.
func (r *TrimRequest) Validate() error {
	n := 0
	for _, given := range [...]bool{r.BeforeOffset != nil, r.BeforeTime != nil, r.Keep != nil} {
		if given {
			n++
		}
	}
	if n != 1 {
		return fault.New(fault.Invalid, `give one of "before_offset", "before_time" and "keep"`)
	}
	return checkRoom(r.Room)
}

// TrimResponse says what went.
type TrimResponse struct {
	Trimmed uint64 `json:"trimmed" jsonschema:"how many events were dropped; offsets go on as before"`
	command.Receipt
}

func (s *Streams) trim(_ context.Context, tx *command.Tx, r *TrimRequest) (resp TrimResponse, err error) {
	room, err := s.find(r.Room)
	if err != nil {
		return resp, err
	}
	defer s.unlock(room)
	from, to := 0, len(room.partitions)
	if r.Partition != nil {
		if err := room.checkPartition(*r.Partition); err != nil {
			return resp, err
		}
		from, to = *r.Partition, *r.Partition+1
	}
	var ops []journal.Op
	for i := from; i < to; i++ {
		p := &room.partitions[i]
		before, err := r.before(p, i)
		if err != nil {
			return resp, err
		}
		if before > p.oldest {
			resp.Trimmed += before - p.oldest
			ops = append(ops, room.trim(i, before))
		}
	}
	if len(ops) == 0 {
		return resp, nil
	}
	return resp, s.commit(tx, ops...)
}

// before is the offset before which the partition's events go.
func (r *TrimRequest) before(p *partition, i int) (uint64, error) {
	switch {
	case r.Keep != nil:
		return p.next - min(*r.Keep, uint64(p.count())), nil //nolint:gosec // never negative
	case r.BeforeTime != nil:
		return p.since(*r.BeforeTime), nil
	case *r.BeforeOffset > p.next:
		return 0, fault.New(fault.OutOfRange, "offset %d of partition %d is not there yet: the next one is %d",
			*r.BeforeOffset, i, p.next).With("field", "before_offset").With("next_offset", p.next)
	}
	return *r.BeforeOffset, nil
}
