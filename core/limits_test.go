package core_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/quota"
)

// refused checks which quota refused a call.
func refused(t *testing.T, e *fault.Error, name string, limit int64) {
	t.Helper()
	if e.Details["quota"] != name || e.Details["limit"] != limit || e.Details["use"] == nil {
		t.Errorf("refused with %v %v, want the quota %s of %d", e, e.Details, name, limit)
	}
}

// TestCallersAreHeldToARate runs in virtual time.
func TestCallersAreHeldToARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine, in := newTenants(t, core.Options{Limits: core.Limits{Callers: quota.Rate{PerSecond: 1, Burst: 20}}})
		spend := func(c tenant, want int, name, payload string) {
			t.Helper()
			n := 0
			for ; n <= want; n++ {
				if _, err := c.try(name, payload); err != nil {
					refused(t, fault.From(err), "requests", 1)
					break
				}
			}
			if n != want {
				t.Errorf("%s passed %d times, want %d", name, n, want)
			}
		}
		one, two := in(""), in("lab")
		two.caller = &auth.Identity{Name: "two", Namespace: "default", Access: auth.Admin}
		three := in("")
		three.caller = &auth.Identity{Name: "two", Key: "k3", Namespace: "default", Access: auth.Admin}
		spend(one, 20, "kv.count", `{}`)
		spend(two, 20, "kv.count", `{}`)   // another caller
		spend(three, 20, "kv.count", `{}`) // another key of the same
		// A second from the first refusal on, and three were held back since.
		e := one.wantCode(fault.Exhausted, "kv.count", `{}`)
		if again, _ := e.Details["retry_after_ms"].(int64); again < 550 || again > 850 {
			t.Errorf("come again in %d ms", again)
		}
		began := time.Now()
		one.wantCode(fault.Exhausted, "server.query", `{"command":"kv.count"}`)
		one.wantCode(fault.Exhausted, "server.execute", `{"command":"kv.count"}`)
		if took := time.Since(began); took < quota.Hold || took >= 3*quota.Hold { // each is held that long, give or take a half
			t.Errorf("two refusals took %v", took)
		}
		// Whoever has many calls in hand does that waiting later, once for all of them.
		var owed, all command.Owed
		began = time.Now()
		for range 3 {
			r := one.request("kv.count", `{}`)
			r.Owed = &owed
			if _, err := one.d.Do(t.Context(), r); fault.CodeOf(err) != fault.Exhausted || !owed.Alone() {
				t.Errorf("refused with %v; it waits alone: %t", err, owed.Alone())
			}
			all.Join(&owed)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("three refusals whose wait is owed took %v", took)
		}
		if err := all.Settle(t.Context()); err != nil || all.Any() {
			t.Errorf("settled with %v, and more is owed: %t", err, all.Any())
		}
		if took := time.Since(began); took < quota.Hold/2 || took >= 3*quota.Hold/2 {
			t.Errorf("three refusals that are owed take %v", took)
		}
		time.Sleep(20 * time.Second)
		// Long lists and many answers count for more: 1 + 36/4 + ...; what only calls others counts for nothing.
		keys := strings.Repeat(`"a",`, 35) + `"a"`
		spend(one, 2, "kv.mget", `{"keys":[`+keys+`]}`)
		spend(two, 1, "kv.list", `{"limit":1000}`)
		spend(three, 20, "server.query", `{"command":"kv.count"}`)
		time.Sleep(20 * time.Second)
		spend(one, 6, "txn.exec", `{"do":[{"command":"kv.count"},{"command":"kv.count"},{"command":"kv.count"}]}`)
		w := two.request("kv.watch", `{"keys":["a"],"limit":1}`)
		for n := range 21 {
			err := two.d.Watch(t.Context(), w, refusing{})
			if code := fault.CodeOf(err); (code == fault.Exhausted) != (n == 20) {
				t.Errorf("watch %d: %v", n, err)
			}
		}
		levels := one.d.Levels(three.caller, "")
		if got := fmt.Sprintf("%+v", levels); got != "[{Name:requests PerSecond:1 Burst:20 Left:20 Full:0s}]" {
			t.Errorf("the levels are %s", got)
		}
		if err := engine.SetLimits(core.Limits{}); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			two.do("kv.count", `{}`)
		}
		if levels := one.d.Levels(three.caller, ""); levels != nil {
			t.Errorf("without a rate the levels are %v", levels)
		}
	})
}

