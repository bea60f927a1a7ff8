package queue

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// The events of a watch.
const (
	eventFilled  = "filled"
	eventDrained = "drained"
	eventDead    = "dead"
	eventDeleted = "deleted"
)

var eventNames = []string{eventFilled, eventDrained, eventDead, eventDeleted}

// WatchRequest says which queues to follow; every queue when it names none.
type WatchRequest struct {
	command.Following
	Queues   []string `json:"queues,omitempty" max:"1000" jsonschema:"follow these queues, which need not exist yet"`
	Prefixes []string `json:"prefixes,omitempty" max:"100" jsonschema:"follow the queues whose names begin with one of these"`
	Events   []string `json:"events,omitempty" max:"4" jsonschema:"only these events: filled (something is ready, and nothing was), drained (nothing is ready any more), dead (dead letters), deleted; absent is all"`
}

// Resources are the queues and prefixes; every queue when there are none.
func (r *WatchRequest) Resources() []auth.Resource {
	if r.everything() {
		return []auth.Resource{auth.Any(structureName)}
	}
	var all []auth.Resource
	for _, name := range r.Queues {
		all = append(all, auth.Name(structureName, name))
	}
	for _, prefix := range r.Prefixes {
		all = append(all, auth.Resource{Structure: structureName, Name: prefix, Match: auth.Prefix})
	}
	return all
}

func (r *WatchRequest) everything() bool { return len(r.Queues)+len(r.Prefixes) == 0 }

// Validate refuses names that no queue has and events that there are not.
func (r *WatchRequest) Validate() error {
	for _, name := range r.Queues {
		if err := checkName(name); err != nil {
			return fault.From(err).With("field", "queues")
		}
	}
	for _, name := range r.Events {
		if !slices.Contains(eventNames, name) {
			return fault.New(fault.Invalid, "there is no event %q; the events are %s", clip(name), strings.Join(eventNames, ", ")).
				With("field", "events")
		}
	}
	return nil
}

// Event is something that happened to a queue.
type Event struct {
	Event      string   `json:"event" jsonschema:"filled (something is ready, and nothing was), drained (nothing is ready any more), dead (dead letters) or deleted"`
	Queue      string   `json:"queue"`
	MessageIDs []string `json:"message_ids,omitempty" jsonschema:"of dead: which messages died"`
	Cause      string   `json:"cause,omitempty" jsonschema:"of dead: rejected, or max_attempts"`
	Reason     string   `json:"reason,omitempty" jsonschema:"of dead: what the receiver said"`
	Version    uint64   `json:"version" jsonschema:"the version of this change"`
}

func (s *Queues) watch(ctx context.Context, r *WatchRequest, out *command.Stream[Event]) error {
	filter := journal.Filter{
		Namespace: s.env.Namespace, Structure: s.env.Structure,
		Names: r.Queues, Prefixes: r.Prefixes,
		Accept: func(op journal.Op) bool {
			name := eventName(op)
			return name != "" && (len(r.Events) == 0 || slices.Contains(r.Events, name))
		},
	}
	if r.everything() {
		filter.Prefixes = []string{""}
	}
	return command.Follow(ctx, s.env.Feed, filter, r.From, out, eventOf)
}

// eventName is what the op means to those who watch; "" for nothing. What died was with a receiver, so it was
// not ready, and no op means two things.
func eventName(op journal.Op) string {
	e := level
	switch op := op.(type) {
	case *drop:
		return eventDeleted
	case *put:
		e = op.edge
	case *lease:
		e = op.edge
	case *move:
		if op.cause.buries() {
			return eventDead
		}
		e = op.edge
	}
	return [...]string{level: "", filled: eventFilled, drained: eventDrained}[e]
}

func eventOf(ev journal.Event) Event {
	name, _ := ev.Op.Target()
	e := Event{Event: eventName(ev.Op), Queue: name, Version: ev.Seq}
	if op, ok := ev.Op.(*move); ok && op.cause.buries() {
		e.Cause, e.Reason = op.cause.String(), op.reason
		for _, id := range op.ids {
			e.MessageIDs = append(e.MessageIDs, strconv.FormatUint(id, 10))
		}
	}
	return e
}
