package command

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// TestStripes: stacks next to each other, of whatever size, have different stripes, and all stripes are used.
func TestStripes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	used := map[int]bool{}
	for range 10_000 {
		here := random.Uint64N(1 << 47)
		one := stripeAt(here)
		if one < 0 || one >= numStripes {
			t.Fatalf("stripe %d of %d", one, numStripes)
		}
		used[one] = true
		for size := uint64(2 << 10); size <= 256<<10; size *= 2 {
			if other := stripeAt(here + size); other == one {
				t.Fatalf("stacks at %x and %d bytes above have stripe %d", here, size, one)
			}
		}
	}
	if len(used) != numStripes {
		t.Errorf("%d stripes are used, of %d", len(used), numStripes)
	}
}

// TestWhoTimesItsCallsHasAStripe: those who come one after the other have different ones, for good, and none is left out.
func TestWhoTimesItsCallsHasAStripe(t *testing.T) {
	watches := make([]Stopwatch, numStripes)
	used := map[int]bool{}
	for i := range watches {
		used[watches[i].own()] = true
	}
	for one := range used {
		if one < 0 || one >= numStripes {
			t.Errorf("stripe %d of %d", one, numStripes)
		}
	}
	if first := watches[0].own(); len(used) != numStripes || first != watches[0].own() {
		t.Errorf("%d of %d stripes are used; the first one has %d and then %d", len(used), numStripes, first, watches[0].own())
	}
}

// TestATallyIsExact: nothing that many count at once is lost.
func TestATallyIsExact(t *testing.T) {
	count := newTally()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 1000 {
				count.mine().Add(1)
			}
		})
	}
	all.Wait()
	if got := count.sum(); got != 20_000 {
		t.Errorf("%d were counted, want 20000", got)
	}
}
