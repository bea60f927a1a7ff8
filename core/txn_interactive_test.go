package core_test

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
)

// TestWatchedThings changes something between watch and exec, or nothing.
func TestWatchedThings(t *testing.T) {
	tests := []struct {
		name   string
		things string
		change [][2]string
		want   string // part of the conflict; "" when it is executed
	}{
		{"nothing changes", `{"key":"a"},{"key":"none"},{"room":"r"}`, nil, ""},
		{"something else changes", `{"key":"a"}`, [][2]string{{"kv.set", `{"key":"b","value":1}`}}, ""},
		{"the key is set", `{"key":"a"}`, [][2]string{{"kv.set", `{"key":"a","value":2}`}}, `condition[0]: key "a" has version`},
		{"to the same value", `{"key":"a"}`, [][2]string{{"kv.set", `{"key":"a","value":1}`}}, `key "a" has version`},
		{"the key is deleted and made again", `{"key":"b"},{"key":"a"}`,
			[][2]string{{"kv.delete", `{"key":"a"}`}, {"kv.set", `{"key":"a","value":1}`}}, `condition[1]: key "a" has version`},
		{"the key is made", `{"key":"none"}`, [][2]string{{"kv.set", `{"key":"none","value":1}`}}, `key "none" has version`},
		{"an event is appended", `{"room":"r"}`, [][2]string{{"stream.append", `{"room":"r","event":"e","data":1}`}}, `room "r" is 2`},
		{"the room is made anew", `{"room":"r"}`,
			[][2]string{{"stream.delete", `{"room":"r"}`}, {"stream.append", `{"room":"r","event":"e","data":1}`}}, `generation of room "r"`},
		{"another partition", `{"room":"parts","partition":1}`,
			[][2]string{{"stream.append", `{"room":"parts","partition":0,"event":"e","data":1}`}}, ""},
		{"an expectation that was met when it was watched", `{"key":"a","value":1}`, [][2]string{{"kv.delete", `{"key":"a"}`}},
			`key "a" does not exist`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.do("kv.set", `{"key":"a","value":1}`)
			w.do("stream.append", `{"room":"r","event":"e","data":1}`)
			w.do("stream.create", `{"room":"parts","partitions":2}`)
			w.do("transaction.watch", `{"client_id":"c","things":[`+test.things+`]}`)
			w.do("transaction.multi", `{"client_id":"c"}`)
			w.do("transaction.queue", `{"client_id":"c","command":"kv.set","payload":{"key":"done","value":1}}`)
			for _, c := range test.change {
				w.do(c[0], c[1])
			}
			_, err := w.try("transaction.exec", `{"client_id":"c"}`)
			if test.want == "" && err == nil {
				w.do("kv.check", `{"key":"done","exists":true}`)
				return
			}
			if fault.CodeOf(err) != fault.Conflict || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			w.do("kv.check", `{"key":"done","exists":false}`)
		})
	}
}

// TestManyWatchersCountRight increments a number the hard way: read it, and write it unless it has changed meanwhile.
func TestManyWatchersCountRight(t *testing.T) {
	const clients, times = 6, 20
	w := newWorld(t)
	w.do("kv.set", `{"key":"n","value":0}`)
	var all sync.WaitGroup
	for id := range clients {
		all.Go(func() {
			for done := 0; done < times; {
				w.do("transaction.watch", fmt.Sprintf(`{"client_id":"c%d","things":[{"key":"n"}]}`, id))
				var got struct{ Value int }
				w.into(&got, "kv.get", `{"key":"n"}`)
				w.do("transaction.multi", fmt.Sprintf(`{"client_id":"c%d"}`, id))
				w.do("transaction.queue", fmt.Sprintf(`{"client_id":"c%d","command":"kv.set","payload":{"key":"n","value":%d}}`, id, got.Value+1))
				_, err := w.try("transaction.exec", fmt.Sprintf(`{"client_id":"c%d"}`, id))
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
	w.do("kv.check", fmt.Sprintf(`{"key":"n","value":%d}`, clients*times))
}

// TestATransactionIsExecutedOnce lets several callers execute the same one.
func TestATransactionIsExecutedOnce(t *testing.T) {
	w := newWorld(t)
	for range 50 {
		w.do("transaction.multi", `{"client_id":"c"}`)
		w.do("transaction.queue", `{"client_id":"c","command":"kv.increment","payload":{"key":"n"}}`)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, err := w.try("transaction.exec", `{"client_id":"c"}`); err != nil && fault.CodeOf(err) != fault.NotFound {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	w.do("kv.check", `{"key":"n","value":50}`)
}

// TestTransactionsAreTheirClients keeps callers, client ids and namespaces apart.
func TestTransactionsAreTheirClients(t *testing.T) {
	w := newWorld(t)
	w.do("transaction.multi", `{"client_id":"c"}`)
	other := w.request("transaction.queue", `{"client_id":"c","command":"kv.count"}`)
	other.Caller = &auth.Identity{Name: "other", Namespace: "default", Access: auth.Admin}
	elsewhere := w.request("transaction.queue", `{"client_id":"c","command":"kv.count"}`)
	elsewhere.Namespace = "lab"
	for name, r := range map[string]*command.Request{
		"another caller": other, "another namespace": elsewhere,
		"another client": w.request("transaction.queue", `{"client_id":"d","command":"kv.count"}`),
	} {
		if _, err := w.answer(r); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	reader := w.request("transaction.queue", `{"client_id":"c","command":"kv.delete","payload":{"key":"a"}}`)
	reader.Caller = &auth.Identity{Name: "local", Namespace: "default", Access: auth.Read}
	if _, err := w.answer(reader); fault.CodeOf(err) != fault.Denied {
		t.Errorf("what a reader may not do was queued: %v", err)
	}
	once := w.request("transaction.exec", `{"client_id":"c"}`)
	once.IdempotencyKey = "k"
	for range 2 {
		if got, err := w.answer(once); got != `{"results":[]}` || err != nil {
			t.Errorf("got %s, %v", got, err)
		}
	}
}

// TestTransactionsAreForgotten runs in virtual time.
func TestTransactionsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = w.engine.Run(ctx) })
		exec := func(id string) fault.Code {
			_, err := w.try("transaction.exec", `{"client_id":"`+id+`"}`)
			return fault.CodeOf(err)
		}
		w.do("transaction.multi", `{"client_id":"default"}`)
		w.do("transaction.multi", `{"client_id":"kept"}`)
		w.do("transaction.multi", `{"client_id":"long","timeout_ms":600000}`)
		w.do("transaction.watch", `{"client_id":"watching","things":[{"key":"a"}]}`)
		time.Sleep(59 * time.Second)
		w.do("transaction.queue", `{"client_id":"kept","command":"kv.count"}`)
		if got := w.open(t); got.Items != 4 {
			t.Errorf("%d are open after 59 s, want 4", got.Items)
		}
		time.Sleep(2 * time.Second)
		if got := w.open(t); got.Items != 2 {
			t.Errorf("%d are open after 61 s, want 2", got.Items)
		}
		if exec("default") != fault.NotFound || exec("kept") != 0 {
			t.Error("the wrong ones were forgotten")
		}
		time.Sleep(538 * time.Second)
		if got := w.open(t); got.Items != 1 {
			t.Errorf("%d are open after 599 s, want 1", got.Items)
		}
		time.Sleep(2 * time.Second)
		if got := w.open(t); got.Items != 0 || got.Bytes != 0 {
			t.Errorf("%+v are open after 601 s", got)
		}
		cancel()
		run.Wait()
	})
}

// TestNobodyIsNeededToForget finds a transaction's time over although no sweeper runs.
func TestNobodyIsNeededToForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.do("transaction.multi", `{"client_id":"c"}`)
		w.do("transaction.queue", `{"client_id":"c","command":"kv.increment","payload":{"key":"n"}}`)
		time.Sleep(time.Minute)
		if _, err := w.try("transaction.exec", `{"client_id":"c"}`); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("executed after its time: %v", err)
		}
	})
}

