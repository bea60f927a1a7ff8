package core_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/value"
)

// BenchmarkTransaction reads, sets, appends and publishes in one: as txn.exec, whose commands come as JSON, with a
// condition in front, and as the atomic batch of a door.
func BenchmarkTransaction(b *testing.B) {
	steps := [][2]string{
		{"kv.get", `{"key":"user:1:name"}`},
		{"kv.set", `{"key":"user:1:name","value":"0123456789abcdef0123456789abcdef"}`},
		{"stream.append", `{"room":"log","event":"renamed","data":{"user":1}}`},
		{"pubsub.publish", `{"topic":"users.renamed","message":1}`},
	}
	var do []core.Step
	for _, s := range steps {
		payload, err := value.OfJSON([]byte(s[1]))
		if err != nil {
			b.Fatal(err)
		}
		do = append(do, core.Step{Command: s[0], Payload: payload})
	}
	condition, err := value.OfJSON([]byte(`{"key":"user:1:locked","exists":false}`))
	if err != nil {
		b.Fatal(err)
	}
	for name, args := range map[string]*core.ExecRequest{
		"txn.exec": {Do: do}, "txn.exec with a condition": {Do: do, If: command.Conditions{condition}},
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			r := w.request("txn.exec", "")
			r.Args = args
			measure(b, func() error {
				_, err := w.engine.Dispatcher().Do(context.Background(), r)
				return err
			})
		})
	}
	b.Run("batch", func(b *testing.B) {
		w := newWorld(b)
		calls := make([]*command.Request, len(steps))
		measure(b, func() error {
			for i, s := range steps {
				calls[i] = w.request(s[0], s[1])
			}
			_, err := w.engine.Dispatcher().Transact(context.Background(), calls)
			return err
		})
	})
	b.Run("one after the other", func(b *testing.B) {
		w := newWorld(b)
		measure(b, func() error {
			for _, s := range steps {
				if _, err := w.engine.Dispatcher().Do(context.Background(), w.request(s[0], s[1])); err != nil {
					return err
				}
			}
			return nil
		})
	})
	b.Run("interactive", func(b *testing.B) {
		w := newWorld(b)
		calls := []*command.Request{w.request("transaction.multi", `{"client_id":"c"}`)}
		for _, s := range steps {
			calls = append(calls, w.request("transaction.queue", fmt.Sprintf(`{"client_id":"c","command":%q,"payload":%s}`, s[0], s[1])))
		}
		calls = append(calls, w.request("transaction.exec", `{"client_id":"c"}`))
		measure(b, func() error {
			for _, r := range calls {
				if _, err := w.engine.Dispatcher().Do(context.Background(), r); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func measure(b *testing.B, f func() error) {
	b.ReportAllocs()
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}
