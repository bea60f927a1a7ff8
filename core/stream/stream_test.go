package stream_test

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
	"github.com/hivellm/synap-go/core/stream"
)

// bench is an engine with streams in it.
type bench struct {
	t      testing.TB
	engine *core.Engine
	d      *command.Dispatcher
	caller *auth.Identity
}

func newBench(t testing.TB, j journal.Journal, o stream.Options) *bench {
	t.Helper()
	engine, err := core.New(core.Options{Structures: []*command.Structure{stream.Structure(o)}, Journal: j})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t, engine, engine.Dispatcher(), auth.Local()}
}

// running runs the test with an engine that sweeps, in a bubble of virtual time.
func running(t *testing.T, test func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil, stream.Options{})
		ctx, cancel := context.WithCancel(t.Context())
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
	return &command.Request{Caller: b.caller, Command: c, Payload: command.JSON(payload)}
}

// do returns the answer as JSON, or "! code message". A %s in the payload and arguments fill it in.
func (b *bench) do(name, payload string, args ...any) string {
	b.t.Helper()
	if len(args) > 0 {
		payload = fmt.Sprintf(payload, args...)
	}
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

// must is do for what cannot fail, into a typed answer.
func must[T any](b *bench, name, payload string, args ...any) (resp T) {
	b.t.Helper()
	text := b.do(name, payload, args...)
	if err := json.Unmarshal([]byte(text), &resp); err != nil {
		b.t.Fatalf("%s %s: %s", name, fmt.Sprintf(payload, args...), text)
	}
	return resp
}

func (b *bench) append(room string, data ...string) {
	b.t.Helper()
	for _, text := range data {
		must[stream.AppendResponse](b, "stream.append", `{"room":%q,"data":%q}`, room, text)
	}
}

// show is a read in short: the events' offsets and data, what was lost, where to go on.
func show(r stream.ReadResponse) string {
	var out strings.Builder
	if r.Lost > 0 {
		fmt.Fprintf(&out, "-%d ", r.Lost)
	}
	for _, e := range r.Events {
		fmt.Fprintf(&out, "%d=%s ", e.Offset, e.Data.Data())
	}
	fmt.Fprintf(&out, "next %d", r.NextOffset)
	if r.More {
		out.WriteString("+")
	}
	return out.String()
}

func (b *bench) read(payload string, args ...any) string {
	b.t.Helper()
	text := b.do("stream.read", payload, args...)
	if strings.HasPrefix(text, "!") {
		return text
	}
	var r stream.ReadResponse
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		b.t.Fatal(err)
	}
	return show(r)
}

func expect(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// expectHead wants an answer that begins so.
func expectHead(t testing.TB, what, got, want string) {
	t.Helper()
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s: got %s, want %s…", what, got, want)
	}
}

