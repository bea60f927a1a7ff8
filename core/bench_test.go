package core_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/value"
)

// benchKeys is how many keys the benchmarks work on: few enough for the cache, so that they measure the code.
const benchKeys = 1 << 12

// bench is an engine with every key set.
type bench struct {
	*command.Dispatcher
	engine   *core.Engine
	caller   *auth.Identity
	get, set *command.Command
	gets     []kv.GetRequest
	sets     []kv.SetRequest
}

func newBench(b *testing.B) *bench { return startBench(b) }

// startBench is newBench of an engine that has more structures.
func startBench(b *testing.B, more ...*command.Structure) *bench {
	b.Helper()
	engine, err := core.New(core.Options{Structures: append([]*command.Structure{kv.Structure(kv.Options{})}, more...)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	x := &bench{
		Dispatcher: engine.Dispatcher(), engine: engine, caller: auth.Local(),
		gets: make([]kv.GetRequest, benchKeys), sets: make([]kv.SetRequest, benchKeys),
	}
	x.get, x.set = x.find(b, "kv.get"), x.find(b, "kv.set")
	for i := range benchKeys {
		key := fmt.Sprintf("user:%09d:name", i)
		x.gets[i].Key = key
		x.sets[i] = kv.SetRequest{Key: key, Value: value.OfText("0123456789abcdef0123456789abcdef")}
		x.do(b, x.set, &x.sets[i])
	}
	return x
}

func (x *bench) find(b *testing.B, name string) *command.Command {
	b.Helper()
	c, err := x.Table().Find(name)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func (x *bench) do(b *testing.B, c *command.Command, args any) {
	r := command.Request{Caller: x.caller, Command: c, Args: args}
	if _, err := x.Do(context.Background(), &r); err != nil {
		b.Fatal(err)
	}
}

// run measures one command, on one goroutine or on all. Each goroutine has one Request, as a connection would.
func (x *bench) run(b *testing.B, parallel bool, c *command.Command, args func(i int) any) {
	ctx := context.Background()
	worker := func(next func() bool) {
		r := &command.Request{Caller: x.caller, Command: c}
		for i := 0; next(); i++ {
			r.Args = args(i * 7919 % benchKeys)
			if _, err := x.Do(ctx, r); err != nil {
				b.Error(err)
				return
			}
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	if parallel {
		b.RunParallel(func(pb *testing.PB) { worker(pb.Next) })
	} else {
		worker(b.Loop)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "M/s")
}

// watch follows keys that are being written, or ones that are not.
func (x *bench) watch(b *testing.B, prefix string) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan struct{})
	r := &command.Request{Caller: x.caller, Command: x.find(b, "kv.watch"), Args: &kv.WatchRequest{Prefixes: []string{prefix}}}
	go func() { ended <- x.Watch(ctx, r, &drain{ready: ready}) }()
	<-ready
	b.Cleanup(func() {
		cancel()
		// Canceled, or out of range: a benchmark may be faster than any follower.
		b.Logf("the watch ended: %v", <-ended)
	})
}

// drain is a Sink that keeps nothing.
type drain struct{ ready chan struct{} }

func (*drain) Event(journal.Position, any) error { return nil }

func (d *drain) Flush(journal.Position) error {
	if d.ready != nil {
		close(d.ready)
		d.ready = nil
	}
	return nil
}

func BenchmarkDispatchGet(b *testing.B) {
	for _, parallel := range []bool{false, true} {
		b.Run(fmt.Sprintf("parallel=%t", parallel), func(b *testing.B) {
			x := newBench(b)
			x.run(b, parallel, x.get, func(i int) any { return &x.gets[i] })
		})
	}
}

// BenchmarkDispatchSet overwrites keys, with nobody watching, with somebody who watches others, and with
// somebody who watches these.
func BenchmarkDispatchSet(b *testing.B) {
	for _, watcher := range []struct{ name, prefix string }{{"none", ""}, {"others", "session:"}, {"all", "user:"}} {
		for _, parallel := range []bool{false, true} {
			b.Run(fmt.Sprintf("watcher=%s/parallel=%t", watcher.name, parallel), func(b *testing.B) {
				x := newBench(b)
				if watcher.prefix != "" {
					x.watch(b, watcher.prefix)
				}
				x.run(b, parallel, x.set, func(i int) any { return &x.sets[i] })
			})
		}
	}
}
