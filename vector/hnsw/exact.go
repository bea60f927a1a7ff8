package hnsw

import (
	"math/bits"
	"slices"

	"github.com/hivellm/synap-go/core/fault"
)

// batch is how many rows one call of a kernel measures in an exact search.
const batch = 256

// Exact appends the k nearest vectors of those that keep accepts to out, nearest first, having measured
// every one. A nil keep accepts all.
func (x *Index) Exact(q []float32, k int, keep func(id uint32) bool, out []Hit) ([]Hit, error) {
	if err := x.checkSearch(q, k); err != nil {
		return out, err
	}
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	x.space.Prepare(&s.query, q)
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.exact(s, k, keep, out), nil
}

// exact is Exact for a prepared query; mu is held.
func (x *Index) exact(s *scratch, k int, keep func(uint32) bool, out []Hit) []Hit {
	top := nearest{hits: s.hits[:0], k: k}
	ids := s.ids[:0]
	for w := range x.alive {
		for set := x.alive.word(w); set != 0; set &= set - 1 {
			id := uint32(w*32 + bits.TrailingZeros32(set))
			if keep == nil || keep(id) {
				ids = append(ids, id)
			}
		}
		if len(ids) > batch-32 {
			x.measure(s, ids, &top)
			ids = ids[:0]
		}
	}
	x.measure(s, ids, &top)
	s.ids, s.hits = ids, top.hits
	return append(out, top.sorted()...)
}

// ExactAmong is Exact over some ids only: what a caller does who knows which vectors pass its filter. Ids
// without a vector are passed over; an id that comes twice is found twice.
func (x *Index) ExactAmong(q []float32, k int, among []uint32, out []Hit) ([]Hit, error) {
	if err := x.checkSearch(q, k); err != nil {
		return out, err
	}
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	x.space.Prepare(&s.query, q)
	x.mu.RLock()
	defer x.mu.RUnlock()
	top := nearest{hits: s.hits[:0], k: k}
	ids := s.ids[:0]
	for len(among) > 0 {
		part := among[:min(batch, len(among))]
		among = among[len(part):]
		ids = ids[:0]
		for _, id := range part {
			if x.alive.has(id) {
				ids = append(ids, id)
			}
		}
		x.measure(s, ids, &top)
	}
	s.ids, s.hits = ids, top.hits
	return append(out, top.sorted()...), nil
}

// measure offers the rows of ids to top.
func (x *Index) measure(s *scratch, ids []uint32, top *nearest) {
	if len(s.distances) < len(ids) {
		s.distances = make([]float32, max(len(ids), batch))
	}
	x.space.Fine(&s.query, x.rows, ids, s.distances)
	for i, id := range ids {
		top.offer(Hit{ID: id, Distance: s.distances[i]})
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

func (n *nearest) offer(h Hit) {
	if len(n.hits) == n.k {
		if !farther(n.hits[0], h) {
			return
		}
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
	slices.SortFunc(n.hits, func(a, b Hit) int {
		if farther(a, b) {
			return 1
		}
		if a == b {
			return 0
		}
		return -1
	})
	return n.hits
}
