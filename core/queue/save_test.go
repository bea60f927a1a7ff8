package queue_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/value"
)

// saved is what Save handed out.
type saved struct {
	at    journal.Place
	chunk []byte
}

// save saves the engine; between runs between the chunks.
func (b *bench) save(between func()) (all []saved) {
	b.t.Helper()
	err := b.engine.Save(context.Background(), func(at journal.Place, chunk []byte) error {
		all = append(all, saved{at, slices.Clone(chunk)})
		between()
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func (b *bench) restore(all []saved) {
	b.t.Helper()
	for _, c := range all {
		if err := b.engine.Restore(c.at, c.chunk); err != nil {
			b.t.Fatal(err)
		}
	}
}

// replay applies the records as they come back from their encoding.
func (b *bench) replay(records []journal.Record) {
	b.t.Helper()
	for i := range records {
		rec := b.copied(&records[i])
		if err := b.engine.Replay(&rec); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bench) copied(rec *journal.Record) journal.Record {
	b.t.Helper()
	again := journal.Record{Seq: rec.Seq}
	for c := range rec.Changes() {
		op, err := queue.Structure(queue.Options{}).DecodeOp(c.Op.Kind(), c.Op.AppendTo(nil))
		if err != nil {
			b.t.Fatalf("%#v: %v", c.Op, err)
		}
		c.Op = op
		again.Add(c)
	}
	return again
}

// entries is everything that the engine holds, to be compared.
func (b *bench) entries() string {
	var lines []string
	for _, c := range b.save(func() {}) {
		for chunk := c.chunk; len(chunk) > 0; {
			entry, rest, _ := journal.NextEntry(chunk)
			lines = append(lines, fmt.Sprintf("%d %q", c.at.Structure, entry))
			chunk = rest
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// expectSame compares all that two benches hold, and all that can be seen of it.
func expectSame(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, what string, got, want *bench) {
	t.Helper()
	if a, b := got.entries(), want.entries(); a != b {
		t.Fatalf("%s: holds\n%s\nwant\n%s", what, a, b)
	}
	if got.engine.Digest() != want.engine.Digest() {
		t.Fatalf("%s: the digests differ", what)
	}
	list := want.do("queue.list", `{}`)
	if again := got.do("queue.list", `{}`); again != list {
		t.Fatalf("%s: lists\n%s\nwant\n%s", what, again, list)
	}
	for _, item := range must[queue.ListResponse](want, "queue.list", `{}`).Items {
		if a, b := got.picture(item.Queue), want.picture(item.Queue); a != b {
			t.Fatalf("%s: queue %s is\n%s\nwant\n%s", what, item.Queue, a, b)
		}
	}
	for _, b := range []*bench{got, want} {
		if err := b.engine.Check(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// actor does random things to a few queues.
type actor struct {
	*bench
	receipts []string
}

func (a *actor) step(rt *rapid.T) {
	switch rapid.IntRange(0, 19).Draw(rt, "step") {
	case 0:
		time.Sleep(time.Duration(rapid.SampledFrom([]int{1, 300, 900, 70_000}).Draw(rt, "ms")) * time.Millisecond)
		synctest.Wait()
	case 1:
		a.transact(rt)
	default:
		a.run(a.draw(rt))
	}
}

// run does a command, whatever comes of it.
func (a *actor) run(r *command.Request) {
	v, err := a.d.Do(context.Background(), r)
	if err == nil {
		a.hear(v)
	}
}

func (a *actor) hear(v any) {
	if got, ok := v.(*queue.ReceiveResponse); ok {
		for _, m := range got.Messages {
			a.receipts = append(a.receipts, m.Receipt)
		}
	}
}

// transact does several commands as one; half of the time the last one fails.
func (a *actor) transact(rt *rapid.T) {
	var calls []*command.Request
	for range rapid.IntRange(1, 5).Draw(rt, "commands") {
		calls = append(calls, a.draw(rt))
	}
	if rapid.Bool().Draw(rt, "fail") {
		calls = append(calls, a.request("queue.delete", `{"queue":"there-is-none"}`))
	}
	answers, err := a.d.Transact(context.Background(), calls)
	if err == nil {
		for _, v := range answers {
			a.hear(v)
		}
	}
}

// draw draws a command.
func (a *actor) draw(rt *rapid.T) *command.Request {
	q := rapid.SampledFrom([]string{"a", "a", "a", "b", "grave"}).Draw(rt, "queue")
	pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, what) }
	switch pick("command", "publish", "publish", "batch", "receive", "receive", "ack", "ack", "ack", "manage") {
	case "publish":
		return a.request("queue.publish", fmt.Sprintf(`{"queue":%q,"message":"m","priority":%s,"group":%q,"delay_ms":%s,"ttl_ms":%s,"dedupe_id":%q%s}`,
			q, pick("priority", "4", "5", "9"), pick("group", "", "", "g", "h"), pick("delay", "0", "0", "500"), pick("ttl", "0", "0", "800"),
			pick("dedupe", "", "", "x", "y", "z"), pick("headers", "", `,"headers":{"k":"1","j":"","i":"3"}`)))
	case "batch":
		one := pick("one", `{"message":"x"}`, `{"message":{"json":[1]},"group":"g"}`, `{"message":{"$base64":"AP8="},"priority":0}`)
		return a.request("queue.publish", fmt.Sprintf(`{"queue":%q,"messages":[%s,{"message":"u","dedupe_id":"u"},%s]}`, q, one, one))
	case "receive":
		return a.request("queue.receive", fmt.Sprintf(`{"queue":%q,"max":%d,"consumer":%q,"lease_ms":%s}`,
			q, rapid.IntRange(1, 5).Draw(rt, "max"), pick("consumer", "me", "you"), pick("lease", "200", "2000", "100000")))
	case "ack":
		if len(a.receipts) > 0 {
			list := rapid.SliceOfN(rapid.SampledFrom(a.receipts), 1, 3).Draw(rt, "receipts")
			return a.request("queue.ack", fmt.Sprintf(`{"receipts":["%s"],"action":%s}`, strings.Join(list, `","`),
				pick("action", `"done"`, `"retry","ms":400`, `"retry","reason":"later"`, `"reject","reason":"bad"`, `"extend","ms":5000`)))
		}
	}
	verb, fields, _ := strings.Cut(pick("manage", "purge ready", "purge dead", "purge all", "redrive", `redrive to`, "pause", "resume",
		"delete", "update", "update", "create"), " ")
	switch {
	case verb == "purge":
		fields = `,"state":"` + fields + `"`
	case fields == "to":
		fields = `,"to":"b"`
	case verb == "update" || verb == "create":
		fields = pick("settings", `,"dedupe_ms":0`, `,"dedupe_ms":300`, `,"dedupe_ms":5000`, `,"prefetch":2`, `,"max_dead":1`, `,"max_attempts":1`,
			`,"max_depth":8,"overflow":"drop_oldest"`, `,"dead_letter_queue":"c"`, `,"retention_ms":3000`)
	}
	return a.request("queue."+verb, fmt.Sprintf(`{"queue":%q%s}`, q, fields))
}

// TestSaveWhileWritersWork saves an engine while random commands run between the chunks, restores the chunks in
// another one, replays the records since before the save began, and compares. Other saves of the same engine run in
// between, and some of them stop half-way.
func TestSaveWhileWritersWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) {
			defer queue.BoundSaves(rapid.SampledFrom([]int{1, 1, 100, 400}).Draw(rt, "bytes"), rapid.SampledFrom([]int{1, 3, 20}).Draw(rt, "looks"),
				rapid.SampledFrom([]int64{700, 1 << 20}).Draw(rt, "aside"))()
			j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
			a := &actor{bench: newBench(t, j)}
			ctx, cancel := context.WithCancel(context.Background())
			var run sync.WaitGroup
			defer func() { cancel(); run.Wait() }()
			if rapid.Bool().Draw(rt, "swept") {
				run.Go(func() { _ = a.engine.Run(ctx) })
			}
			steps := func(most int) {
				for range rapid.IntRange(0, most).Draw(rt, "steps") {
					a.step(rt)
				}
			}
			steps(60)
			synctest.Wait()
			since := rapid.IntRange(0, len(j.kept())).Draw(rt, "since")
			chunks := a.save(func() {
				steps(3)
				switch rapid.IntRange(0, 30).Draw(rt, "another save") {
				case 0:
					a.engine.Digest()
				case 1:
					a.abandoned(rapid.IntRange(1, 8).Draw(rt, "chunks"))
				}
			})
			steps(20)
			synctest.Wait()

			again := newBench(t, nil)
			again.restore(chunks)
			if err := again.engine.Check(); err != nil {
				rt.Fatalf("restored: %v", err)
			}
			again.replay(j.kept()[since:])
			expectSame(rt, "recovered", again, a.bench)
		})
	})
}

// abandoned is a save that stops after so many chunks.
func (b *bench) abandoned(chunks int) {
	stop := errors.New("the disk is full")
	err := b.engine.Save(context.Background(), func(journal.Place, []byte) error {
		if chunks--; chunks == 0 {
			return stop
		}
		return nil
	})
	if err != nil && !errors.Is(err, stop) {
		b.t.Fatal(err)
	}
}

// queues is the state of the default namespace.
func (b *bench) queues() *queue.Queues {
	for _, state := range b.engine.Namespaces()[0].States {
		if s, ok := state.(*queue.Queues); ok {
			return s
		}
	}
	return nil
}

// fail does the commands in a transaction that fails.
func (b *bench) fail(calls ...*command.Request) {
	b.t.Helper()
	calls = append(calls, b.request("queue.delete", `{"queue":"there-is-none"}`))
	if _, err := b.d.Transact(context.Background(), calls); err == nil {
		b.t.Error("the transaction succeeded")
	}
}

// TestAQueueIsSavedAsItWasAtOneMoment changes everything after the first call: what is restored, with nothing replayed,
// is the queue as it was before.
func TestAQueueIsSavedAsItWasAtOneMoment(t *testing.T) {
	defer queue.BoundSaves(1, 1, 1<<20)()
	for name, change := range map[string]func(b *bench){
		"all messages leave":  func(b *bench) { b.do("queue.purge", `{"queue":"q","state":"all"}`) },
		"they are handed out": func(b *bench) { b.receive(`,"max":9`) },
		"and done":            func(b *bench) { b.ack(b.receive(`,"max":9`), "") },
		"or given back":       func(b *bench) { b.ack(b.receive(`,"max":9`), `,"action":"retry"`) },
		"or die":              func(b *bench) { b.ack(b.receive(`,"max":9`), `,"action":"reject"`) },
		"more come":           func(b *bench) { b.publish("new", `,"priority":9`); b.publish("new", `,"priority":0`) },
		"a transaction fails": func(b *bench) { b.fail(b.request("queue.purge", `{"queue":"q","state":"all"}`)) },
		"one that receives":   func(b *bench) { b.fail(b.request("queue.receive", `{"queue":"q","max":9}`)) },
		"one that deletes":    func(b *bench) { b.fail(b.request("queue.delete", `{"queue":"q"}`)) },
		"one that deletes and publishes": func(b *bench) {
			b.fail(b.request("queue.delete", `{"queue":"q"}`), b.request("queue.publish", `{"queue":"q","message":"new"}`))
		},
		"settings change": func(b *bench) { b.do("queue.update", `{"queue":"q","max_depth":9}`) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.do("queue.publish", `{"queue":"q","messages":[{"message":"1","group":"g"},{"message":"2","group":"g"},{"message":"3","dedupe_id":"d"},`+
				`{"message":"4","delay":9},{"message":"5","priority":9},{"message":"6"},{"message":"7","priority":0}]}`)
			b.ack(b.receive(`,"max":2`)[1:], `,"action":"reject"`)
			want, changed := b.entries(), false
			chunks := b.save(func() {
				if !changed && b.queues().Savings() > 0 {
					changed = true
					change(b)
				}
			})
			again := newBench(t, nil)
			again.restore(chunks)
			b.want("restored", again.entries(), want)
			again.check()
			b.check()
		})
	}
}

// TestAForgottenDedupeIDComesBack has a transaction fail that did time's work first.
func TestAForgottenDedupeIDComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.do("queue.create", `{"queue":"q","dedupe_ms":100}`)
		for _, id := range []string{"x", "y"} {
			b.publish("1", `,"dedupe_id":"`+id+`"`)
		}
		time.Sleep(time.Second)
		before := b.entries()
		b.fail(b.request("queue.publish", `{"queue":"q","message":"2","dedupe_id":"x"}`))
		b.want("as before", b.entries(), before)
		b.check()
		if b.publish("3", `,"dedupe_id":"x"`).Duplicate {
			t.Error("the dedupe_id is remembered past its time")
		}
	})
}

