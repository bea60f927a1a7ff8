package memory

import (
	"context"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/memory/embed"
)

// StoreRequest is a text to remember.
type StoreRequest struct {
	Text       string `json:"text" jsonschema:"what to remember: at most 16384 bytes"`
	Collection string `json:"collection,omitempty" default:"default" max:"128" jsonschema:"where to keep it"`
	Metadata   Fields `json:"metadata,omitempty" jsonschema:"facts to filter by, any JSON object"`
	Source     string `json:"source,omitempty" max:"256" jsonschema:"where the text comes from: a file, an address, a conversation"`
	Lifetime
	SkipSimilar bool `json:"skip_similar,omitempty" jsonschema:"for many at once: look for no near duplicates, and wait for no embedding, which follows"`
}

// StoreResponse says what it is called, and what is already there.
type StoreResponse struct {
	ID       string    `json:"id" jsonschema:"what the memory is called from now on"`
	Similar  []Similar `json:"similar,omitempty" jsonschema:"memories that say nearly the same; updating one of them may be better than having both"`
	Embedded bool      `json:"embedded,omitempty" jsonschema:"whether it can be found by meaning already; by words it can"`
	command.Receipt
}

// Resource is the collection.
func (r *StoreRequest) Resource() auth.Resource { return auth.Name("memory", r.Collection) }

// Validate refuses what cannot be kept.
func (r *StoreRequest) Validate() error {
	if err := checkCollection(r.Collection); err != nil {
		return err
	}
	if _, err := r.Metadata.compact(); err != nil {
		return err
	}
	if err := r.validate(); err != nil {
		return err
	}
	return checkText(r.Text)
}

func checkText(text string) error {
	switch {
	case len(text) > MaxTextBytes:
		return fault.New(fault.TooLarge, "the text has %d bytes; at most %d are allowed: one statement each is remembered best, so store it in parts",
			len(text), MaxTextBytes).With("field", "text").With("limit", MaxTextBytes)
	case !utf8.ValidString(text):
		return fault.New(fault.Invalid, "the text is not UTF-8").With("field", "text")
	}
	return nil
}

func (s *Memories) store(ctx context.Context, tx *command.Tx, r *StoreRequest) (StoreResponse, error) {
	terms := s.analyzer.Analyze(r.Text)
	m, err := readMetadata(r.Metadata)
	if err != nil {
		return StoreResponse{}, err
	}
	var vector []float32
	var similar []Similar
	if !r.SkipSimilar {
		if vector, _, err = s.embed(ctx, r.Text, embed.Document); err != nil {
			return StoreResponse{}, err
		}
		tx.Later()
		similar = s.similar(r.Collection, terms, vector)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(r.Collection); err != nil {
		return StoreResponse{}, err
	}
	it := &put{
		collection: r.Collection, number: s.last + 1, newText: true, terms: &terms,
		content: content{text: r.Text, metadata: m, source: r.Source, stored: stamped(tx), expires: r.expiry(tx)},
	}
	ops := []journal.Op{it}
	if vector != nil {
		ops = append(ops, &embedOp{collection: r.Collection, number: it.number, model: s.model, vector: vector})
	}
	_, err = tx.CommitAll(ops)
	return StoreResponse{ID: (&item{collection: it.collection, number: it.number}).id(), Similar: similar, Embedded: vector != nil}, err
}

// room refuses another memory when there are as many as there may be. s.mu is held.
func (s *Memories) room(collection string) error {
	if len(s.items) >= MaxMemories {
		return fault.New(fault.Exhausted, "there are %d memories, and no more are allowed: delete some, or give them a ttl", MaxMemories).With("limit", MaxMemories)
	}
	if _, there := s.collections.Get(collection); !there && s.collections.Len() >= MaxCollections {
		return fault.New(fault.Exhausted, "there are %d collections, and no more are allowed", MaxCollections).With("limit", MaxCollections)
	}
	return nil
}

// stamped is the caller, now.
func stamped(tx *command.Tx) stamp {
	return stamp{at: tx.Now(), by: tx.Caller().Name, key: keyOf(tx.Caller())}
}

// Lifetime is embedded by every request that may give a memory a deadline, in one of two ways.
type Lifetime struct {
	TTL   int64 `json:"ttl,omitempty" min:"1" max:"3162240000" jsonschema:"seconds until it is forgotten; absent means never"`
	TTLMS int64 `json:"ttl_ms,omitempty" min:"1" max:"3162240000000" jsonschema:"milliseconds until it is forgotten"`
}

func (l *Lifetime) given() bool { return l.TTL != 0 || l.TTLMS != 0 }

func (l *Lifetime) validate() error {
	if l.TTL != 0 && l.TTLMS != 0 {
		return fault.New(fault.Invalid, "give only one of ttl and ttl_ms")
	}
	return nil
}

// expiry is when the time is over; 0 for never.
func (l *Lifetime) expiry(tx *command.Tx) int64 {
	if !l.given() {
		return 0
	}
	return tx.Now() + l.TTL*1000 + l.TTLMS
}

// readMetadata makes metadata of what a request says; nil for nothing.
func readMetadata(f Fields) (*metadata, error) {
	text, err := f.compact()
	if err != nil {
		return nil, err
	}
	m, ok := parseMetadata(text)
	if !ok {
		return nil, fault.New(fault.Invalid, "the metadata is a JSON object").With("field", "metadata")
	}
	return m, nil
}

// embed gets the vector of a text, unless that takes too long or cannot be had: then why says so. It waits without the gate, and the caller holds no lock. An
// error is the end of the call.
func (s *Memories) embed(ctx context.Context, text string, p embed.Purpose) (vector []float32, why, err error) {
	if s.embedder == nil {
		return nil, nil, nil
	}
	a := s.embedder.Ask(text, p)
	select {
	case <-a.Done():
	default:
		if _, err := command.Wait(ctx, a.Done(), s.embedder.Patience()); err != nil {
			return nil, nil, err
		}
	}
	vector, why = a.Vector()
	return vector, why, nil
}
