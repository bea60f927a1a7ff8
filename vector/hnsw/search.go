package hnsw

import (
	"slices"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/distance"
)

// Search appends the k nearest vectors of those that keep accepts to out, nearest first. ef is how many
// candidates it holds at once: more find more of the true nearest, and take longer; 0 is DefaultEf, and it
// is never less than k. There are fewer than k only where fewer are accepted. A nil keep accepts all; keep
// may be called for any id, often, and with the Index locked, so it must not call the Index. With a keep every
// vector that it accepts is measured, and the graph is not walked.
func (x *Index) Search(q []float32, k, ef int, keep func(id uint32) bool, out []Hit) ([]Hit, error) {
	if ef < 0 || ef > MaxEf {
		return out, fault.New(fault.Invalid, "ef is %d, and has to be 0 to %d", ef, MaxEf)
	}
	if err := x.checkSearch(q, k); err != nil {
		return out, err
	}
	if ef == 0 {
		ef = DefaultEf
	}
	ef = max(ef, k)
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	x.space.Prepare(&s.query, q)
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.options.Flat || keep != nil || int(x.count.Load()) <= ef {
		return x.exact(s, k, keep, out), nil
	}
	start, ok := x.descend(s, 0)
	if !ok {
		return x.exact(s, k, keep, out), nil
	}
	s.hits = append(s.hits[:0], start)
	x.walk(s, s.hits, 0, ef)
	if len(s.pool) < k && len(s.pool) < int(x.count.Load()) {
		return x.exact(s, k, keep, out), nil
	}
	s.hits = s.hits[:0]
	for _, c := range s.pool[:min(len(s.pool), x.rescored(k))] {
		s.hits = append(s.hits, Hit{ID: c.id, Distance: c.distance})
	}
	return append(out, x.rescore(s, k)...), nil
}

// rescored is how many of the nearest by their coarse distances are measured again. The coarser those are, the
// farther may a true nearest be from the front.
func (x *Index) rescored(k int) int {
	switch {
	case !x.space.Rescores():
		return k
	case x.space.Walk() == distance.Bit:
		return MaxEf
	case x.space.Walk() == distance.Int8 || x.space.Element() == distance.Int8:
		return 2*k + 16
	}
	return k + k/4 + 6
}

// rescore measures s.hits again with all there is and returns the k nearest, sorted.
func (x *Index) rescore(s *scratch, k int) []Hit {
	if x.space.Rescores() {
		s.ids = s.ids[:0]
		for _, h := range s.hits {
			s.ids = append(s.ids, h.ID)
		}
		distances := s.room(len(s.ids))
		x.space.Fine(&s.query, x.rows, s.ids, distances)
		for i := range s.hits {
			s.hits[i].Distance = distances[i]
		}
	}
	slices.SortFunc(s.hits, nearer)
	return s.hits[:min(k, len(s.hits))]
}