// refusing is a Sink that wants nothing.
type refusing struct{}

var errUnwanted = fault.New(fault.Conflict, "unwanted")

func (refusing) Event(journal.Position, any) error { return errUnwanted }
func (refusing) Flush(journal.Position) error      { return errUnwanted }

// TestANamespacesRates runs in virtual time: what one namespace has used up, no other has.
func TestANamespacesRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine, in := newTenants(t, core.Options{})
		var running sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		running.Go(func() { _ = engine.Run(ctx) })
		in("").do("namespace.create", `{"name":"lab","quotas":{"requests_per_s":5,"bytes_per_s":10000}}`)
		lab := in("lab")
		for range 5 {
			lab.do("kv.get", `{"key":"a"}`)
		}
		refused(t, lab.wantCode(fault.Exhausted, "kv.get", `{"key":"a"}`), "requests_per_s", 5)
		in("").do("kv.get", `{"key":"a"}`)
		stats := in("").do("namespace.stats", `{"name":"lab"}`).(*core.NamespaceStatsResponse)
		if got := stats.Quotas["requests_per_s"]; got.Limit != 5 || got.Use != 5 || got.Refused != 1 || !got.Own {
			t.Errorf("the quota is said to be %+v", got)
		}
		status := lab.request("server.status", ``)
		time.Sleep(time.Second)
		v, err := lab.d.Do(t.Context(), status)
		if err != nil || v.(*core.StatusResponse).Quotas["bytes_per_s"].Limit != 10000 || len(v.(*core.StatusResponse).Quotas) != 2 {
			t.Errorf("the status is %+v, %v", v, err)
		}

		// Answers count as well: a large one is given, and what comes next waits for it.
		long := `{"key":"long","value":"` + strings.Repeat("x", 6000) + `"}`
		time.Sleep(time.Second)
		lab.do("kv.set", long)
		time.Sleep(time.Second)
		lab.do("kv.get", `{"key":"long"}`)
		refused(t, lab.wantCode(fault.Exhausted, "kv.set", long), "bytes_per_s", 10000)
		time.Sleep(2 * time.Second)

		// And what a watch sends is held back.
		watched := make(chan time.Duration)
		began := time.Now()
		r := lab.request("kv.watch", `{"keys":["long"],"from":1,"limit":4}`)
		running.Go(func() {
			if err := lab.d.Watch(ctx, r, &drain{}); err != nil {
				t.Errorf("the watch ended with %v", err)
			}
			watched <- time.Since(began)
		})
		synctest.Wait()
		for range 3 {
			lab.do("kv.set", `{"key":"long","value":"`+strings.Repeat("y", 3000)+`"}`)
			time.Sleep(time.Second)
		}
		if took := <-watched; took < time.Second {
			t.Errorf("18,000 bytes went at once, in %v", took)
		}
		cancel()
		running.Wait()
	})
}

// TestMemoryIsLimited: who fills a namespace is refused what makes it larger, may do what makes it smaller, and then goes on.
func TestMemoryIsLimited(t *testing.T) {
	for _, whole := range []bool{false, true} {
		t.Run(fmt.Sprintf("of the whole server=%t", whole), func(t *testing.T) {
			const limit = 200_000
			engine, in := newTenants(t, core.Options{})
			lab, name := in("lab"), "memory_bytes"
			lab.do("kv.set", `{"key":"small","value":1}`)
			if whole {
				name = "limits.memory"
			}
			fill := func(payload string) (n int, e *fault.Error) {
				for {
					if _, err := lab.try("queue.publish", payload); err != nil {
						return n, fault.From(err)
					}
					n++
				}
			}
			if whole {
				engine.MeasureOnlyData()
				if err := engine.SetLimits(core.Limits{Memory: limit}); err != nil {
					t.Fatal(err)
				}
			} else {
				in("").do("namespace.update", fmt.Sprintf(`{"name":"lab","quotas":{"memory_bytes":%d}}`, limit))
			}
			n, e := fill(`{"queue":"q","message":"` + strings.Repeat("m", 1000) + `"}`)
			refused(t, e, name, limit)
			if e.Code != fault.Exhausted || e.Details["resource"] != "memory" {
				t.Errorf("it is %v %v", e, e.Details)
			}
			space, err := engine.Space("lab", false)
			if err != nil {
				t.Fatal(err)
			}
			if used := space.Bytes(); used > limit || used < limit*9/10 {
				t.Errorf("%d messages take %d bytes of %d", n, used, limit)
			}
			if e := lab.wantCode(fault.Exhausted, "kv.set", `{"key":"x","value":"`+strings.Repeat("x", 3000)+`"}`); e.Details["quota"] != name {
				t.Errorf("it is %v", e)
			}
			lab.wantCode(fault.Exhausted, "stream.append", `{"room":"r","event":"e","data":"`+strings.Repeat("x", 3000)+`"}`)
			lab.wantCode(fault.Exhausted, "txn.exec", `{"do":[{"command":"kv.set","payload":{"key":"x","value":"`+strings.Repeat("x", 3000)+`"}}]}`)
			if !whole {
				in("").do("kv.set", `{"key":"x","value":"`+strings.Repeat("x", 3000)+`"}`)
			}
			lab.do("pubsub.publish", `{"topic":"t","message":1}`) // which is not kept
			lab.do("kv.get", `{"key":"small"}`)
			lab.do("kv.expire", `{"key":"small","ttl":100}`)
			lab.do("kv.delete", `{"keys":["small"]}`)
			lab.do("queue.receive", `{"queue":"q","max":10}`)
			lab.do("queue.purge", `{"queue":"q"}`)
			if again, _ := fill(`{"queue":"q","message":"` + strings.Repeat("m", 1000) + `"}`); again < n-20 {
				t.Errorf("after everything was freed there is room for %d, and there was for %d", again, n)
			}
		})
	}
}

