package command_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// sleep lets virtual time pass.
func sleep(t *testing.T, seconds int) {
	t.Helper()
	select {
	case <-time.After(time.Duration(seconds) * time.Second):
	case <-t.Context().Done():
	}
}

// running runs a test in a synctest bubble with an engine that serves.
func running(t *testing.T, test func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		ctx, cancel := context.WithCancel(t.Context())
		var engine sync.WaitGroup
		engine.Go(func() { _ = b.engine.Run(ctx) })
		test(t, b)
		cancel()
		engine.Wait()
	})
}

// story is a sink that writes down what it is told.
type story struct {
	lines []string
	fail  error
}

func (s *story) Event(resume journal.Position, event any) error {
	ev := event.(*addEvent)
	s.lines = append(s.lines, fmt.Sprintf("to %d at %d resume %s", ev.To, ev.Version, resume))
	return s.fail
}

func (s *story) Flush(at journal.Position) error {
	s.lines = append(s.lines, fmt.Sprintf("flush %s", at))
	return nil
}

func TestWatch(t *testing.T) {
	running(t, func(t *testing.T, b *bench) {
		ctx, cancel := context.WithCancel(t.Context())
		got := &story{}
		var watch sync.WaitGroup
		watch.Go(func() {
			if err := b.d.Watch(ctx, b.request("toy.watch", `{"name":"a"}`), got); fault.CodeOf(err) != fault.Canceled {
				t.Errorf("Watch() = %v, want canceled", err)
			}
		})
		synctest.Wait()
		b.do(b.request("toy.add", `{"name":"a"}`))
		synctest.Wait()
		b.do(b.request("toy.add", `{"name":"b"}`)) // nobody's business here
		synctest.Wait()
		b.do(b.request("toy.add", `{"name":"a","by":5}`))
		synctest.Wait()
		cancel()
		watch.Wait()
		want := []string{"flush 1-0", "to 1 at 1 resume 1-1", "flush 1-1", "to 6 at 3 resume 1-3", "flush 1-3"}
		if fmt.Sprint(got.lines) != fmt.Sprint(want) {
			t.Errorf("got  %q\nwant %q", got.lines, want)
		}
	})
}

func TestAWatchEndsAtItsLimitOrWithItsSink(t *testing.T) {
	running(t, func(t *testing.T, b *bench) {
		for range 5 {
			b.do(b.request("toy.add", `{"name":"a"}`))
		}
		got := &story{}
		if err := b.d.Watch(t.Context(), b.request("toy.watch", `{"name":"a","from":1,"limit":2}`), got); err != nil {
			t.Error(err)
		}
		want := []string{"to 2 at 2 resume 1-2", "to 3 at 3 resume 1-3", "flush 1-3"}
		if fmt.Sprint(got.lines) != fmt.Sprint(want) {
			t.Errorf("got  %q\nwant %q", got.lines, want)
		}
		gone := errors.New("connection reset")
		err := b.d.Watch(t.Context(), b.request("toy.watch", `{"name":"a","from":"1-1"}`), &story{fail: gone})
		if !errors.Is(err, gone) {
			t.Errorf("Watch() = %v, want the sink's error", err)
		}
		for _, bad := range []struct {
			payload string
			code    fault.Code
		}{
			{`{"name":"a","from":99}`, fault.OutOfRange}, {`{"name":"a","from":"7-1"}`, fault.OutOfRange},
			{`{"name":"a","from":"x"}`, fault.Invalid}, {`{"from":1}`, fault.Invalid}, {`{"name":"a","limit":-1}`, fault.OutOfRange},
		} {
			if err := b.d.Watch(t.Context(), b.request("toy.watch", bad.payload), got); fault.CodeOf(err) != bad.code {
				t.Errorf("%s: %v, want %s", bad.payload, err, bad.code)
			}
		}
		if err := b.d.Watch(t.Context(), b.request("toy.get", `{"name":"a"}`), got); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("watching a read: %v", err)
		}
	})
}

func TestCollect(t *testing.T) {
	running(t, func(t *testing.T, b *bench) {
		collect := func(payload string) string {
			v, err := command.Collect(t.Context(), b.d, b.request("toy.watch", payload))
			return outcome(t, v, err)
		}
		start := time.Now()
		if got, want := collect(`{"name":"a"}`), `{"events":[],"position":"1-0"}`; got != want {
			t.Errorf("nothing yet: got %s, want %s", got, want)
		}
		if got, want := collect(`{"name":"a","wait_ms":2000}`), `{"events":[],"position":"1-0"}`; got != want {
			t.Errorf("nothing came: got %s, want %s", got, want)
		}
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("waited %s, want 2s", waited)
		}
		var writer sync.WaitGroup
		writer.Go(func() {
			sleep(t, 1)
			b.do(b.request("toy.add", `{"name":"a"}`))
		})
		if got, want := collect(`{"name":"a","wait_ms":5000}`), `{"events":[{"position":"1-1","event":{"to":1,"version":1}}],"position":"1-1"}`; got != want {
			t.Errorf("one came: got %s, want %s", got, want)
		}
		if waited := time.Since(start); waited != 3*time.Second {
			t.Errorf("waited %s in all, want 3s", waited)
		}
		writer.Wait()
		for range 150 {
			b.do(b.request("toy.add", `{"name":"a"}`))
		}
		v, err := command.Collect(t.Context(), b.d, b.request("toy.watch", `{"name":"a","from":"1-1"}`))
		if err != nil || len(v.Events) != 100 || v.Position.Seq != 101 {
			t.Errorf("a page: %v events up to %v, %v", len(v.Events), v.Position, err)
		}
		if got := collect(`{"name":"a","from":999}`); got[:14] != "! out_of_range" {
			t.Errorf("out of range: %s", got)
		}
	})
}

func TestACancelledCollectIsAnError(t *testing.T) {
	running(t, func(t *testing.T, b *bench) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := command.Collect(ctx, b.d, b.request("toy.watch", `{"name":"a","wait_ms":20000}`))
		if fault.CodeOf(err) != fault.Timeout {
			t.Errorf("Collect() = %v, want timeout", err)
		}
	})
}

// endless is an executor whose watches find large events without end.
type endless struct{ command.Executor }

func (endless) Watch(_ context.Context, _ *command.Request, sink command.Sink) error {
	for seq := uint64(1); ; seq++ {
		if err := sink.Event(journal.Position{Seq: seq}, map[string]string{"text": strings.Repeat("x", 1<<20)}); err != nil {
			return err
		}
	}
}

// TestAWatchAnsweredAtOnceEnds: when what it found comes to much, with the position to go on from.
func TestAWatchAnsweredAtOnceEnds(t *testing.T) {
	b := newBench(t)
	found, err := command.Collect(t.Context(), endless{}, b.request("toy.watch", `{"limit":1000}`))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(found.Events); n != 64 || found.Position.Seq != uint64(n) {
		t.Errorf("%d events of a MiB, up to %v", n, found.Position)
	}
}
