package pubsub

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// TestACallOfSaveHandsOutAboutSoMuch saves under a bound of entries and under one of bytes, of which a few messages are as
// much as there may be.
func TestACallOfSaveHandsOutAboutSoMuch(t *testing.T) {
	const topics, length = 50, 300
	b := newBroker(command.Env{})
	for i := range topics {
		topic := fmt.Sprintf("t.%02d", i)
		b.keep(topic, &Message{Topic: topic, Message: value.OfText(strings.Repeat("x", length))})
	}
	for _, test := range []struct {
		name         string
		bytes, items int
		most         int // entries of one call
	}{
		{"few entries", 1 << 20, 7, 7},
		{"few bytes", 1000, 1000, 1000/length + 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer SmallSaves(test.bytes, test.items)()
			saved := 0
			for next, more := []byte(nil), true; more; more = next != nil {
				call := 0
				next = b.Save(0, next, func([]byte) { call++ })
				if call > test.most {
					t.Fatalf("a call handed out %d entries", call)
				}
				saved += call
			}
			if saved != topics {
				t.Errorf("saved %d topics of %d", saved, topics)
			}
		})
	}
}

// TestAnEntryOfAnotherKindIsRefused tries it on a broker that would take the rest of the entry in.
func TestAnEntryOfAnotherKindIsRefused(t *testing.T) {
	for _, kind := range []byte{0, opTaken + 1, 255} {
		entry := (&retainOp{"b", &Message{Topic: "b", Message: value.OfText("x")}}).AppendTo([]byte{kind})
		if err := newBroker(command.Env{}).Restore(entry); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("kind %d: %v, want corrupt", kind, err)
		}
	}
}
