package vector

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/collection"
)

// ScrollRequest asks for points in the order of their ids.
type ScrollRequest struct {
	Collection string             `json:"collection" jsonschema:"the collection"`
	Filter     *collection.Filter `json:"filter,omitempty" jsonschema:"only the points that it means"`
	Limit      int                `json:"limit,omitempty" default:"100" min:"1" max:"1000" jsonschema:"how many points a page has at most"`
	Cursor     collection.ID      `json:"cursor,omitzero" jsonschema:"next_cursor of the page before"`
	Shown
}

// Resource is the collection.
func (r *ScrollRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

// Validate checks the filter.
func (r *ScrollRequest) Validate() error { return r.Filter.Check() }

// ScrollResponse is a page of points.
type ScrollResponse struct {
	Points     []Point       `json:"points" jsonschema:"by id: integers before texts"`
	NextCursor collection.ID `json:"next_cursor,omitzero" jsonschema:"pass it as cursor for the next page; absent on the last one. A page of a filter may be short, even empty, and have a next page"`
}

func (s *Collections) scroll(_ context.Context, r *ScrollRequest) (ScrollResponse, error) {
	resp := ScrollResponse{Points: []Point{}}
	e, err := s.look(r.Collection)
	if err != nil {
		return resp, err
	}
	room, err := r.roomFor(e, r.Limit)
	if err != nil {
		return resp, err
	}
	page := e.Page(r.Filter, r.Cursor, r.Limit, r.WithVectors, s.env.Clock.Now())
	resp.NextCursor = page.Next
	for i, p := range page.Points {
		var vectors vectors
		if r.WithVectors {
			vectors = page.Vectors[i]
		}
		point := r.point(p, vectors)
		if !room.takes(&point) && i > 0 {
			resp.NextCursor = p.ID
			break
		}
		resp.Points = append(resp.Points, point)
	}
	return resp, nil
}

// CountRequest asks how many points there are.
type CountRequest struct {
	Collection string             `json:"collection" jsonschema:"the collection"`
	Filter     *collection.Filter `json:"filter,omitempty" jsonschema:"only the points that it means"`
}

// Resource is the collection.
func (r *CountRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

// Validate checks the filter.
func (r *CountRequest) Validate() error { return r.Filter.Check() }

// CountResponse is how many points there are.
type CountResponse struct {
	Count int `json:"count"`
}

func (s *Collections) count(_ context.Context, r *CountRequest) (CountResponse, error) {
	e, err := s.look(r.Collection)
	if err != nil {
		return CountResponse{}, err
	}
	return CountResponse{e.Count(r.Filter, s.env.Clock.Now())}, nil
}

// maxHits bounds how many points all searches of one request may answer.
const maxHits = 10_000

func checkHits(n int) error {
	if n > maxHits {
		return fault.New(fault.TooLarge, "the queries may answer %d points; at most %d are allowed in one request", n, maxHits).
			With("limit", maxHits)
	}
	return nil
}
