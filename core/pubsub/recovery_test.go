package pubsub_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/synaptest"
)

// TestRecovery saves while messages are retained, replaced and let go, and recovers: all is as it is.
func TestRecovery(t *testing.T) {
	defer pubsub.SmallSaves(100, 2)()
	rapid.Check(t, func(rt *rapid.T) {
		r := synaptest.Record(t, func() []*command.Structure { return []*command.Structure{pubsub.Structure()} })
		topic := rapid.SampledFrom([]string{"a", "a.b", "b", "c.d.e", "z"})
		n := 0
		act := func() {
			for range rapid.IntRange(0, 4).Draw(rt, "steps") {
				n++
				a, b := topic.Draw(rt, "topic"), topic.Draw(rt, "other")
				var err error
				switch rapid.IntRange(0, 4).Draw(rt, "step") {
				case 0, 1:
					_, err = r.Try("pubsub.publish", fmt.Sprintf(`{"topic":%q,"message":"m%d","retain":true,"headers":{"n":"%d","a":"b"}}`, a, n, n))
				case 2:
					_, err = r.Try("pubsub.forget", fmt.Sprintf(`{"topic":%q}`, a))
				case 3:
					_, err = r.Try("txn.exec", fmt.Sprintf(`{"do":[{"command":"pubsub.publish","payload":{"topic":%q,"message":%d,"retain":true}},
						{"command":"pubsub.forget","payload":{"topic":%q}},{"command":"pubsub.publish","payload":{"topic":%q,"message":1,"retain":true}}]}`, a, n, b, a))
				case 4: // undone
					_, err = r.Try("txn.exec", fmt.Sprintf(`{"do":[{"command":"pubsub.publish","payload":{"topic":%q,"message":%d,"retain":true}},
						{"command":"pubsub.publish","payload":{"topic":"#","message":1}}]}`, a, n))
					if fault.CodeOf(err) == fault.Invalid {
						err = nil
					}
				}
				if err != nil {
					rt.Fatal(err)
				}
			}
		}
		act()
		act()
		saved := r.Save(t, act)
		act()
		again := r.Recover(t, saved)
		again.ExpectSame(rt, "recovered", r)
		again.Recover(t, again.Save(t, func() {})).ExpectSame(rt, "saved and recovered again", r)
	})
}
