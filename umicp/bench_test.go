package umicp_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// BenchmarkRequests measures what a small request costs from the frame that was read to the answer's bytes, as a loop serves it: without the
// system. Sixteen come at a time.
func BenchmarkRequests(b *testing.B) {
	for _, row := range []struct {
		name string
		op   uint64
		args func(key string) any
	}{
		{"set", 0x0102, func(key string) any { return map[string]any{"key": key, "value": strings.Repeat("x", 32)} }},
		{"get", 0x0101, func(key string) any { return map[string]any{"key": key} }},
	} {
		b.Run(row.name, func(b *testing.B) {
			var bursts [][]byte
			for i := range benchKeys / burst {
				var frames []byte
				for k := range burst {
					frames = appendRequest(b, frames, i*burst+k, row.op, row.args(fmt.Sprintf("key:%012d", i*burst+k)))
				}
				bursts = append(bursts, frames)
			}
			served := umicp.ServeOnly(b.Context(), benchDoor(b))
			b.ReportAllocs()
			least := time.Duration(math.MaxInt64)
			for b.Loop() {
				began := time.Now()
				served.Again()
				for _, frames := range bursts {
					answers, err := served.Turn(frames, burst)
					if err != nil || len(answers) < burst*umx.HeaderBytes || answers[1] != byte(umx.OpResponse) {
						b.Fatalf("%d bytes of answers, %v", len(answers), err)
					}
				}
				least = min(least, time.Since(began)) // all others were interrupted by something that is not measured
			}
			b.ReportMetric(float64(least.Nanoseconds())/benchKeys, "ns/request")
		})
	}
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
