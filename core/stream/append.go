package stream

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// NewEvent is an event that is to be appended.
type NewEvent struct {
	Event    string            `json:"event,omitempty" jsonschema:"its type, such as task.done"`
	Data     value.Value       `json:"data,omitzero" jsonschema:"what happened: text, JSON or bytes"`
	Headers  map[string]string `json:"headers,omitempty" jsonschema:"short facts about it, at most 64 of them"`
	Key      string            `json:"key,omitempty" jsonschema:"what it is about: events with the same key keep their order, in the same partition"`
	DedupeID string            `json:"dedupe_id,omitempty" jsonschema:"an id of your own: a second event with it, within the room's window, is not appended and answered as the first was"`
}

// AppendRequest is one event, or several.
type AppendRequest struct {
	Room string `json:"room" jsonschema:"the room; it is made on first use"`
	NewEvent
	Events         []NewEvent `json:"events,omitempty" max:"1000" jsonschema:"several events, instead of the fields of one; all are appended or none"`
	Partition      *int       `json:"partition,omitempty" jsonschema:"append to this partition, whatever the key says"`
	ExpectedOffset *uint64    `json:"expected_offset,omitempty" jsonschema:"append only if the event, or the first of several, gets just this offset; else conflict"`
}

// Begin makes it a request of several events for a partition of a room, which Add adds. Those who carry events from server to server, and
// do not know this package, make requests so, without encoding and decoding them.
func (r *AppendRequest) Begin(room string, partition, events int) {
	*r = AppendRequest{Room: room, Partition: &partition, Events: make([]NewEvent, 0, events)}
}

// Add adds an event. The headers are the request's from then on.
func (r *AppendRequest) Add(event string, data value.Value, headers map[string]string, key string) {
	r.Events = append(r.Events, NewEvent{Event: event, Data: data, Headers: headers, Key: key})
}

// Resource is the room.
func (r *AppendRequest) Resource() auth.Resource { return auth.Name(structureName, r.Room) }

// Validate checks either form.
func (r *AppendRequest) Validate() error {
	if err := checkRoom(r.Room); err != nil {
		return err
	}
	if len(r.Events) == 0 {
		if r.Data.IsZero() {
			return fault.New(fault.Invalid, `"data" is required, or "events"`).With("field", "data")
		}
		return r.NewEvent.validate()
	}
	if r.Event != "" || !r.Data.IsZero() || len(r.Headers) > 0 || r.Key != "" || r.DedupeID != "" {
		return fault.New(fault.Invalid, `"events" stands for itself: each has event, data, headers, key and dedupe_id of its own`)
	}
	bytes := 0
	for i := range r.Events {
		if err := r.Events[i].validate(); err != nil {
			return fault.From(err).With("index", i)
		}
		bytes += r.Events[i].Data.Len()
	}
	if bytes > MaxBatchBytes {
		return fault.New(fault.TooLarge, "the events have %d bytes of data together; at most %d are allowed", bytes, MaxBatchBytes).
			With("limit", MaxBatchBytes)
	}
	return nil
}

func (e *NewEvent) validate() error {
	if e.Data.IsZero() {
		return fault.New(fault.Invalid, `"data" is required`).With("field", "data")
	}
	if err := checkName("event", e.Event); err != nil {
		return err
	}
	if err := checkName("key", e.Key); err != nil {
		return err
	}
	if err := checkName("dedupe_id", e.DedupeID); err != nil {
		return err
	}
	if e.Headers == nil {
		return nil
	}
	return checkHeaders(e.Headers)
}

// AppendResponse says where the event is now.
type AppendResponse struct {
	Room       string     `json:"room"`
	Offset     uint64     `json:"offset" jsonschema:"the event's offset, of several the first's"`
	Partition  int        `json:"partition,omitempty" jsonschema:"the partition that it is in; absent is 0"`
	NextOffset uint64     `json:"next_offset" jsonschema:"the offset that the partition's next event gets: what expected_offset is compared with"`
	Generation int64      `json:"generation" jsonschema:"of the room: another one means that it was deleted and made anew"`
	Duplicate  bool       `json:"duplicate,omitempty" jsonschema:"true when the dedupe_id was known: the event was appended before"`
	Events     []Appended `json:"events,omitempty" jsonschema:"of several, where each of them is"`
	command.Receipt
}

