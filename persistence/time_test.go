package persistence_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// live runs a world as a server does, until stop.
func live(t *testing.T, fs vfs.FS, o persistence.Options) (w *world, stop func()) {
	t.Helper()
	w = mustOpen(t, fs, o)
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() { _ = w.store.Run(ctx) })
	parts.Go(func() { _ = w.engine.Run(ctx) })
	return w, func() {
		cancel()
		parts.Wait()
		w.close(t)
	}
}

// TestTimeGoesOnWhileTheServerIsDown: what was to happen at a time happens then, or as soon as there is a server again; a
// restart neither forgets it nor begins to count anew.
func TestTimeGoesOnWhileTheServerIsDown(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			fs := vfs.NewMem()
			w, stop := live(t, fs, persistence.Options{})
			defer func() { stop() }()
			w.do(t, "kv.set", `{"key":"short","value":1,"ttl":10}`)
			w.do(t, "kv.set", `{"key":"long","value":1,"ttl":100}`)
			w.do(t, "queue.publish", `{"queue":"jobs","message":"leased"}`)
			w.do(t, "queue.receive", `{"queue":"jobs","lease":30}`)
			w.do(t, "queue.publish", `{"queue":"jobs","message":"delayed","delay":60}`)
			w.do(t, "queue.publish", `{"queue":"jobs","message":"fleeting","ttl":5}`)
			w.do(t, "stream.create", `{"room":"log","max_age_ms":40000}`)
			w.do(t, "stream.append", `{"room":"log","event":"e","data":1}`)
			w.do(t, "stream.group.create", `{"room":"log","group":"g","session_ms":45000}`)
			w.do(t, "stream.group.join", `{"room":"log","group":"g","member":"m"}`)
			if snapshot {
				for range 2 {
					if _, err := w.store.Snapshot(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			stop()
			time.Sleep(20 * time.Second)
			w, stop = live(t, fs, persistence.Options{})
			time.Sleep(2 * time.Second)
			has := func(when, command, request, want string) {
				t.Helper()
				if got, err := w.try(command, request); err != nil || !strings.Contains(got, want) {
					t.Errorf("%s, from a snapshot: %v: %s %s: %s %v, want %s", when, snapshot, command, request, got, err, want)
				}
			}
			has("after 22 s", "kv.get", `{"key":"short"}`, `"found":false`)
			has("after 22 s", "kv.get", `{"key":"long"}`, `"found":true`)
			has("after 22 s, swept", "kv.stats", `{}`, `"keys":1,"expiring":1`)
			has("after 22 s", "queue.stats", `{"queue":"jobs"}`, `"ready":0,"leased":1,"delayed":1`)
			has("after 22 s", "stream.read", `{"room":"log","start":"earliest"}`, `"event":"e"`)
			time.Sleep(10 * time.Second)
			has("after 32 s", "queue.stats", `{"queue":"jobs"}`, `"ready":1,"leased":0,"delayed":1`)
			has("after 32 s", "queue.receive", `{"queue":"jobs"}`, `"attempt":2`)
			stop()
			time.Sleep(20 * time.Second)
			w, stop = live(t, fs, persistence.Options{})
			time.Sleep(time.Second)
			has("after 53 s", "stream.read", `{"room":"log","start":"earliest"}`, `"events":[]`)
			has("after 53 s", "stream.group.stats", `{"room":"log","group":"g"}`, `"members":[]`)
			time.Sleep(10 * time.Second)
			has("after 63 s", "queue.receive", `{"queue":"jobs","max":10}`, `"message":"delayed"`)
			time.Sleep(40 * time.Second)
			has("after 103 s", "kv.get", `{"key":"long"}`, `"found":false`)
			if err := w.engine.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPeriodicLosesAnIntervalAtMost writes at every moment and loses the power at every moment: what was answered longer
// ago than the interval is there.
func TestPeriodicLosesAnIntervalAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		w, stop := live(t, mem, persistence.Options{Mode: persistence.Periodic, Interval: time.Second})
		defer stop()
		var made []time.Time // of each record
		for i := range 400 {
			w.do(t, "kv.set", fmt.Sprintf(`{"key":"k","value":%d}`, i))
			made = append(made, time.Now())
			time.Sleep(time.Duration(7+i%23) * time.Millisecond)
			if i%20 != 0 {
				continue
			}
			left := mustOpen(t, mem.Crash(nil), persistence.Options{})
			for _, at := range made[left.seq():] {
				if age := time.Since(at); age > time.Second+10*time.Millisecond {
					t.Fatalf("a record that was answered %v ago is lost", age)
				}
			}
		}
	})
}

// TestRandomHistories plays everything in any order, restarts, kills and power failures among it: each time all is as it was.
func TestRandomHistories(t *testing.T) {
	for range often(10, 200) {
		rapid.Check(t, func(rt *rapid.T) { randomHistory(t, rt) })
	}
}

func randomHistory(t *testing.T, rt *rapid.T) {
	mem := vfs.NewMem()
	o := persistence.Options{
		Mode: persistence.Always, Compress: rapid.Bool().Draw(rt, "compress"), SegmentBytes: rapid.Int64Range(200, 5000).Draw(rt, "segment"),
	}
	w := mustOpen(t, mem, o)
	reopen := func(what string, fs *vfs.Mem) {
		before, seq := w.engine.Digest(), w.seq()
		w = mustOpen(t, fs, o)
		if w.seq() != seq || w.engine.Digest() != before {
			rt.Fatalf("after %s it is at %d, was at %d; all is as it was: %v", what, w.seq(), seq, w.engine.Digest() == before)
		}
		mem = fs
	}
	for range rapid.IntRange(1, 60).Draw(rt, "steps") {
		switch n := rapid.IntRange(0, 30).Draw(rt, "step"); n {
		case 30:
			w.close(t)
			reopen("it was closed", mem)
		case 29:
			reopen("it was killed", mem.Kill())
		case 28:
			reopen("the power was lost", mem.Crash(nil))
		case 27, 26:
			if _, err := w.store.Snapshot(t.Context()); err != nil {
				rt.Fatal(err)
			}
		case 25:
			w.store.Compress()
		default:
			switch err := w.play(rapid.IntRange(0, 200).Draw(rt, "change")); fault.CodeOf(err) {
			case 0, fault.AlreadyExists, fault.NotFound, fault.Conflict, fault.Invalid: // what it says depends on what went before
			default:
				rt.Fatal(err)
			}
		}
	}
	if err := w.engine.Check(); err != nil {
		rt.Fatal(err)
	}
}

// TestTheBankOutlivesItsServers moves money between keys, a queue and a room, in transactions, by several tellers at once, and
// ends the server at any moment: whatever is left, no money was lost or made.
func TestTheBankOutlivesItsServers(t *testing.T) {
	const accounts, start = 3, 1000
	for seed := range often(15, 3000) {
		var mu sync.Mutex
		var left *vfs.Mem
		mem, end := vfs.NewMem(), int64(60+seed*13%200)
		fs := vfs.NewFaulty(mem, func(op vfs.Op) vfs.Fault {
			mu.Lock()
			defer mu.Unlock()
			if op.N >= end && left == nil {
				left = mem.Crash(luck(seed, op.N))
			}
			if left != nil {
				return vfs.Fault{Err: errPower}
			}
			return vfs.Fault{}
		})
		w := mustOpen(t, fs, persistence.Options{Mode: []persistence.Mode{persistence.Always, persistence.Never}[seed%2], SegmentBytes: 1000})
		w.do(t, "txn.exec", `{"do":[{"command":"kv.set","payload":{"key":"a0","value":1000}},{"command":"kv.set","payload":{"key":"a1","value":1000}},
			{"command":"kv.set","payload":{"key":"a2","value":1000}},{"command":"stream.create","payload":{"room":"vault"}},
			{"command":"queue.create","payload":{"queue":"envelopes","max_attempts":1000}}]}`)
		if err := w.store.Flush(); err != nil {
			t.Fatal(err)
		}
		w.store.Tick()
		var tellers sync.WaitGroup
		for id := range 4 {
			tellers.Go(func() {
				for i := 0; i < 60 && w.teller(id+i) == nil; i++ {
					if i%15 == 14 {
						_, _ = w.store.Snapshot(t.Context()) // the power may be gone
					}
					if id == 0 {
						_ = w.store.Flush() // the same
					}
				}
			})
		}
		tellers.Wait()
		mu.Lock()
		if left == nil {
			left = mem.Crash(nil)
		}
		mu.Unlock()
		w = mustOpen(t, left, persistence.Options{})
		if got := w.money(t); got != accounts*start && w.seq() > 0 {
			t.Fatalf("seed %d: there is %d, and was %d", seed, got, accounts*start)
		}
	}
}

// teller moves some money.
func (w *world) teller(i int) error {
	pay := func(account, amount int) string {
		return fmt.Sprintf(`{"command":"kv.increment","payload":{"key":"a%d","by":%d}}`, account%3, amount)
	}
	amount := 1 + i%50
	var into string
	switch i % 3 {
	case 0:
		into = pay(i+1, amount)
	case 1:
		into = fmt.Sprintf(`{"command":"queue.publish","payload":{"queue":"envelopes","message":%d}}`, amount)
	case 2:
		into = fmt.Sprintf(`{"command":"stream.append","payload":{"room":"vault","event":"in","data":%d}}`, amount)
	}
	if _, err := w.try("txn.exec", fmt.Sprintf(`{"do":[%s,%s]}`, pay(i, -amount), into)); err != nil {
		return err
	}
	if i%2 == 0 {
		return nil
	}
	text, err := w.try("queue.receive", `{"queue":"envelopes"}`)
	var got queue.ReceiveResponse
	if err != nil || json.Unmarshal([]byte(text), &got) != nil || len(got.Messages) == 0 {
		return err
	}
	_, err = w.try("txn.exec", fmt.Sprintf(`{"if":[{"queue":"envelopes","receipts":[%q]}],"do":[{"command":"queue.ack","payload":{"receipts":[%q]}},
		{"command":"kv.increment","payload":{"key":"a%d","by":%s}}]}`, got.Messages[0].Receipt, got.Messages[0].Receipt, i%3, got.Messages[0].Message.Data()))
	return err
}

// money is all there is.
func (w *world) money(t *testing.T) (sum int) {
	t.Helper()
	var keys struct{ Items []struct{ Value int } }
	var found struct{ Messages []struct{ Message int } }
	var vault stream.ReadResponse
	for request, into := range map[[2]string]any{
		{"kv.mget", `{"keys":["a0","a1","a2"]}`}:                             &keys,
		{"queue.peek", `{"queue":"envelopes","limit":1000,"full":true}`}:     &found,
		{"stream.read", `{"room":"vault","start":"earliest","limit":10000}`}: &vault,
	} {
		if err := json.Unmarshal([]byte(w.do(t, request[0], request[1])), into); err != nil {
			t.Fatal(err)
		}
	}
	var leased struct{ Messages []struct{ Message int } }
	if err := json.Unmarshal([]byte(w.do(t, "queue.peek", `{"queue":"envelopes","state":"leased","limit":1000,"full":true}`)), &leased); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys.Items {
		sum += k.Value
	}
	for _, m := range append(found.Messages, leased.Messages...) {
		sum += m.Message
	}
	for _, e := range vault.Events {
		var amount int
		if err := json.Unmarshal([]byte(e.Data.Data()), &amount); err != nil {
			t.Fatal(err)
		}
		sum += amount
	}
	return sum
}

// TestASnapshotRestsAfterWork for twice as long, but not for what the machine stood still, and not when the server stops.
func TestASnapshotRestsAfterWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rests := func(ctx context.Context, worked time.Duration) (time.Duration, error) {
			began := time.Now()
			err := persistence.RestAfter(ctx, worked)
			return time.Since(began), err
		}
		for _, c := range []struct{ worked, want time.Duration }{
			{time.Millisecond, 0}, {2 * time.Millisecond, 4 * time.Millisecond}, {40 * time.Millisecond, 80 * time.Millisecond}, {10 * time.Minute, 100 * time.Millisecond},
		} {
			if got, err := rests(t.Context(), c.worked); got != c.want || err != nil {
				t.Errorf("after %v it rests for %v, %v; want %v", c.worked, got, err, c.want)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if got, err := rests(ctx, time.Second); got != 10*time.Millisecond || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a server that stops waits for %v, %v", got, err)
		}
	})
}

// TestUsageWaitsForNoSnapshot asks how much there is while a snapshot stands still on a disk that does.
func TestUsageWaitsForNoSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		fs := vfs.NewFaulty(vfs.NewMem(), func(op vfs.Op) vfs.Fault {
			if op.Kind == vfs.OpSync && strings.Contains(op.Name, "/snapshots/") {
				<-goOn
			}
			return vfs.Fault{}
		})
		w := mustOpen(t, fs, persistence.Options{Mode: persistence.Always})
		w.do(t, "kv.set", `{"key":"a","value":1}`)
		taken := make(chan error, 1)
		go func() {
			_, err := w.store.Snapshot(t.Context())
			taken <- err
		}()
		synctest.Wait()
		if u := w.store.Usage(); u.Snapshots != 0 || u.LastRecord != w.seq() {
			t.Errorf("while the first snapshot is taken: %+v", u)
		}
		close(goOn)
		if err := <-taken; err != nil {
			t.Error(err)
		}
		if u := w.store.Usage(); u.Snapshots != 1 || u.SnapshotSeq != w.seq() || !u.SnapshotAt.Equal(time.Now()) {
			t.Errorf("when it is there: %+v", u)
		}
		w.close(t)
	})
}
