package hnsw

import (
	"math/bits"
	"slices"

	"github.com/hivellm/synap-go/core/fault"
)

// batch is how many rows one call of a kernel measures in an exact search.
const batch = 256

// Exact appends the k nearest vectors of those that a filter means to out, nearest first, having measured every
// one that is in its In.
func (x *Index) Exact(q []float32, k int, f Filter, out []Hit) ([]Hit, error) {
	if err := x.checkSearch(q, k); err != nil {
		return out, err
	}
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	x.space.Prepare(&s.query, q)
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.exact(s, k, &f, out), nil
}

// exact is Exact for a prepared query; mu is held.
func (x *Index) exact(s *scratch, k int, f *Filter, out []Hit) []Hit {
	top := nearest{hits: s.hits[:0], k: k}
	ids := s.ids[:0]
	for w := range x.alive {
		for set := x.within(f, w); set != 0; set &= set - 1 {
			ids = append(ids, uint32(w*32+bits.TrailingZeros32(set))) //nolint:gosec // an id
		}
		if len(ids) > batch-32 {
			x.measure(s, ids, &top, f.Keep)
			ids = ids[:0]
		}
	}
	x.measure(s, ids, &top, f.Keep)
	s.ids, s.hits = ids, top.hits
	return append(out, top.sorted()...)
}

// measure offers the rows of ids to top, as far as keep, if there is one, keeps them. It is asked only about those that
// top wants: mostly a question costs more than a distance.
func (x *Index) measure(s *scratch, ids []uint32, top *nearest, keep func(uint32) bool) {
	distances := s.room(len(ids))
	x.space.Fine(&s.query, x.rows, ids, distances)
	for i, id := range ids {
		if h := (Hit{ID: id, Distance: distances[i]}); top.wants(h) && (keep == nil || keep(id)) {
			top.offer(h)
		}
	}
}

func (x *Index) checkSearch(q []float32, k int) error {
	if k < 1 || k > MaxEf {
		return fault.New(fault.Invalid, "k is %d, and has to be 1 to %d", k, MaxEf)
	}
	return x.space.Check(q)
}

// nearest keeps the k nearest of the hits it was offered, as a heap with the farthest on top.
type nearest struct {
	hits []Hit
	k    int
}

// farther orders hits: of two at one distance the larger id is farther, so that every answer has one order.
func farther(a, b Hit) bool {
	return a.Distance > b.Distance || a.Distance == b.Distance && a.ID > b.ID
}

// wants says whether h would be kept.
func (n *nearest) wants(h Hit) bool { return len(n.hits) < n.k || farther(n.hits[0], h) }

// offer keeps h if it is wanted.
func (n *nearest) offer(h Hit) {
	if !n.wants(h) {
		return
	}
	if len(n.hits) == n.k {
		i := 0
		for {
			child := 2*i + 1
			if child >= len(n.hits) {
				break
			}
			if child+1 < len(n.hits) && farther(n.hits[child+1], n.hits[child]) {
				child++
			}
			if !farther(n.hits[child], h) {
				break
			}
			n.hits[i] = n.hits[child]
			i = child
		}
		n.hits[i] = h
		return
	}
	n.hits = append(n.hits, h)
	i := len(n.hits) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !farther(h, n.hits[parent]) {
			break
		}
		n.hits[i] = n.hits[parent]
		i = parent
	}
	n.hits[i] = h
}

// sorted returns the hits, nearest first; the heap is one no more.
func (n *nearest) sorted() []Hit {
	slices.SortFunc(n.hits, nearer)
	return n.hits
}
