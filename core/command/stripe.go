package command

import (
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
	n := 1
	for n < 4*runtime.GOMAXPROCS(0) && n < maxStripes {
		n *= 2
	}
	return n
}()

// ownStripe is the caller's, below n, which is a power of two. It goes by where the goroutine's stack is, which costs nothing to find out: one that
// makes many calls has the same one every time, and goes on having the processor that knows it.
func ownStripe(n int) int {
	var here byte
	return int(uint64(uintptr(unsafe.Pointer(&here))>>11)*0x9E3779B97F4A7C15>>32) & (n - 1) //nolint:gosec // its address is all that is wanted
}

// tally counts what many processors do at once.
type tally []stripedCount

type stripedCount struct {
	n atomic.Uint64
	_ [128 - 8]byte // a cache line pair of its own
}

func newTally() tally { return make(tally, numStripes) }

// mine is the caller's part of the count.
func (t tally) mine() *atomic.Uint64 { return &t[ownStripe(len(t))].n }

func (t tally) sum() (n uint64) {
	for i := range t {
		n += t[i].n.Load()
	}
	return n
}
