package hnsw

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
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

// filled returns an Index of vectors, under their places.
func filled(t testing.TB, o Options, vectors [][]float32) *Index {
	t.Helper()
	x := mustNew(t, o)
	if err := x.Build(2, len(vectors), func(_, i int) (uint32, []float32) { return uint32(i), vectors[i] }); err != nil {
		t.Fatal(err)
	}
	return x
}

// setOf is the ids under n that has accepts.
func setOf(n int, has func(id uint32) bool) Set {
	s := make(Set, (n+63)/64)
	for id := range uint32(n) {
		if has(id) {
			s[id/64] |= 1 << (id % 64)
		}
	}
	return s
}

// truth is the 10 nearest to each query of what a filter means.
func truth(t *testing.T, exact *Index, queries [][]float32, f Filter) (all [][]Hit) {
	t.Helper()
	for _, q := range queries {
		hits, err := exact.Exact(q, 10, f, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, hits)
	}
	return all
}

// recall is the share of the truth that searches find, and fails the test if one finds too few.
func recall(t *testing.T, x *Index, truth [][]Hit, queries [][]float32, ef int, f Filter) float64 {
	t.Helper()
	found, sought := 0, 0
	for i, q := range queries {
		got, err := x.Search(q, 10, ef, f, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(truth[i]) {
			t.Fatalf("%d are found, want %d", len(got), len(truth[i]))
		}
		for _, h := range got {
			if slices.ContainsFunc(truth[i], func(w Hit) bool { return w.ID == h.ID }) {
				found++
			}
		}
		sought += len(truth[i])
	}
	return float64(found) / float64(sought)
}

func TestRecallOnRealSentences(t *testing.T) {
	vectors, queries := sentences(t)
	vectors, queries = vectors[:1000], queries[:30]
	exact := filled(t, Options{Dim: 384, Flat: true}, vectors)
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
		x := filled(t, c.Options, vectors)
		if err := x.Check(); err != nil {
			t.Error(err)
		}
		// The share of ids that a filter means: one of so many.
		for _, of := range []uint32{1, 2, 10, 100, 1000} {
			f := Filter{In: setOf(len(vectors), func(id uint32) bool { return id%of == 0 }), Walk: true}
			if got := recall(t, x, truth(t, exact, queries, f), queries, 64, f); got < c.least {
				t.Errorf("%v, one of %d: recall %.4f, want %.2f", x.Space(), of, got, c.least)
			}
		}
	}
	filteredWalks(t, filled(t, Options{Dim: 384}, vectors), vectors, queries)
}