// TestASaveThatStopsEnds has saves stop half-way: they hold on to little, and not for ever.
func TestASaveThatStopsEnds(t *testing.T) {
	running(t, func(b *bench) {
		defer queue.BoundSaves(1, 1, 2000)()
		for range 20 {
			b.publish("x", "")
		}
		for range 20 {
			b.abandoned(4)
		}
		if n := b.queues().Savings(); n == 0 || n > 8 {
			t.Errorf("%d saves are under way", n)
		}
		b.receive(`,"max":20`) // more than may be put aside
		time.Sleep(2 * time.Minute)
		b.engine.Digest()
		if n := b.queues().Savings(); n != 0 {
			t.Errorf("%d saves are under way", n)
		}
		b.abandoned(4)
		b.do("queue.delete", `{"queue":"q"}`)
		if n := b.queues().Savings(); n != 0 {
			t.Errorf("%d saves of a queue that was deleted are under way", n)
		}
	})
}

// TestSavesSideBySide has more saves go through one queue than may be under way at once.
func TestSavesSideBySide(t *testing.T) {
	defer queue.BoundSaves(300, 10, 1<<20)()
	b := newBench(t, nil)
	for range 50 {
		b.publish("x", "")
	}
	want := b.engine.Digest()
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			again := newBench(t, nil)
			again.restore(b.save(runtime.Gosched))
			if got := again.engine.Digest(); got != want {
				t.Errorf("restored: %x, want %x", got, want)
			}
		})
	}
	all.Wait()
	if n := b.queues().Savings(); n != 0 {
		t.Errorf("%d saves are under way", n)
	}
}

