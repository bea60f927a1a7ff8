package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/vector"
	"github.com/hivellm/synap-go/vector/collection"
	"github.com/hivellm/synap-go/vector/tensor"
)

// BenchmarkPointsBetweenServers is how quickly a collection flows from one whole server to another over loopback, until the
// last point is safe there. In memory it is what carrying costs, always has the disk in it, and with a graph more points than
// are searched without one, so that it is as much a measure of that.
func BenchmarkPointsBetweenServers(b *testing.B) {
	for _, c := range []struct {
		name   string
		mode   string // of the log; "" is memory alone
		points int
	}{{"memory", "", 9_000}, {"always", "always", 9_000}, {"graph", "", 20_000}} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				from, to := benched(b, c.mode), benched(b, c.mode)
				to.fill(b, "warm", 0)
				from.fill(b, "docs", c.points)
				b.StartTimer()
				began, used := time.Now(), cpu()
				to.ask(b, "peer.add", fmt.Sprintf(`{"name":"from","url":"umicp://%s","rules":[{"collections":"docs","direction":"in"}]}`, from.peers[0].Addr()))
				for arrived := uint64(0); arrived < uint64(c.points); {
					<-time.After(2 * time.Millisecond)
					s, _ := to.links.Status(to.engine.Namespaces()[0].ID, "from")
					arrived = s.In
				}
				b.ReportMetric(float64(c.points)/time.Since(began).Seconds(), "points/s")
				b.ReportMetric(float64((cpu()-used).Microseconds())/float64(c.points), "cpu-µs/point")
			}
		})
	}
}

// cpu is how long the process was at work.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benched runs a server that asks nobody who they are.
func benched(b *testing.B, mode string) *server {
	b.Helper()
	c := &Config{HTTP: "127.0.0.1:0", MaxBody: 64 << 20, Auth: "off"}
	if mode != "" {
		c.DataDir = filepath.Join(b.TempDir(), "data")
		c.Persistence.Enabled = true
		c.Persistence.WAL.FsyncMode, c.Persistence.WAL.FsyncIntervalMS, c.Persistence.WAL.SegmentBytes = mode, 1000, 64<<20
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := newServer(c, log)
	if err != nil {
		b.Fatal(err)
	}
	ready := make(chan firstKey, 1)
	s.onReady = func(k firstKey) { ready <- k }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	<-ready
	return s
}

// ask runs a command and returns its answer.
func (s *server) ask(b *testing.B, name string, args any) any {
	b.Helper()
	c, err := s.engine.Dispatcher().Table().Find(name)
	if err != nil {
		b.Fatal(err)
	}
	r := &command.Request{Caller: auth.Local(), Command: c}
	if text, ok := args.(string); ok {
		r.Payload = command.JSON(text)
	} else {
		r.Args = args
	}
	answer, err := s.engine.Dispatcher().Do(context.Background(), r)
	if err != nil {
		b.Fatal(err)
	}
	return answer
}

// fill makes a collection with so many points of 768 numbers, which are random but always the same.
func (s *server) fill(b *testing.B, name string, n int) {
	b.Helper()
	const dimension = 768
	s.ask(b, "vector.collection.create", fmt.Sprintf(`{"collection":%q,"dimension":%d}`, name, dimension))
	random := rand.New(rand.NewPCG(1, 2))
	for at := 0; at < n; at += 1000 {
		r := &vector.UpsertRequest{Collection: name, Rows: tensor.Matrix{Rows: 1000, Cols: dimension, Data: make([]float32, 1000*dimension)}}
		for i := range r.Rows.Data {
			r.Rows.Data[i] = float32(random.NormFloat64())
		}
		for i := range 1000 {
			r.IDs = append(r.IDs, collection.NumberID(uint64(at+i))) //nolint:gosec // not negative
		}
		s.ask(b, "vector.upsert", r)
	}
}
