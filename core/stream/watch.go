package stream

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// batch is how many events a watch takes out of a room at a time.
const batch = 256

// WatchRequest asks to follow a room.
//
// A watch's positions are places in the room, not in the journal: the generation is their epoch, and the
// offset to go on with their number. So a watch resumes for as long as the room holds the events.
type WatchRequest struct {
	Room      string `json:"room" max:"512" jsonschema:"the room; it need not exist yet"`
	Partition *int   `json:"partition,omitempty" jsonschema:"which partition; needed when there are several"`
	Beginning        // nothing given: what comes after the latest
	Event     string `json:"event,omitempty" max:"256" jsonschema:"only events of this type; a * at the end stands for anything: task.*"`
	command.Following
}

// Resource is the room.
func (r *WatchRequest) Resource() auth.Resource { return auth.Name(structureName, r.Room) }

// Validate checks the names and that there is one beginning. From, which a follower that comes back gives, goes
// before what it asked for when it began.
func (r *WatchRequest) Validate() error {
	if err := checkRoom(r.Room); err != nil {
		return err
	}
	if err := checkFilter(r.Event); err != nil {
		return err
	}
	return r.validate()
}

// WatchEvent is an event of the room, or word of a gap.
type WatchEvent struct {
	Kind       string `json:"kind" jsonschema:"event; or lost: events are gone that were not delivered; or reset: the room was deleted or made anew, and what follows is of the new one"`
	Lost       uint64 `json:"lost,omitempty" jsonschema:"how many events are gone"`
	Generation int64  `json:"generation" jsonschema:"of the room"`
	Partition  int    `json:"partition,omitempty"`

	Offset  uint64            `json:"offset" jsonschema:"the event's; of lost and reset, the first that can follow"`
	Event   string            `json:"event,omitempty" jsonschema:"its type"`
	Data    value.Value       `json:"data,omitzero"`
	Headers map[string]string `json:"headers,omitempty"`
	Key     string            `json:"key,omitempty"`
	At      int64             `json:"at,omitempty" jsonschema:"when it was appended, in Unix milliseconds"`
	By      string            `json:"by,omitempty" jsonschema:"who appended it"`
}

func (s *Streams) watch(ctx context.Context, r *WatchRequest, out *command.Stream[WatchEvent]) error {
	w := &watcher{cursor{
		room: r.Room, partition: r.Partition, wanted: newFilter(r.Event), limit: batch, maxBytes: maxReadBytes, outside: true,
	}}
	start := r.Beginning
	switch {
	case !r.From.IsZero():
		w.generation = int64(min(r.From.Epoch, 1<<62))
		start = Beginning{FromOffset: &r.From.Seq}
	case !start.given():
		start.Start = "latest"
	}
	for {
		ready := make(chan struct{}, 1)
		found, reset, err := w.look(s, &start, ready)
		if err != nil {
			return err
		}
		if err := w.send(found, reset, out); err != nil {
			return err
		}
		if reset || len(found.Events) > 0 || found.More {
			continue
		}
		if err := out.Flush(w.position()); err != nil {
			return err
		}
		select {
		case <-ready:
		case <-ctx.Done():
			s.leave(w.room, w.index, ready)
			return ctx.Err()
		}
	}
}

// watcher is a cursor that goes on when the room is made anew.
type watcher struct{ cursor }

// position is where the watch resumes.
func (w *watcher) position() journal.Position {
	return journal.Position{Epoch: uint64(w.generation), Seq: w.offset} //nolint:gosec // never negative
}

// look waits until no transaction is in the middle of something, then looks. If the room is another one than
// before, reset is true and the cursor at the other one's start.
func (w *watcher) look(s *Streams, start *Beginning, ready chan struct{}) (found ReadResponse, reset bool, err error) {
	for {
		var held *chan struct{}
		if found, held, err = s.look(&w.cursor, start, ready); held == nil {
			break
		}
		<-*held // soon: a transaction does not wait for anything
	}
	code := fault.CodeOf(err)
	gone := code == fault.NotFound && (w.generation != 0)
	if gone || (code == fault.Conflict && w.generation != 0) {
		w.generation, w.placed, w.index, w.offset = 0, true, 0, 0
		return ReadResponse{}, true, nil
	}
	return found, false, err
}

// send delivers what was found.
func (w *watcher) send(found ReadResponse, reset bool, out *command.Stream[WatchEvent]) error {
	if reset {
		return out.Send(w.position(), WatchEvent{Kind: "reset"})
	}
	if found.Lost > 0 {
		at := journal.Position{Epoch: uint64(w.generation), Seq: found.OldestOffset} //nolint:gosec // never negative
		lost := WatchEvent{
			Kind: "lost", Lost: found.Lost, Generation: w.generation, Partition: w.index, Offset: found.OldestOffset,
		}
		if err := out.Send(at, lost); err != nil {
			return err
		}
	}
	for _, e := range found.Events {
		at := journal.Position{Epoch: uint64(w.generation), Seq: e.Offset + 1} //nolint:gosec // never negative
		if err := out.Send(at, w.event(e)); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) event(e *Event) WatchEvent {
	return WatchEvent{
		Kind: "event", Generation: w.generation, Partition: w.index,
		Offset: e.Offset, Event: e.Event, Data: e.Data, Headers: e.Headers, Key: e.Key, At: e.At, By: e.By,
	}
}
