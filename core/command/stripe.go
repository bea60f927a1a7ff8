package command

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// What many processors count in one place they fight over: the place is in the cache of one of them at a time, and to fetch it from another's costs
// as much as a small read takes as a whole. So it is in stripes, and everybody keeps to one.

// maxStripes bounds what a striped thing takes of memory; past it, processors share.
const maxStripes = 64

// numStripes is how many there are of everything striped: a power of two, and so many more than processors that two goroutines seldom have the same.
var numStripes = func() int {
	n := 8
	for n < 4*runtime.GOMAXPROCS(0) && n < maxStripes {
		n *= 2
	}
	return n
}()

// ownStripe is the caller's, below numStripes. It goes by where the goroutine's stack is, which costs nothing to find out: one that makes many calls has
// the same one every time, and goes on having the processor that knows it.
func ownStripe() int {
	var here byte
	return stripeAt(uint64(uintptr(unsafe.Pointer(&here)))) //nolint:gosec // its address is all that is wanted
}

// stripeAt is the stripe of who has its stack there. Of two stacks that are next to each other, which is a power of two apart, each has one of its
// own: what is multiplied with is the beginning of the Thue-Morse sequence, in which no digit comes three times in a row, so that no shift of it is
// within an eighth of a whole.
func stripeAt(address uint64) int { return int(address >> 11 * 0x6996_9669_9669_6996 >> stripeShift) } //nolint:gosec // so few bits are left

// stripeShift leaves so many bits that they number the stripes.
var stripeShift = 64 - bits.TrailingZeros(uint(numStripes)) //nolint:gosec // positive

// tally counts what many processors do at once.
type tally []stripedCount

type stripedCount struct {
	n atomic.Uint64
	_ [128 - 8]byte // a cache line pair of its own
}

func newTally() tally { return make(tally, numStripes) }

// mine is the caller's part of the count.
func (t tally) mine() *atomic.Uint64 { return &t[ownStripe()].n }

func (t tally) sum() (n uint64) {
	for i := range t {
		n += t[i].n.Load()
	}
	return n
}
