package kv_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/synaptest"
)

func recording(t testing.TB) *synaptest.Recording {
	t.Helper()
	return synaptest.Record(t, func() []*command.Structure { return []*command.Structure{kv.Structure(kv.Options{})} })
}

// editor does anything to a few keys, some of them with long values.
type editor struct {
	*synaptest.Recording
	t *rapid.T
	n int
}

var fewKeys = rapid.SampledFrom([]string{"a", "a:1", "a:2", "b", "b:1", "c", "ü"})

// write is a command that changes one key or several.
func (e *editor) write() (name, payload string) {
	e.n++
	key, other := fewKeys.Draw(e.t, "key"), fewKeys.Draw(e.t, "other")
	switch rapid.IntRange(0, 11).Draw(e.t, "write") {
	case 0, 1:
		return "kv.set", fmt.Sprintf(`{"key":%q,"value":"v%d"}`, key, e.n)
	case 2:
		return "kv.set", fmt.Sprintf(`{"key":%q,"value":%q}`, key, strings.Repeat(fmt.Sprint(e.n%10), rapid.IntRange(0, 40).Draw(e.t, "length")))
	case 3:
		return "kv.set", fmt.Sprintf(`{"key":%q,"value":%d,"ttl":%d}`, key, e.n, rapid.IntRange(1, 5).Draw(e.t, "ttl"))
	case 4:
		return "kv.increment", fmt.Sprintf(`{"key":%q}`, key)
	case 5:
		return "kv.delete", fmt.Sprintf(`{"keys":[%q,%q]}`, key, other)
	case 6:
		return "kv.rename", fmt.Sprintf(`{"key":%q,"to":%q}`, key, other)
	case 7:
		return "kv.expire", fmt.Sprintf(`{"key":%q,"ttl":%d}`, key, rapid.IntRange(1, 5).Draw(e.t, "ttl"))
	case 8:
		return "kv.persist", fmt.Sprintf(`{"key":%q}`, key)
	case 9:
		return "kv.clear", fmt.Sprintf(`{"prefix":%q,"confirm":true}`, rapid.SampledFrom([]string{"a:", "b", "x", ""}).Draw(e.t, "prefix"))
	case 10:
		return "kv.mset", fmt.Sprintf(`{"entries":[{"key":%q,"value":1},{"key":%q,"value":"m%d"}]}`, key, other, e.n)
	default:
		return "kv.append", fmt.Sprintf(`{"key":%q,"value":"+%d"}`, key, e.n)
	}
}

// act does some of it, alone and in transactions, and lets time pass.
func (e *editor) act() {
	for range rapid.IntRange(0, 3).Draw(e.t, "steps") {
		name, payload := e.write()
		switch rapid.IntRange(0, 5).Draw(e.t, "how") {
		case 0:
			other, more := e.write()
			name, payload = "txn.exec", fmt.Sprintf(`{"do":[{"command":%q,"payload":%s},{"command":%q,"payload":%s},{"command":%q,"payload":%s}]}`,
				name, payload, other, more, name, payload)
		case 1: // all of it is undone
			name, payload = "txn.exec", fmt.Sprintf(`{"do":[{"command":%q,"payload":%s},{"command":"kv.check","payload":{"key":"none","exists":true}}]}`, name, payload)
		case 2:
			time.Sleep(time.Second)
			synctest.Wait() // until the sweeper, if there is one, has removed what expired
		}
		if _, err := e.Try(name, payload); err != nil {
			switch fault.CodeOf(err) {
			case fault.NotFound, fault.Conflict, fault.Invalid, fault.OutOfRange, fault.AlreadyExists: // what it says depends on what went before
			default:
				e.t.Fatalf("%s %s: %v", name, payload, err)
			}
		}
	}
}

// sweeping runs the engine's sweeper until the returned function is called, or does not.
func (e *editor) sweeping() (stop func()) {
	if !rapid.Bool().Draw(e.t, "swept") {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = e.Engine.Run(ctx) })
	return func() { cancel(); run.Wait() }
}

// TestRecovery saves while everything changes, between any two calls, and recovers from what was saved and the records since
// some time before: all is as it is.
func TestRecovery(t *testing.T) {
	defer kv.SmallSaves(16, 1)()
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(inBubble{t}, func(rt *rapid.T) {
			e := &editor{recording(t), rt, 0}
			defer e.sweeping()()
			for range 5 {
				e.act()
			}
			saved := e.Save(t, e.act)
			saved.After = rapid.Uint64Range(0, saved.After).Draw(rt, "after")
			e.act()
			again := e.Recover(t, saved)
			again.ExpectSame(rt, "recovered", e.Recording)
			again.Recover(t, again.Save(t, func() {})).ExpectSame(rt, "saved and recovered again", e.Recording)
			time.Sleep(10 * time.Second) // what expires, expires in both
			for _, ask := range [][2]string{{"kv.list", `{"values":"full"}`}, {"kv.count", `{}`}} {
				want, err := e.Try(ask[0], ask[1])
				got, err2 := again.Try(ask[0], ask[1])
				if got != want || err != nil || err2 != nil {
					rt.Fatalf("%s answers %s %v, want %s %v", ask[0], got, err2, want, err)
				}
			}
		})
	})
}

