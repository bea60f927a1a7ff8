package journal

import (
	"encoding/binary"
	"math"
)

// Reader takes apart what an op or a saved entry was encoded as, from its beginning to its end. After a mistake all that
// it yields is zero, so that its user reads on and asks just once, at the end, whether all was well. A length that lies
// allocates nothing, and nothing that is returned is a part of what is read, except by Bytes.
type Reader struct {
	data []byte
	bad  bool
}

// NewReader returns a reader of the encoding.
func NewReader(data []byte) Reader { return Reader{data: data} }

// Fail says that what was read cannot be: from then on it is a mistake.
func (r *Reader) Fail() { r.bad, r.data = true, nil }

// Bad reports whether there was a mistake.
func (r *Reader) Bad() bool { return r.bad }

// More reports whether there is more to read.
func (r *Reader) More() bool { return len(r.data) > 0 }

// Whole reports whether all was read, and without a mistake.
func (r *Reader) Whole() bool { return !r.bad && len(r.data) == 0 }

// Number reads an unsigned varint.
func (r *Reader) Number() uint64 {
	n, size := binary.Uvarint(r.data)
	if size <= 0 {
		r.Fail()
		return 0
	}
	r.data = r.data[size:]
	return n
}

// UpTo reads a number that is at most that.
func (r *Reader) UpTo(most uint64) uint64 {
	n := r.Number()
	if n > most {
		r.Fail()
		return 0
	}
	return n
}

// Int reads a number that fits an int64 and is not negative, as times are.
func (r *Reader) Int() int64 { return int64(r.UpTo(math.MaxInt64)) } //nolint:gosec // it fits

// Count reads how many things follow, of which each takes so many bytes at least.
func (r *Reader) Count(each int) int {
	n := r.Number()
	if n > uint64(len(r.data)/each) { //nolint:gosec // lengths are not negative
		r.Fail()
		return 0
	}
	return int(n) //nolint:gosec // at most len(data)
}

// Byte reads one byte, which is at most that.
func (r *Reader) Byte(most byte) byte {
	if len(r.data) == 0 || r.data[0] > most {
		r.Fail()
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

// Flag reads a byte that is 0 or 1.
func (r *Reader) Flag() bool { return r.Byte(1) == 1 }

// Bytes reads a length and so many bytes, which belong to what is read.
func (r *Reader) Bytes() []byte {
	n := r.Count(1)
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

// Text reads what Bytes does.
func (r *Reader) Text() string { return string(r.Bytes()) }

// TextLike is Text for what is probably equal to before, which it returns then: it allocates nothing, and shares it.
func (r *Reader) TextLike(before string) string {
	b := r.Bytes()
	if string(b) == before {
		return before
	}
	return string(b)
}

// Rest reads everything to the end.
func (r *Reader) Rest() string {
	s := string(r.data)
	r.data = nil
	return s
}
