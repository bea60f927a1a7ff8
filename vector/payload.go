package vector

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/vector/collection"
)

// SetPayloadRequest names points and says what becomes of their payloads.
type SetPayloadRequest struct {
	Collection string            `json:"collection" jsonschema:"the collection"`
	ID         collection.ID     `json:"id,omitzero" jsonschema:"a point"`
	IDs        []collection.ID   `json:"ids,omitempty" max:"1000" jsonschema:"or several"`
	Payload    collection.Object `json:"payload" jsonschema:"fields to set; one that is null is taken away"`
	Replace    bool              `json:"replace,omitempty" jsonschema:"this is all that the payload has then: fields that are not given are taken away, too"`
	IfVersion  *uint64           `json:"if_version,omitempty" jsonschema:"of a single id: only if the point has this version"`
}

// Resource is the collection.
func (r *SetPayloadRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

// Validate makes one form of the two.
func (r *SetPayloadRequest) Validate() (err error) {
	r.IDs, err = oneOrMany(r.ID, r.IDs)
	switch {
	case err != nil:
	case r.Payload.IsZero():
		err = fault.New(fault.Invalid, `"payload" is required`).With("field", "payload")
	case r.IfVersion != nil && len(r.IDs) > 1:
		err = fault.New(fault.Invalid, `"if_version" goes with a single id`).With("field", "if_version")
	}
	return err
}

// SetPayloadResponse says what was changed.
type SetPayloadResponse struct {
	command.Receipt
	Updated int             `json:"updated" jsonschema:"how many points have another payload now"`
	Missing []collection.ID `json:"missing,omitempty" jsonschema:"the ids that no point has"`
}

func (s *Collections) setPayload(ctx context.Context, tx *command.Tx, r *SetPayloadRequest) (resp SetPayloadResponse, err error) {
	e, ops, err := s.setPayloads(tx, r, &resp)
	if err != nil {
		return SetPayloadResponse{}, err
	}
	command.Outside(ctx, func() { e.help(len(ops)) })
	return resp, nil
}

// setPayloads decides and commits, under the collection's lock. A point never changes, so each is put in anew, with the
// vectors, the text and the deadline that it has.
func (s *Collections) setPayloads(tx *command.Tx, r *SetPayloadRequest, resp *SetPayloadResponse) (*entry, []journal.Op, error) {
	e, unlock, err := s.change(r.Collection)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	seen := make(map[collection.ID]bool, len(r.IDs))
	var ops []journal.Op
	for _, id := range r.IDs {
		if seen[id] {
			continue
		}
		seen[id] = true
		p := e.Find(id, tx.Now())
		if err := unmet(id, r.IfVersion, p); err != nil {
			return nil, nil, err
		}
		if p == nil {
			resp.Missing = append(resp.Missing, id)
			continue
		}
		d := e.Draft(p)
		if d.Payload, err = r.change(d.Payload); err != nil {
			return nil, nil, fault.From(err).With("id", id.String())
		}
		ops = append(ops, &put{name: r.Collection, draft: d})
	}
	if resp.Updated = len(ops); len(ops) > 0 {
		_, err = tx.CommitAll(ops)
	}
	return e, ops, err
}

// change is what becomes of a payload.
func (r *SetPayloadRequest) change(payload string) (string, error) {
	before := collection.Object(payload)
	if r.Replace {
		before = ""
	}
	after, err := before.Merge(r.Payload)
	if n := len(after); err == nil && n > collection.MaxPayloadBytes {
		err = fault.New(fault.TooLarge, "the payload would be %d bytes long; at most %d are allowed", n, collection.MaxPayloadBytes).
			With("limit", collection.MaxPayloadBytes)
	}
	return string(after), err
}
