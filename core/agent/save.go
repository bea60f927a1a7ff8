package agent

import (
	"encoding/binary"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// The kinds of saved entries. The numbers are permanent, and so are the encodings, which are made of what op.go explains.
// An entry begins with its kind, u8.
//
//	last      ┌──────┐
//	(1)       │ last │ the number of the newest message there ever was
//	          └──────┘
//	agent     ┌──────┬────────┐
//	(2)       │ seen │ name … │
//	          └──────┴────────┘
//	message   ┌────────────────────┐
//	(3)       │ as of the op send … │ without a dedupe id, and to those who have not read it
//	          └────────────────────┘
//	dedupe    ┌─────────┬───────────┬───────┬──────┬───────────┐
//	(4)       │ message │ delivered │ until │ from │ dedupe id │
//	          └─────────┴───────────┴───────┴──────┴───────────┘
//
// Entries are saved in this order, and are of different moments. Records replayed over them make up for it: a message is put
// back for all it went to, because whoever has read it meanwhile is told of by a later record, and when an agent was seen
// only moves on.
const (
	entryLast    = 1
	entryAgent   = 2
	entryMessage = 3
	entryDedupe  = 4
)

// Bounds of one call of Save. They are variables so that tests can make every boundary a common one.
var (
	saveBytes = command.SaveBytes
	saveItems = 1024
)

// Parts implements command.State: all of it is one part.
func (*Agents) Parts() int { return 1 }

// Save implements command.State. from is the kind of the entry to go on with, and the key that it begins after.
func (s *Agents) Save(_ int, from []byte, add func(entry []byte)) (next []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from == nil {
		add(binary.AppendUvarint([]byte{entryLast}, s.last))
		from = []byte{entryAgent}
	}
	w := &saving{add: add, room: saveBytes, items: saveItems}
	switch key := from[1:]; from[0] {
	case entryAgent:
		s.agents.Ascend(string(key), func(name string, a *agent) bool {
			return w.entry(append([]byte{entryAgent}, append([]byte(name), 0)...), append(appendTime([]byte{entryAgent}, a.seen), name...))
		})
		return w.next(entryMessage)
	case entryMessage:
		s.messages.Ascend(number(key), func(id uint64, m *message) bool {
			return w.entry(binary.BigEndian.AppendUint64([]byte{entryMessage}, id+1), (&sendOp{message: *m}).AppendTo([]byte{entryMessage}))
		})
		return w.next(entryDedupe)
	default:
		s.order.Ascend(number(key), func(id uint64, r remembered) bool {
			return w.entry(binary.BigEndian.AppendUint64([]byte{entryDedupe}, id+1), r.appendTo([]byte{entryDedupe}))
		})
		return w.next(0)
	}
}

// saving is one call of Save.
type saving struct {
	add         func([]byte)
	room, items int
	more        []byte // where to go on; nil while there was room for all
	last        []byte // where to go on after the entry before
}

// entry hands out an entry, unless there is no room; after is where to go on after it.
func (w *saving) entry(after, entry []byte) bool {
	if w.last != nil && (w.room <= 0 || w.items <= 0) {
		w.more = w.last
		return false
	}
	w.add(entry)
	w.room -= len(entry)
	w.items--
	w.last = after
	return true
}

// next is where to go on: here, or with the next kind, 0 being none.
func (w *saving) next(kind byte) []byte {
	switch {
	case w.more != nil:
		return w.more
	case kind == 0:
		return nil
	}
	return []byte{kind}
}

func number(key []byte) uint64 {
	if len(key) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key)
}

func (r remembered) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, r.message), r.delivered)
	return appendString(appendString(appendTime(b, r.until), r.from), r.id)
}

// Restore implements command.State. An agent may be told of by a message only: the record that made it follows.
func (s *Agents) Restore(entry []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := journal.NewReader(entry)
	ok := false
	switch r.Byte(entryDedupe) {
	case entryLast:
		last := r.Number()
		if ok = r.Whole(); ok {
			s.last = max(s.last, last)
		}
	case entryAgent:
		seen, name := r.Int(), r.Rest()
		if _, there := s.agents.Get(name); !there && r.Whole() && checkName(name) == nil {
			s.find(name).seen, ok = seen, true
		}
	case entryMessage:
		op := readSend(&r)
		if _, there := s.messages.Get(op.id); !there && r.Whole() && op.dedupe == "" && op.until == 0 && s.namesOf(op) {
			s.restore(op)
			ok = true
		}
	case entryDedupe:
		d := remembered{message: r.Number(), delivered: r.Number(), until: r.Int()}
		d.from, d.id = r.Text(), r.Text()
		_, known := s.sent[d.sending]
		_, there := s.order.Get(d.message)
		if r.Whole() && d.id != "" && !known && !there {
			s.remember(d)
			if s.env.Wake != nil {
				s.env.Wake(d.until)
			}
			ok = true
		}
	}
	if !ok {
		return fault.New(fault.Corrupt, "a saved entry of agents cannot be read")
	}
	return nil
}

// namesOf reports whether all whom the message names can exist.
func (s *Agents) namesOf(op *sendOp) bool {
	for _, name := range op.unread {
		if checkName(name) != nil {
			return false
		}
	}
	return true
}

// restore puts a saved message into inboxes.
func (s *Agents) restore(op *sendOp) {
	s.last = max(s.last, op.id)
	m := op.message
	m.unread = nil
	for _, name := range op.unread {
		s.put(&m, name)
	}
}
