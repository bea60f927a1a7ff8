package command_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/command"
)

// TestAStopwatchGoesFromCallToCall: the end of one call is the beginning of the next, until something else was waited for.
func TestAStopwatchGoesFromCallToCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		var took []time.Duration
		b.d.Observe(&command.Observer{SlowAfter: time.Nanosecond, Slow: func(_ context.Context, _ *command.Request, d time.Duration, _ error) {
			took = append(took, d)
		}})
		watch := &command.Stopwatch{}
		call := func() {
			r := b.request("toy.get", `{"name":"a"}`)
			r.Watch = watch
			b.do(r)
		}
		for range 100 {
			call()
			time.Sleep(time.Second)
			if call(); len(took) > 0 {
				break // else it was a sample, which is exact; so is the first call after the goroutine's stack has moved, which is a stripe's first
			}
		}
		before := watch.Look()
		time.Sleep(time.Minute)
		if now := watch.Look(); now-before != time.Minute {
			t.Errorf("a minute is %v long", now-before)
		}
		time.Sleep(time.Hour)
		watch.Reset()
		call()
		if want := []time.Duration{time.Second}; !slices.Equal(took, want) {
			t.Errorf("calls took %v, want %v", took, want)
		}
	})
}