func TestWhatIsOpenIsLimited(t *testing.T) {
	engine, in := newTenants(t, core.Options{Limits: core.Limits{Quotas: quota.Limits{quota.Subscriptions: 1, quota.Connections: 1, quota.ValueBytes: 10}}})
	life, stop := context.WithCancel(t.Context())
	var running, watching sync.WaitGroup
	running.Go(func() { _ = engine.Run(life) })
	ctx, cancel := context.WithCancel(life)
	lab := in("lab")
	ready := make(chan struct{})
	watching.Go(func() {
		if err := lab.d.Watch(ctx, lab.request("kv.watch", `{"keys":["a"]}`), &drain{ready: ready}); fault.CodeOf(err) != fault.Canceled {
			t.Errorf("the first watch: %v", err)
		}
	})
	<-ready
	err := lab.d.Watch(ctx, lab.request("kv.watch", `{"keys":["a"]}`), &drain{})
	refused(t, fault.From(err), "subscriptions", 1)
	if err := lab.d.Watch(ctx, in("").request("kv.watch", `{"keys":["a"]}`), refusing{}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("in another namespace: %v", err)
	}

	leave, err := lab.d.Connect(lab.caller, "lab")
	if err != nil {
		t.Fatal(err)
	}
	_, err = lab.d.Connect(lab.caller, "lab")
	refused(t, fault.From(err), "connections", 1)
	leave()
	if _, err := lab.d.Connect(lab.caller, "lab"); err != nil {
		t.Errorf("after the first one has left: %v", err)
	}
	stranger := &auth.Identity{Name: "s", Namespace: "default", Namespaces: []string{}, Access: auth.Read}
	if _, err := lab.d.Connect(stranger, "lab"); fault.CodeOf(err) != fault.Denied {
		t.Errorf("a stranger connects: %v", err)
	}
	if _, err := lab.d.Connect(nil, ""); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("nobody connects: %v", err)
	}

	for _, call := range [][2]string{
		{"kv.set", `{"key":"a","value":"12345678901"}`}, {"kv.mset", `{"entries":[{"key":"a","value":1},{"key":"b","value":{"a":12345}}]}`},
		{"queue.publish", `{"queue":"q","message":{"$base64":"MTIzNDU2Nzg5MDE="}}`}, {"pubsub.request", `{"topic":"t","message":"12345678901"}`},
		{"txn.exec", `{"do":[{"command":"kv.set","payload":{"key":"a","value":"12345678901"}}]}`},
	} {
		refused(t, lab.wantCode(fault.TooLarge, call[0], call[1]), "value_bytes", 10)
	}
	lab.do("kv.set", `{"key":"a","value":"1234567890"}`)
	lab.do("server.execute", `{"command":"kv.set","payload":{"key":"a","value":"1234567890"}}`)

	// A namespace's own limits go before the defaults, which can change.
	in("").do("namespace.update", `{"name":"lab","quotas":{"value_bytes":20}}`)
	lab.do("kv.set", `{"key":"a","value":"12345678901"}`)
	if err := engine.SetLimits(core.Limits{Quotas: quota.Limits{quota.ValueBytes: 5}}); err != nil {
		t.Fatal(err)
	}
	lab.do("kv.set", `{"key":"a","value":"12345678901"}`)
	refused(t, in("new").wantCode(fault.TooLarge, "kv.set", `{"key":"a","value":"123456"}`), "value_bytes", 5)
	refused(t, in("").wantCode(fault.TooLarge, "kv.set", `{"key":"a","value":"123456"}`), "value_bytes", 5)
	cancel()
	watching.Wait() // before the engine ends, which would end it for another reason
	stop()
	running.Wait()
}

