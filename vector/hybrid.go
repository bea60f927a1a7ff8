package vector

import (
	"context"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/collection"
	"github.com/hivellm/synap-go/vector/fusion"
	"github.com/hivellm/synap-go/vector/tensor"
)

// HybridRequest is a search by words and by a vector at once.
type HybridRequest struct {
	Collection string        `json:"collection" jsonschema:"the collection"`
	Text       string        `json:"text,omitempty" max:"8192" jsonschema:"words to look for in texts"`
	Vector     tensor.Floats `json:"vector,omitempty" jsonschema:"a vector to look near to"`
	Weights    *Weights      `json:"weights,omitempty" jsonschema:"how much each ranking counts; the same when absent"`
	Look
	Shown
}

// Weights are how much the two rankings count.
type Weights struct {
	Text   float64 `json:"text" jsonschema:"of the ranking by words, 0 to 100"`
	Vector float64 `json:"vector" jsonschema:"of the ranking by vectors, 0 to 100"`
}

// Resource is the collection.
func (r *HybridRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

// Validate wants words or a vector.
func (r *HybridRequest) Validate() error {
	switch w := r.Weights; {
	case strings.TrimSpace(r.Text) == "" && len(r.Vector) == 0:
		return fault.New(fault.Invalid, `"text" is required, or "vector", or both`).With("field", "text")
	case r.MinScore != nil:
		return fault.New(fault.Invalid, `"min_score" means nothing to fused rankings`).With("field", "min_score")
	case w == nil:
		r.Weights = &Weights{1, 1}
	case !(w.Text >= 0 && w.Text <= 100 && w.Vector >= 0 && w.Vector <= 100 && w.Text+w.Vector > 0):
		return fault.New(fault.OutOfRange, "weights are from 0 to 100, and not both 0; given were %v and %v", w.Text, w.Vector).
			With("field", "weights")
	}
	return r.Look.validate()
}

// HybridHit is a point that was found, and where.
type HybridHit struct {
	Score      float64 `json:"score" jsonschema:"the fused score: it orders this answer, and means nothing beyond it"`
	TextRank   int     `json:"text_rank,omitempty" jsonschema:"its place in the ranking by words, from 1; absent when it is not in it"`
	VectorRank int     `json:"vector_rank,omitempty" jsonschema:"its place in the ranking by vectors, from 1; absent when it is not in it"`
	Point
}

// HybridResponse is what was found.
type HybridResponse struct {
	Hits []HybridHit `json:"hits" jsonschema:"the best points, the best first"`
}

// ranked is how far down each ranking is looked for a point that the other has.
func (l *Look) ranked() int { return min(max(100, 4*(l.Limit+l.Offset)), collection.MaxLimit) }

func (s *Collections) hybrid(_ context.Context, r *HybridRequest) (HybridResponse, error) {
	resp := HybridResponse{Hits: []HybridHit{}}
	e, err := s.look(r.Collection)
	if err != nil {
		return resp, err
	}
	room, err := r.roomFor(e, r.Limit)
	if err != nil {
		return resp, err
	}
	var byText, byVector []collection.Hit
	now, deep := s.env.Clock.Now(), r.ranked()
	if strings.TrimSpace(r.Text) != "" && r.Weights.Text > 0 {
		byText = e.Words(r.Text, r.Filter, deep, now)
	}
	if len(r.Vector) > 0 && r.Weights.Vector > 0 {
		byVector, err = e.Search(&collection.Query{
			Vector: r.Vector, Using: r.Using, Filter: r.Filter, Limit: deep, Exact: r.Exact, Ef: r.Ef, Now: now,
		})
		if err != nil {
			return resp, err
		}
	}
	resp.Hits, err = r.fuse(e, byText, byVector, room)
	return resp, err
}

// fuse makes one ranking of the two, and an answer of the part that was asked for.
func (r *HybridRequest) fuse(e *entry, byText, byVector []collection.Hit, room *room) ([]HybridHit, error) {
	points := map[string]collection.Hit{}
	ranks := [2]map[string]int{{}, {}}
	ids := [2][]string{}
	for i, hits := range [][]collection.Hit{byText, byVector} {
		for place, h := range hits {
			id := h.ID.String()
			points[id], ranks[i][id] = h, place+1
			ids[i] = append(ids[i], id)
		}
	}
	fused := fusion.Reciprocal(
		fusion.Ranking[string]{IDs: ids[0], Weight: r.Weights.Text}, fusion.Ranking[string]{IDs: ids[1], Weight: r.Weights.Vector})
	fused = fused[min(r.Offset, len(fused)):]
	fused = fused[:min(r.Limit, len(fused))]
	found := make([]collection.Hit, len(fused))
	for i, f := range fused {
		found[i] = points[f.ID]
	}
	if r.WithVectors {
		e.VectorsOf(found)
	}
	hits := make([]HybridHit, len(fused))
	for i, f := range fused {
		hits[i] = HybridHit{f.Score, ranks[0][f.ID], ranks[1][f.ID], r.point(found[i].Point, found[i].Vectors)}
		if err := room.take(&hits[i].Point); err != nil {
			return nil, err
		}
	}
	return hits, nil
}
