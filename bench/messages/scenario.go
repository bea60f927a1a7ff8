package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/bench/process"
)

// text is what every message and event holds.
const text = "0123456789abcdef0123456789abcdef"

// server is what is measured: how each thing is done with it. The n-th client has a connection of its own.
type server interface {
	name() string
	// queue publishes a message, receives one and acknowledges it, in three calls.
	queue(n int) (*client, error)
	// appendRead appends an event to a stream and reads it back, in two calls.
	appendRead(n int) (*client, error)
	// readMany reads 100 events of a stream.
	readMany(n int) (*client, error)
	// publish publishes a message to the topic and waits until the server says that it has it.
	publish(n int, topic string) (*client, error)
	// subscribe calls heard for each message of the topic until it is closed. It is in place when it returns.
	subscribe(topic string, heard func()) (io.Closer, error)
	// wait waits for a message of the n-th queue, and calls got when it has one. It is closed to end it.
	wait(n int, got func()) (io.Closer, error)
	// wake publishes a message to the n-th queue.
	wake(n int) error
}

// errNone is what a server says of something that it has not.
var errNone = errors.New("there is no such thing")

// client does one operation at a time over a connection of its own.
type client struct {
	io.Closer
	step func() error
}

// measured is a server under measurement.
type measured struct {
	server
	process *process.Process
}

// scenario is something that is measured.
type scenario struct {
	name string
	unit string
	run  func(ctx context.Context, o options, m *measured) (result, error)
}

// result is what one round came to, without what was done before it began.
type result struct {
	operations int
	took       time.Duration
	cpu        time.Duration // that the server took
}

// rate is operations a second.
func (r result) rate() float64 { return float64(r.operations) / r.took.Seconds() }

// cost is the server's processor time for an operation, in microseconds.
func (r result) cost() float64 { return float64(r.cpu.Microseconds()) / float64(max(r.operations, 1)) }

// watch returns a function that says what happened since.
func (m *measured) watch() func(operations int) result {
	began, before := time.Now(), m.process.CPU()
	return func(operations int) result { return result{operations, time.Since(began), m.process.CPU() - before} }
}

func scenarios() []scenario {
	return []scenario{
		{"queue: publish + receive + ack", "cycles", together(server.queue)},
		{"stream: append + read it", "cycles", together(server.appendRead)},
		{"stream: read 100 events", "reads", together(server.readMany)},
		{"topic: publish to 1 subscriber", "messages", fanOut(1)},
		{"topic: publish to 1,000 subscribers", "messages", fanOut(1000)},
	}
}

// compare measures every server in turns and prints the medians.
func (s scenario) compare(ctx context.Context, o options, servers []*measured) error {
	rates, costs := map[*measured][]float64{}, map[*measured][]float64{}
	o.say("\n%s, %d connections, %d rounds of %v\n", s.name, o.connections, o.rounds, o.duration)
	for round := range o.rounds {
		order := slices.Clone(servers)
		if round%2 == 1 {
			slices.Reverse(order) // so that none always has the warmer machine
		}
		for _, m := range order {
			r, err := s.run(ctx, o, m)
			if errors.Is(err, errNone) {
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", m.name(), err)
			}
			rates[m], costs[m] = append(rates[m], r.rate()), append(costs[m], r.cost())
		}
	}
	for _, m := range servers {
		if len(rates[m]) > 0 {
			o.say("  %-22s %9.0f %s/s (%.0f-%.0f)  %6.1f µs of processor time each\n", m.name(), process.Median(rates[m]), s.unit,
				slices.Min(rates[m]), slices.Max(rates[m]), process.Median(costs[m]))
		}
	}
	return ctx.Err()
}

// together lets all connections do the same, each as fast as it is answered.
func together(connect func(server, int) (*client, error)) func(context.Context, options, *measured) (result, error) {
	return func(ctx context.Context, o options, m *measured) (result, error) {
		clients, err := connectAll(o.connections, func(n int) (*client, error) { return connect(m, n) })
		defer closeAll(clients)
		if err != nil {
			return result{}, err
		}
		sofar, until := m.watch(), time.Now().Add(o.duration)
		n, err := drive(clients, func() bool { return time.Now().Before(until) && ctx.Err() == nil })
		return sofar(n), err
	}
}

func connectAll[C io.Closer](n int, connect func(int) (C, error)) (all []C, err error) {
	for i := range n {
		c, err := connect(i)
		if err != nil {
			return all, err
		}
		all = append(all, c)
	}
	return all, nil
}

func closeAll[C io.Closer](all []C) {
	for _, c := range all {
		_ = c.Close() // nothing is unsent
	}
}

// drive lets every client step for as long as more says so, and returns how many steps they took. The first that
// fails stops all.
func drive(clients []*client, more func() bool) (int, error) {
	var steps atomic.Int64
	var failed atomic.Pointer[error]
	var workers sync.WaitGroup
	for _, c := range clients {
		workers.Go(func() {
			own := int64(0)
			defer func() { steps.Add(own) }()
			for failed.Load() == nil && more() {
				if err := c.step(); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				own++
			}
		})
	}
	workers.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return int(steps.Load()), nil
}
