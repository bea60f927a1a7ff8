package kv

import (
	"context"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// The events of a watch.
const (
	eventSet    = "set"
	eventDelete = "delete"
	eventExpire = "expire"
	eventTouch  = "touch"
	eventClear  = "clear"
)

var eventNames = []string{eventSet, eventDelete, eventExpire, eventTouch, eventClear}

// WatchRequest says which keys to follow: those that any of keys, prefixes and globs names, or every key.
type WatchRequest struct {
	command.Following
	Keys     []string `json:"keys,omitempty" max:"1000" jsonschema:"follow these keys"`
	Prefixes []string `json:"prefixes,omitempty" max:"100" jsonschema:"follow the keys that begin with one of these"`
	Globs    []string `json:"globs,omitempty" max:"100" jsonschema:"follow the keys that fit one of these patterns"`
	Events   []string `json:"events,omitempty" max:"5" jsonschema:"only these events: set, delete, expire, touch (its deadline changed), clear (all keys under a prefix); absent is all"`
}

// Resources are the keys, prefixes and patterns; every key when there are none.
func (r *WatchRequest) Resources() []auth.Resource {
	if r.everything() {
		return []auth.Resource{auth.Any(structureName)}
	}
	all := names(r.Keys)
	for _, prefix := range r.Prefixes {
		all = append(all, auth.Resource{Structure: structureName, Name: prefix, Match: auth.Prefix})
	}
	for _, pattern := range r.Globs {
		all = append(all, auth.Resource{Structure: structureName, Name: pattern, Match: auth.Glob})
	}
	return all
}

func (r *WatchRequest) everything() bool { return len(r.Keys)+len(r.Prefixes)+len(r.Globs) == 0 }

// Validate refuses patterns that cannot be read and events that there are not.
func (r *WatchRequest) Validate() error {
	for _, name := range r.Events {
		if !slices.Contains(eventNames, name) {
			return fault.New(fault.Invalid, "there is no event %q; the events are %s", clip(name), strings.Join(eventNames, ", ")).
				With("field", "events")
		}
	}
	_, err := r.globs()
	return err
}

func (r *WatchRequest) globs() ([]*glob, error) {
	all := make([]*glob, len(r.Globs))
	for i, pattern := range r.Globs {
		g, err := parseGlob(pattern)
		if err != nil {
			return nil, inField("globs", err)
		}
		all[i] = g
	}
	return all, nil
}

// Event is one change of a key.
type Event struct {
	Event     string      `json:"event" jsonschema:"set, delete, expire (its deadline came), touch (its deadline changed) or clear"`
	Key       string      `json:"key,omitempty" jsonschema:"the key; absent of a clear"`
	Prefix    string      `json:"prefix,omitempty" jsonschema:"of a clear: every key that begins so is gone; absent for all keys"`
	Value     value.Value `json:"value,omitzero" jsonschema:"of a set: what the key holds now"`
	ExpiresAt int64       `json:"expires_at,omitempty" jsonschema:"of a set or touch: when the key expires, in Unix milliseconds; absent when it does not"`
	Version   uint64      `json:"version" jsonschema:"the version of this change"`
}

func (s *Store) watch(ctx context.Context, r *WatchRequest, out *command.Stream[Event]) error {
	if err := s.checkKeys(r.Keys); err != nil {
		return err
	}
	globs, err := r.globs()
	if err != nil {
		return err
	}
	filter := journal.Filter{
		Namespace: s.env.Namespace, Structure: s.env.Structure,
		Names: r.Keys, Prefixes: slices.Clone(r.Prefixes),
	}
	if r.everything() {
		filter.Prefixes = []string{""}
	}
	for _, g := range globs {
		filter.Prefixes = append(filter.Prefixes, g.prefix)
	}
	if len(globs) > 0 || len(r.Events) > 0 {
		filter.Accept = func(op journal.Op) bool { return r.accepts(op, globs) }
	}
	return command.Follow(ctx, s.env.Feed, filter, r.From, out, eventOf)
}

// accepts decides about what the filter's names and prefixes let through: a pattern is more than its prefix.
func (r *WatchRequest) accepts(op journal.Op, globs []*glob) bool {
	if len(r.Events) > 0 && !slices.Contains(r.Events, eventName(op)) {
		return false
	}
	key, prefix := op.Target()
	return prefix || r.everything() || slices.Contains(r.Keys, key) ||
		slices.ContainsFunc(r.Prefixes, func(p string) bool { return strings.HasPrefix(key, p) }) ||
		slices.ContainsFunc(globs, func(g *glob) bool { return g.matches(key) })
}

func eventName(op journal.Op) string {
	switch op := op.(type) {
	case *put:
		return eventSet
	case *touch:
		return eventTouch
	case *remove:
		if op.cause == expired {
			return eventExpire
		}
		return eventDelete
	}
	return eventClear
}

// eventOf is what a change looks like to a watcher.
func eventOf(ev journal.Event) Event {
	e := Event{Event: eventName(ev.Op), Version: ev.Seq}
	name, prefix := ev.Op.Target()
	if prefix {
		e.Prefix = name
		return e
	}
	e.Key = name
	switch op := ev.Op.(type) {
	case *put:
		e.Value, e.ExpiresAt = op.value, op.expires
	case *touch:
		e.ExpiresAt = op.expires
	}
	return e
}
