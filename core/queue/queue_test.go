package queue_test

import (
	"context"
	"encoding/json"
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
	"github.com/hivellm/synap-go/core/queue"
)

// bench is an engine with queues in it.
type bench struct {
	t      testing.TB
	engine *core.Engine
	d      *command.Dispatcher
}

func newBench(t testing.TB, j journal.Journal) *bench {
	t.Helper()
	engine, err := core.New(core.Options{
		Structures: []*command.Structure{queue.Structure(queue.Options{})}, Journal: j,
		Report: func(name string, err error) { t.Errorf("%s: %v: %v", name, err, fault.From(err).Unwrap()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t, engine, engine.Dispatcher()}
}

// running runs the test against a running engine in a bubble of virtual time.
func running(t *testing.T, test func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		ctx, cancel := context.WithCancel(b.t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = b.engine.Run(ctx) })
		test(b)
		synctest.Wait()
		b.check()
		cancel()
		run.Wait()
	})
}

func (b *bench) check() {
	b.t.Helper()
	if err := b.engine.Check(); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) request(name, payload string) *command.Request {
	b.t.Helper()
	c, err := b.d.Table().Find(name)
	if err != nil {
		b.t.Fatal(err)
	}
	return &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(payload)}
}

// do returns the answer as JSON, or "! code message".
func (b *bench) do(name, payload string) string {
	b.t.Helper()
	v, err := b.d.Do(b.t.Context(), b.request(name, payload))
	if err != nil {
		return "! " + fault.CodeOf(err).String() + " " + err.Error()
	}
	text, err := json.Marshal(v)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// must is do for what has to work; it returns the answer.
func must[T any](b *bench, name, payload string) *T {
	b.t.Helper()
	v, err := b.d.Do(b.t.Context(), b.request(name, payload))
	if err != nil {
		b.t.Fatalf("%s %s: %s %v", name, payload, fault.CodeOf(err), err)
	}
	return v.(*T)
}

// publish publishes text to the queue "q", with further fields in JSON.
func (b *bench) publish(text, more string) *queue.PublishResponse {
	b.t.Helper()
	return must[queue.PublishResponse](b, "queue.publish", fmt.Sprintf(`{"queue":"q","message":%q%s}`, text, more))
}

// receive receives from the queue "q", with further fields in JSON.
func (b *bench) receive(more string) []queue.Delivered {
	b.t.Helper()
	return must[queue.ReceiveResponse](b, "queue.receive", `{"queue":"q"`+more+`}`).Messages
}

// texts is what messages say, and how often they were handed out if more than once.
func texts(messages []queue.Delivered) string {
	all := make([]string, len(messages))
	for i, m := range messages {
		all[i] = m.Message.Data()
		if m.Attempt > 1 {
			all[i] += fmt.Sprintf("(%d)", m.Attempt)
		}
	}
	return strings.Join(all, " ")
}

// ack settles messages and returns what became of each.
func (b *bench) ack(messages []queue.Delivered, more string) string {
	b.t.Helper()
	if len(messages) == 0 {
		return ""
	}
	receipts := make([]string, len(messages))
	for i, m := range messages {
		receipts[i] = m.Receipt
	}
	list, _ := json.Marshal(receipts)
	var states []string
	for _, r := range must[queue.AckResponse](b, "queue.ack", `{"receipts":`+string(list)+more+`}`).Results {
		if r.OK == (r.State == "stale") {
			b.t.Errorf("ok is %t of a receipt that is %s", r.OK, r.State)
		}
		states = append(states, r.State)
	}
	return strings.Join(states, " ")
}

// peek returns the previews of the messages of "q" in the state.
func (b *bench) peek(state string) string {
	b.t.Helper()
	var all []string
	for _, m := range must[queue.PeekResponse](b, "queue.peek", `{"queue":"q","state":"`+state+`"}`).Messages {
		all = append(all, m.Preview)
	}
	return strings.Join(all, " ")
}

func (b *bench) want(what, got, want string) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestOrder(t *testing.T) {
	running(t, func(b *bench) {
		for _, m := range []struct{ text, more string }{
			{"five", ""}, {"low", `,"priority":0`}, {"high", `,"priority":9`}, {"five2", `,"priority":5`}, {"high2", `,"priority":9`},
		} {
			b.publish(m.text, m.more)
		}
		b.want("ready", b.peek("ready"), "high high2 five five2 low")
		first := b.receive(`,"max":3`)
		b.want("received", texts(first), "high high2 five")
		b.publish("high3", `,"priority":9`)
		b.want("given back", b.ack(first, `,"action":"retry"`), "ready ready ready")
		b.want("in their old places", texts(b.receive(`,"max":10`)), "high(2) high2(2) high3 five(2) five2 low")
		b.want("leased", b.peek("leased"), "five low high five2 high2 high3")
	})
}

func TestLeases(t *testing.T) {
	running(t, func(b *bench) {
		b.publish("a", "")
		first := b.receive(`,"lease_ms":1000`)
		if got, want := first[0].LeaseExpiresAt, time.Now().UnixMilli()+1000; got != want {
			t.Errorf("the lease ends at %d, want %d", got, want)
		}
		b.want("while it is leased", texts(b.receive("")), "")
		time.Sleep(999 * time.Millisecond)
		b.want("just before the end", b.ack(first, `,"action":"extend","ms":2000`), "leased")
		time.Sleep(1999 * time.Millisecond)
		b.want("the receipt holds on", b.ack(first, `,"action":"extend","seconds":1`), "leased")
		b.want("nobody else", texts(b.receive("")), "")
		time.Sleep(time.Second)
		b.want("the lease is over", b.ack(first, ""), "stale")
		second := b.receive("")
		b.want("again", texts(second), "a(2)")
		if first[0].Receipt == second[0].Receipt {
			t.Error("two leases have one receipt")
		}
		b.want("the old receipt", b.ack(first, ""), "stale")
		b.want("both", b.ack(append(first, second...), ""), "stale done")
		b.want("twice", b.ack(second, ""), "stale")
		if got := must[queue.StatsResponse](b, "queue.stats", `{"queue":"q"}`); got.Depth != 0 || got.Totals.Done != 1 || got.Totals.Delivered != 2 {
			t.Errorf("stats: %+v", got)
		}
	})
}

// TestALeaseEndsWithoutTheSweeper has an engine that does not run.
func TestALeaseEndsWithoutTheSweeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.publish("a", "")
		b.publish("b", `,"delay":2`)
		b.publish("c", `,"ttl":1`)
		first := b.receive(`,"lease":3`)
		b.want("first", texts(first), "a")
		time.Sleep(2 * time.Second)
		b.want("due, and expired", texts(b.receive(`,"max":9,"lease":60`)), "b")
		time.Sleep(time.Second)
		b.want("stale before it is handed out again", b.ack(first, ""), "stale")
		b.want("at once", texts(b.receive("")), "a(2)")
		b.check()
	})
}

