package hnsw

import (
	"math"
	"slices"
	"sync/atomic"
)

// Twins are vectors that a walk cannot tell apart: the same text that was put in a thousand times. Nothing is nearer to
// one than the others, so left to themselves they would link to each other and to nothing else, and a walk that came to
// them would never leave; and nobody would link to most of them. So an insert looks at few twins, its list is chosen to
// hold few, and a list never lets go of a twin, so that from the first of them all are reached, as in a tree.
const (
	maxTwins  = 4   // of a node that its insert looks at, and that a list takes without being asked to adopt
	adoptions = 256 // nodes that are asked to adopt one
)

// nobody is the self of a walk that is not for a node: no distance equals it.
var nobody = float32(math.NaN())

// distanceToSelf is the distance of the node that s.query is from itself: not quite 0, and the very same for its twins.
func (x *Index) distanceToSelf(s *scratch, id uint32) float32 {
	s.ids = append(s.ids[:0], id)
	distances := s.room(1)
	x.space.Coarse(&s.query, x.rows, s.ids, distances)
	return distances[0]
}

// surplus says whether id, which is as far from the node that a walk is for as that is from itself, is a twin too many.
func (x *Index) surplus(s *scratch, id uint32) bool {
	if id != s.node && x.space.Same(x.rows, s.node, id) {
		s.twins++
	}
	return s.twins > maxTwins
}

// thin takes those of a node's twins out of hits that would make them more than maxTwins; never one that is in had.
func (x *Index) thin(id uint32, self float32, hits []Hit, had []uint32) []Hit {
	twin := func(h Hit) bool { return h.Distance == self && x.space.Same(x.rows, id, h.ID) }
	twins := 0
	for _, h := range hits {
		if twin(h) && slices.Contains(had, h.ID) {
			twins++
		}
	}
	return slices.DeleteFunc(hits, func(h Hit) bool {
		if !twin(h) || slices.Contains(had, h.ID) {
			return false
		}
		twins++
		return twins > maxTwins
	})
}

// adopt has somebody link to a node that none of those near to it has room for: the first from at on with a place, or
// with a link to one that is no twin of its own and that others link to as well. From one that has given half of its
// places to twins it goes on to one of these.
func (x *Index) adopt(s *scratch, id, at uint32) {
	for step := range uint32(adoptions) {
		next, done := x.adoptBy(s, id, at, step)
		if done {
			return
		}
		at = next
	}
}

func (x *Index) adoptBy(s *scratch, id, at, step uint32) (next uint32, done bool) {
	defer x.lock(at).Unlock()
	if at == id || !x.alive.has(at) || !x.alive.has(id) {
		return 0, true // whoever takes the dead away sees to its neighbours
	}
	list := x.links.list(at, 0)
	s.ids = read(list, s.ids[:0])
	if slices.Contains(s.ids, id) {
		return 0, true
	}
	if len(s.ids) < len(list) {
		s.ids = append(s.ids, id)
		atomic.AddUint32(&x.degrees[id], 1)
		write(list, s.ids)
		return 0, true
	}
	var twins []uint32
	place, gone := -1, -1
	for i, other := range s.ids {
		switch {
		case !x.alive.has(other):
			gone = i
		case x.space.Same(x.rows, at, other):
			twins = append(twins, other)
		case atomic.LoadUint32(&x.degrees[other]) > 1:
			place = i
		}
	}
	if len(twins) > len(list)/2 {
		place = -1
	}
	if gone >= 0 {
		place = gone
	}
	if place >= 0 {
		atomic.AddUint32(&x.degrees[s.ids[place]], ^uint32(0))
		atomic.AddUint32(&x.degrees[id], 1)
		s.ids[place] = id
		write(list, s.ids)
		return 0, true
	}
	if len(twins) == 0 {
		twins = s.ids
	}
	turn := (id ^ at<<16 ^ step<<8) * 2654435761 >> 16 // as good as any, and no circle
	return twins[int(turn)%len(twins)], false
}

// resettle sees to it that a dead node's neighbours are found which perhaps only that one linked to: those that nobody links
// to any more, and its twins, the others of which may only link to each other.
func (x *Index) resettle(s *scratch, dead uint32, neighbours []uint32) {
	for _, n := range neighbours {
		if x.alive.has(n) && (atomic.LoadUint32(&x.degrees[n]) == 0 || x.space.Same(x.rows, dead, n)) {
			x.reseat(s, n)
		}
	}
}

// reseat sees to it that a node is found: if a walk does not come by it, the nearest of those that the walk does find
// adopts it.
func (x *Index) reseat(s *scratch, id uint32) {
	x.space.From(&s.query, x.rows, id)
	s.node, s.self = id, nobody
	start, ok := x.descend(s, 0)
	if !ok {
		return
	}
	s.hits = append(s.hits[:0], start)
	x.walk(s, s.hits, 0, x.options.M)
	if len(s.pool) > 0 && !slices.ContainsFunc(s.pool, func(c candidate) bool { return c.id == id }) {
		x.adopt(s, id, s.pool[0].id)
	}
}
