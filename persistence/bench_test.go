package persistence_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// setter returns a function that sets a key, as a program that has the engine in it would.
func (w *world) setter(b *testing.B) func(key string) {
	c, err := w.engine.Dispatcher().Table().Find("kv.set")
	if err != nil {
		b.Fatal(err)
	}
	text := value.OfText("0123456789abcdef0123456789abcdef")
	return func(key string) {
		r := command.Request{Caller: auth.Local(), Command: c, Args: &kv.SetRequest{Key: key, Value: text}}
		if _, err := w.engine.Dispatcher().Do(context.Background(), &r); err != nil {
			b.Error(err)
		}
	}
}

// onDisk is a world on the real disk, in the folder where the tests run, which is on disk where /tmp may not be.
func onDisk(b *testing.B, mode persistence.Mode) (w *world, again func() *world) {
	b.Helper()
	home := b.TempDir()
	b.Chdir(home)
	o := persistence.Options{Mode: mode, SegmentBytes: 64 << 20, Reserve: -1, SnapshotInterval: -1, SnapshotLogBytes: -1}
	start := func() *world {
		w, err := open(vfs.OS, o)
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var parts sync.WaitGroup
		parts.Go(func() { _ = w.store.Run(ctx) })
		parts.Go(func() { _ = w.engine.Run(ctx) })
		b.Cleanup(func() { cancel(); parts.Wait(); _ = w.store.Close() })
		return w
	}
	return start(), start
}

// BenchmarkSet sets keys in every mode with one writer and with many that each wait for their answer.
func BenchmarkSet(b *testing.B) {
	for _, mode := range []persistence.Mode{persistence.Always, persistence.Periodic, persistence.Never} {
		for _, writers := range []int{1, 64, 512} {
			b.Run(fmt.Sprintf("%s/writers=%d", mode, writers), func(b *testing.B) {
				w, _ := onDisk(b, mode)
				set := w.setter(b)
				var left atomic.Int64
				left.Store(int64(b.N))
				var all sync.WaitGroup
				took := make([][]time.Duration, writers)
				b.ResetTimer()
				for i := range writers {
					all.Go(func() {
						for left.Add(-1) >= 0 {
							began := time.Now()
							set("key" + strconv.Itoa(i))
							took[i] = append(took[i], time.Since(began))
						}
					})
				}
				all.Wait()
				times := slices.Concat(took...)
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sets/s")
			})
		}
	}
}

// BenchmarkRecover starts with a million keys: from the log, a record for each, and from a snapshot.
func BenchmarkRecover(b *testing.B) {
	const keys = 1_000_000
	for _, snapshot := range []bool{false, true} {
		b.Run(map[bool]string{false: "log", true: "snapshot"}[snapshot], func(b *testing.B) {
			b.Chdir(b.TempDir())
			o := persistence.Options{Mode: persistence.Never, SegmentBytes: 64 << 20, Reserve: -1, SnapshotInterval: -1, SnapshotLogBytes: -1}
			w, err := open(vfs.OS, o)
			if err != nil {
				b.Fatal(err)
			}
			set := w.setter(b)
			for i := range keys {
				set("key-" + strconv.Itoa(i))
				if i%10_000 == 0 {
					_ = w.store.Flush()
				}
			}
			if snapshot {
				if _, err := w.store.Snapshot(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.store.Close(); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for range b.N {
				again, err := open(vfs.OS, o)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if again.seq() != keys {
					b.Fatalf("it is at %d", again.seq())
				}
				_ = again.store.Close()
				b.StartTimer()
			}
			b.ReportMetric(float64(keys)*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
		})
	}
}
