package vector

import (
	"context"
	"fmt"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/collection"
	"github.com/hivellm/synap-go/vector/tensor"
)

// Look is where and how widely is looked for the nearest points.
type Look struct {
	Using    string             `json:"using,omitempty" max:"63" jsonschema:"the name of the vectors to compare with; absent is the default one"`
	Filter   *collection.Filter `json:"filter,omitempty" jsonschema:"only the points that it means"`
	Limit    int                `json:"limit,omitempty" min:"1" max:"1000" jsonschema:"how many points are wanted; 10 when absent"`
	Offset   int                `json:"offset,omitempty" min:"0" max:"9000" jsonschema:"pass over so many of the nearest"`
	MinScore *float32           `json:"min_score,omitempty" jsonschema:"only points with this score or a better one: at least it under cosine and dot, at most it under euclidean and hamming"`
	Exact    bool               `json:"exact,omitempty" jsonschema:"measure every vector instead of walking the graph"`
	Rescore  *bool              `json:"rescore,omitempty" jsonschema:"false: what a walk of the graph found, which reads a part of each vector, is not measured again: quicker and less exact; true when absent"`
	Ef       int                `json:"ef,omitempty" min:"1" max:"4096" jsonschema:"how widely the graph is searched: more finds more of the nearest, and takes longer; 64 when absent, and never less than limit and offset"`
}

// Query is a search.
type Query struct {
	Vector tensor.Floats `json:"vector,omitempty" jsonschema:"look for what is near to this"`
	ID     collection.ID `json:"id,omitzero" jsonschema:"or near to this point, which is not among the answer"`
	Look
}

const defaultLimit = 10

// validate checks what no collection has a say in. Tags are enforced of a request's own fields only.
func (l *Look) validate() error {
	if l.Limit == 0 {
		l.Limit = defaultLimit
	}
	for _, f := range []struct {
		name           string
		n, least, most int
	}{{"limit", l.Limit, 1, collection.MaxLimit}, {"offset", l.Offset, 0, collection.MaxOffset}, {"ef", l.Ef, 0, collection.MaxEf}} {
		if f.n < f.least || f.n > f.most {
			return fault.New(fault.OutOfRange, "%q: %d is not allowed for it: it is between %d and %d", f.name, f.n, f.least, f.most).
				With("field", f.name)
		}
	}
	return l.Filter.Check()
}

func (q *Query) validate() error {
	if (len(q.Vector) == 0) == q.ID.IsZero() {
		return fault.New(fault.Invalid, `a query has either "vector" or "id"`).With("field", "vector")
	}
	return q.Look.validate()
}

func (q *Query) given() bool {
	return len(q.Vector) > 0 || !q.ID.IsZero() || q.Look != Look{}
}

// SearchRequest is a search, or several.
type SearchRequest struct {
	Collection string `json:"collection" jsonschema:"the collection"`
	Query
	Queries []Query `json:"queries,omitempty" max:"100" jsonschema:"several searches, instead of the fields above"`
	Shown
	Peers         []string `json:"peers,omitempty" max:"16" jsonschema:"search the collections of this name at these peers, too, and make one ranking of it; * alone is every peer"`
	PeerTimeoutMS int64    `json:"peer_timeout_ms,omitempty" min:"0" max:"25000" jsonschema:"how long to wait for peers, in milliseconds; 2000 when absent. The answer is partial without those that have not answered by then"`
}

const defaultPeerTimeoutMS = 2000

// Validate checks every query.
func (r *SearchRequest) Validate() error {
	if r.PeerTimeoutMS == 0 {
		r.PeerTimeoutMS = defaultPeerTimeoutMS
	}
	if len(r.Queries) == 0 {
		if err := r.Query.validate(); err != nil {
			return err
		}
		return r.validatePeers()
	}
	if err := r.validatePeers(); err != nil {
		return err
	}
	if r.Query.given() {
		return fault.New(fault.Invalid, `"queries" stands for itself: each has a vector, limit and filter of its own`).With("field", "queries")
	}
	hits := 0
	for i := range r.Queries {
		if err := r.Queries[i].validate(); err != nil {
			return inQuery(i, err)
		}
		hits += r.Queries[i].Limit
	}
	return checkHits(hits)
}

// inQuery says which query the error is about.
func inQuery(i int, err error) error {
	e := fault.From(err).With("index", i)
	e.Message = fmt.Sprintf("queries[%d]: %s", i, e.Message)
	return e
}

// Hit is a point that was found.
type Hit struct {
	Score float32 `json:"score" jsonschema:"how near it is: under cosine and dot more is nearer, under euclidean and hamming less"`
	Peer  string  `json:"peer,omitempty" jsonschema:"of a search of peers: the one that has it; absent: it is here"`
	Point
}

// SearchResponse is what was found.
type SearchResponse struct {
	Hits    []Hit     `json:"hits,omitempty" jsonschema:"the nearest points, the nearest first"`
	Results []Results `json:"results,omitempty" jsonschema:"with queries: the hits of each, in their order"`

	Peers   []PeerAnswer `json:"peers,omitempty" jsonschema:"of a search of peers: what came of asking each"`
	Partial bool         `json:"partial,omitempty" jsonschema:"true when not all of them answered: nearer points may be missing"`
}

