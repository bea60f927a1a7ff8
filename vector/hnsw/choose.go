package hnsw

import "slices"

// choose picks at most m of candidates, which are sorted by their distances from one node, as its neighbours: a
// candidate that is nearer to one that was picked than to the node is reached through that one, and passed
// over (algorithm 4 of Malkov and Yashunin). With fill, places left go to the nearest that were passed over.
//
// When a candidate is picked, all that are left are measured against it with one call of a kernel: that gives
// what measuring each against all picked would, with M calls.
func (x *Index) choose(s *scratch, candidates []Hit, m int, fill bool) []Hit {
	chosen, others := s.chosen[:0], s.others[:0]
	if len(candidates) <= m && fill {
		s.chosen = append(chosen, candidates...)
		return s.chosen
	}
	for len(candidates) > 0 && len(chosen) < m {
		best := candidates[0]
		chosen, candidates = append(chosen, best), candidates[1:]
		if len(chosen) == m {
			break
		}
		s.ids = s.ids[:0]
		for _, c := range candidates {
			s.ids = append(s.ids, c.ID)
		}
		x.space.From(&s.stored, x.rows, best.ID)
		distances := s.room(len(s.ids))
		x.space.Coarse(&s.stored, x.rows, s.ids, distances)
		left := candidates[:0]
		for i, c := range candidates {
			if distances[i] < c.Distance {
				others = append(others, c)
			} else {
				left = append(left, c)
			}
		}
		candidates = left
	}
	if fill && len(chosen) < m {
		slices.SortFunc(others, nearer)
		chosen = append(chosen, others[:min(len(others), m-len(chosen))]...)
	}
	s.chosen, s.others = chosen, others
	return chosen
}

// nearer orders hits for sorting.
func nearer(a, b Hit) int {
	switch {
	case farther(a, b):
		return 1
	case a == b:
		return 0
	}
	return -1
}
