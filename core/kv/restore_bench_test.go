package kv

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

const benchItems = 1 << 20

func emptyStore() *Store {
	return newStore(command.Env{Clock: command.NewClock(), Wake: func(int64) {}}, Options{}.withDefaults())
}

// benchPuts are puts of keys of 18 bytes and values of 32, in the order of the keys or in none.
func benchPuts(inOrder bool) []*put {
	numbers := make([]int, benchItems)
	for i := range numbers {
		numbers[i] = i
	}
	if !inOrder {
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
	}
	puts := make([]*put, benchItems)
	for i, n := range numbers {
		puts[i] = &put{key: fmt.Sprintf("user:%08d:name", n), value: value.OfText(strings.Repeat("0123456789abcdef", 2))}
	}
	return puts
}

// side runs f on several goroutines.
func side(workers int, f func(worker int)) {
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

func perSecond(b *testing.B, n int) {
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "M/s")
}

func savedParts(b *testing.B, s *Store) (parts [][][]byte) {
	b.Helper()
	for part := range s.Parts() {
		var chunks [][]byte
		var next []byte
		for more := true; more; more = next != nil {
			var chunk []byte
			next = s.Save(part, next, func(entry []byte) { chunk = journal.AppendEntry(chunk, entry) })
			chunks = append(chunks, chunk)
		}
		parts = append(parts, chunks)
	}
	return parts
}

func BenchmarkSave(b *testing.B) {
	s := emptyStore()
	for i, op := range benchPuts(false) {
		s.Replay(uint64(i+1), op)
	}
	s.ordered(s.reading())
	var calls []time.Duration
	for b.Loop() {
		for part := range s.Parts() {
			var next []byte
			calls = timed(calls, func() bool {
				next = s.Save(part, next, func([]byte) {})
				return next != nil
			})
		}
	}
	perSecond(b, benchItems)
	reportLongest(b, calls)
}

func BenchmarkRestore(b *testing.B) {
	s := emptyStore()
	for i, op := range benchPuts(true) {
		s.Replay(uint64(i+1), op)
	}
	parts := savedParts(b, s)
	s = nil
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				fresh := emptyStore()
				side(workers, func(worker int) {
					for part := worker; part < len(parts); part += workers {
						for _, chunk := range parts[part] {
							for len(chunk) > 0 {
								entry, rest, _ := journal.NextEntry(chunk)
								if err := fresh.Restore(entry); err != nil {
									b.Error(err)
								}
								chunk = rest
							}
						}
					}
				})
			}
			perSecond(b, benchItems)
		})
	}
}

// BenchmarkReplay replays puts into an empty store: decoded before, or decoded as they come from a log. The keys are
// split between the workers by hash.
func BenchmarkReplay(b *testing.B) {
	for _, inOrder := range []bool{true, false} {
		for _, workers := range []int{1, 2} {
			for _, decoded := range []bool{true, false} {
				b.Run(fmt.Sprintf("in order=%t/workers=%d/decoded=%t", inOrder, workers, decoded), func(b *testing.B) {
					benchReplay(b, inOrder, workers, decoded)
				})
			}
		}
	}
}

func benchReplay(b *testing.B, inOrder bool, workers int, decoded bool) {
	lists, logs := make([][]*put, workers), make([][]byte, workers)
	for _, op := range benchPuts(inOrder) {
		h := binary.LittleEndian.Uint64([]byte(op.key[5:13])) * 0x9E3779B97F4A7C15 >> 32 % uint64(workers)
		if decoded {
			lists[h] = append(lists[h], op)
		} else {
			logs[h] = journal.AppendEntry(logs[h], op.AppendTo(nil))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		fresh := emptyStore()
		side(workers, func(worker int) {
			for i, op := range lists[worker] {
				fresh.Replay(uint64(i+1), op)
			}
			for seq, log := uint64(0), logs[worker]; len(log) > 0; {
				data, rest, _ := journal.NextEntry(log)
				op, err := decodeOp(opPut, data)
				if err != nil {
					b.Error(err)
					return
				}
				seq++
				fresh.Replay(seq, op)
				log = rest
			}
		})
	}
	perSecond(b, benchItems)
}

// BenchmarkOrder puts the keys in order after a recovery, in which they came in order or in none.
func BenchmarkOrder(b *testing.B) {
	for _, inOrder := range []bool{true, false} {
		b.Run(fmt.Sprintf("in order=%t", inOrder), func(b *testing.B) {
			puts := benchPuts(inOrder)
			var steps []time.Duration
			for b.Loop() {
				b.StopTimer()
				s := emptyStore()
				for i, op := range puts {
					s.Replay(uint64(i+1), op)
				}
				runtime.GC()
				b.StartTimer()
				steps = timed(steps, func() bool { return s.settle(s.reading()) })
			}
			perSecond(b, benchItems)
			reportLongest(b, steps)
		})
	}
}

// timed adds how long each step takes, up to the one that returns false.
func timed(steps []time.Duration, step func() bool) []time.Duration {
	for more := true; more; {
		start := time.Now()
		more = step()
		steps = append(steps, time.Since(start))
	}
	return steps
}

// reportLongest reports the longest step, and how long one in a thousand is, which depends less on what else the machine
// does.
func reportLongest(b *testing.B, steps []time.Duration) {
	b.Helper()
	slices.Sort(steps)
	b.ReportMetric(float64(steps[len(steps)-1].Microseconds()), "longest-µs")
	b.ReportMetric(float64(steps[len(steps)*999/1000].Microseconds()), "p99.9-µs")
}

func BenchmarkDecodeOp(b *testing.B) {
	data := benchPuts(true)[0].AppendTo(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeOp(opPut, data); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, 1)
}
