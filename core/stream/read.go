package stream

import (
	"context"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// Limits of one answer.
const (
	maxRead        = 10_000
	maxReadBytes   = 16 << 20
	scannedPerLook = 16_384 // events looked at under the room's lock in search of the wanted types
)

// Beginning says where to begin in a room. Nothing given is the choice of the command.
type Beginning struct {
	FromOffset *uint64 `json:"from_offset,omitempty" jsonschema:"begin with this offset: next_offset of the answer before goes on where that ended"`
	FromTime   *int64  `json:"from_time,omitempty" min:"0" max:"9007199254740991" jsonschema:"begin with the first event that is not older than this time, in Unix milliseconds"`
	Start      string  `json:"start,omitempty" enum:"earliest,latest" jsonschema:"begin with the earliest event there is, or with what comes after the latest"`
}

func (s *Beginning) validate() error {
	n := 0
	for _, given := range [...]bool{s.FromOffset != nil, s.FromTime != nil, s.Start != ""} {
		if given {
			n++
		}
	}
	if n > 1 {
		return fault.New(fault.Invalid, `"from_offset", "from_time" and "start" all say where to begin: give one of them`)
	}
	return nil
}

// given reports whether the request says where to begin.
func (s *Beginning) given() bool { return s.FromOffset != nil || s.FromTime != nil || s.Start != "" }

// offset returns where to begin in the partition.
func (s *Beginning) offset(p *partition) uint64 {
	switch {
	case s.FromOffset != nil:
		return *s.FromOffset
	case s.FromTime != nil:
		return p.since(*s.FromTime)
	case s.Start == "earliest":
		return p.oldest
	}
	return p.next
}

// ReadRequest asks for events of a room.
type ReadRequest struct {
	Room       string `json:"room" max:"512" jsonschema:"the room"`
	Partition  *int   `json:"partition,omitempty" jsonschema:"which partition; needed when there are several"`
	Beginning         // nothing given: the newest limit events
	Generation int64  `json:"generation,omitempty" jsonschema:"the generation that the offset belongs to; with another one the answer is conflict"`
	Event      string `json:"event,omitempty" max:"256" jsonschema:"only events of this type; a * at the end stands for anything: task.*"`
	Limit      int    `json:"limit,omitempty" default:"100" min:"1" max:"10000" jsonschema:"answer with at most so many events"`
	MaxBytes   int64  `json:"max_bytes,omitempty" default:"1048576" min:"1" max:"16777216" jsonschema:"answer with at most about so many bytes; one event is always answered"`
	ValueBytes int    `json:"value_bytes,omitempty" min:"0" max:"16777216" jsonschema:"cut longer data to so many bytes and say in truncated how long it is; 0 cuts nothing"`
	WaitMS     int64  `json:"wait_ms,omitempty" min:"0" max:"25000" jsonschema:"how long to wait for the first event, in milliseconds"`
	Wait       int64  `json:"wait,omitempty" min:"0" max:"25" jsonschema:"how long to wait for the first event, in seconds"`
}

// Resource is the room.
func (r *ReadRequest) Resource() auth.Resource { return auth.Name(structureName, r.Room) }

// Validate checks the names and that there is one beginning.
func (r *ReadRequest) Validate() error {
	if err := checkRoom(r.Room); err != nil {
		return err
	}
	if err := checkFilter(r.Event); err != nil {
		return err
	}
	return r.validate()
}

// ReadResponse is events in order, and where to go on.
type ReadResponse struct {
	Events       []*Event `json:"events" jsonschema:"oldest first; empty when there are none, or none came in time"`
	NextOffset   uint64   `json:"next_offset" jsonschema:"pass it as from_offset to go on; after an empty answer too"`
	OldestOffset uint64   `json:"oldest_offset" jsonschema:"the first offset that the room still holds"`
	Lost         uint64   `json:"lost,omitempty" jsonschema:"how many events between the offset that was asked for and the first one held are gone"`
	More         bool     `json:"more,omitempty" jsonschema:"true when there is more to read right away"`
	Generation   int64    `json:"generation,omitempty" jsonschema:"of the room: another one means that it was deleted and made anew; absent while there is no such room"`
}

// cursor is a reader's place in a room.
type cursor struct {
	room       string
	partition  *int
	wanted     filter
	limit      int
	maxBytes   int64
	valueBytes int
	outside    bool // reads without the namespace's gate

	placed     bool   // the rest says where the reader is
	index      int    // of the partition
	offset     uint64 // to read next
	generation int64  // of the room; 0 when there was none
	bytes      int64  // about how much the last read came to
}

func (s *Streams) read(ctx context.Context, r *ReadRequest) (ReadResponse, error) {
	c := &cursor{
		room: r.Room, partition: r.Partition, wanted: newFilter(r.Event),
		limit: r.Limit, maxBytes: r.MaxBytes, valueBytes: r.ValueBytes, generation: r.Generation,
	}
	wait := max(time.Duration(r.WaitMS)*time.Millisecond, time.Duration(r.Wait)*time.Second)
	until := time.Now().Add(wait)
	var lost uint64
	for {
		var ready chan struct{}
		if wait > 0 {
			ready = make(chan struct{}, 1)
		}
		resp, _, err := s.look(c, &r.Beginning, ready)
		lost += resp.Lost
		resp.Lost = lost
		if err != nil || len(resp.Events) > 0 || resp.More || ready == nil {
			return resp, err
		}
		woken, err := command.Wait(ctx, ready, time.Until(until))
		if s.leave(c.room, c.index, ready); err != nil {
			return resp, fault.From(err)
		}
		if !woken {
			wait = 0 // one last look
		}
	}
}

// look reads what there is for the cursor and moves it on. If that is nothing, ready is told when to look again.
// A reader outside of the gate gets held while a transaction is going on: then it waits until that is closed.
func (s *Streams) look(c *cursor, start *Beginning, ready chan struct{}) (resp ReadResponse, held *chan struct{}, err error) {
	resp.Events = []*Event{}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.rooms[c.room]
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
	}
	// A hold begins under the locks of what is about to change, and these are held.
	if held := s.hold.Load(); held != nil && c.outside {
		return resp, held, nil
	}
	if r == nil {
		return resp, nil, s.lookAbsent(c, start, ready)
	}
	if err := c.place(r, start); err != nil {
		return resp, nil, err
	}
	p := &r.partitions[c.index]
	resp.Lost = c.read(p, &resp)
	resp.NextOffset, resp.OldestOffset, resp.Generation = c.offset, p.oldest, r.generation
	resp.More = c.offset < p.next
	if ready != nil && len(resp.Events) == 0 && !resp.More {
		p.waiting.add(ready)
	}
	return resp, nil, nil
}

