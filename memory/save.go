package memory

import (
	"encoding/binary"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// The kinds of entries that Save writes. The numbers are permanent, and so are the encodings; see op.go for how things are written.
//
//	last    ┌──────┬─────────────────────────────────────────────┐
//	        │ 1 u8 │ the highest number that a memory ever had   │
//	        └──────┴─────────────────────────────────────────────┘
//	memory  ┌──────┬────────────┬────────┬─────────┬──────────────┬─────────┬───────┬──────────────────────────┬──────────┐
//	        │ 2 u8 │ collection │ number │ version │ text version │ content │ model │ how many bytes of floats │ floats … │
//	        └──────┴────────────┴────────┴─────────┴──────────────┴─────────┴───────┴──────────────────────────┴──────────┘
//
// The vectors are saved, because they cost a network and another's time; the index of words is made anew, because that takes 10 µs a text.
// A record that is replayed over entries sets a memory as a whole, so the last one wins whatever was saved.
const (
	entryLast   = 1
	entryMemory = 2
)

// Bounds of one call of Save. They are variables so that tests can make every boundary a common one.
var (
	saveBytes = command.SaveBytes
	saveItems = 1024
)

// Parts implements command.State: one lock guards all memories, so there is one part.
func (*Memories) Parts() int { return 1 }

// Save implements command.State. Memories are saved by collection and number; from is where to go on, a number and a collection. Memories never
// change, so they are encoded without the lock.
func (s *Memories) Save(_ int, from []byte, add func(entry []byte)) (next []byte) {
	var entry []byte
	if from == nil {
		s.mu.RLock()
		last := s.last
		s.mu.RUnlock()
		if last == 0 {
			return nil
		}
		add(binary.AppendUvarint([]byte{entryLast}, last))
		from = []byte{0}
	}
	number, n := binary.Uvarint(from)
	items, more := s.after(string(from[n:]), number)
	for _, it := range items {
		entry = it.appendTo(append(entry[:0], entryMemory))
		add(entry)
	}
	if !more {
		return nil
	}
	it := items[len(items)-1]
	return append(binary.AppendUvarint(nil, it.number+1), it.collection...)
}

// after returns what one call saves: memories from that number of that collection on, and whether there may be more.
func (s *Memories) after(first string, number uint64) (items []*item, more bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	bytes := 0
	s.collections.Ascend(first, func(name string, c *collection) bool {
		from := uint64(0)
		if name == first {
			from = number
		}
		c.numbers.Ascend(from, func(_ uint64, it *item) bool {
			if more = len(items) == saveItems || bytes >= saveBytes; more {
				return false
			}
			items = append(items, it)
			bytes += int(it.size())
			return true
		})
		return !more
	})
	return items, more
}

func (it *item) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(appendString(b, it.collection), it.number)
	b = binary.AppendUvarint(binary.AppendUvarint(b, it.version), it.textVersion)
	c := it.content()
	return appendFloats(appendString(c.appendTo(b), it.model), it.vector)
}

// Restore implements command.State.
func (s *Memories) Restore(entry []byte) error {
	r := journal.NewReader(entry)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Byte(entryMemory) {
	case entryLast:
		last := readNumber(&r)
		if r.Whole() && len(s.items) == 0 {
			s.last = max(s.last, last)
			return nil
		}
	case entryMemory:
		it := readItem(&r)
		if r.Whole() && s.items[it.number] == nil {
			it.metadata = s.shared(it.metadata)
			s.set(it.number, it, nil)
			return nil
		}
	}
	return fault.New(fault.Corrupt, "a saved memory cannot be read")
}

func readItem(r *journal.Reader) *item {
	it := &item{collection: readCollection(r), number: readNumber(r), version: r.Number(), textVersion: r.Number()}
	c := readContent(r)
	it.text, it.metadata, it.source, it.stored, it.updated, it.expires = c.text, c.metadata, c.source, c.stored, c.updated, c.expires
	it.model, it.vector = r.Text(), readFloats(r)
	if (it.model == "") != (it.vector == nil) {
		r.Fail()
	}
	return it
}
