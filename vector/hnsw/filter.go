package hnsw

import (
	"math/bits"

	"github.com/hivellm/synap-go/vector/distance"
)

// Filter says which vectors a search is about. The zero Filter means all of them.
type Filter struct {
	// In are the ids that may be meant; nil is all. To ask it costs next to nothing, so a walk steps over what is
	// not in it, and measures none of that. It stays as it is while it is used.
	In Set
	// Count is how many vectors of the Index are in In, if the caller knows; else 0, and they are counted.
	Count int

	// Keep says which of the ids in In are meant; nil is all. It is taken for slow: only an id that is near enough
	// to be found is asked about. The Index is locked meanwhile, so Keep must not call it.
	Keep func(id uint32) bool
	// Share is about which part of the vectors in In is kept, if the caller knows; else 0, and some are asked about.
	Share float64

	// Walk has a search walk even where it is quicker to measure all that is meant.
	Walk bool
}

// all says whether every vector is meant.
func (f *Filter) all() bool { return f.In == nil && f.Keep == nil }

// Set is a set of ids: bit id%64 of word id/64.
type Set []uint64

// Has says whether an id is in the set. A nil Set has none.
func (s Set) Has(id uint32) bool {
	w := int(id >> 6)
	return w < len(s) && s[w]>>(id&63)&1 != 0
}

// word returns the ids from 32*w on as bits.
func (s Set) word(w int) uint32 {
	if w>>1 >= len(s) {
		return 0
	}
	return uint32(s[w>>1] >> (w & 1 * 32)) //nolint:gosec // its lower half
}

// within returns the ids from 32*w on that are alive and in In.
func (x *Index) within(f *Filter, w int) uint32 {
	if f.In == nil {
		return x.alive.word(w)
	}
	return x.alive.word(w) & f.In.word(w)
}

// What a step of a walk under a filter costs, in vectors that could be measured exactly in that time (60,000 real
// sentences of 384 float32, ef 64; a vector took 65 ns). A step through everything measures some 15 vectors, by half
// of their bytes and from all over memory. A step within In looks for so many of it, too, and reads 1/share lists of
// links to find them.
const (
	stepCost   = 20
	withinCost = 40
	listCost   = 1.5
)

// Walks says whether a search for this many candidates walks under a filter, which is when that is quicker than to
// measure all that is meant. It completes the filter's Count and Share.
func (x *Index) Walks(ef int, f *Filter) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.walks(max(ef, 1), f)
}

func (x *Index) walks(ef int, f *Filter) bool {
	n := int(x.count.Load())
	if x.options.Flat || n <= ef {
		return false
	}
	if f.In == nil {
		f.Count = n
	} else if f.Count == 0 {
		for w := range x.alive {
			f.Count += bits.OnesCount32(x.within(f, w))
		}
	}
	if f.Count <= ef {
		return false
	}
	if f.Keep == nil {
		f.Share = 1
	} else if f.Share == 0 {
		f.Share = x.probe(f)
	}
	if f.Walk {
		return true
	}
	step := float64(stepCost)
	if f.In != nil {
		step = withinCost + listCost*float64(n)/float64(f.Count)
	}
	return float64(ef)*step < float64(f.Count)*f.Share
}

// asked returns the filter with In as a part of Keep. Where In has half of the vectors or more, a walk that measures the
// others, too, finds more in less time than one that looks for ways around them.
func (f *Filter) asked(n int) *Filter {
	in, keep := f.In, f.Keep
	return &Filter{Count: n, Walk: f.Walk, Keep: func(id uint32) bool { return in.Has(id) && (keep == nil || keep(id)) }}
}

// probes is about how many vectors are asked about to learn how many a filter keeps.
const probes = 256

// probe estimates which part of the vectors in In is kept. The ids that it asks about are in no step with anything.
func (x *Index) probe(f *Filter) float64 {
	asked, kept := 0, 0
	step := max(1, len(x.alive)/probes)
	for w := 0; w < len(x.alive); w += step {
		if set := x.within(f, w); set != 0 {
			turn := 7 * asked & 31
			bit := (bits.TrailingZeros32(bits.RotateLeft32(set, -turn)) + turn) & 31
			asked++
			if f.Keep(uint32(w*32 + bit)) {
				kept++
			}
		}
	}
	return float64(kept) / float64(max(asked, 1))
}

