package queue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/queue"
)

// The model is a slice of messages and the plainest way to say what a queue does to them.

type modelMessage struct {
	id       int
	priority int
	group    string
	attempts int
	state    string // ready, delayed, leased, dead
	due      int64  // of delayed and leased ones
	expires  int64
	consumer string
	receipt  string // of the last lease
}

type model struct {
	all         []*modelMessage // by id; those that are gone are not in it
	last        int
	maxAttempts int
	maxDepth    int
	prefetch    int
}

// pass does what time makes due.
func (q *model) pass(now int64) {
	q.all = slices.DeleteFunc(q.all, func(m *modelMessage) bool {
		if (m.state == "ready" || m.state == "delayed") && m.expires != 0 && m.expires <= now {
			return true
		}
		if m.due <= now && (m.state == "delayed" || m.state == "leased") {
			if m.state == "leased" && m.attempts >= q.maxAttempts {
				m.state = "dead"
			} else {
				m.state = "ready"
			}
			return m.state == "ready" && m.expires != 0 && m.expires <= now
		}
		return false
	})
}

func (q *model) in(state string) (all []*modelMessage) {
	for _, m := range q.all {
		if m.state == state {
			all = append(all, m)
		}
	}
	if state == "ready" {
		slices.SortStableFunc(all, func(a, b *modelMessage) int { return b.priority - a.priority })
	}
	return all
}

// blocked reports whether the message has to wait for others of its group.
func (q *model) blocked(m *modelMessage) bool {
	for _, other := range q.all {
		if m.group != "" && other.group == m.group && other.state != "dead" && (other.state == "leased" || other.id < m.id) {
			return true
		}
	}
	return false
}

func (q *model) receive(n int, consumer string, until int64) (got []*modelMessage) {
	held := 0
	for _, m := range q.in("leased") {
		if m.consumer == consumer {
			held++
		}
	}
	for _, m := range q.in("ready") {
		if len(got) < n && held < q.prefetch && !q.blocked(m) {
			got = append(got, m)
			held++
		}
	}
	for _, m := range got {
		m.state, m.due, m.consumer = "leased", until, consumer
		m.attempts++
	}
	return got
}

func ids(all []*modelMessage) string {
	text := make([]string, len(all))
	for i, m := range all {
		text[i] = fmt.Sprintf("%d(%d)", m.id, m.attempts)
	}
	return strings.Join(text, " ")
}

// TestRandomHistories plays random commands against a queue and the model. Some histories run the sweeper
// between commands, others leave all of time's work to the commands themselves.
func TestRandomHistories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { // without T.Deadline, which a bubble has not
			b := newBench(t, nil)
			ctx, cancel := context.WithCancel(context.Background())
			var run sync.WaitGroup
			if rapid.Bool().Draw(rt, "swept") {
				run.Go(func() { _ = b.engine.Run(ctx) })
			}
			q := &model{maxAttempts: 3, maxDepth: 12, prefetch: 3}
			b.do("queue.create", `{"queue":"q","max_attempts":3,"max_depth":12,"prefetch":3}`)
			var receipts []string // all there ever were
			history := map[string]func(*rapid.T){
				"publish":  func(rt *rapid.T) { b.stepPublish(rt, q) },
				"receive":  func(rt *rapid.T) { receipts = b.stepReceive(rt, q, receipts) },
				"receive2": func(rt *rapid.T) { receipts = b.stepReceive(rt, q, receipts) },
				"ack":      func(rt *rapid.T) { b.stepAck(rt, q, receipts) },
				"wait": func(rt *rapid.T) {
					time.Sleep(time.Duration(rapid.IntRange(1, 1500).Draw(rt, "ms")) * time.Millisecond)
					synctest.Wait()
				},
				"redrive": func(rt *rapid.T) { b.stepRedrive(rt, q) },
				"purge":   func(rt *rapid.T) { b.stepPurge(rt, q) },
				"fail": func(rt *rapid.T) {
					before := b.picture("q")
					b.stepFail(rt, receipts)
					if after := b.picture("q"); after != before {
						rt.Fatalf("a transaction that failed left traces:\nbefore %s\nafter  %s", before, after)
					}
				},
				"": func(rt *rapid.T) { b.compare(rt, q) },
			}
			rt.Repeat(history)
			cancel()
			run.Wait()
		})
	})
}