// TestWritersGoOnWhileSaving saves again and again beside writers, and recovers from each.
func TestWritersGoOnWhileSaving(t *testing.T) {
	defer kv.SmallSaves(200, 3)()
	r := recording(t)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 300 {
				for _, c := range [][2]string{
					{"kv.set", fmt.Sprintf(`{"key":"k%d","value":"%d %s"}`, i*7%50, w, strings.Repeat("x", i))},
					{"kv.increment", fmt.Sprintf(`{"key":"n%d"}`, i%5)},
					{"kv.delete", fmt.Sprintf(`{"keys":["k%d"]}`, i*11%50)},
					{"txn.exec", `{"do":[{"command":"kv.increment","payload":{"key":"x"}},{"command":"kv.increment","payload":{"key":"y"}}]}`},
				} {
					if _, err := r.Try(c[0], c[1]); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	var all []synaptest.Saved
	for range 3 {
		all = append(all, r.Save(t, func() {}))
	}
	writers.Wait()
	for i, saved := range all {
		r.Recover(t, saved).ExpectSame(t, fmt.Sprint("save ", i), r)
	}
}

// TestPartsAreRestoredAtOnce restores every part by a goroutine of its own.
func TestPartsAreRestoredAtOnce(t *testing.T) {
	r, again := recording(t), recording(t)
	for i := range 500 {
		if _, err := r.Try("kv.set", fmt.Sprintf(`{"key":"k%d","value":%d,"ttl":%d}`, i, i, 1000+i)); err != nil {
			t.Fatal(err)
		}
	}
	byPlace := map[any][]synaptest.Chunk{}
	for _, c := range r.Save(t, func() {}).Chunks {
		byPlace[c.At] = append(byPlace[c.At], c)
	}
	var parts sync.WaitGroup
	for _, chunks := range byPlace {
		parts.Go(func() {
			for _, c := range chunks {
				if err := again.Engine.Restore(c.At, c.Data); err != nil {
					t.Error(err)
				}
			}
		})
	}
	parts.Wait()
	again.ExpectSame(t, "restored side by side", r)
}

// TestAValueIsSavedWhole has things happen to a key between the pieces of its long value.
func TestAValueIsSavedWhole(t *testing.T) {
	defer kv.SmallSaves(8, 1)()
	for name, change := range map[string][2]string{
		"nothing": {"kv.get", `{"key":"k"}`},
		"a transaction that sets it and fails": {"txn.exec", `{"do":[{"command":"kv.set","payload":{"key":"k","value":"x"}},
			{"command":"kv.check","payload":{"key":"none","exists":true}}]}`},
		"one that deletes it": {"txn.exec", `{"do":[{"command":"kv.delete","payload":{"keys":["k"]}},
			{"command":"kv.check","payload":{"key":"none","exists":true}}]}`},
		"one that clears all": {"txn.exec", `{"do":[{"command":"kv.clear","payload":{"confirm":true}},
			{"command":"kv.check","payload":{"key":"none","exists":true}}]}`},
		"another deadline":  {"kv.expire", `{"key":"k","ttl":2000}`},
		"no deadline":       {"kv.persist", `{"key":"k"}`},
		"more of it":        {"kv.append", `{"key":"k","value":"+"}`},
		"another long one":  {"kv.set", `{"key":"k","value":"another value, that is long, too"}`},
		"one that is short": {"kv.set", `{"key":"k","value":"x"}`},
		"another name":      {"kv.rename", `{"key":"k","to":"l"}`},
		"it goes":           {"kv.delete", `{"keys":["k"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := recording(t)
			for _, c := range [][2]string{
				{"kv.set", `{"key":"k","value":"a value that is long"}`},
				{"kv.expire", `{"key":"k","ttl":1000}`},
			} {
				if _, err := r.Try(c[0], c[1]); err != nil {
					t.Fatal(err)
				}
			}
			calls := 0
			saved := r.Save(t, func() {
				if calls++; calls == 1 {
					return // it was the namespaces
				}
				_, err := r.Try(change[0], change[1])
				if err != nil && fault.CodeOf(err) != fault.Conflict && fault.CodeOf(err) != fault.NotFound { // the second time it is gone
					t.Error(err)
				}
			})
			if calls < 3 {
				t.Fatalf("it is saved in %d chunks", calls-1)
			}
			r.Recover(t, saved).ExpectSame(t, "recovered", r)
		})
	}
}