func TestOpenTransactionsAreBounded(t *testing.T) {
	w := newWorld(t)
	call := func(name, payload string) fault.Code {
		_, err := w.try(name, payload)
		return fault.CodeOf(err)
	}
	w.do("transaction.multi", `{"client_id":"c"}`)
	for range core.MaxQueuedCommands {
		w.do("transaction.queue", `{"client_id":"c","command":"kv.count"}`)
	}
	if code := call("transaction.queue", `{"client_id":"c","command":"kv.count"}`); code != fault.TooLarge {
		t.Errorf("one command too many: %v", code)
	}
	w.do("transaction.discard", `{"client_id":"c"}`)

	large := strings.Repeat("x", 5<<20)
	set := func(id string) string {
		return `{"client_id":"` + id + `","command":"kv.set","payload":{"key":"a","value":"` + large + `"}}`
	}
	w.do("transaction.multi", `{"client_id":"c"}`)
	for range 3 {
		w.do("transaction.queue", set("c"))
	}
	if code := call("transaction.queue", set("c")); code != fault.TooLarge {
		t.Errorf("20 MiB in one transaction: %v", code)
	}
	for i := range 3 {
		w.do("transaction.multi", fmt.Sprintf(`{"client_id":"c%d"}`, i))
		for range 3 {
			w.do("transaction.queue", set(fmt.Sprint("c", i)))
		}
	}
	w.do("transaction.multi", `{"client_id":"last"}`)
	if code := call("transaction.queue", set("last")); code != fault.Exhausted {
		t.Errorf("65 MiB in all: %v", code)
	}
	for _, id := range []string{"c", "c0", "c1", "c2", "last"} {
		w.do("transaction.discard", `{"client_id":"`+id+`"}`)
	}

	for range 10 {
		w.do("transaction.watch", `{"client_id":"c","things":[{"key":"a"},{"key":"b"},{"key":"c"},{"key":"d"},{"key":"e"},`+
			`{"key":"f"},{"key":"g"},{"key":"h"},{"key":"i"},{"key":"j"}]}`)
	}
	if code := call("transaction.watch", `{"client_id":"c","things":[{"key":"k"}]}`); code != fault.TooLarge {
		t.Errorf("101 watched things: %v", code)
	}
	for i := range core.MaxOpenTransactions - 1 {
		w.do("transaction.multi", fmt.Sprintf(`{"client_id":"%d"}`, i))
	}
	if code := call("transaction.multi", `{"client_id":"one too many"}`); code != fault.Exhausted {
		t.Errorf("one transaction too many: %v", code)
	}
	w.do("transaction.unwatch", `{"client_id":"c"}`)
	w.do("transaction.multi", `{"client_id":"fits now"}`)
}

// open is how much the status says is held for transactions that are not executed yet.
func (w *world) open(t *testing.T) (u command.Usage) {
	t.Helper()
	var status core.StatusResponse
	text := w.do("server.status", `{}`)
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		t.Fatal(err)
	}
	return status.Structures["transaction"]
}
