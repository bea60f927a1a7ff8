package stream

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// FetchRequest asks for the events that are a member's to handle.
type FetchRequest struct {
	MemberRequest
	Generation int64  `json:"generation,omitempty" jsonschema:"the generation that the member knows: if it is over, the answer is conflict"`
	Event      string `json:"event,omitempty" max:"256" jsonschema:"only events of this type; a * at the end stands for anything: task.*"`
	Limit      int    `json:"limit,omitempty" default:"100" min:"1" max:"10000" jsonschema:"answer with at most so many events, shared out evenly over the partitions"`
	MaxBytes   int64  `json:"max_bytes,omitempty" default:"1048576" min:"1" max:"16777216" jsonschema:"answer with at most about so many bytes; one event of each partition is always answered, if the limit allows"`
	WaitMS     int64  `json:"wait_ms,omitempty" min:"0" max:"25000" jsonschema:"how long to wait for the first event, in milliseconds; the member stays alive meanwhile"`
	Wait       int64  `json:"wait,omitempty" min:"0" max:"25" jsonschema:"how long to wait for the first event, in seconds"`
}

// Validate checks the names.
func (r *FetchRequest) Validate() error {
	if err := checkFilter(r.Event); err != nil {
		return err
	}
	return r.MemberRequest.Validate()
}

// FetchResponse is events of the member's partitions.
type FetchResponse struct {
	Generation int64   `json:"generation" jsonschema:"of the group: pass it to commit"`
	Assigned   []int   `json:"assigned" jsonschema:"the partitions that are the member's now"`
	Batches    []Batch `json:"batches" jsonschema:"the events, partition by partition; empty when there are none, or none came in time"`
	command.Receipt
}

// Batch is events of one partition.
type Batch struct {
	Partition  int      `json:"partition"`
	Events     []*Event `json:"events" jsonschema:"oldest first, from the committed offset on; empty when none is of the wanted type"`
	NextOffset uint64   `json:"next_offset" jsonschema:"commit this when they are handled; until then they are fetched again"`
	Lost       uint64   `json:"lost,omitempty" jsonschema:"how many the group had not committed that are gone"`
	Lag        uint64   `json:"lag,omitempty" jsonschema:"how many events follow"`
}

func (s *Streams) fetch(ctx context.Context, tx *command.Tx, r *FetchRequest) (resp FetchResponse, err error) {
	until := tx.Now() + max(r.WaitMS, r.Wait*1000)
	for {
		var w fetchWait
		if tx.Now() < until {
			w.ready = make(chan struct{}, 1)
		}
		resp, err = s.fetchNow(tx, r, &w)
		if err != nil || len(resp.Batches) > 0 || w.ready == nil {
			return resp, err
		}
		// A member that waits is alive: it wakes up when its deadline is to be moved.
		next := min(until, w.renewal)
		woken, err := command.Wait(ctx, w.ready, time.Duration(next-tx.Now())*time.Millisecond)
		if s.unwait(r, &w); err != nil {
			return resp, fault.From(err)
		}
		if tx.Later(); !woken && tx.Now() < next {
			until = 0 // in a transaction nothing comes by waiting
		}
	}
}

// fetchWait is what a fetch waits for.
type fetchWait struct {
	ready      chan struct{} // nil when it does not wait
	partitions []int
	renewal    int64 // when the member's deadline is to be moved on, in Unix milliseconds
}

// fetchNow reads what there is. If that is nothing, w is told when to look again.
func (s *Streams) fetchNow(tx *command.Tx, r *FetchRequest, w *fetchWait) (resp FetchResponse, err error) {
	room, g, err := s.locked(&r.GroupRequest)
	if err != nil {
		return resp, err
	}
	defer s.unlock(room)
	m, err := g.member(r.Member, tx.Caller().Name)
	if err != nil {
		return resp, err
	}
	if err := g.fence(r.Generation); err != nil {
		return resp, err
	}
	if err := s.renew(tx, room, g, m); err != nil {
		return resp, err
	}
	resp = FetchResponse{Generation: g.generation, Assigned: owned(m.partitions), Batches: room.batches(g, m, r)}
	if len(resp.Batches) == 0 && w.ready != nil {
		w.partitions, w.renewal = m.partitions, m.deadline-g.session/2
		g.waiting.add(w.ready)
		for _, i := range w.partitions {
			room.partitions[i].waiting.add(w.ready)
		}
	}
	return resp, nil
}

