package agent

import (
	"encoding/binary"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// The kinds of ops. The numbers are permanent, and so are the encodings. Numbers are unsigned varints unless they are
// marked u8; times are in Unix milliseconds; a string is its length and its bytes, and one marked … goes to the end.
//
//	send    ┌────┬──────┬──────┬────────┬────────┬──────────┬───────────┬──────────────┐
//	(1)     │ id │ from │ sent │ all u8 │ thread │ reply to │ dedupe id │ dedupe until │
//	        ├────┴─┬────┴──────┴────────┼────────┼──────────┴───────────┴──────────────┘
//	        │ many │ name of each, to   │ kind u8│ data …
//	        └──────┴────────────────────┴────────┘ names in order; dedupe until is 0 without a dedupe id
//	read    ┌───────┬──────┬────────────┐
//	(2)     │ agent │ many │ id of each │
//	        └───────┴──────┴────────────┘
//	seen    ┌────┬─────────┐
//	(3)     │ at │ agent … │
//	        └────┴─────────┘
//	forget  ┌─────────┬─────────┐
//	(4)     │ keep u8 │ agent … │ keep is 1 when only its messages go
//	        └─────────┴─────────┘
//	lapse   ┌───────┐
//	(5)     │ up to │ dedupe ids of messages up to this number are forgotten
//	        └───────┘
const (
	opSend   = 1
	opRead   = 2
	opSeen   = 3
	opForget = 4
	opLapse  = 5
)

// opBytes is about what an op costs in memory besides its strings and lists.
const opBytes = 96

// sendOp puts a message into inboxes.
type sendOp struct {
	message // unread is to whom it goes, in order
	dedupe  string
	until   int64 // until when the dedupe id is remembered
}

// Kind implements journal.Op, as do the following methods.
func (*sendOp) Kind() byte { return opSend }

// Target is the one it is for, or everybody.
func (op *sendOp) Target() (string, bool) {
	if op.all || len(op.unread) != 1 {
		return "", true
	}
	return op.unread[0], false
}

// Size counts the message and its names.
func (op *sendOp) Size() int { return opBytes + int(op.size()) + 16*len(op.unread) + len(op.dedupe) }

// AppendTo writes the box above.
func (op *sendOp) AppendTo(b []byte) []byte {
	b = appendString(binary.AppendUvarint(b, op.id), op.from)
	b = append(appendTime(b, op.sent), bit(op.all))
	b = appendString(b, op.thread)
	b = binary.AppendUvarint(b, op.replyTo)
	b = appendTime(appendString(b, op.dedupe), op.until)
	b = binary.AppendUvarint(b, uint64(len(op.unread)))
	for _, name := range op.unread {
		b = appendString(b, name)
	}
	b = append(b, byte(op.value.Kind()))
	return append(b, op.value.Data()...)
}

// readOp takes messages out of an inbox.
type readOp struct {
	agent string
	ids   []uint64
}

// Kind implements journal.Op, as do the following methods.
func (*readOp) Kind() byte { return opRead }

// Target is the agent.
func (op *readOp) Target() (string, bool) { return op.agent, false }

// Size counts the numbers.
func (op *readOp) Size() int { return opBytes + len(op.agent) + 8*len(op.ids) }

// AppendTo writes the box above.
func (op *readOp) AppendTo(b []byte) []byte {
	b = binary.AppendUvarint(appendString(b, op.agent), uint64(len(op.ids)))
	for _, id := range op.ids {
		b = binary.AppendUvarint(b, id)
	}
	return b
}

// seenOp says that an agent was here.
type seenOp struct {
	agent string
	at    int64
}

// Kind implements journal.Op, as do the following methods.
func (*seenOp) Kind() byte { return opSeen }

// Target is the agent.
func (op *seenOp) Target() (string, bool) { return op.agent, false }

// Size counts the name.
func (op *seenOp) Size() int { return opBytes + len(op.agent) }

// AppendTo writes the box above.
func (op *seenOp) AppendTo(b []byte) []byte { return append(appendTime(b, op.at), op.agent...) }

// forgetOp drops an agent, or only what waits for it.
type forgetOp struct {
	agent string
	keep  bool
}

// Kind implements journal.Op, as do the following methods.
func (*forgetOp) Kind() byte { return opForget }

// Target is the agent.
func (op *forgetOp) Target() (string, bool) { return op.agent, false }

// Size counts the name.
func (op *forgetOp) Size() int { return opBytes + len(op.agent) }

// AppendTo writes the box above.
func (op *forgetOp) AppendTo(b []byte) []byte { return append(append(b, bit(op.keep)), op.agent...) }

// lapseOp forgets dedupe ids.
type lapseOp struct{ upTo uint64 }

// Kind implements journal.Op, as do the following methods.
func (*lapseOp) Kind() byte { return opLapse }

// Target is nobody.
func (*lapseOp) Target() (string, bool) { return "", false }

// Size is that of a number.
func (*lapseOp) Size() int { return opBytes }

// AppendTo writes the box above.
func (op *lapseOp) AppendTo(b []byte) []byte { return binary.AppendUvarint(b, op.upTo) }

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTime(b []byte, at int64) []byte {
	return binary.AppendUvarint(b, uint64(at)) //nolint:gosec // never negative
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// decodeOp reads what AppendTo wrote.
func decodeOp(kind byte, data []byte) (journal.Op, error) {
	r := journal.NewReader(data)
	var op journal.Op
	switch kind {
	case opSend:
		op = readSend(&r)
	case opRead:
		o := &readOp{agent: r.Text()}
		for range r.Count(1) {
			o.ids = append(o.ids, r.Number())
		}
		op = o
	case opSeen:
		o := &seenOp{at: r.Int()}
		o.agent = r.Rest()
		op = o
	case opForget:
		o := &forgetOp{keep: r.Flag()}
		o.agent = r.Rest()
		op = o
	case opLapse:
		op = &lapseOp{upTo: r.Number()}
	default:
		r.Fail()
	}
	if !r.Whole() {
		return nil, fault.New(fault.Corrupt, "an agent op of kind %d cannot be read", kind)
	}
	return op, nil
}

// readSend reads a send op to the end.
func readSend(r *journal.Reader) *sendOp {
	op := &sendOp{message: message{id: r.Number(), from: r.Text(), sent: r.Int(), all: r.Flag(), thread: r.Text(), replyTo: r.Number()}}
	op.dedupe, op.until = r.Text(), r.Int()
	for i := range r.Count(1) {
		name := r.Text()
		if i > 0 && name <= op.unread[i-1] {
			r.Fail()
		}
		op.unread = append(op.unread, name)
	}
	kind := value.Kind(r.Byte(byte(value.Bytes)))
	if kind == value.None || len(op.unread) == 0 || op.id == 0 {
		r.Fail()
	}
	op.value = value.Restore(kind, r.Rest())
	return op
}
