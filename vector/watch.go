package vector

import (
	"context"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/vector/collection"
)

// The events of a watch.
const (
	eventUpsert     = "upsert"
	eventDelete     = "delete"
	eventExpire     = "expire"
	eventConfigured = "configured"
	eventDropped    = "dropped"
)

var eventNames = []string{eventUpsert, eventDelete, eventExpire, eventConfigured, eventDropped}

// WatchRequest says which collections to follow; every one when it names none.
type WatchRequest struct {
	command.Following
	Collections []string `json:"collections,omitempty" max:"1000" jsonschema:"follow these collections, which need not exist yet"`
	Prefixes    []string `json:"prefixes,omitempty" max:"100" jsonschema:"follow the collections whose names begin with one of these"`
	Events      []string `json:"events,omitempty" max:"5" jsonschema:"only these events: upsert, delete, expire, configured (the collection was made or changed), dropped; absent is all"`
}

// Resources are the collections and prefixes; every collection when there are none.
func (r *WatchRequest) Resources() []auth.Resource {
	if r.everything() {
		return []auth.Resource{auth.Any(structureName)}
	}
	var all []auth.Resource
	for _, name := range r.Collections {
		all = append(all, auth.Name(structureName, name))
	}
	for _, prefix := range r.Prefixes {
		all = append(all, auth.Resource{Structure: structureName, Name: prefix, Match: auth.Prefix})
	}
	return all
}

func (r *WatchRequest) everything() bool { return len(r.Collections)+len(r.Prefixes) == 0 }

// Validate refuses names that no collection has and events that there are not.
func (r *WatchRequest) Validate() error {
	for _, name := range r.Collections {
		if err := checkName(name); err != nil {
			return fault.From(err).With("field", "collections")
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

// Event is something that happened to a collection. Vectors are not in it: vector.get has them.
type Event struct {
	Event      string            `json:"event" jsonschema:"upsert, delete, expire (its time was over), configured or dropped"`
	Collection string            `json:"collection"`
	IDs        []collection.ID   `json:"ids,omitempty" jsonschema:"the points"`
	Payload    collection.Object `json:"payload,omitempty" jsonschema:"of an upsert"`
	Text       string            `json:"text,omitempty" jsonschema:"of an upsert"`
	ExpiresAt  int64             `json:"expires_at,omitempty" jsonschema:"of an upsert: when the point expires, in Unix milliseconds; absent when it does not"`
	Version    uint64            `json:"version" jsonschema:"the version of this change"`
}

func (s *Collections) watch(ctx context.Context, r *WatchRequest, out *command.Stream[Event]) error {
	filter := journal.Filter{
		Namespace: s.env.Namespace, Structure: s.env.Structure,
		Names: r.Collections, Prefixes: r.Prefixes,
	}
	if r.everything() {
		filter.Prefixes = []string{""}
	}
	if len(r.Events) > 0 {
		filter.Accept = func(op journal.Op) bool { return slices.Contains(r.Events, eventName(op)) }
	}
	return command.Follow(ctx, s.env.Feed, filter, r.From, out, eventOf)
}

func eventName(op journal.Op) string {
	switch op := op.(type) {
	case *configure:
		return eventConfigured
	case *drop:
		return eventDropped
	case *remove:
		if op.cause == expired {
			return eventExpire
		}
		return eventDelete
	}
	return eventUpsert
}

// eventOf is what a change looks like to a watcher.
func eventOf(ev journal.Event) Event {
	name, _ := ev.Op.Target()
	e := Event{Event: eventName(ev.Op), Collection: name, Version: ev.Seq}
	switch op := ev.Op.(type) {
	case *remove:
		e.IDs = op.ids
	case *put:
		e.IDs, e.Text, e.ExpiresAt = []collection.ID{op.draft.ID}, op.draft.Text, op.draft.Expires
		e.Payload = collection.Object(op.draft.Payload)
	}
	return e
}
