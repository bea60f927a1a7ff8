package vfs

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// sectorBytes is what a disk writes wholly or not at all.
const sectorBytes = 512

// Crash returns what a machine might find after losing power at this moment. m itself goes on.
//
// What was synced is there. Of the rest, chance decides, within these rules:
//
//   - A move (create, rename, remove) happened wholly or not at all. Moves that concern the same name happened
//     in their order: a later one only if the earlier ones did. Moves of different names are independent.
//   - A write happened or not in each 512-byte sector apart from the others, so that any part of it may be missing.
//     Writes to the same sector happened in their order.
//   - A change of a file's size happened or not, apart from the data. Changes of size happened in their order.
//     Cutting a file happened to its size and to all that was cut off at once.
//
// Without rng, nothing survives that was not synced, which is the strictest outcome and the most orderly one.
// The same rng in the same state gives the same outcome.
func (m *Mem) Crash(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	luck := newLuck(rng)
	kept, _ := split(m.moves, func(move) bool { return luck.draw()() })
	found := maps.Clone(m.durable)
	for _, change := range kept {
		change.apply(found)
	}

	after := NewMem()
	after.free = m.free
	for _, name := range slices.Sorted(maps.Keys(found)) {
		n := found[name]
		content := n.outcome(luck)
		after.names[name] = &node{dir: n.dir, modified: n.modified, content: content, synced: content.clone()}
	}
	after.durable = maps.Clone(after.names)
	return after
}

// Kill returns what is left when the process is killed and the machine goes on: everything that was written,
// though what was not synced is still at the mercy of a Crash, and no locks. m itself goes on.
func (m *Mem) Kill() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	copies := map[*node]*node{nil: nil}
	copyOf := func(n *node) *node {
		if _, done := copies[n]; !done {
			copies[n] = &node{dir: n.dir, modified: n.modified,
				content: n.content.clone(), synced: n.synced.clone(), edits: slices.Clone(n.edits)}
		}
		return copies[n]
	}
	copyAll := func(names map[string]*node) map[string]*node {
		copied := make(map[string]*node, len(names))
		for name, n := range names {
			copied[name] = copyOf(n)
		}
		return copied
	}
	after := &Mem{names: copyAll(m.names), durable: copyAll(m.durable), free: m.free}
	for _, change := range m.moves {
		after.moves = append(after.moves, copyAll(change))
	}
	return after
}

// settle makes the moves durable that concern a picked name, and those they rest on. The lock is held.
func (m *Mem) settle(pick func(name string) bool) {
	kept, left := split(m.moves, func(change move) bool {
		for name := range change {
			if pick(name) {
				return true
			}
		}
		return false
	})
	for _, change := range kept {
		change.apply(m.durable)
	}
	m.moves = left
}

// split separates the moves that are chosen, and all earlier ones that concern a name of a later chosen one,
// from the others. Both stay in order.
func split(moves []move, choose func(move) bool) (kept, left []move) {
	needed := map[string]bool{}
	for _, change := range slices.Backward(moves) {
		chosen := choose(change)
		for name := range change {
			chosen = chosen || needed[name]
		}
		if !chosen {
			left = append(left, change)
			continue
		}
		kept = append(kept, change)
		for name := range change {
			needed[name] = true
		}
	}
	slices.Reverse(kept)
	slices.Reverse(left)
	return kept, left
}

// luck decides what of the unsynced survives a crash.
type luck struct {
	rng  *rand.Rand // nil: nothing survives
	mood int        // all survives, nothing survives, or else it depends: the extremes must be likely
}

func newLuck(rng *rand.Rand) luck {
	if rng == nil {
		return luck{}
	}
	return luck{rng: rng, mood: rng.IntN(6)}
}

// draw returns the fate of one operation: a function that decides about each of its parts.
func (l luck) draw() func() bool {
	always := func() bool { return true }
	never := func() bool { return false }
	switch {
	case l.rng == nil || l.mood == 0:
		return never
	case l.mood == 1:
		return always
	}
	switch l.rng.IntN(3) {
	case 0:
		return never
	case 1:
		return always
	}
	return func() bool { return l.rng.IntN(2) == 0 }
}

// remains is what survived of one edit.
type remains struct {
	size    bool
	sectors []int64
}

// outcome returns the content that a crash leaves. Mem.mu is held.
func (n *node) outcome(l luck) sparse {
	content := n.synced.clone()
	size := content.size
	for i, r := range survivors(n.edits, l) {
		e := n.edits[i]
		if r.size {
			size = e.to
		}
		if r.size && e.to < e.from {
			content.resize(min(content.size, e.to))
		}
		for _, sector := range r.sectors {
			from := max(e.offset, sector*sectorBytes)
			to := min(e.offset+int64(len(e.data)), (sector+1)*sectorBytes)
			content.writeAt(e.data[from-e.offset:to-e.offset], from)
		}
	}
	content.resize(size)
	return content
}

// survivors says what remains of each edit. It goes backwards, because what survives needs what was before it.
func survivors(edits []edit, l luck) []remains {
	fates := make([]remains, len(edits))
	sectors := map[int64]bool{}                         // whose earlier changes must have survived
	highest, allFrom := int64(-1), int64(math.MaxInt64) // the highest of these; and from where on it is all of them
	size := false                                       // likewise
	for i, e := range slices.Backward(edits) {
		lucky := l.draw()
		switch {
		case e.to < e.from:
			first := e.to / sectorBytes
			if size = lucky() || size || highest >= first; size {
				allFrom = min(allFrom, first)
			}
			fates[i].size = size
			continue
		case e.to > e.from:
			size = lucky() || size
			fates[i].size = size
		}
		for s := e.offset / sectorBytes; s*sectorBytes < e.offset+int64(len(e.data)); s++ {
			if lucky() || sectors[s] || s >= allFrom {
				fates[i].sectors = append(fates[i].sectors, s)
				sectors[s], highest = true, max(highest, s)
			}
		}
	}
	return fates
}
