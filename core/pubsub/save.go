package pubsub

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// A saved entry is a retained message, or that a topic has let go of its own, or which numbers of a page were taken in of a life of
// another server. The numbers and the encoding are permanent: the kind, which is that of an op (see op.go and taken.go), and the op.
// The first kind is not written any more.
//
//	┌───────────────┬──────────────────────┐
//	│ 1, 2 or 3, u8 │ as of the op … end   │
//	└───────────────┴──────────────────────┘
//
// A record that is replayed over entries sets a topic's message as a whole, so the last one wins whatever was saved; of what was taken
// in it adds what was not saved. Retained messages come first, by topic; then the graves, by topic; then what was taken in, by
// node:run and page.

// Bounds of one call of Save. They are variables so that tests can make every boundary a common one.
var (
	saveBytes = command.SaveBytes
	saveItems = 1024
)

// Parts implements command.State: what is retained is saved in one part, by topic.
func (*Broker) Parts() int { return 1 }

// What is saved one after the other. What Save goes on after begins with it, unless it is the first; no topic begins so.
const (
	partRetained = iota
	partGraves
	partSeen
)

// Save implements command.State. from is the last thing that was saved, behind the byte of its part, and a zero byte. Messages
// never change, so they are encoded without the lock.
func (b *Broker) Save(_ int, from []byte, add func(entry []byte)) (next []byte) {
	part, at := partRetained, string(from)
	if at != "" && at[0] < partSeen+1 && at[0] > partRetained {
		part, at = int(at[0]), at[1:]
	}
	var entry []byte
	var more bool
	switch part {
	case partSeen:
		ops, after := b.taken(at)
		for _, op := range ops {
			entry = op.AppendTo(append(entry[:0], op.Kind()))
			add(entry)
		}
		at, more = after, after != ""
	default:
		all := &b.retained
		if part == partGraves {
			all = &b.graves
		}
		var messages []*Message
		messages, more = b.after(all, at)
		for _, m := range messages {
			op := &retainOp{topic: m.Topic, message: m}
			entry = op.AppendTo(append(entry[:0], op.Kind()))
			add(entry)
		}
		if more {
			at = messages[len(messages)-1].Topic + "\x00" // the least topic after it
		}
	}
	if more && part == partRetained {
		return []byte(at)
	}
	if more {
		return append([]byte{byte(part)}, at...)
	}
	return b.nextPart(part)
}

// nextPart is where the next part begins that there is anything of; nil is that there is none.
func (b *Broker) nextPart(part int) []byte {
	b.mu.RLock()
	defer b.mu.RUnlock()
	switch {
	case part < partGraves && b.graves.Len() > 0:
		return []byte{partGraves}
	case part < partSeen && b.seen.sources.Len() > 0:
		return []byte{partSeen}
	}
	return nil
}

// taken returns what one call saves of what was taken in: pages from the key of a source, a zero byte and the number of a page on,
// and where the next call begins; "" when nothing is left.
func (b *Broker) taken(at string) (ops []*takenOp, next string) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	key, rest, _ := strings.Cut(at, "\x00")
	first := uint64(0)
	if len(rest) == 8 {
		first = binary.BigEndian.Uint64([]byte(rest))
	}
	b.seen.sources.Ascend(key, func(k string, w *window) bool {
		for _, n := range slices.Sorted(maps.Keys(w.pages)) {
			if k == key && n < first {
				continue
			}
			if len(ops) == saveItems || len(ops)*pageBytes >= saveBytes {
				next = string(binary.BigEndian.AppendUint64([]byte(k+"\x00"), n))
				return false
			}
			ops = append(ops, &takenOp{node: w.node, run: w.run, at: w.taken, page: n, bits: *w.pages[n]})
		}
		return true
	})
	return ops, next
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
	wrong := fault.New(fault.Corrupt, "a saved entry of topics cannot be read")
	if len(entry) == 0 {
		return wrong
	}
	op, err := decodeOp(entry[0], entry[1:])
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch op := op.(type) {
	case *takenOp:
		if op.forgets() {
			return wrong
		}
		if last, w, some := b.seen.sources.Max(); some && (last > op.key() || last == op.key() && w.high/pageNumbers >= op.page) {
			return fault.New(fault.Corrupt, "what was saved of messages of %s, page %d, follows that of %s", op.key(), op.page, last)
		}
		b.seen.apply(op)
	case *retainOp:
		if op.message == nil {
			return wrong
		}
		return b.restore(op.message)
	}
	return nil
}

// restore takes in what a topic kept, or that it let go of it. b.mu is held.
func (b *Broker) restore(m *Message) error {
	kept, _, some := b.retained.Max()
	if m.gone { // it may have been kept still when that was saved
		kept, _, some = b.graves.Max()
	}
	if (some && kept >= m.Topic) || (!m.gone && b.graves.Len() > 0) || b.seen.sources.Len() > 0 {
		return fault.New(fault.Corrupt, "what was saved of the topic %q follows that of %q, or what comes after it", m.Topic, kept)
	}
	b.keep(m.Topic, m)
	return nil
}
