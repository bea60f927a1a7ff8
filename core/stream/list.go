package stream

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// ListRequest asks which rooms there are.
type ListRequest struct {
	Prefix string `json:"prefix,omitempty" max:"512" jsonschema:"only rooms whose name begins so"`
	Cursor string `json:"cursor,omitempty" max:"512" jsonschema:"next_cursor of the page before"`
	Limit  int    `json:"limit,omitempty" default:"100" min:"1" max:"1000" jsonschema:"at most so many"`
}

// Resource is everything under the prefix.
func (r *ListRequest) Resource() auth.Resource {
	return auth.Resource{Structure: structureName, Name: r.Prefix, Match: auth.Prefix}
}

// ListResponse is a page of rooms, in order.
type ListResponse struct {
	Items      []RoomLine `json:"items"`
	NextCursor string     `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

// RoomLine is one room in a list.
type RoomLine struct {
	Room       string `json:"room"`
	Partitions int    `json:"partitions"`
	Events     int64  `json:"events" jsonschema:"how many events it holds"`
	Bytes      int64  `json:"bytes" jsonschema:"about how much memory they take"`
	Groups     int    `json:"groups,omitempty" jsonschema:"how many consumer groups it has"`
	NewestAt   int64  `json:"newest_at,omitempty" jsonschema:"when its newest event was appended, in Unix milliseconds"`
	Generation int64  `json:"generation"`
}

func (s *Streams) list(_ context.Context, r *ListRequest) (resp ListResponse, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	resp.Items, resp.NextCursor = command.Page(s.order.Ascend, r.Prefix, r.Cursor, r.Limit, func(_ string, room *room) RoomLine {
		return room.line()
	})
	return resp, nil
}

func (r *room) line() RoomLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := RoomLine{
		Room: r.name, Partitions: len(r.partitions), Events: r.count(), Bytes: r.bytes(), Groups: len(r.groups), Generation: r.generation,
	}
	for i := range r.partitions {
		if e := r.partitions[i].newest(); e != nil {
			l.NewestAt = max(l.NewestAt, e.At)
		}
	}
	return l
}

// StatsResponse is all about one room but its events.
type StatsResponse struct {
	Room           string          `json:"room"`
	Generation     int64           `json:"generation" jsonschema:"another one means that the room was deleted and made anew"`
	Events         int64           `json:"events" jsonschema:"how many events it holds"`
	Bytes          int64           `json:"bytes" jsonschema:"about how much memory they take"`
	MaxEvents      int64           `json:"max_events" jsonschema:"of each partition; 0 is no bound"`
	MaxBytes       int64           `json:"max_bytes" jsonschema:"of each partition; 0 is no bound"`
	MaxAgeMS       int64           `json:"max_age_ms" jsonschema:"0 is no bound"`
	KeepUnread     int64           `json:"keep_unread_bytes" jsonschema:"0 heeds no group"`
	DedupeWindowMS int64           `json:"dedupe_window_ms" jsonschema:"0 remembers no dedupe ids"`
	Partitions     []PartitionLine `json:"partitions"`
	Groups         []string        `json:"groups,omitempty" jsonschema:"the names of its consumer groups"`
}

// PartitionLine is one partition in numbers.
type PartitionLine struct {
	Partition    int    `json:"partition"`
	OldestOffset uint64 `json:"oldest_offset" jsonschema:"the first offset that is held; next_offset when none is"`
	NextOffset   uint64 `json:"next_offset" jsonschema:"the offset that the next event gets"`
	Bytes        int64  `json:"bytes"`
	OldestAt     int64  `json:"oldest_at,omitempty" jsonschema:"in Unix milliseconds"`
	NewestAt     int64  `json:"newest_at,omitempty" jsonschema:"in Unix milliseconds"`
}

func (s *Streams) stats(_ context.Context, r *RoomRequest) (resp StatsResponse, err error) {
	room, err := s.find(r.Room)
	if err != nil {
		return resp, err
	}
	defer s.unlock(room)
	c := room.config
	resp = StatsResponse{
		Room: room.name, Generation: room.generation, Events: room.count(), Bytes: room.bytes(),
		MaxEvents: c.maxEvents, MaxBytes: c.maxBytes, MaxAgeMS: c.maxAge, KeepUnread: c.keepUnread, DedupeWindowMS: c.window,
		Partitions: make([]PartitionLine, len(room.partitions)), Groups: room.groupNames(),
	}
	for i := range room.partitions {
		p := &room.partitions[i]
		resp.Partitions[i] = PartitionLine{Partition: i, OldestOffset: p.oldest, NextOffset: p.next, Bytes: p.bytes}
		if p.count() > 0 {
			resp.Partitions[i].OldestAt, resp.Partitions[i].NewestAt = p.at(p.oldest).At, p.newest().At
		}
	}
	return resp, nil
}
