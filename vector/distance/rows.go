package distance

import "unsafe"

// Rows are where encoded vectors lie: blocks of bytes without a pointer, so the garbage collector has nothing
// to scan. A slot is a place for one row, and numbers begin at 0.
//
// Rows know nothing of locks: who calls sees to it that a row is not measured while it is written, and that
// nobody is in when blocks come or go.
type Rows struct {
	space *Space
	shift uint8 // a full block has 1<<shift slots

	blocks []unsafe.Pointer // the first byte of each block; nil where a block was given back
	heads  [][]Head         // beside them
	slots  []int            // how many slots a block has: all but the first are full or nil
}

// blockBytes is about how large a block is: large enough for huge pages (over blocks of 2 MiB walks took a seventh longer), small
// enough to be given back.
const (
	blockBytes  = 8 << 20
	minPerBlock = 64
	maxPerBlock = 16_384
)

// NewRows returns Rows without a block. perBlock is how many slots a block should have, a power of two;
// 0 leaves it to Rows.
func NewRows(s *Space, perBlock int) *Rows {
	r := &Rows{space: s}
	if perBlock == 0 {
		perBlock = min(max(blockBytes/s.size, minPerBlock), maxPerBlock)
	}
	for 2<<r.shift <= perBlock {
		r.shift++
	}
	return r
}

// PerBlock returns how many slots a full block has.
func (r *Rows) PerBlock() int { return 1 << r.shift }

// Has says whether there is memory for a slot.
func (r *Rows) Has(slot uint32) bool {
	b := int(slot >> r.shift)
	return b < len(r.blocks) && int(slot&(1<<r.shift-1)) < r.slots[b]
}

// Grow makes memory for a slot. The first block begins small and doubles, so that a thousand small
// collections cost little; others are whole.
func (r *Rows) Grow(slot uint32) {
	b := int(slot >> r.shift)
	for len(r.blocks) <= b {
		r.blocks, r.heads, r.slots = append(r.blocks, nil), append(r.heads, nil), append(r.slots, 0)
	}
	n := 1 << r.shift
	if len(r.blocks) == 1 {
		for n = 16; n <= int(slot); n *= 2 {
		}
		n = min(n, 1<<r.shift)
	} else if r.slots[0] > 0 {
		r.resize(0, 1<<r.shift)
	}
	r.resize(b, n)
}

func (r *Rows) resize(b, n int) {
	if n <= r.slots[b] {
		return
	}
	block := aligned(n * r.space.size)
	heads := make([]Head, n)
	if r.slots[b] > 0 {
		copy(block, unsafe.Slice((*byte)(r.blocks[b]), r.slots[b]*r.space.size))
		copy(heads, r.heads[b])
	}
	r.blocks[b], r.heads[b], r.slots[b] = unsafe.Pointer(unsafe.SliceData(block)), heads, n
}

// Drop gives the memory of a block back.
func (r *Rows) Drop(block int) { r.blocks[block], r.heads[block], r.slots[block] = nil, nil, 0 }

// Blocks returns how many blocks there are, given back ones too.
func (r *Rows) Blocks() int { return len(r.blocks) }

// Slots returns how many slots a block has; 0 if it was given back.
func (r *Rows) Slots(block int) int { return r.slots[block] }

// Bytes returns how much memory is held.
func (r *Rows) Bytes() int {
	n := 0
	for _, slots := range r.slots {
		n += slots * (r.space.size + int(unsafe.Sizeof(Head{})))
	}
	return n + len(r.blocks)*(8+24+8)
}

// Row returns the bytes of a slot.
func (r *Rows) Row(slot uint32) []byte {
	return unsafe.Slice((*byte)(r.at(slot)), r.space.size)
}

// Head returns the head of a slot, to read or to write.
func (r *Rows) Head(slot uint32) *Head {
	return &r.heads[slot>>r.shift][slot&(1<<r.shift-1)]
}

func (r *Rows) at(slot uint32) unsafe.Pointer {
	return unsafe.Add(r.blocks[slot>>r.shift], int(slot&(1<<r.shift-1))*r.space.size)
}

// aligned returns n zero bytes that begin at a multiple of 64.
func aligned(n int) []byte {
	b := make([]byte, n+chunk)
	off := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (chunk - 1))
	b = b[off : off+n : off+n]
	advise(b)
	return b
}
