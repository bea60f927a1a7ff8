package hnsw

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hivellm/synap-go/vector/distance"
)

// TestTwinsAreNoTrap puts many of one vector among others: the others are found as if they were alone, every twin can be
// come by, and so it stays while the twins are deleted in any order.
func TestTwinsAreNoTrap(t *testing.T) {
	const dim, n, one = 32, 600, 5 // one of so many is no twin
	for _, o := range []Options{
		{Dim: dim, M: 8, EfConstruction: 40},
		{Dim: dim, M: 8, EfConstruction: 40, Metric: distance.Euclidean, Element: distance.Int8},
	} {
		for seed := range uint64(3) {
			r := rand.New(rand.NewPCG(seed, 3))
			x := mustNew(t, o)
			same, twins := random(r, dim), []uint32{}
			var others [][]float32
			for id := range uint32(n) {
				v := same
				if id%one == 0 {
					v = random(r, dim)
					others = append(others, v)
				} else {
					twins = append(twins, id)
				}
				if err := x.Insert(id, v); err != nil {
					t.Fatal(err)
				}
			}
			check := func(when string) {
				t.Helper()
				if err := x.Check(); err != nil {
					t.Fatalf("%s: %v", when, err)
				}
				there := come(x)
				for _, id := range twins {
					if x.Has(id) && !there[id] {
						t.Errorf("%v %s, seed %d: the twin %d cannot be come by", x.Space(), when, seed, id)
					}
				}
				found := 0
				for i, v := range others {
					hits, err := x.Search(v, 1, 64, Filter{}, nil)
					if err != nil {
						t.Fatal(err)
					}
					if len(hits) == 1 && hits[0].ID == uint32(i*one) {
						found++
					}
				}
				if part := float64(found) / float64(len(others)); part < 0.9 {
					t.Errorf("%v %s, seed %d: %v of the others are found", x.Space(), when, seed, part)
				}
			}
			check("with all twins")
			switch seed % 3 {
			case 1:
				slices.Reverse(twins)
			case 2:
				r.Shuffle(len(twins), func(i, j int) { twins[i], twins[j] = twins[j], twins[i] })
			}
			for i, id := range twins {
				x.Delete(id)
				if i == len(twins)/2 || i == len(twins)-20 {
					check("with fewer twins")
				}
			}
			check("without twins")
		}
	}
}

// come is every id that links lead to from the entry on.
func come(x *Index) map[uint32]bool {
	at, ok := x.enter()
	if !ok {
		return nil
	}
	seen, todo := map[uint32]bool{at: true}, []uint32{at}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for level := range x.links.level(id) + 1 {
			for _, other := range read(x.links.list(id, level), nil) {
				if x.alive.has(other) && !seen[other] {
					seen[other] = true
					todo = append(todo, other)
				}
			}
		}
	}
	return seen
}
