package hnsw

import (
	"slices"
	"sync"
	"sync/atomic"
)

// stripes is how many locks the nodes share.
const stripes = 512

// graph is what an Index has beside its vectors when it is not flat.
type graph struct {
	links *links

	// entry is the id plus 1 of a node on the highest level; 0 if nobody is alive.
	entry atomic.Uint32
	// entryMu is held while a node is linked that is higher than the entry, until it is the entry.
	entryMu sync.Mutex

	// degrees[id] is how many level-0 lists hold id, whether it is alive or not. No list lets go of the last
	// link to a node that is alive, so every node can be found.
	degrees []uint32

	nodes [stripes]sync.Mutex // a node's lists are changed with nodes[id%stripes] held; one at a time
	swept atomic.Uint32       // where the last sweep ended
}

func (g *graph) lock(id uint32) *sync.Mutex {
	mu := &g.nodes[id%stripes]
	mu.Lock()
	return mu
}

// enter returns the node that walks begin at.
func (x *Index) enter() (uint32, bool) {
	at := x.entry.Load()
	if at == 0 || !x.alive.has(at-1) {
		return 0, false
	}
	return at - 1, true
}

// link makes the vector of an id part of the graph. It is alive and nobody links to it but by chance; mu is held shared.
func (x *Index) link(s *scratch, id uint32) {
	x.space.From(&s.query, x.rows, id)
	level := x.links.level(id)
	x.entryMu.Lock()
	entry, ok := x.enter()
	if !ok {
		x.entry.Store(id + 1)
		x.entryMu.Unlock()
		return
	}
	top := x.links.level(entry)
	if level > top {
		defer x.entryMu.Unlock()
	} else {
		x.entryMu.Unlock()
	}
	start, ok := x.descend(s, min(level, top))
	if !ok {
		start = Hit{ID: entry, Distance: 0}
	}
	s.hits = append(s.hits[:0], start)
	s.node, s.self = id, x.distanceToSelf(s, id)
	defer func() { s.self = nobody }()
	for l := min(level, top); l >= 0; l-- {
		x.walk(s, s.hits, l, x.options.EfConstruction)
		s.hits = s.hits[:0]
		for _, c := range s.pool {
			if c.id != id {
				s.hits = append(s.hits, Hit{ID: c.id, Distance: c.distance})
			}
		}
		s.merged = append(s.merged[:0], s.hits...)
		chosen := slices.Clone(x.choose(s, s.merged, x.options.M, true))
		x.join(s, id, l, chosen)
		placed, twins := false, false
		for _, c := range chosen {
			ok := x.join(s, c.ID, l, []Hit{{ID: id, Distance: c.Distance}})
			twin := c.Distance == s.self
			placed, twins = placed || ok && (twin || !twins), twins || twin
		}
		if l == 0 && !placed && len(chosen) > 0 {
			x.adopt(s, id, chosen[0].ID)
		}
	}
	if level > top {
		x.entry.Store(id + 1)
	}
}

// join adds neighbours, with their distances from the node, to a node's list. A list that would grow too long is
// chosen anew; that leaves it shorter than it may be, so the next few fit without choosing. It says whether the last of
// more is in the list then.
func (x *Index) join(s *scratch, id uint32, level int, more []Hit) bool {
	defer x.lock(id).Unlock()
	if !x.alive.has(id) {
		return false // it died since it was found: a dead node's lists stay empty
	}
	list := x.links.list(id, level)
	s.ids = read(list, s.ids[:0])
	had := len(s.ids)
	for _, h := range more {
		if h.ID != id && !slices.Contains(s.ids, h.ID) && x.alive.has(h.ID) {
			s.ids = append(s.ids, h.ID)
		}
	}
	if len(s.ids) == had {
		return len(more) > 0 && slices.Contains(s.ids, more[len(more)-1].ID)
	}
	if len(s.ids) <= len(list) {
		if level == 0 {
			for _, added := range s.ids[had:] {
				atomic.AddUint32(&x.degrees[added], 1)
			}
		}
		write(list, s.ids)
		return true
	}
	x.rechoose(s, id, level, s.ids, had)
	return slices.Contains(s.ids, more[len(more)-1].ID)
}

// rechoose makes a node's list the best of ids, of which the first had are in the list now. The node's lock is held,
// and ids is s.ids.
func (x *Index) rechoose(s *scratch, id uint32, level int, ids []uint32, had int) {
	list := x.links.list(id, level)
	n := 0
	old := slices.Clone(ids[:had])
	for _, other := range ids {
		if x.alive.has(other) {
			ids[n] = other
			n++
		}
	}
	ids = append(ids[:n], id)
	x.space.From(&s.stored, x.rows, id)
	distances := s.room(n + 1)
	x.space.Coarse(&s.stored, x.rows, ids, distances)
	s.merged = s.merged[:0]
	for i, other := range ids[:n] {
		s.merged = append(s.merged, Hit{ID: other, Distance: distances[i]})
	}
	slices.SortFunc(s.merged, nearer)
	s.merged = x.thin(id, distances[n], s.merged, old)
	chosen := x.choose(s, s.merged, len(list), false)
	s.ids = s.ids[:0]
	for _, c := range chosen {
		s.ids = append(s.ids, c.ID)
	}
	if level == 0 {
		for _, other := range s.ids {
			if !slices.Contains(old, other) {
				atomic.AddUint32(&x.degrees[other], 1)
			}
		}
		dropped := slices.DeleteFunc(old, func(other uint32) bool { return slices.Contains(s.ids, other) })
		for _, other := range dropped {
			if atomic.AddUint32(&x.degrees[other], ^uint32(0)) == 0 && x.alive.has(other) {
				x.keepLast(s, other, len(list))
			}
		}
	}
	write(list, s.ids)
}

// keepLast puts a node back into s.ids, a list of at most limit, that nobody else links to; if there is no room, in
// place of the last one that others link to as well.
func (x *Index) keepLast(s *scratch, id uint32, limit int) {
	if len(s.ids) < limit {
		s.ids = append(s.ids, id)
		atomic.AddUint32(&x.degrees[id], 1)
		return
	}
	for i := len(s.ids) - 1; i >= 0; i-- {
		if other := s.ids[i]; atomic.LoadUint32(&x.degrees[other]) > 1 {
			s.ids[i] = id
			atomic.AddUint32(&x.degrees[other], ^uint32(0))
			atomic.AddUint32(&x.degrees[id], 1)
			return
		}
	}
}
