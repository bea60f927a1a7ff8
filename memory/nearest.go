package memory

import (
	"cmp"
	"math"
	"slices"

	"github.com/hivellm/synap-go/vector/text"
)

// nearest appends the at most k memories whose vectors point most in the direction of the given one, the best first; scores are cosines. It compares with every
// vector of the model: that is exact, heeds any filter, and costs nothing to keep up when memories come and go.
func (c *collection) nearest(vector []float32, model string, k int, keep func(slot uint32) bool, out []text.Hit) []text.Hit {
	if vector == nil {
		return out
	}
	from := len(out)
	worst := float32(math.Inf(-1))
	for slot, it := range c.slots {
		if it == nil || len(it.vector) != len(vector) || it.model != model {
			continue
		}
		score := dot(it.vector, vector)
		if score <= worst || !keep(uint32(slot)) { //nolint:gosec // slots are uint32
			continue
		}
		at, _ := slices.BinarySearchFunc(out[from:], score, func(h text.Hit, s float32) int {
			if h.Score == s {
				return -1 // after its equals: the lower slot is first
			}
			return cmp.Compare(s, h.Score)
		})
		out = slices.Insert(out, from+at, text.Hit{Doc: uint32(slot), Score: score}) //nolint:gosec // slots are uint32
		if len(out)-from > k {
			out = out[:from+k]
		}
		if len(out)-from == k {
			worst = out[len(out)-1].Score
		}
	}
	return out
}

// dot is the cosine of two vectors of length 1. Four sums, because one would wait for itself.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

// round leaves three digits: more say nothing, and take room in an answer.
func round(x float64) float64 { return math.Round(min(max(x, 0), 1)*1000) / 1000 }
