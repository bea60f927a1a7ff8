package distance

import (
	"bytes"
	"fmt"
	"math"
	"unsafe"

	"github.com/hivellm/synap-go/core/fault"
)

// Limits of a Space.
const (
	// MaxDim is the largest dimension: the sum of that many products of bytes still fits 32 bits.
	MaxDim = 65_536
	// MaxComponent is the largest magnitude of a component: the square of a vector's length still fits a float32.
	MaxComponent = 1e15
	maxFloat16   = 65_504
)

// chunk is what kernels work on at once, and a multiple of what a part of a row takes: they have no tail.
// The bytes after a vector's last component are zeros, which change no distance.
const chunk = 64

// Space is a metric, an element type and a dimension: how vectors become rows, and how far rows are.
//
//	row    ┌─────────────────────────┬──────────────────────────┐
//	       │ coarse part             │ rest                     │   each a multiple of 64 bytes
//	       └─────────────────────────┴──────────────────────────┘
//	float32     the upper 16 bits of      the lower 16 bits of
//	            each, rounded             each, as a signed number
//	float16     the float16s              -
//	int8        the bytes                 -
//	bit         the bits                  -
//	with Walk   the int8s or bits         the vector as float32s, float16s or bytes
//
// A walk through a graph reads just the coarse part: half of a float32, which is exact to three
// digits, and the whole of the other types. What it finds is measured again with both parts. The
// upper and the lower half of a float32 make the very number that was given: upper<<16 + lower.
//
// Beside a row is its Head: two numbers that belong to the whole vector.
//
// A Space is immutable.
type Space struct {
	metric  Metric
	element Element
	walk    Element // the type of the coarse part; Float32 stands for upper halves
	dim     int
	rest    int // where the rest begins: the length of the coarse part
	size    int // of a row
}

// Head is what belongs to a whole vector.
//
// Factor is what a row of bytes is multiplied with: 1/|bytes| under cosine, else the scale. Of floats
// it is 1. Extra is the length of the given vector under cosine, and the squared length of a row
// of bytes under euclidean; else 0.
type Head struct{ Factor, Extra float32 }

// NewSpace returns a Space. walk, if not 0, is the type of a smaller copy for walks: Int8 or Bit,
// smaller than element.
func NewSpace(dim int, metric Metric, element, walk Element) (*Space, error) {
	if dim < 1 || dim > MaxDim {
		return nil, fault.New(fault.Invalid, "the dimension is %d, and has to be 1 to %d", dim, MaxDim)
	}
	if metric < Cosine || metric > Hamming {
		return nil, fault.New(fault.Invalid, "there is no %v", metric)
	}
	if element < Float32 || element > Bit {
		return nil, fault.New(fault.Invalid, "there is no %v", element)
	}
	if (metric == Hamming) != (element == Bit) {
		return nil, fault.New(fault.Invalid, "%v does not compare %v elements: hamming is for bit, and bit for hamming", metric, element)
	}
	if walk != 0 && (walk != Int8 && walk != Bit || walk <= element) {
		return nil, fault.New(fault.Invalid, "a walk over %v elements cannot use %v: it has to be int8 or bit, and smaller", element, walk)
	}
	s := &Space{metric: metric, element: element, walk: walk, dim: dim}
	switch {
	case walk != 0:
		s.rest = padded(dim, walk)
		s.size = s.rest + padded(dim, element)
	case element == Float32:
		s.walk = Float32
		s.rest = padded(dim, Float16)
		s.size = 2 * s.rest
	default:
		s.walk = element
		s.rest = padded(dim, element)
		s.size = s.rest
	}
	return s, nil
}

func padded(dim int, e Element) int {
	bits := dim
	switch e {
	case Float32:
		bits *= 32
	case Float16:
		bits *= 16
	case Int8:
		bits *= 8
	}
	return (bits + 8*chunk - 1) / (8 * chunk) * chunk
}

// floats is how many bytes a query of float32s takes that is as long as what Fine reads of a row.
func (s *Space) floats() int {
	switch {
	case s.element == Float32 && !s.copied():
		return 2 * s.rest
	case s.element == Float16:
		return 2 * (s.size - s.fine())
	case s.element == Int8:
		return 4 * (s.size - s.fine())
	}
	return padded(s.dim, Float32)
}

