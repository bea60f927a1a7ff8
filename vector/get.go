package vector

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/vector/collection"
	"github.com/hivellm/synap-go/vector/tensor"
)

// Shown says what of a point is answered.
type Shown struct {
	WithPayload *bool    `json:"with_payload,omitempty" jsonschema:"whether payload and text are answered; true when absent"`
	Fields      []string `json:"fields,omitempty" max:"64" jsonschema:"only these fields of the payload, with dots into objects"`
	WithVectors bool     `json:"with_vectors,omitempty" jsonschema:"whether vectors are answered, as they are kept"`
}

// Point is a point as it is answered.
type Point struct {
	ID        collection.ID            `json:"id"`
	Version   uint64                   `json:"version" jsonschema:"of the record that put it"`
	Payload   collection.Object        `json:"payload,omitempty"`
	Text      string                   `json:"text,omitempty"`
	ExpiresAt int64                    `json:"expires_at,omitempty" jsonschema:"in Unix milliseconds; absent when it does not expire"`
	Vector    tensor.Floats            `json:"vector,omitempty" jsonschema:"the default vector"`
	Vectors   map[string]tensor.Floats `json:"vectors,omitempty" jsonschema:"the others, by name"`
}

// vectors are a point's, by name.
type vectors = map[string]tensor.Floats

// point is what is shown of p; vectors are those that were asked for.
func (s *Shown) point(p *collection.Point, vectors vectors) Point {
	out := Point{ID: p.ID, Version: p.Version, ExpiresAt: p.Expires}
	if s.WithPayload == nil || *s.WithPayload {
		out.Text = p.Text
		payload := p.Payload
		if len(s.Fields) > 0 {
			payload = collection.Project(payload, s.Fields)
		}
		out.Payload = collection.Object(payload)
	}
	for name, v := range vectors {
		switch {
		case name == "":
			out.Vector = v
		case out.Vectors == nil:
			out.Vectors = map[string]tensor.Floats{name: v}
		default:
			out.Vectors[name] = v
		}
	}
	return out
}

// GetRequest names points.
type GetRequest struct {
	Collection string          `json:"collection" jsonschema:"the collection"`
	ID         collection.ID   `json:"id,omitzero" jsonschema:"a point"`
	IDs        []collection.ID `json:"ids,omitempty" max:"1000" jsonschema:"or several"`
	Packed     bool            `json:"packed,omitempty" jsonschema:"answer payload, text and vectors as bytes that vector.upsert takes, instead of each by itself"`
	Shown
}

