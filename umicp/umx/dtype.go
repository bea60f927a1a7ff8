package umx

import (
	"fmt"
	"math/bits"
)

// DType is the type of a tensor's elements. The numbers are permanent.
type DType uint8

// The element types. 0 to 7 are the encodings of the family's JSON envelopes.
const (
	Float32 DType = iota
	Float64
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Int8
	Int16
	Float16
	BFloat16
	Bool       // a byte each, 0 or 1
	Bit        // packed, the lowest bit first, a row padded to a byte
	Float8E4M3 // the variant without infinities ("fn")
	Float8E5M2
	Int4 // packed, the low nibble first, a row padded to a byte

	dtypes // one more than the last
)

var dtypeNames = [dtypes]string{
	"float32", "float64", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "float16", "bfloat16",
	"bool", "bit", "float8_e4m3fn", "float8_e5m2", "int4",
}

var dtypeBits = [dtypes]uint8{32, 64, 32, 64, 8, 16, 32, 64, 8, 16, 16, 16, 8, 1, 8, 8, 4}

// DTypes returns the names of all element types, by number.
func DTypes() []string { return append([]string(nil), dtypeNames[:]...) }

// String returns the type's name.
func (d DType) String() string {
	if d < dtypes {
		return dtypeNames[d]
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// Bits is the size of one element.
func (d DType) Bits() int { return int(dtypeBits[d]) }

// itemBytes is the size of one element; 0 of those that share a byte.
func (d DType) itemBytes() int { return int(dtypeBits[d]) / 8 }

// Layout is the order of a tensor's elements.
type Layout uint8

// The layouts.
const (
	RowMajor    Layout = iota
	ColumnMajor        // only of elements that are whole bytes
	PaddedRows         // row-major, every row padded to a multiple of 64
	layouts
)

// sizeOf is how many bytes a tensor of that shape takes; an error when that is not a number of bytes that can be.
func sizeOf(d DType, layout Layout, dims []uint64) (uint64, error) {
	if d >= dtypes {
		return 0, unsupported("element type %d is not understood", uint8(d))
	}
	if layout >= layouts || (layout == ColumnMajor && d.itemBytes() == 0) || (layout == PaddedRows && len(dims) == 0) {
		return 0, invalid("a %s tensor of rank %d has no layout %d", d, len(dims), uint8(layout))
	}
	rows, last := uint64(1), uint64(1)
	overflow := false
	for i, dim := range dims {
		if i == len(dims)-1 {
			last = dim
			break
		}
		hi, lo := bits.Mul64(rows, dim)
		rows, overflow = lo, overflow || hi != 0
	}
	hi, rowBits := bits.Mul64(last, uint64(d.Bits())) //nolint:gosec // at most 64
	overflow = overflow || hi != 0 || rowBits > 1<<62
	row := (rowBits + 7) / 8
	if layout == PaddedRows {
		row = padded(row)
	}
	hi, size := bits.Mul64(rows, row)
	if overflow || hi != 0 || size > 1<<62 {
		return 0, invalid("a tensor of %v has more elements than can be", dims)
	}
	return size, nil
}
