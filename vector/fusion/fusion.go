// Package fusion makes one ranking of several, by where each thing stands in them: reciprocal rank fusion.
//
// Scores of different kinds, such as a BM25 sum and a cosine, cannot be added; places can. A thing's fused score is the sum over the
// rankings of weight / (60 + place), so that what stands high in several rankings comes first, and no ranking alone can push
// something to the top that the others have not got.
package fusion

import (
	"cmp"
	"slices"
)

// Constant is the k of reciprocal rank fusion: how little the very first places count above those after them. 60 is the value of
// the paper that the method comes from, and what others use.
const Constant = 60

// Ranking is things in order, the best first, and how much the ranking counts.
type Ranking[ID cmp.Ordered] struct {
	IDs    []ID
	Weight float64 // 0 means 1
}

// Scored is a thing and its fused score, which is at most the sum of the weights over 61.
type Scored[ID cmp.Ordered] struct {
	ID    ID
	Score float64
}

// Reciprocal returns all things of the rankings, the best first, of equals the lesser id. A thing that a ranking has twice counts where it is first.
func Reciprocal[ID cmp.Ordered](rankings ...Ranking[ID]) []Scored[ID] {
	n := 0
	for _, r := range rankings {
		n = max(n, len(r.IDs))
	}
	places := make(map[ID]int, n)
	list := make([]Scored[ID], 0, n)
	seen := make(map[ID]int, n) // the last ranking that had it, from 1
	for i, r := range rankings {
		weight := r.Weight
		if weight == 0 {
			weight = 1
		}
		for place, id := range r.IDs {
			if seen[id] == i+1 {
				continue
			}
			seen[id] = i + 1
			at, ok := places[id]
			if !ok {
				at = len(list)
				places[id] = at
				list = append(list, Scored[ID]{ID: id})
			}
			list[at].Score += weight / float64(Constant+1+place)
		}
	}
	slices.SortFunc(list, func(a, b Scored[ID]) int {
		if c := cmp.Compare(b.Score, a.Score); c != 0 {
			return c
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return list
}