// Resource is the collection.
func (r *GetRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

// Validate makes one form of the two.
func (r *GetRequest) Validate() (err error) {
	if r.Packed && (r.WithPayload != nil || len(r.Fields) > 0 || r.WithVectors) {
		return fault.New(fault.Invalid, `"packed" is the whole point: it does not go with "with_payload", "fields" or "with_vectors"`).With("field", "packed")
	}
	r.IDs, err = oneOrMany(r.ID, r.IDs)
	return err
}

// oneOrMany makes a list of an id, or of several.
func oneOrMany(id collection.ID, ids []collection.ID) ([]collection.ID, error) {
	switch {
	case id.IsZero() && len(ids) == 0:
		return nil, fault.New(fault.Invalid, `"ids" is required, or "id"`).With("field", "ids")
	case len(ids) == 0:
		return []collection.ID{id}, nil
	case !id.IsZero() && (len(ids) > 1 || ids[0] != id):
		return nil, fault.New(fault.Invalid, `give "id" or "ids", not both`).With("field", "id")
	}
	return ids, nil
}

// Got is a point that was asked for by its id.
type Got struct {
	Point
	Packed value.Value `json:"packed,omitzero" jsonschema:"if it was asked for: payload, text and vectors, as bytes"`
}

// GetResponse is the points that there are.
type GetResponse struct {
	Points  []Got           `json:"points" jsonschema:"in the order in which they were asked for"`
	Missing []collection.ID `json:"missing,omitempty" jsonschema:"the ids that no point has"`
}

func (s *Collections) get(_ context.Context, r *GetRequest) (GetResponse, error) {
	resp := GetResponse{Points: []Got{}}
	e, err := s.look(r.Collection)
	if err != nil {
		return resp, err
	}
	whole := r.Shown
	whole.WithVectors = r.WithVectors || r.Packed
	room, err := whole.roomFor(e, len(r.IDs))
	if err != nil {
		return resp, err
	}
	now := s.env.Clock.Now()
	e.RLock()
	defer e.RUnlock()
	for _, id := range r.IDs {
		p := e.Find(id, now)
		if p == nil {
			resp.Missing = append(resp.Missing, id)
			continue
		}
		vectors := whole.vectorsOf(e, p)
		got := Got{Point: whole.point(p, vectors)}
		if err := room.take(&got.Point); err != nil {
			return resp, err
		}
		if r.Packed {
			got = Got{Point{ID: p.ID, Version: p.Version, ExpiresAt: p.Expires}, pack(p, vectors)}
		}
		resp.Points = append(resp.Points, got)
	}
	return resp, nil
}

// maxDeleted bounds how many points one call deletes by filter.
const maxDeleted = 10_000

// DeleteRequest names points, or says by a filter which are meant.
type DeleteRequest struct {
	Collection string             `json:"collection" jsonschema:"the collection"`
	ID         collection.ID      `json:"id,omitzero" jsonschema:"a point"`
	IDs        []collection.ID    `json:"ids,omitempty" max:"1000" jsonschema:"or several"`
	Filter     *collection.Filter `json:"filter,omitempty" jsonschema:"or those that it means, at most 10000 at a time"`
	IfVersion  *uint64            `json:"if_version,omitempty" jsonschema:"of a single id: only if the point has this version"`
}

// Resource is the collection.
func (r *DeleteRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

// Validate makes one form of the two, and refuses a filter that says nothing.
func (r *DeleteRequest) Validate() (err error) {
	if r.Filter != nil {
		switch {
		case !r.ID.IsZero() || len(r.IDs) > 0 || r.IfVersion != nil:
			return fault.New(fault.Invalid, `"filter" does not go with "id", "ids" or "if_version"`).With("field", "filter")
		case r.Filter.IsZero():
			return fault.New(fault.Invalid, "the filter says nothing: to delete every point use vector.collection.clear").With("field", "filter")
		}
		return r.Filter.Check()
	}
	if r.IDs, err = oneOrMany(r.ID, r.IDs); err == nil && r.IfVersion != nil && len(r.IDs) > 1 {
		err = fault.New(fault.Invalid, `"if_version" goes with a single id`).With("field", "if_version")
	}
	return err
}

// DeleteResponse says what was deleted.
type DeleteResponse struct {
	command.Receipt
	Deleted int             `json:"deleted" jsonschema:"how many points there were, and are no more"`
	Missing []collection.ID `json:"missing,omitempty" jsonschema:"the ids that no point had"`
	More    bool            `json:"more,omitempty" jsonschema:"of a filter: it means further points; call again"`
}

func (s *Collections) remove(_ context.Context, tx *command.Tx, r *DeleteRequest) (resp DeleteResponse, err error) {
	e, unlock, err := s.change(r.Collection)
	if err != nil {
		return resp, err
	}
	defer unlock()
	var ids []collection.ID
	if r.Filter != nil {
		ids, resp.More = e.Meant(r.Filter, maxDeleted, tx.Now())
	}
	for _, id := range r.IDs {
		p := e.Find(id, tx.Now())
		if err := unmet(id, r.IfVersion, p); err != nil {
			return resp, err
		}
		if p == nil {
			resp.Missing = append(resp.Missing, id)
		} else {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return resp, nil
	}
	resp.Deleted = len(ids)
	_, err = tx.Commit(&remove{name: r.Collection, cause: deleted, ids: ids})
	return resp, err
}
