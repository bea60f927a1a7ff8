package core_test

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

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/vector"
)

// world is an engine with all that transactions are about.
type world struct {
	t       testing.TB
	engine  *core.Engine
	journal journal.Journal
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, journal.NewMemory(journal.MemoryOptions{Epoch: 1}))
}

func newWorldOn(t testing.TB, j journal.Journal) *world {
	t.Helper()
	engine, err := core.New(core.Options{Journal: j, Structures: []*command.Structure{
		kv.Structure(kv.Options{}), queue.Structure(queue.Options{}), stream.Structure(stream.Options{}), pubsub.Structure(), vector.Structure(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Check(); err != nil {
			t.Error(err)
		}
	})
	return &world{t, engine, j}
}

func (w *world) request(name, payload string) *command.Request {
	c, err := w.engine.Dispatcher().Table().Find(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(payload)}
}

// answer is the JSON of what the call answers.
func (w *world) answer(r *command.Request) (string, error) {
	v, err := w.engine.Dispatcher().Do(context.Background(), r)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text), nil
}

func (w *world) try(name, payload string) (string, error) { return w.answer(w.request(name, payload)) }

// do is try for what has to work.
func (w *world) do(name, payload string) string {
	w.t.Helper()
	text, err := w.try(name, payload)
	if err != nil {
		w.t.Fatalf("%s %s: %v", name, payload, err)
	}
	return text
}

// into decodes what the call answers.
func (w *world) into(v any, name, payload string) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.do(name, payload)), v); err != nil {
		w.t.Fatal(err)
	}
}

// seq is the number of the last record.
func (w *world) seq() uint64 { return w.journal.Position().Seq }

// everything is all there is to see of the keys, queues and rooms that the tests use.
func (w *world) everything() string {
	return w.do("txn.exec", `{"do":[{"command":"kv.list","payload":{"values":"full"}},{"command":"queue.list"},{"command":"stream.list"}]}`) +
		w.all("queue.peek", `{"queue":"jobs"}`) + w.all("queue.peek", `{"queue":"jobs","state":"leased"}`) +
		w.all("stream.read", `{"room":"log","from_offset":0}`) + w.all("pubsub.topics", `{}`)
}

// all is an answer or, if there is none, the reason.
func (w *world) all(name, payload string) string {
	text, err := w.try(name, payload)
	if err != nil {
		return err.Error()
	}
	return text
}

// TestTheWholeJobInOneCommit acknowledges a message, writes its result, appends an event and publishes the next job.
func TestTheWholeJobInOneCommit(t *testing.T) {
	w := newWorld(t)
	w.do("queue.publish", `{"queue":"jobs","message":{"resize":"cat.png"}}`)
	var got queue.ReceiveResponse
	w.into(&got, "queue.receive", `{"queue":"jobs"}`)
	before, state := w.seq(), w.everything()
	job := func(last string) string {
		return fmt.Sprintf(`{"if":[{"queue":"jobs","receipts":[%[1]q]},{"key":"cancelled:1","exists":false}],"do":[
			{"command":"queue.ack","payload":{"receipts":[%[1]q]}},
			{"command":"kv.set","payload":{"key":"result:1","value":{"width":64}}},
			{"command":"stream.append","payload":{"room":"log","event":"resized","data":{"job":1}}},
			{"command":"queue.publish","payload":{"queue":"mail","message":{"tell":"ann"}}}%[2]s]}`, got.Messages[0].Receipt, last)
	}
	// Something after it all fails, and nothing has happened: the message is still leased, and not even a number was used.
	_, err := w.try("txn.exec", job(`,{"command":"stream.append","payload":{"room":"log","event":"e","data":1,"expected_offset":9}}`))
	if e := fault.From(err); e == nil || e.Code != fault.Conflict || e.Details["index"] != 4 || e.Details["command"] != "stream.append" {
		t.Errorf("the failure is %v", err)
	}
	if now := w.everything(); now != state || w.seq() != before {
		t.Errorf("something has happened:\n got  %s\n want %s", now, state)
	}

	var outcome command.Outcome
	w.into(&outcome, "txn.exec", job(""))
	if outcome.Version != before+1 || w.seq() != before+1 || len(outcome.Results) != 4 {
		t.Errorf("the outcome is %+v, at record %d", outcome, w.seq())
	}
	records := make([]journal.Record, 1)
	if n, err := w.journal.ReadAfter(before, records); err != nil || n != 1 || records[0].Len() < 4 {
		t.Errorf("%d records, %v, of %d changes", n, err, records[0].Len())
	}
	var jobs, mail queue.CheckResponse
	w.into(&jobs, "queue.check", `{"queue":"jobs","max_depth":0}`)
	w.into(&mail, "queue.check", `{"queue":"mail","min_depth":1}`)
	w.do("kv.check", `{"key":"result:1","value":{"width":64}}`)
	w.do("stream.check", `{"room":"log","next_offset":1}`)
}

