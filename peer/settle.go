package peer

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/core/value"
)

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
	if err := checkRead(r.Node, r.Born); err != nil {
		return err
	}
	seen := make(map[string]bool, len(r.Changes))
	for i := range r.Changes {
		c := &r.Changes[i]
		err := c.check(seen)
		switch {
		case err != nil:
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
	var plain []any
	var packed []*Incoming
	for _, c := range news {
		merge.Changes = append(merge.Changes, c.Change)
		switch {
		case c.Deleted || (c.ExpiresAt != 0 && c.ExpiresAt <= now):
			if c.Seen != 0 {
				err = then(plan, call, "vector.delete", map[string]any{"collection": r.Collection, "id": c.ID, "if_version": c.Seen})
			}
		case c.Point.Kind() == value.Bytes:
			packed = append(packed, c)
		default:
			var point map[string]json.RawMessage
			point, err = c.upsert()
			plain = append(plain, point)
		}
		if err != nil {
			return nil, err
		}
	}
	for some := range slices.Chunk(plain, MaxBatch) {
		if err := then(plan, call, "vector.upsert", map[string]any{"collection": r.Collection, "points": some}); err != nil {
			return nil, err
		}
	}
	for some := range slices.Chunk(packed, MaxBatch) {
		upsert, batch, err := beside[putting](call, "vector.upsert")
		if err != nil {
			return nil, err
		}
		batch.Begin(r.Collection, len(some))
		for _, c := range some {
			if err := batch.AddPacked(c.ID, c.Point, c.ExpiresAt, c.Seen); err != nil {
				return nil, err
			}
		}
		plan.Do = append(plan.Do, upsert)
	}
	return plan, nil
}

// putting is a request of vector.upsert, as this package knows it.
type putting interface {
	Begin(collection string, points int)
	AddPacked(id string, packed value.Value, expires int64, version uint64) error
}

// then adds a command to a plan.
func then(plan *command.Plan, call *command.Request, name string, args any) error {
	payload, err := pack.Append(nil, args)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "the request does not encode: %v", err)
	}
	r, err := call.Beside(name, command.MsgPack(payload))
	plan.Do = append(plan.Do, r)
	return err
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
