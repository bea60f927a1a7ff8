package pubsub_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/synaptest"
)

// recording is of a store, too, so that a transaction can fail after it has changed topics.
func recording(t testing.TB) *synaptest.Recording {
	t.Helper()
	return synaptest.Record(t, func() []*command.Structure {
		return []*command.Structure{pubsub.Structure(), kv.Structure(kv.Options{})}
	})
}

// retained is what a newcomer hears of all topics, and how much that is.
func retained(t interface{ Fatal(args ...any) }, r *synaptest.Recording) string {
	var heard struct {
		Messages     []json.RawMessage
		Subscription string
	}
	var held struct {
		Retained int
		Bytes    int64 `json:"retained_bytes"`
	}
	ask := func(into any, name, payload string) {
		answer, err := r.Try(name, payload)
		if err == nil {
			err = json.Unmarshal([]byte(answer), into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ask(&heard, "pubsub.listen", `{"patterns":["#"],"limit":100}`)
	ask(&held, "pubsub.listen", fmt.Sprintf(`{"subscription":%q,"close":true}`, heard.Subscription))
	ask(&held, "pubsub.stats", `{}`)
	return fmt.Sprintf("%s, %+v", heard.Messages, held)
}

// incoming is a message of another server.
type incoming struct {
	node   string
	number int
}

// accepted is a request to take messages in.
func accepted(all ...incoming) string {
	var messages []string
	for _, m := range all {
		messages = append(messages, fmt.Sprintf(`{"topic":"far","message":1,"node":%q,"run":"r","number":%d}`, m.node, m.number))
	}
	return fmt.Sprintf(`{"here":"A","from":"B","messages":[%s]}`, strings.Join(messages, ","))
}

// TestRecovery saves while messages are retained, replaced and let go, and taken in, and recovers: all is as it is.
func TestRecovery(t *testing.T) {
	defer pubsub.SmallSaves(100, 2)()
	rapid.Check(t, func(rt *rapid.T) {
		r := recording(t)
		topic := rapid.SampledFrom([]string{"a", "a.b", "b", "c.d.e", "z"})
		// Of pages so far apart that some get behind the window.
		message := rapid.Custom(func(t *rapid.T) incoming {
			return incoming{rapid.SampledFrom([]string{"B", "C"}).Draw(t, "node"), rapid.IntRange(0, 5).Draw(t, "page")*100_000 + rapid.IntRange(0, 3).Draw(t, "number")}
		})
		var took []incoming
		n := 0
		act := func() {
			for range rapid.IntRange(0, 4).Draw(rt, "steps") {
				n++
				a, b := topic.Draw(rt, "topic"), topic.Draw(rt, "other")
				var err error
				switch rapid.IntRange(0, 6).Draw(rt, "step") {
				case 0, 1:
					_, err = r.Try("pubsub.publish", fmt.Sprintf(`{"topic":%q,"message":"m%d","retain":true,"headers":{"n":"%d","a":"b"}}`, a, n, n))
				case 2:
					_, err = r.Try("pubsub.forget", fmt.Sprintf(`{"topic":%q}`, a))
				case 3:
					_, err = r.Try("txn.exec", fmt.Sprintf(`{"do":[{"command":"pubsub.publish","payload":{"topic":%q,"message":%d,"retain":true}},
						{"command":"pubsub.forget","payload":{"topic":%q}},{"command":"pubsub.publish","payload":{"topic":%q,"message":1,"retain":true}}]}`, a, n, b, a))
				case 4: // all of it is undone, because of what comes last
					_, err = r.Try("txn.exec", fmt.Sprintf(`{"do":[{"command":"pubsub.publish","payload":{"topic":%q,"message":%d,"retain":true}},
						{"command":"pubsub.forget","payload":{"topic":%q}},{"command":"kv.check","payload":{"key":"none","exists":true}}]}`, a, n, b))
					if fault.CodeOf(err) != fault.Conflict {
						rt.Fatalf("a transaction was to fail: %v", err)
					}
					err = nil
				case 5: // at once as much as is new
					took = append(took, message.Draw(rt, "taken"), message.Draw(rt, "taken"))
					_, err = r.Try("pubsub.accept", accepted(took[len(took)-2:]...))
				case 6:
					_, err = r.Try("txn.exec", fmt.Sprintf(`{"do":[{"command":"pubsub.accept","payload":%s},{"command":"kv.check","payload":{"key":"none","exists":true}}]}`,
						accepted(message.Draw(rt, "not taken"), message.Draw(rt, "not taken"))))
					if fault.CodeOf(err) != fault.Conflict {
						rt.Fatalf("a transaction was to fail: %v", err)
					}
					err = nil
				}
				if err != nil {
					rt.Fatal(err)
				}
			}
		}
		act()
		act()
		saved := r.Save(t, act)
		saved.After = rapid.Uint64Range(0, saved.After).Draw(rt, "after")
		act()
		again := r.Recover(t, saved)
		again.ExpectSame(rt, "recovered", r)
		if got, want := retained(rt, again), retained(rt, r); got != want {
			rt.Fatalf("a newcomer hears\n%s\nwant\n%s", got, want)
		}
		if len(took) > 0 {
			if answer, err := again.Try("pubsub.accept", accepted(took...)); err != nil || !strings.Contains(answer, fmt.Sprintf(`"taken":0,"passed":%d`, len(took))) {
				rt.Fatalf("what was taken in comes again: %s, %v", answer, err)
			}
		}
		again.Recover(t, again.Save(t, func() {})).ExpectSame(rt, "saved and recovered again", r)
	})
}

// TestPublishersGoOnWhileSaving saves again and again beside publishers, and recovers from each.
func TestPublishersGoOnWhileSaving(t *testing.T) {
	defer pubsub.SmallSaves(1000, 3)()
	r := recording(t)
	var publishers sync.WaitGroup
	for p := range 4 {
		publishers.Go(func() {
			for i := range 200 {
				for _, c := range [][2]string{
					{"pubsub.publish", fmt.Sprintf(`{"topic":"t.%d","message":"%d","retain":true}`, i*7%50, p)},
					{"pubsub.forget", fmt.Sprintf(`{"topic":"t.%d"}`, i*11%50)},
					{"pubsub.accept", accepted(incoming{string(rune('A' + p)), i * 3000}, incoming{"Z", i * 3000})},
				} {
					if _, err := r.Try(c[0], c[1]); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	var all []synaptest.Saved
	for range 3 {
		all = append(all, r.Save(t, func() {}))
	}
	publishers.Wait()
	for i, saved := range all {
		r.Recover(t, saved).ExpectSame(t, fmt.Sprint("save ", i), r)
	}
}
