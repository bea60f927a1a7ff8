package collection

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hivellm/synap-go/vector/tensor"
)

// TestSearchesMakeWay searches again and again, exactly and through the graph, beside writers that replace and delete
// points and beside builders: a point that nobody touches is always found, and nothing is found twice or after it left.
func TestSearchesMakeWay(t *testing.T) {
	small(t)
	for _, index := range []string{Flat, HNSW} {
		t.Run(index, func(t *testing.T) {
			config := &Config{Vectors: []VectorConfig{{Dimension: 8, Index: index}}}
			if err := config.Check(); err != nil {
				t.Fatal(err)
			}
			c := New(config)
			put := func(version uint64, id ID, v tensor.Floats) {
				rows, err := c.Encode(map[string]tensor.Floats{"": v})
				if err != nil {
					t.Error(err)
					return
				}
				c.Lock()
				defer c.Unlock()
				c.Put(version, &Draft{ID: id, Rows: rows, Payload: fmt.Sprintf(`{"v":%d}`, version)})
			}
			for i := range 200 {
				put(1, NumberID(uint64(i)), tensor.Floats{float32(i%7) + 1, 1, 0, 0, 0, 0, 0, float32(i % 3)})
			}
			still := tensor.Floats{0, 0, 0, 1, 1, 0, 0, 0}
			put(1, TextID("still"), still)
			var writers, readers sync.WaitGroup
			var done atomic.Bool
			for w := range 2 {
				writers.Go(func() {
					r := rand.New(rand.NewPCG(uint64(w), 7)) //nolint:gosec // a test
					for version := range uint64(1500) {
						id := NumberID(uint64(r.IntN(200)))
						if r.IntN(4) == 0 {
							c.Lock()
							c.Remove(id)
							c.Unlock()
							continue
						}
						put(version+2, id, tensor.Floats{r.Float32() + 0.1, r.Float32(), 0, 0, 0, 0, r.Float32(), 0})
					}
				})
			}
			for reader := range 2 {
				readers.Go(func() {
					for n := 0; !done.Load(); n++ {
						q := &Query{Vector: still, Limit: 20, Exact: (n+reader)%2 == 0, WithVectors: true}
						if n%3 == 0 {
							q.Filter = &Filter{MustNot: []Condition{{IDs: []ID{NumberID(1)}}}}
						}
						hits, err := c.Search(q)
						if err != nil || len(hits) == 0 || hits[0].ID != TextID("still") {
							t.Errorf("the point that stays is not found first: %v, %v", hits, err)
							return
						}
						seen := map[ID]bool{}
						for _, h := range hits {
							if seen[h.ID] || len(h.Vectors) != 1 || !strings.HasPrefix(h.Payload, `{"v":`) {
								t.Errorf("%s is found twice, or without its vector", h.ID)
							}
							seen[h.ID] = true
						}
						c.Build()
					}
				})
			}
			writers.Wait()
			done.Store(true)
			readers.Wait()
			if err := c.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}
