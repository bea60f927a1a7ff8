package pubsub

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/value"
)

// full is a broker that retains as much as it may.
func full() *Broker {
	b := newBroker(command.Env{})
	for i := range MaxRetained {
		topic := fmt.Sprintf("weather.%06d", i)
		b.keep(topic, &Message{Topic: topic, Message: value.OfText("rain and more rain, in the afternoon")})
	}
	return b
}

func BenchmarkSave(b *testing.B) {
	broker := full()
	var longest time.Duration
	for b.Loop() {
		for next, more := []byte(nil), true; more; more = next != nil {
			start := time.Now()
			next = broker.Save(0, next, func([]byte) {})
			longest = max(longest, time.Since(start))
		}
	}
	b.ReportMetric(float64(b.N)*float64(MaxRetained)/b.Elapsed().Seconds()/1e6, "M/s")
	b.ReportMetric(float64(longest.Microseconds()), "longest-µs")
}

func BenchmarkRestore(b *testing.B) {
	var entries [][]byte
	broker := full()
	for next, more := []byte(nil), true; more; more = next != nil {
		next = broker.Save(0, next, func(entry []byte) { entries = append(entries, bytes.Clone(entry)) })
	}
	for b.Loop() {
		fresh := newBroker(command.Env{})
		for _, entry := range entries {
			if err := fresh.Restore(entry); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*float64(MaxRetained)/b.Elapsed().Seconds()/1e6, "M/s")
}
