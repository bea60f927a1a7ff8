package command_test

import (
	"testing"

	"github.com/hivellm/synap-go/core/command"
)

// The dispatcher's own cost, with handlers that do next to nothing.
func BenchmarkDispatchRead(b *testing.B) {
	bench := newBench(b)
	r := bench.request("toy.get", "")
	r.Args = &nameRequest{Name: "a"}
	benchmark(b, bench.d, r)
}

func BenchmarkDispatchWrite(b *testing.B) {
	bench := newBench(b)
	bench.journal.forget = true
	r := bench.request("toy.add", "")
	r.Args = &addRequest{Name: "a", By: 1}
	benchmark(b, bench.d, r)
}

// BenchmarkDispatchJSON includes what a door adds: decoding the request.
func BenchmarkDispatchJSON(b *testing.B) {
	bench := newBench(b)
	benchmark(b, bench.d, bench.request("toy.get", `{"name":"a"}`))
}

func benchmark(b *testing.B, d *command.Dispatcher, r *command.Request) {
	b.ReportAllocs()
	ctx := b.Context()
	for b.Loop() {
		if _, err := d.Do(ctx, r); err != nil {
			b.Fatal(err)
		}
	}
}
