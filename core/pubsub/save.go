package pubsub

import (
	"strings"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// A saved entry is a retained message, or that a topic has let go of its own. The numbers and the encoding are permanent: the
// kind, which is that of an op (see op.go), and the op. The first kind is not written any more.
//
//	┌────────────┬──────────────────────┐
//	│ 1 or 2, u8 │ as of the op … end   │
//	└────────────┴──────────────────────┘
//
// A record that is replayed over entries sets a topic's message as a whole, so the last one wins whatever was saved.
// Retained messages come first, by topic; then the graves, by topic.

// Bounds of one call of Save. They are variables so that tests can make every boundary a common one.
var (
	saveBytes = command.SaveBytes
	saveItems = 1024
)

// Parts implements command.State: what is retained is saved in one part, by topic.
func (*Broker) Parts() int { return 1 }

// Save implements command.State. from is the last topic that was saved, and a zero byte; among graves it begins with one, as no
// topic does. Messages never change, so they are encoded without the lock.
func (b *Broker) Save(_ int, from []byte, add func(entry []byte)) (next []byte) {
	topic, buried := strings.CutPrefix(string(from), "\x00")
	all := &b.retained
	if buried {
		all = &b.graves
	}
	messages, more := b.after(all, topic)
	var entry []byte
	for _, m := range messages {
		op := &retainOp{topic: m.Topic, message: m}
		entry = op.AppendTo(append(entry[:0], op.Kind()))
		add(entry)
	}
	switch {
	case more && buried:
		next = []byte{0}
		fallthrough
	case more:
		return append(append(next, messages[len(messages)-1].Topic...), 0) // the least topic after it
	case !buried && b.anyGraves():
		return []byte{0}
	}
	return nil
}

func (b *Broker) anyGraves() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.graves.Len() > 0
}

// after returns what one call saves: messages from the topic on, and whether there may be more.
func (b *Broker) after(all *btree.Map[string, *Message], topic string) (messages []*Message, more bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	bytes := 0
	all.Ascend(topic, func(_ string, m *Message) bool {
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
	if len(entry) == 0 {
		return wrong
	}
	op, err := decodeOp(entry[0], entry[1:])
	if err != nil {
		return err
	}
	m := op.(*retainOp).message
	b.mu.Lock()
	defer b.mu.Unlock()
	if m == nil {
		return wrong
	}
	if m.gone { // it may have been kept still when that was saved
		if last, _, some := b.graves.Max(); some && last >= m.Topic {
			return fault.New(fault.Corrupt, "what was saved of the topic %q follows that of %q", m.Topic, last)
		}
		b.keep(m.Topic, m)
		return nil
	}
	if last, _, some := b.retained.Max(); (some && last >= m.Topic) || b.graves.Len() > 0 {
		return fault.New(fault.Corrupt, "the saved message of the topic %q follows that of %q", m.Topic, last)
	}
	b.keep(m.Topic, m)
	return nil
}
