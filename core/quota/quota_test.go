package quota_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/quota"
)

// TestTheNumbersArePermanent: they are in logs and snapshots.
func TestTheNumbersArePermanent(t *testing.T) {
	want := []string{
		"memory_bytes", "keys", "value_bytes", "queues", "queue_depth", "rooms", "subscriptions", "connections", "requests_per_s", "bytes_per_s",
	}
	if got := quota.Names(); !slices.Equal(got, want) {
		t.Errorf("the quotas are %v", got)
	}
	for i, q := range quota.All() {
		if int(q) != i+1 || q.Meaning() == "" {
			t.Errorf("quota %d is number %d, and means %q", i, q, q.Meaning())
		}
		if parsed, ok := quota.Parse(q.String()); !ok || parsed != q {
			t.Errorf("%s is read as %v", q, parsed)
		}
	}
	if _, ok := quota.Parse(""); ok {
		t.Error("nothing is a quota")
	}
}

func TestOwnLimitsAreOverTheDefaults(t *testing.T) {
	defaults := quota.Limits{quota.Keys: 10, quota.Rooms: 20}
	own := quota.Own()
	if got := own.Over(defaults); got != defaults {
		t.Errorf("without own ones: %v", got)
	}
	own[quota.Keys], own[quota.Queues] = 0, 5
	if got, want := own.Over(defaults), (quota.Limits{quota.Queues: 5, quota.Rooms: 20}); got != want {
		t.Errorf("with own ones: %v, want %v", got, want)
	}
}

// used checks that an error is the refusal of a quota, and returns when to come again.
func used(t *testing.T, err error, name string, limit, use int64) time.Duration {
	t.Helper()
	e := fault.From(err)
	if e == nil || e.Code != fault.Exhausted || e.Details["quota"] != name || e.Details["limit"] != limit || e.Details["use"] != use {
		t.Fatalf("got %v %v, want %s exhausted with limit %d and use %d", err, e, name, limit, use)
	}
	after, _ := e.Details["retry_after_ms"].(int64)
	return time.Duration(after) * time.Millisecond
}

func TestWhatIsOpenIsCounted(t *testing.T) {
	m := quota.NewMeter()
	for range 3 {
		if err := m.Open(quota.Connections); err != nil {
			t.Fatal(err)
		}
	}
	m.SetLimits(quota.Limits{quota.Connections: 2})
	used(t, m.Open(quota.Connections), "connections", 2, 3)
	m.Close(quota.Connections)
	used(t, m.Open(quota.Connections), "connections", 2, 2)
	m.Close(quota.Connections)
	if err := m.Open(quota.Connections); err != nil || m.Opened(quota.Connections) != 2 || m.Refusals(quota.Connections) != 2 {
		t.Errorf("%v, %d open, %d refused", err, m.Opened(quota.Connections), m.Refusals(quota.Connections))
	}
	m.SetLimits(quota.Limits{})
	if err := m.Open(quota.Connections); err != nil || m.Limits() != nil {
		t.Errorf("without a limit: %v", err)
	}
}

// TestRates runs in virtual time.
func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := quota.NewMeter()
		m.SetLimits(quota.Limits{quota.RequestsPerS: 10, quota.BytesPerS: 1000})
		admit := func(weight, bytes int64) error { return m.Admit(time.Now(), weight, bytes) }
		for range 10 {
			if err := admit(1, 0); err != nil {
				t.Fatal(err)
			}
		}
		after := used(t, admit(1, 0), "requests_per_s", 10, 10)
		if after != 100*time.Millisecond {
			t.Errorf("come again in %v", after)
		}
		time.Sleep(after)
		if err := admit(1, 0); err != nil {
			t.Errorf("at the time that was said: %v", err)
		}
		used(t, admit(1, 0), "requests_per_s", 10, 10)
		time.Sleep(time.Second)
		// What weighs more than all that may come at once passes when everything is there, and takes it all.
		if err := admit(1000, 0); err != nil {
			t.Errorf("a heavy one: %v", err)
		}
		if after := used(t, admit(5, 0), "requests_per_s", 10, 10); after != 500*time.Millisecond {
			t.Errorf("a heavier one comes again in %v", after)
		}
		if err := admit(0, 1000); err != nil {
			t.Errorf("what weighs nothing: %v", err)
		}
		m.Owe(500) // an answer, for which nobody asked
		if after := used(t, admit(0, 500), "bytes_per_s", 1000, 1000); after != time.Second {
			t.Errorf("more bytes in %v", after)
		}
		began := time.Now()
		if err := m.Wait(t.Context(), 250); err != nil || time.Since(began) != 750*time.Millisecond {
			t.Errorf("who may wait waited %v, %v", time.Since(began), err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := m.Wait(short, 1000); fault.CodeOf(err) != fault.Timeout {
			t.Errorf("who has no time to wait: %v", err)
		}
		time.Sleep(2 * time.Second)
		m.Admit(time.Now(), 3, 100) //nolint:errcheck // there is room
		got := fmt.Sprintf("%+v", m.Levels(nil, time.Now()))
		const want = "[{Name:requests_per_s PerSecond:10 Burst:10 Left:7 Full:300ms} {Name:bytes_per_s PerSecond:1000 Burst:1000 Left:900 Full:100ms}]"
		if got != want {
			t.Errorf("the levels are %s", got)
		}
		m.SetLimits(quota.Limits{quota.RequestsPerS: 10})
		used(t, admit(8, 1e9), "requests_per_s", 10, 3)
	})
}