func TestWaiting(t *testing.T) {
	running(t, func(b *bench) {
		start := time.Now()
		b.want("nothing comes", texts(b.receive(`,"wait":2`)), "")
		if waited := time.Since(start); waited != 2*time.Second {
			t.Errorf("waited %s", waited)
		}
		var got []string
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				text := texts(b.receive(`,"wait":20,"lease":100`))
				mu.Lock()
				defer mu.Unlock()
				got = append(got, text)
			})
		}
		arrived := func() int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return len(got)
		}
		arrived()
		b.want("a queue that does not exist", b.do("queue.stats", `{"queue":"q"}`), `! not_found there is no queue "q"`)
		b.publish("one", "")
		if n := arrived(); n != 1 {
			t.Errorf("one message ended the waiting of %d", n)
		}
		b.do("queue.publish", `{"queue":"q","messages":[{"message":"two"},{"message":"three"}]}`)
		if n := arrived(); n != 3 {
			t.Errorf("three messages ended the waiting of %d", n)
		}
		b.publish("four", `,"delay":3`)
		time.Sleep(4 * time.Second)
		if n := arrived(); n != 4 {
			t.Errorf("four messages ended the waiting of %d", n)
		}
		all.Wait()
		if got[4] != "" {
			t.Errorf("the last one got %q", got[4])
		}
	})
}

