package command

import (
	"context"
	"errors"
	"time"

	"github.com/hivellm/synap-go/core/journal"
)

// Sink receives what a watch finds. Its methods are called from one goroutine at a time; an error from
// either ends the watch.
type Sink interface {
	// Event delivers one event. resume is the position to watch from in order to go on after it.
	Event(resume journal.Position, event any) error
	// Flush says that there is nothing more for now and that everything up to the position was seen. The first
	// Flush says that the watch is in place: nothing that happens after it will be missed.
	Flush(position journal.Position) error
}

// Stream is a Sink for the events of one type.
type Stream[E any] struct{ sink Sink }

// Send delivers one event.
func (s *Stream[E]) Send(resume journal.Position, event E) error { return s.sink.Event(resume, &event) }

// Flush says that there is nothing more for now.
func (s *Stream[E]) Flush(at journal.Position) error { return s.sink.Flush(at) }

// Follow subscribes and sends every change as the event that toEvent makes of it, until the context ends.
// It is the whole of most Watch handlers.
func Follow[E any](ctx context.Context, feed *journal.Feed, filter journal.Filter, from journal.Position,
	out *Stream[E], toEvent func(journal.Event) E,
) error {
	sub, err := feed.Subscribe(filter, from)
	if err != nil {
		return err
	}
	defer sub.Close()
	for wait := false; ; {
		events, err := sub.Next(ctx, wait)
		if err != nil {
			return err
		}
		for _, ev := range events {
			if err := out.Send(ev.Resume, toEvent(ev)); err != nil {
				return err
			}
		}
		// Look once more without waiting before saying that this was all.
		if wait = len(events) == 0; wait {
			if err := out.Flush(sub.Position()); err != nil {
				return err
			}
		}
	}
}

// errEnough ends a watch that has delivered what it was asked for.
var errEnough = errors.New("enough events")

// limited ends a watch after a number of events.
type limited struct {
	Sink
	left int
}

func (l *limited) Event(resume journal.Position, event any) error {
	if err := l.Sink.Event(resume, event); err != nil {
		return err
	}
	if l.left--; l.left == 0 {
		if err := l.Sink.Flush(resume); err != nil {
			return err
		}
		return errEnough
	}
	return nil
}

// Events is the answer of a watch that is asked for once.
type Events struct {
	Events   []Found          `json:"events"`
	Position journal.Position `json:"position" jsonschema:"pass this as from in order to go on"`
}

// Found is one event with the position after it.
type Found struct {
	Position journal.Position `json:"position"`
	Event    any              `json:"event"`
}

const defaultCollected = 100

// Collect runs a watch like a read: it answers with the events there are, and waits for the first one only
// as long as the request's wait_ms says. The answer's position goes on where it ends, which is sooner when it comes to MaxResultBytes.
func Collect(ctx context.Context, x Executor, r *Request) (*Events, error) {
	args, err := r.args()
	if err != nil {
		return nil, err
	}
	asked := *r
	asked.Args = args
	var wait time.Duration
	if f, ok := args.(interface{ following() *Following }); ok {
		wait = time.Duration(f.following().WaitMS) * time.Millisecond
		if f.following().Limit == 0 {
			f.following().Limit = defaultCollected
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &collector{wait: wait, expire: func() { cancel(errEnough) }}
	defer c.stop()
	err = x.Watch(ctx, &asked, c)
	if err != nil && !errors.Is(err, errEnough) && !errors.Is(context.Cause(ctx), errEnough) {
		return nil, err
	}
	if c.found.Events == nil {
		c.found.Events = []Found{}
	}
	return &c.found, nil
}

// collector ends a watch at the first Flush that has something to show, or when the wait is over.
type collector struct {
	found  Events
	bytes  int // about what the events come to
	wait   time.Duration
	expire func() // ends the watch; runs when the wait is over
	timer  *time.Timer
}

func (c *collector) Event(resume journal.Position, event any) error {
	c.found.Events = append(c.found.Events, Found{Position: resume, Event: event})
	c.found.Position = resume
	if c.bytes += weigh(event); c.bytes > MaxResultBytes {
		return errEnough
	}
	return nil
}

func (c *collector) Flush(at journal.Position) error {
	c.found.Position = at
	if len(c.found.Events) > 0 || c.wait == 0 {
		return errEnough
	}
	if c.timer == nil {
		c.timer = time.AfterFunc(c.wait, c.expire)
	}
	return nil
}

func (c *collector) stop() {
	if c.timer != nil {
		c.timer.Stop()
	}
}
