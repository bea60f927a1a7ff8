package collection

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hivellm/synap-go/vector/tensor"
)

// TestFilteredWalksFindWhatThereIs compares walks under filters, which are made to walk however few points they mean, with
// exact searches.
func TestFilteredWalksFindWhatThereIs(t *testing.T) {
	defer func() { eager = false }()
	eager = true
	config := &Config{
		Vectors: []VectorConfig{{Dimension: 24, Index: HNSW, M: 12, EfBuild: 64}},
		Indexes: []IndexConfig{{"n", Integer}},
	}
	if err := config.Check(); err != nil {
		t.Fatal(err)
	}
	c, r := New(config), rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a test
	vector := func() tensor.Floats {
		v := make(tensor.Floats, 24)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	for i := range 1500 {
		rows, err := c.Encode(map[string]tensor.Floats{"": vector()})
		if err != nil {
			t.Fatal(err)
		}
		c.Lock()
		c.Put(1, &Draft{ID: NumberID(uint64(i)), Rows: rows, Payload: fmt.Sprintf(`{"n":%d,"m":%d}`, i%100, i%100)})
		c.Unlock()
	}
	for c.Build() {
	}
	for _, field := range []string{"n", "m"} {
		for _, share := range []float64{50, 10, 3} {
			found := 0
			for range 20 {
				q := &Query{Vector: vector(), Limit: 10, Filter: &Filter{Must: []Condition{{Key: field, Range: &Range{LT: &share}}}}}
				walked, err := c.Search(q)
				if err != nil {
					t.Fatal(err)
				}
				q.Exact = true
				exact, err := c.Search(q)
				if err != nil || len(walked) != 10 || len(exact) != 10 {
					t.Fatalf("%d and %d hits, %v", len(walked), len(exact), err)
				}
				for _, h := range walked {
					for _, e := range exact {
						if h.Point == e.Point {
							found++
						}
					}
				}
			}
			if recall := float64(found) / 200; recall < 0.93 {
				t.Errorf("of %v %% by %s: recall %v", share, field, recall)
			}
		}
	}
}
