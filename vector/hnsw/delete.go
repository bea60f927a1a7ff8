package hnsw

import (
	"math/bits"
	"slices"
	"sync/atomic"
)

// sweepPerDelete is how many nodes each delete looks over for links to the dead. So the links that a delete did
// not find are gone when the next n/sweepPerDelete nodes have been deleted.
const sweepPerDelete = 64

// Delete removes the vector under an id, and says whether there was one. Its neighbours are linked with each other.
// The memory is for the next vector under the id; when all ids of a block are dead the block is given back.
func (x *Index) Delete(id uint32) bool {
	owner := &x.owners[id%owners]
	owner.Lock()
	defer owner.Unlock()
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	if !x.remove(s, id) {
		return false
	}
	x.release(id)
	return true
}

// remove makes an id dead and closes the hole in the graph. The id's owner is held.
func (x *Index) remove(s *scratch, id uint32) bool {
	x.mu.RLock()
	alive := x.alive.has(id)
	x.mu.RUnlock()
	if !alive {
		return false
	}
	// Alone for a moment: afterwards nobody is left who saw the id alive and may still read its row.
	x.mu.Lock()
	x.alive.clear(id)
	x.count.Add(-1)
	if !x.options.Flat && x.entry.Load() == id+1 {
		x.entry.Store(x.highest(id))
	}
	x.mu.Unlock()
	if x.options.Flat {
		return true
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	for level := x.links.level(id); level >= 0; level-- {
		x.unlink(s, id, level)
	}
	x.sweep(s)
	return true
}

// highest returns the id plus 1 of a living node on the highest level that one is on, for an entry that died; 0 if
// all are dead. mu is held exclusively. Mostly a neighbour of the old entry will do; else all ids are looked at,
// which takes a few ms for a million and happens once in as many deletes.
func (x *Index) highest(dead uint32) uint32 {
	level := x.links.level(dead)
	for _, id := range read(x.links.list(dead, level), nil) {
		if x.alive.has(id) {
			return id + 1
		}
	}
	best, top := uint32(0), -1
	for w := range x.alive {
		for set := x.alive.word(w); set != 0; set &= set - 1 {
			id := uint32(w*32 + bits.TrailingZeros32(set))
			if l := x.links.level(id); l > top {
				best, top = id+1, l
			}
		}
	}
	return best
}

// unlink takes a dead node out of a level. Who links to it is found among its neighbours and theirs; each of them may
// link to its neighbours instead (as FreshDiskANN does, arXiv 2105.09613), and its neighbours keep
// someone who links to them.
func (x *Index) unlink(s *scratch, id uint32, level int) {
	unlock := x.lock(id)
	list := x.links.list(id, level)
	neighbours := read(list, nil)
	write(list, nil)
	unlock.Unlock()

	around := slices.Clone(neighbours)
	for _, n := range neighbours {
		if level == 0 {
			atomic.AddUint32(&x.degrees[n], ^uint32(0))
		}
		around = read(x.links.list(n, level), around)
	}
	slices.Sort(around)
	around = slices.Compact(around)
	for _, n := range around {
		if n == id || !x.alive.has(n) {
			continue
		}
		x.reconnect(s, n, id, level, neighbours)
	}
	for _, n := range neighbours {
		if x.alive.has(n) {
			x.introduce(s, n, level, neighbours)
		}
	}
	if level == 0 {
		x.resettle(s, id, neighbours)
	}
}

// reconnect makes a node that links to a dead one link to its living neighbours instead, as far as they are good.
func (x *Index) reconnect(s *scratch, n, dead uint32, level int, neighbours []uint32) {
	defer x.lock(n).Unlock()
	s.ids = read(x.links.list(n, level), s.ids[:0])
	had := len(s.ids)
	if !slices.Contains(s.ids, dead) {
		return
	}
	for _, other := range neighbours {
		if other != n && x.alive.has(other) && !slices.Contains(s.ids, other) {
			s.ids = append(s.ids, other)
		}
	}
	x.rechoose(s, n, level, s.ids, had)
}

// introduce makes the nearest two of a dead node's neighbours link to one of them, so that nobody was only
// known by the dead node.
func (x *Index) introduce(s *scratch, n uint32, level int, neighbours []uint32) {
	s.ids = s.ids[:0]
	for _, other := range neighbours {
		if other != n && x.alive.has(other) {
			s.ids = append(s.ids, other)
		}
	}
	if len(s.ids) == 0 {
		return
	}
	x.space.From(&s.stored, x.rows, n)
	distances := s.room(len(s.ids))
	x.space.Coarse(&s.stored, x.rows, s.ids, distances)
	s.hits = s.hits[:0]
	for i, other := range s.ids {
		s.hits = append(s.hits, Hit{ID: other, Distance: distances[i]})
	}
	slices.SortFunc(s.hits, nearer)
	for _, h := range s.hits[:min(2, len(s.hits))] {
		x.join(s, h.ID, level, []Hit{{ID: n, Distance: h.Distance}})
	}
}

// sweep looks over the next few nodes and takes links to the dead from their lists.
func (x *Index) sweep(s *scratch) {
	to := x.swept.Add(sweepPerDelete)
	for id := to - sweepPerDelete; id < to; id++ {
		if id >= x.end {
			x.swept.Store(0)
			return
		}
		if !x.alive.has(id) {
			continue
		}
		for level := x.links.level(id); level >= 0; level-- {
			x.forget(s, id, level)
		}
	}
}

// forget takes links to the dead from a node's list.
func (x *Index) forget(s *scratch, id uint32, level int) {
	defer x.lock(id).Unlock()
	list := x.links.list(id, level)
	s.ids = read(list, s.ids[:0])
	n := 0
	for _, other := range s.ids {
		if x.alive.has(other) {
			s.ids[n] = other
			n++
		} else if level == 0 {
			atomic.AddUint32(&x.degrees[other], ^uint32(0))
		}
	}
	if n < len(s.ids) {
		write(list, s.ids[:n])
	}
}

// release gives the block of an id back if it was the last one alive in it.
func (x *Index) release(id uint32) {
	per := x.rows.PerBlock()
	block := int(id) / per
	x.mu.RLock()
	empty := x.alive.none(block*per, (block+1)*per)
	x.mu.RUnlock()
	if !empty {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.alive.none(block*per, (block+1)*per) && x.rows.Has(uint32(block*per)) {
		x.rows.Drop(block)
		if !x.options.Flat {
			x.links.drop(block)
		}
	}
}