// TestSavesInTurnsComeToAnEnd, although there are more than may be under way at once and none is idle for longer than the others.
func TestSavesInTurnsComeToAnEnd(t *testing.T) {
	defer queue.BoundSaves(300, 10, 1<<20)()
	b := newBench(t, nil)
	for range 50 {
		b.publish("x", "")
	}
	var under [12][]byte // the cursors of the saves that are under way
	for i := range under {
		under[i] = b.queues().Save(0, nil, func([]byte) {})
	}
	turns := 0
	for left := len(under); left > 0; turns++ {
		if turns > 1000 {
			t.Fatalf("after %d turns %d of %d saves are under way", turns, left, len(under))
		}
		left = 0
		for i, from := range under {
			if from == nil {
				continue
			}
			if under[i] = b.queues().Save(0, from, func([]byte) {}); under[i] != nil {
				left++
			}
		}
	}
}

// TestSaveAndRestore takes a state with everything in it there and back.
func TestSaveAndRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to := newBench(t, nil), newBench(t, nil)
		from.lively()
		to.restore(from.save(func() {}))
		expectSame(t, "restored", to, from)
		// What time makes due is found: the sweeper was asked for.
		ctx, cancel := context.WithCancel(context.Background())
		var run sync.WaitGroup
		for _, b := range []*bench{from, to} {
			run.Go(func() { _ = b.engine.Run(ctx) })
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		cancel()
		run.Wait()
		for _, b := range []*bench{from, to} {
			for _, name := range []string{"q", "r", "grave"} {
				stats := must[queue.StatsResponse](b, "queue.stats", `{"queue":"`+name+`"}`)
				if stats.Leased+stats.Delayed != 0 {
					t.Errorf("an hour later %s has %+v", name, stats.Counts)
				}
			}
		}
	})
}

