package umicp_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// small are the requests that are measured.
var small = []struct {
	name string
	op   uint64
	args func(key string) any
}{
	{"set", 0x0102, func(key string) any { return map[string]any{"key": key, "value": strings.Repeat("x", 32)} }},
	{"get", 0x0101, func(key string) any { return map[string]any{"key": key} }},
}

// BenchmarkRequests measures what a small request costs from the frame that was read to the answer's bytes, as a loop serves it: without the
// system. Sixteen come at a time.
func BenchmarkRequests(b *testing.B) {
	for _, row := range small {
		b.Run(row.name, func(b *testing.B) {
			bursts := burstsOf(b, row.op, row.args, 1)
			served := umicp.ServeOnly(b.Context(), benchDoor(b))
			b.ReportAllocs()
			least := time.Duration(math.MaxInt64)
			for b.Loop() {
				began := time.Now()
				serve(b, served, bursts)
				least = min(least, time.Since(began)) // all others were interrupted by something that is not measured
			}
			b.ReportMetric(float64(least.Nanoseconds())/benchKeys, "ns/request")
		})
	}
}

// BenchmarkSideBySide is the same of so many loops at once, of one server and the same keys in another order: what a request costs each of
// them. What is more than with one is what they fight over.
func BenchmarkSideBySide(b *testing.B) {
	for _, row := range small {
		for _, loops := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/%d", row.name, loops), func(b *testing.B) {
				door := benchDoor(b)
				var all sync.WaitGroup
				b.ResetTimer()
				for i := range loops {
					bursts := burstsOf(b, row.op, row.args, 7919+2*i)
					served := umicp.ServeOnly(b.Context(), door)
					all.Go(func() {
						for range b.N {
							serve(b, served, bursts)
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchKeys, "ns/request")
			})
		}
	}
}

// serve takes all bursts, from the beginning.
func serve(b *testing.B, served *umicp.Served, bursts [][]byte) {
	served.Again()
	for _, frames := range bursts {
		answers, err := served.Turn(frames, burst)
		if err != nil || len(answers) < burst*umx.HeaderBytes || answers[1] != byte(umx.OpResponse) {
			b.Errorf("%d bytes of answers, %v", len(answers), err)
			return
		}
	}
}

// burstsOf are requests about all keys, every step-th after the other.
func burstsOf(b *testing.B, op uint64, args func(key string) any, step int) (bursts [][]byte) {
	for i := range benchKeys / burst {
		var frames []byte
		for k := range burst {
			n := i*burst + k
			frames = appendRequest(b, frames, n, op, args(fmt.Sprintf("key:%012d", n*step%benchKeys)))
		}
		bursts = append(bursts, frames)
	}
	return bursts
}

const (
	burst     = 16
	benchKeys = 1024
)

func appendRequest(b *testing.B, to []byte, sequence int, op uint64, args any) []byte {
	b.Helper()
	meta, err := pack.Append(pack.AppendUint(pack.AppendArray(nil, 2), op), args)
	if err != nil {
		b.Fatal(err)
	}
	m := umx.Message{
		Op: umx.OpRequest, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Request: 1, Sequence: uint32(sequence), Meta: meta, //nolint:gosec // small
	}
	to, err = m.Append(to)
	if err != nil {
		b.Fatal(err)
	}
	return to
}

// benchDoor is the door of an engine that times calls, as a server does.
func benchDoor(b *testing.B) *umicp.Server {
	b.Helper()
	engine := engineOn(b, nil)
	d := engine.Dispatcher()
	d.Observe(&command.Observer{SlowAfter: time.Hour, Slow: func(context.Context, *command.Request, time.Duration, error) {}})
	return umicp.New(umicp.Options{Executor: d})
}
