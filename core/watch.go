package core

import (
	"context"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
)

// quietTime is how long an event of server.watch stands for what follows it.
const quietTime = time.Second

// WatchRequest follows everything in the namespace.
type WatchRequest struct {
	command.Following
}

// Change is that something changed.
type Change struct {
	Position journal.Position `json:"position" jsonschema:"where the journal stood when it was noticed"`
}

// watch follows each structure, and makes one event of all that changes within a second.
func (s *server) watch(ctx context.Context, r *WatchRequest, out *command.Stream[Change]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	changed := make(chan struct{}, 1)
	var subs []*journal.Subscription
	done := make(chan struct{})
	running := 0
	for _, st := range s.engine.table.Structures() {
		if st.DecodeOp == nil {
			continue
		}
		filter := journal.Filter{Namespace: s.env.Namespace, Structure: st.ID, Prefixes: []string{""}}
		sub, err := s.env.Feed.Subscribe(filter, r.From)
		if err != nil {
			cancel(err)
			break
		}
		subs = append(subs, sub)
		running++
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				if _, err := sub.Next(ctx, true); err != nil {
					cancel(err)
					return
				}
				select {
				case changed <- struct{}{}:
				default: // it is known already
				}
			}
		}()
	}
	if now := s.engine.journal.Position(); !r.From.IsZero() && r.From.Seq < now.Seq {
		select {
		case changed <- struct{}{}:
		default: // it is known already
		}
	}
	err := s.tell(ctx, changed, out)
	cancel(err)
	for range running {
		<-done
	}
	for _, sub := range subs {
		sub.Close()
	}
	return err
}

// tell sends the events, until the context ends.
func (s *server) tell(ctx context.Context, changed <-chan struct{}, out *command.Stream[Change]) error {
	at := s.engine.journal.Position()
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case <-changed:
		default:
			if err := out.Flush(at); err != nil {
				return err
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		at = s.engine.journal.Position()
		if err := out.Send(at, Change{Position: at}); err != nil {
			return err
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