func TestReading(t *testing.T) {
	running(t, func(b *bench) {
		for i, typ := range []string{"task.new", "task.done", "note", "task.new", "note", "task.done"} {
			time.Sleep(time.Second)
			must[stream.AppendResponse](b, "stream.append", `{"room":"r","event":%q,"data":"%c"}`, typ, 'a'+i)
		}
		last := time.Now().UnixMilli()
		tests := []struct{ name, payload, want string }{
			{"nothing said: the newest", `{"room":"r"}`, "0=a 1=b 2=c 3=d 4=e 5=f next 6"},
			{"the newest two", `{"room":"r","limit":2}`, "4=e 5=f next 6"},
			{"the newest two of a type", `{"room":"r","limit":2,"event":"task.new"}`, "0=a 3=d next 4+"},
			{"from the start", `{"room":"r","start":"earliest","limit":2}`, "0=a 1=b next 2+"},
			{"from an offset", `{"room":"r","from_offset":4}`, "4=e 5=f next 6"},
			{"from offset 0", `{"room":"r","from_offset":0,"limit":1}`, "0=a next 1+"},
			{"from the end", `{"room":"r","from_offset":6}`, "next 6"},
			{"after the latest", `{"room":"r","start":"latest"}`, "next 6"},
			{"from a time", fmt.Sprintf(`{"room":"r","from_time":%d}`, last-1000), "4=e 5=f next 6"},
			{"from a time between two", fmt.Sprintf(`{"room":"r","from_time":%d}`, last-999), "5=f next 6"},
			{"from the future", fmt.Sprintf(`{"room":"r","from_time":%d}`, last+1), "next 6"},
			{"one type", `{"room":"r","from_offset":0,"event":"note"}`, "2=c 4=e next 6"},
			{"a family of types", `{"room":"r","from_offset":1,"event":"task.*"}`, "1=b 3=d 5=f next 6"},
			{"every type", `{"room":"r","from_offset":5,"event":"*"}`, "5=f next 6"},
			{"no such type", `{"room":"r","start":"earliest","event":"x"}`, "next 6"},
			{"few bytes: one event all the same", `{"room":"r","start":"earliest","max_bytes":1}`, "0=a next 1+"},
			{"bytes for three", `{"room":"r","start":"earliest","max_bytes":450}`, "0=a 1=b 2=c next 3+"},
			{"a room that does not exist", `{"room":"none"}`, "next 0"},
			{"beyond the end", `{"room":"r","from_offset":7}`, "! out_of_range offset 7 is not there yet: the next one of room \"r\" is 6; was it deleted and made anew?"},
			{"far into a room that does not exist", `{"room":"none","from_offset":7}`, `! not_found there is no room "none" (any more): it was deleted, or never made`},
		}
		for _, test := range tests {
			expect(t, test.name, b.read("%s", test.payload), test.want)
		}
		expect(t, "trimming", b.do("stream.trim", `{"room":"r","before_offset":4}`), `{"trimmed":4,"version":7,"durability":"memory"}`)
		expect(t, "a reader that fell behind", b.read(`{"room":"r","from_offset":1}`), "-3 4=e 5=f next 6")
		expect(t, "one that wants the earliest", b.read(`{"room":"r","start":"earliest"}`), "4=e 5=f next 6")
		expect(t, "emptying", b.do("stream.trim", `{"room":"r","keep":0}`), `{"trimmed":2,"version":8,"durability":"memory"}`)
		expect(t, "after it", b.read(`{"room":"r","from_offset":0}`), "-6 next 6")
		expect(t, "again", b.do("stream.trim", `{"room":"r","keep":0}`), `{"trimmed":0}`)
	})
}

func TestAppending(t *testing.T) {
	running(t, func(b *bench) {
		var g struct{ Generation int64 }
		if err := json.Unmarshal([]byte(b.do("stream.append", `{"room":"r","event":"e","data":{"a":[1]},"headers":{"h":"v"},"key":"k"}`)), &g); err != nil {
			t.Fatal(err)
		}
		at := time.Now().UnixMilli()
		expect(t, "all of an event", b.do("stream.read", `{"room":"r"}`), fmt.Sprintf(`{"events":[{"offset":0,"event":"e","data":{"a":[1]},`+
			`"headers":{"h":"v"},"key":"k","at":%d,"by":"local"}],"next_offset":1,"oldest_offset":0,"generation":%d}`, at, g.Generation))
		expect(t, "several", b.do("stream.append", `{"room":"r","events":[{"data":1},{"data":"x","event":"y"},{"data":{"$base64":"AP8="}}]}`),
			fmt.Sprintf(`{"room":"r","offset":1,"next_offset":4,"generation":%d,"events":[{"offset":1},{"offset":2},{"offset":3}],"version":2,"durability":"memory"}`, g.Generation))
		expectHead(t, "an expected offset", b.do("stream.append", `{"room":"r","data":"z","expected_offset":4}`), `{"room":"r","offset":4`)
		expect(t, "one that was taken", b.do("stream.append", `{"room":"r","data":"z","expected_offset":4}`),
			`! conflict the next offset of room "r" is 5, not the expected 4: somebody else appended`)
		expectHead(t, "an expected room", b.do("stream.append", `{"room":"new","data":"z","expected_offset":0}`), `{"room":"new","offset":0`)
		expectHead(t, "an expected room that is not", b.do("stream.append", `{"room":"newer","data":"z","expected_offset":3}`), `! conflict`)
		expect(t, "cut data", b.read(`{"room":"r","from_offset":2,"limit":3,"value_bytes":1}`), "2=x 3=\x00 4=z next 5")
		b.append("t", "héé")
		expectHead(t, "text is cut between characters", b.do("stream.read", `{"room":"t","value_bytes":2}`), `{"events":[{"offset":0,"data":"h",`)
		expectHead(t, "text is cut after one", b.do("stream.read", `{"room":"t","value_bytes":3}`), `{"events":[{"offset":0,"data":"hé",`)
	})
}