// TestSaveBesideWriters saves again and again while producers and consumers work, on many goroutines.
func TestSaveBesideWriters(t *testing.T) {
	defer queue.BoundSaves(500, 20, 1<<20)()
	const workers, each = 4, 200
	j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
	b := newBench(t, j)
	for range 300 {
		b.publish("x", "")
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range each {
				b.publish("x", fmt.Sprintf(`,"priority":%d,"dedupe_id":"%d"`, i%10, i%50))
				got := b.receive(`,"max":2`)
				b.ack(got[:min(1, len(got))], []string{``, `,"action":"retry"`, `,"action":"reject"`}[i%3])
			}
		})
	}
	var chunks []saved
	for range 5 {
		chunks = b.save(runtime.Gosched)
	}
	all.Wait()
	again := newBench(t, nil)
	again.restore(chunks)
	again.replay(j.kept())
	expectSame(t, "recovered", again, b)
}

// TestOneCallOfSaveDoesLittle has one large queue and many small ones: what a call hands out is bounded all the same,
// and so then is for how long it holds the lock.
func TestOneCallOfSaveDoesLittle(t *testing.T) {
	const looks = 4096
	b := newBench(t, nil)
	r := b.request("queue.publish", "")
	large := make([]queue.Outgoing, 1000)
	for i := range large {
		priority := i % 10
		large[i] = queue.Outgoing{Message: value.OfText("x"), Priority: &priority}
	}
	for i := range 3000 {
		args := &queue.PublishRequest{Queue: fmt.Sprintf("small-%d", i), Outgoing: queue.Outgoing{Message: value.OfText("x")}}
		if i < 20 {
			for j := range large {
				large[j].DedupeID = fmt.Sprint(i, j)
			}
			args = &queue.PublishRequest{Queue: "large", Messages: large}
		}
		r.Args = args
		if _, err := b.d.Do(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range b.save(func() {}) {
		entries, most := 0, 0
		for chunk := c.chunk; len(chunk) > 0; entries++ {
			entry, rest, _ := journal.NextEntry(chunk)
			most = max(most, len(entry))
			chunk = rest
		}
		if entries > looks+1 || len(c.chunk) > command.SaveBytes+2*entries+most {
			t.Errorf("a call handed out %d entries, %d bytes in all", entries, len(c.chunk))
		}
	}
}
