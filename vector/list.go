package vector

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/vector/collection"
)

// ListRequest asks which collections there are.
type ListRequest struct {
	Prefix string `json:"prefix,omitempty" max:"128" jsonschema:"only collections whose names begin so"`
	Limit  int    `json:"limit,omitempty" default:"100" min:"1" max:"1000" jsonschema:"how many collections a page has at most"`
	Cursor string `json:"cursor,omitempty" max:"128" jsonschema:"next_cursor of the page before"`
}

// Resource is everything under the prefix.
func (r *ListRequest) Resource() auth.Resource {
	return auth.Resource{Structure: structureName, Name: r.Prefix, Match: auth.Prefix}
}

// ListResponse is a page of collections, by name.
type ListResponse struct {
	Items      []ListItem `json:"items"`
	NextCursor string     `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

// ListItem is one collection of a page.
type ListItem struct {
	Collection string `json:"collection"`
	Points     int    `json:"points" jsonschema:"how many points it has"`
	Bytes      int64  `json:"bytes" jsonschema:"about how much memory it takes"`
}

func (s *Collections) list(_ context.Context, r *ListRequest) (resp ListResponse, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	resp.Items, resp.NextCursor = command.Page(s.byName.Ascend, r.Prefix, r.Cursor, r.Limit, func(name string, e *entry) ListItem {
		e.RLock()
		defer e.RUnlock()
		return ListItem{Collection: name, Points: e.Len(), Bytes: e.Usage().Total()}
	})
	return resp, nil
}

// StatsResponse is a collection in numbers, and how it was made.
type StatsResponse struct {
	Points    int              `json:"points" jsonschema:"how many points it has"`
	Pending   int              `json:"pending" jsonschema:"vectors that wait to be put into a graph, and are searched exactly until then"`
	Bytes     int64            `json:"bytes" jsonschema:"about how much memory it takes"`
	Memory    Memory           `json:"memory"`
	Vector    *Shape           `json:"vector,omitempty" jsonschema:"its default vector"`
	Vectors   map[string]Shape `json:"vectors,omitempty" jsonschema:"its other vectors, by name"`
	Fields                     // what it indexes of payloads
	Language  string           `json:"language,omitempty"`
	CreatedAt int64            `json:"created_at" jsonschema:"in Unix milliseconds"`
	Version   uint64           `json:"version" jsonschema:"of the record that made it"`
}

// Memory is what takes how many bytes, about.
type Memory struct {
	Points  int64 `json:"points" jsonschema:"ids, payloads and texts"`
	Vectors int64 `json:"vectors" jsonschema:"vectors that are in no graph"`
	Graphs  int64 `json:"graphs" jsonschema:"graphs, with their vectors"`
	Indexes int64 `json:"indexes" jsonschema:"indexes of payload fields"`
	Words   int64 `json:"words" jsonschema:"the index of words"`
}

func (s *Collections) stats(_ context.Context, r *NameRequest) (resp StatsResponse, err error) {
	e, err := s.look(r.Collection)
	if err != nil {
		return resp, err
	}
	e.RLock()
	defer e.RUnlock()
	u, config := e.Usage(), e.Config()
	resp = StatsResponse{
		Points: e.Len(), Pending: e.Pending(), Bytes: u.Total(), CreatedAt: e.created, Version: e.born, Language: config.Language,
		Memory:  Memory{Points: u.Points, Vectors: u.Vectors, Graphs: u.Graph, Indexes: u.Indexes, Words: u.Words},
		Vectors: map[string]Shape{},
	}
	for _, v := range config.Vectors {
		shape := shapeOf(v)
		if v.Name == "" {
			resp.Vector = &shape
		} else {
			resp.Vectors[v.Name] = shape
		}
	}
	for _, x := range config.Indexes {
		resp.Indexes = append(resp.Indexes, IndexRequest{x.Path, x.Type})
	}
	resp.TextFields = config.Text
	return resp, nil
}

func shapeOf(v collection.VectorConfig) Shape {
	return Shape{
		Dimension: v.Dimension, Metric: v.Metric, Element: v.Element, Index: v.Index, Quantization: v.Walk, M: v.M, EfBuild: v.EfBuild,
	}
}
