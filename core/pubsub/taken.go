package pubsub

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/hivellm/synap-go/core/fault"
)

// opTaken is that messages of another server were taken in, and which: so many numbers, from page*4096 on, of a life of it. The number
// and the encoding are permanent:
//
//	┌──────────────┬─────────────┬─────────────┬──────────┬───────────┬──────────────────────────────┐
//	│ node, string │ run, string │ at, uv      │ page, uv │ words,    │ as many u64 LE as words has  │
//	│              │             │ millisecond │          │ u64 LE    │ bits, none of them 0 … end   │
//	└──────────────┴─────────────┴─────────────┴──────────┴───────────┴──────────────────────────────┘
//
// Bit i of words says that the i-th word of the page's 64 is there; bit j of that is the number page*4096 + 64*i + j. With nothing
// after run, all of that life is forgotten. Applied twice, or over what came later, it is the same: bits are only added, and what is
// behind the window of the highest is gone.
type takenOp struct {
	node, run string
	at        int64
	page      uint64
	bits      page
}

const opTaken = 3

// maxPage is the last page that there are numbers in.
const maxPage = math.MaxUint64 / pageNumbers

// Kind implements journal.Op, as do the following methods.
func (*takenOp) Kind() byte { return opTaken }

func (op *takenOp) key() string { return sourceKey(op.node, op.run) }

// forgets reports whether it takes nothing in.
func (op *takenOp) forgets() bool { return op.bits == page{} }

// Target is the source, which is no topic.
func (op *takenOp) Target() (string, bool) { return op.key(), false }

// Size counts the page.
func (op *takenOp) Size() int { return pageBytes + len(op.node) + len(op.run) }

// AppendTo writes the box above.
func (op *takenOp) AppendTo(b []byte) []byte {
	b = appendString(appendString(b, op.node), op.run)
	if op.forgets() {
		return b
	}
	b = binary.AppendUvarint(b, uint64(op.at)) //nolint:gosec // never negative
	b = binary.AppendUvarint(b, op.page)
	words := uint64(0)
	for i, word := range op.bits {
		if word != 0 {
			words |= 1 << i
		}
	}
	b = binary.LittleEndian.AppendUint64(b, words)
	for _, word := range op.bits {
		if word != 0 {
			b = binary.LittleEndian.AppendUint64(b, word)
		}
	}
	return b
}

// decodeTaken reads what AppendTo wrote.
func decodeTaken(data []byte) (*takenOp, error) {
	wrong := fault.New(fault.Corrupt, "a pubsub op of kind %d cannot be read", opTaken)
	r := &reader{data: data}
	op := &takenOp{node: r.text(), run: r.text()}
	if r.bad || CheckNode(op.node) != nil || CheckNode(op.run) != nil {
		return nil, wrong
	}
	if len(r.data) == 0 {
		return op, nil
	}
	at := r.number()
	op.page = r.number()
	if r.bad || at > math.MaxInt64 || op.page > maxPage || len(r.data) < 8 {
		return nil, wrong
	}
	op.at = int64(at)
	words := binary.LittleEndian.Uint64(r.data)
	rest := r.data[8:]
	if words == 0 || len(rest) != 8*bits.OnesCount64(words) {
		return nil, wrong
	}
	for ; words != 0; words &= words - 1 {
		word := binary.LittleEndian.Uint64(rest)
		if word == 0 {
			return nil, wrong
		}
		op.bits[bits.TrailingZeros64(words)] = word
		rest = rest[8:]
	}
	return op, nil
}
