package core

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// quietTime is how long an event of server.watch stands for what follows it.
const quietTime = time.Second

// WatchRequest follows everything in the namespace, or what comes to be there.
type WatchRequest struct {
	Made []string `json:"made,omitempty" max:"8" jsonschema:"hear only that things of these kinds come to be, and at once: streams, collections"`
	command.Following
}

// Change is that something changed.
type Change struct {
	Position journal.Position `json:"position" jsonschema:"where the journal stood when it was noticed"`
}

// watcher is one call of server.watch: a subscription for each structure, each with a goroutine that ends with the call.
type watcher struct {
	*server
	made    bool // only what comes to be, each time at once
	subs    []*journal.Subscription
	changed chan struct{} // holds a token when there was something
}

// watch makes one event of all that changes within a second; of what comes to be it tells each time.
func (s *server) watch(ctx context.Context, r *WatchRequest, out *command.Stream[Change]) error {
	filters, err := s.watched(r.Made)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watcher{server: s, made: len(r.Made) > 0, changed: make(chan struct{}, 1)}
	at, err := w.subscribe(ctx, filters, r.From)
	done := make(chan struct{})
	running := 0
	if err == nil {
		for _, sub := range w.subs {
			running++
			go func() {
				defer func() { done <- struct{}{} }()
				cancel(w.follow(ctx, sub))
			}()
		}
		err = w.tell(ctx, at, out)
	}
	over := ctx.Err() != nil
	cancel(err)
	for range running {
		<-done
	}
	if over && w.made {
		_ = w.last(out) // who is gone needs no position
	}
	for _, sub := range w.subs {
		sub.Close()
	}
	return err
}

// watched are what is to be followed: every structure that changes, or the making of things of those kinds.
func (s *server) watched(made []string) (all []journal.Filter, err error) {
	var known []string
	for _, st := range s.engine.table.Structures() {
		f := journal.Filter{Namespace: s.env.Namespace, Structure: st.ID, Prefixes: []string{""}}
		switch {
		case len(made) == 0 && st.DecodeOp != nil:
			all = append(all, f)
		case st.Things != nil && st.Things.Made != nil:
			if known = append(known, st.Things.Kind); slices.Contains(made, st.Things.Kind) {
				f.Accept = st.Things.Made
				all = append(all, f)
			}
		}
	}
	for _, kind := range made {
		if !slices.Contains(known, kind) {
			return nil, fault.New(fault.Invalid, "nothing tells when %q come to be; of these it is told: %s", kind, strings.Join(known, ", ")).With("field", "made")
		}
	}
	return all, nil
}

// subscribe begins, and returns up to where nothing has been missed.
func (w *watcher) subscribe(ctx context.Context, filters []journal.Filter, from journal.Position) (at journal.Position, err error) {
	for _, f := range filters {
		sub, err := w.env.Feed.Subscribe(f, from)
		if err != nil {
			return at, err
		}
		w.subs = append(w.subs, sub)
	}
	if !w.made {
		at = w.engine.journal.Position()
		if !from.IsZero() && from.Seq < at.Seq {
			w.poke()
		}
		return at, nil
	}
	for _, sub := range w.subs { // what has come since from is told of before it is said that there is nothing
		for {
			events, err := sub.Next(ctx, false)
			if err != nil {
				return at, err
			}
			if len(events) == 0 {
				break
			}
			w.poke()
		}
	}
	return w.position(), nil
}

// position is up to where all has been delivered. No subscription is being read.
func (w *watcher) position() (at journal.Position) {
	for i, sub := range w.subs {
		if p := sub.Position(); i == 0 || p.Seq < at.Seq {
			at = p
		}
	}
	return at
}

func (w *watcher) poke() {
	select {
	case w.changed <- struct{}{}:
	default: // it is known already
	}
}

// follow notes events until the context ends.
func (w *watcher) follow(ctx context.Context, sub *journal.Subscription) error {
	for {
		if _, err := sub.Next(ctx, true); err != nil {
			return err
		}
		w.poke()
	}
}

// tell sends the events, until the context ends.
func (w *watcher) tell(ctx context.Context, at journal.Position, out *command.Stream[Change]) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case <-w.changed:
		default:
			if err := out.Flush(at); err != nil {
				return err
			}
			select {
			case <-w.changed:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		at = w.engine.journal.Position()
		if err := out.Send(at, Change{Position: at}); err != nil {
			return err
		}
		if w.made { // it is rare, and whoever asks again and again has to look at it in between
			continue
		}
		pause := time.NewTimer(quietTime)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return context.Cause(ctx)
		}
	}
}

// last says of a call that is over up to where it came, so that whoever goes on from there does not go through all of it again.
func (w *watcher) last(out *command.Stream[Change]) error {
	select {
	case <-w.changed:
		at := w.engine.journal.Position()
		if err := out.Send(at, Change{Position: at}); err != nil {
			return err
		}
		return out.Flush(at)
	default:
		return out.Flush(w.position())
	}
}
