package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// settleTime is how long a server may take to become quiet when everybody waits.
const settleTime = 5 * time.Second

// idle lets many consumers wait, each for a queue of its own, and prints what that takes while nothing happens; then
// it publishes to one of the queues, to see that they do wait.
func idle(ctx context.Context, o options, servers []*measured) error {
	if o.idle == 0 {
		return nil
	}
	o.say("\nqueue: %d consumers, each waiting for a queue of its own, watched for %v\n", o.idle, o.idleFor)
	for _, m := range servers {
		if err := m.idle(ctx, o); err != nil && !errors.Is(err, errNone) {
			return fmt.Errorf("idle: %s: %w", m.name(), err)
		}
	}
	return nil
}

func (m *measured) idle(ctx context.Context, o options) error {
	memory := m.process.Resident()
	got := make(chan time.Time, o.idle)
	waiting, err := connectAll(o.idle, func(n int) (io.Closer, error) {
		return m.wait(n, func() { got <- time.Now() })
	})
	defer closeAll(waiting)
	if err != nil {
		return err
	}
	m.settle(ctx)
	before := m.process.CPU()
	began := time.Now()
	pause(ctx, o.idleFor)
	used, took := m.process.CPU()-before, time.Since(began)
	memory = m.process.Resident() - memory
	woken := time.Now()
	if err := m.wake(o.idle / 2); err != nil {
		return err
	}
	select {
	case at := <-got:
		o.say("  %-22s %.2f %% of a core, %.1f KB of memory each; one that is published to has its message after %v\n", m.name(),
			100*used.Seconds()/took.Seconds(), float64(memory)/1024/float64(o.idle), at.Sub(woken).Round(10*time.Microsecond))
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(arriveTimeout):
		return errors.New("the consumer that was published to got nothing")
	}
	return nil
}

// settle returns when the server takes no more processor time, or after settleTime.
func (m *measured) settle(ctx context.Context) {
	for until := time.Now().Add(settleTime); time.Now().Before(until) && ctx.Err() == nil; {
		before := m.process.CPU()
		pause(ctx, settleTime/10)
		if m.process.CPU() == before {
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
