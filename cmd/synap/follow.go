package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// longestPause is how long a follower waits at most before it tries again.
const longestPause = 2 * time.Second

// follower follows a watch over as many connections as it takes: when one breaks, the next goes on at the position
// that was reached. A watch whose events have no positions, as those of topics, ends with its connection: to go on
// would hide that something may be missing. A watch that the server itself ends is over, too.
type follower struct {
	server   command.Executor
	sink     command.Sink
	patience time.Duration // how long the server may be away
	stderr   io.Writer

	at    journal.Position // everything up to it was passed on
	count int              // how many events that were
	heard bool             // something came over this connection
}

// Event implements command.Sink.
func (f *follower) Event(resume journal.Position, event any) error {
	f.at, f.heard = resume, true
	f.count++
	return f.sink.Event(resume, event)
}

// Flush implements command.Sink.
func (f *follower) Flush(at journal.Position) error {
	f.at, f.heard = at, true
	return f.sink.Flush(at)
}

// follow returns when the watch ends, the context does, or the server does not come back in time.
func (f *follower) follow(ctx context.Context, r *command.Request) error {
	var pause time.Duration
	var away time.Time // since when nothing was heard
	for now := *r; ; {
		f.heard = false
		err := f.server.Watch(ctx, &now, f)
		if f.heard {
			pause, away = 0, time.Now()
		}
		if !f.resumable(err) || ctx.Err() != nil || time.Since(away)+pause > f.patience {
			return err
		}
		if f.heard {
			tell(f.stderr, "synap: %s; going on from there\n", err)
		}
		payload, left, err := f.rest(r)
		if err != nil || !left {
			return err
		}
		now.Args, now.Payload = nil, command.JSON(payload)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(max(2*pause, 100*time.Millisecond), longestPause)
	}
}

// resumable reports whether a watch that ended with the error can be taken up where it was.
func (f *follower) resumable(err error) bool {
	return !f.at.IsZero() && (errors.Is(err, errBroken) || errors.Is(err, errNoServer))
}

// rest is what remains of the request, from the position that was reached; left is false when all of it was done.
func (f *follower) rest(r *command.Request) (payload []byte, left bool, err error) {
	asked, err := payloadOf(r)
	if err != nil {
		return nil, false, err
	}
	var fields map[string]json.RawMessage
	var bounds struct{ Limit int }
	if err := errors.Join(json.Unmarshal(asked, &fields), json.Unmarshal(asked, &bounds)); err != nil {
		return nil, false, fault.From(err)
	}
	fields["from"] = strconv.AppendQuote(nil, f.at.String())
	if bounds.Limit > 0 {
		fields["limit"] = strconv.AppendInt(nil, int64(bounds.Limit-f.count), 10)
	}
	payload, err = encodeJSON(fields)
	return payload, bounds.Limit == 0 || f.count < bounds.Limit, err
}

// sleep returns early, with an error, when the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fault.From(ctx.Err())
	}
}
