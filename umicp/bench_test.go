package umicp

import (
	"context"
	"fmt"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pack"
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
			x := benchSession(b)
			var bursts [][]byte
			for i := range benchKeys / burst {
				var frames []byte
				for k := range burst {
					frames = appendRequest(b, frames, i*burst+k, row.op, row.args(fmt.Sprintf("key:%012d", i*burst+k)))
				}
				bursts = append(bursts, frames)
			}
			src := &chunks{}
			r := umx.NewReader(src, x.limits)
			b.ReportAllocs()
			least := time.Duration(math.MaxInt64)
			for b.Loop() {
				began := time.Now()
				x.in = umx.NewInbound(true, x.limits) // the frames are the same as before, and so are their numbers
				for _, src.next = range bursts {
					serve(b, x, r)
				}
				least = min(least, time.Since(began)) // all others were interrupted by something that is not measured
			}
			b.ReportMetric(float64(least.Nanoseconds())/benchKeys, "ns/request")
		})
	}
}

// serve takes a burst as a loop does.
func serve(b *testing.B, x *session, r *umx.Reader) {
	x.watch.Reset()
	for range burst {
		f, err := r.Next()
		if err == nil {
			err = x.frame(f)
		}
		if err != nil || x.later != nil {
			b.Fatal(err)
		}
	}
	r.Rest()
	if len(x.pending) < burst*umx.HeaderBytes || x.pending[1] != byte(umx.OpResponse) {
		b.Fatal("not everything was answered")
	}
	x.pending = x.pending[:0]
}

const (
	burst     = 16
	benchKeys = 1024
)

// chunks gives what is next, once.
type chunks struct{ next []byte }

func (c *chunks) Read(b []byte) (int, error) {
	n := copy(b, c.next)
	c.next = c.next[n:]
	if n == 0 {
		return 0, errNothing
	}
	return n, nil
}

type deafLink struct{}

func (deafLink) write([]byte, net.Buffers) error { return nil }
func (deafLink) close()                          {}
func (deafLink) remote() string                  { return "127.0.0.1:1" }

func appendRequest(b *testing.B, to []byte, sequence int, op uint64, args any) []byte {
	b.Helper()
	meta, err := pack.Append(pack.AppendUint(pack.AppendArray(nil, 2), op), args)
	if err != nil {
		b.Fatal(err)
	}
	m := umx.Message{Op: umx.OpRequest, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Request: 1, Sequence: uint32(sequence), Meta: meta}
	to, err = m.Append(to)
	if err != nil {
		b.Fatal(err)
	}
	return to
}

func benchSession(b *testing.B) *session {
	b.Helper()
	engine, err := core.New(core.Options{Structures: []*command.Structure{kv.Structure(kv.Options{})}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	d := engine.Dispatcher()
	d.Observe(&command.Observer{SlowAfter: 1 << 40, Slow: func(context.Context, *command.Request, time.Duration, error) {}})
	x := newSession(New(Options{Executor: d}), deafLink{}, ctx)
	x.greet, x.quick, x.caller, x.limits = false, true, auth.Local(), umx.Limits{}.OrDefault()
	x.in.SetLimits(x.limits)
	x.spares = newSpares(x.server)
	return x
}
