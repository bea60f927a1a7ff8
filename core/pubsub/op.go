package pubsub

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// retainOp makes a message the one that its topic keeps, or with none lets go of it. The number and the
// encoding are permanent (uv is an unsigned varint; a string is its length as uv and its bytes):
//
//	┌───────────────┬───────────────┬────────────────┬──────────────────┬─────────────────┬───────────────┐
//	│ topic, string │ published, uv │ by, string     │ reply to, string │ headers, uv     │ key and value │
//	│               │ milliseconds  │                │                  │ how many        │ strings, by   │
//	│               │               │                │                  │                 │ key           │
//	├───────────────┼───────────────┴────────────────┴──────────────────┴─────────────────┴───────────────┘
//	│ kind, u8      │ data … to the end. Kind 0, with nothing after it, lets go.
//	└───────────────┘
type retainOp struct {
	topic   string
	message *Message // nil lets go
}

const (
	opRetain = 1
	// opStamp is as opRetain, and begins with which one of all messages it is. Kind 0 of data is then a grave: the topic lets go,
	// and remembers when.
	//
	//	┌──────────┬────────────┬───────────────┬────────────────────┐
	//	│ time, uv │ number, uv │ node, string  │ as of retain … end │
	//	│          │            │ "" is here    │                    │
	//	└──────────┴────────────┴───────────────┴────────────────────┘
	opStamp = 2
)

// Kind implements journal.Op, as do the following methods.
func (op *retainOp) Kind() byte {
	if op.message == nil {
		return opRetain
	}
	return opStamp
}

// keeps reports whether the topic has a message afterwards.
func (op *retainOp) keeps() bool { return op.message != nil && !op.message.gone }

// Target is the topic.
func (op *retainOp) Target() (string, bool) { return op.topic, false }

// Size counts the topic and the message.
func (op *retainOp) Size() int {
	if op.message == nil {
		return 48 + len(op.topic)
	}
	return 48 + op.message.size()
}

// AppendTo writes the box above.
func (op *retainOp) AppendTo(b []byte) []byte {
	m := op.message
	if m == nil {
		m = &Message{}
	} else {
		b = binary.AppendUvarint(b, uint64(m.time)) //nolint:gosec // never negative
		b = appendString(binary.AppendUvarint(b, m.number), m.node)
	}
	b = appendString(b, op.topic)
	b = binary.AppendUvarint(b, uint64(m.PublishedAt)) //nolint:gosec // never negative
	b = appendString(b, m.PublishedBy)
	b = appendString(b, m.ReplyTo)
	b = binary.AppendUvarint(b, uint64(len(m.Headers)))
	for _, k := range slices.Sorted(maps.Keys(m.Headers)) {
		b = appendString(appendString(b, k), m.Headers[k])
	}
	b = append(b, byte(m.Message.Kind()))
	return append(b, m.Message.Data()...)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader takes an op's encoding apart; after a mistake it yields zeros.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.data)
	if size <= 0 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[size:]
	return n
}

func (r *reader) text() string {
	n := r.number()
	if n > uint64(len(r.data)) {
		r.bad, r.data = true, nil
		return ""
	}
	s := string(r.data[:n])
	r.data = r.data[n:]
	return s
}

// decodeOp reads what AppendTo of an op of that kind wrote.
func decodeOp(kind byte, data []byte) (journal.Op, error) {
	if kind == opTaken {
		return decodeTaken(data)
	}
	return decodeRetain(kind, data)
}

func decodeRetain(kind byte, data []byte) (*retainOp, error) {
	wrong := fault.New(fault.Corrupt, "a pubsub op of kind %d cannot be read", kind)
	if kind != opRetain && kind != opStamp {
		return nil, wrong
	}
	r := &reader{data: data}
	m := &Message{Retained: true}
	var time uint64
	if kind == opStamp {
		time, m.number, m.node = r.number(), r.number(), r.text()
	}
	op := &retainOp{topic: r.text()}
	m.Topic = op.topic
	at := r.number()
	m.PublishedBy, m.ReplyTo = r.text(), r.text()
	// Each header takes two bytes at least, so a count that lies allocates nothing.
	headers := r.number()
	if headers > uint64(len(r.data))/2 || at > math.MaxInt64 || time > math.MaxInt64 || (m.node != "" && CheckNode(m.node) != nil) {
		return nil, wrong
	}
	m.PublishedAt, m.time = int64(at), int64(time)
	if kind == opRetain {
		m.time = m.PublishedAt
	}
	for range headers {
		if m.Headers == nil {
			m.Headers = make(map[string]string, headers)
		}
		k := r.text()
		m.Headers[k] = r.text()
	}
	if r.bad || len(r.data) == 0 || CheckTopic(op.topic) != nil {
		return nil, wrong
	}
	switch k := value.Kind(r.data[0]); {
	case k > value.Bytes, k == value.None && len(r.data) > 1:
		return nil, wrong
	case k != value.None:
		m.Message = value.Restore(k, string(r.data[1:]))
		op.message = m
	case kind == opStamp:
		m.gone, m.Retained = true, false
		op.message = m
	}
	return op, nil
}
