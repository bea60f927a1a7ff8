package hnsw

import (
	"math/rand/v2"
	"testing"
)

// TestDeletesGiveMemoryBack fills three blocks and empties them: what is left after each is what is left of the vectors, and
// an Index that was emptied serves on.
func TestDeletesGiveMemoryBack(t *testing.T) {
	const dim = 32_768 // so few vectors fill a block
	for _, flat := range []bool{false, true} {
		x := mustNew(t, Options{Dim: dim, M: 4, EfConstruction: 8, Flat: flat})
		per := uint32(x.rows.PerBlock())
		r := rand.New(rand.NewPCG(1, 2))
		vector := func() []float32 { return append(random(r, 8), make([]float32, dim-8)...) }
		empty := x.Bytes()
		for id := range 3 * per {
			if err := x.Insert(id, vector()); err != nil {
				t.Fatal(err)
			}
		}
		full := x.Bytes()
		if least := int(3 * per * dim * 4); full < least {
			t.Fatalf("%d bytes are held, and the vectors have %d", full, least)
		}
		for _, block := range []uint32{1, 0, 2} {
			before := x.Bytes()
			for id := block * per; id < (block+1)*per; id++ {
				x.Delete(id)
			}
			if freed := before - x.Bytes(); freed < (full-empty)*3/10 {
				t.Errorf("flat %v: block %d gives %d of %d bytes back", flat, block, freed, full)
			}
			if err := x.Check(); err != nil {
				t.Fatal(err)
			}
		}
		v := vector()
		if err := x.Insert(per+1, v); err != nil {
			t.Fatal(err)
		}
		if hits, err := x.Search(v, 1, 0, Filter{}, nil); err != nil || len(hits) != 1 || hits[0].ID != per+1 {
			t.Errorf("flat %v: after all were deleted, Search() = %v, %v", flat, hits, err)
		}
	}
}