func TestLimitsThatMakeNoSense(t *testing.T) {
	for _, l := range []core.Limits{
		{Memory: -1}, {Memory: quota.MaxLimit + 1}, {Callers: quota.Rate{PerSecond: -1}}, {Callers: quota.Rate{Burst: -1}},
		{Quotas: quota.Limits{quota.Rooms: -1}},
	} {
		if _, err := core.New(core.Options{Limits: l}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%+v became an engine: %v", l, err)
		}
	}
}

// TestSeveralOpsFitTogetherOrNotAtAll: what commands of one structure commit at once is counted at once.
func TestSeveralOpsFitTogetherOrNotAtAll(t *testing.T) {
	_, in := newTenants(t, core.Options{Limits: core.Limits{Quotas: quota.Limits{quota.Keys: 3, quota.QueueDepth: 3, quota.Queues: 2, quota.Rooms: 1}}})
	lab := in("lab")
	lab.do("kv.mset", `{"entries":[{"key":"a","value":1},{"key":"b","value":1}]}`)
	refused(t, lab.wantCode(fault.Exhausted, "kv.mset", `{"entries":[{"key":"a","value":1},{"key":"c","value":1},{"key":"d","value":1}]}`), "keys", 3)
	lab.do("kv.mset", `{"entries":[{"key":"c","value":1},{"key":"b","value":1}]}`)
	lab.do("kv.rename", `{"key":"a","to":"z"}`)
	lab.wantCode(fault.Exhausted, "kv.copy", `{"key":"z","to":"a"}`)
	lab.do("kv.copy", `{"key":"z","to":"b"}`)
	lab.wantCode(fault.Exhausted, "kv.increment", `{"key":"n"}`)
	lab.wantCode(fault.Exhausted, "kv.append", `{"key":"n","value":"x"}`)
	if v := lab.do("kv.count", `{}`).(*kv.CountResponse); v.Count != 3 {
		t.Errorf("there are %d keys", v.Count)
	}

	publish := func(n int) string {
		return `{"queue":"q","messages":[` + strings.Repeat(`{"message":1},`, n-1) + `{"message":1}]}`
	}
	lab.do("queue.create", `{"queue":"q","max_depth":3,"overflow":"drop_oldest"}`)
	lab.wantCode(fault.Exhausted, "queue.publish", publish(4))
	lab.do("queue.publish", publish(3))
	lab.do("queue.publish", publish(2)) // two go for it
	lab.do("queue.publish", `{"queue":"p","message":1}`)
	refused(t, lab.wantCode(fault.Exhausted, "queue.publish", strings.Replace(publish(3), `"q"`, `"p"`, 1)), "queue_depth", 3)
	refused(t, lab.wantCode(fault.Exhausted, "queue.publish", `{"queue":"r","message":1}`), "queues", 2)
	lab.do("stream.append", `{"room":"one","event":"e","data":1}`)
	lab.wantCode(fault.Exhausted, "stream.append", `{"room":"two","event":"e","data":1}`)
	lab.wantCode(fault.Exhausted, "stream.create", `{"room":"two"}`)
	lab.do("stream.delete", `{"room":"one"}`)
	lab.do("stream.create", `{"room":"two"}`)
	stats := lab.do("namespace.stats", `{}`).(*core.NamespaceStatsResponse)
	for name, use := range map[string]int64{"keys": 3, "queues": 2, "queue_depth": 3, "rooms": 1} {
		if stats.Quotas[name].Use != use {
			t.Errorf("%s: %+v, want a use of %d", name, stats.Quotas[name], use)
		}
	}
	for _, name := range []string{"keys", "queues", "queue_depth", "rooms"} {
		if stats.Quotas[name].Refused == 0 {
			t.Errorf("%s is said to have refused nothing", name)
		}
	}
}
