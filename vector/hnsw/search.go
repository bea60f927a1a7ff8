package hnsw

import (
	"slices"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/distance"
)

// Search appends the k nearest vectors of those that a filter means to out, nearest first. ef is how many
// candidates it holds at once: more find more of the true nearest, and take longer; 0 is DefaultEf, and it
// is never less than k. There are fewer than k only where fewer are meant.
//
// Under a filter it walks over what the filter means, or measures all of that, whichever is quicker: see
// Index.Walks. A walk that finds fewer than ef is not trusted, and all is measured.
func (x *Index) Search(q []float32, k, ef int, f Filter, out []Hit) ([]Hit, error) {
	return x.search(q, k, ef, f, true, out)
}

// SearchCoarse is Search that does not measure again what a walk has found: it is quicker, its distances are those of the
// part of the vectors that is walked over, and near neighbours may change places. Where that is all of them it is Search.
func (x *Index) SearchCoarse(q []float32, k, ef int, f Filter, out []Hit) ([]Hit, error) {
	return x.search(q, k, ef, f, !x.space.Rescores(), out)
}

func (x *Index) search(q []float32, k, ef int, f Filter, fine bool, out []Hit) ([]Hit, error) {
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
	again := k // of the nearest by a walk, this many count
	if fine {
		again = x.rescored(k)
	}
	if x.find(s, k, ef, again, &f) {
		if fine {
			return append(out, x.rescore(s, k)...), nil
		}
		slices.SortFunc(s.hits, nearer)
		return append(out, s.hits[:min(k, len(s.hits))]...), nil
	}
	return x.exact(s, k, &f, out), nil
}

// find walks for the ef nearest and leaves in s.hits the first of them, as many as are to be measured again. It reports
// false where everything has to be measured instead.
func (x *Index) find(s *scratch, k, ef, again int, f *Filter) bool {
	if f.all() {
		if x.options.Flat || int(x.count.Load()) <= ef {
			return false
		}
	} else if !x.walks(ef, f) {
		return false
	}
	start, ok := x.descend(s, 0)
	if !ok {
		return false
	}
	if f.all() {
		s.hits = append(s.hits[:0], start)
		x.walk(s, s.hits, 0, ef)
		if len(s.pool) < k && len(s.pool) < int(x.count.Load()) {
			return false
		}
		s.hits = s.hits[:0]
		for _, c := range s.pool[:min(len(s.pool), again)] {
			s.hits = append(s.hits, Hit{ID: c.id, Distance: c.distance})
		}
		return true
	}
	if !x.walkMeant(s, start, ef, f) {
		return false
	}
	slices.SortFunc(s.hits, nearer)
	s.hits = s.hits[:min(len(s.hits), again)]
	return true
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
