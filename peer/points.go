package peer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/core/value"
)

const (
	maxCollectionBytes = 128
	maxIDBytes         = 256
	// maxAheadMS is how much later than now a change may be: beyond it a clock is wrong, and would be right against all others.
	maxAheadMS = int64(time.Hour / time.Millisecond)
)

// Mark is a change of a point of this server's own, as its collection tells of it.
type Mark struct {
	ID        string `json:"id" jsonschema:"the point"`
	Version   uint64 `json:"version" jsonschema:"of the point, or of the record in which it went"`
	Deleted   bool   `json:"deleted,omitempty" jsonschema:"true when it went"`
	ExpiresAt int64  `json:"expires_at,omitempty" jsonschema:"when it goes by itself, in Unix milliseconds"`
}

// StampRequest notes changes that were made here.
type StampRequest struct {
	Collection string `json:"collection" max:"128" jsonschema:"the collection"`
	Born       uint64 `json:"born,omitempty" jsonschema:"the version of the record that made it; absent: it was dropped, and what is known of it is forgotten"`
	Changes    []Mark `json:"changes,omitempty" max:"1000" jsonschema:"the changes"`
}

// Resource is every peer.
func (*StampRequest) Resource() auth.Resource { return auth.Any(structureName) }

// Validate refuses what is no point.
func (r *StampRequest) Validate() error {
	if r.Born == 0 && len(r.Changes) > 0 {
		return fault.New(fault.Invalid, `"changes" are of a collection that there is: give "born"`).With("field", "born")
	}
	seen := make(map[string]bool, len(r.Changes))
	for i := range r.Changes {
		c := &r.Changes[i]
		if err := checkPoint(c.ID, c.ExpiresAt, seen); err != nil {
			return fault.From(err).With("index", i)
		}
	}
	return nil
}

// checkPoint refuses an id that cannot be, or that was there before.
func checkPoint(id string, expires int64, seen map[string]bool) error {
	switch {
	case id == "" || len(id) > maxIDBytes:
		return fault.New(fault.Invalid, "an id has 1 to %d bytes", maxIDBytes).With("field", "id")
	case seen[id]:
		return fault.New(fault.Invalid, "the id %q is given twice", clip(id)).With("field", "id")
	case expires < 0:
		return fault.New(fault.Invalid, "expires_at is not negative").With("field", "expires_at")
	}
	seen[id] = true
	return nil
}

// StampResponse says how many of the changes were new.
type StampResponse struct {
	Noted int `json:"noted" jsonschema:"how many of the changes were not known"`
	command.Receipt
}

func (p *Peers) stamp(_ context.Context, tx *command.Tx, r *StampRequest) (resp StampResponse, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ops, t, err := p.tableOps(r.Collection, r.Born)
	if err != nil {
		return resp, err
	}
	if r.Born == 0 {
		_, err := tx.CommitAll(ops)
		return resp, err
	}
	node := p.node
	if node == "" {
		node = rand.Text()
		ops = append(ops, &nodeOp{node})
	}
	op := &stampOp{collection: r.Collection, born: r.Born}
	for _, c := range r.Changes {
		var own *stamp
		if t != nil {
			own = t.stamps[c.ID]
		}
		s := stamp{id: c.ID, time: tx.Now(), node: node, version: c.Version, deleted: c.Deleted, expires: c.ExpiresAt}
		switch {
		case own == nil && c.Deleted:
			continue // nobody ever knew of it
		case own != nil && own.version >= c.Version:
			continue
		case own != nil:
			s.time = max(s.time, own.time+1)
		}
		op.stamps = append(op.stamps, s)
	}
	if resp.Noted = len(op.stamps); resp.Noted == 0 && t != nil {
		return resp, nil
	}
	room, err := p.roomFor(t, op)
	if err == nil {
		_, err = tx.CommitAll(append(append(ops, room...), op))
	}
	return resp, err
}

// tableOps returns the table of the collection that a record made, nil if there is none, and what forgets that of an older one.
func (p *Peers) tableOps(collection string, born uint64) (ops []journal.Op, t *table, err error) {
	t = p.tables[collection]
	switch {
	case t == nil:
		return nil, nil, nil
	case born == 0 || t.born < born:
		return []journal.Op{&dropTableOp{collection}}, nil, nil
	case t.born > born:
		return nil, nil, fault.New(fault.Conflict, "the collection %q was made anew: its record is %d, not %d", clip(collection), t.born, born)
	}
	return nil, t, nil
}

