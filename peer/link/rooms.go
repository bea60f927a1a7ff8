package link

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/peer"
	"github.com/hivellm/synap-go/umicp/client"
)

// courseKey is what one copier carries.
type courseKey struct {
	kind      peer.Kind
	out       bool   // from here to the peer
	room      string // or the collection, or the pattern of topics
	partition int
}

// pageOfRooms is how many rooms are asked for at once.
const pageOfRooms = 1000

// follow begins to follow the rooms and collections that the rules name and nobody follows.
func (s *session) follow(ctx context.Context) error {
	for _, rule := range s.peer.Rules {
		for _, d := range []struct {
			direction peer.Direction
			from, to  *end
		}{{peer.In, &s.there, &s.here}, {peer.Out, &s.here, &s.there}} {
			if rule.Direction&d.direction == 0 {
				continue
			}
			out := d.direction == peer.Out
			var err error
			switch rule.Kind {
			case peer.Topics:
				err = s.carry(ctx, courseKey{peer.Topics, out, rule.Pattern, 0}, 1, d.from, d.to)
			case peer.Collections:
				err = s.collections(ctx, rule, d.from, func(name string) error {
					return s.carry(ctx, courseKey{peer.Collections, out, name, 0}, 1, d.from, d.to)
				})
			default:
				err = s.rooms(ctx, rule, d.from, func(room string, partitions int) error {
					for i := range partitions {
						if err := s.carry(ctx, courseKey{peer.Rooms, out, room, i}, partitions, d.from, d.to); err != nil {
							return err
						}
					}
					return nil
				})
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// rooms calls f for every room at the end that the rule names.
func (s *session) rooms(ctx context.Context, rule peer.Rule, at *end, f func(room string, partitions int) error) error {
	prefix, many := strings.CutSuffix(rule.Pattern, "*")
	if !many {
		var stats client.StreamStatsResponse
		err := at.call(ctx, 0, "stream.stats", map[string]any{"room": rule.Pattern}, &stats)
		switch {
		case fault.CodeOf(err) == fault.NotFound:
			return nil // not yet
		case err != nil:
			return err
		}
		return f(rule.Pattern, len(stats.Partitions))
	}
	for cursor := ""; ; {
		var page client.StreamListResponse
		args := map[string]any{"prefix": prefix, "limit": pageOfRooms}
		if cursor != "" {
			args["cursor"] = cursor
		}
		if err := at.call(ctx, 0, "stream.list", args, &page); err != nil {
			return err
		}
		for _, line := range page.Items {
			if err := f(line.Room, line.Partitions); err != nil {
				return err
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			return nil
		}
	}
}

// carry begins to carry a partition of a room, unless somebody does.
func (s *session) carry(ctx context.Context, k courseKey, partitions int, from, to *end) error {
	s.mu.Lock()
	_, running := s.copiers[k]
	full := len(s.copiers) >= MaxRooms
	c := &copier{session: s, courseKey: k, partitions: partitions, from: from, to: to}
	if !running && !full {
		s.copiers[k] = c
	}
	s.mu.Unlock()
	switch {
	case running:
		return nil
	case full:
		return fault.New(fault.Exhausted, "the rules name more than %d partitions of rooms and collections: %q and others are not followed", MaxRooms, k.room)
	}
	s.all.Go(func() {
		c.run(ctx)
		s.mu.Lock()
		delete(s.copiers, k)
		delete(s.records, k)
		if ctx.Err() != nil && c.oldest != 0 && (s.oldest == 0 || c.oldest < s.oldest) {
			s.oldest = c.oldest
		}
		s.mu.Unlock()
		if pause(ctx, firstBackoff) { // it was deleted, and perhaps made anew before that was noticed
			s.look()
		}
	})
	return nil
}

// copier carries one partition of a room, a collection, or the topics of a pattern from one end to the other.
type copier struct {
	*session
	courseKey
	partitions int
	from, to   *end
	batch      batch // of points: how many are carried at once

	wrote, came *records // of points: what it has made where it writes, and what was made where it reads by who carries the other way
	behind      uint64   // events that are known and not carried yet; guarded by the link's mu
	oldest      int64    // when about the oldest of them was made, in Unix milliseconds; 0 is none; guarded by the link's mu
}

// run carries until the context ends, or the room does; whoever deletes and makes it anew is heard of.
func (c *copier) run(ctx context.Context) {
	try, what := c.tryRoom, fmt.Sprintf("room %s, partition %d", c.room, c.partition)
	switch c.kind {
	case peer.Collections:
		try, what = c.tryPoints, "collection "+c.room
	case peer.Topics:
		try, what = c.tryTopics, "topics "+c.room
	}
	for wait := firstBackoff; ; {
		moved, err := try(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, errGone):
			return
		case errors.As(err, &broken{}):
			c.give(err)
			return
		}
		if moved {
			wait = firstBackoff
		}
		c.failed(fmt.Errorf("%s: %w", what, err))
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, maxBackoff)
	}
}

// errGone is that the room or the collection was deleted.
var errGone = errors.New("it is gone")

const (
	readLimit = 500
	readTime  = 20 * time.Second
)

// tryRoom carries until something goes wrong. moved says whether anything was carried.
func (c *copier) tryRoom(ctx context.Context) (moved bool, err error) {
	if err := c.prepare(ctx); err != nil {
		return false, err
	}
	var at peer.Spot
	for known := false; ; {
		if !known {
			var reached peer.ReachedResponse
			args := peer.ReachedRequest{Node: c.from.node, Room: c.room, Partition: c.partition}
			if err := c.to.call(ctx, 0, "peer.reached", args, &reached); err != nil {
				return moved, err
			}
			at, known = reached.Spot, true
		}
		found, err := c.read(ctx, at)
		if err != nil {
			return moved, err
		}
		next := peer.Spot{Generation: found.Generation, Offset: found.NextOffset}
		if len(found.Events) == 0 && found.Lost == 0 {
			continue
		}
		if len(found.Events) > 0 {
			c.left(found.Events[0].At)
		}
		err = c.apply(ctx, at, next, found)
		switch {
		case fault.CodeOf(err) == fault.Conflict && !errors.As(err, &broken{}):
			known = false
			if !pause(ctx, time.Millisecond) {
				return moved, ctx.Err()
			}
			continue
		case err != nil:
			return moved, err
		}
		at, moved = next, true
		if err := c.measure(ctx, found); err != nil {
			return moved, err
		}
	}
}

// prepare sees to it that the room has as many partitions at both ends: an event stays in its own, which keeps the order of
// what each node made.
func (c *copier) prepare(ctx context.Context) error {
	var stats client.StreamStatsResponse
	err := c.to.call(ctx, 0, "stream.stats", map[string]any{"room": c.room}, &stats)
	switch {
	case fault.CodeOf(err) == fault.NotFound && c.partitions == 1:
		return nil // the first event makes it
	case fault.CodeOf(err) == fault.NotFound:
		var made struct {
			Partitions int `json:"partitions"`
		}
		args := map[string]any{"room": c.room, "partitions": c.partitions, "if_absent": true}
		if err := c.to.call(ctx, 0, "stream.create", args, &made); err != nil {
			return err
		}
		stats.Partitions = make([]client.StreamPartitionLine, made.Partitions)
	case err != nil:
		return err
	}
	if n := len(stats.Partitions); n != c.partitions {
		return fault.New(fault.Conflict, "it has %d partitions where it is read and %d where it is to be written: they must be as many", c.partitions, n)
	}
	return nil
}

// read reads on from the spot. A room that was made anew is read from its beginning.
func (c *copier) read(ctx context.Context, at peer.Spot) (*client.StreamReadResponse, error) {
	args := client.StreamReadRequest{Room: c.room, Partition: &c.partition, Limit: readLimit, WaitMS: readTime.Milliseconds()}
	if at == (peer.Spot{}) {
		args.Start = "earliest"
	} else {
		args.Generation, args.FromOffset = at.Generation, &at.Offset
	}
	found := &client.StreamReadResponse{}
	err := c.from.call(ctx, readTime, "stream.read", args, found)
	switch {
	case errors.As(err, &broken{}):
		return nil, err
	case fault.CodeOf(err) == fault.Conflict: // of another generation
		args.Generation, args.FromOffset, args.Start = 0, nil, "earliest"
		found = &client.StreamReadResponse{}
		if err := c.from.call(ctx, readTime, "stream.read", args, found); err != nil {
			return nil, err
		}
		if found.Generation < at.Generation {
			return nil, fault.New(fault.OutOfRange, "it was read further there than it has come since: its server went back in time; "+
				"peer.forget of node %s takes all in again", c.from.node)
		}
		return found, nil
	case fault.CodeOf(err) == fault.NotFound:
		return nil, errGone
	case fault.CodeOf(err) == fault.OutOfRange:
		return nil, fault.Wrap(fault.OutOfRange, err, "it was read further there than it has come since: its server lost its last events, perhaps in a "+
			"power failure; peer.forget of node %s takes all in again: %v", c.from.node, err)
	}
	return found, err
}

// apply has the other end take in what was read.
func (c *copier) apply(ctx context.Context, from, to peer.Spot, found *client.StreamReadResponse) error {
	args := peer.ApplyRequest{Node: c.from.node, Room: c.room, Partition: c.partition, From: from, To: to}
	for _, e := range found.Events {
		args.Events = append(args.Events, peer.Found(c.from.node, peer.Event{
			Generation: found.Generation, Offset: e.Offset, By: e.By, At: e.At, Event: e.Event, Data: e.Data, Headers: e.Headers, Key: e.Key,
		}))
	}
	var outcome outcome
	if err := c.to.call(ctx, 0, "peer.apply", args, &outcome); err != nil {
		return err
	}
	var taken uint64
	for _, r := range outcome.Results {
		taken += uint64(len(r.Events))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out {
		c.now.Out += taken
	} else {
		c.now.In += taken
	}
	c.now.Passed += uint64(len(found.Events)) - taken
	c.now.Lost += found.Lost
	return nil
}

// outcome is what peer.apply and peer.settle answer: all that there may be in it, so that it is read without a way by JSON.
type outcome struct {
	receipt
	Results []struct {
		receipt
		Created  uint64 `json:"created"`
		Replaced uint64 `json:"replaced"`
		Deleted  uint64 `json:"deleted"`

		Room       string `json:"room"`
		Offset     uint64 `json:"offset"`
		Partition  int    `json:"partition"`
		NextOffset uint64 `json:"next_offset"`
		Generation int64  `json:"generation"`
		Duplicate  bool   `json:"duplicate"`
		Events     []struct {
			Offset    uint64 `json:"offset"`
			Partition int    `json:"partition"`
			Duplicate bool   `json:"duplicate"`
		} `json:"events"`
	} `json:"results"`
}

type receipt struct {
	Version    uint64 `json:"version"`
	Durability string `json:"durability"`
}

// measure finds out how much there is still to carry.
func (c *copier) measure(ctx context.Context, found *client.StreamReadResponse) error {
	var behind uint64
	if found.More {
		var stats client.StreamStatsResponse
		if err := c.from.call(ctx, 0, "stream.stats", map[string]any{"room": c.room}, &stats); err != nil {
			return err
		}
		if c.partition < len(stats.Partitions) {
			behind = stats.Partitions[c.partition].NextOffset - min(found.NextOffset, stats.Partitions[c.partition].NextOffset)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.behind, c.oldest = behind, 0; behind > 0 && len(found.Events) > 0 {
		c.oldest = found.Events[len(found.Events)-1].At
	}
	return nil
}

// left notes when about the oldest of what is known and not carried was made; 0 is that there is none.
func (c *copier) left(at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.oldest = at
}
