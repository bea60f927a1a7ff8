package queue_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/value"
)

// caller is one connection: a request of each kind, used again and again.
type connection struct {
	d                     *command.Dispatcher
	publish, receive, ack command.Request
	out                   queue.PublishRequest
	in                    queue.ReceiveRequest
	settle                queue.AckRequest
}

func connect(tb testing.TB, d *command.Dispatcher, name string) *connection {
	c := &connection{d: d}
	for name, r := range map[string]*command.Request{"queue.publish": &c.publish, "queue.receive": &c.receive, "queue.ack": &c.ack} {
		found, err := d.Table().Find(name)
		if err != nil {
			tb.Fatal(err)
		}
		*r = command.Request{Caller: auth.Local(), Command: found}
	}
	c.out = queue.PublishRequest{Queue: name, Outgoing: queue.Outgoing{Message: value.OfText("0123456789abcdef0123456789abcdef")}}
	c.in = queue.ReceiveRequest{Queue: name}
	c.publish.Args, c.receive.Args, c.ack.Args = &c.out, &c.in, &c.settle
	return c
}

// cycle publishes a message, receives one and acknowledges it.
func (c *connection) cycle(ctx context.Context) error {
	if _, err := c.d.Do(ctx, &c.publish); err != nil {
		return err
	}
	got, err := c.d.Do(ctx, &c.receive)
	if err != nil {
		return err
	}
	c.settle.Receipts = append(c.settle.Receipts[:0], got.(*queue.ReceiveResponse).Messages[0].Receipt)
	settled, err := c.d.Do(ctx, &c.ack)
	if err == nil && !settled.(*queue.AckResponse).Results[0].OK {
		err = fmt.Errorf("stale at once")
	}
	return err
}

// BenchmarkCycle is publish, receive and acknowledge, in a queue that is otherwise empty, and in one with a
// backlog of older messages of a lower priority.
func BenchmarkCycle(b *testing.B) {
	// As a server has it: without it the collector, which sees next to nothing in use, would run all the time.
	ballast := make([]byte, 32<<20)
	defer runtime.KeepAlive(ballast)
	for _, backlog := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("backlog=%d", backlog), func(b *testing.B) {
			engine, err := core.New(core.Options{Structures: []*command.Structure{queue.Structure(queue.Options{})}})
			if err != nil {
				b.Fatal(err)
			}
			ctx := context.Background()
			c := connect(b, engine.Dispatcher(), "jobs")
			low, high := 0, 9
			c.out.Priority = &low
			for range backlog {
				if _, err := c.d.Do(ctx, &c.publish); err != nil {
					b.Fatal(err)
				}
			}
			c.out.Priority = &high
			b.ReportAllocs()
			for b.Loop() {
				if err := c.cycle(ctx); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "cycles/s")
		})
	}
}

// manyQueues is how many idle queues are weighed.
const manyQueues = 10_000

// bytesPerQueue makes many queues, used and drained if they are to be, and returns what each costs.
func bytesPerQueue(tb testing.TB, used bool) float64 {
	engine, err := core.New(core.Options{Structures: []*command.Structure{queue.Structure(queue.Options{})}})
	if err != nil {
		tb.Fatal(err)
	}
	create, err := engine.Dispatcher().Table().Find("queue.create")
	if err != nil {
		tb.Fatal(err)
	}
	names := make([]string, manyQueues)
	for i := range names {
		names[i] = fmt.Sprintf("tenant-%05d:jobs", i)
	}
	// The journal's backlog is no part of a queue: it is filled before and after.
	fill := func() {
		c := connect(tb, engine.Dispatcher(), "filler")
		for range 40_000 / 3 {
			if err := c.cycle(tb.Context()); err != nil {
				tb.Fatal(err)
			}
		}
	}
	fill()
	before := heapInUse()
	for _, name := range names {
		r := command.Request{Caller: auth.Local(), Command: create, Args: &queue.ConfigureRequest{Queue: name}}
		if _, err := engine.Dispatcher().Do(tb.Context(), &r); err != nil {
			tb.Fatal(err)
		}
		if used {
			if err := connect(tb, engine.Dispatcher(), name).cycle(tb.Context()); err != nil {
				tb.Fatal(err)
			}
		}
	}
	fill()
	after := heapInUse()
	runtime.KeepAlive(engine)
	runtime.KeepAlive(names)
	return float64(after-before) / manyQueues
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func Benchmark10kQueues(b *testing.B) {
	for _, used := range []bool{false, true} {
		b.Run(fmt.Sprintf("used=%t", used), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(bytesPerQueue(b, used), "B/queue")
			}
		})
	}
}