// roomFor returns the ops that make room for stamps: those of what was deleted longest ago go.
func (p *Peers) roomFor(t *table, op *stampOp) (ops []journal.Op, err error) {
	fresh := 0
	for i := range op.stamps {
		if t == nil || t.stamps[op.stamps[i].id] == nil {
			fresh++
		}
	}
	surplus := p.stamps + fresh - maxStamps
	for name, other := range p.tables {
		if surplus <= 0 {
			break
		}
		gone := &unstampOp{collection: name}
		other.graves.Scan(func(s *stamp) bool {
			if surplus > 0 && other != t { // of this one a point may be among those to be set
				gone.ids = append(gone.ids, s.id)
				surplus--
			}
			return surplus > 0
		})
		if len(gone.ids) > 0 {
			ops = append(ops, gone)
		}
	}
	if surplus > 0 && t != nil {
		set := map[string]bool{}
		for i := range op.stamps {
			set[op.stamps[i].id] = true
		}
		gone := &unstampOp{collection: op.collection}
		t.graves.Scan(func(s *stamp) bool {
			if !set[s.id] {
				gone.ids = append(gone.ids, s.id)
				surplus--
			}
			return surplus > 0
		})
		ops = append(ops, gone)
	}
	if surplus > 0 {
		return nil, fault.New(fault.Exhausted, "%d points are exchanged, and no more may be", p.stamps).With("limit", maxStamps)
	}
	return ops, nil
}

// Change is a change of a point on its way.
type Change struct {
	ID        string `json:"id" jsonschema:"the point"`
	Time      int64  `json:"time" jsonschema:"of the change, in Unix milliseconds"`
	Node      string `json:"node" jsonschema:"where it was made"`
	Deleted   bool   `json:"deleted,omitempty" jsonschema:"true when the point went"`
	ExpiresAt int64  `json:"expires_at,omitempty" jsonschema:"when it goes by itself, in Unix milliseconds"`
	Version   uint64 `json:"version,omitempty" jsonschema:"of the point where the change was read"`
}

// ChangesRequest asks what became of a collection's points.
type ChangesRequest struct {
	Collection string `json:"collection" max:"128" jsonschema:"the collection"`
	After      Spot   `json:"after,omitzero" jsonschema:"next of the answer before; absent is from the beginning"`
	Limit      int    `json:"limit,omitempty" default:"100" min:"1" max:"1000" jsonschema:"how many changes are wanted at most; those of one record are not cut apart, so that a first one may have more"`
}

// Resource is every peer.
func (*ChangesRequest) Resource() auth.Resource { return auth.Any(structureName) }

// ChangesResponse is changes, each point's newest only, in the order in which they were noted here.
type ChangesResponse struct {
	Changes []Change `json:"changes"`
	Next    Spot     `json:"next" jsonschema:"pass it as after; its generation is the version of the record that made the collection"`
	More    bool     `json:"more,omitempty" jsonschema:"true when there are more right away"`
}

func (p *Peers) changes(_ context.Context, r *ChangesRequest) (ChangesResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	resp := ChangesResponse{Changes: []Change{}, Next: r.After}
	t := p.tables[r.Collection]
	if t == nil {
		return resp, nil
	}
	after := r.After.Offset
	if r.After.Generation != int64(t.born) { //nolint:gosec // records are not that many
		after = 0
	}
	resp.Next = Spot{int64(t.born), after} //nolint:gosec // records are not that many
	whole := 0                             // how many of the changes are of records before the one that is being listed
	t.order.Ascend(&stamp{seq: after + 1}, func(s *stamp) bool {
		if n := len(resp.Changes); s.seq != resp.Next.Offset {
			if n >= r.Limit {
				resp.More = true
				return false
			}
			if n > 0 {
				after = resp.Next.Offset
			}
			whole = n
		} else if n >= r.Limit && whole > 0 { // the record does not fit in: it is for the next page
			resp.Changes, resp.Next.Offset, resp.More = resp.Changes[:whole], after, true
			return false
		}
		resp.Changes = append(resp.Changes, Change{s.id, s.time, s.node, s.deleted, s.expires, s.version})
		resp.Next.Offset = s.seq
		return true
	})
	return resp, nil
}

// Incoming is a change with the point that it made.
type Incoming struct {
	Change
	Seen  uint64      `json:"seen,omitempty" jsonschema:"the version of the point here, as it was when the sender looked; absent when there was none, or with noted"`
	Point value.Value `json:"point,omitzero" jsonschema:"vector, vectors, payload and text of the point, as vector.upsert takes them: an object with these fields, or bytes, as of packed"`
}

// SettleRequest is what was read of a collection.
type SettleRequest struct {
	Node       string     `json:"node" max:"64" jsonschema:"the node where it was read"`
	Collection string     `json:"collection" max:"128" jsonschema:"the collection"`
	Born       uint64     `json:"born" jsonschema:"the version of the record that made it here"`
	From       Spot       `json:"from,omitzero" jsonschema:"how far it was read before"`
	To         Spot       `json:"to,omitzero" jsonschema:"how far it is read now"`
	Changes    []Incoming `json:"changes,omitempty" max:"2000" jsonschema:"the changes in between"`
	Noted      bool       `json:"noted,omitempty" jsonschema:"true when the sender did not look: each point here has to be as it was noted last"`
}

