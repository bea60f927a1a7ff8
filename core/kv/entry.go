package kv

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// The kinds of saved entries. The numbers are permanent, and so are the encodings:
//
//	key    ┌──────────┬─────────────┬─────────────┬────────────┬─────────────┬──────────┬───────────────┐
//	(1)    │ 1, u8    │ version, uv │ expires, uv │ before, uv │ key, string │ kind, u8 │ data … to end │
//	       └──────────┴─────────────┴─────────────┴────────────┴─────────────┴──────────┴───────────────┘
//	piece  ┌──────────┬─────────────┬─────────────┬───────────────┐
//	(2)    │ 2, u8    │ before, uv  │ key, string │ data … to end │
//	       └──────────┴─────────────┴─────────────┴───────────────┘
//	void   ┌──────────┬──────────────┐
//	(3)    │ 3, u8    │ key … to end │
//	       └──────────┴──────────────┘
//
// uv is an unsigned varint; a string is its length as uv and its bytes. expires is in Unix milliseconds, 0 for never.
// kind is a value.Kind.
//
// A key is one entry with its whole value, unless the value is long. Then pieces of the data come first, in order, and
// the rest in the entry of the key; before is how many bytes of the value came in earlier entries. A void
// takes the pieces of a key back: the value was replaced before all of it was saved, and the journal has the new one.
const (
	entryKey   = 1
	entryPiece = 2
	entryVoid  = 3
)

// entry is a saved entry, taken apart. Its key and data are parts of what it was read from.
type entry struct {
	kind    byte
	key     []byte
	before  uint64 // bytes of the value in earlier entries
	data    []byte
	version uint64 // the rest is of keys only, as in item
	expires int64
	value   value.Kind
}

// appendKey appends the entry of an item, with the data from before on.
func appendKey(b []byte, it *item, before int) []byte {
	b = append(b, entryKey)
	b = binary.AppendUvarint(b, it.version)
	b = binary.AppendUvarint(b, uint64(it.expires)) //nolint:gosec // never negative
	b = binary.AppendUvarint(b, uint64(before))     //nolint:gosec // never negative
	b = binary.AppendUvarint(b, uint64(len(it.key)))
	b = append(b, it.key...)
	b = append(b, byte(it.value.Kind()))
	return append(b, it.value.Data()[before:]...)
}

// appendPiece appends the entry of a piece of an item's data.
func appendPiece(b []byte, it *item, before, end int) []byte {
	b = append(b, entryPiece)
	b = binary.AppendUvarint(b, uint64(before)) //nolint:gosec // never negative
	b = binary.AppendUvarint(b, uint64(len(it.key)))
	b = append(b, it.key...)
	return append(b, it.value.Data()[before:end]...)
}

// appendVoid appends the entry that takes the pieces of a key back.
func appendVoid(b []byte, key string) []byte { return append(append(b, entryVoid), key...) }

// readEntry takes an entry apart. That text is UTF-8 and JSON is JSON was seen to when it was written.
func readEntry(b []byte) (entry, error) {
	var e entry
	ok := len(b) > 0
	if ok {
		e.kind = b[0]
		switch e.kind {
		case entryKey:
			ok = e.readKey(b[1:])
		case entryPiece:
			ok = e.readPiece(b[1:])
		case entryVoid:
			e.key = b[1:]
		default:
			ok = false
		}
	}
	if !ok || len(e.key) == 0 || len(e.key) > largestMaxKeyBytes || !utf8.Valid(e.key) || e.before > largestMaxValueBytes {
		return entry{}, fault.New(fault.Corrupt, "a saved entry of a key cannot be read")
	}
	return e, nil
}

func (e *entry) readKey(b []byte) (ok bool) {
	var n int
	if e.version, n = binary.Uvarint(b); n <= 0 || e.version == 0 {
		return false
	}
	if e.expires, b, ok = readTime(b[n:]); !ok {
		return false
	}
	if b, ok = e.readName(b); !ok || len(b) == 0 {
		return false
	}
	e.value, e.data = value.Kind(b[0]), b[1:]
	return e.value != value.None && e.value <= value.Bytes
}

func (e *entry) readPiece(b []byte) (ok bool) {
	e.data, ok = e.readName(b)
	return ok && len(e.data) > 0
}

// readName reads before and the key.
func (e *entry) readName(b []byte) (rest []byte, ok bool) {
	var n int
	if e.before, n = binary.Uvarint(b); n <= 0 {
		return nil, false
	}
	b = b[n:]
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) { //nolint:gosec // n is at most len(b)
		return nil, false
	}
	end := n + int(length) //nolint:gosec // at most len(b)
	e.key = b[n:end]
	return b[end:], true
}

// mark is where Save goes on. It lives no longer than the process:
//
//	┌────────────┬──────────────┬──────────────┐
//	│ before, uv │ written, uv  │ key … to end │
//	└────────────┴──────────────┴──────────────┘
type mark struct {
	key     string // the last key that was saved, or whose value is being saved
	before  int    // how many bytes of its value were saved; 0 when it is done with
	written uint32 // which value that was
}

func (m mark) encode() []byte {
	b := binary.AppendUvarint(nil, uint64(m.before)) //nolint:gosec // never negative
	b = binary.AppendUvarint(b, uint64(m.written))
	return append(b, m.key...)
}

func readMark(b []byte) mark {
	before, n := binary.Uvarint(b)
	written, m := binary.Uvarint(b[max(n, 0):])
	if n <= 0 || m <= 0 || before > math.MaxInt64 {
		return mark{} // nothing that Save returned: it begins anew
	}
	return mark{key: string(b[n+m:]), before: int(before), written: uint32(written)} //nolint:gosec // encode wrote it
}