func TestDedupe(t *testing.T) {
	running(t, func(b *bench) {
		send := func(payload string) string {
			r := must[stream.AppendResponse](b, "stream.append", "%s", payload)
			text := fmt.Sprint(r.Offset, r.Duplicate, r.Version != 0)
			for _, e := range r.Events {
				text += fmt.Sprint(" ", e.Offset, e.Duplicate)
			}
			return text
		}
		once := `{"room":"r","data":"a","dedupe_id":"x"}`
		expect(t, "the first", send(once), "0 false true")
		expect(t, "a repeat", send(once), "0 true false")
		expect(t, "a repeat with an expectation", send(`{"room":"r","data":"a","dedupe_id":"x","expected_offset":0}`), "0 true false")
		expect(t, "some of several", send(`{"room":"r","events":[{"data":1,"dedupe_id":"x"},{"data":2,"dedupe_id":"y"},{"data":2,"dedupe_id":"y"}]}`),
			"0 false true 0 true 1 false 1 true")
		must[stream.TrimResponse](b, "stream.trim", `{"room":"r","keep":0}`)
		expect(t, "a repeat of what is gone", send(once), "0 true false")
		time.Sleep(2*time.Minute - time.Millisecond)
		expect(t, "at the end of the window", send(once), "0 true false")
		time.Sleep(time.Millisecond)
		expect(t, "after it", send(once), "2 false true")
		must[stream.CreateResponse](b, "stream.create", `{"room":"off","dedupe_window_ms":0}`)
		expect(t, "no window", send(`{"room":"off","data":"a","dedupe_id":"x"}`)+" "+send(`{"room":"off","data":"a","dedupe_id":"x"}`), "0 false true 1 false true")
	})
}

func TestBounds(t *testing.T) {
	running(t, func(b *bench) {
		b.do("stream.create", `{"room":"count","max_events":3}`)
		b.append("count", "a", "b", "c", "d", "e")
		expect(t, "by number", b.read(`{"room":"count","from_offset":0}`), "-2 2=c 3=d 4=e next 5")
		b.do("stream.append", `{"room":"count","events":[{"data":1},{"data":2},{"data":3},{"data":4},{"data":5}]}`)
		expect(t, "by a batch that is too large", b.read(`{"room":"count","start":"earliest"}`), "7=3 8=4 9=5 next 10")

		b.do("stream.create", `{"room":"bytes","max_bytes":1000}`)
		for range 4 {
			b.append("bytes", strings.Repeat("x", 300))
		}
		expectHead(t, "by bytes", b.do("stream.read", `{"room":"bytes","start":"earliest","value_bytes":1}`), `{"events":[{"offset":2,`)
		b.append("bytes", strings.Repeat("x", 3000))
		expect(t, "the newest stays", b.read(`{"room":"bytes","start":"earliest","value_bytes":1}`), "4=x next 5")

		b.do("stream.create", `{"room":"age","max_age_ms":10000}`)
		b.append("age", "a")
		time.Sleep(4 * time.Second)
		b.append("age", "b")
		time.Sleep(6*time.Second - time.Millisecond)
		expect(t, "just before its time", b.read(`{"room":"age","from_offset":0}`), "0=a 1=b next 2")
		time.Sleep(10 * time.Millisecond)
		expect(t, "by age", b.read(`{"room":"age","from_offset":0}`), "-1 1=b next 2")
		time.Sleep(4 * time.Second)
		expect(t, "the last one too", b.read(`{"room":"age","from_offset":0}`), "-2 next 2")

		b.do("stream.create", `{"room":"all","max_events":0,"max_bytes":0}`)
		for range 30 {
			b.do("stream.append", `{"room":"all","events":[`+strings.Repeat(`{"data":1},`, 999)+`{"data":2}]}`)
		}
		stats := must[stream.StatsResponse](b, "stream.stats", `{"room":"all"}`)
		if stats.Events != 30_000 {
			t.Errorf("a room without bounds holds %d of 30000 events", stats.Events)
		}
		expect(t, "new bounds", fmt.Sprint(must[stream.UpdateResponse](b, "stream.update", `{"room":"all","max_events":5}`).Trimmed), "29995")
		expect(t, "the same bounds", b.do("stream.update", `{"room":"all","max_events":5}`), `{"trimmed":0}`)
		expectHead(t, "an age for a room that has events", b.do("stream.update", `{"room":"all","max_age_ms":1000}`), `{"trimmed":0,"version"`)
		time.Sleep(time.Second + 10*time.Millisecond)
		expect(t, "is heeded", b.read(`{"room":"all","start":"earliest"}`), "next 30000")
	})
}

