package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/pubsub"
)

// BenchmarkMessagesBetweenServers is how quickly messages of topics flow from one whole server to another over loopback: many of
// 100 bytes, published a thousand at a time and never more than the link lets wait, until the last was taken in; and one after the
// other, each of which is heard before the next is published. The taker notes what it has taken in, with as much safety as the mode gives.
func BenchmarkMessagesBetweenServers(b *testing.B) {
	const many, few = 60_000, 300
	for _, mode := range []string{"memory", "periodic", "always"} {
		b.Run(mode, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				from, to := benched(b, strings.TrimPrefix(mode, "memory")), benched(b, strings.TrimPrefix(mode, "memory"))
				to.ask(b, "peer.add", fmt.Sprintf(`{"name":"from","url":"umicp://%s","rules":[{"topics":"t.#","direction":"in"}]}`, from.peers[0].Addr()))
				accepted := func() uint64 {
					s, _ := to.links.Status(to.engine.Namespaces()[0].ID, "from")
					return s.In
				}
				heard := to.ask(b, "pubsub.listen", `{"patterns":["t.one"]}`).(*pubsub.ListenResponse)
				for accepted() == 0 { // until the link listens
					from.ask(b, "pubsub.publish", `{"topic":"t.begin","message":"x"}`)
					<-time.After(5 * time.Millisecond)
				}
				batch := `{"messages":[` + strings.Repeat(`{"topic":"t.many","message":"`+strings.Repeat("x", 100)+`"},`, 999) + `{"topic":"t.many","message":"x"}]}`
				b.StartTimer()
				first, began, used := accepted(), time.Now(), cpu()
				for sent := uint64(0); sent < many; {
					if sent-min(sent, accepted()-first) <= pubsub.MaxCarried-4000 {
						from.ask(b, "pubsub.publish", batch)
						sent += 1000
						continue
					}
					<-time.After(time.Millisecond)
				}
				for accepted()-first < many {
					<-time.After(time.Millisecond)
				}
				b.ReportMetric(many/time.Since(began).Seconds(), "messages/s")
				b.ReportMetric(float64((cpu()-used).Microseconds())/many, "cpu-µs/message")
				began = time.Now()
				for range few {
					from.ask(b, "pubsub.publish", `{"topic":"t.one","message":"x"}`)
					if r := to.ask(b, "pubsub.listen", fmt.Sprintf(`{"subscription":%q,"wait_ms":20000}`, heard.Subscription)).(*pubsub.ListenResponse); len(r.Messages) == 0 {
						b.Fatal("nothing is heard")
					}
				}
				b.ReportMetric(float64(time.Since(began).Microseconds())/few, "µs/one")
			}
		})
	}
}
