package kv

import (
	"encoding/binary"
	"math"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// The kinds of ops. The numbers are permanent, and so are the encodings:
//
//	put      ┌────────────────┬──────┬──────────────────┬──────────┬───────────────┐
//	(1)      │ key length, uv │ key  │ expires, uv      │ kind, u8 │ data … to end │
//	         └────────────────┴──────┴──────────────────┴──────────┴───────────────┘
//	remove   ┌───────────┬──────────────┐
//	(2)      │ cause, u8 │ key … to end │
//	         └───────────┴──────────────┘
//	touch    ┌─────────────┬──────────────┐
//	(3)      │ expires, uv │ key … to end │
//	         └─────────────┴──────────────┘
//	wipe     ┌─────────────────┐
//	(4)      │ prefix … to end │
//	         └─────────────────┘
//
// uv is an unsigned varint. expires is in Unix milliseconds, 0 for never. kind is a value.Kind.
const (
	opPut    = 1
	opRemove = 2
	opTouch  = 3
	opWipe   = 4
)

// opBytes is about what an op costs in memory besides its strings.
const opBytes = 64

// put sets a key to a value with a deadline.
type put struct {
	key     string
	value   value.Value
	expires int64
}

// Kind implements journal.Op, as do the following methods.
func (*put) Kind() byte { return opPut }

// Target is the key.
func (op *put) Target() (string, bool) { return op.key, false }

// Size counts the key and the value.
func (op *put) Size() int { return opBytes + len(op.key) + op.value.Len() }

// AppendTo writes the box above.
func (op *put) AppendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(op.key)))
	b = append(b, op.key...)
	b = binary.AppendUvarint(b, uint64(op.expires)) //nolint:gosec // never negative
	b = append(b, byte(op.value.Kind()))
	return append(b, op.value.Data()...)
}

// Why a key was removed. The numbers are permanent.
type cause uint8

const (
	deleted cause = 1 // somebody removed it
	expired cause = 2 // its deadline came
)

// remove drops a key.
type remove struct {
	key   string
	cause cause
}

// Kind implements journal.Op, as do the following methods.
func (*remove) Kind() byte { return opRemove }

// Target is the key.
func (op *remove) Target() (string, bool) { return op.key, false }

// Size counts the key.
func (op *remove) Size() int { return opBytes + len(op.key) }

// AppendTo writes the box above.
func (op *remove) AppendTo(b []byte) []byte {
	return append(append(b, byte(op.cause)), op.key...)
}

// touch changes a key's deadline; 0 takes it away.
type touch struct {
	key     string
	expires int64
}

// Kind implements journal.Op, as do the following methods.
func (*touch) Kind() byte { return opTouch }

// Target is the key.
func (op *touch) Target() (string, bool) { return op.key, false }

// Size counts the key.
func (op *touch) Size() int { return opBytes + len(op.key) }

// AppendTo writes the box above.
func (op *touch) AppendTo(b []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(op.expires)), op.key...) //nolint:gosec // never negative
}

// wipe drops every key that begins with a prefix.
type wipe struct {
	prefix string
}

// Kind implements journal.Op, as do the following methods.
func (*wipe) Kind() byte { return opWipe }

// Target is the prefix.
func (op *wipe) Target() (string, bool) { return op.prefix, true }

// Size counts the prefix.
func (op *wipe) Size() int { return opBytes + len(op.prefix) }

// AppendTo writes the box above.
func (op *wipe) AppendTo(b []byte) []byte { return append(b, op.prefix...) }

// decodeOp reads what AppendTo wrote. It keeps nothing of data.
func decodeOp(kind byte, data []byte) (journal.Op, error) {
	switch kind {
	case opPut:
		return decodePut(data)
	case opRemove:
		if len(data) < 2 || (cause(data[0]) != deleted && cause(data[0]) != expired) {
			return nil, corrupt(kind)
		}
		return &remove{key: string(data[1:]), cause: cause(data[0])}, nil
	case opTouch:
		expires, rest, ok := readTime(data)
		if !ok || len(rest) == 0 {
			return nil, corrupt(kind)
		}
		return &touch{key: string(rest), expires: expires}, nil
	case opWipe:
		return &wipe{prefix: string(data)}, nil
	}
	return nil, corrupt(kind)
}

func decodePut(data []byte) (journal.Op, error) {
	length, n := binary.Uvarint(data)
	if n <= 0 || length == 0 || length > uint64(len(data)-n) { //nolint:gosec // n is at most len(data)
		return nil, corrupt(opPut)
	}
	key, rest := data[n:n+int(length)], data[n+int(length):] //nolint:gosec // at most len(data)
	expires, rest, ok := readTime(rest)
	if !ok || len(rest) == 0 {
		return nil, corrupt(opPut)
	}
	kind := value.Kind(rest[0])
	if kind == value.None || kind > value.Bytes {
		return nil, corrupt(opPut)
	}
	op := &put{expires: expires}
	var text string
	op.key, text = pair(key, rest[1:])
	op.value = value.Restore(kind, text)
	return op, nil
}

// shortData is how long data may be to share memory with its key, and how much both may be together. That saves an
// allocation in two, and costs as much memory as the data once the value is replaced and the key stays, or as the key
// once only a copy of the value does (BenchmarkDecodeOp).
const shortData, shortBoth = 64, 128

// pair copies a key and its data.
func pair(key, data []byte) (string, string) {
	if len(data) > shortData || len(key)+len(data) > shortBoth {
		return string(key), string(data)
	}
	var room [shortBoth]byte
	both := string(append(append(room[:0], key...), data...))
	return both[:len(key)], both[len(key):]
}

// readTime reads a time in Unix milliseconds.
func readTime(data []byte) (at int64, rest []byte, ok bool) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n > math.MaxInt64 {
		return 0, nil, false
	}
	return int64(n), data[size:], true
}

func corrupt(kind byte) error {
	return fault.New(fault.Corrupt, "a kv op of kind %d cannot be read", kind)
}