func TestRooms(t *testing.T) {
	running(t, func(b *bench) {
		first := must[stream.CreateResponse](b, "stream.create", `{"room":"a","partitions":3}`)
		expectHead(t, "made twice", b.do("stream.create", `{"room":"a"}`), `! already_exists`)
		again := must[stream.CreateResponse](b, "stream.create", `{"room":"a","if_absent":true}`)
		if again.Created || again.Partitions != 3 || again.Generation != first.Generation || !first.Created {
			t.Errorf("first %+v, again %+v", first, again)
		}
		expectHead(t, "an empty room", b.do("stream.delete", `{"room":"a"}`), `{"found":true,"events":0`)
		expect(t, "a room that is gone", b.do("stream.delete", `{"room":"a"}`), `{"found":false,"events":0}`)
		if next := must[stream.CreateResponse](b, "stream.create", `{"room":"a"}`); next.Generation <= first.Generation {
			t.Errorf("the generation went from %d to %d", first.Generation, next.Generation)
		}
		b.append("a", "x")
		expectHead(t, "a reader of the old room", b.read(`{"room":"a","from_offset":0,"generation":%d}`, first.Generation), `! conflict room "a" was deleted and made anew`)
		for _, name := range []string{"b1", "b2", "b3", "c"} {
			b.append(name, "x")
		}
		page := must[stream.ListResponse](b, "stream.list", `{"prefix":"b","limit":2}`)
		if len(page.Items) != 2 || page.Items[1].Room != "b2" || page.Items[1].Events != 1 || page.NextCursor != "b2" {
			t.Errorf("the first page is %+v", page)
		}
		page = must[stream.ListResponse](b, "stream.list", `{"prefix":"b","limit":2,"cursor":"b2"}`)
		if len(page.Items) != 1 || page.Items[0].Room != "b3" || page.NextCursor != "" {
			t.Errorf("the second page is %+v", page)
		}
	})
}

func TestPartitions(t *testing.T) {
	vectors := map[string]int{"": 5, "a": 12, "foobar": 8, "user:42": 2, "κλειδί": 7} // of 16, by FNV-1a with 64 bits
	for key, want := range vectors {
		if got := stream.Partition(key, 16); got != want {
			t.Errorf("Partition(%q, 16) = %d, want %d", key, got, want)
		}
	}
	running(t, func(b *bench) {
		b.do("stream.create", `{"room":"r","partitions":16}`)
		at := func(payload string) string {
			r := must[stream.AppendResponse](b, "stream.append", "%s", payload)
			return fmt.Sprint(r.Partition, "/", r.Offset)
		}
		expect(t, "by key", at(`{"room":"r","data":1,"key":"foobar"}`), "8/0")
		expect(t, "by key again", at(`{"room":"r","data":1,"key":"foobar"}`), "8/1")
		expect(t, "as asked", at(`{"room":"r","data":1,"key":"foobar","partition":2}`), "2/0")
		for i := range 16 {
			got := must[stream.AppendResponse](b, "stream.append", `{"room":"r","data":1}`)
			if got.Partition != i {
				t.Errorf("event %d without a key went to %d", i, got.Partition)
			}
		}
		expect(t, "one of them", b.read(`{"room":"r","partition":8,"start":"earliest"}`), "0=1 1=1 2=1 next 3")
		expectHead(t, "none of them", b.read(`{"room":"r"}`), `! invalid room "r" has 16 partitions`)
		expectHead(t, "one that is not", b.read(`{"room":"r","partition":16}`), `! out_of_range room "r" has no partition 16`)
		expectHead(t, "an expectation of two", b.do("stream.append", `{"room":"r","events":[{"data":1},{"data":1}],"expected_offset":1}`), `! invalid "expected_offset" is about one`)
		expectHead(t, "an expectation of one", b.do("stream.append", `{"room":"r","events":[{"data":1},{"data":1}],"partition":8,"expected_offset":3}`), `{"room":"r","offset":3,"partition":8,"next_offset":5`)
	})
}