// Dim returns the dimension.
func (s *Space) Dim() int { return s.dim }

// Metric returns the metric.
func (s *Space) Metric() Metric { return s.metric }

// Element returns the element type.
func (s *Space) Element() Element { return s.element }

// Walk returns the type of the copy for walks; 0 if there is none.
func (s *Space) Walk() Element {
	if s.copied() {
		return s.walk
	}
	return 0
}

// Size returns the length of a row in bytes; its Head is not in it.
func (s *Space) Size() int { return s.size }

// copied says whether the coarse part is a smaller copy, and the rest the whole vector.
func (s *Space) copied() bool { return s.walk != s.element }

// Rescores says whether what a walk measures has to be measured again: not if it saw all there is.
func (s *Space) Rescores() bool { return s.element != Bit }

// Same says whether the coarse parts of two rows are the same: whatever is measured is as far from one as from the other.
func (s *Space) Same(rows *Rows, a, b uint32) bool {
	return rows.Head(a).Factor == rows.Head(b).Factor && bytes.Equal(rows.Row(a)[:s.rest], rows.Row(b)[:s.rest])
}

// Check says what is wrong with a vector for this Space: its dimension, a number that is none or too
// large, or a length of zero under cosine, which has no direction.
func (s *Space) Check(v []float32) error {
	if len(v) != s.dim {
		return fault.New(fault.Invalid, "the vector has %d components, and has to have %d", len(v), s.dim)
	}
	most := float32(MaxComponent)
	if s.element == Float16 && s.metric != Cosine {
		most = maxFloat16
	}
	nothing := true
	for i, c := range v {
		if !(c <= most && c >= -most) { // written so that NaN is refused
			if c != c {
				return fault.New(fault.Invalid, "component %d of the vector is not a number", i)
			}
			return fault.New(fault.Invalid, "component %d of the vector is %v, and may be at most %g either way for %v", i, c, most, s.element)
		}
		nothing = nothing && c == 0
	}
	if s.metric == Cosine && (nothing || !(length(v) > 0)) {
		return fault.New(fault.Invalid, "the vector is zero, which has no direction: cosine cannot compare it")
	}
	return nil
}

func length(v []float32) float64 {
	sum := 0.0
	for _, c := range v {
		sum += float64(c) * float64(c)
	}
	return math.Sqrt(sum)
}

// Encode writes v, which Check finds right, into row, which has Size bytes.
func (s *Space) Encode(row []byte, v []float32) Head {
	head := Head{Factor: 1}
	unit := 1.0
	if s.metric == Cosine {
		l := length(v)
		unit = 1 / l
		head.Extra = float32(l)
	}
	clear(row)
	switch {
	case s.element == Float32 && !s.copied():
		upper, lower := view[uint16](row[:s.rest]), view[int16](row[s.rest:])
		for i, c := range v {
			upper[i], lower[i] = split(float32(float64(c) * unit))
		}
		return head
	case s.element == Float32:
		full := view[float32](row[s.rest:])
		for i, c := range v {
			full[i] = float32(float64(c) * unit)
		}
	case s.element == Float16:
		full := view[uint16](row[s.fine():])
		for i, c := range v {
			full[i] = toFloat16(float32(float64(c) * unit))
		}
	case s.element == Int8:
		head = s.encodeInt8(row[s.fine():], v, head.Extra)
	case s.element == Bit:
		encodeBits(row, v)
	}
	if s.copied() {
		switch s.walk {
		case Int8:
			// The scale of the copy is its own, and the length goes with the whole vector.
			head.Factor = s.encodeInt8(row[:s.rest], v, head.Extra).Factor
			if s.metric == Euclidean {
				head.Extra = squares(view[int8](row[:s.rest]), head.Factor)
			}
		case Bit:
			encodeBits(row, v)
		}
	}
	return head
}

// fine is where the part begins that holds the vector as it was given.
func (s *Space) fine() int {
	if s.copied() {
		return s.rest
	}
	return 0
}

