package memory

import (
	"cmp"
	"math"
	"slices"

	"github.com/hivellm/synap-go/vector/hnsw"
	"github.com/hivellm/synap-go/vector/text"
)

// spare is how many more memories than asked for are compared exactly, because the small copies of vectors are not quite exact.
const spare = 24

// nearest appends the at most k memories whose vectors point most in the direction of the given one, the best first; scores are cosines. It compares with a
// copy of every vector, a byte for each number, and then with the exact ones of the best. That heeds any filter, finds what there is, and costs
// little when memories come and go: a graph would be faster for collections of several hundred thousand, and slower to keep.
func (c *collection) nearest(vector []float32, k int, keep func(slot uint32) bool, out []text.Hit) []text.Hit {
	if c.vectors == nil || c.vectors.Space().Dim() != len(vector) {
		return out
	}
	near, err := c.vectors.Exact(vector, k+spare, hnsw.Filter{Keep: keep}, make([]hnsw.Hit, 0, k+spare))
	if err != nil {
		return out // a vector of no direction is near to nothing
	}
	from := len(out)
	for _, h := range near {
		out = append(out, text.Hit{Doc: h.ID, Score: dot(c.slots[h.ID].vector, vector)})
	}
	slices.SortFunc(out[from:], func(a, b text.Hit) int {
		if c := cmp.Compare(b.Score, a.Score); c != 0 {
			return c
		}
		return cmp.Compare(a.Doc, b.Doc)
	})
	return out[:min(len(out), from+k)]
}

// dot is the cosine of two vectors of length 1.
func dot(a, b []float32) float32 {
	sum := float32(0)
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// round leaves three digits: more say nothing, and take room in an answer.
func round(x float64) float64 { return math.Round(min(max(x, 0), 1)*1000) / 1000 }