// TestAWaiterThatLeavesPassesOnItsMessage cancels receivers at the moment in which a message is there for them.
func TestAWaiterThatLeavesPassesOnItsMessage(t *testing.T) {
	running(t, func(b *bench) {
		for range 50 {
			ctx, cancel := context.WithCancel(b.t.Context())
			var all sync.WaitGroup
			var mu sync.Mutex
			var got []queue.Delivered
			wait := func(ctx context.Context) {
				v, err := b.d.Do(ctx, b.request("queue.receive", `{"queue":"q","wait":20}`))
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, v.(*queue.ReceiveResponse).Messages...)
				}
			}
			all.Go(func() { wait(ctx) }) // the longest waiting: it is called first
			synctest.Wait()
			all.Go(func() { wait(b.t.Context()) })
			synctest.Wait()
			all.Go(func() { b.publish("x", "") })
			all.Go(cancel)
			synctest.Wait()
			if len(got) != 1 {
				t.Fatalf("%d messages arrived, want 1", len(got))
			}
			b.publish("y", "") // for the one that is still waiting, if there is one
			all.Wait()
			b.ack(got, "")
			b.do("queue.purge", `{"queue":"q","state":"all"}`)
		}
	})
}

func TestDelaysAndLifetimes(t *testing.T) {
	running(t, func(b *bench) {
		b.publish("later", `,"delay_ms":1500`)
		b.publish("short", `,"ttl_ms":1000`)
		b.publish("never", `,"delay":5,"ttl":3`)
		b.want("delayed", b.peek("delayed"), "later never")
		b.want("ready", b.peek("ready"), "short")
		held := b.receive(`,"lease":10`)
		b.want("received in time", texts(held), "short")
		time.Sleep(1499 * time.Millisecond)
		b.want("too early", texts(b.receive("")), "")
		time.Sleep(time.Millisecond)
		b.want("due", texts(b.receive(`,"lease":60`)), "later")
		b.want("its lifetime is over, but it was received", b.ack(held, `,"action":"extend","seconds":5`), "leased")
		b.want("given back too late", b.ack(held, `,"action":"retry"`), "ready")
		b.want("so it is gone", texts(b.receive("")), "")
		time.Sleep(10 * time.Second)
		if got := must[queue.StatsResponse](b, "queue.stats", `{"queue":"q"}`); got.Delayed != 0 || got.Totals.Expired != 2 {
			t.Errorf("stats: %+v", got)
		}
	})
}

func TestRetention(t *testing.T) {
	running(t, func(b *bench) {
		b.do("queue.create", `{"queue":"q","retention_ms":10000}`)
		b.publish("a", "")
		b.publish("b", "")
		b.ack(b.receive(""), `,"action":"reject"`)
		time.Sleep(9 * time.Second)
		b.want("kept", b.peek("ready")+b.peek("dead"), "ba")
		time.Sleep(1006 * time.Millisecond)
		b.want("over", b.peek("ready")+b.peek("dead"), "")
	})
}

func TestBackoff(t *testing.T) {
	running(t, func(b *bench) {
		b.do("queue.create", `{"queue":"q","backoff":"exponential","backoff_ms":1000,"backoff_max_ms":3000,"jitter_percent":50,"max_attempts":4}`)
		b.publish("a", "")
		got := b.receive("")
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
			start := time.Now()
			b.want("retry", b.ack(got, `,"action":"retry","reason":"not today"`), "delayed")
			got = b.receive(`,"wait":25`)
			if waited := time.Since(start); len(got) != 1 || waited < want/2 || waited > want+6*time.Millisecond {
				t.Fatalf("retry %d: %d messages after %s, want one within %s to %s", i, len(got), waited, want/2, want)
			}
			b.want("the reason is kept", got[0].Reason, "not today")
		}
		b.want("the fourth attempt was the last", b.ack(got, `,"action":"retry"`), "dead")
	})
}

