package kv_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/value"
)

func TestConcurrentIncrementsLoseNothing(t *testing.T) {
	const writers, each = 8, 500
	b := open(t)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for n := range each {
				// Every other goes through a transaction, so that both ways meet.
				r := b.request("kv.increment", `{"key":"n","by":2}`)
				var err error
				if (i+n)%2 == 0 {
					_, err = b.run(r)
				} else {
					_, err = b.engine.Dispatcher().Transact(context.Background(), []*command.Request{r})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	want := fmt.Sprintf(`{"found":true,"value":%d,"version":%d}`, 2*writers*each, writers*each)
	if got := b.must("kv.get", `{"key":"n"}`); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOptimisticUpdatesLoseNothing(t *testing.T) {
	const writers, each = 4, 100
	b := open(t)
	b.must("kv.set", `{"key":"n","value":0}`)
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for done := 0; done < each; {
				var seen struct{ Value, Version int }
				if err := json.Unmarshal([]byte(b.must("kv.get", `{"key":"n"}`)), &seen); err != nil {
					t.Error(err)
					return
				}
				_, err := b.do("kv.set", fmt.Sprintf(`{"key":"n","value":%d,"if_version":%d}`, seen.Value+1, seen.Version))
				switch fault.CodeOf(err) {
				case 0:
					done++
				case fault.Conflict:
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if got := b.answer("kv.get", `{"key":"n"}`); got["value"] != float64(writers*each) {
		t.Errorf("got %v, want %d", got, writers*each)
	}
}

// TestPagesAndSetsAreAtomic moves a token between keys: whoever looks sees exactly one.
func TestPagesAndSetsAreAtomic(t *testing.T) {
	b := open(t)
	b.must("kv.set", `{"key":"token:0","value":"x"}`)
	var writer, readers sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			b.must("kv.rename", fmt.Sprintf(`{"key":"token:%d","to":"token:%d"}`, i%50, (i+1)%50))
		}
	})
	for range 2 {
		readers.Go(func() {
			for range 300 {
				if got := b.answer("kv.list", `{"prefix":"token:"}`); len(got["items"].([]any)) != 1 || got["total"] != 1.0 {
					t.Errorf("a page shows %v", got)
				}
				if got := b.answer("kv.count", `{"glob":"t*n:?*"}`); got["count"] != 1.0 {
					t.Errorf("a count shows %v", got)
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
}

// TestPagesAreStable lists while keys come and go: those that are there all the time are seen exactly once.
func TestPagesAreStable(t *testing.T) {
	b := open(t)
	for i := range 300 {
		b.must("kv.set", fmt.Sprintf(`{"key":"stays:%03d","value":1}`, i))
	}
	seen, cursor := []string{}, ""
	for page := 0; page == 0 || cursor != ""; page++ {
		b.must("kv.set", fmt.Sprintf(`{"key":"stays:%03d:new","value":1}`, page*2))
		b.must("kv.delete", fmt.Sprintf(`{"key":"stays:%03d:new"}`, page))
		got := b.answer("kv.list", fmt.Sprintf(`{"prefix":"stays:","limit":7,"cursor":%q}`, cursor))
		for _, item := range got["items"].([]any) {
			if key := item.(map[string]any)["key"].(string); !strings.HasSuffix(key, ":new") {
				seen = append(seen, key)
			}
		}
		cursor, _ = got["next_cursor"].(string)
		if cursor != "" { // what the cursor points at may go, too
			last := got["items"].([]any)[6].(map[string]any)["key"].(string)
			b.must("kv.delete", fmt.Sprintf(`{"key":%q}`, last))
		}
	}
	for i, key := range seen {
		if want := fmt.Sprintf("stays:%03d", i); key != want {
			t.Fatalf("key %d of the listing is %s, want %s", i, key, want)
		}
	}
	if len(seen) != 300 {
		t.Errorf("%d keys were seen, want 300", len(seen))
	}
}

func TestPagesEndEarly(t *testing.T) {
	b := open(t)
	for i := range 10 {
		b.must("kv.set", fmt.Sprintf(`{"key":"k%d","value":%q}`, i, strings.Repeat("é", 300)))
	}
	got := b.answer("kv.list", `{"values":"full","max_bytes":2000}`)
	if n := len(got["items"].([]any)); n != 3 || got["next_cursor"] == nil {
		t.Errorf("a page of 2000 bytes has %d items of 666", n)
	}
	got = b.answer("kv.list", `{"values":"full","max_bytes":1024,"start":"k9"}`)
	if n := len(got["items"].([]any)); n != 1 || got["next_cursor"] != nil {
		t.Errorf("the last page: %v", got)
	}
	got = b.answer("kv.list", `{"values":"preview","limit":1}`)
	if p := got["items"].([]any)[0].(map[string]any)["preview"]; p != strings.Repeat("é", 60)+"…" {
		t.Errorf("the preview is %q", p)
	}
}

// TestAPatternThatFitsNothing ends a page after a bounded number of keys and can be gone on with.
func TestAPatternThatFitsNothing(t *testing.T) {
	b := open(t)
	for from := 0; from < 45_000; from += 1000 {
		entries := make([]string, 1000)
		for i := range entries {
			entries[i] = fmt.Sprintf(`{"key":"k%05d","value":1}`, from+i)
		}
		b.must("kv.mset", `{"entries":[`+strings.Join(entries, ",")+`]}`)
	}
	pages, found, cursor := 0, 0, ""
	for more := true; more; pages++ {
		got := b.answer("kv.list", fmt.Sprintf(`{"glob":"*44444","cursor":%q}`, cursor))
		found += len(got["items"].([]any))
		cursor, more = got["next_cursor"].(string)
	}
	if pages != 3 || found != 1 {
		t.Errorf("%d pages and %d keys, want 3 and 1", pages, found)
	}
}

// TestRandomIsFair draws often enough that no key is left out.
func TestRandomIsFair(t *testing.T) {
	const keys, draws = 40, 20_000
	b := open(t)
	for i := range keys {
		b.must("kv.set", fmt.Sprintf(`{"key":"k%d","value":1}`, i))
	}
	drawn := map[string]int{}
	r := b.request("kv.random", `{}`)
	r.Args = &kv.RandomRequest{}
	for range draws {
		resp, err := b.engine.Dispatcher().Do(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		drawn[resp.(*kv.RandomResponse).Key]++
	}
	for key, n := range drawn {
		// 500 are expected with a deviation of 22: this fails once in billions of runs.
		if n < 350 || n > 650 {
			t.Errorf("%s was drawn %d times of %d", key, n, draws)
		}
	}
	if len(drawn) != keys {
		t.Errorf("%d of %d keys were drawn", len(drawn), keys)
	}
}

// TestTransactions run as one: everything, or nothing at all.
func TestTransactions(t *testing.T) {
	b := open(t)
	b.must("kv.mset", `{"entries":[{"key":"a","value":1},{"key":"b","value":"two","ttl":600},{"key":"c","value":3}]}`)
	list := func() string { return b.must("kv.list", `{"values":"full"}`) + b.must("kv.stats", `{}`) }
	deadline := func() float64 { return b.answer("kv.ttl", `{"key":"b"}`)["expires_at"].(float64) }
	calls := func(lines ...string) (all []*command.Request) {
		for _, line := range lines {
			name, payload, _ := strings.Cut(line, " ")
			all = append(all, b.request(name, payload))
		}
		return all
	}
	everything := []string{
		`kv.set {"key":"new","value":1,"ttl":5}`, `kv.set {"key":"b","value":"other"}`, `kv.increment {"key":"a"}`,
		`kv.rename {"key":"a","to":"z"}`, `kv.delete {"keys":["c","b"]}`, `kv.mset {"entries":[{"key":"b","value":9,"ttl":1}]}`,
		`kv.expire {"key":"z","ttl":7}`, `kv.persist {"key":"b"}`, `kv.clear {"prefix":"n","confirm":true}`,
		`kv.append {"key":"q","value":"x"}`, `kv.clear {"confirm":true}`, `kv.set {"key":"b","value":"last"}`,
	}
	before, expires, at := list(), deadline(), b.journal.Position()
	_, err := b.engine.Dispatcher().Transact(t.Context(), calls(append(everything, `kv.set {"key":"x","value":1,"if_present":true}`)...))
	if e := fault.From(err); e == nil || e.Code != fault.NotFound || e.Details["index"] != len(everything) {
		t.Fatalf("got %v", err)
	}
	trim := func(s string) string { // what is left of b's time goes on falling
		head, tail, _ := strings.Cut(s, `"ttl":`)
		_, tail, _ = strings.Cut(tail, `,"value"`)
		return head + tail
	}
	if after := list(); trim(after) != trim(before) || deadline() != expires || b.journal.Position() != at {
		t.Errorf("a transaction that failed left\n %s, and there was\n %s", after, before)
	}
	b.check()

	answers, err := b.engine.Dispatcher().Transact(t.Context(), calls(append(everything, `kv.get {"key":"b"}`)...))
	if err != nil {
		t.Fatal(err)
	}
	if got := answers[len(everything)].(*kv.GetResponse); got.Value.Data() != "last" || got.Version != 2 {
		t.Errorf("the last command of the transaction sees %+v", got)
	}
	if n := b.journal.records[len(b.journal.records)-1].Len(); n != 14 {
		t.Errorf("the transaction is a record of %d changes, want 14", n)
	}
	if got := b.state(); got != `{"items":[{"key":"b","kind":"text","size":4,"version":2,"value":"last"}],"total":1}` {
		t.Errorf("got %s", got)
	}
	if got := b.replayed().state(); got != b.state() {
		t.Errorf("replayed: %s", got)
	}
}

// TestRetriesHearTheFirstAnswer: a write with an idempotency key happens once.
func TestRetriesHearTheFirstAnswer(t *testing.T) {
	b := open(t)
	for range 3 {
		r := b.request("kv.increment", `{"key":"n","by":5}`)
		r.IdempotencyKey = "once"
		if got, err := b.run(r); err != nil || got != `{"version":1,"value":5,"created":true}` {
			t.Errorf("got %s %v", got, err)
		}
	}
	r := b.request("kv.increment", `{"key":"n","by":6}`)
	r.IdempotencyKey = "once"
	if _, err := b.run(r); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("another request with the same key: %v", err)
	}
	// A failure is not remembered: nothing happened, so a retry may succeed.
	r = b.request("kv.set", `{"key":"later","value":1,"if_present":true}`)
	r.IdempotencyKey = "again"
	if _, err := b.run(r); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
	b.must("kv.set", `{"key":"later","value":0}`)
	r = b.request("kv.set", `{"key":"later","value":1,"if_present":true}`)
	r.IdempotencyKey = "again"
	if _, err := b.run(r); err != nil {
		t.Error(err)
	}
}

func TestNamespacesAreWalls(t *testing.T) {
	b := open(t)
	b.must("kv.set", `{"key":"a","value":1}`)
	r := b.request("kv.get", `{"key":"a"}`)
	r.Namespace = "other"
	if got, err := b.run(r); err != nil || got != `{"found":false}` {
		t.Errorf("got %s %v", got, err)
	}
}

func TestReadersMayNotWrite(t *testing.T) {
	b := open(t)
	b.must("kv.set", `{"key":"a","value":1}`)
	b.caller = &auth.Identity{Name: "guest", Namespace: "default", Access: auth.Read}
	for _, c := range b.engine.Dispatcher().Table().Commands() {
		if c.Kind == command.KindWrite && c.Structure() == "kv" {
			payload := map[string]string{
				"kv.mset": `{"entries":[{"key":"a","value":1}]}`, "kv.expire": `{"key":"a","ttl":1}`,
				"kv.rename": `{"key":"a","to":"b"}`, "kv.copy": `{"key":"a","to":"b"}`, "kv.clear": `{"confirm":true}`,
				"kv.delete": `{"key":"a"}`, "kv.persist": `{"key":"a"}`, "kv.increment": `{"key":"a"}`,
			}[c.Name]
			if payload == "" {
				payload = `{"key":"a","value":1}`
			}
			_ = b.fails(fault.Denied, c.Name, payload)
		}
	}
	b.must("kv.get", `{"key":"a"}`)
	b.must("kv.list", `{}`)
}

// TestAnUnusedStoreCostsLittle, and looking into it makes nothing.
func TestAnUnusedStoreCostsLittle(t *testing.T) {
	const stores = 2000
	s := kv.Structure(kv.Options{})
	env := command.Env{Clock: command.NewClock(), Wake: func(int64) {}}
	all := make([]command.State, stores)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range all {
		all[i] = s.New(env)
		if err := all[i].Check(); err != nil || all[i].Stats() != (command.Usage{}) {
			t.Fatal(err, all[i].Stats())
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / stores; each > 1024 {
		t.Errorf("an unused store takes %d bytes, want at most 1024", each)
	}
	runtime.KeepAlive(all)
}

func TestStatsCountWhatIsThere(t *testing.T) {
	b := newBench(t, kv.Options{}, journal.MemoryOptions{})
	b.must("kv.set", `{"key":"abc","value":"12345"}`)
	b.must("kv.set", `{"key":"abc","value":"1"}`)
	got := b.answer("server.status", `{}`)["structures"].(map[string]any)["kv"]
	if fmt.Sprint(got) != "map[bytes:148 items:1]" {
		t.Errorf("got %v", got)
	}
}

// TestRaw is what a door shows that answers with the value alone.
func TestRaw(t *testing.T) {
	b := open(t)
	b.must("kv.set", `{"key":"a","value":[1, 2]}`)
	resp, err := b.engine.Dispatcher().Do(t.Context(), b.request("kv.get", `{"key":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := resp.(interface {
		Raw() (v value.Value, found bool, version uint64)
	})
	if !ok {
		t.Fatalf("%T has no Raw", resp)
	}
	if v, found, version := raw.Raw(); v.Data() != "[1,2]" || v.Kind() != value.JSON || !found || version != 1 {
		t.Errorf("got %v %t %d", v, found, version)
	}
}
