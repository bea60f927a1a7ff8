package quota_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/quota"
)

// TestARateIsATokenBucket holds it against one that is written as it is explained: tokens that come back all the time.
func TestARateIsATokenBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 0))
		for range 50 {
			r := quota.Rate{PerSecond: 1 + random.Int64N(2000), Burst: 1 + random.Int64N(100)}
			b := quota.NewBuckets("rate", r, 0)
			tokens, last := float64(r.Burst), time.Now()
			for range 500 {
				time.Sleep(time.Duration(random.Int64N(int64(2*time.Second) / r.PerSecond)))
				now := time.Now()
				tokens = min(float64(r.Burst), tokens+now.Sub(last).Seconds()*float64(r.PerSecond))
				last = now
				n := 1 + random.Int64N(3)
				wants := float64(min(n, r.Burst))
				const rounding = 1e-3
				if d := tokens - wants; d > -rounding && d < rounding {
					continue // which of the two rounds better does not matter
				}
				passes := b.Take("a", quota.Rate{}, now, n) == nil
				if passes != (tokens >= wants) {
					t.Fatalf("seed %d, %+v: %d of %.6f tokens passes: %v", seed, r, n, tokens, passes)
				}
				if passes {
					tokens -= wants
				}
				if left := b.Levels(nil, "a", quota.Rate{}, now)[0].Left; float64(left) > tokens+rounding || float64(left) < tokens-1-rounding {
					t.Fatalf("seed %d, %+v: %d are left of %.6f", seed, r, left, tokens)
				}
			}
		}
	})
}

// TestARateUnderMany: however many take at once, no more pass than may.
func TestARateUnderMany(t *testing.T) {
	b := quota.NewBuckets("rate", quota.Rate{PerSecond: 1, Burst: 1000}, 0)
	now := time.Now()
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				if b.Take("a", quota.Rate{}, now, 1) == nil {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if passed.Load() != 1000 {
		t.Errorf("%d passed", passed.Load())
	}
}

// TestOwnRates: who has a rate of its own is held to that one, also where nobody else is, and to another as soon as it has another.
func TestOwnRates(t *testing.T) {
	b := quota.NewBuckets("rate", quota.Rate{}, 0)
	now := time.Now()
	own := quota.Rate{PerSecond: 2}
	take := func(key string, r quota.Rate, times int) (passed int) {
		for range times {
			if b.Take(key, r, now, 1) == nil {
				passed++
			}
		}
		return passed
	}
	if got := take("a", own, 5); got != 2 {
		t.Errorf("%d of its own passed", got)
	}
	if got := take("b", quota.Rate{}, 5); got != 5 {
		t.Errorf("%d passed of somebody who has none", got)
	}
	if got := take("a", quota.Rate{PerSecond: 2, Burst: 4}, 5); got != 4 {
		t.Errorf("%d of another rate passed", got)
	}
	b.SetRate(quota.Rate{PerSecond: 1})
	if got := take("b", quota.Rate{}, 5); got != 1 {
		t.Errorf("%d passed of everybody's", got)
	}
	if got := take("a", own, 5); got != 2 {
		t.Errorf("%d of its own passed where everybody has one", got)
	}
}
