package umx

import (
	"math"
)

// The descriptor of a tensor:
//
//	 0      1      2      3      4      5      6             8
//	┌──────┬──────┬──────┬──────┬──────┬──────┬─────────────┬──────────────────────────┐
//	│dtype │rank  │layout│codec │tflags│zero_p│name_idx u16 │dims                u64×4 │
//	├──────┴──────┴──────┴──────┴──────┴──────┴─────────────┼──────────────────────────┤ 40
//	│offset, from the body's start                      u64 │stored_bytes          u64 │
//	├───────────────────────────────────────────────────────┼──────────────────────────┤ 56
//	│crc32c of the decoded bytes                        u32 │scale                 f32 │
//	└───────────────────────────────────────────────────────┴──────────────────────────┘ 64
//
// Unused dims are 1. How many bytes a tensor has follows from its type and dims and is never taken from the wire.
const descriptorBytes = 64

// NoName is the name index of a tensor that has no name.
const NoName = 0xFFFF

// TensorFlags are bits of a tensor's descriptor.
type TensorFlags uint8

// The flags. Every other bit is zero.
const (
	TensorCRC  TensorFlags = 1 // the checksum of the decoded bytes is given
	Normalised TensorFlags = 2 // every row has the length 1
	Scaled     TensorFlags = 4 // a tensor of the same name with ".scale" holds a scale for each row
	Sorted     TensorFlags = 8

	knownTensorFlags = TensorCRC | Normalised | Scaled | Sorted
)

// shuffled marks a codec whose input had its elements' first bytes put together, then their second bytes, ….
const shuffled = 0x80

// Tensor is an array of numbers of one type.
type Tensor struct {
	DType     DType
	Rank      uint8
	Layout    Layout
	Flags     TensorFlags
	ZeroPoint int8   // of quantised elements: value = scale * (element - zero point)
	Name      uint16 // an index into the message's list of names, or NoName
	Dims      [MaxRank]uint64
	Scale     float32

	// Data is the elements, little-endian, decompressed. Decoded, it is a part of the frame unless it was compressed.
	Data []byte

	codec  Codec // with the shuffled bit
	offset uint64
	stored uint64
	crc    uint32
}

// NewTensor returns a dense row-major tensor without a name over data, which is not copied.
func NewTensor(d DType, data []byte, dims ...uint64) Tensor {
	t := Tensor{DType: d, Rank: uint8(len(dims)), Name: NoName, Data: data} //nolint:gosec // checked when it is encoded
	t.setDims(dims)
	return t
}

func (t *Tensor) setDims(dims []uint64) {
	t.Dims = [MaxRank]uint64{1, 1, 1, 1}
	copy(t.Dims[:], dims)
}

// Shape is the dims that are used.
func (t *Tensor) Shape() []uint64 { return t.Dims[:t.Rank] }

// Size is how many bytes the tensor has by its type and dims.
func (t *Tensor) Size() (uint64, error) {
	return sizeOf(t.DType, t.Layout, t.Dims[:min(t.Rank, MaxRank)])
}

// Elements is how many there are.
func (t *Tensor) Elements() uint64 {
	n := uint64(1)
	for _, d := range t.Shape() {
		n *= d
	}
	return n
}

// parse reads a descriptor and checks what can be checked without the others; limit bounds the decoded size.
func (t *Tensor) parse(b []byte, limit uint64) (size uint64, err error) {
	b = b[:descriptorBytes:descriptorBytes]
	*t = Tensor{
		DType: DType(b[0]), Rank: b[1], Layout: Layout(b[2]), codec: Codec(b[3]), Flags: TensorFlags(b[4]), ZeroPoint: int8(b[5]),
		Name: le.Uint16(b[6:]), offset: le.Uint64(b[40:]), stored: le.Uint64(b[48:]), crc: le.Uint32(b[56:]),
		Scale: math.Float32frombits(le.Uint32(b[60:])),
	}
	for i := range t.Dims {
		t.Dims[i] = le.Uint64(b[8+8*i:])
		if i >= int(t.Rank) && t.Dims[i] != 1 {
			return 0, invalid("dim %d of a tensor of rank %d is %d, not 1", i, t.Rank, t.Dims[i])
		}
	}
	switch {
	case t.Rank > MaxRank:
		return 0, invalid("rank %d is more than %d", t.Rank, MaxRank)
	case t.Flags&^knownTensorFlags != 0:
		return 0, invalid("the tensor has flags that are reserved: %#02x", uint8(t.Flags&^knownTensorFlags))
	}
	if size, err = t.Size(); err != nil {
		return 0, err
	}
	kind := t.codec &^ shuffled
	switch {
	case size > limit:
		return 0, errorf(BufferOverflow, "a tensor of %d bytes is larger than the %d that are left of the message's limit", size, limit)
	case kind == None && t.stored != size:
		return 0, invalid("a tensor of %d bytes is stored in %d", size, t.stored)
	case !kind.known():
		return 0, unsupported("codec %d is not understood", uint8(kind))
	case kind != None && !plausible(t.stored, size):
		return 0, errorf(DecompressionFailed, "a buffer of %d bytes for a tensor of %d is packed more than %d times", t.stored, size, maxRatio)
	case t.codec&shuffled != 0 && (kind == None || t.DType.itemBytes() < 2):
		return 0, invalid("bytes of %s under codec %d are not shuffled", t.DType, uint8(kind))
	}
	return size, nil
}

func (t *Tensor) put(b []byte) {
	b = b[:descriptorBytes:descriptorBytes]
	b[0], b[1], b[2], b[3], b[4], b[5] = byte(t.DType), t.Rank, byte(t.Layout), byte(t.codec), byte(t.Flags), byte(t.ZeroPoint)
	le.PutUint16(b[6:], t.Name)
	for i, d := range t.Dims {
		le.PutUint64(b[8+8*i:], d)
	}
	le.PutUint64(b[40:], t.offset)
	le.PutUint64(b[48:], t.stored)
	le.PutUint32(b[56:], t.crc)
	le.PutUint32(b[60:], math.Float32bits(t.Scale))
}

// check refuses to encode what no decoder would take.
func (t *Tensor) check() error {
	if t.Rank > MaxRank {
		return invalid("rank %d is more than %d", t.Rank, MaxRank)
	}
	size, err := t.Size()
	if err == nil && size != uint64(len(t.Data)) {
		err = invalid("a %s tensor of %v has %d bytes, not %d", t.DType, t.Shape(), size, len(t.Data))
	}
	return err
}