func TestDeadLetters(t *testing.T) {
	running(t, func(b *bench) {
		b.do("queue.create", `{"queue":"q","max_attempts":2}`)
		b.publish("crash", "")
		b.publish("refuse", "")
		b.publish("retry", "")
		b.receive(`,"lease":1`)
		b.want("reject", b.ack(b.receive(""), `,"action":"reject","reason":"no such user"`), "dead")
		b.want("first retry", b.ack(b.receive(""), `,"action":"retry"`), "ready")
		b.want("last retry", b.ack(b.receive(""), `,"action":"retry","reason":"still not"`), "dead")
		time.Sleep(1100 * time.Millisecond)
		b.want("second crash", texts(b.receive(`,"lease":1`)), "crash(2)")
		time.Sleep(1100 * time.Millisecond)
		b.want("nothing is left", texts(b.receive("")), "")
		page := must[queue.PeekResponse](b, "queue.peek", `{"queue":"q","state":"dead"}`)
		var told []string
		for _, m := range page.Messages {
			told = append(told, fmt.Sprintf("%s %s/%s %d %s:%s", m.Preview, m.Died.Cause, m.Died.Reason, m.Died.Attempts, m.Died.Queue, m.Died.MessageID))
		}
		b.want("told", strings.Join(told, ", "), "crash max_attempts/ 2 q:1, refuse rejected/no such user 1 q:2, retry max_attempts/still not 2 q:3")

		b.want("chosen", b.do("queue.redrive", `{"queue":"q","message_ids":["2"]}`)[:26], `{"redriven":1,"left":0,"ve`)
		b.want("it begins anew", texts(b.receive("")), "refuse")
		b.want("some", b.do("queue.redrive", `{"queue":"q","limit":1,"to":"other"}`)[:26], `{"redriven":1,"left":1,"ve`)
		b.want("none", b.do("queue.redrive", `{"queue":"q","message_ids":["77"]}`), `{"redriven":0,"left":0}`)
		other := must[queue.ReceiveResponse](b, "queue.receive", `{"queue":"other"}`).Messages
		b.want("in the other queue", texts(other), "crash")
		b.want("dead", b.peek("dead"), "retry")
	})
}

func TestADeadLetterQueue(t *testing.T) {
	running(t, func(b *bench) {
		b.do("queue.create", `{"queue":"q","dead_letter_queue":"grave"}`)
		b.publish("a", `,"headers":{"k":"v"}`)
		b.publish("b", "")
		b.want("reject", b.ack(b.receive(`,"max":2`), `,"action":"reject","reason":"bad"`), "dead dead")
		b.want("nothing stays", b.peek("dead"), "")
		got := must[queue.ReceiveResponse](b, "queue.receive", `{"queue":"grave"}`).Messages
		if len(got) != 1 || got[0].Died == nil || got[0].Died.Queue != "q" || got[0].Died.MessageID != "1" || got[0].Attempt != 1 || got[0].Headers["k"] != "v" {
			t.Fatalf("in the other queue: %+v", got)
		}
		b.want("a leased one stays", b.do("queue.redrive", `{"queue":"grave"}`)[:26], `{"redriven":1,"left":0,"ve`)
		b.want("give back", b.ack(got, `,"action":"retry"`), "ready")
		b.want("back to where it died", b.do("queue.redrive", `{"queue":"grave"}`)[:26], `{"redriven":1,"left":0,"ve`)
		b.want("both are back, as the newest", texts(b.receive(`,"max":9`)), "b a")

		b.do("queue.update", `{"queue":"grave","max_depth":1}`)
		b.publish("c", "")
		b.publish("d", "")
		b.ack(b.receive(`,"max":2`), `,"action":"reject"`)
		b.want("what does not fit stays", b.peek("dead"), "d")
	})
}

func TestDeadLettersAreBounded(t *testing.T) {
	running(t, func(b *bench) {
		b.do("queue.create", `{"queue":"q","max_dead":2}`)
		for i := range 5 {
			b.publish(fmt.Sprint(i), "")
			b.ack(b.receive(""), `,"action":"reject"`)
		}
		b.want("the newest stay", b.peek("dead"), "3 4")
		b.do("queue.update", `{"queue":"q","max_dead":0}`)
		b.publish("x", "")
		b.want("reject", b.ack(b.receive(""), `,"action":"reject"`), "dead")
		b.want("none is kept from now on", b.peek("dead"), "3 4")
	})
}

func TestGroups(t *testing.T) {
	running(t, func(b *bench) {
		for _, m := range []struct{ text, more string }{
			{"a1", `,"group":"a"`}, {"a2", `,"group":"a","priority":9`}, {"b1", `,"group":"b"`}, {"x", ""}, {"a3", `,"group":"a"`},
		} {
			b.publish(m.text, m.more)
		}
		b.want("all are ready", b.peek("ready"), "a2 a1 b1 x a3")
		first := b.receive(`,"max":9`)
		b.want("one of each group", texts(first), "a1 b1 x")
		b.want("the groups are busy", texts(b.receive("")), "")
		b.want("a1 is retried later", b.ack(first[:1], `,"action":"retry","seconds":5`), "delayed")
		b.want("the group waits for it", texts(b.receive("")), "")
		time.Sleep(5100 * time.Millisecond)
		again := b.receive("")
		b.want("in order", texts(again), "a1(2)")
		b.want("done", b.ack(again, ""), "done")
		second := b.receive("")
		b.want("next", texts(second), "a2")
		b.want("dead letters do not block", b.ack(second, `,"action":"reject"`), "dead")
		third := b.receive("")
		b.want("next", texts(third), "a3")
		b.do("queue.redrive", `{"queue":"q"}`)
		b.want("redriven, but the group is busy", texts(b.receive("")), "")
		b.ack(third, "")
		b.want("now it may", texts(b.receive("")), "a2")
	})
}