// unwait takes the fetch's channel away from all that it waited for.
func (s *Streams) unwait(r *FetchRequest, w *fetchWait) {
	room := s.lock(r.Room)
	if room == nil {
		return
	}
	defer s.unlock(room)
	if g := room.groups[r.Group]; g != nil {
		g.waiting.remove(w.ready)
	}
	for _, i := range w.partitions {
		if i < len(room.partitions) {
			room.partitions[i].waiting.remove(w.ready)
		}
	}
}

// batches reads the member's partitions from where the group stands. What one partition leaves of its share
// goes to those after it.
func (r *room) batches(g *group, m *member, req *FetchRequest) []Batch {
	batches := []Batch{}
	limit, bytes := req.Limit, req.MaxBytes
	wanted := newFilter(req.Event)
	order := m.partitions
	if limit < len(order) { // not everybody gets a turn: whoever waits the longest goes first
		order = slices.Clone(order)
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(r.waitsSince(g, a), r.waitsSince(g, b)) })
	}
	for n, i := range order {
		p := &r.partitions[i]
		left := len(order) - n
		share := max(1, limit/left)
		if g.positions[i] >= p.next || limit == 0 {
			continue
		}
		c := cursor{wanted: wanted, limit: share, maxBytes: max(1, bytes/int64(left)), offset: g.positions[i]}
		var found ReadResponse
		b := Batch{Partition: i}
		b.Lost, bytes = c.read(p, &found), max(0, bytes-c.bytes)
		limit -= len(found.Events)
		b.Events, b.NextOffset, b.Lag = found.Events, c.offset, p.next-c.offset
		if b.Events == nil {
			b.Events = []*Event{}
		}
		batches = append(batches, b)
	}
	return batches
}

// waitsSince is when the first event of the partition that the group has not committed was appended.
func (r *room) waitsSince(g *group, i int) int64 {
	p := &r.partitions[i]
	if offset := max(g.positions[i], p.oldest); offset < p.next {
		return p.at(offset).At
	}
	return math.MaxInt64
}

// CommitRequest says how far a member has read.
type CommitRequest struct {
	MemberRequest
	Generation int64             `json:"generation" min:"1" jsonschema:"the generation of the fetch; if it is over, the answer is conflict and nothing is committed"`
	Offsets    []PartitionOffset `json:"offsets" max:"256" jsonschema:"for each partition the offset to read next: the next_offset of what was fetched. A lower one than before goes back"`
}

// Validate wants a generation and every partition once.
func (r *CommitRequest) Validate() error {
	if r.Generation == 0 {
		return fault.New(fault.Invalid, `"generation" is required: it is in the answer of fetch`).With("field", "generation")
	}
	seen := map[int]bool{}
	for _, o := range r.Offsets {
		if seen[o.Partition] {
			return fault.New(fault.Invalid, "partition %d is given twice", o.Partition).With("field", "offsets")
		}
		seen[o.Partition] = true
	}
	return r.MemberRequest.Validate()
}

// CommitResponse is worth its receipt.
type CommitResponse struct {
	Committed []PartitionOffset `json:"committed" jsonschema:"where the group stands now in these partitions"`
	command.Receipt
}

func (s *Streams) commitOffsets(_ context.Context, tx *command.Tx, r *CommitRequest) (resp CommitResponse, err error) {
	room, g, err := s.locked(&r.GroupRequest)
	if err != nil {
		return resp, err
	}
	defer s.unlock(room)
	m, err := g.member(r.Member, tx.Caller().Name)
	if err != nil {
		return resp, err
	}
	if err := g.fence(r.Generation); err != nil {
		return resp, err
	}
	for _, o := range r.Offsets {
		if err := room.checkPartition(o.Partition); err != nil {
			return resp, err
		}
		if !slices.Contains(m.partitions, o.Partition) {
			return resp, fault.New(fault.Conflict, "partition %d is not member %q's", o.Partition, m.id).With("partition", o.Partition)
		}
		if next := room.partitions[o.Partition].next; o.Offset > next {
			return resp, fault.New(fault.OutOfRange, "offset %d of partition %d is not there yet: the next one is %d",
				o.Offset, o.Partition, next).With("field", "offsets").With("next_offset", next)
		}
	}
	op := &progressOp{head: room.head(), group: g.name, member: m.id, deadline: tx.Now() + g.session, offsets: r.Offsets}
	if err := s.commit(tx, op); err != nil {
		return resp, err
	}
	return CommitResponse{Committed: r.Offsets}, s.release(tx, room)
}
