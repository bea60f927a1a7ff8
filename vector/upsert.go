package vector

import (
	"context"
	"fmt"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/vector/collection"
	"github.com/hivellm/synap-go/vector/tensor"
)

// How many points one upsert is about at most: MaxBatch by their fields, MaxRows by ids and rows, which are quick to take in. They are
// one change, made at once.
const (
	MaxBatch = 1_000
	MaxRows  = 10_000
)

// maxLifeMS is the longest time to live, about 100 years: a longer one is a unit mixed up.
const maxLifeMS = 100 * 366 * 24 * 60 * 60 * 1000

// PointInput is a point to put.
type PointInput struct {
	ID        collection.ID            `json:"id,omitzero" jsonschema:"a text, or an integer; a text of digits is the integer"`
	Vector    tensor.Floats            `json:"vector,omitempty" jsonschema:"the default vector"`
	Vectors   map[string]tensor.Floats `json:"vectors,omitempty" jsonschema:"the others, by name"`
	Payload   collection.Object        `json:"payload,omitempty" jsonschema:"a JSON object to filter by and to get back"`
	Text      string                   `json:"text,omitempty" jsonschema:"what vector.hybrid finds by its words"`
	Packed    value.Value              `json:"packed,omitzero" jsonschema:"vectors, payload and text in one, as vector.get answers them with packed"`
	TTL       int64                    `json:"ttl,omitempty" min:"1" max:"3162240000" jsonschema:"seconds until the point expires"`
	TTLMS     int64                    `json:"ttl_ms,omitempty" min:"1" max:"3162240000000" jsonschema:"milliseconds until the point expires"`
	ExpiresAt int64                    `json:"expires_at,omitempty" min:"1" jsonschema:"when the point expires, in Unix milliseconds"`
	IfVersion *uint64                  `json:"if_version,omitempty" jsonschema:"only if the point has this version; 0 means that there must be none"`
}

// UpsertRequest is one point, or several.
type UpsertRequest struct {
	Collection string `json:"collection" jsonschema:"the collection"`
	PointInput
	Points []PointInput    `json:"points,omitempty" max:"1000" jsonschema:"several points, instead of the fields above"`
	IDs    []collection.ID `json:"ids,omitempty" max:"10000" jsonschema:"several points that have nothing but a default vector each: their ids, and in rows their vectors"`
	Rows   tensor.Matrix   `json:"rows,omitzero" jsonschema:"with ids: the default vector of each"`

	all []PointInput // of whichever form; Validate fills it in
}

// Begin makes it a request of several points of a collection, which AddPacked adds. Those who carry points from server to server, and do
// not know this package, make requests so, without encoding and decoding them.
func (r *UpsertRequest) Begin(collection string, points int) {
	*r = UpsertRequest{Collection: collection, Points: make([]PointInput, 0, points)}
}

// AddPacked adds a packed point, which has to have that version, 0 being none, and expires at that time, 0 being never.
func (r *UpsertRequest) AddPacked(id string, packed value.Value, expires int64, version uint64) error {
	p := PointInput{Packed: packed, ExpiresAt: expires, IfVersion: &version}
	if err := p.ID.UnmarshalText([]byte(id)); err != nil {
		return err
	}
	r.Points = append(r.Points, p)
	return nil
}

