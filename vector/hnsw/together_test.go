package hnsw

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/hivellm/synap-go/vector/distance"
)

// TestInsertsDeletesAndSearchesAtOnce is for the race detector; afterwards the graph has to be whole.
func TestInsertsDeletesAndSearchesAtOnce(t *testing.T) {
	const dim, each = 16, 400
	for _, o := range []Options{{}, {Metric: distance.Euclidean, Element: distance.Int8, M: 4, EfConstruction: 20}, {Flat: true}} {
		o.Dim = dim
		x := mustNew(t, o)
		var all sync.WaitGroup
		for w := range uint64(4) {
			all.Go(func() {
				r := rand.New(rand.NewPCG(3, w))
				for range each {
					id := r.Uint32N(300)
					switch r.IntN(4) {
					case 0, 1:
						if err := x.Insert(id, random(r, dim)); err != nil {
							t.Error(err)
						}
					case 2:
						x.Delete(id)
					default:
						if _, err := x.Search(random(r, dim), 5, 20, Filter{}, nil); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		all.Wait()
		if err := x.Check(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