func now() int64 { return time.Now().UnixMilli() }

func (b *bench) stepPublish(rt *rapid.T, q *model) {
	m := &modelMessage{
		priority: rapid.IntRange(4, 6).Draw(rt, "priority"),
		group:    rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(rt, "group"),
		state:    "ready",
	}
	delay, ttl := rapid.SampledFrom([]int64{0, 0, 700}).Draw(rt, "delay"), rapid.SampledFrom([]int64{0, 0, 1100}).Draw(rt, "ttl")
	got := b.do("queue.publish", fmt.Sprintf(`{"queue":"q","message":"x","priority":%d,"group":%q,"delay_ms":%d,"ttl_ms":%d}`,
		m.priority, m.group, delay, ttl))
	q.pass(now())
	if len(q.all)-len(q.in("dead")) >= q.maxDepth {
		if !strings.HasPrefix(got, "! exhausted") {
			rt.Fatalf("published into a full queue: %s", got)
		}
		return
	}
	q.last++
	m.id = q.last
	if want := fmt.Sprintf(`{"message_id":"%d",`, m.id); !strings.HasPrefix(got, want) {
		rt.Fatalf("publish: got %s, want %s", got, want)
	}
	if delay > 0 {
		m.state, m.due = "delayed", now()+delay
	}
	if ttl > 0 {
		m.expires = now() + ttl
	}
	q.all = append(q.all, m)
}

func (b *bench) stepReceive(rt *rapid.T, q *model, receipts []string) []string {
	n := rapid.IntRange(1, 3).Draw(rt, "max")
	consumer := rapid.SampledFrom([]string{"me", "you"}).Draw(rt, "consumer")
	lease := rapid.Int64Range(1, 900).Draw(rt, "lease")
	got := b.receive(fmt.Sprintf(`,"max":%d,"consumer":%q,"lease_ms":%d`, n, consumer, lease))
	q.pass(now())
	want := q.receive(n, consumer, now()+lease)
	var told []string
	for i, m := range got {
		told = append(told, fmt.Sprintf("%s(%d)", m.MessageID, m.Attempt))
		if slices.Contains(receipts, m.Receipt) {
			rt.Fatalf("receipt %s was given out twice", m.Receipt)
		}
		receipts = append(receipts, m.Receipt)
		if i < len(want) {
			want[i].receipt = m.Receipt
		}
	}
	if strings.Join(told, " ") != ids(want) {
		rt.Fatalf("received %v, want %s", told, ids(want))
	}
	return receipts
}

func (b *bench) stepAck(rt *rapid.T, q *model, receipts []string) {
	if len(receipts) == 0 {
		return
	}
	chosen := rapid.SliceOfN(rapid.SampledFrom(receipts), 1, 3).Draw(rt, "receipts")
	action := rapid.SampledFrom([]string{"done", "retry", "reject", "extend"}).Draw(rt, "action")
	list, _ := json.Marshal(chosen)
	payload := fmt.Sprintf(`{"receipts":%s,"action":%q`, list, action)
	if action == "retry" || action == "extend" {
		payload += `,"ms":500`
	}
	got := must[queue.AckResponse](b, "queue.ack", payload+`}`)
	q.pass(now())
	settled := map[string]bool{}
	for i, r := range chosen {
		at := slices.IndexFunc(q.all, func(m *modelMessage) bool { return m.state == "leased" && m.receipt == r })
		want := "stale"
		if at >= 0 && !settled[r] {
			settled[r] = true
			want = q.settle(at, action)
		}
		if got.Results[i].State != want {
			rt.Fatalf("%s of %s: %s, want %s", action, r, got.Results[i].State, want)
		}
	}
}

func (q *model) settle(at int, action string) string {
	m := q.all[at]
	switch {
	case action == "done":
		q.all = slices.Delete(q.all, at, at+1)
		return "done"
	case action == "extend":
		m.due = now() + 500
	case action == "retry" && m.attempts < q.maxAttempts:
		m.state, m.due = "delayed", now()+500
	default:
		m.state = "dead"
	}
	return m.state
}

