package kv_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
)

// inTime runs f in a bubble whose time passes only when everybody sleeps, with an engine that runs.
func inTime(t *testing.T, f func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, kv.Options{}, journal.MemoryOptions{})
		stop := b.start()
		f(t, b)
		b.check()
		stop()
	})
}

// TestAKeyLivesToTheMillisecond looks at a key one millisecond before its deadline and at it, without a sweeper:
// reading alone must see that it is gone.
func TestAKeyLivesToTheMillisecond(t *testing.T) {
	for _, set := range []string{
		`{"key":"a","value":"1","ttl":2}`,
		`{"key":"a","value":"1","ttl_ms":2000}`,
		`{"key":"a","value":"1","expires_at":946684802000}`, // bubbles begin at midnight UTC 2000-01-01
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, kv.Options{}, journal.MemoryOptions{})
			b.must("kv.set", set)
			time.Sleep(1999 * time.Millisecond)
			b.story(`
				kv.get {"key":"a"}
				{"found":true,"value":"1","version":1,"ttl_ms":1}
				kv.ttl {"key":"a"}
				{"found":true,"ttl":1,"ttl_ms":1,"expires_at":946684802000,"version":1}
				kv.count {}
				{"count":1}`)
			time.Sleep(time.Millisecond)
			b.story(`
				kv.get {"key":"a"}
				{"found":false}
				kv.mget {"keys":["a"]}
				{"items":[{"key":"a","found":false}]}
				kv.exists {"keys":["a"]}
				{"existing":[],"missing":["a"]}
				kv.ttl {"key":"a"}
				{"found":false}
				kv.length {"key":"a"}
				{"found":false,"length":0}
				kv.getrange {"key":"a"}
				{"found":false,"size":0}
				kv.list {}
				{"items":[],"total":0}
				kv.count {"glob":"?"}
				{"count":0}
				kv.count {"prefix":"a"}
				{"count":0}
				kv.random {}
				{"found":false}
				kv.stats {}
				{"keys":0,"expiring":0,"bytes":146,"key_bytes":1,"value_bytes":1,"max_key_bytes":1024,"max_value_bytes":16777216}
				# Whoever writes finds nothing either.
				kv.expire {"key":"a","ttl":9}
				{"found":false}
				kv.persist {"key":"a"}
				{"found":false}
				kv.delete {"key":"a"}
				{"deleted":[],"missing":["a"]}
				kv.rename {"key":"a","to":"b"}
				! not_found
				kv.copy {"key":"a","to":"b"}
				! not_found
				kv.set {"key":"a","value":"2","if_present":true}
				! not_found
				kv.set {"key":"a","value":"2","if_version":1}
				! conflict
				kv.clear {"confirm":true}
				{"removed":0}
				kv.append {"key":"a","value":"2"}
				{"version":2,"length":1}
				kv.get {"key":"a"}
				{"found":true,"value":"2","version":2}`)
			b.check()
		})
	}
}

func TestDeadlinesMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, kv.Options{}, journal.MemoryOptions{})
		b.story(`
			kv.set {"key":"a","value":"1","ttl":10}
			{"version":1,"created":true,"expires_at":946684810000}
			kv.set {"key":"a","value":"2","keep_ttl":true}
			{"version":2,"created":false,"expires_at":946684810000}
			kv.append {"key":"a","value":"3"}
			{"version":3,"length":2}
			kv.increment {"key":"a","ttl":99}
			{"version":4,"value":24,"created":false}
			kv.expire {"key":"a","ttl":20,"if_version":4}
			{"version":5,"found":true,"expires_at":946684820000}
			kv.expire {"key":"a","ttl_ms":20000}
			{"found":true,"expires_at":946684820000}
			kv.rename {"key":"a","to":"b"}
			{"version":6,"replaced":false}
			kv.copy {"key":"b","to":"c"}
			{"version":7,"replaced":false}
			kv.copy {"key":"b","to":"d","ttl":1}
			{"version":8,"replaced":false}
			kv.persist {"key":"b"}
			{"version":9,"found":true}
			kv.list {}
			{"items":[{"key":"b","kind":"text","size":2,"version":9},{"key":"c","kind":"text","size":2,"version":7,"ttl":20,"ttl_ms":20000},{"key":"d","kind":"text","size":2,"version":8,"ttl":1,"ttl_ms":1000}],"total":3}
			kv.increment {"key":"n","ttl":5}
			{"version":10,"value":1,"created":true}
			kv.getset {"key":"n","value":1,"keep_ttl":true}
			{"version":11,"found":true,"value":1,"old_version":10}
			kv.ttl {"key":"n"}
			{"found":true,"ttl":5,"ttl_ms":5000,"expires_at":946684805000,"version":11}
			kv.set {"key":"n","value":1}
			{"version":12,"created":false}
			kv.ttl {"key":"n"}
			{"found":true,"version":12}
			kv.mset {"entries":[{"key":"x","value":1,"ttl":3},{"key":"y","value":2}]}
			{"version":13,"created":2,"replaced":0}
			kv.stats {}
			{"keys":6,"expiring":3,"next_expiry":946684801000,"bytes":879,"key_bytes":6,"value_bytes":9,"max_key_bytes":1024,"max_value_bytes":16777216}`)
		b.check()
	})
}