func TestPrefetch(t *testing.T) {
	running(t, func(b *bench) {
		b.do("queue.create", `{"queue":"q","prefetch":2}`)
		for i := range 5 {
			b.publish(fmt.Sprint(i), "")
		}
		mine := b.receive(`,"max":9,"consumer":"me"`)
		b.want("two are mine", texts(mine), "0 1")
		b.want("no more", texts(b.receive(`,"consumer":"me"`)), "")
		b.want("yours", texts(b.receive(`,"consumer":"you"`)), "2")
		var waiting sync.WaitGroup
		waiting.Go(func() { b.want("when one is done", texts(b.receive(`,"consumer":"me","wait":20`)), "3") })
		synctest.Wait()
		b.ack(mine[:1], "")
		waiting.Wait()
	})
}

func TestDeduplication(t *testing.T) {
	running(t, func(b *bench) {
		b.do("queue.create", `{"queue":"q","dedupe_ms":5000}`)
		first := b.publish("a", `,"dedupe_id":"x"`)
		again := b.publish("b", `,"dedupe_id":"x"`)
		if !again.Duplicate || again.MessageID != first.MessageID || again.Version != 0 || again.Depth != 1 {
			t.Errorf("a repeat: %+v", again)
		}
		b.ack(b.receive(""), "")
		if again := b.publish("c", `,"dedupe_id":"x"`); !again.Duplicate {
			t.Error("a repeat after it was done was published")
		}
		got := b.do("queue.publish", `{"queue":"q","messages":[{"message":1,"dedupe_id":"y"},{"message":2,"dedupe_id":"y"},{"message":3},{"message":4,"dedupe_id":"x"}]}`)
		want := `{"messages":[{"message_id":"2"},{"message_id":"2","duplicate":true},{"message_id":"3"},{"message_id":"1","duplicate":true}],"depth":2,`
		b.want("within a batch", got[:min(len(got), len(want))], want)
		time.Sleep(5 * time.Second)
		if late := b.publish("d", `,"dedupe_id":"x"`); late.Duplicate {
			t.Error("after the window it is a new message")
		}
	})
}

