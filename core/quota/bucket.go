package quota

import (
	"math"
	"sync/atomic"
	"time"
)

// bucket holds callers to a Rate, by the time at which it will be full again: what passes moves that into the future, and so far
// that it is further away than filling takes it must not be. That is one number, which is changed without a lock; a limiter with
// a mutex and tokens in floating point (golang.org/x/time/rate, which was here before) took a third of all that it costs a request
// to be admitted (BenchmarkAdmission).
type bucket struct {
	rate Rate          // with its burst
	fill time.Duration // how long it takes from empty to full
	full atomic.Int64  // when it is full, in nanoseconds of the package's clock
}

// began is where the package's clock begins; it is monotonic.
var began = time.Now()

func newBucket(r Rate) *bucket {
	b := &bucket{rate: Rate{r.PerSecond, min(r.burst(), math.MaxInt32)}}
	b.fill = b.cost(b.rate.Burst)
	b.full.Store(math.MinInt64) // it was always full
	return b
}

// cost is how long it takes until n have come back. n is at most the burst, so that nothing overflows.
func (b *bucket) cost(n int64) time.Duration {
	return time.Duration(n * int64(time.Second) / b.rate.PerSecond)
}

// most is what n counts for: what is more than may ever come at once passes when everything is there, and takes it all.
func (b *bucket) most(n int64) int64 { return min(n, b.rate.Burst) }

// take lets n pass, or says how long it is until they may.
func (b *bucket) take(now time.Time, n int64) (wait time.Duration) {
	at, cost := int64(now.Sub(began)), int64(b.cost(b.most(n)))
	for {
		full := b.full.Load()
		next := max(full, at) + cost
		if wait := time.Duration(next-at) - b.fill; wait > 0 {
			return wait
		}
		if b.full.CompareAndSwap(full, next) {
			return 0
		}
	}
}

// owe counts n without asking, so that what comes next waits for them, and says how long it would have been until they might.
func (b *bucket) owe(now time.Time, n int64) (wait time.Duration) {
	at, cost := int64(now.Sub(began)), int64(b.cost(b.most(n)))
	for {
		full := b.full.Load()
		next := max(full, at) + cost
		if b.full.CompareAndSwap(full, next) {
			return time.Duration(next-at) - b.fill
		}
	}
}

// giveBack undoes an owe.
func (b *bucket) giveBack(n int64) { b.full.Add(-int64(b.cost(b.most(n)))) }

// missing is how long it is until the bucket is full.
func (b *bucket) missing(now time.Time) time.Duration {
	full, at := b.full.Load(), int64(now.Sub(began))
	if full <= at {
		return 0
	}
	return time.Duration(full - at)
}

// used is how much of the burst is not there, at least and at most: part of one may have come back.
func (b *bucket) used(now time.Time) (least, most int64) {
	parts := int64(min(b.missing(now), b.fill)) * b.rate.PerSecond // at most the burst, in billionths
	return parts / int64(time.Second), (parts + int64(time.Second) - 1) / int64(time.Second)
}
