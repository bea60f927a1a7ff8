package core_test

import (
	"fmt"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/quota"
)

// ample are limits that nothing in a benchmark reaches.
const ample = 1 << 40

// BenchmarkLimits measures what limits cost a request, by setting more and more of them. What they add to the first row is
// their cost: clocks and buckets for rates, a counter for memory, a second look-up of the key for their number.
func BenchmarkLimits(b *testing.B) {
	rate := quota.Rate{PerSecond: ample / 1000, Burst: ample}
	for _, row := range []struct {
		name   string
		limits core.Limits
	}{
		{"none", core.Limits{}},
		{"caller", core.Limits{Callers: rate}},
		{"namespace", core.Limits{Quotas: quota.Limits{quota.RequestsPerS: ample}}},
		{"memory", core.Limits{Memory: ample, Quotas: quota.Limits{quota.MemoryBytes: ample}}},
		{"keys", core.Limits{Quotas: quota.Limits{quota.Keys: ample}}},
		{"usual", core.Limits{Memory: ample, Callers: rate, Quotas: quota.Limits{
			quota.MemoryBytes: ample, quota.RequestsPerS: ample, quota.Keys: ample, quota.Queues: ample, quota.Rooms: ample, quota.Subscriptions: ample,
		}}},
		{"all", core.Limits{Memory: ample, Callers: rate, Quotas: quota.Limits{
			quota.MemoryBytes: ample, quota.RequestsPerS: ample, quota.Keys: ample, quota.ValueBytes: ample, quota.BytesPerS: ample,
		}}},
	} {
		for _, command := range []string{"get", "set"} {
			b.Run(fmt.Sprintf("%s/%s", row.name, command), func(b *testing.B) {
				x := newBench(b)
				if err := x.engine.SetLimits(row.limits); err != nil {
					b.Fatal(err)
				}
				if command == "get" {
					x.run(b, false, x.get, func(i int) any { return &x.gets[i] })
				} else {
					x.run(b, false, x.set, func(i int) any { return &x.sets[i] })
				}
			})
		}
	}
}
