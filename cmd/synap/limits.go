package main

import (
	"fmt"
	"math"
	"runtime/debug"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/quota"
)

// LimitsConfig says how much may be used of a server.
type LimitsConfig struct {
	Memory              int64 `mapstructure:"memory"`                 // bytes, of the whole process; 0 is no limit
	RequestsPerS        int64 `mapstructure:"requests_per_s"`         // of each key; 0 is no limit
	Burst               int64 `mapstructure:"burst"`                  // of each key, at once; 0 is what may come in a second
	AddressRequestsPerS int64 `mapstructure:"address_requests_per_s"` // from each address; 0 is no limit
	AddressBurst        int64 `mapstructure:"address_burst"`          // from each address, at once; 0 is what may come in a second
}

// leastMemory is the smallest limit of memory that leaves room for anything but the program itself.
const leastMemory = 64 << 20

// limitSettings are the settings of limits: the server's own, and the quotas of namespaces that have none of their own.
func limitSettings() []setting {
	all := []setting{
		{"limits.memory", 0, "most `bytes` of memory to use, at least 64 MiB; 0 is no limit", nil},
		{"limits.requests_per_s", 0, "most `requests` a second of each key; 0 is no limit", nil},
		{"limits.burst", 0, "most `requests` of a key at once; 0 is what it may make in a second", nil},
		{"limits.address_requests_per_s", 0, "most `requests` a second from each address; 0 is no limit", nil},
		{"limits.address_burst", 0, "most `requests` from an address at once; 0 is what may come in a second", nil},
	}
	for _, q := range quota.All() {
		all = append(all, setting{"quotas." + q.String(), 0, "of each namespace: " + q.Meaning() + "; 0 is no `limit`", nil})
	}
	return all
}

// programBytes is about what the program itself takes of a limit of memory, before it holds anything.
const programBytes = 24 << 20

// heapBytes is what the heap may take of the limit of memory; 0 is no limit.
func (c *Config) heapBytes() int64 { return max(0, c.Limits.Memory-programBytes) }

// limits are what an engine heeds.
func (c *Config) limits() core.Limits {
	l := core.Limits{
		// What is alive may take nine tenths of the heap; the last one is the collector's, which else would never rest.
		Memory:  c.heapBytes() - c.heapBytes()/10,
		Callers: quota.Rate{PerSecond: c.Limits.RequestsPerS, Burst: c.Limits.Burst},
	}
	for name, limit := range c.Quotas {
		if q, ok := quota.Parse(name); ok {
			l.Quotas[q] = limit
		}
	}
	return l
}

// addressRate is what the front holds every address to.
func (c *Config) addressRate() quota.Rate {
	return quota.Rate{PerSecond: c.Limits.AddressRequestsPerS, Burst: c.Limits.AddressBurst}
}

// validateLimits refuses nonsense about limits.
func (c *Config) validateLimits() error {
	l := &c.Limits
	if l.Memory != 0 && (l.Memory < leastMemory || l.Memory > quota.MaxLimit) {
		return fault.New(fault.Invalid, "limits.memory: %d is not between %d, below which nothing fits beside the program, and %d; 0 is no limit",
			l.Memory, leastMemory, int64(quota.MaxLimit))
	}
	for _, s := range []struct {
		key   string
		value int64
	}{
		{"limits.requests_per_s", l.RequestsPerS}, {"limits.burst", l.Burst},
		{"limits.address_requests_per_s", l.AddressRequestsPerS}, {"limits.address_burst", l.AddressBurst},
	} {
		if s.value < 0 || s.value > quota.MaxLimit {
			return fault.New(fault.Invalid, "%s: %d is not between 0, which is no limit, and %d", s.key, s.value, int64(quota.MaxLimit))
		}
	}
	for _, q := range quota.All() {
		if err := q.Check(c.Quotas[q.String()]); err != nil {
			return fault.New(fault.Invalid, "%s", fmt.Sprint("quotas.", err))
		}
	}
	return nil
}

// withMemory runs the server within its limit of memory: the collector works harder the closer it comes, and the engine
// refuses to hold more than fits. Without a limit it has ballast, which would only be in the way of one.
func (c *Config) withMemory(run func() error) error {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(c.heapLimit()))
	if c.Limits.Memory == 0 {
		return withBallast(run)
	}
	return run()
}

// heapLimit is what the collector is told.
func (c *Config) heapLimit() int64 {
	if c.Limits.Memory == 0 {
		return math.MaxInt64
	}
	return c.heapBytes()
}