// Resources are every peer, and the collection.
func (r *SettleRequest) Resources() []auth.Resource {
	return []auth.Resource{auth.Any(structureName), auth.Name("vector", r.Collection)}
}

// Validate refuses what cannot be a change.
func (r *SettleRequest) Validate() error {
	if r.Born == 0 {
		return fault.New(fault.Invalid, `"born" is required`).With("field", "born")
	}
	if err := checkNode(r.Node); err != nil {
		return err
	}
	seen := make(map[string]bool, len(r.Changes))
	for i := range r.Changes {
		c := &r.Changes[i]
		err := checkPoint(c.ID, c.ExpiresAt, seen)
		switch {
		case err != nil:
		case checkNode(c.Node) != nil:
			err = checkNode(c.Node)
		case c.Time < 0:
			err = fault.New(fault.Invalid, "time is not negative").With("field", "time")
		case c.Deleted != c.Point.IsZero() || c.Point.Kind() == value.Text:
			err = fault.New(fault.Invalid, `a change has a "point", an object or packed, or is "deleted"`).With("field", "point")
		case r.Noted && c.Seen != 0:
			err = fault.New(fault.Invalid, `"seen" does not go with "noted"`).With("field", "seen")
		}
		if err != nil {
			return fault.From(err).With("index", i)
		}
	}
	return nil
}

// settle plans: first which changes come, which refuses it if they are no news any more, then the points.
func (p *Peers) settle(ctx context.Context, r *SettleRequest) (*command.Plan, error) {
	call := command.CallOf(ctx)
	now := p.env.Clock.Now()
	news, err := p.news(r, now)
	if err != nil {
		return nil, err
	}
	merge := &MergeRequest{Node: r.Node, Collection: r.Collection, Born: r.Born, From: r.From, To: r.To}
	first, err := call.Beside("peer.merge", nil)
	if err != nil {
		return nil, err
	}
	first.Args = merge
	plan := &command.Plan{Do: []*command.Request{first}}
	var plain, packed []any
	bytes := 0 // about what they take
	for _, c := range news {
		bytes += 320 + c.Point.Len()
		merge.Changes = append(merge.Changes, c.Change)
		switch {
		case c.Deleted || (c.ExpiresAt != 0 && c.ExpiresAt <= now):
			if c.Seen != 0 {
				err = then(plan, call, "vector.delete", map[string]any{"collection": r.Collection, "id": c.ID, "if_version": c.Seen}, 0)
			}
		case c.Point.Kind() == value.Bytes:
			packed = append(packed, &packedPoint{c.ID, c.Point, c.ExpiresAt, c.Seen})
		default:
			var point map[string]json.RawMessage
			point, err = c.upsert()
			plain = append(plain, point)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, points := range [][]any{plain, packed} {
		for some := range slices.Chunk(points, MaxBatch) {
			err := then(plan, call, "vector.upsert", map[string]any{"collection": r.Collection, "points": some}, bytes/len(points)*len(some))
			if err != nil {
				return nil, err
			}
		}
	}
	return plan, nil
}

// then adds a command to a plan. size is about what its request takes.
func then(plan *command.Plan, call *command.Request, name string, args any, size int) error {
	payload, err := pack.Append(make([]byte, 0, size), args)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "the request does not encode: %v", err)
	}
	r, err := call.Beside(name, command.MsgPack(payload))
	plan.Do = append(plan.Do, r)
	return err
}

// packedPoint is a point as vector.upsert takes it, of which nothing is taken apart here.
type packedPoint struct {
	ID        string      `json:"id"`
	Packed    value.Value `json:"packed"`
	ExpiresAt int64       `json:"expires_at,omitempty"`
	IfVersion uint64      `json:"if_version"`
}

// upsert is the point as vector.upsert takes it.
func (c *Incoming) upsert() (map[string]json.RawMessage, error) {
	var point map[string]json.RawMessage
	if json.Unmarshal([]byte(c.Point.Data()), &point) != nil || point == nil {
		return nil, fault.New(fault.Invalid, "point %q is no object", clip(c.ID)).With("field", "point")
	}
	id, err := json.Marshal(c.ID)
	if err != nil {
		return nil, err
	}
	point["id"], point["if_version"] = id, strconv.AppendUint(nil, c.Seen, 10)
	if c.ExpiresAt != 0 {
		point["expires_at"] = strconv.AppendInt(nil, c.ExpiresAt, 10)
	}
	return point, nil
}