// encodeInt8 rounds to bytes: the largest magnitude becomes 127. long is the vector's length under cosine.
func (s *Space) encodeInt8(row []byte, v []float32, long float32) Head {
	most := float32(0)
	for _, c := range v {
		most = max(most, c, -c)
	}
	codes := view[int8](row)
	if most == 0 {
		return Head{}
	}
	to := 127 / float64(most)
	sum := 0
	for i, c := range v {
		code := int8(math.RoundToEven(float64(c) * to))
		codes[i] = code
		sum += int(code) * int(code)
	}
	scale := float32(1 / to)
	switch s.metric {
	case Cosine:
		return Head{Factor: float32(1 / math.Sqrt(float64(sum))), Extra: long}
	case Euclidean:
		return Head{Factor: scale, Extra: squares(codes, scale)}
	}
	return Head{Factor: scale}
}

func squares(codes []int8, scale float32) float32 {
	sum := 0
	for _, c := range codes {
		sum += int(c) * int(c)
	}
	return float32(float64(sum) * float64(scale) * float64(scale))
}

func encodeBits(row []byte, v []float32) {
	for i, c := range v {
		if c > 0 {
			row[i>>3] |= 1 << (i & 7)
		}
	}
}

// Decode writes the vector of a row into v, which has Dim components: what was given, as exactly as
// the element type keeps it. Under cosine float32s come back to within rounding; else as given.
func (s *Space) Decode(v []float32, row []byte, head Head) {
	unit := float32(1)
	if s.metric == Cosine {
		unit = head.Extra
	}
	switch {
	case s.element == Float32 && !s.copied():
		upper, lower := view[uint16](row[:s.rest]), view[int16](row[s.rest:])
		for i := range v {
			v[i] = join(upper[i], lower[i]) * unit
		}
	case s.element == Float32:
		full := view[float32](row[s.rest:])
		for i := range v {
			v[i] = full[i] * unit
		}
	case s.element == Float16:
		full := view[uint16](row[s.fine():])
		for i := range v {
			v[i] = fromFloat16(full[i]) * unit
		}
	case s.element == Int8:
		codes := view[int8](row[s.fine():])
		for i := range v {
			v[i] = float32(codes[i]) * head.Factor * unit
		}
	case s.element == Bit:
		for i := range v {
			v[i] = float32(row[i>>3] >> (i & 7) & 1)
		}
	}
}

// CheckRow says whether bytes from outside can be a row of this Space with its head: the length is right
// and no number in it would poison a distance.
func (s *Space) CheckRow(row []byte, head Head) error {
	if len(row) != s.size {
		return fault.New(fault.Corrupt, "a stored vector has %d bytes, and has to have %d", len(row), s.size)
	}
	finite := func(x float32) bool { return x <= math.MaxFloat32 && x >= 0 }
	if !finite(head.Factor) || !finite(head.Extra) {
		return fault.New(fault.Corrupt, "the head of a stored vector holds %v and %v", head.Factor, head.Extra)
	}
	v := make([]float32, s.dim)
	s.Decode(v, row, head)
	for i, c := range v {
		if !(c <= math.MaxFloat32 && c >= -math.MaxFloat32) {
			return fault.New(fault.Corrupt, "component %d of a stored vector is %v", i, c)
		}
	}
	return nil
}

// String describes the space for people: "384 x float32, cosine".
func (s *Space) String() string {
	text := fmt.Sprintf("%d x %v, %v", s.dim, s.element, s.metric)
	if s.copied() {
		text += fmt.Sprintf(", walked as %v", s.walk)
	}
	return text
}

// split takes a float32 apart: the upper half is rounded to the nearest, so the lower half is signed.
func split(c float32) (upper uint16, lower int16) {
	bits := math.Float32bits(c)
	return uint16((bits + 0x8000) >> 16), int16(bits)
}

func join(upper uint16, lower int16) float32 {
	return math.Float32frombits(uint32(upper)<<16 + uint32(int32(lower)))
}

// view reads bytes as numbers of another type. Rows are allocated as bytes but kept where numbers may be read:
// every part begins at a multiple of 64, and Rows aligns the first.
func view[T int8 | uint16 | int16 | float32](b []byte) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(t)))
}