// Resource is the collection.
func (r *UpsertRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

// Validate makes one form of the three, and checks every point but for what the collection has to say.
func (r *UpsertRequest) Validate() error {
	given := 0
	for _, form := range []bool{r.PointInput.given(), len(r.Points) > 0, len(r.IDs) > 0 || !r.Rows.IsZero()} {
		if form {
			given++
		}
	}
	switch {
	case given == 0:
		return fault.New(fault.Invalid, `"id" is required, or "points", or "ids" with "rows"`).With("field", "id")
	case given > 1:
		return fault.New(fault.Invalid, `give one point by the fields of one, or several by "points", or by "ids" and "rows": not both`)
	case len(r.IDs) != r.Rows.Rows:
		return fault.New(fault.Invalid, "there are %d ids and %d rows: each id has a row", len(r.IDs), r.Rows.Rows).With("field", "rows")
	}
	switch {
	case len(r.Points) > 0:
		r.all = r.Points
	case len(r.IDs) > 0:
		r.all = make([]PointInput, len(r.IDs))
		for i, id := range r.IDs {
			r.all[i] = PointInput{ID: id, Vector: r.Rows.Row(i)}
		}
	default:
		r.all = []PointInput{r.PointInput}
	}
	seen := make(map[collection.ID]bool, len(r.all))
	for i := range r.all {
		p := &r.all[i]
		err := p.validate()
		if err == nil && seen[p.ID] {
			err = fault.New(fault.Invalid, "the id %q is given twice", p.ID)
		}
		if err != nil {
			return r.inPoint(i, err)
		}
		seen[p.ID] = true
	}
	return nil
}

// inPoint says which point the error is about, when there are several.
func (r *UpsertRequest) inPoint(i int, err error) error {
	if r.PointInput.given() {
		return err
	}
	e := fault.From(err).With("index", i)
	e.Message = fmt.Sprintf("points[%d]: %s", i, e.Message)
	return e
}

// given reports whether any of the fields is there.
func (p *PointInput) given() bool {
	return !p.ID.IsZero() || len(p.Vector) > 0 || len(p.Vectors) > 0 || !p.Payload.IsZero() || p.Text != "" || !p.Packed.IsZero() || p.TTL != 0 || p.TTLMS != 0 ||
		p.ExpiresAt != 0 || p.IfVersion != nil
}

func (p *PointInput) validate() error {
	if err := p.ID.Check(); err != nil {
		return err
	}
	if !p.Packed.IsZero() {
		if err := p.unpack(); err != nil {
			return err
		}
	}
	if n := len(p.Payload); n > collection.MaxPayloadBytes {
		return fault.New(fault.TooLarge, "the payload is %d bytes long; at most %d are allowed", n, collection.MaxPayloadBytes).
			With("limit", collection.MaxPayloadBytes)
	}
	if n := len(p.Text); n > collection.MaxTextBytes {
		return fault.New(fault.TooLarge, "the text is %d bytes long; at most %d are allowed", n, collection.MaxTextBytes).
			With("limit", collection.MaxTextBytes)
	}
	return p.validateLife()
}

// validateLife refuses times that are negative or too long, and more than one way to say it.
func (p *PointInput) validateLife() error {
	given := 0
	for _, f := range []struct {
		name    string
		n, most int64
	}{{"ttl", p.TTL, maxLifeMS / 1000}, {"ttl_ms", p.TTLMS, maxLifeMS}, {"expires_at", p.ExpiresAt, 1 << 53}} {
		if f.n < 0 || f.n > f.most {
			return fault.New(fault.OutOfRange, "%q: %d is not allowed for it: it is between 1 and %d", f.name, f.n, f.most).
				With("field", f.name)
		}
		if f.n != 0 {
			given++
		}
	}
	if given > 1 {
		return fault.New(fault.Invalid, "give only one of ttl, ttl_ms and expires_at")
	}
	return nil
}

// deadline is when the point expires in Unix milliseconds; 0 when it does not.
func (p *PointInput) deadline(now int64) (int64, error) {
	switch {
	case p.TTL != 0:
		return now + p.TTL*1000, nil
	case p.TTLMS != 0:
		return now + p.TTLMS, nil
	case p.ExpiresAt != 0 && (p.ExpiresAt <= now || p.ExpiresAt > now+maxLifeMS):
		return 0, fault.New(fault.OutOfRange, "expires_at %d is not between now (%d) and 100 years from now; it is in Unix milliseconds",
			p.ExpiresAt, now).With("field", "expires_at").With("now", now)
	}
	return p.ExpiresAt, nil
}

// UpsertResponse says what became of the points.
type UpsertResponse struct {
	command.Receipt
	Created  int `json:"created" jsonschema:"how many of the points did not exist before"`
	Replaced int `json:"replaced" jsonschema:"how many did"`
}

func (s *Collections) upsert(ctx context.Context, tx *command.Tx, r *UpsertRequest) (resp UpsertResponse, err error) {
	e, err := s.look(r.Collection)
	if err != nil {
		return resp, err
	}
	ops, err := r.ops(tx.Now(), e)
	if err != nil {
		return resp, err
	}
	if resp, err = s.putAll(tx, r, e, ops); err != nil {
		return resp, err
	}
	command.Outside(ctx, func() { e.help(len(ops)) })
	return resp, nil
}

// ops makes the points ready, without any lock.
func (r *UpsertRequest) ops(now int64, e *entry) ([]journal.Op, error) {
	ops := make([]journal.Op, len(r.all))
	for i := range r.all {
		p := &r.all[i]
		d := &collection.Draft{ID: p.ID, Payload: string(p.Payload), Text: p.Text}
		var err error
		if d.Expires, err = p.deadline(now); err == nil {
			d.Rows, err = e.Encode(p.named())
		}
		if err != nil {
			return nil, r.inPoint(i, err)
		}
		e.Prepare(d)
		ops[i] = &put{name: r.Collection, draft: d}
	}
	return ops, nil
}

// named are all vectors of the point, the default one under "".
func (p *PointInput) named() map[string]tensor.Floats {
	if len(p.Vector) == 0 {
		return p.Vectors
	}
	all := make(map[string]tensor.Floats, 1+len(p.Vectors))
	for name, v := range p.Vectors {
		all[name] = v
	}
	all[""] = p.Vector
	return all
}

// putAll decides and commits, under the collection's lock.
func (s *Collections) putAll(tx *command.Tx, r *UpsertRequest, prepared *entry, ops []journal.Op) (resp UpsertResponse, err error) {
	e, unlock, err := s.change(r.Collection)
	if err != nil {
		return resp, err
	}
	defer unlock()
	if e != prepared { // dropped and made anew in between
		if ops, err = r.ops(tx.Now(), e); err != nil {
			return resp, err
		}
	}
	for i := range r.all {
		p := e.Find(r.all[i].ID, tx.Now())
		if err := unmet(r.all[i].ID, r.all[i].IfVersion, p); err != nil {
			return UpsertResponse{}, r.inPoint(i, err)
		}
		if p == nil {
			resp.Created++
		} else {
			resp.Replaced++
		}
	}
	if n := e.Len() + resp.Created; n > collection.MaxPoints {
		return UpsertResponse{}, fault.New(fault.Exhausted, "collection %q would have %d points; at most %d are allowed",
			r.Collection, n, collection.MaxPoints).With("limit", collection.MaxPoints)
	}
	_, err = tx.CommitAll(ops)
	return resp, err
}

// unmet reports that a point has not the version that was expected of it.
func unmet(id collection.ID, wanted *uint64, p *collection.Point) error {
	var found uint64
	if p != nil {
		found = p.Version
	}
	if wanted == nil || *wanted == found {
		return nil
	}
	what := fmt.Sprintf("point %q has the version %d, not %d", id, found, *wanted)
	switch {
	case p == nil:
		what = fmt.Sprintf("there is no point %q; the version %d was expected", id, *wanted)
	case *wanted == 0:
		what = fmt.Sprintf("point %q exists, with the version %d", id, found)
	}
	return fault.New(fault.Conflict, "%s", what).With("id", id.String()).With("version", found)
}
