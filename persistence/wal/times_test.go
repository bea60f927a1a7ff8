package wal

import (
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	var times Times
	for _, took := range []time.Duration{0, 100 * time.Microsecond, 101 * time.Microsecond, 5 * time.Second, time.Hour} {
		times.observe(took)
	}
	cumulative, count, sum := times.Snapshot()
	if len(cumulative) != len(SyncBuckets) || cumulative[0] != 2 || cumulative[1] != 3 || cumulative[len(cumulative)-1] != 4 || count != 5 ||
		sum != time.Hour+5*time.Second+201*time.Microsecond {
		t.Errorf("%v, %d, %v", cumulative, count, sum)
	}
}
