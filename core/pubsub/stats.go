package pubsub

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
)

// TopicsRequest asks which topics there is anything to say of.
type TopicsRequest struct {
	Prefix string `json:"prefix,omitempty" max:"512" jsonschema:"only what begins so"`
	Cursor string `json:"cursor,omitempty" max:"1024" jsonschema:"next_cursor of the page before"`
	Limit  int    `json:"limit,omitempty" default:"100" min:"1" max:"1000" jsonschema:"at most so many"`
}

// Resource is everything under the prefix.
func (r *TopicsRequest) Resource() auth.Resource {
	return auth.Resource{Structure: "pubsub", Name: r.Prefix, Match: auth.Prefix}
}

// TopicsResponse is a page of topics and patterns, in order.
type TopicsResponse struct {
	Items      []TopicLine `json:"items"`
	NextCursor string      `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

// TopicLine is a topic or pattern that somebody listens to or that retains a message. A topic that nobody
// listens to and that keeps nothing does not exist.
type TopicLine struct {
	Name        string `json:"name"`
	Subscribers int    `json:"subscribers" jsonschema:"how many subscriptions name just this topic or pattern"`
	Retained    bool   `json:"retained,omitempty" jsonschema:"whether the topic keeps a message for newcomers"`
}

func (b *Broker) topics(_ context.Context, r *TopicsRequest) (TopicsResponse, error) {
	b.mu.RLock()
	lines := map[string]*TopicLine{}
	line := func(name string) *TopicLine {
		if lines[name] == nil {
			lines[name] = &TopicLine{Name: name}
		}
		return lines[name]
	}
	for s := range b.subscribers {
		for _, p := range s.patterns {
			if strings.HasPrefix(p, r.Prefix) && p > r.Cursor && !strings.HasPrefix(p, inboxHead) {
				line(p).Subscribers++
			}
		}
	}
	b.under(r.Prefix, func(topic string, _ *Message) bool {
		if topic > r.Cursor {
			line(topic).Retained = true
		}
		return true
	})
	b.mu.RUnlock()

	resp := TopicsResponse{Items: []TopicLine{}}
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		if len(resp.Items) == r.Limit {
			resp.NextCursor = resp.Items[r.Limit-1].Name
			break
		}
		resp.Items = append(resp.Items, *lines[name])
	}
	return resp, nil
}

// StatsRequest asks for nothing in particular.
type StatsRequest struct{}

// Resource is every topic.
func (*StatsRequest) Resource() auth.Resource { return auth.Any("pubsub") }

// StatsResponse is the namespace's pub/sub in numbers.
type StatsResponse struct {
	Subscriptions int    `json:"subscriptions" jsonschema:"how many subscriptions are open"`
	Handles       int    `json:"handles" jsonschema:"how many of them belong to callers who poll"`
	Retained      int    `json:"retained" jsonschema:"how many topics keep a message for newcomers"`
	RetainedBytes int64  `json:"retained_bytes" jsonschema:"about how much memory these take"`
	Published     uint64 `json:"published" jsonschema:"messages published since the server started"`
	Delivered     uint64 `json:"delivered" jsonschema:"messages put into mailboxes since the server started"`
}

func (b *Broker) stats(context.Context, *StatsRequest) (StatsResponse, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return StatsResponse{
		Subscriptions: len(b.subscribers), Handles: len(b.handles),
		Retained: b.retained.Len(), RetainedBytes: b.bytes,
		Published: b.published.Load(), Delivered: b.delivered.Load(),
	}, nil
}
