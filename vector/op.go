package vector

import (
	"encoding/binary"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/vector/collection"
)

// The kinds of ops. The numbers are permanent, and so are the encodings; config, draft and id are as package collection
// writes them, the rest as there.
//
//	configure  ┌────────────┬─────────┬────────┐
//	(1)        │ collection │ created │ config │
//	           └────────────┴─────────┴────────┘
//	drop       ┌──────────────┐
//	(2)        │ collection … │
//	           └──────────────┘
//	put        ┌────────────┬───────┐
//	(3)        │ collection │ draft │
//	           └────────────┴───────┘
//	remove     ┌────────────┬──────────┬──────┬──────────┐
//	(4)        │ collection │ cause u8 │ many │ each: id │
//	           └────────────┴──────────┴──────┴──────────┘
const (
	opConfigure = 1
	opDrop      = 2
	opPut       = 3
	opRemove    = 4
)

// opBytes is about what an op costs in memory besides what it holds.
const opBytes = 96

// configure makes a collection, or changes one.
type configure struct {
	name    string
	created int64
	config  *collection.Config // never changed
}

// Kind implements journal.Op, as do the following methods.
func (*configure) Kind() byte { return opConfigure }

// Target is the collection.
func (op *configure) Target() (string, bool) { return op.name, false }

// Size counts the config.
func (op *configure) Size() int {
	return opBytes + len(op.name) + 128*len(op.config.Vectors) + 64*(len(op.config.Indexes)+len(op.config.Text))
}

// AppendTo writes the box above.
func (op *configure) AppendTo(b []byte) []byte {
	return collection.AppendConfig(appendNumber(appendString(b, op.name), op.created), op.config)
}

// drop deletes a collection with all that is in it.
type drop struct{ name string }

// Kind implements journal.Op, as do the following methods.
func (*drop) Kind() byte { return opDrop }

// Target is the collection.
func (op *drop) Target() (string, bool) { return op.name, false }

// Size counts the name.
func (op *drop) Size() int { return opBytes + len(op.name) }

// AppendTo writes the box above.
func (op *drop) AppendTo(b []byte) []byte { return append(b, op.name...) }

// put puts a point in, in place of the one that has its id.
type put struct {
	name  string
	draft *collection.Draft // never changed
}

// Kind implements journal.Op, as do the following methods.
func (*put) Kind() byte { return opPut }

// Target is the collection.
func (op *put) Target() (string, bool) { return op.name, false }

// Size counts the point.
func (op *put) Size() int {
	n := 2*opBytes + len(op.name) + len(op.draft.Payload) + len(op.draft.Text)
	for _, row := range op.draft.Rows {
		n += len(row.Bytes)
	}
	return n
}

// AppendTo writes the box above.
func (op *put) AppendTo(b []byte) []byte {
	return collection.AppendDraft(appendString(b, op.name), op.draft)
}

// cause is why points leave. The numbers are permanent.
type cause uint8

const (
	deleted cause = 1
	expired cause = 2
)

// remove takes points out. Those that are not there are passed over.
type remove struct {
	name  string
	cause cause
	ids   []collection.ID
}

// Kind implements journal.Op, as do the following methods.
func (*remove) Kind() byte { return opRemove }

// Target is the collection.
func (op *remove) Target() (string, bool) { return op.name, false }

// Size counts the ids.
func (op *remove) Size() int { return opBytes + len(op.name) + 40*len(op.ids) }

// AppendTo writes the box above.
func (op *remove) AppendTo(b []byte) []byte {
	b = binary.AppendUvarint(append(appendString(b, op.name), byte(op.cause)), uint64(len(op.ids)))
	for _, id := range op.ids {
		b = collection.AppendID(b, id)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendNumber appends a number that is never negative.
func appendNumber(b []byte, n int64) []byte { return binary.AppendUvarint(b, uint64(n)) } //nolint:gosec // never negative

// decodeOp reads what AppendTo wrote.
func decodeOp(kind byte, data []byte) (journal.Op, error) {
	r := journal.NewReader(data)
	var op journal.Op
	switch kind {
	case opConfigure:
		op = &configure{name: r.Text(), created: r.Int(), config: collection.ReadConfig(&r)}
	case opDrop:
		op = &drop{name: r.Rest()}
	case opPut:
		op = &put{name: r.Text(), draft: collection.ReadDraft(&r)}
	case opRemove:
		op = readRemove(&r)
	default:
		r.Fail()
	}
	if r.Whole() {
		if name, _ := op.Target(); checkName(name) == nil {
			return op, nil
		}
	}
	return nil, fault.New(fault.Corrupt, "a vector op of kind %d cannot be read", kind)
}

func readRemove(r *journal.Reader) *remove {
	op := &remove{name: r.Text(), cause: cause(r.Byte(byte(expired)))}
	for range r.Count(2) {
		op.ids = append(op.ids, collection.ReadID(r))
	}
	if op.cause == 0 {
		r.Fail()
	}
	return op
}