// TestOnlyTheHolderOfTheLeaseDoesTheJob comes too late: the lease has ended, at that very millisecond.
func TestOnlyTheHolderOfTheLeaseDoesTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.do("queue.publish", `{"queue":"jobs","message":1}`)
		var got queue.ReceiveResponse
		w.into(&got, "queue.receive", `{"queue":"jobs","lease":30}`)
		job := fmt.Sprintf(`{"if":[{"queue":"jobs","receipts":[%[1]q]}],"do":[{"command":"queue.ack","payload":{"receipts":[%[1]q],"action":"extend","seconds":30}},
			{"command":"kv.increment","payload":{"key":"done"}}]}`, got.Messages[0].Receipt)
		time.Sleep(30*time.Second - time.Millisecond)
		w.do("txn.exec", job)
		time.Sleep(30 * time.Second)
		if _, err := w.try("txn.exec", job); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("done after the lease had ended: %v", err)
		}
		w.do("kv.check", `{"key":"done","value":1}`)
	})
}

// TestAnyFailureUndoesEverything fails after each of several commands. Time stands still meanwhile.
func TestAnyFailureUndoesEverything(t *testing.T) { synctest.Test(t, testUndoing) }

func testUndoing(t *testing.T) {
	w := newWorld(t)
	w.do("kv.set", `{"key":"a","value":"1"}`)
	w.do("kv.set", `{"key":"gone","value":"soon","ttl":100}`)
	w.do("queue.publish", `{"queue":"jobs","messages":[{"message":1,"priority":9},{"message":2}]}`)
	var got queue.ReceiveResponse
	w.into(&got, "queue.receive", `{"queue":"jobs"}`)
	w.do("stream.append", `{"room":"log","event":"e","data":0}`)
	steps := []string{
		`{"command":"kv.set","payload":{"key":"a","value":"2"}}`,
		`{"command":"kv.delete","payload":{"key":"gone"}}`,
		fmt.Sprintf(`{"command":"queue.ack","payload":{"receipts":[%q],"action":"retry"}}`, got.Messages[0].Receipt),
		`{"command":"queue.receive","payload":{"queue":"jobs","max":2,"wait":20}}`,
		`{"command":"queue.publish","payload":{"queue":"new","message":3,"delay":5}}`,
		`{"command":"queue.delete","payload":{"queue":"jobs"}}`,
		`{"command":"stream.append","payload":{"room":"log","events":[{"event":"e","data":1},{"event":"e","data":2}]}}`,
		`{"command":"stream.trim","payload":{"room":"log","keep":1}}`,
		`{"command":"stream.append","payload":{"room":"made","event":"e","data":1}}`,
		`{"command":"stream.delete","payload":{"room":"log"}}`,
		`{"command":"pubsub.publish","payload":{"topic":"t","message":1,"retain":true}}`,
		`{"command":"kv.clear","payload":{"confirm":true}}`,
	}
	state, seq := w.everything(), w.seq()
	for n := range steps {
		failing := append(append([]string{}, steps[:n+1]...), `{"command":"kv.rename","payload":{"key":"none","to":"x"}}`)
		_, err := w.try("txn.exec", `{"do":[`+strings.Join(failing, ",")+`]}`)
		if e := fault.From(err); e == nil || e.Details["index"] != n+1 || e.Details["command"] != "kv.rename" {
			t.Fatalf("after %s: %v", steps[n], err)
		}
		if now := w.everything(); now != state || w.seq() != seq {
			t.Fatalf("%s was not undone:\n got  %s\n want %s", steps[n], now, state)
		}
	}
	w.do("txn.exec", `{"do":[`+strings.Join(steps, ",")+`]}`)
	if w.seq() != seq+1 {
		t.Errorf("all together are %d records", w.seq()-seq)
	}
}

