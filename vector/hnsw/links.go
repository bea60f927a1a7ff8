package hnsw

import (
	"math"
	"sync/atomic"

	"github.com/hivellm/synap-go/vector/distance"
)

// maxLevel is the highest level there is: with M of 2 it is reached by one node of 65,536.
const maxLevel = 16

// links are the edges of the graph, in blocks of words beside those of the rows.
//
// A node has one list of up to 2M links on level 0, and one of up to M on each level over it that it
// reaches. A word is 0, or an id plus 1; a list ends at its first 0. Words are read and written one by one,
// atomically, and lists are read without a lock: a reader may see a list half changed, and walks
// the graph as it was a moment before or will be a moment later. Whoever changes a list holds the node's lock.
//
// A link may lead to a node that is dead or was put elsewhere since: a list is never searched for all who link
// to a node when it dies, only its surroundings are. Readers pass over the dead, and a sweep removes such links.
type links struct {
	m          int
	shift      uint8
	thresholds [maxLevel + 1]uint64 // a node reaches level l if its hash is under thresholds[l]

	base    [][]uint32 // 2M words for each slot
	upper   [][]uint32 // M words for each list over level 0
	upperAt [][]uint16 // for each slot, the number of its first list in upper
}

func newLinks(m, perBlock int) *links {
	l := &links{m: m}
	for 1<<l.shift < perBlock {
		l.shift++
	}
	for level := 1; level <= maxLevel; level++ {
		l.thresholds[level] = uint64(math.Ldexp(math.Pow(float64(m), -float64(level)), 64))
	}
	return l
}

// level is how high a node reaches. It depends on the id alone, so that a replica builds the same graph
// and nothing has to be kept. One node of M reaches level 1, one of those M level 2.
func (l *links) level(id uint32) int {
	h := uint64(id) + 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	level := 0
	for level < maxLevel && h < l.thresholds[level+1] {
		level++
	}
	return level
}

// cover makes room for all slots that rows have.
func (l *links) cover(rows *distance.Rows) {
	for block := range rows.Blocks() {
		l.grow(block, rows.Slots(block))
	}
}

// grow gives a block room for n slots.
func (l *links) grow(block, n int) {
	for len(l.base) <= block {
		l.base, l.upper, l.upperAt = append(l.base, nil), append(l.upper, nil), append(l.upperAt, nil)
	}
	if n*2*l.m <= len(l.base[block]) {
		return
	}
	base := make([]uint32, n*2*l.m)
	copy(base, l.base[block])
	lists := 0
	at := make([]uint16, n)
	for i := range at {
		at[i] = uint16(lists)
		lists += l.level(uint32(block<<l.shift + i))
	}
	upper := make([]uint32, lists*l.m)
	copy(upper, l.upper[block])
	l.base[block], l.upper[block], l.upperAt[block] = base, upper, at
}

// drop gives a block's memory back.
func (l *links) drop(block int) { l.base[block], l.upper[block], l.upperAt[block] = nil, nil, nil }

// bytes is how much memory is held.
func (l *links) bytes() int {
	n := 0
	for b := range l.base {
		n += 4*len(l.base[b]) + 4*len(l.upper[b]) + 2*len(l.upperAt[b]) + 3*24
	}
	return n
}

// list returns the words of a node on a level that it reaches.
func (l *links) list(id uint32, level int) []uint32 {
	block, i := id>>l.shift, int(id&(1<<l.shift-1))
	if level == 0 {
		return l.base[block][i*2*l.m : (i+1)*2*l.m : (i+1)*2*l.m]
	}
	at := (int(l.upperAt[block][i]) + level - 1) * l.m
	return l.upper[block][at : at+l.m : at+l.m]
}

// linked returns the id at a place of a list; false is its end.
func linked(list []uint32, i int) (id uint32, ok bool) {
	w := atomic.LoadUint32(&list[i])
	return w - 1, w != 0
}

// read appends the ids of a list to ids.
func read(list []uint32, ids []uint32) []uint32 {
	for i := range list {
		id, ok := linked(list, i)
		if !ok {
			break
		}
		ids = append(ids, id)
	}
	return ids
}

// write makes a list hold ids, of which there are not too many. The node's lock is held.
func write(list []uint32, ids []uint32) {
	for i, id := range ids {
		atomic.StoreUint32(&list[i], id+1)
	}
	for i := len(ids); i < len(list) && list[i] != 0; i++ {
		atomic.StoreUint32(&list[i], 0)
	}
}
