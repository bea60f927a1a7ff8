package collection

import (
	"math/bits"

	"github.com/hivellm/synap-go/vector/distance"
)

// flat is a table of rows that is searched exactly. A row has a position, which it keeps until it leaves or pack moves
// it; a new one gets the lowest that is free, so that what is in use keeps together. The collection's lock guards it.
type flat struct {
	space  *distance.Space
	rows   *distance.Rows
	slotOf []uint32 // by position
	used   []uint64 // a bit for each position
	low    int      // every word of used before this one is full
	count  int      // rows
	blocks []int    // rows by block
	held   int      // blocks that have any
}

func newFlat(space *distance.Space) *flat {
	return &flat{space: space, rows: distance.NewRows(space, flatBlock(space))}
}

// flatBlock is how many rows a block of the table has: about 256 KiB of them, so that blocks of a table that drains are
// soon empty.
func flatBlock(space *distance.Space) int {
	n := 64
	for n < 4096 && n*space.Size() < 1<<18 {
		n *= 2
	}
	return n
}

// put adds a row.
func (f *flat) put(slot uint32, row Row) (at int32) {
	for f.low < len(f.used) && ^f.used[f.low] == 0 {
		f.low++
	}
	if f.low == len(f.used) {
		f.used = append(f.used, 0)
		f.slotOf = append(f.slotOf, make([]uint32, 64)...)
	}
	bit := bits.TrailingZeros64(^f.used[f.low])
	position := uint32(f.low*64 + bit) //nolint:gosec // at most MaxPoints
	f.used[f.low] |= 1 << bit
	if !f.rows.Has(position) {
		f.rows.Grow(position)
	}
	copy(f.rows.Row(position), row.Bytes)
	*f.rows.Head(position) = row.Head
	f.slotOf[position] = slot
	f.count++
	b := int(position) / f.rows.PerBlock()
	for len(f.blocks) <= b {
		f.blocks = append(f.blocks, 0)
	}
	if f.blocks[b]++; f.blocks[b] == 1 {
		f.held++
	}
	return int32(position) //nolint:gosec // at most MaxPoints
}

// remove frees a position, and gives a block back that has become empty.
func (f *flat) remove(at int32) {
	word := int(at) / 64
	f.used[word] &^= 1 << (at % 64)
	f.low = min(f.low, word)
	b := int(at) / f.rows.PerBlock()
	if f.blocks[b]--; f.blocks[b] == 0 {
		f.held--
		f.rows.Drop(b)
	}
	if f.count--; f.count == 0 {
		*f = *newFlat(f.space)
	}
}

// row is the row at a position, shared.
func (f *flat) row(at int32) Row {
	position := uint32(at) //nolint:gosec // not negative
	return Row{f.rows.Row(position), *f.rows.Head(position)}
}

// loose reports whether the table is worth packing: less than half of its blocks' places are in use.
func (f *flat) loose() bool { return f.held > 1 && f.count*2 < f.held*f.rows.PerBlock() }

// pack moves the rows of the last block to free positions before it, and tells moved of each.
func (f *flat) pack(moved func(slot uint32, at int32)) {
	per := f.rows.PerBlock()
	last := len(f.blocks) - 1
	for f.blocks[last] == 0 {
		last--
	}
	for position := last * per; position < min((last+1)*per, len(f.slotOf)); position++ {
		if f.used[position/64]&(1<<(position%64)) == 0 {
			continue
		}
		at := int32(position) //nolint:gosec // at most MaxPoints
		to := f.put(f.slotOf[position], f.row(at))
		moved(f.slotOf[position], to)
		f.remove(at)
	}
	words := last * per / 64
	f.blocks, f.used, f.slotOf = f.blocks[:last], f.used[:words:words], f.slotOf[:words*64:words*64]
	f.low = min(f.low, words)
}

// list appends the slots and the positions of the rows from a position on, a multiple of 64, until there are atMost or a
// few more, and returns where to go on; -1 when these were the last.
func (f *flat) list(from, atMost int, slots, positions []uint32) (next int, s, p []uint32) {
	word := from / 64
	for ; word < len(f.used) && len(slots) < atMost; word++ {
		for set := f.used[word]; set != 0; set &= set - 1 {
			position := uint32(word*64 + bits.TrailingZeros64(set)) //nolint:gosec // at most MaxPoints
			slots, positions = append(slots, f.slotOf[position]), append(positions, position)
		}
	}
	if word >= len(f.used) {
		return -1, slots, positions
	}
	return word * 64, slots, positions
}

// slots returns the slots of all rows, and their positions.
func (f *flat) slots() (slots, positions []uint32) {
	for next := 0; next >= 0; {
		next, slots, positions = f.list(next, len(slots)+4096, slots, positions)
	}
	return slots, positions
}

func (f *flat) bytes() int64 {
	return int64(f.rows.Bytes()) + 4*int64(cap(f.slotOf)) + 8*int64(cap(f.used))
}