func TestConditions(t *testing.T) {
	tests := []struct {
		name      string
		condition string
		want      string // what the details say; "" when it holds
	}{
		{"the version", `{"key":"a","version":1}`, ``},
		{"another version", `{"key":"a","version":2}`, `{"condition":1,"field":"version","found":1,"wanted":2}`},
		{"no version is no key", `{"key":"none","version":0}`, ``},
		{"a version of no key", `{"key":"none","version":2}`, `{"condition":1,"field":"version","found":0,"wanted":2}`},
		{"it exists", `{"key":"a","exists":true}`, ``},
		{"it does not", `{"key":"none","exists":true}`, `{"condition":1,"field":"exists","found":false,"wanted":true}`},
		{"it should not", `{"key":"a","exists":false}`, `{"condition":1,"field":"exists","found":true,"wanted":false}`},
		{"the text", `{"key":"a","value":"x"}`, ``},
		{"another text", `{"key":"a","value":"y"}`, `{"condition":1,"field":"value","found":"x","wanted":"y"}`},
		{"bytes are not text", `{"key":"a","value":{"$base64":"eA=="}}`,
			`{"condition":1,"field":"value","found":"x","wanted":{"$base64":"eA=="}}`},
		{"JSON in another order", `{"key":"j","value":{"b":[1,2.50],"a":null}}`, ``},
		{"JSON with another number", `{"key":"j","value":{"a":null,"b":[1,2.5]}}`,
			`{"condition":1,"field":"value","found":{"a":null,"b":[1,2.50]},"wanted":{"a":null,"b":[1,2.5]}}`},
		{"the JSON null", `{"key":"null","value":null}`, ``},
		{"a value of no key", `{"key":"none","value":"x"}`, `{"condition":1,"field":"value","found":null,"wanted":"x"}`},
		{"several expectations", `{"key":"a","version":1,"exists":true,"value":"x"}`, ``},
		{"a depth", `{"queue":"q","min_depth":2,"max_depth":2}`, ``},
		{"a depth that counts leased and delayed ones", `{"queue":"q","max_depth":1}`, `{"condition":1,"field":"max_depth","found":2,"wanted":1}`},
		{"too little", `{"queue":"q","min_depth":3}`, `{"condition":1,"field":"min_depth","found":2,"wanted":3}`},
		{"no queue is empty", `{"queue":"none","max_depth":0,"exists":false}`, ``},
		{"a queue that has to be there", `{"queue":"none","exists":true}`, `{"condition":1,"field":"exists","found":false,"wanted":true}`},
		{"an offset", `{"room":"r","next_offset":1}`, ``},
		{"somebody appended", `{"room":"r","next_offset":0}`, `{"condition":1,"field":"next_offset","found":1,"wanted":0}`},
		{"offsets between", `{"room":"r","min_next_offset":1,"max_next_offset":5,"exists":true}`, ``},
		{"too few events", `{"room":"r","min_next_offset":2}`, `{"condition":1,"field":"min_next_offset","found":1,"wanted":2}`},
		{"a partition", `{"room":"parts","partition":1,"next_offset":0}`, ``},
		{"another generation", `{"room":"r","generation":5}`, `*`},
		{"no room has none", `{"room":"none","generation":0,"next_offset":0}`, ``},
	}
	w := newWorld(t)
	w.do("kv.set", `{"key":"a","value":"x"}`)
	w.do("kv.set", `{"key":"j","value":{"a":null,"b":[1,2.50]}}`)
	w.do("kv.set", `{"key":"null","value":null}`)
	w.do("queue.publish", `{"queue":"q","messages":[{"message":1},{"message":2,"delay":60}]}`)
	w.do("queue.receive", `{"queue":"q"}`)
	w.do("stream.append", `{"room":"r","event":"e","data":1}`)
	w.do("stream.create", `{"room":"parts","partitions":2}`)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := w.seq()
			_, err := w.try("txn.exec", `{"if":[{"key":"a","exists":true},`+test.condition+`],"do":[{"command":"kv.set","payload":{"key":"done","value":1}}]}`)
			if (w.seq() > before) != (test.want == "") {
				t.Errorf("it was done, or not: %v", err)
			}
			if test.want == "" {
				return
			}
			e := fault.From(err)
			if e == nil || e.Code != fault.Conflict || !strings.HasPrefix(e.Message, "condition[1]: ") {
				t.Fatalf("got %v", err)
			}
			if details, _ := json.Marshal(e.Details); string(details) != test.want && test.want != "*" {
				t.Errorf("details %s, want %s", details, test.want)
			}
		})
	}
	for _, wrong := range []string{
		`{"room":"parts","next_offset":0}`, `{"room":"r","partition":1,"next_offset":0}`, `{"queue":"q","min_depth":2,"max_depth":1}`,
		`{"room":"r","min_next_offset":2,"max_next_offset":1}`, `{"queue":"q","max_depth":-1}`, `null`, `[]`, `7`, `{"$base64":"eA=="}`, `{}`,
	} {
		_, err := w.try("txn.exec", `{"if":[`+wrong+`],"do":[{"command":"kv.count"}]}`)
		if e := fault.From(err); e == nil || (e.Code != fault.Invalid && e.Code != fault.OutOfRange) || e.Details["condition"] != 0 {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// TestWhoMayTransact checks every command and every condition for the caller, as if it were called alone.
func TestWhoMayTransact(t *testing.T) {
	w := newWorld(t)
	w.do("kv.set", `{"key":"a","value":"1"}`)
	reader := &auth.Identity{Name: "reader", Namespace: "default", Namespaces: []string{}, Access: auth.Read}
	nobody := &auth.Identity{Name: "nobody", Namespace: "default", Access: auth.None}
	tests := []struct {
		name    string
		who     *auth.Identity
		payload string
		want    string
	}{
		{"a reader reads", reader, `{"if":[{"key":"a","exists":true}],"do":[{"command":"kv.count"}]}`, ""},
		{"a reader does not write", reader, `{"do":[{"command":"kv.count"},{"command":"kv.delete","payload":{"key":"a"}}]}`,
			`command[1] kv.delete: reader may not write kv "a"`},
		{"a condition is a read", nobody, `{"if":[{"key":"a","exists":false}],"do":[{"command":"kv.count"}]}`,
			`condition[0]: nobody may not read kv "a"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := w.request("txn.exec", test.payload)
			r.Caller = test.who
			_, err := w.answer(r)
			if test.want == "" && err == nil {
				return
			}
			if e := fault.From(err); e == nil || e.Code != fault.Denied || e.Message != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	r := w.request("txn.exec", `{"do":[{"command":"kv.count"}]}`)
	r.Caller, r.Namespace = reader, "vault"
	if _, err := w.answer(r); fault.CodeOf(err) != fault.Denied {
		t.Errorf("another namespace: %v", err)
	}
	r = w.request("txn.exec", `{"do":[{"command":"kv.set","payload":{"key":"a","value":1}}]}`)
	r.Durability = journal.Fsynced
	if _, err := w.answer(r); fault.CodeOf(err) != fault.Unsupported {
		t.Errorf("more durability than there is: %v", err)
	}
}

func TestATransactionHasLimits(t *testing.T) {
	w := newWorld(t)
	large := strings.Repeat("x", 1<<20)
	w.do("kv.set", `{"key":"a","value":"`+large+`"}`)
	repeat := func(step string, n int) string { return strings.TrimSuffix(strings.Repeat(step+",", n), ",") }
	copies := make([]string, 65)
	for i := range copies {
		copies[i] = fmt.Sprintf(`{"command":"kv.copy","payload":{"key":"a","to":"copy%d"}}`, i)
	}
	tests := []struct {
		name, payload string
		code          fault.Code
	}{
		{"1000 commands", `{"do":[` + repeat(`{"command":"kv.count"}`, 1000) + `]}`, 0},
		{"1001 commands", `{"do":[` + repeat(`{"command":"kv.count"}`, 1001) + `]}`, fault.OutOfRange},
		{"100 conditions", `{"if":[` + repeat(`{"key":"a","exists":true}`, 100) + `],"do":[{"command":"kv.count"}]}`, 0},
		{"101 conditions", `{"if":[` + repeat(`{"key":"a","exists":true}`, 101) + `],"do":[{"command":"kv.count"}]}`, fault.OutOfRange},
		{"60 MiB of answers", `{"do":[` + repeat(`{"command":"kv.get","payload":{"key":"a"}}`, 60) + `]}`, 0},
		{"65 MiB of answers", `{"do":[` + repeat(`{"command":"kv.get","payload":{"key":"a"}}`, 65) + `]}`, fault.TooLarge},
		{"65 MiB of changes", `{"do":[` + strings.Join(copies, ",") + `]}`, fault.TooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := w.try("txn.exec", test.payload); fault.CodeOf(err) != test.code {
				t.Errorf("got %v, want %v", err, test.code)
			}
		})
	}
	if got := w.do("kv.count", `{}`); got != `{"count":1}` {
		t.Errorf("something is left: %s", got)
	}
	r := w.request("txn.exec", `{"do":[{"command":"kv.set","payload":{"key":"b","value":1}},`+repeat(`{"command":"kv.get","payload":{"key":"a"}}`, 20)+`]}`)
	r.IdempotencyKey = "k"
	if _, err := w.answer(r); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("an answer of 20 MiB was kept: %v", err)
	}
}

// TestARepeatedTransactionRunsOnce asks again, in the same process and in one that has read the journal.
func TestARepeatedTransactionRunsOnce(t *testing.T) {
	w := newWorld(t)
	w.do("kv.set", `{"key":"read","value":1}`)
	once := func(key, payload string) *command.Request {
		r := w.request("txn.exec", payload)
		r.IdempotencyKey = key
		return r
	}
	// A number that no float holds, a read of what was just written, a read of what was not.
	const payload = `{"if":[{"key":"n","exists":false}],"do":[{"command":"kv.increment","payload":{"key":"n","by":9007199254740993}},` +
		`{"command":"kv.get","payload":{"key":"n"}},{"command":"kv.get","payload":{"key":"read"}},{"command":"kv.delete","payload":{"key":"none"}}]}`
	first, err := w.answer(once("k", payload))
	if err != nil || !strings.Contains(first, `"value":9007199254740993,`) {
		t.Fatalf("%s, %v", first, err)
	}
	seq := w.seq()
	var callers sync.WaitGroup
	for range 10 {
		callers.Go(func() {
			if again, err := w.answer(once("k", payload)); again != first || err != nil {
				t.Errorf("a repeat: %s, %v", again, err)
			}
		})
	}
	callers.Wait()
	if w.seq() != seq {
		t.Errorf("it ran again")
	}
	if _, err := w.answer(once("k", `{"do":[{"command":"kv.count"}]}`)); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("another transaction under the key: %v", err)
	}
	if _, err := w.answer(once("failed", `{"if":[{"key":"n","exists":false}],"do":[{"command":"kv.count"}]}`)); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("one that fails: %v", err)
	}

	restarted, restored := newWorld(t), newWorld(t)
	restarted.replay(w)
	var entries [][]byte
	restarted.engine.Dispatcher().SaveAnswers(func(entry []byte) { entries = append(entries, append([]byte(nil), entry...)) })
	for _, entry := range entries {
		if err := restored.engine.Dispatcher().RestoreAnswer(entry); err != nil {
			t.Fatal(err)
		}
	}
	for name, other := range map[string]*world{"after a restart": restarted, "from a snapshot": restored} {
		r := other.request("txn.exec", payload)
		r.IdempotencyKey = "k"
		again, err := other.answer(r)
		if err != nil || !sameJSON(t, again, first) {
			t.Errorf("%s: %v\n got  %s\n want %s", name, err, again, first)
		}
	}
}

// replay applies what another world's journal holds.
func (w *world) replay(from *world) {
	records := make([]journal.Record, 100)
	n, err := from.journal.ReadAfter(0, records)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range records[:n] {
		if err := w.engine.Replay(&records[i]); err != nil {
			w.t.Fatal(err)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var canonical [2]string
	for i, text := range []string{a, b} {
		var v any
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		err := dec.Decode(&v)
		again, err2 := json.Marshal(v)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		canonical[i] = string(again)
	}
	return canonical[0] == canonical[1]
}

// unsure is a journal that keeps its records but cannot say so for a while.
type unsure struct {
	*journal.Memory
	failing bool
}

func (j *unsure) Wait(ctx context.Context, seq uint64, level journal.Durability) (journal.Durability, error) {
	if j.failing {
		return 0, context.DeadlineExceeded
	}
	return j.Memory.Wait(ctx, seq, level)
}

// TestWhatHappenedDoesNotHappenAgain repeats a call whose caller gave up while it waited for the disk.
func TestWhatHappenedDoesNotHappenAgain(t *testing.T) {
	for name, payload := range map[string]string{
		"kv.increment": `{"key":"n"}`,
		"txn.exec":     `{"do":[{"command":"kv.increment","payload":{"key":"n"}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			j := &unsure{Memory: journal.NewMemory(journal.MemoryOptions{Epoch: 1})}
			engine, err := core.New(core.Options{Journal: j, Structures: []*command.Structure{kv.Structure(kv.Options{})}})
			if err != nil {
				t.Fatal(err)
			}
			w := &world{t, engine, j}
			r := w.request(name, payload)
			r.IdempotencyKey = "k"
			j.failing = true
			for range 2 {
				if _, err := w.answer(r); fault.CodeOf(err) != fault.Timeout {
					t.Errorf("answered before it was safe: %v", err)
				}
			}
			j.failing = false
			for range 2 {
				got, err := w.answer(r)
				if err != nil || strings.Contains(strings.ReplaceAll(got, `"version":1,"durability":"memory"`, ""), "version") {
					t.Errorf("got %s, %v", got, err)
				}
			}
			w.do("kv.check", `{"key":"n","value":1}`)
		})
	}
}
