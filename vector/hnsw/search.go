package hnsw

import "github.com/hivellm/synap-go/core/fault"

// Search appends the k nearest vectors of those that keep accepts to out, nearest first. ef is how many
// candidates it holds at once: more find more of the true nearest, and take longer; 0 is DefaultEf, and it
// is never less than k. There are fewer than k only where fewer are accepted. A nil keep accepts all; keep
// may be called for any id, often, and with the Index locked, so it must not call the Index.
func (x *Index) Search(q []float32, k, ef int, keep func(id uint32) bool, out []Hit) ([]Hit, error) {
	if ef < 0 || ef > MaxEf {
		return out, fault.New(fault.Invalid, "ef is %d, and has to be 0 to %d", ef, MaxEf)
	}
	return x.Exact(q, k, keep, out)
}
