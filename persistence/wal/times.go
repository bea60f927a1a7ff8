package wal

import (
	"sync/atomic"
	"time"
)

// SyncBuckets are the upper bounds of the times that Times tells apart; the last one has none.
var SyncBuckets = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second,
}

// Times counts how long something took. It may be read while it is added to.
type Times struct {
	counts [len(SyncBuckets) + 1]atomic.Uint64
	sum    atomic.Int64 // nanoseconds
}

func (t *Times) observe(took time.Duration) {
	i := 0
	for i < len(SyncBuckets) && took > SyncBuckets[i] {
		i++
	}
	t.counts[i].Add(1)
	t.sum.Add(int64(took))
}

// Snapshot returns how many times were at most as long as each of SyncBuckets, how many there are, and their sum.
func (t *Times) Snapshot() (cumulative []uint64, count uint64, sum time.Duration) {
	for i := range t.counts {
		count += t.counts[i].Load()
		if i < len(SyncBuckets) {
			cumulative = append(cumulative, count)
		}
	}
	return cumulative, count, time.Duration(t.sum.Load())
}
