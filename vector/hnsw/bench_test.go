package hnsw

import (
	"math/rand/v2"
	"testing"
)

func clustered(r *rand.Rand, n, dim int) [][]float32 {
	centres := make([][]float32, 300)
	for i := range centres {
		centres[i] = random(r, dim)
	}
	vs := make([][]float32, n)
	for i := range vs {
		v := random(r, dim)
		c := centres[r.IntN(len(centres))]
		for j := range v {
			v[j] = v[j]*0.7 + c[j]
		}
		vs[i] = v
	}
	return vs
}

func BenchmarkInsert(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	vs := clustered(r, 5000, 384)
	x := mustNew(b, Options{Dim: 384})
	i := 0
	for b.Loop() {
		if err := x.Insert(uint32(i), vs[i%len(vs)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkSearch walks over real sentences.
func BenchmarkSearch(b *testing.B) {
	vectors, queries := sentences(b)
	x := filled(b, Options{Dim: 384}, vectors)
	var hits []Hit
	i := 0
	for b.Loop() {
		var err error
		if hits, err = x.Search(queries[i%len(queries)], 10, 64, Filter{}, hits[:0]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