// TestWhatIsRememberedTakesMemory: dedupe_ids outlive their messages, for years if the queue says so, and count for their namespace's memory.
func TestWhatIsRememberedTakesMemory(t *testing.T) {
	running(t, func(b *bench) {
		b.do("queue.create", `{"queue":"q","dedupe_ms":5000}`)
		space := b.engine.Namespaces()[0]
		before := space.Bytes()
		for i := range 100 {
			b.publish("a", fmt.Sprintf(`,"dedupe_id":"%0100d"`, i))
		}
		b.ack(b.receive(`,"max":100`), "")
		if held := space.Bytes() - before; held < 100*100 {
			t.Errorf("100 dedupe_ids of 100 bytes are said to take %d", held)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if after := space.Bytes(); after != before {
			t.Errorf("forgotten they take %d bytes", after-before)
		}
	})
}

func TestFullQueues(t *testing.T) {
	running(t, func(b *bench) {
		b.do("queue.create", `{"queue":"q","max_depth":2}`)
		b.publish("a", "")
		b.publish("b", `,"delay":60`)
		_, err := b.d.Do(b.t.Context(), b.request("queue.publish", `{"queue":"q","message":"c"}`))
		if e := fault.From(err); e.Code != fault.Exhausted || e.Details["limit"] != int64(2) || e.Details["depth"] != 2 {
			t.Errorf("full: %v %+v", e, e.Details)
		}
		held := b.receive("")
		b.want("leased messages count", b.do("queue.publish", `{"queue":"q","message":"c"}`), `! exhausted queue "q" is full: it holds 2 messages of at most 2`)
		b.ack(held, `,"action":"reject"`)
		b.publish("c", "")
		b.want("redriving into a full queue", b.do("queue.redrive", `{"queue":"q"}`), `! exhausted queue "q" is full: it holds 2 messages of at most 2`)

		b.do("queue.update", `{"queue":"q","overflow":"drop_oldest","max_depth":3}`)
		b.publish("low", `,"priority":1`)
		b.publish("d", "")
		b.want("the lowest priority goes first", b.peek("ready")+" "+b.peek("delayed"), "c d b")
		b.receive("")
		b.publish("e", "")
		b.want("then the oldest", b.peek("ready")+" "+b.peek("delayed")+" "+b.peek("leased"), "e b c")
		b.publish("f", "")
		b.want("then the oldest", b.peek("ready")+" "+b.peek("delayed")+" "+b.peek("leased"), "f b c")
		b.want("a batch that cannot fit", b.do("queue.publish", `{"queue":"q","messages":[{"message":1},{"message":2},{"message":3}]}`)[:30],
			`! exhausted queue "q" is full:`)
		b.want("and nothing was dropped for it", b.peek("ready")+" "+b.peek("delayed")+" "+b.peek("leased"), "f b c")
	})
}

func TestPauseAndDelete(t *testing.T) {
	running(t, func(b *bench) {
		b.publish("a", "")
		held := b.receive("")
		b.do("queue.pause", `{"queue":"q"}`)
		b.publish("b", "")
		var waiting sync.WaitGroup
		waiting.Go(func() { b.want("after it was resumed", texts(b.receive(`,"wait":20`)), "b") })
		synctest.Wait()
		b.want("acknowledging goes on", b.ack(held, ""), "done")
		b.want("again", b.do("queue.pause", `{"queue":"q"}`), `{"paused":true,"changed":false}`)
		b.do("queue.resume", `{"queue":"q"}`)
		waiting.Wait()
		held = b.receive("")
		b.want("not empty", b.do("queue.delete", `{"queue":"q","if_empty":true}`), `! conflict queue "q" holds 1 messages, 0 of them dead letters`)
		leased := must[queue.PeekResponse](b, "queue.peek", `{"queue":"q","state":"leased"}`)
		b.want("one is leased", fmt.Sprint(len(leased.Messages), len(held)), "1 0")
		b.want("delete", b.do("queue.delete", `{"queue":"q"}`)[:15], `{"messages":1,"`)
		b.publish("new", "")
		b.want("a new queue", b.peek("ready"), "new")
	})
}

func TestPaging(t *testing.T) {
	running(t, func(b *bench) {
		for i := range 25 {
			b.publish(fmt.Sprint(i), fmt.Sprintf(`,"priority":%d,"group":"g%d"`, i%3, i%2))
		}
		var paged []string
		cursor := ""
		for {
			page := must[queue.PeekResponse](b, "queue.peek", fmt.Sprintf(`{"queue":"q","limit":4,"cursor":%q}`, cursor))
			for _, m := range page.Messages {
				paged = append(paged, m.Preview)
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		b.want("pages", strings.Join(paged, " "), joined(must[queue.PeekResponse](b, "queue.peek", `{"queue":"q","limit":100}`)))
		for _, name := range []string{"b.2", "a", "b.1", "b"} {
			b.do("queue.create", fmt.Sprintf(`{"queue":%q}`, name))
		}
		page := must[queue.ListResponse](b, "queue.list", `{"prefix":"b","limit":2}`)
		b.want("first page", page.Items[0].Queue+page.Items[1].Queue+page.NextCursor, "bb.1b.1")
		page = must[queue.ListResponse](b, "queue.list", `{"prefix":"b","limit":2,"cursor":"b.1"}`)
		if len(page.Items) != 1 || page.Items[0].Queue != "b.2" || page.NextCursor != "" {
			t.Errorf("last page: %+v", page)
		}
	})
}

func TestPurge(t *testing.T) {
	running(t, func(b *bench) {
		fill := func() {
			b.publish("dead", "")
			b.ack(b.receive(""), `,"action":"reject"`)
			b.publish("leased", "")
			b.receive("")
			b.publish("ready", "")
			b.publish("delayed", `,"delay":99`)
		}
		states := []string{"ready", "delayed", "leased", "dead"}
		for _, state := range states {
			fill()
			if got := must[queue.PurgeResponse](b, "queue.purge", `{"queue":"q","state":"`+state+`"}`); got.Purged != 1 {
				t.Errorf("purged %d of %s", got.Purged, state)
			}
			for _, other := range states {
				if want := map[bool]string{true: "", false: other}[other == state]; b.peek(other) != want {
					t.Errorf("after purging %s: %s is %q", state, other, b.peek(other))
				}
			}
			if got := must[queue.PurgeResponse](b, "queue.purge", `{"queue":"q","state":"all"}`); got.Purged != 3 {
				t.Errorf("purged %d of what was left", got.Purged)
			}
		}
	})
}

// hearing collects the events of a watch.
type hearing struct{ lines []string }

func (h *hearing) Event(_ journal.Position, event any) error {
	ev := event.(*queue.Event)
	h.lines = append(h.lines, strings.TrimSpace(ev.Event+":"+ev.Queue+" "+strings.Join(ev.MessageIDs, ",")+" "+ev.Cause))
	return nil
}
func (*hearing) Flush(journal.Position) error { return nil }

func TestWatch(t *testing.T) {
	running(t, func(b *bench) {
		ctx, cancel := context.WithCancel(b.t.Context())
		var watching sync.WaitGroup
		all, some := &hearing{}, &hearing{}
		watching.Go(func() { _ = b.d.Watch(ctx, b.request("queue.watch", `{}`), all) })
		watching.Go(func() {
			_ = b.d.Watch(ctx, b.request("queue.watch", `{"queues":["other"],"prefixes":["q"],"events":["dead"]}`), some)
		})
		synctest.Wait()
		b.publish("a", "")
		b.publish("b", "")
		held := b.receive(`,"max":5,"lease":1`)
		b.ack(held[:1], `,"action":"reject"`)
		time.Sleep(1100 * time.Millisecond)
		b.receive("")
		b.publish("later", `,"delay":1`)
		time.Sleep(1100 * time.Millisecond)
		b.do("queue.redrive", `{"queue":"q"}`)
		b.do("queue.purge", `{"queue":"q","state":"all"}`)
		b.do("queue.delete", `{"queue":"q"}`)
		synctest.Wait()
		cancel()
		watching.Wait()
		b.want("all", strings.Join(all.lines, "; "),
			"filled:q; drained:q; dead:q 1 rejected; filled:q; drained:q; filled:q; drained:q; deleted:q")
		b.want("some", strings.Join(some.lines, "; "), "dead:q 1 rejected")
	})
}

func TestBadInput(t *testing.T) {
	big := strings.Repeat("x", queue.DefaultMaxMessageBytes+1)
	tests := []struct{ name, command, payload, want string }{
		{"no queue", "queue.publish", `{"message":"x"}`, `! invalid "queue" is required`},
		{"no message", "queue.publish", `{"queue":"q"}`, `! invalid "message" is required`},
		{"a name with a space", "queue.publish", `{"queue":"a b","message":1}`, `! invalid "a b" cannot be the name`},
		{"a name that begins with a dot", "queue.create", `{"queue":".a"}`, `! invalid ".a" cannot be the name`},
		{"a long name", "queue.create", `{"queue":"` + strings.Repeat("a", 129) + `"}`, `! too_large the queue's name is 129 bytes`},
		{"a priority of 10", "queue.publish", `{"queue":"q","message":1,"priority":10}`, `! out_of_range "priority"`},
		{"a priority of 10 among many", "queue.publish", `{"queue":"q","messages":[{"message":1,"priority":10}]}`, `! out_of_range "priority"`},
		{"both forms", "queue.publish", `{"queue":"q","message":1,"messages":[{"message":1}]}`, `! invalid "messages" stands for itself`},
		{"a message without one among many", "queue.publish", `{"queue":"q","messages":[{"message":1},{}]}`, `! invalid "message" is required`},
		{"two delays", "queue.publish", `{"queue":"q","message":1,"delay":1,"delay_ms":1}`, `! invalid give only one of delay`},
		{"a negative ttl among many", "queue.publish", `{"queue":"q","messages":[{"message":1,"ttl":-1}]}`, `! out_of_range "ttl"`},
		{"a message over the limit", "queue.publish", `{"queue":"q","message":"` + big + `"}`, `! too_large the message is 1048577 bytes`},
		{"headers over the limit", "queue.publish", `{"queue":"q","message":1,"headers":{"k":"` + big[:9000] + `"}}`, `! too_large 1 headers`},
		{"a wait over the limit", "queue.receive", `{"queue":"q","wait":26}`, `! out_of_range "wait"`},
		{"no maximum", "queue.receive", `{"queue":"q","max":1001}`, `! out_of_range "max"`},
		{"a lease over the limit", "queue.receive", `{"queue":"q","lease":43201}`, `! out_of_range "lease"`},
		{"no receipts", "queue.ack", `{}`, `! invalid "receipts" is required`},
		{"a receipt that is none", "queue.ack", `{"receipts":["hello"]}`, `! invalid "hello" is no receipt`},
		{"an action that is none", "queue.ack", `{"receipts":["AQEBcQ"],"action":"nack"}`, `! invalid "action"`},
		{"done later", "queue.ack", `{"receipts":["AQEBcQ"],"seconds":1}`, `! invalid done takes no time`},
		{"extended by nothing", "queue.ack", `{"receipts":["AQEBcQ"],"action":"extend","ms":0}`, `! invalid a lease is extended by a time`},
		{"a receipt of a queue that is gone", "queue.ack", `{"receipts":["AQEBcQ"]}`, `{"results":[{"receipt":"AQEBcQ","ok":false,"state":"stale"}]}`},
		{"looking at no queue", "queue.peek", `{"queue":"q"}`, `! not_found there is no queue "q"`},
		{"a cursor that is none", "queue.peek", `{"queue":"q","cursor":"zz"}`, `! invalid the cursor cannot be read`},
		{"a state that is none", "queue.peek", `{"queue":"q","state":"lost"}`, `! invalid "state"`},
		{"updating no queue", "queue.update", `{"queue":"q"}`, `! not_found`},
		{"deleting no queue", "queue.delete", `{"queue":"q"}`, `! not_found`},
		{"purging no queue", "queue.purge", `{"queue":"q"}`, `! not_found`},
		{"redriving no queue", "queue.redrive", `{"queue":"q"}`, `! not_found`},
		{"redriving what is no id", "queue.redrive", `{"queue":"q","message_ids":["x"]}`, `! invalid "x" is no message_id`},
		{"pausing no queue", "queue.pause", `{"queue":"q"}`, `! not_found`},
		{"its own dead letter queue", "queue.create", `{"queue":"q","dead_letter_queue":"q"}`, `! invalid queue "q" keeps its own`},
		{"an exponential backoff of nothing", "queue.create", `{"queue":"q","backoff":"exponential"}`, `! invalid an exponential backoff`},
		{"no room at all", "queue.create", `{"queue":"q","max_depth":0}`, `! out_of_range `},
		{"receiving from no queue", "queue.receive", `{"queue":"q"}`, `{"messages":[],"ready":0}`},
		{"making a queue", "queue.create", `{"queue":"made","max_depth":7}`, `{"created":true,"settings":{"max_depth":7,`},
		{"making it again", "queue.create", `{"queue":"made","max_depth":7}`, `{"created":false,"settings":{"max_depth":7,`},
		{"making it otherwise", "queue.create", `{"queue":"made"}`, `! already_exists queue "made" exists`},
	}
	running(t, func(b *bench) {
		for _, test := range tests {
			if got := b.do(test.command, test.payload); !strings.HasPrefix(got, test.want) {
				t.Errorf("%s: got %.200s, want %s", test.name, got, test.want)
			}
		}
		for _, payload := range []string{`{"queues":[" "]}`, `{"events":["gone"]}`} {
			if err := b.d.Watch(b.t.Context(), b.request("queue.watch", payload), &hearing{}); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: %v", payload, err)
			}
		}
	})
}

func TestAnIdleQueueIsSmall(t *testing.T) {
	if got := bytesPerQueue(t, false); got > 1024 {
		t.Errorf("a queue costs %.0f bytes", got)
	}
	if got := bytesPerQueue(t, true); got > 1024 {
		t.Errorf("a queue that was used costs %.0f bytes", got)
	}
}

func TestQueuesAreBounded(t *testing.T) {
	engine, err := core.New(core.Options{Structures: []*command.Structure{queue.Structure(queue.Options{MaxQueues: 1})}})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t, engine, engine.Dispatcher()}
	b.publish("a", "")
	b.want("one too many", b.do("queue.publish", `{"queue":"r","message":1}`), "! exhausted there are 1 queues, and no more than 1 are allowed")
	if err := (queue.Options{MaxQueues: -1}).Validate(); err == nil {
		t.Error("nonsense is taken for an option")
	}
}

func joined(page *queue.PeekResponse) string {
	all := make([]string, len(page.Messages))
	for i, m := range page.Messages {
		all[i] = m.Preview
	}
	return strings.Join(all, " ")
}