// TestCoarseSearches: without measuring again a search over bits finds fewer of the nearest, in the order of the bits'
// distances; where walks see all that there is, it is the same search.
func TestCoarseSearches(t *testing.T) {
	vectors, queries := sentences(t)
	vectors, queries = vectors[:1000], queries[:30]
	exact := filled(t, Options{Dim: 384, Flat: true}, vectors)
	for _, c := range []struct {
		Options
		least, most float64
	}{
		{Options{Dim: 384}, 0.99, 1},
		{Options{Dim: 384, Walk: distance.Int8}, 0.9, 1},
		{Options{Dim: 384, Walk: distance.Bit}, 0.3, 0.85},
		{Options{Dim: 384, Element: distance.Bit, Metric: distance.Hamming}, 0, 1},
	} {
		x := filled(t, c.Options, vectors)
		all := truth(t, exact, queries, Filter{})
		found, differ := 0, 0
		for i, q := range queries {
			coarse, err := x.SearchCoarse(q, 10, 64, Filter{}, nil)
			if err != nil || len(coarse) != 10 || !slices.IsSortedFunc(coarse, nearer) {
				t.Fatalf("%v: %v, %v", x.Space(), coarse, err)
			}
			fine, err := x.Search(q, 10, 64, Filter{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(coarse, fine) {
				differ++
			}
			for _, h := range coarse {
				if slices.ContainsFunc(all[i], func(w Hit) bool { return w.ID == h.ID }) {
					found++
				}
			}
		}
		if got := float64(found) / float64(10*len(queries)); got < c.least || got > c.most {
			t.Errorf("%v: recall %.3f, want %.2f to %.2f", x.Space(), got, c.least, c.most)
		}
		if (differ > 0) != x.space.Rescores() {
			t.Errorf("%v: %d of %d searches differ from those that measure again", x.Space(), differ, len(queries))
		}
	}
}

// filteredWalks looks for what filters leave: of all vectors any, or those to one side, which is where some of the
// queries are and most are not; with a set, with questions, and with both. The walks hold few candidates, so that they
// are walks even where few vectors are left.
func filteredWalks(t *testing.T, x *Index, vectors, queries [][]float32) {
	for _, side := range []bool{false, true} {
		for _, percent := range []float64{50, 10, 1, 0.1} {
			// The filter means the ids with the smallest keys.
			key := func(id uint32) float64 { return float64(id*2654435761>>8) / (1 << 24) }
			if side {
				key = func(id uint32) float64 { return float64(vectors[id][7]) + float64(id)/1e6 }
			}
			last := nth(len(vectors), key, int(float64(len(vectors))*percent/100))
			means := func(id uint32) bool { return key(id) < last }
			in := setOf(len(vectors), means)
			want := truth(t, x, queries, Filter{In: in})
			for _, f := range []Filter{
				{In: in},
				{Keep: in.Has},
				{In: setOf(len(vectors), func(id uint32) bool { return id%4 > 0 || means(id) }), Keep: in.Has},
				{In: setOf(len(vectors), func(id uint32) bool { return id%8 == 0 || means(id) }), Keep: in.Has},
			} {
				for _, walk := range []bool{false, true} {
					f.Walk = walk
					got := recall(t, x, want, queries, 16, f)
					about := fmt.Sprintf("%v %%, to a side %v, a set %v, asked %v, walk %v: recall %.3f", percent, side, f.In != nil, f.Keep != nil, walk, got)
					if t.Log(about); !(got >= 0.95) {
						t.Error(about)
					}
				}
			}
		}
	}
}

// nth is the key that so many ids are under.
func nth(n int, key func(uint32) float64, under int) float64 {
	keys := make([]float64, n)
	for id := range keys {
		keys[id] = key(uint32(id))
	}
	slices.Sort(keys)
	return keys[under]
}

// TestWalkingIsForMany says when a walk under a filter is worth its while.
func TestWalkingIsForMany(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	vectors := make([][]float32, 2000)
	for i := range vectors {
		vectors[i] = random(r, 4)
	}
	x := filled(t, Options{Dim: 4}, vectors)
	half := setOf(len(vectors), func(id uint32) bool { return id%2 == 0 })
	few := setOf(len(vectors), func(id uint32) bool { return id%100 == 0 })
	asked := 0
	odd := func(id uint32) bool { asked++; return id/16%2 == 1 }
	for _, c := range []struct {
		name string
		f    Filter
		ef   int
		want bool
	}{
		{name: "half of them, and few candidates", f: Filter{In: half}, ef: 16, want: true},
		{name: "half of them, and many candidates", f: Filter{In: half}, ef: 64},
		{name: "one of a hundred", f: Filter{In: few}, ef: 1},
		{name: "one of a hundred, whatever it costs", f: Filter{In: few, Walk: true}, ef: 16, want: true},
		{name: "fewer than candidates", f: Filter{In: few, Walk: true}, ef: 20},
		{name: "none", f: Filter{In: Set{}, Walk: true}, ef: 1},
		{name: "some are asked, and every other one is kept", f: Filter{Keep: odd}, ef: 32, want: true},
		{name: "the caller says that it keeps little", f: Filter{Keep: odd, Share: 0.01}, ef: 32},
		{name: "none is kept", f: Filter{Keep: func(uint32) bool { return false }}, ef: 1},
	} {
		if got := x.Walks(c.ef, &c.f); got != c.want {
			t.Errorf("%s: Walks() = %v", c.name, got)
		}
	}
	if asked == 0 || asked > 2*probes {
		t.Errorf("%d were asked about", asked)
	}
	f := Filter{In: few}
	if x.Walks(4, &f); f.Count != 20 || f.Share != 1 {
		t.Errorf("the filter has %d, and keeps %v of them", f.Count, f.Share)
	}
}