// TestBucketsAreBounded: who is known keeps what he has, whoever else comes.
func TestBucketsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 64
		b := quota.NewBuckets("requests", quota.Rate{PerSecond: 1, Burst: 2}, most)
		take := func(key string) error { return b.Take(key, quota.Rate{}, time.Now(), 1) }
		if err := take("friend"); err != nil {
			t.Fatal(err)
		}
		refused := 0
		for i := range 10_000 {
			if err := take(fmt.Sprint("stranger", i)); err != nil {
				used(t, err, "requests", 1, 2)
				refused++
			}
		}
		if n := b.Len(); n > most {
			t.Errorf("%d are told apart, and %d may be", n, most)
		}
		// Those for whom there is no room share one bucket in each of 16 parts.
		if least := 10_000 - most - 2*16; refused < least {
			t.Errorf("%d of 10,000 strangers were refused, want %d at least", refused, least)
		}
		if err := take("friend"); err != nil {
			t.Errorf("somebody who was there before: %v", err)
		}
		used(t, take("friend"), "requests", 1, 2)
		time.Sleep(time.Hour) // all have recovered, and make room
		for i := range 10_000 {
			if err := take(fmt.Sprint("later", i)); err != nil {
				refused++
			}
			time.Sleep(3 * time.Second)
		}
		if n := b.Len(); n > most || refused > 10_000 {
			t.Errorf("%d are told apart, %d were refused", n, refused)
		}
		b.SetRate(quota.Rate{})
		if err := take("friend"); err != nil || b.Limited() || b.Len() != 0 {
			t.Errorf("without a rate: %v, %d", err, b.Len())
		}
		b.SetRate(quota.Rate{PerSecond: 5})
		if got := fmt.Sprintf("%+v", b.Levels(nil, "friend", quota.Rate{}, time.Now())); got != "[{Name:requests PerSecond:5 Burst:5 Left:5 Full:0s}]" {
			t.Errorf("another rate: %s", got)
		}
	})
}

// TestMemoryIsMeasuredWhenItMatters: far from the limit hardly ever, close to it always, so that nobody is refused for
// what is not so.
func TestMemoryIsMeasuredWhenItMatters(t *testing.T) {
	const limit = 16 << 20
	m := quota.NewMemory(func(limit, use int64) error { return quota.MemoryBytes.Refuse(limit, use) })
	held, measured := int64(0), 0
	measure := func() int64 { measured++; return held }
	write := func(bytes, grows int64) error {
		m.Refresh(measure)
		if err := m.Admit(bytes); err != nil {
			return err
		}
		held += grows
		return nil
	}
	if err := write(limit*2, 0); err != nil || measured != 0 {
		t.Errorf("without a limit: %v, measured %d times", err, measured)
	}
	m.SetLimit(limit)
	for range 8 << 10 { // half of it, 1 KiB at a time
		if err := write(1<<10, 1<<10); err != nil {
			t.Fatal(err)
		}
	}
	if measured > 10 {
		t.Errorf("measured %d times on the way", measured)
	}
	for range 1 << 20 { // what is only overwritten takes no more
		if err := write(1<<10, 0); err != nil {
			t.Fatalf("overwriting is refused: %v", err)
		}
	}
	if measured > 1100 {
		t.Errorf("measured %d times for a GiB that was overwritten", measured)
	}
	if err := write(9<<20, 0); fault.CodeOf(err) != fault.Exhausted {
		t.Errorf("what does not fit by a MiB: %v", err)
	}
	for held+1<<10 <= limit {
		if err := write(1<<10, 1<<10); err != nil {
			t.Fatalf("with %d of %d used: %v", held, limit, err)
		}
	}
	used(t, write(1<<10, 1<<10), "memory_bytes", limit, limit)
	held -= 4 << 10
	if err := write(1<<10, 1<<10); err != nil {
		t.Errorf("after something was deleted: %v", err)
	}
	m.SetLimit(held - 1)
	used(t, write(1, 1), "memory_bytes", held-1, held)
}

func TestALimitIsALimit(t *testing.T) {
	for _, limit := range []int64{-1, quota.MaxLimit + 1} {
		if quota.Keys.Check(limit) == nil {
			t.Errorf("%d was taken for a limit", limit)
		}
	}
	for _, limit := range []int64{0, 1, quota.MaxLimit} {
		if err := quota.Keys.Check(limit); err != nil {
			t.Error(err)
		}
	}
}
