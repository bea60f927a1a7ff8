package umicp_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/quota"
	"github.com/hivellm/synap-go/umicp"
)

// TestAnAddressIsReadAsFastAsItMaySend: whoever sends faster is held back, all his connections together, and loses nothing; a
// rate that is taken away holds nobody.
func TestAnAddressIsReadAsFastAsItMaySend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rates := quota.NewBuckets("address_requests", quota.Rate{PerSecond: 10, Burst: 4}, 0)
		l, _, _ := serving(t, umicp.Options{Addresses: rates})
		one, two := greeted(t, l, nil), greeted(t, l, nil) // two of the four at once
		began := time.Now()
		for range 20 {
			for _, p := range []*peer{one, two} {
				p.send(p.ask(0, 0, "kv.get", map[string]any{"key": "a"}))
			}
		}
		for i := range 20 {
			for _, p := range []*peer{one, two} {
				p.expect(0, uint64(i+1), `"found":false`) //nolint:gosec // small
			}
		}
		if took := time.Since(began); took < 3700*time.Millisecond || took > 4*time.Second {
			t.Errorf("40 requests, two of them at once and ten a second, took %v", took)
		}
		rates.SetRate(quota.Rate{})
		began = time.Now()
		for range 100 {
			one.send(one.ask(0, 0, "kv.get", map[string]any{"key": "a"}))
			one.expect(0, one.id)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("without a rate requests wait for %v", took)
		}
	})
}