func (b *bench) stepRedrive(rt *rapid.T, q *model) {
	got := b.do("queue.redrive", `{"queue":"q"}`)
	q.pass(now())
	dead := q.in("dead")
	room := q.maxDepth - (len(q.all) - len(dead))
	n := min(room, len(dead))
	for _, m := range dead[:n] {
		m.state, m.attempts, m.expires = "ready", 0, 0
	}
	want := fmt.Sprintf(`{"redriven":%d,"left":%d`, n, len(dead)-n)
	if n == 0 && len(dead) > 0 {
		want = "! exhausted"
	}
	if !strings.HasPrefix(got, want) {
		rt.Fatalf("redrive: got %s, want %s", got, want)
	}
}

func (b *bench) stepPurge(rt *rapid.T, q *model) {
	state := rapid.SampledFrom([]string{"ready", "delayed", "leased", "dead"}).Draw(rt, "state")
	got := must[queue.PurgeResponse](b, "queue.purge", `{"queue":"q","state":"`+state+`"}`)
	q.pass(now())
	before := len(q.all)
	q.all = slices.DeleteFunc(q.all, func(m *modelMessage) bool { return m.state == state })
	if got.Purged != before-len(q.all) {
		rt.Fatalf("purged %d %s, want %d", got.Purged, state, before-len(q.all))
	}
}

// stepFail runs a transaction that does a little of everything and fails at its end.
func (b *bench) stepFail(rt *rapid.T, receipts []string) {
	calls := []*command.Request{
		b.request("queue.publish", `{"queue":"q","message":"x","group":"a","dedupe_id":"d"}`),
		b.request("queue.publish", `{"queue":"new","message":"x"}`),
		b.request("queue.update", `{"queue":"q","overflow":"drop_oldest","dead_letter_queue":"grave"}`),
		b.request("queue.publish", `{"queue":"q","message":"y"}`),
		b.request("queue.receive", `{"queue":"q","max":2,"wait":20}`),
		b.request("queue.redrive", `{"queue":"q","to":"new"}`),
		b.request("queue.purge", `{"queue":"q","state":"delayed"}`),
		b.request("queue.pause", `{"queue":"q"}`),
	}
	for _, r := range receipts {
		for _, action := range []string{"extend", "reject"} {
			calls = append(calls, b.request("queue.ack", fmt.Sprintf(`{"receipts":[%q],"action":%q}`, r, action)))
		}
	}
	if rapid.Bool().Draw(rt, "delete") {
		calls = append(calls, b.request("queue.delete", `{"queue":"q"}`), b.request("queue.publish", `{"queue":"q","message":"z"}`))
	}
	calls = slices.DeleteFunc(calls, func(r *command.Request) bool {
		return r.Command.Name == "queue.publish" && !rapid.Bool().Draw(rt, "publish")
	})
	calls = append(calls, b.request("queue.delete", `{"queue":"there-is-none"}`))
	if _, err := b.d.Transact(context.Background(), calls); err == nil {
		rt.Fatal("the transaction succeeded")
	}
	if got := b.do("queue.stats", `{"queue":"grave"}`); !strings.HasPrefix(got, "! not_found") {
		rt.Fatalf("a queue of a transaction that failed: %s", got)
	}
}

// compare looks at every state of the queue. Without the sweeper time's work shows only after a command.
func (b *bench) compare(rt *rapid.T, q *model) {
	b.do("queue.redrive", `{"queue":"q","message_ids":["999999"]}`) // changes nothing else
	q.pass(now())
	for _, state := range []string{"ready", "delayed", "leased", "dead"} {
		var seen []string
		for _, m := range must[queue.PeekResponse](b, "queue.peek", `{"queue":"q","state":"`+state+`","limit":1000}`).Messages {
			seen = append(seen, fmt.Sprintf("%s(%d)", m.MessageID, m.Attempts))
		}
		if strings.Join(seen, " ") != ids(q.in(state)) {
			rt.Fatalf("%s: %v, want %s", state, seen, ids(q.in(state)))
		}
	}
	if err := b.engine.Check(); err != nil {
		rt.Fatal(err)
	}
}

