package memory

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/memory/embed"
	"github.com/hivellm/synap-go/vector/text"
)

// UpdateRequest is what a memory shall be from now on. What is not given stays.
type UpdateRequest struct {
	ID       string `json:"id" jsonschema:"the memory's id, such as default:17"`
	Text     string `json:"text,omitempty" jsonschema:"the text from now on"`
	Metadata Fields `json:"metadata,omitempty" jsonschema:"fields that are put over those there are; null removes one"`
	Source   string `json:"source,omitempty" max:"256" jsonschema:"where the text comes from"`
	Lifetime
	Persist   bool    `json:"persist,omitempty" jsonschema:"never forget it"`
	IfVersion *uint64 `json:"if_version,omitempty" jsonschema:"only if it has this version; conflict otherwise"`
}

// Resource is the memory's collection.
func (r *UpdateRequest) Resource() auth.Resource { return resourceOf(r.ID) }

// Validate refuses what changes nothing or cannot be kept.
func (r *UpdateRequest) Validate() error {
	if _, _, err := parseID(r.ID); err != nil {
		return err
	}
	if r.Text == "" && r.Metadata == nil && r.Source == "" && !r.given() && !r.Persist {
		return fault.New(fault.Invalid, "there is nothing to change: give text, metadata, source, ttl or persist").With("field", "text")
	}
	if r.given() && r.Persist {
		return fault.New(fault.Invalid, "give either ttl or persist")
	}
	if err := r.validate(); err != nil {
		return err
	}
	if _, err := r.Metadata.compact(); err != nil {
		return err
	}
	return checkText(r.Text)
}

// UpdateResponse names the memory that changed.
type UpdateResponse struct {
	ID      string `json:"id"`
	Changed bool   `json:"changed" jsonschema:"whether anything was not so already"`
	command.Receipt
}

func (s *Memories) update(ctx context.Context, tx *command.Tx, r *UpdateRequest) (UpdateResponse, error) {
	resp := UpdateResponse{ID: r.ID}
	collection, number, err := parseID(r.ID)
	if err != nil {
		return resp, err
	}
	var vector []float32
	var terms text.Terms
	if r.Text != "" {
		terms = s.analyzer.Analyze(r.Text)
		if vector, _, err = s.embed(ctx, r.Text, embed.Document); err != nil {
			return resp, err
		}
		tx.Later()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.find(collection, number, tx.Now())
	switch {
	case old == nil:
		return resp, fault.New(fault.NotFound, "there is no memory %q", r.ID).With("id", r.ID)
	case r.IfVersion != nil && *r.IfVersion != old.version:
		return resp, fault.New(fault.Conflict, "memory %q has the version %d, not %d", r.ID, old.version, *r.IfVersion).With("version", old.version)
	}
	next, err := r.over(tx, old)
	if err != nil {
		return resp, err
	}
	if next.same(old) {
		resp.Version = old.version
		return resp, nil
	}
	resp.Changed = true
	next.updated = stamped(tx)
	op := &put{collection: collection, number: number, newText: next.text != old.text, content: next}
	ops := []journal.Op{op}
	if op.newText {
		op.terms = &terms
		if vector != nil {
			ops = append(ops, &embedOp{collection: collection, number: number, model: s.model, vector: vector})
		}
	}
	_, err = tx.CommitAll(ops)
	return resp, err
}

// over is the old memory with what the request says put over it.
func (r *UpdateRequest) over(tx *command.Tx, old *item) (content, error) {
	c := old.content()
	if r.Text != "" {
		c.text = r.Text
	}
	if r.Source != "" {
		c.source = r.Source
	}
	if r.given() || r.Persist {
		c.expires = r.expiry(tx)
	}
	if r.Metadata == nil {
		return c, nil
	}
	m, err := readMetadata(old.metadata.merge(r.Metadata))
	c.metadata = m
	return c, err
}

// content is what an op or an entry holds of the memory.
func (it *item) content() content {
	return content{it.text, it.metadata, it.source, it.stored, it.updated, it.expires}
}

// same reports whether the content is the memory's.
func (c *content) same(it *item) bool {
	return c.text == it.text && c.metadata.json() == it.metadata.json() && c.source == it.source && c.expires == it.expires
}

// DeleteRequest names the memories to forget.
type DeleteRequest struct {
	IDs []string `json:"ids" min:"1" max:"1000" jsonschema:"the memories' ids"`
}

// Resources are the memories' collections.
func (r *DeleteRequest) Resources() []auth.Resource { return resourcesOf(r.IDs) }

// Validate refuses what cannot be an id.
func (r *DeleteRequest) Validate() error {
	for i, id := range r.IDs {
		if _, _, err := parseID(id); err != nil {
			return fault.From(err).With("index", i).With("field", "ids")
		}
	}
	return nil
}

// DeleteResponse sorts the memories that were to be forgotten.
type DeleteResponse struct {
	command.Receipt
	Deleted []string `json:"deleted" jsonschema:"those that were there and are gone"`
	Missing []string `json:"missing" jsonschema:"those that were not there"`
}

func (s *Memories) delete(_ context.Context, tx *command.Tx, r *DeleteRequest) (DeleteResponse, error) {
	resp := DeleteResponse{Deleted: []string{}, Missing: []string{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ops []journal.Op
	seen := map[string]bool{}
	for _, id := range r.IDs {
		if seen[id] {
			continue
		}
		seen[id] = true
		collection, number, err := parseID(id)
		if err != nil {
			return resp, err
		}
		if s.find(collection, number, tx.Now()) == nil {
			resp.Missing = append(resp.Missing, id)
			continue
		}
		resp.Deleted = append(resp.Deleted, id)
		ops = append(ops, &remove{collection: collection, numbers: []uint64{number}})
	}
	_, err := tx.CommitAll(ops)
	return resp, err
}

// ClearRequest names the collection to forget.
type ClearRequest struct {
	Collection string `json:"collection" max:"128" jsonschema:"the collection of which every memory is forgotten"`
}

// Resource is the collection.
func (r *ClearRequest) Resource() auth.Resource { return auth.Name("memory", r.Collection) }

// Validate refuses what cannot be a collection.
func (r *ClearRequest) Validate() error { return checkCollection(r.Collection) }

// ClearResponse says how much is gone.
type ClearResponse struct {
	Deleted int `json:"deleted" jsonschema:"how many memories there were"`
	command.Receipt
}

func (s *Memories) clear(_ context.Context, tx *command.Tx, r *ClearRequest) (ClearResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.collections.Get(r.Collection)
	if !ok {
		return ClearResponse{}, nil
	}
	resp := ClearResponse{Deleted: c.numbers.Len()}
	_, err := tx.Commit(&clearOp{r.Collection})
	return resp, err
}
