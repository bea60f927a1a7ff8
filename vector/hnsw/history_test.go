package hnsw

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hivellm/synap-go/vector/distance"
)

// kinds are the Indexes that random histories run on.
var kinds = []Options{
	{Metric: distance.Cosine},
	{Metric: distance.Euclidean, Flat: true},
	{Metric: distance.Dot, Element: distance.Float16},
	{Metric: distance.Euclidean, Element: distance.Int8, M: 4, EfConstruction: 20},
	{Metric: distance.Cosine, Element: distance.Float32, Walk: distance.Int8},
	{Metric: distance.Cosine, Element: distance.Float32, Walk: distance.Bit},
	{Metric: distance.Hamming, Element: distance.Bit},
}

func random(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func mustNew(t testing.TB, o Options) *Index {
	t.Helper()
	x, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// model is an Index by the dumbest means.
type model struct {
	space *distance.Space
	rows  *distance.Rows
	ids   map[uint32]bool
}

func newModel(s *distance.Space) *model {
	return &model{space: s, rows: distance.NewRows(s, 0), ids: map[uint32]bool{}}
}

func (m *model) insert(id uint32, v []float32) {
	if !m.rows.Has(id) {
		m.rows.Grow(id)
	}
	*m.rows.Head(id) = m.space.Encode(m.rows.Row(id), v)
	m.ids[id] = true
}

func (m *model) nearest(q []float32, k int, keep func(uint32) bool) []Hit {
	var query distance.Query
	m.space.Prepare(&query, q)
	hits := []Hit{}
	for id := range m.ids {
		if keep == nil || keep(id) {
			out := []float32{0}
			m.space.Fine(&query, m.rows, []uint32{id}, out)
			hits = append(hits, Hit{id, out[0]})
		}
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		if farther(a, b) {
			return 1
		}
		return -1
	})
	return hits[:min(k, len(hits))]
}

// anyFilter returns a filter of ids under most, and what it means.
func anyFilter(r *rand.Rand, most uint32) (Filter, func(uint32) bool) {
	f, mod := Filter{Walk: r.IntN(2) == 0}, 1+r.Uint32N(6)
	if r.IntN(2) == 0 {
		f.In = make(Set, most/64+1)
		for id := range most {
			if id%mod == 0 {
				f.In[id/64] |= 1 << (id % 64)
			}
		}
	}
	if r.IntN(2) == 0 {
		f.Keep = func(id uint32) bool { return id/8%mod == 0 }
	}
	in, keep := f.In, f.Keep
	return f, func(id uint32) bool { return (in == nil || in.Has(id)) && (keep == nil || keep(id)) }
}

func TestRandomHistories(t *testing.T) {
	const dim, steps, most = 24, 1500, 400
	for i, o := range kinds {
		o.Dim = dim
		t.Run(fmt.Sprintf("%d: %v %v", i, o.Metric, o.Element), func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, uint64(i)))
			x := mustNew(t, o)
			m := newModel(x.Space())
			found, sought := 0, 0
			for step := range steps {
				id := r.Uint32N(most)
				switch r.IntN(10) {
				case 0, 1, 2, 3, 4, 5:
					v := random(r, dim)
					if err := x.Insert(id, v); err != nil {
						t.Fatal(err)
					}
					m.insert(id, v)
				case 6, 7, 8:
					if got := x.Delete(id); got != m.ids[id] {
						t.Fatalf("step %d: Delete(%d) = %v", step, id, got)
					}
					delete(m.ids, id)
				default:
					q, k := random(r, dim), 1+r.IntN(20)
					f, keep := anyFilter(r, most)
					want := m.nearest(q, k, keep)
					exact, err := x.Exact(q, k, f, nil)
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(exact, want) {
						t.Fatalf("step %d: Exact() = %v, want %v", step, exact, want)
					}
					near, err := x.Search(q, k, 100, f, nil)
					if err != nil {
						t.Fatal(err)
					}
					if len(near) != len(want) {
						t.Fatalf("step %d: Search finds %d, want %d", step, len(near), len(want))
					}
					for _, h := range near {
						if !m.ids[h.ID] || keep != nil && !keep(h.ID) {
							t.Fatalf("step %d: Search finds %d, which is not there or not wanted", step, h.ID)
						}
						if slices.Contains(want, h) {
							found++
						}
					}
					sought += len(want)
				}
				if step%300 == 0 || step == steps-1 {
					if err := x.Check(); err != nil {
						t.Fatalf("step %d: %v", step, err)
					}
					if x.Len() != len(m.ids) {
						t.Fatalf("step %d: Len() = %d, want %d", step, x.Len(), len(m.ids))
					}
				}
			}
			if recall := float64(found) / float64(sought); recall < 0.95 {
				t.Errorf("recall %.3f over %d", recall, sought)
			} else {
				t.Logf("recall %.3f over %d", recall, sought)
			}
		})
	}
}

func TestVectorsOfAnIndex(t *testing.T) {
	x := mustNew(t, Options{Dim: 3, Metric: distance.Dot})
	if err := x.Insert(7, []float32{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if v, ok := x.Vector(7); !ok || !slices.Equal(v, []float32{1, 2, 3}) {
		t.Errorf("Vector(7) = %v, %v", v, ok)
	}
	if _, ok := x.Vector(6); ok || x.Has(6) || !x.Has(7) || x.Has(1<<30) {
		t.Error("an index has what it has not")
	}
	row, head, ok := x.AppendRow(nil, 7)
	if !ok {
		t.Fatal("a vector has no row")
	}
	y := mustNew(t, x.Options())
	if err := y.InsertRow(2, row, head); err != nil {
		t.Fatal(err)
	}
	if v, ok := y.Vector(2); !ok || !slices.Equal(v, []float32{1, 2, 3}) {
		t.Errorf("Vector(2) = %v, %v", v, ok)
	}
	if err := y.InsertRow(2, row[:64], head); err == nil {
		t.Error("a row of another length is taken")
	}
	var query distance.Query
	x.Space().Prepare(&query, []float32{1, 0, 0})
	distances := []float32{0}
	if x.Measure(&query, []uint32{7}, distances); distances[0] != -1 {
		t.Errorf("Measure() = %v, want -1", distances)
	}
	hits, err := x.Exact([]float32{1, 0, 0}, 5, Filter{In: Set{1<<1 | 1<<7 | 1<<9}}, nil)
	if err != nil || !slices.Equal(hits, []Hit{{7, -1}}) {
		t.Errorf("Exact() = %v, %v", hits, err)
	}
}
