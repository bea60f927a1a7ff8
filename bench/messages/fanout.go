package main

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// How many messages are published before all of them must have arrived: far fewer than any server keeps for a
// subscriber that is slow, so that none is lost and all are counted.
const (
	mostInBurst  = 500
	leastInBurst = 20
	inFlight     = 50_000 // about so many deliveries a burst
)

// arriveTimeout is how long a burst may take to arrive.
const arriveTimeout = 2 * time.Minute

// fanOut publishes in bursts to a topic with so many subscribers, and waits after each until everybody has all of it.
func fanOut(subscribers int) func(context.Context, options, *measured) (result, error) {
	burst := min(max(inFlight/subscribers, leastInBurst), mostInBurst)
	return func(ctx context.Context, o options, m *measured) (result, error) {
		topic := fmt.Sprintf("bench.%d", time.Now().UnixNano()) // nobody of the round before is on it
		publishers, err := connectAll(o.connections, func(n int) (*client, error) { return m.publish(n, topic) })
		defer closeAll(publishers)
		if err != nil {
			return result{}, err
		}
		a := &arrivals{all: make(chan struct{}, 1)}
		closers, err := connectAll(subscribers, func(int) (io.Closer, error) { return m.subscribe(topic, a.listener()) })
		defer closeAll(closers)
		if err != nil {
			return result{}, err
		}
		sofar, published := m.watch(), 0
		for until := time.Now().Add(o.duration); time.Now().Before(until) && ctx.Err() == nil; {
			if err := a.burst(ctx, publishers, burst, subscribers); err != nil {
				return result{}, err
			}
			published += burst
		}
		return sofar(published), nil
	}
}

// arrivals knows when all subscribers have all that was published.
type arrivals struct {
	goal    atomic.Int64 // how many messages each is to have
	missing atomic.Int64 // how many subscribers have not
	all     chan struct{}
}

// listener counts one subscriber's messages.
func (a *arrivals) listener() (heard func()) {
	got := int64(0)
	return func() {
		if got++; got == a.goal.Load() && a.missing.Add(-1) == 0 {
			a.all <- struct{}{}
		}
	}
}

// burst publishes n messages, shared out over the publishers, and waits until all have arrived.
func (a *arrivals) burst(ctx context.Context, publishers []*client, n, subscribers int) error {
	a.missing.Store(int64(subscribers))
	a.goal.Add(int64(n))
	var taken atomic.Int64
	if _, err := drive(publishers, func() bool { return taken.Add(1) <= int64(n) }); err != nil {
		return err
	}
	timer := time.NewTimer(arriveTimeout)
	defer timer.Stop()
	select {
	case <-a.all:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return fmt.Errorf("%d of %d subscribers do not have all messages after %v", a.missing.Load(), subscribers, arriveTimeout)
	}
}
