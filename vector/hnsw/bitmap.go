package hnsw

import (
	"math/bits"
	"sync/atomic"
)

// bitmap is a set of ids. Its words are read and changed atomically; growing it needs the Index for oneself.
type bitmap []uint32

func (b bitmap) has(id uint32) bool {
	w := int(id >> 5)
	return w < len(b) && atomic.LoadUint32(&b[w])>>(id&31)&1 != 0
}

func (b bitmap) set(id uint32)   { atomic.OrUint32(&b[id>>5], 1<<(id&31)) }
func (b bitmap) clear(id uint32) { atomic.AndUint32(&b[id>>5], ^uint32(1<<(id&31))) }

// word returns the ids from 32*w on as bits.
func (b bitmap) word(w int) uint32 {
	if w >= len(b) {
		return 0
	}
	return atomic.LoadUint32(&b[w])
}

// none says whether no id of from to to, both multiples of 32, is in the set.
func (b bitmap) none(from, to int) bool {
	for w := from / 32; w < min(to/32, len(b)); w++ {
		if b.word(w) != 0 {
			return false
		}
	}
	return true
}

// grow makes room for an id.
func (b bitmap) grow(id uint32) bitmap {
	if need := int(id>>5) + 1; need > len(b) {
		larger := make(bitmap, max(need, min(2*len(b), len(b)+1<<14), 4))
		copy(larger, b)
		return larger
	}
	return b
}

func (b bitmap) len() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount32(w)
	}
	return n
}