// Appended is where one event of several is.
type Appended struct {
	Offset    uint64 `json:"offset"`
	Partition int    `json:"partition,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

func (s *Streams) append(_ context.Context, tx *command.Tx, r *AppendRequest) (resp AppendResponse, err error) {
	if err := s.checkSizes(r); err != nil {
		return resp, err
	}
	if err := r.checkReserved(tx.Caller()); err != nil {
		return resp, err
	}
	room := s.lock(r.Room)
	if room == nil {
		return s.appendFirst(tx, r)
	}
	defer s.unlock(room)
	ops, resp, err := room.plan(r, tx.Now(), tx.Caller().Name)
	if err != nil || len(ops) == 0 {
		return resp, err
	}
	return resp, s.commit(tx, ops...)
}

// checkReserved refuses headers that say where an event of another server comes from to whoever may not exchange events with
// others: what is passed over because it is here already, or was made here, hangs on them.
func (r *AppendRequest) checkReserved(caller *auth.Identity) error {
	found := anyReserved(r.Headers)
	for i := range r.Events {
		found = found || anyReserved(r.Events[i].Headers)
	}
	if !found {
		return nil
	}
	if err := caller.Check(auth.Write, auth.Any("peer")); err != nil {
		return fault.New(fault.Denied, "headers that begin with %s say where events of other servers come from; who sets them needs write access to peers",
			reserved).With("field", "headers")
	}
	return nil
}

func anyReserved(headers map[string]string) bool {
	for k := range headers {
		if isReserved(k) {
			return true
		}
	}
	return false
}

func (s *Streams) checkSizes(r *AppendRequest) error {
	most := r.Data.Len()
	for i := range r.Events {
		most = max(most, r.Events[i].Data.Len())
	}
	if most <= s.max.MaxEventBytes {
		return nil
	}
	return fault.New(fault.TooLarge, "the data is %d bytes long; at most %d are allowed", most, s.max.MaxEventBytes).
		With("field", "data").With("limit", s.max.MaxEventBytes)
}

// appendFirst makes the room, with the defaults, and appends to it in one record.
func (s *Streams) appendFirst(tx *command.Tx, r *AppendRequest) (resp AppendResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, by := tx.Now(), tx.Caller().Name
	if room := s.rooms[r.Room]; room != nil { // somebody else was first
		ops, resp, err := room.plan(r, now, by)
		if err != nil || len(ops) == 0 {
			return resp, err
		}
		return resp, s.commit(tx, ops...)
	}
	birth, err := s.birth(r.Room, 1, defaultConfig, now)
	if err != nil {
		return resp, err
	}
	ops, resp, err := newRoom(birth).plan(r, now, by)
	if err != nil {
		return resp, err
	}
	return resp, s.commit(tx, append([]journal.Op{birth}, ops...)...)
}

// plan decides where the events go, and returns the ops that put them there and what to answer.
func (r *room) plan(req *AppendRequest, now int64, by string) ([]journal.Op, AppendResponse, error) {
	resp := AppendResponse{Room: r.name, Generation: r.generation}
	drafts := drafts{room: r, at: now, by: by}
	if len(req.Events) == 0 {
		a, err := drafts.add(&req.NewEvent, req.Partition)
		if err != nil {
			return nil, resp, err
		}
		resp.Offset, resp.Partition, resp.Duplicate = a.Offset, a.Partition, a.Duplicate
	} else {
		resp.Events = make([]Appended, len(req.Events))
		resp.Duplicate = true
		for i := range req.Events {
			a, err := drafts.add(&req.Events[i], req.Partition)
			if err != nil {
				return nil, resp, fault.From(err).With("index", i)
			}
			resp.Events[i] = a
			resp.Duplicate = resp.Duplicate && a.Duplicate
		}
		resp.Offset, resp.Partition = resp.Events[0].Offset, resp.Events[0].Partition
	}
	if req.ExpectedOffset != nil {
		if err := drafts.expect(*req.ExpectedOffset); err != nil {
			return nil, resp, err
		}
	}
	ops := drafts.ops()
	resp.NextOffset = drafts.next(resp.Partition)
	return ops, resp, nil
}

// drafts is the ops of an append in the making, at most one for each partition.
type drafts struct {
	room *room
	at   int64
	by   string
	all  []*appendOp     // in the order in which their partitions turned up
	ids  map[string]mark // the dedupe ids among them
}

// of returns the draft for a partition, or nil.
func (d *drafts) of(partition int) *appendOp {
	for _, op := range d.all {
		if op.partition == partition {
			return op
		}
	}
	return nil
}

// next is the offset that the partition's next event gets once the drafts are applied.
func (d *drafts) next(partition int) uint64 {
	if op := d.of(partition); op != nil {
		return op.first + uint64(len(op.events))
	}
	return d.room.partitions[partition].next
}

// add puts the event into the draft of its partition, unless its dedupe id is known.
func (d *drafts) add(e *NewEvent, asked *int) (Appended, error) {
	r := d.room
	if m, known := d.find(e.DedupeID); known {
		return Appended{Offset: m.offset, Partition: m.partition, Duplicate: true}, nil
	}
	i, err := r.route(asked, e.Key)
	if err != nil {
		return Appended{}, err
	}
	op := d.of(i)
	if op == nil {
		op = &appendOp{head: r.head(), partition: i, first: r.partitions[i].next, at: d.at, by: d.by}
		if newest := r.partitions[i].newest(); newest != nil {
			op.at = max(op.at, newest.At) // within a partition time never goes back
		}
		op.events = op.one[:0]
		d.all = append(d.all, op)
	}
	ev := &Event{
		Offset: op.first + uint64(len(op.events)), Event: e.Event, Data: e.Data, Headers: e.Headers, Key: e.Key,
		At: op.at, By: d.by, dedupe: e.DedupeID,
	}
	ev.weigh()
	op.events = append(op.events, ev)
	if e.DedupeID != "" && r.config.window > 0 {
		if d.ids == nil {
			d.ids = map[string]mark{}
		}
		d.ids[e.DedupeID] = mark{e.DedupeID, i, ev.Offset, ev.At}
	}
	return Appended{Offset: ev.Offset, Partition: i}, nil
}

// find returns the event that has the dedupe id, among those of the room and those to be.
func (d *drafts) find(id string) (mark, bool) {
	if id == "" {
		return mark{}, false
	}
	if m, ok := d.ids[id]; ok {
		return m, true
	}
	return d.room.dedupe.find(id, d.room.config.window, d.at)
}

// expect refuses drafts whose first event does not get the offset. Without any, all were duplicates: then what
// was expected happened before.
func (d *drafts) expect(offset uint64) error {
	switch len(d.all) {
	case 0:
		return nil
	case 1:
	default:
		return fault.New(fault.Invalid, `"expected_offset" is about one partition and these events go to %d: give "partition"`,
			len(d.all)).With("field", "expected_offset")
	}
	op := d.all[0]
	if op.first == offset {
		return nil
	}
	return fault.New(fault.Conflict, "the next offset of room %q is %d, not the expected %d: somebody else appended",
		d.room.name, op.first, offset).With("next_offset", op.first).With("partition", op.partition).
		With("generation", d.room.generation)
}

// ops finishes the drafts: what no longer fits goes.
func (d *drafts) ops() []journal.Op {
	r := d.room
	expired, marks := uint64(0), r.dedupe.next()
	if r.dedupe != nil && len(d.ids) > 0 {
		expired = r.dedupe.expired(r.config.window, d.at)
	}
	ops := make([]journal.Op, len(d.all))
	for i, op := range d.all {
		if len(d.ids) > 0 {
			marks += op.marks()
			op.forget = max(expired, marks-min(marks, MaxDedupeIDs))
		}
		op.oldest = r.partitions[op.partition].excess(r.config, r.unread(r.config, op.partition), d.at, op.events)
		ops[i] = op
	}
	return ops
}

// marks is how many of the events have a dedupe id.
func (op *appendOp) marks() (n uint64) {
	for _, e := range op.events {
		if e.dedupe != "" {
			n++
		}
	}
	return n
}