// lookAbsent is look at a room that does not exist: it is as one that is empty yet. Streams.mu is held.
func (s *Streams) lookAbsent(c *cursor, start *Beginning, ready chan struct{}) error {
	if c.generation != 0 || (!c.placed && start.FromOffset != nil && *start.FromOffset > 0) {
		return fault.New(fault.NotFound, "there is no room %q (any more): it was deleted, or never made", c.room)
	}
	c.placed, c.offset = true, 0
	if ready != nil {
		s.absent.add(c.room, ready)
	}
	return nil
}

// place finds the reader's beginning, and refuses a place that belongs to another room of the name.
func (c *cursor) place(r *room, start *Beginning) (err error) {
	if c.generation != 0 && c.generation != r.generation {
		return remade(r, c.index)
	}
	fresh := c.generation == 0 // the offset, if there is one, was found while there was no room: it is 0
	c.generation = r.generation
	if c.placed && !fresh {
		return nil
	}
	if c.index, err = r.pick(c.partition); err != nil {
		return err
	}
	p := &r.partitions[c.index]
	switch {
	case c.placed:
	case start.given():
		c.offset = start.offset(p)
	default:
		c.offset = c.tail(p)
	}
	c.placed = true
	if c.offset > p.next {
		return fault.New(fault.OutOfRange, "offset %d is not there yet: the next one of room %q is %d; was it deleted and made anew?",
			c.offset, r.name, p.next).With("next_offset", p.next).With("oldest_offset", p.oldest).With("generation", r.generation)
	}
	return nil
}

// remade is what a reader of an older generation is told.
func remade(r *room, partition int) error {
	p := &r.partitions[min(partition, len(r.partitions)-1)]
	return fault.New(fault.Conflict, "room %q was deleted and made anew: its generation is %d; read it from the start",
		r.name, r.generation).With("generation", r.generation).With("oldest_offset", p.oldest).With("next_offset", p.next)
}

// tail is the offset from which the newest wanted events are as many as the limit.
func (c *cursor) tail(p *partition) uint64 {
	if c.wanted.all() {
		return p.next - min(uint64(c.limit), uint64(p.count())) //nolint:gosec // neither is negative
	}
	offset := p.next
	for found, seen := 0, 0; offset > p.oldest && found < c.limit && seen < scannedPerLook; seen++ {
		offset--
		if c.wanted.matches(p.at(offset)) {
			found++
		}
	}
	return offset
}

// read appends the events from the cursor on to the answer, as many as it may, moves the cursor, and returns
// how many it lost.
func (c *cursor) read(p *partition, resp *ReadResponse) (lost uint64) {
	if c.offset < p.oldest {
		lost, c.offset = p.oldest-c.offset, p.oldest
	}
	c.bytes = 0
	if c.wanted.all() && c.offset < p.next {
		resp.Events = make([]*Event, 0, min(uint64(c.limit), p.next-c.offset)) //nolint:gosec // never negative
	}
	for seen := 0; c.offset < p.next && len(resp.Events) < c.limit && seen < scannedPerLook; seen++ {
		e := p.at(c.offset)
		if c.wanted.matches(e) {
			e = e.cut(c.valueBytes)
			size := eventBytes + int64(e.Data.Len())
			if c.bytes+size > c.maxBytes && len(resp.Events) > 0 {
				break
			}
			c.bytes += size
			resp.Events = append(resp.Events, e)
		}
		c.offset++
	}
	return lost
}