func TestWaiting(t *testing.T) {
	running(t, func(b *bench) {
		start := time.Now()
		later := func(after time.Duration, name, payload string) {
			time.AfterFunc(after, func() { b.do(name, payload) })
		}
		check := func(what, payload, want string, took time.Duration) {
			t.Helper()
			begun := time.Now()
			expect(t, what, b.read("%s", payload), want)
			if got := time.Since(begun); got != took {
				t.Errorf("%s: took %s, want %s", what, got, took)
			}
		}
		later(3*time.Second, "stream.append", `{"room":"r","data":"a"}`)
		check("a room that is yet to be", `{"room":"r","wait":25}`, "0=a next 1", 3*time.Second)
		check("nothing comes", `{"room":"r","from_offset":1,"wait_ms":1500}`, "next 1", 1500*time.Millisecond)
		check("something is there", `{"room":"r","from_offset":0,"wait":25}`, "0=a next 1", 0)
		later(time.Second, "stream.append", `{"room":"r","data":"b","event":"other"}`)
		later(2*time.Second, "stream.append", `{"room":"r","data":"c","event":"mine"}`)
		check("only of one type", `{"room":"r","start":"latest","event":"mine","wait":25}`, "2=c next 3", 2*time.Second)
		later(time.Second, "stream.delete", `{"room":"r"}`)
		check("the room goes", `{"room":"r","start":"latest","wait":25}`, `! not_found there is no room "r" (any more): it was deleted, or never made`, time.Second)
		check("no room comes", `{"room":"r","wait":5}`, "next 0", 5*time.Second)
		if time.Since(start) < 10*time.Second {
			t.Error("time stood still")
		}
		ctx, cancel := context.WithCancel(b.t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := b.d.Do(ctx, b.request("stream.read", `{"room":"q","wait":25}`)); fault.CodeOf(err) != fault.Canceled {
			t.Errorf("a reader that went away got %v", err)
		}
		responses, err := b.d.Transact(b.t.Context(), []*command.Request{b.request("stream.read", `{"room":"q","wait":25}`)})
		if err != nil || len(responses) != 1 {
			t.Errorf("in a transaction: %v, %v", responses, err)
		}
	})
}

func TestATransactionHappensOrNot(t *testing.T) {
	running(t, func(b *bench) {
		b.do("stream.create", `{"room":"r","partitions":2,"max_events":3}`)
		for i := range 8 {
			b.do("stream.append", `{"room":"r","data":"%d","dedupe_id":"d%d"}`, i, i)
		}
		b.do("stream.group.create", `{"room":"r","group":"g"}`)
		b.do("stream.group.join", `{"room":"r","group":"g","member":"m"}`)
		g := must[stream.GroupStatsResponse](b, "stream.group.stats", `{"room":"r","group":"g"}`)
		b.do("stream.group.commit", `{"room":"r","group":"g","member":"m","generation":%d,"offsets":[{"partition":0,"offset":2}]}`, g.Generation)
		b.append("other", "x")
		before := b.whole()
		steps := []*command.Request{
			b.request("stream.append", `{"room":"r","events":[{"data":"x","dedupe_id":"d0"},{"data":"y","dedupe_id":"n"},{"data":"z"},{"data":"z"},{"data":"z"},{"data":"z"},{"data":"z"},{"data":"z"}]}`),
			b.request("stream.append", `{"room":"fresh","data":"x"}`),
			b.request("stream.append", `{"room":"fresh","data":"y"}`),
			b.request("stream.trim", `{"room":"r","keep":1}`),
			b.request("stream.update", `{"room":"r","max_events":1,"max_age_ms":1}`),
			b.request("stream.group.join", `{"room":"r","group":"g","member":"n"}`),
			b.request("stream.group.leave", `{"room":"r","group":"g","member":"m"}`),
			b.request("stream.group.create", `{"room":"r","group":"h"}`),
			b.request("stream.group.delete", `{"room":"r","group":"g"}`),
			b.request("stream.delete", `{"room":"other"}`),
			b.request("stream.append", `{"room":"other","data":"anew"}`),
			b.request("stream.delete", `{"room":"fresh"}`),
		}
		follower := b.follow(`{"room":"r","partition":0}`)
		for n := range steps {
			bad := append(append([]*command.Request{}, steps[:n+1]...), b.request("stream.stats", `{"room":"nowhere"}`))
			if _, err := b.d.Transact(b.t.Context(), bad); fault.CodeOf(err) != fault.NotFound {
				t.Fatalf("%d steps: %v", n+1, err)
			}
			if after := b.whole(); after != before {
				t.Fatalf("%d steps were not undone:\n%s\nwas\n%s", n+1, after, before)
			}
			b.check()
		}
		expect(t, "what a watch saw of it", follower.end(), "")
		expectHead(t, "dedupe ids are as before", b.do("stream.append", `{"room":"r","data":"x","dedupe_id":"d7","expected_offset":9}`), `{"room":"r","offset":3,"partition":1,`)
		follower = b.follow(`{"room":"r","partition":0}`)
		if _, err := b.d.Transact(b.t.Context(), steps); err != nil {
			t.Fatal(err)
		}
		if b.whole() == before {
			t.Error("nothing happened")
		}
		// Of the seven new events of r, one or two are left: a watch hears of the end only.
		expectHead(t, "what a watch saw of the real one", follower.end(), "-")
	})
}

// whole is everything there is to be read.
func (b *bench) whole() string {
	b.t.Helper()
	var out strings.Builder
	for _, line := range must[stream.ListResponse](b, "stream.list", `{}`).Items {
		fmt.Fprintln(&out, b.do("stream.stats", `{"room":%q}`, line.Room))
		for i := range line.Partitions {
			fmt.Fprintln(&out, b.do("stream.read", `{"room":%q,"partition":%d,"start":"earliest","limit":10000,"max_bytes":16777216}`, line.Room, i))
		}
		for _, g := range must[stream.GroupListResponse](b, "stream.group.list", `{"room":%q}`, line.Room).Groups {
			fmt.Fprintln(&out, b.do("stream.group.stats", `{"room":%q,"group":%q}`, line.Room, g.Group))
		}
	}
	return out.String()
}

// follower collects what a watch delivers.
type follower struct {
	b     *bench
	mu    sync.Mutex
	lines []string
	at    journal.Position
	err   error
	done  sync.WaitGroup
	stop  context.CancelFunc
	gate  chan struct{} // if set, held back at each event
}

func (b *bench) follow(payload string) *follower {
	f := &follower{b: b}
	f.start(payload)
	return f
}

func (f *follower) start(payload string) {
	ctx, cancel := context.WithCancel(f.b.t.Context())
	f.stop = cancel
	r := f.b.request("stream.watch", payload)
	f.done.Go(func() { f.err = f.b.d.Watch(ctx, r, f) })
	synctest.Wait()
}

func (f *follower) Event(resume journal.Position, event any) error {
	if f.gate != nil {
		<-f.gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e := event.(*stream.WatchEvent)
	line := fmt.Sprintf("%d=%s", e.Offset, e.Data.Data())
	switch e.Kind {
	case "lost":
		line = fmt.Sprintf("-%d", e.Lost)
	case "reset":
		line = "reset"
	}
	f.lines, f.at = append(f.lines, line), resume
	return nil
}

func (f *follower) Flush(at journal.Position) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = at
	return nil
}

// end stops the watch and returns what it heard.
func (f *follower) end() string {
	synctest.Wait()
	f.stop()
	f.done.Wait()
	return strings.Join(f.lines, " ")
}

func TestWatching(t *testing.T) {
	running(t, func(b *bench) {
		early := b.follow(`{"room":"r"}`)
		b.append("r", "a", "b")
		expect(t, "from before there was a room", early.end(), "0=a 1=b")
		late := b.follow(`{"room":"r"}`)
		all := b.follow(`{"room":"r","start":"earliest"}`)
		some := b.follow(`{"room":"r","from_offset":1,"event":"x*"}`)
		must[stream.AppendResponse](b, "stream.append", `{"room":"r","event":"xy","data":"c"}`)
		expect(t, "from now on", late.end(), "2=c")
		expect(t, "from the earliest", all.end(), "0=a 1=b 2=c")
		expect(t, "of some types", some.end(), "2=c")

		// Whoever comes back misses nothing.
		b.append("r", "d", "e")
		back := b.follow(fmt.Sprintf(`{"room":"r","from":%q}`, late.at))
		expect(t, "resumed", back.end(), "3=d 4=e")
		must[stream.TrimResponse](b, "stream.trim", `{"room":"r","keep":1}`)
		behind := b.follow(fmt.Sprintf(`{"room":"r","from":%q}`, late.at))
		expect(t, "resumed too late", behind.end(), "-1 4=e")

		follower := b.follow(`{"room":"r"}`)
		b.do("stream.delete", `{"room":"r"}`)
		synctest.Wait()
		b.append("r", "new")
		expect(t, "through a new room", follower.end(), "reset 0=new")
		other := b.follow(fmt.Sprintf(`{"room":"r","from":%q}`, late.at))
		expect(t, "resumed in a new room", other.end(), "reset 0=new")
		again := b.follow(fmt.Sprintf(`{"room":"r","from":%q}`, other.at))
		expect(t, "resumed with nothing new", again.end(), "")
		through := b.follow(`{"room":"r"}`)
		if _, err := b.d.Transact(t.Context(), []*command.Request{
			b.request("stream.delete", `{"room":"r"}`), b.request("stream.append", `{"room":"r","data":"newer"}`),
		}); err != nil {
			t.Fatal(err)
		}
		expect(t, "through a room made anew in a transaction", through.end(), "reset 0=newer")
		ahead := b.follow(`{"room":"r","from_offset":9}`)
		ahead.done.Wait()
		if fault.CodeOf(ahead.err) != fault.OutOfRange {
			t.Errorf("beyond the end: %v", ahead.err)
		}
	})
}

func TestASlowWatchIsToldWhatItLost(t *testing.T) {
	running(t, func(b *bench) {
		b.do("stream.create", `{"room":"r","max_events":2}`)
		f := &follower{b: b, gate: make(chan struct{})}
		f.start(`{"room":"r"}`)
		for i := range 10 {
			b.append("r", fmt.Sprint(i))
			synctest.Wait() // the first one waits at the gate
		}
		close(f.gate)
		expect(t, "it", f.end(), "0=0 -7 8=8 9=9")
	})
}

func TestBadInput(t *testing.T) {
	long := strings.Repeat("x", 600)
	tests := []struct{ name, command, payload, want string }{
		{"no room", "stream.append", `{"data":1}`, `! invalid "room" is required`},
		{"no data", "stream.append", `{"room":"r"}`, `! invalid "data" is required, or "events"`},
		{"both forms", "stream.append", `{"room":"r","data":1,"events":[{"data":2}]}`, `! invalid "events" stands for itself`},
		{"a bad one among many", "stream.append", `{"room":"r","events":[{"data":2},{"event":"x"}]}`, `! invalid "data" is required`},
		{"a long room", "stream.append", `{"room":"` + long + `","data":1}`, `! too_large the room's name is 600 bytes`},
		{"a long type", "stream.append", `{"room":"r","event":"` + long + `","data":1}`, `! too_large "event" is 600 bytes`},
		{"a long key", "stream.append", `{"room":"r","key":"` + long + `","data":1}`, `! too_large "key" is 600 bytes`},
		{"a long dedupe id", "stream.append", `{"room":"r","dedupe_id":"` + long + `","data":1}`, `! too_large "dedupe_id" is 600 bytes`},
		{"many headers", "stream.append", `{"room":"r","data":1,"headers":{"h":"` + strings.Repeat("x", 9000) + `"}}`, `! too_large 1 headers of 9001 bytes`},
		{"large data", "stream.append", `{"room":"r","data":"` + strings.Repeat("x", 1<<20+1) + `"}`, `! too_large the data is 1048577 bytes`},
		{"a partition that is not", "stream.append", `{"room":"r","data":1,"partition":1}`, `! out_of_range room "r" has no partition 1`},
		{"a negative partition", "stream.append", `{"room":"r","data":1,"partition":-1}`, `! out_of_range room "r" has no partition -1`},
		{"two beginnings", "stream.read", `{"room":"r","from_offset":1,"start":"latest"}`, `! invalid "from_offset", "from_time" and "start"`},
		{"a beginning that is none", "stream.read", `{"room":"r","start":"middle"}`, `! invalid "start": "middle" is not allowed`},
		{"a star in the middle", "stream.read", `{"room":"r","event":"a.*.b"}`, `! invalid "a.*.b": a * stands at the end only`},
		{"a long wait", "stream.read", `{"room":"r","wait":26}`, `! out_of_range "wait": 26`},
		{"no measure", "stream.trim", `{"room":"r"}`, `! invalid give one of "before_offset"`},
		{"two measures", "stream.trim", `{"room":"r","keep":1,"before_time":1}`, `! invalid give one of "before_offset"`},
		{"trimming what is not there", "stream.trim", `{"room":"r","before_offset":5}`, `! out_of_range offset 5 of partition 0 is not there yet`},
		{"trimming nowhere", "stream.trim", `{"room":"none","keep":1}`, `! not_found there is no room "none"`},
		{"nothing to update", "stream.update", `{"room":"r"}`, `! invalid nothing to change`},
		{"updating nowhere", "stream.update", `{"room":"none","max_events":1}`, `! not_found there is no room "none"`},
		{"a negative bound", "stream.create", `{"room":"x","max_events":-1}`, `! out_of_range "max_events"`},
		{"many partitions", "stream.create", `{"room":"x","partitions":257}`, `! out_of_range "partitions": 257`},
		{"stats of nothing", "stream.stats", `{"room":"none"}`, `! not_found there is no room "none"`},
		{"a group of nothing", "stream.group.create", `{"room":"none","group":"g"}`, `! not_found there is no room "none"`},
		{"a group twice", "stream.group.create", `{"room":"r","group":"g"}`, `! already_exists room "r" has a group "g" already`},
		{"a strategy that is none", "stream.group.create", `{"room":"r","group":"h","assignment":"luck"}`, `! invalid "assignment"`},
		{"joining nothing", "stream.group.join", `{"room":"r","group":"none"}`, `! not_found room "r" has no group "none"`},
		{"a stranger's fetch", "stream.group.fetch", `{"room":"r","group":"g","member":"x"}`, `! conflict "x" is not a member of group "g"`},
		{"a stranger's commit", "stream.group.commit", `{"room":"r","group":"g","member":"x","generation":1,"offsets":[{"partition":0,"offset":0}]}`, `! conflict "x" is not a member`},
		{"a commit without generation", "stream.group.commit", `{"room":"r","group":"g","member":"x","offsets":[{"partition":0,"offset":0}]}`, `! invalid "generation" is required`},
		{"a commit of one partition twice", "stream.group.commit", `{"room":"r","group":"g","member":"x","generation":1,"offsets":[{"partition":0,"offset":0},{"partition":0,"offset":1}]}`, `! invalid partition 0 is given twice`},
		{"a commit of nothing", "stream.group.commit", `{"room":"r","group":"g","member":"x","generation":1}`, `! invalid "offsets" is required`},
	}
	running(t, func(b *bench) {
		b.append("r", "x")
		b.do("stream.group.create", `{"room":"r","group":"g"}`)
		before := b.whole()
		for _, test := range tests {
			expectHead(t, test.name, b.do(test.command, "%s", test.payload), test.want)
		}
		expect(t, "all is as before", b.whole(), before)
	})
	b := newBench(t, nil, stream.Options{MaxRooms: 1, MaxEventBytes: 3})
	b.append("a", "abc")
	expectHead(t, "a room too many", b.do("stream.append", `{"room":"b","data":"x"}`), `! exhausted there are 1 rooms`)
	expectHead(t, "data over the option", b.do("stream.append", `{"room":"a","events":[{"data":"abcd"}]}`), `! too_large the data is 4 bytes`)
	for _, o := range []stream.Options{{MaxRooms: -1}, {MaxEventBytes: -1}, {MaxEventBytes: 1 << 30}} {
		if o.Validate() == nil {
			t.Errorf("%+v is allowed", o)
		}
	}
}