// picture is all that can be seen of a queue, but for how long ago things happened.
func (b *bench) picture(name string) string {
	var all strings.Builder
	for _, state := range []string{"ready", "delayed", "leased", "dead"} {
		all.WriteString("\n" + b.do("queue.peek", fmt.Sprintf(`{"queue":%q,"state":%q,"full":true,"limit":1000}`, name, state)))
	}
	v, err := b.d.Do(context.Background(), b.request("queue.stats", fmt.Sprintf(`{"queue":%q}`, name)))
	if err != nil {
		return err.Error()
	}
	stats := *v.(*queue.StatsResponse)
	stats.OldestReadyMS = 0
	text, _ := json.Marshal(stats)
	return all.String() + "\n" + string(text)
}

// keeping is a journal that keeps every record, and can fail.
type keeping struct {
	*journal.Memory
	mu      sync.Mutex // the sweeper appends, too
	records []journal.Record
	full    bool
}

// kept returns what there is now.
func (k *keeping) kept() []journal.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.records)
}

func (k *keeping) keep(rec *journal.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records = append(k.records, *rec)
}

func (k *keeping) Append(rec *journal.Record) (uint64, error) {
	if k.full {
		return 0, fault.New(fault.Unavailable, "the disk is full")
	}
	seq, err := k.Memory.Append(rec)
	k.keep(rec)
	return seq, err
}

func (k *keeping) Commit(rec *journal.Record) error {
	err := k.Memory.Commit(rec)
	k.keep(rec)
	return err
}

// lively makes a history with everything in it.
func (b *bench) lively() {
	b.do("queue.create", `{"queue":"q","max_attempts":2,"max_depth":20,"overflow":"drop_oldest","dedupe_ms":1000,"prefetch":8,"backoff":"exponential","backoff_ms":100,"jitter_percent":30,"retention_ms":60000}`)
	b.do("queue.create", `{"queue":"r","dead_letter_queue":"grave"}`)
	for i := range 40 {
		b.publish(strconv.Itoa(i), fmt.Sprintf(`,"priority":%d,"headers":{"n":"%d"},"dedupe_id":"%d","group":%q,"delay_ms":%d,"ttl_ms":%d`,
			i%10, i, i%30, []string{"", "g", "h"}[i%3], i%4*100, i%5*1000))
	}
	b.do("queue.publish", `{"queue":"r","messages":[{"message":{"json":[1]}},{"message":{"$base64":"AP8="}},{"message":""}]}`)
	for round := range 6 {
		got := b.receive(`,"max":4,"lease_ms":400`)
		for i, m := range got {
			b.ack([]queue.Delivered{m}, []string{``, `,"action":"retry","reason":"r"`, `,"action":"reject","reason":"s"`, `,"action":"extend","ms":900`}[(i+round)%4])
		}
		got = must[queue.ReceiveResponse](b, "queue.receive", `{"queue":"r"}`).Messages
		b.ack(got, `,"action":"reject"`)
		time.Sleep(300 * time.Millisecond)
	}
	b.do("queue.redrive", `{"queue":"q","limit":2}`)
	b.do("queue.redrive", `{"queue":"grave","limit":1}`)
	b.do("queue.pause", `{"queue":"r"}`)
	if _, err := b.d.Transact(context.Background(), []*command.Request{
		b.request("queue.publish", `{"queue":"t","message":"a"}`),
		b.request("queue.receive", `{"queue":"t"}`),
		b.request("queue.publish", `{"queue":"t","message":"b"}`),
		b.request("queue.purge", `{"queue":"t","state":"leased"}`),
	}); err != nil {
		b.t.Error(err)
	}
	b.do("queue.publish", `{"queue":"brief","message":1}`)
	b.do("queue.delete", `{"queue":"brief"}`)
}

// TestReplay encodes every op, decodes it into another engine, twice, and compares all there is to see.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
		from, to := newBench(t, j), newBench(t, nil)
		from.lively()
		structure := queue.Structure(queue.Options{})
		kinds := map[byte]bool{}
		for _, rec := range j.kept() {
			copied := journal.Record{Seq: rec.Seq}
			for c := range rec.Changes() {
				kinds[c.Op.Kind()] = true
				op, err := structure.DecodeOp(c.Op.Kind(), c.Op.AppendTo(nil))
				if err != nil {
					t.Fatalf("%#v: %v", c.Op, err)
				}
				if c.Op.Size() <= 0 {
					t.Errorf("%#v takes no memory", c.Op)
				}
				c.Op = op
				copied.Add(c)
			}
			for range 2 {
				if err := to.engine.Replay(&copied); err != nil {
					t.Fatal(err)
				}
				to.check()
			}
		}
		if len(kinds) != 6 {
			t.Errorf("the history has only ops of the kinds %v", kinds)
		}
		from.want("queues", to.do("queue.list", `{}`), from.do("queue.list", `{}`))
		for _, name := range []string{"q", "r", "grave"} {
			from.want(name, to.picture(name), from.picture(name))
		}
		from.check()
	})
}

func TestNothingHappensWhenTheJournalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
		b := newBench(t, j)
		b.lively()
		receipts := b.receive(`,"max":2`)
		before := b.picture("q")
		j.full = true
		for _, call := range []struct{ name, payload string }{
			{"queue.publish", `{"queue":"q","message":1}`}, {"queue.publish", `{"queue":"new","message":1}`},
			{"queue.receive", `{"queue":"q"}`}, {"queue.purge", `{"queue":"q"}`}, {"queue.redrive", `{"queue":"q"}`},
			{"queue.delete", `{"queue":"q"}`}, {"queue.pause", `{"queue":"q"}`}, {"queue.update", `{"queue":"q","max_dead":1}`},
			{"queue.ack", fmt.Sprintf(`{"receipts":[%q]}`, receipts[0].Receipt)},
		} {
			b.want(call.name, b.do(call.name, call.payload), "! unavailable the disk is full")
		}
		b.want("as before", b.picture("q"), before)
		b.check()
	})
}

// TestProducersAndConsumers has everybody work at once: every message is done exactly once, and is never with
// two receivers at a time.
func TestProducersAndConsumers(t *testing.T) {
	const producers, consumers, each = 4, 6, 400
	b := newBench(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var run, all sync.WaitGroup
	run.Go(func() { _ = b.engine.Run(ctx) })
	b.do("queue.create", `{"queue":"q","max_attempts":0}`)
	for p := range producers {
		all.Go(func() {
			for i := range each {
				b.publish(fmt.Sprintf("%d-%d", p, i), fmt.Sprintf(`,"priority":%d`, i%10))
			}
		})
	}
	var mu sync.Mutex
	held, finished := map[string]bool{}, map[string]int{}
	// work holds what was received for a moment, and books it.
	work := func(got []queue.Delivered, done bool) {
		mu.Lock()
		for _, m := range got {
			if held[m.MessageID] {
				t.Errorf("message %s is with two receivers", m.MessageID)
			}
			held[m.MessageID] = true
		}
		mu.Unlock()
		runtime.Gosched() // whoever else has one of these now is caught
		mu.Lock()
		defer mu.Unlock()
		for _, m := range got {
			delete(held, m.MessageID)
			if done {
				finished[m.MessageID]++
			}
		}
	}
	for c := range consumers {
		all.Go(func() {
			for n := 0; ; n++ {
				v, err := b.d.Do(ctx, b.request("queue.receive", fmt.Sprintf(`{"queue":"q","max":3,"wait":20,"lease":300,"consumer":"%d"}`, c)))
				if err != nil {
					return // everything is done
				}
				got, action := v.(*queue.ReceiveResponse).Messages, ""
				if n%5 == 4 {
					action = `,"action":"retry"`
				}
				work(got, action == "")
				if len(got) > 0 && strings.Contains(b.ack(got, action), "stale") {
					t.Error("a receipt was stale under its lease")
				}
				if must[queue.StatsResponse](b, "queue.stats", `{"queue":"q"}`).Totals.Done == producers*each {
					cancel()
				}
			}
		})
	}
	all.Wait()
	run.Wait()
	for id, n := range finished {
		if n != 1 {
			t.Errorf("message %s was done %d times", id, n)
		}
	}
	if stats := must[queue.StatsResponse](b, "queue.stats", `{"queue":"q"}`); stats.Depth != 0 || len(finished) != producers*each {
		t.Errorf("%d are done; %+v", len(finished), stats)
	}
	b.check()
}

// TestManyWaitersAreWokenOnce has more receivers than messages: each message ends just one wait.
func TestManyWaitersAreWokenOnce(t *testing.T) {
	running(t, func(b *bench) {
		const waiters, messages = 500, 300
		var all sync.WaitGroup
		var mu sync.Mutex
		got := map[string]int{}
		empty := 0
		for range waiters {
			all.Go(func() {
				received := b.receive(`,"wait":25,"lease":600`)
				mu.Lock()
				defer mu.Unlock()
				for _, m := range received {
					got[m.MessageID]++
				}
				if len(received) == 0 {
					empty++
				}
			})
		}
		synctest.Wait()
		if stats := b.do("queue.stats", `{"queue":"q"}`); !strings.HasPrefix(stats, "! not_found") {
			t.Errorf("waiting made the queue: %s", stats)
		}
		var publishers sync.WaitGroup
		for range 3 {
			publishers.Go(func() {
				for range messages / 3 {
					b.publish("x", "")
				}
			})
		}
		publishers.Wait()
		synctest.Wait()
		mu.Lock()
		if len(got) != messages || empty != 0 {
			t.Errorf("%d messages arrived and %d went away, before the time was over", len(got), empty)
		}
		mu.Unlock()
		all.Wait()
		if empty != waiters-messages {
			t.Errorf("%d went away with nothing, want %d", empty, waiters-messages)
		}
	})
}

// TestTransactions receives and acknowledges as a part of something bigger.
func TestTransactions(t *testing.T) {
	running(t, func(b *bench) {
		b.publish("a", "")
		got := b.receive("")
		answers, err := b.d.Transact(b.t.Context(), []*command.Request{
			b.request("queue.ack", fmt.Sprintf(`{"receipts":[%q]}`, got[0].Receipt)),
			b.request("queue.publish", `{"queue":"next","message":"b"}`),
			b.request("queue.receive", `{"queue":"q","wait":20}`),
			b.request("queue.receive", `{"queue":"next"}`),
		})
		if err != nil {
			t.Fatal(err)
		}
		b.want("nothing to wait for", texts(answers[2].(*queue.ReceiveResponse).Messages), "")
		next := answers[3].(*queue.ReceiveResponse).Messages
		b.want("what was just published", texts(next), "b")
		b.want("its receipt is good", b.ack(next, ""), "done")
	})
}

func TestPermissions(t *testing.T) {
	b := newBench(t, nil)
	b.publish("a", "")
	for _, call := range []struct{ name, payload string }{
		{"queue.publish", `{"queue":"q","message":1}`}, {"queue.receive", `{"queue":"q"}`}, {"queue.ack", `{"receipts":["AQEBcQ"]}`},
	} {
		r := b.request(call.name, call.payload)
		r.Caller = &auth.Identity{Name: "reader", Namespace: "default", Access: auth.Read}
		if _, err := b.d.Do(t.Context(), r); fault.CodeOf(err) != fault.Denied {
			t.Errorf("%s by somebody who may only read: %v", call.name, err)
		}
	}
}

func FuzzDecodeOp(f *testing.F) {
	j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
	b := newBench(f, j)
	b.publish("a", `,"headers":{"k":"v"},"dedupe_id":"x","group":"g"`)
	b.do("queue.update", `{"queue":"q","dead_letter_queue":"grave"}`)
	b.ack(b.receive(""), `,"action":"reject","reason":"r"`)
	b.do("queue.delete", `{"queue":"q"}`)
	for _, rec := range j.kept() {
		for c := range rec.Changes() {
			f.Add(c.Op.Kind(), c.Op.AppendTo(nil))
		}
	}
	structure := queue.Structure(queue.Options{})
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		op, err := structure.DecodeOp(kind, data)
		if err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		again, err := structure.DecodeOp(kind, op.AppendTo(nil))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if op.Size() != again.Size() {
			t.Fatalf("read %#v, and again %#v", op, again)
		}
		engine, err := core.New(core.Options{Structures: []*command.Structure{queue.Structure(queue.Options{})}})
		if err != nil {
			t.Fatal(err)
		}
		rec := journal.Record{Seq: 1}
		rec.Add(journal.Change{Namespace: 1, Structure: 2, Op: op})
		if err := engine.Replay(&rec); err != nil {
			t.Fatal(err)
		}
		if err := engine.Check(); err != nil {
			t.Fatal(err)
		}
	})
}