// news are the changes that are newer than what is here.
func (p *Peers) news(r *SettleRequest, now int64) (all []*Incoming, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tables[r.Collection]
	for i := range r.Changes {
		c := &r.Changes[i]
		if c.Time > now+maxAheadMS {
			return nil, fault.New(fault.Invalid, "a change of point %q at node %s is more than an hour ahead of this server's clock: one of the clocks is wrong",
				clip(c.ID), c.Node)
		}
		var own *stamp
		if t != nil && t.born == r.Born {
			own = t.stamps[c.ID]
		}
		if !own.older(c.Time, c.Node) {
			continue
		}
		if r.Noted {
			in := *c
			in.Seen, c = own.there(now), &in
		} else if behind(own, c.Seen, now) {
			return nil, fault.New(fault.Conflict, "point %q was changed here, and that is not noted yet: try again", clip(c.ID))
		}
		all = append(all, c)
	}
	return all, nil
}

// there is the version of the point that the stamp is of, if nothing has happened to it since; 0 is that there is none.
func (s *stamp) there(now int64) uint64 {
	if s == nil || s.deleted || (s.expires != 0 && s.expires <= now) {
		return 0
	}
	return s.version
}

// behind reports whether a point with the version that was seen, 0 being none, is not the one that its stamp is of.
func behind(own *stamp, seen uint64, now int64) bool {
	switch {
	case own == nil:
		return seen != 0
	case seen != 0:
		return own.deleted || own.version != seen
	}
	return !own.deleted && (own.expires == 0 || own.expires > now)
}

// MergeRequest says which changes come.
type MergeRequest struct {
	Node       string   `json:"node" max:"64" jsonschema:"the node where the collection was read"`
	Collection string   `json:"collection" max:"128" jsonschema:"the collection"`
	Born       uint64   `json:"born" jsonschema:"the version of the record that made it here"`
	From       Spot     `json:"from,omitzero" jsonschema:"how far it was read before"`
	To         Spot     `json:"to,omitzero" jsonschema:"how far it is read now"`
	Changes    []Change `json:"changes,omitempty" max:"2000" jsonschema:"the changes that are taken in"`
}

// Resource is every peer.
func (*MergeRequest) Resource() auth.Resource { return auth.Any(structureName) }

// Validate refuses what cannot be a change, and going back.
func (r *MergeRequest) Validate() error {
	if r.Born == 0 {
		return fault.New(fault.Invalid, `"born" is required`).With("field", "born")
	}
	if err := checkNode(r.Node); err != nil {
		return err
	}
	if r.From.Generation == r.To.Generation {
		if err := forward(r.From, r.To); err != nil {
			return err
		}
	}
	seen := make(map[string]bool, len(r.Changes))
	for i, c := range r.Changes {
		err := checkPoint(c.ID, c.ExpiresAt, seen)
		if err == nil {
			err = checkNode(c.Node)
		}
		if err == nil && c.Time < 0 {
			err = fault.New(fault.Invalid, "time is not negative").With("field", "time")
		}
		if err != nil {
			return fault.From(err).With("index", i)
		}
	}
	return nil
}

func (p *Peers) merge(_ context.Context, tx *command.Tx, r *MergeRequest) (resp AdvanceResponse, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ops, t, err := p.tableOps(r.Collection, r.Born)
	if err != nil {
		return resp, err
	}
	k := placeKey{kind: atTable, node: r.Node, room: r.Collection}
	now := p.spot(k)
	if len(ops) > 0 {
		now = Spot{} // it goes with what is known of the older collection
	}
	if now != r.From {
		return resp, fault.New(fault.Conflict, "collection %q has come to %v, not %v: somebody else was faster", clip(r.Collection), now, r.From)
	}
	op := &stampOp{collection: r.Collection, born: r.Born}
	for _, c := range r.Changes {
		var own *stamp
		if t != nil {
			own = t.stamps[c.ID]
		}
		if !own.older(c.Time, c.Node) {
			return resp, fault.New(fault.Conflict, "point %q has changed: somebody else was faster", clip(c.ID))
		}
		op.stamps = append(op.stamps, stamp{id: c.ID, time: c.Time, node: c.Node, deleted: c.Deleted, expires: c.ExpiresAt})
	}
	room, err := p.roomFor(t, op)
	if err != nil {
		return resp, err
	}
	if p.places.Len() >= MaxPlaces {
		return resp, fault.New(fault.Exhausted, "%d places of other nodes are remembered, and no more may be: forget nodes that are gone with peer.forget",
			p.places.Len()).With("limit", MaxPlaces)
	}
	_, err = tx.CommitAll(append(append(ops, room...), op, &reachOp{[]place{{k, r.To}}}))
	return resp, err
}
