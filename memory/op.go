package memory

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/memory/embed"
	"github.com/hivellm/synap-go/vector/text"
)

// The ops. Their numbers are permanent, and so are the encodings. Numbers are uvarints, strings a length and their bytes; a stamp is a time in Unix
// milliseconds and two strings, who and which key; floats are IEEE 754, 32 bits, little-endian,
// and together a vector of length 1.
//
//	put     ┌────────────┬────────┬──────────┬───────────────────────────────────────────────────────────────┐
//	        │ collection │ number │ flags u8 │ content …                                                     │
//	        └────────────┴────────┴──────────┴───────────────────────────────────────────────────────────────┘
//	embed   ┌────────┬──────────────┬───────┬────────────────────────────┬──────────┐
//	        │ number │ text version │ model │ how many bytes of floats   │ floats … │
//	        └────────┴──────────────┴───────┴────────────────────────────┴──────────┘
//	remove  ┌────────────┬──────────┬───────────┐
//	        │ collection │ how many │ numbers … │
//	        └────────────┴──────────┴───────────┘
//	clear   ┌──────────────┐
//	        │ collection … │
//	        └──────────────┘
//
//	content ┌──────┬──────────┬────────┬────────┬─────────┬─────────┐
//	        │ text │ metadata │ source │ stored │ updated │ expires │
//	        └──────┴──────────┴────────┴────────┴─────────┴─────────┘
//
// Bit 0 of flags says that the text is new: then the version of the record becomes the text's, and a vector of an older text goes. Metadata is a JSON object, or
// empty. The text version of embed says which text the vector is of, and does nothing to another; 0 is the text that the same record put.
const (
	opPut    = 1
	opEmbed  = 2
	opRemove = 3
	opClear  = 4

	flagNewText = 1
)

// content is what a put and a saved entry hold of a memory.
type content struct {
	text     string
	metadata *metadata
	source   string
	stored   stamp
	updated  stamp
	expires  int64
}

type (
	put struct {
		collection string
		number     uint64
		newText    bool
		content

		terms *text.Terms // the words of the text, when they are known; not encoded
	}
	embedOp struct {
		collection  string // not encoded; for followers on this server
		number      uint64
		textVersion uint64
		model       string
		vector      []float32
	}
	remove struct {
		collection string
		numbers    []uint64
	}
	clearOp struct{ collection string }
)

// Kind implements journal.Op, as do the following methods of the ops.
func (*put) Kind() byte     { return opPut }
func (*embedOp) Kind() byte { return opEmbed }
func (*remove) Kind() byte  { return opRemove }
func (*clearOp) Kind() byte { return opClear }

// Target is the collection.
func (op *put) Target() (string, bool)     { return op.collection, false }
func (op *embedOp) Target() (string, bool) { return op.collection, false }
func (op *remove) Target() (string, bool)  { return op.collection, false }
func (op *clearOp) Target() (string, bool) { return op.collection, false }

// Size counts what the ops hold on to.
func (op *put) Size() int {
	return 200 + len(op.collection) + len(op.text) + len(op.metadata.json()) + len(op.source) + len(op.stored.by) + len(op.updated.by)
}
func (op *embedOp) Size() int { return 96 + 4*len(op.vector) }
func (op *remove) Size() int  { return 64 + len(op.collection) + 8*len(op.numbers) }
func (op *clearOp) Size() int { return 32 + len(op.collection) }

// AppendTo writes the box above.
func (op *put) AppendTo(b []byte) []byte {
	b = binary.AppendUvarint(appendString(b, op.collection), op.number)
	flags := byte(0)
	if op.newText {
		flags = flagNewText
	}
	return op.appendTo(append(b, flags))
}

// AppendTo writes the box above.
func (op *embedOp) AppendTo(b []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, op.number), op.textVersion)
	return appendFloats(appendString(b, op.model), op.vector)
}

// AppendTo writes the box above.
func (op *remove) AppendTo(b []byte) []byte {
	b = binary.AppendUvarint(appendString(b, op.collection), uint64(len(op.numbers)))
	for _, n := range op.numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// AppendTo writes the box above.
func (op *clearOp) AppendTo(b []byte) []byte { return append(b, op.collection...) }

func (c *content) appendTo(b []byte) []byte {
	b = appendString(appendString(appendString(b, c.text), c.metadata.json()), c.source)
	return appendTime(c.updated.appendTo(c.stored.appendTo(b)), c.expires)
}

func (s *stamp) appendTo(b []byte) []byte {
	return appendString(appendString(appendTime(b, s.at), s.by), s.key)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTime(b []byte, at int64) []byte { return binary.AppendUvarint(b, uint64(at)) } //nolint:gosec // never negative

func appendFloats(b []byte, v []float32) []byte {
	b = binary.AppendUvarint(b, uint64(4*len(v)))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// decodeOp reads what AppendTo wrote.
func decodeOp(kind byte, data []byte) (journal.Op, error) {
	r := journal.NewReader(data)
	var op journal.Op
	switch kind {
	case opPut:
		p := &put{collection: readCollection(&r), number: readNumber(&r)}
		p.newText = r.Byte(flagNewText) == flagNewText
		p.content = readContent(&r)
		op = p
	case opEmbed:
		op = &embedOp{number: readNumber(&r), textVersion: r.Number(), model: r.Text(), vector: readFloats(&r)}
		if e := op.(*embedOp); e.vector == nil || e.model == "" {
			r.Fail()
		}
	case opRemove:
		o := &remove{collection: readCollection(&r)}
		for range r.Count(1) {
			o.numbers = append(o.numbers, readNumber(&r))
		}
		op = o
	case opClear:
		o := &clearOp{collection: r.Rest()}
		if checkCollection(o.collection) != nil {
			r.Fail()
		}
		op = o
	default:
		r.Fail()
	}
	if !r.Whole() {
		return nil, fault.New(fault.Corrupt, "a memory op of kind %d cannot be read", kind)
	}
	return op, nil
}

func readCollection(r *journal.Reader) string {
	name := r.Text()
	if checkCollection(name) != nil {
		r.Fail()
	}
	return name
}

func readNumber(r *journal.Reader) uint64 {
	n := r.Number()
	if n == 0 {
		r.Fail()
	}
	return n
}

func readContent(r *journal.Reader) (c content) {
	c.text = r.Text()
	m, ok := parseMetadata(r.Text())
	c.metadata = m
	c.source = r.Text()
	c.stored, c.updated, c.expires = readStamp(r), readStamp(r), r.Int()
	if !ok || c.text == "" || len(c.text) > MaxTextBytes || !utf8.ValidString(c.text) {
		r.Fail()
	}
	return c
}

func readStamp(r *journal.Reader) stamp { return stamp{at: r.Int(), by: r.Text(), key: r.Text()} }

// readFloats reads a vector; nil when there is none.
func readFloats(r *journal.Reader) []float32 {
	b := r.Bytes()
	if len(b)%4 != 0 || len(b) > 4*embed.MaxDimension {
		r.Fail()
		return nil
	}
	if len(b) == 0 {
		return nil
	}
	v, some := make([]float32, len(b)/4), false
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		some = some || v[i] != 0
		if !(v[i] >= -2 && v[i] <= 2) { // all are of length 1; so no NaN is let through
			r.Fail()
		}
	}
	if !some {
		r.Fail()
	}
	return v
}
