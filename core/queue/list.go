package queue

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// ListRequest asks which queues there are.
type ListRequest struct {
	Prefix string `json:"prefix,omitempty" max:"128" jsonschema:"only queues whose names begin so"`
	Limit  int    `json:"limit,omitempty" default:"100" min:"1" max:"1000" jsonschema:"how many queues a page has at most"`
	Cursor string `json:"cursor,omitempty" max:"128" jsonschema:"next_cursor of the page before"`
}

// Resource is everything under the prefix.
func (r *ListRequest) Resource() auth.Resource {
	return auth.Resource{Structure: structureName, Name: r.Prefix, Match: auth.Prefix}
}

// ListResponse is a page of queues, by name.
type ListResponse struct {
	Items      []ListItem `json:"items"`
	NextCursor string     `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

// ListItem is one queue of a page.
type ListItem struct {
	Queue string `json:"queue"`
	Counts
	Bytes  int64 `json:"bytes" jsonschema:"about how much memory its messages take, dead letters included"`
	Paused bool  `json:"paused,omitempty" jsonschema:"true when it hands out nothing"`
}

func (s *Queues) list(_ context.Context, r *ListRequest) (resp ListResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	resp.Items, resp.NextCursor = command.Page(s.names.Ascend, r.Prefix, r.Cursor, r.Limit, func(name string, q *queue) ListItem {
		return ListItem{Queue: name, Counts: q.counts(), Bytes: q.bytes + q.deadBytes, Paused: q.paused}
	})
	return resp, nil
}

// StatsResponse is a queue in numbers.
type StatsResponse struct {
	Counts
	Depth         int      `json:"depth" jsonschema:"ready, leased and delayed"`
	Bytes         int64    `json:"bytes" jsonschema:"about how much memory these take"`
	DeadBytes     int64    `json:"dead_bytes" jsonschema:"about how much memory the dead letters take"`
	OldestReadyMS int64    `json:"oldest_ready_ms" jsonschema:"how long ago the message that is next in line was published, in milliseconds"`
	Consumers     int      `json:"consumers" jsonschema:"how many consumers hold messages"`
	Waiting       int      `json:"waiting" jsonschema:"how many receivers wait for a message"`
	Groups        int      `json:"groups" jsonschema:"how many groups have messages"`
	Paused        bool     `json:"paused"`
	CreatedAt     int64    `json:"created_at" jsonschema:"in Unix milliseconds"`
	Totals        Totals   `json:"totals" jsonschema:"what happened since the queue was made"`
	Settings      Settings `json:"settings"`
}

// Totals count what happened to the messages of a queue.
type Totals struct {
	Published    uint64 `json:"published" jsonschema:"messages that came, redriven ones of other queues included"`
	Delivered    uint64 `json:"delivered" jsonschema:"leases that were granted"`
	Done         uint64 `json:"done" jsonschema:"messages acknowledged"`
	Expired      uint64 `json:"expired" jsonschema:"messages and dead letters whose time was over"`
	Dropped      uint64 `json:"dropped" jsonschema:"messages and dead letters that made room"`
	DeadLettered uint64 `json:"dead_lettered" jsonschema:"messages that became dead letters, here or in another queue"`
}

func (s *Queues) stats(_ context.Context, r *QueueRequest) (resp StatsResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.find(r.Queue)
	if q == nil {
		return resp, noQueue(r.Queue)
	}
	resp = StatsResponse{
		Counts: q.counts(), Depth: q.depth(), Bytes: q.bytes, DeadBytes: q.deadBytes,
		Consumers: len(q.holders()), Groups: len(q.groups), Paused: q.paused, CreatedAt: q.created,
		Totals: q.totals, Settings: *q.settings,
	}
	if m := q.line.first(); m != nil {
		resp.OldestReadyMS = max(0, s.env.Clock.Now()-m.publishedAt)
	}
	if all := s.waiting[r.Queue]; all != nil {
		resp.Waiting = all.parked.Len()
	}
	return resp, nil
}