// Results are the hits of one of several searches.
type Results struct {
	Hits []Hit `json:"hits"`
}

func (s *Collections) search(ctx context.Context, r *SearchRequest) (resp SearchResponse, err error) {
	if r.Waits() {
		return s.searchEverywhere(ctx, r)
	}
	e, err := s.look(r.Collection)
	if err != nil {
		return resp, err
	}
	if len(r.Queries) == 0 {
		room, err := r.roomFor(e, r.Limit)
		if err == nil {
			resp.Hits, err = s.query(e, &r.Query, &r.Shown, room)
		}
		return resp, err
	}
	hits := 0
	for i := range r.Queries {
		hits += r.Queries[i].Limit
	}
	room, err := r.roomFor(e, hits)
	if err != nil {
		return resp, err
	}
	for i := range r.Queries {
		if err := ctx.Err(); err != nil {
			return resp, err
		}
		hits, err := s.query(e, &r.Queries[i], &r.Shown, room)
		if err != nil {
			return resp, inQuery(i, err)
		}
		resp.Results = append(resp.Results, Results{hits})
	}
	return resp, nil
}

func (s *Collections) query(e *entry, q *Query, shown *Shown, room *room) ([]Hit, error) {
	vector, filter := q.Vector, q.Filter
	if !q.ID.IsZero() {
		var err error
		if vector, err = e.Between([]collection.Example{{ID: q.ID}}, nil, q.Using, s.env.Clock.Now()); err != nil {
			return nil, err
		}
		filter = besides(filter, []collection.ID{q.ID})
	}
	return s.nearest(e, &q.Look, vector, filter, shown, room)
}

// besides is the filter, but for some points.
func besides(f *collection.Filter, ids []collection.ID) *collection.Filter {
	both := &collection.Filter{MustNot: []collection.Condition{{IDs: ids}}}
	if !f.IsZero() {
		both.Must = []collection.Condition{{Filter: f}}
	}
	return both
}

// nearest searches, and makes an answer of what it finds.
func (s *Collections) nearest(e *entry, l *Look, vector tensor.Floats, filter *collection.Filter, shown *Shown, room *room,
) ([]Hit, error) {
	found, err := e.Search(&collection.Query{
		Vector: vector, Using: l.Using, Filter: filter, Limit: l.Limit, Offset: l.Offset, MinScore: l.MinScore,
		Exact: l.Exact, Ef: l.Ef, Coarse: l.Rescore != nil && !*l.Rescore, Now: s.env.Clock.Now(), WithVectors: shown.WithVectors,
	})
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, len(found))
	for i, h := range found {
		hits[i] = Hit{Score: h.Score, Point: shown.point(h.Point, h.Vectors)}
		if err := room.take(&hits[i].Point); err != nil {
			return nil, err
		}
	}
	return hits, nil
}

// RecommendRequest asks for what is like some points and unlike others.
type RecommendRequest struct {
	Collection      string          `json:"collection" jsonschema:"the collection"`
	Positive        []collection.ID `json:"positive,omitempty" max:"100" jsonschema:"points to look for the like of"`
	Negative        []collection.ID `json:"negative,omitempty" max:"100" jsonschema:"points to look for the unlike of"`
	PositiveVectors []tensor.Floats `json:"positive_vectors,omitempty" max:"100" jsonschema:"vectors to look for the like of"`
	NegativeVectors []tensor.Floats `json:"negative_vectors,omitempty" max:"100" jsonschema:"vectors to look for the unlike of"`
	Look
	Shown
}

// Resource is the collection.
func (r *RecommendRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

// Validate wants something that is liked.
func (r *RecommendRequest) Validate() error {
	if len(r.Positive)+len(r.PositiveVectors) == 0 {
		return fault.New(fault.Invalid, `"positive" is required, or "positive_vectors"`).With("field", "positive")
	}
	return r.Look.validate()
}

// HitsResponse is what was found.
type HitsResponse struct {
	Hits []Hit `json:"hits" jsonschema:"the nearest points, the nearest first; none of those given"`
}

func (s *Collections) recommend(_ context.Context, r *RecommendRequest) (resp HitsResponse, err error) {
	e, err := s.look(r.Collection)
	if err != nil {
		return resp, err
	}
	room, err := r.roomFor(e, r.Limit)
	if err != nil {
		return resp, err
	}
	vector, err := e.Between(examples(r.Positive, r.PositiveVectors), examples(r.Negative, r.NegativeVectors), r.Using, s.env.Clock.Now())
	if err != nil {
		return resp, err
	}
	filter := r.Filter
	if known := append(r.Positive[:len(r.Positive):len(r.Positive)], r.Negative...); len(known) > 0 {
		filter = besides(filter, known)
	}
	resp.Hits, err = s.nearest(e, &r.Look, vector, filter, &r.Shown, room)
	return resp, err
}

func examples(ids []collection.ID, vectors []tensor.Floats) []collection.Example {
	all := make([]collection.Example, 0, len(ids)+len(vectors))
	for _, id := range ids {
		all = append(all, collection.Example{ID: id})
	}
	for _, v := range vectors {
		all = append(all, collection.Example{Vector: v})
	}
	return all
}