// TestSweeperFreesAndTells follows a key's end: the memory goes, and a watcher hears of it when it happens.
func TestSweeperFreesAndTells(t *testing.T) {
	inTime(t, func(t *testing.T, b *bench) {
		w := b.watch(`{"keys":["a"]}`)
		b.must("kv.set", `{"key":"a","value":"1","ttl_ms":700}`)
		b.must("kv.set", `{"key":"b","value":"1","ttl_ms":100}`)
		start := time.Now()
		w.want(`{"event":"set","key":"a","value":"1","expires_at":946684800700,"version":1}`)
		e := w.next()
		if late := time.Since(start) - 700*time.Millisecond; late < 0 || late > 5*time.Millisecond {
			t.Errorf("the key's end was told %v after it, want at most 5ms", late)
		}
		if !jsonEqual(e, `{"event":"expire","key":"a","version":4}`) {
			t.Errorf("got %s", e)
		}
		b.story(`
			kv.stats {}
			{"keys":0,"expiring":0,"bytes":0,"key_bytes":0,"value_bytes":0,"max_key_bytes":1024,"max_value_bytes":16777216}`)
		w.close()
	})
}

// TestManyDeadlinesAtOnce are swept in bounded batches, each its own record.
func TestManyDeadlinesAtOnce(t *testing.T) {
	inTime(t, func(t *testing.T, b *bench) {
		const keys, staying = 20_000, 300
		// The later deadlines come first, in every shard, so that the earlier ones have to wake the sweeper.
		for i := range staying {
			b.must("kv.set", fmt.Sprintf(`{"key":"stays%d","value":1,"ttl":60}`, i))
		}
		for from := 0; from < keys; from += 1000 {
			var entries []string
			for i := range 1000 {
				entries = append(entries, fmt.Sprintf(`{"key":"k%05d","value":1,"ttl":1}`, from+i))
			}
			b.must("kv.mset", `{"entries":[`+strings.Join(entries, ",")+`]}`)
		}
		time.Sleep(time.Second + 100*time.Millisecond)
		synctest.Wait()
		if got := b.must("kv.stats", `{}`); !strings.HasPrefix(got, `{"keys":300,"expiring":300,`) || !strings.Contains(got, `"value_bytes":300,`) {
			t.Errorf("after the sweep: %s", got)
		}
		swept := 0
		for _, rec := range b.journal.records[staying+keys/1000:] {
			n := rec.Len()
			if swept += n; n > 128 {
				t.Errorf("one record sweeps %d keys, want at most 128", n)
			}
		}
		if swept != keys {
			t.Errorf("%d keys were swept, want %d", swept, keys)
		}
	})
}

// TestARenewedKeyIsNotSwept at the time that it had first.
func TestARenewedKeyIsNotSwept(t *testing.T) {
	inTime(t, func(t *testing.T, b *bench) {
		b.must("kv.set", `{"key":"lock","value":"me","ttl":1}`)
		for range 5 {
			time.Sleep(900 * time.Millisecond)
			b.must("kv.expire", `{"key":"lock","ttl":1}`)
		}
		if got := b.answer("kv.get", `{"key":"lock"}`); got["found"] != true {
			t.Errorf("got %v", got)
		}
		time.Sleep(1001 * time.Millisecond)
		synctest.Wait()
		if b.engine.Check() != nil || b.answer("kv.get", `{"key":"lock"}`)["found"] != false {
			t.Error("the key outlived its last renewal")
		}
	})
}

// TestLock takes turns with if_absent and ttl; versions only grow, so that a late holder can be fenced off.
func TestLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, kv.Options{}, journal.MemoryOptions{})
		const take = `{"key":"lock","value":"%s","if_absent":true,"ttl":10}`
		first := version(b.must("kv.set", fmt.Sprintf(take, "one")))
		e := b.fails(fault.AlreadyExists, "kv.set", fmt.Sprintf(take, "two"))
		if e.Details["version"] != first {
			t.Errorf("the loser hears of version %v, want %d", e.Details["version"], first)
		}
		time.Sleep(10 * time.Second)
		second := version(b.must("kv.set", fmt.Sprintf(take, "two")))
		if second <= first {
			t.Errorf("the second token is %d, not more than the first, %d", second, first)
		}
		_ = b.fails(fault.Conflict, "kv.delete", fmt.Sprintf(`{"key":"lock","if_version":%d}`, first))
		_ = b.fails(fault.Conflict, "kv.expire", fmt.Sprintf(`{"key":"lock","ttl":10,"if_version":%d}`, first))
		renewed := version(b.must("kv.expire", fmt.Sprintf(`{"key":"lock","ttl":30,"if_version":%d}`, second)))
		b.must("kv.delete", fmt.Sprintf(`{"key":"lock","if_version":%d}`, renewed))
		b.must("kv.set", fmt.Sprintf(take, "three"))
		b.check()
	})
}

// TestRandomAmongTheDead finds the one key that lives, however few it is among.
func TestRandomAmongTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, kv.Options{}, journal.MemoryOptions{})
		for i := range 3000 {
			b.must("kv.set", fmt.Sprintf(`{"key":"dead%d","value":1,"ttl_ms":1}`, i))
		}
		b.must("kv.set", `{"key":"alive","value":1}`)
		time.Sleep(time.Millisecond)
		for range 10 {
			if got := b.must("kv.random", `{}`); got != `{"found":true,"key":"alive"}` {
				t.Errorf("got %s", got)
			}
		}
	})
}

// TestSweepStopsWithTheEngine: after Run has returned nothing is swept, and nothing is read late.
func TestSweepStopsWithTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, kv.Options{}, journal.MemoryOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.engine.Run(ctx); err != nil {
			t.Fatal(err)
		}
		b.must("kv.set", `{"key":"a","value":1,"ttl_ms":5}`)
		time.Sleep(time.Second)
		if got := b.must("kv.get", `{"key":"a"}`); got != `{"found":false}` {
			t.Errorf("got %s", got)
		}
		if n := len(b.journal.records); n != 1 {
			t.Errorf("%d records, want 1", n)
		}
	})
}
