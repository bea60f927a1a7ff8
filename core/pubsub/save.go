package pubsub

import (
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// A saved entry is a retained message. The number and the encoding are permanent:
//
//	┌───────┬──────────────────────────────────────────────────┐
//	│ 1, u8 │ as of the op that retains it (see op.go) … end    │
//	└───────┴──────────────────────────────────────────────────┘
//
// A record that is replayed over entries sets a topic's message as a whole, so the last one wins whatever was saved.
const entryRetained = 1

// Bounds of one call of Save. They are variables so that tests can make every boundary a common one.
var (
	saveBytes = command.SaveBytes
	saveItems = 1024
)

// Parts implements command.State: what is retained is saved in one part, by topic.
func (*Broker) Parts() int { return 1 }

// Save implements command.State. from is the last topic that was saved, and a zero byte. Messages never change, so
// they are encoded without the lock.
func (b *Broker) Save(_ int, from []byte, add func(entry []byte)) (next []byte) {
	messages, more := b.after(string(from))
	var entry []byte
	for _, m := range messages {
		entry = (&retainOp{topic: m.Topic, message: m}).AppendTo(append(entry[:0], entryRetained))
		add(entry)
	}
	if !more {
		return nil
	}
	return append([]byte(messages[len(messages)-1].Topic), 0) // the least topic after it
}

// after returns what one call saves: messages from the topic on, and whether there may be more.
func (b *Broker) after(topic string) (messages []*Message, more bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	bytes := 0
	b.retained.Ascend(topic, func(_ string, m *Message) bool {
		if more = len(messages) == saveItems || bytes >= saveBytes; more {
			return false
		}
		messages = append(messages, m)
		bytes += m.size()
		return true
	})
	return messages, more
}

// Restore implements command.State.
func (b *Broker) Restore(entry []byte) error {
	wrong := fault.New(fault.Corrupt, "a saved message of a topic cannot be read")
	if len(entry) == 0 || entry[0] != entryRetained {
		return wrong
	}
	op, err := decodeOp(opRetain, entry[1:])
	if err != nil {
		return err
	}
	m := op.(*retainOp).message
	b.mu.Lock()
	defer b.mu.Unlock()
	if m == nil {
		return wrong
	}
	if last, _, some := b.retained.Max(); some && last >= m.Topic {
		return fault.New(fault.Corrupt, "the saved message of the topic %q follows that of %q", m.Topic, last)
	}
	b.keep(m.Topic, m)
	return nil
}
