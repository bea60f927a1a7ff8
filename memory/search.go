package memory

import (
	"context"
	"fmt"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/memory/embed"
	"github.com/hivellm/synap-go/vector/fusion"
	"github.com/hivellm/synap-go/vector/text"
)

// Bounds of a search.
const (
	maxQueryBytes = 4 << 10
	poolFactor    = 4  // candidates of each ranking, for each result
	minPool       = 50 // and at least so many

	// minMeaning is the cosine below which a memory is not held to be about the query at all: common models give unrelated texts less.
	minMeaning = 0.2
)

// How results were ranked.
const (
	hybrid  = "hybrid"  // by words and by meaning
	lexical = "lexical" // by words
)

// SearchRequest is what to look for.
type SearchRequest struct {
	Query      string  `json:"query" jsonschema:"what to look for, in words: a question or a few keywords"`
	Collection string  `json:"collection,omitempty" default:"default" max:"128" jsonschema:"where to look"`
	Filter     Fields  `json:"filter,omitempty" jsonschema:"what the metadata must be: {\"field\":value}, or {\"field\":{\"gte\":1,\"lt\":9}}, with eq, ne, in, nin, gt, gte, lt, lte, exists, prefix"`
	Limit      int     `json:"limit,omitempty" min:"1" max:"100" default:"10" jsonschema:"at most so many results"`
	MinScore   float64 `json:"min_score,omitempty" min:"0" max:"1" jsonschema:"only results with this score at least"`
	Format     string  `json:"response_format,omitempty" enum:"concise,detailed" default:"detailed" jsonschema:"concise cuts texts at 300 bytes and leaves out details"`
	MaxBytes   int     `json:"max_bytes,omitempty" min:"1024" max:"16777216" default:"1048576" jsonschema:"end early when the results come to about so many bytes"`
}

// Resource is the collection.
func (r *SearchRequest) Resource() auth.Resource { return auth.Name("memory", r.Collection) }

// Validate refuses a query that is too long, and a filter that means nothing.
func (r *SearchRequest) Validate() error {
	if len(r.Query) > maxQueryBytes {
		return fault.New(fault.TooLarge, "the query has %d bytes; at most %d are allowed", len(r.Query), maxQueryBytes).
			With("field", "query").With("limit", maxQueryBytes)
	}
	if _, err := compileFilter(r.Filter); err != nil {
		return err
	}
	return checkCollection(r.Collection)
}

// SearchResponse is what was found, the best first.
type SearchResponse struct {
	Results   []Result `json:"results" jsonschema:"the memories that fit best, the best first"`
	Ranking   string   `json:"ranking" jsonschema:"hybrid: by words and by meaning; lexical: by words alone"`
	Note      string   `json:"note,omitempty" jsonschema:"what a ranking could not heed, and why"`
	Truncated bool     `json:"truncated,omitempty" jsonschema:"whether results were left out because all together were too long"`
}

// Result is a memory that was found.
type Result struct {
	Score      float64 `json:"score" jsonschema:"how well it fits by itself, up to 1: the better of similarity and words"`
	Similarity float64 `json:"similarity,omitempty" jsonschema:"the cosine between the query's meaning and its own"`
	Words      float64 `json:"words,omitempty" jsonschema:"the share of the query's words that it has, rare ones counting more"`
	Memory

	it *item
}

func (s *Memories) search(ctx context.Context, r *SearchRequest) (SearchResponse, error) {
	resp := SearchResponse{Results: []Result{}, Ranking: lexical}
	f, err := compileFilter(r.Filter)
	if err != nil {
		return resp, err
	}
	terms := s.analyzer.Query(r.Query)
	vector, why, err := s.embed(ctx, r.Query, embed.Query)
	if err != nil {
		return resp, err
	}
	if vector != nil {
		resp.Ranking = hybrid
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	resp.Note = s.note(why, vector != nil)
	c, ok := s.collections.Get(r.Collection)
	if !ok {
		return resp, nil
	}
	h := s.hunt(c, f, max(minPool, poolFactor*r.Limit))
	for _, found := range h.rank(terms, vector) {
		if len(resp.Results) == r.Limit {
			break
		}
		if found.Score >= r.MinScore {
			found.Memory = show(found.it)
			resp.Results = append(resp.Results, found)
		}
	}
	resp.trim(r)
	return resp, nil
}

// note says what a search could not heed. s.mu is held.
func (s *Memories) note(why error, meaning bool) string {
	switch n := s.waiting.Len(); {
	case why != nil:
		return fmt.Sprintf("ranked by words alone: %v", why)
	case meaning && n > 0:
		return fmt.Sprintf("%d memories have no vector yet and were found by words alone", n)
	}
	return ""
}

// hunt is one search of a collection.
type hunt struct {
	c    *collection
	pool int
	keep func(slot uint32) bool
}

// hunt readies one. What a filter says of metadata it says of all memories that share it.
func (s *Memories) hunt(c *collection, f filter, pool int) *hunt {
	now := s.now()
	told := map[*metadata]bool{}
	return &hunt{c: c, pool: pool, keep: func(slot uint32) bool {
		it := c.slots[slot]
		if it.dead(now) {
			return false
		}
		if len(f) == 0 {
			return true
		}
		fits, known := told[it.metadata]
		if !known {
			fits = f.matches(it.metadata)
			told[it.metadata] = fits
		}
		return fits
	}}
}

// rank finds memories by words and, with a vector, by meaning, and makes one ranking of the two.
func (h *hunt) rank(terms text.Terms, vector []float32) []Result {
	byWords := h.c.words.SearchTerms(terms, h.pool, h.keep, nil)
	byMeaning := h.c.nearest(vector, h.pool, h.keep, nil)
	words, meaning := map[uint32]float64{}, map[uint32]float64{}
	full := h.c.words.Full(terms)
	var rankings [2]fusion.Ranking[uint32]
	for _, hit := range byWords {
		words[hit.Doc] = float64(hit.Score / full)
		rankings[0].IDs = append(rankings[0].IDs, hit.Doc)
	}
	for _, hit := range byMeaning {
		if _, said := words[hit.Doc]; hit.Score < minMeaning && !said {
			continue
		}
		meaning[hit.Doc] = float64(hit.Score)
		rankings[1].IDs = append(rankings[1].IDs, hit.Doc)
	}
	list := make([]Result, 0, len(words)+len(meaning))
	for _, fused := range fusion.Reciprocal(rankings[:]...) {
		it := h.c.slots[fused.ID]
		res := Result{Words: round(words[fused.ID]), it: it}
		similarity, near := meaning[fused.ID]
		if !near && len(it.vector) == len(vector) && h.c.compares(it) { // it was found by words, and is farther away than all those found by meaning
			similarity = float64(dot(it.vector, vector))
		}
		res.Similarity = round(similarity)
		res.Score = max(res.Words, res.Similarity)
		list = append(list, res)
	}
	return list
}

// trim makes the results as short as asked.
func (resp *SearchResponse) trim(r *SearchRequest) {
	size := 0
	for i := range resp.Results {
		res := &resp.Results[i]
		if r.Format == "concise" {
			res.shorten()
			res.Similarity, res.Words = 0, 0
		}
		if size += res.bytes(); size > r.MaxBytes && i > 0 {
			resp.Results, resp.Truncated = resp.Results[:i], true
			return
		}
	}
}