// walkMeant fills s.hits with the ef nearest of what a filter means, in no order, by their coarse distances. It reports
// false when it did not find so many, or gave up because measuring everything is quicker.
//
// Whatever is in In is a candidate, and the nearest candidate is followed next; if Keep refuses it, it is only
// stepped through. So a walk goes as far as it must to find ef, wherever what is kept lies.
func (x *Index) walkMeant(s *scratch, start Hit, ef int, f *Filter) bool {
	if n := int(x.count.Load()); f.In != nil && 2*f.Count >= n {
		f = f.asked(n)
	}
	s.begin(x.end)
	s.steps = s.steps[:0]
	top := nearest{hits: s.hits[:0], k: ef}
	x.begin(s, start.ID, f)
	for spent := 0; ; {
		distances := s.room(len(s.ids))
		x.space.Coarse(&s.query, x.rows, s.ids, distances)
		for i, id := range s.ids {
			h := Hit{ID: id, Distance: distances[i]}
			if !top.wants(h) {
				continue
			}
			s.steps = push(s.steps, h)
			if f.Keep == nil {
				top.offer(h)
			}
		}
		spent += len(s.ids)
		if len(s.steps) == 0 || (spent > f.Count && !f.Walk) {
			break
		}
		var next Hit
		next, s.steps = pop(s.steps)
		if !top.wants(next) && next != top.hits[0] {
			break
		}
		if f.Keep != nil && f.Keep(next.ID) {
			top.offer(next)
		}
		if f.In == nil {
			s.fresh(x.links.list(next.ID, 0), x.alive)
		} else {
			spent += x.reach(s, next.ID, f.In)
		}
	}
	s.hits = top.hits
	return len(s.hits) == ef
}

// seeds is how many ids of In a walk begins at besides those that are near to the node it starts from, so that it gets
// to them even where that is far from all of In.
const seeds = 8

// begin fills s.ids with what a walk under a filter begins at.
func (x *Index) begin(s *scratch, start uint32, f *Filter) {
	s.ids = append(s.ids[:0], start)
	if f.In == nil {
		s.visited[start] = s.tag
		return
	}
	if f.In.Has(start) {
		s.visited[start] = s.tag
	} else {
		x.reach(s, start, f.In)
	}
	step := max(1, len(x.alive)/seeds)
	for from := 0; from < len(x.alive); from += step {
		for w := from; w < min(from+step, len(x.alive)); w++ {
			if set := x.within(f, w); set != 0 {
				if id := uint32(w*32 + bits.TrailingZeros32(set)); s.visited[id] != s.tag {
					s.visited[id] = s.tag
					s.ids = append(s.ids, id)
				}
				break
			}
		}
	}
}

// maxLists is how many lists of links one step reads to find its neighbours in In: for one of a hundred vectors that is
// about enough, and for fewer everything is measured unless there are very many.
const maxLists = 128

// reach fills s.ids with the ids of In that a node leads to and that were not visited: its neighbours, and in place of
// those that are not in In what these lead to, and so on, until it has seen about as many as a list has.
//
// That makes of the graph one of In alone, in which a node has as many neighbours as in the whole (as ACORN does,
// arXiv 2403.04871, for a graph that was not made for it). Nobody's list is read twice in a walk. It returns how many it read.
func (x *Index) reach(s *scratch, from uint32, in Set) (lists int) {
	ids, visited, tag := s.ids[:0], s.visited, s.tag
	through := append(s.through[:0], from)
	seen, enough := 0, 5*x.options.M/2
	for i := 0; i < len(through) && seen < enough && lists < maxLists; i++ {
		id := through[i]
		if i > 0 && (visited[id] == tag || !x.alive.has(id)) {
			continue
		}
		visited[id] = tag
		lists++
		list := x.links.list(id, 0)
		for j := range list {
			id, ok := linked(list, j)
			if !ok {
				break
			}
			switch {
			case !in.Has(id):
				if visited[id] != tag {
					through = append(through, id)
				}
			case visited[id] != tag && x.alive.has(id):
				visited[id] = tag
				ids = append(ids, id)
				seen++
			default:
				seen++
			}
		}
	}
	s.ids, s.through = ids, through
	return lists
}

// Measure writes the distances of the vectors under ids from a query, which Space prepared, to out, which is as long
// as ids. There has to be a vector under each.
func (x *Index) Measure(q *distance.Query, ids []uint32, out []float32) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	x.space.Fine(q, x.rows, ids, out)
}

// push adds a hit to a heap with the nearest on top.
func push(heap []Hit, h Hit) []Hit {
	heap = append(heap, h)
	i := len(heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if heap[parent].Distance <= h.Distance {
			break
		}
		heap[i] = heap[parent]
		i = parent
	}
	heap[i] = h
	return heap
}

// pop takes the nearest hit from a heap, which is not empty.
func pop(heap []Hit) (Hit, []Hit) {
	top, last := heap[0], heap[len(heap)-1]
	heap = heap[:len(heap)-1]
	if len(heap) == 0 {
		return top, heap
	}
	i := 0
	for child := 1; child < len(heap); child = 2*i + 1 {
		if child+1 < len(heap) && heap[child+1].Distance < heap[child].Distance {
			child++
		}
		if last.Distance <= heap[child].Distance {
			break
		}
		heap[i] = heap[child]
		i = child
	}
	heap[i] = last
	return top, heap
}
