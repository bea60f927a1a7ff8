package hnsw

import (
	"fmt"
	"os"
	"testing"

	"github.com/hivellm/synap-go/vector/distance"
)

// sentences are embeddings of 2,200 sentences of the comments in Go's source, made with all-MiniLM-L6-v2 and rounded
// to bytes: 384 for each.
func sentences(t testing.TB) (vectors, queries [][]float32) {
	t.Helper()
	b, err := os.ReadFile("testdata/sentences.i8")
	if err != nil {
		t.Fatal(err)
	}
	all := make([][]float32, len(b)/384)
	for i := range all {
		all[i] = make([]float32, 384)
		for j := range all[i] {
			all[i][j] = float32(int8(b[i*384+j]))
		}
	}
	return all[:len(all)-200], all[len(all)-200:]
}

func TestRecallOnRealSentences(t *testing.T) {
	vectors, queries := sentences(t)
	exact := mustNew(t, Options{Dim: 384, Flat: true})
	for id, v := range vectors {
		if err := exact.Insert(uint32(id), v); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		Options
		least float64
	}{
		{Options{Dim: 384}, 0.99},
		{Options{Dim: 384, Element: distance.Float16}, 0.99},
		{Options{Dim: 384, Element: distance.Int8}, 0.98},
		{Options{Dim: 384, Walk: distance.Int8}, 0.99},
		{Options{Dim: 384, Walk: distance.Bit}, 0.90},
	} {
		x := mustNew(t, c.Options)
		if err := x.Build(2, len(vectors), func(_, i int) (uint32, []float32) { return uint32(i), vectors[i] }); err != nil {
			t.Fatal(err)
		}
		if err := x.Check(); err != nil {
			t.Error(err)
		}
		// The share of ids that a filter accepts: one of so many.
		for _, of := range []uint32{1, 2, 10, 100, 1000} {
			t.Run(fmt.Sprintf("%v, one of %d", x.Space(), of), func(t *testing.T) {
				var keep func(uint32) bool
				if of > 1 {
					keep = func(id uint32) bool { return id%of == 0 }
				}
				found, sought := 0, 0
				for _, q := range queries {
					want, err := exact.Exact(q, 10, keep, nil)
					if err != nil {
						t.Fatal(err)
					}
					got, err := x.Search(q, 10, 64, keep, nil)
					if err != nil {
						t.Fatal(err)
					}
					if len(got) != len(want) {
						t.Fatalf("%d are found, want %d", len(got), len(want))
					}
					is := map[uint32]bool{}
					for _, h := range want {
						is[h.ID] = true
					}
					for _, h := range got {
						if is[h.ID] {
							found++
						}
					}
					sought += len(want)
				}
				if recall := float64(found) / float64(sought); recall < c.least {
					t.Errorf("recall %.4f, want %.2f", recall, c.least)
				} else {
					t.Logf("recall %.4f", recall)
				}
			})
		}
	}
}
