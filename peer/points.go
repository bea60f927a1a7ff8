package peer

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
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

// check refuses what cannot be a change, or is about a point that was there before.
func (c *Change) check(seen map[string]bool) error {
	if err := checkPoint(c.ID, c.ExpiresAt, seen); err != nil {
		return err
	}
	if err := checkNode(c.Node); err != nil {
		return err
	}
	if c.Time < 0 {
		return fault.New(fault.Invalid, "time is not negative").With("field", "time")
	}
	return nil
}

// checkRead refuses what cannot be where something of a collection was read.
func checkRead(node string, born uint64) error {
	if born == 0 {
		return fault.New(fault.Invalid, `"born" is required`).With("field", "born")
	}
	return checkNode(node)
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
	if err := checkRead(r.Node, r.Born); err != nil {
		return err
	}
	if r.From.Generation == r.To.Generation {
		if err := forward(r.From, r.To); err != nil {
			return err
		}
	}
	seen := make(map[string]bool, len(r.Changes))
	for i := range r.Changes {
		if err := r.Changes[i].check(seen); err != nil {
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
