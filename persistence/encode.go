package persistence

import (
	"encoding/binary"
	"math"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// The payload of a record of the log. uv is an unsigned varint; a string is its length as uv and its bytes. The
// numbers are permanent. See format.md.
//
//	one change    ┌───────┬───────────────┬───────────────┬──────────┬──────────────┐
//	              │ 1, u8 │ namespace, uv │ structure, u8 │ kind, u8 │ op … to end  │
//	              └───────┴───────────────┴───────────────┴──────────┴──────────────┘
//	many changes  ┌───────┬───────────┬──────────────────────────────────────────────────────────┬────────────┐
//	              │ 2, u8 │ count, uv │ count times: namespace, structure, kind, length u32, op  │ answer     │
//	              └───────┴───────────┴──────────────────────────────────────────────────────────┴────────────┘
//	answer        ┌───────┐ or ┌───────┬──────────┬────────────────┬─────────────┬─────────────────┬─────────────┬──────────────┐
//	              │ 0, u8 │    │ 1, u8 │ born, uv │ caller, string │ key, string │ command, string │ digest, 32B │ JSON … end   │
//	              └───────┘    └───────┴──────────┴────────────────┴─────────────┴─────────────────┴─────────────┴──────────────┘
//
// born is in Unix milliseconds. An answer is what a caller with an idempotency key was told.
const (
	oneChange   = 1
	manyChanges = 2
)

// appendRecord appends the payload of the record.
func appendRecord(b []byte, rec *journal.Record) []byte {
	if rec.Len() == 1 && rec.Answer == nil {
		b = append(b, oneChange)
		for c := range rec.Changes() {
			b = binary.AppendUvarint(b, uint64(c.Namespace))
			b = c.Op.AppendTo(append(b, c.Structure, c.Op.Kind()))
		}
		return b
	}
	b = binary.AppendUvarint(append(b, manyChanges), uint64(rec.Len())) //nolint:gosec // never negative
	for c := range rec.Changes() {
		b = binary.AppendUvarint(b, uint64(c.Namespace))
		b = append(b, c.Structure, c.Op.Kind(), 0, 0, 0, 0)
		start := len(b)
		b = c.Op.AppendTo(b)
		binary.LittleEndian.PutUint32(b[start-4:], uint32(len(b)-start)) //nolint:gosec // far below, see MaxPayload
	}
	return appendAnswer(b, rec.Answer)
}

func appendAnswer(b []byte, a *journal.Answer) []byte {
	if a == nil {
		return append(b, 0)
	}
	b = binary.AppendUvarint(append(b, 1), uint64(a.Born)) //nolint:gosec // never negative
	for _, s := range [...]string{a.Caller, a.Key, a.Command} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return append(append(b, a.Digest[:]...), a.Value...)
}

// DecodeOp reads an op of a structure back.
type DecodeOp func(structure, kind uint8, data []byte) (journal.Op, error)

// decodeRecord reads what appendRecord wrote. It keeps nothing of data.
func decodeRecord(seq uint64, data []byte, decode DecodeOp) (*journal.Record, error) {
	rec := &journal.Record{Seq: seq}
	r := reader{data: data}
	switch r.byte() {
	case oneChange:
		namespace, structure, kind := r.address()
		if r.bad {
			return nil, unreadable(seq)
		}
		op, err := decode(structure, kind, r.data)
		if err != nil {
			return nil, err
		}
		rec.Add(journal.Change{Namespace: namespace, Structure: structure, Op: op})
		return rec, nil
	case manyChanges:
		for n := r.number(); n > 0 && !r.bad; n-- {
			namespace, structure, kind := r.address()
			body := r.take(r.length())
			if r.bad {
				return nil, unreadable(seq)
			}
			op, err := decode(structure, kind, body)
			if err != nil {
				return nil, err
			}
			rec.Add(journal.Change{Namespace: namespace, Structure: structure, Op: op})
		}
		if rec.Answer = r.answer(); !r.bad && rec.Len() > 0 {
			return rec, nil
		}
	}
	return nil, unreadable(seq)
}

func unreadable(seq uint64) error {
	return fault.New(fault.Corrupt, "record %d cannot be read: its checksum is right, and it makes no sense to this program", seq).
		With("sequence", seq)
}

// reader takes a payload apart. After a mistake it is bad, and yields zeros.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) fail() {
	r.bad, r.data = true, nil
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.data)) {
		r.fail()
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) byte() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.data)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[size:]
	return n
}

func (r *reader) length() uint64 {
	if b := r.take(4); b != nil {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return 0
}

func (r *reader) text() string { return string(r.take(r.number())) }

func (r *reader) address() (namespace uint32, structure, kind uint8) {
	n := r.number()
	if n > math.MaxUint32 {
		r.fail()
	}
	return uint32(n), r.byte(), r.byte() //nolint:gosec // or it is bad
}

func (r *reader) answer() *journal.Answer {
	switch r.byte() {
	case 0:
		if len(r.data) > 0 {
			r.fail()
		}
		return nil
	case 1:
		a := &journal.Answer{}
		born := r.number()
		if born > math.MaxInt64 {
			r.fail()
		}
		a.Born = int64(born) //nolint:gosec // or it is bad
		a.Caller, a.Key, a.Command = r.text(), r.text(), r.text()
		copy(a.Digest[:], r.take(uint64(len(a.Digest))))
		a.Value = append([]byte(nil), r.data...)
		return a
	}
	r.fail()
	return nil
}
