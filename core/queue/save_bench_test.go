package queue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/value"
)

// savedMessages is how many messages the benchmarks save, in one queue or in many.
const savedMessages = 1_000_000

// loaded is an engine with so many queues, which hold a million messages of 100 bytes, in all priorities.
func loaded(tb testing.TB, queues int) *bench {
	tb.Helper()
	b := newBench(tb, journal.NewMemory(journal.MemoryOptions{Records: 1}))
	r := b.request("queue.publish", "")
	batch := make([]queue.Outgoing, 100)
	for i := range batch {
		priority := i % 10
		batch[i] = queue.Outgoing{Message: value.OfText(fmt.Sprintf("%0100d", i)), Priority: &priority}
	}
	for i := range queues {
		name := fmt.Sprintf("queue-%05d", i)
		b.do("queue.create", fmt.Sprintf(`{"queue":%q,"max_depth":%d,"max_bytes":%d}`, name, savedMessages, savedMessages<<10))
		for range savedMessages / queues / len(batch) {
			r.Args = &queue.PublishRequest{Queue: name, Messages: batch}
			if _, err := b.d.Do(tb.Context(), r); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return b
}

// BenchmarkSave reports the longest call of State.Save too, of the round in which that was shortest: in the others the
// collector or the machine paused.
func BenchmarkSave(b *testing.B) {
	for _, queues := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("queues=%d", queues), func(b *testing.B) {
			state := loaded(b, queues).queues()
			b.ReportAllocs()
			longest, bytes := time.Hour, 0
			for b.Loop() {
				round := time.Duration(0)
				bytes = 0
				for next, more := []byte(nil), true; more; more = next != nil {
					start := time.Now()
					next = state.Save(0, next, func(entry []byte) { bytes += len(entry) })
					round = max(round, time.Since(start))
				}
				longest = min(longest, round)
			}
			b.ReportMetric(savedMessages*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			b.ReportMetric(float64(bytes)/savedMessages, "bytes/message")
			b.ReportMetric(float64(longest.Microseconds()), "longest-µs")
		})
	}
}

func BenchmarkRestore(b *testing.B) {
	for _, queues := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("queues=%d", queues), func(b *testing.B) {
			chunks := loaded(b, queues).save(func() {})
			b.ReportAllocs()
			for b.Loop() {
				newBench(b, nil).restore(chunks)
			}
			b.ReportMetric(savedMessages*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
