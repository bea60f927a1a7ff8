package command_test

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

func TestCalls(t *testing.T) {
	tests := []struct{ name, command, payload, want string }{
		{"a write says its version and what it is worth", "toy.add", `{"name":"a","by":2}`, `{"count":2,"version":1,"durability":"memory"}`},
		{"a default is filled in", "toy.add", `{"name":"a"}`, `{"count":1,"version":1,"durability":"memory"}`},
		{"a read", "toy.get", `{"name":"a"}`, `{"count":0,"version":0}`},
		{"an act knows its caller", "toy.who", `{"name":"x"}`, `{"name":"local"}`},
		{"a missing field", "toy.get", `{}`, `! invalid "name" is required`},
		{"no payload at all", "toy.get", ``, `! invalid "name" is required`},
		{"a string over its limit", "toy.get", `{"name":"12345678901234567"}`, `! out_of_range "name": 17 bytes is not allowed for it: it is at most 16 bytes`},
		{"a number under its range", "toy.add", `{"name":"a","by":-11}`, `! out_of_range "by": -11 is not allowed for it: it is between -10 and 10`},
		{"a word that is not one of the words", "toy.add", `{"name":"a","fail":"now"}`, `! invalid "fail": "now" is not allowed for it: it is one of before, after, panic`},
		{"a misspelt field", "toy.add", `{"nmae":"a"}`, `! invalid there is no field "nmae"; did you mean "name"?`},
		{"an unknown field", "toy.add", `{"name":"a","zebra":1}`, `! invalid there is no field "zebra"; the fields are name, by, fail`},
		{"a wrong type", "toy.add", `{"name":1}`, `! invalid "name": a number was given, a string is wanted`},
		{"a wrong type in an embedded part", "toy.take", `{"name":1}`, `! invalid "name": a number was given, a string is wanted`},
		{"a zero that was said", "toy.take", `{"name":"a","most":0}`, `! out_of_range "most": 0 is not allowed for it: it is between 1 and 9`},
		{"a zero that was not", "toy.take", `{"name":"a"}`, `{"count":0}`},
		{"a fraction", "toy.add", `{"name":"a","by":1.5}`, `! invalid "by": number 1.5 was given, an integer is wanted`},
		{"a form", "toy.get", `key=a`, `! invalid the request is no JSON: no value begins with "k"`},
		{"no object", "toy.get", `["a"]`, `! invalid the request is a JSON object, not an array`},
		{"garbage", "toy.get", `{"name":"a"`, `! invalid the request ends in the middle`},
		{"more than one", "toy.get", `{"name":"a"} {}`, `! invalid something follows the JSON object`},
		{"not UTF-8", "toy.get", "{\"name\":\"\xff\"}", `! invalid the JSON is not UTF-8`},
		{"too deep", "toy.get", strings.Repeat("[", 1_000_000), `! invalid the JSON nests more than 64 deep`},
		{"a watch cannot be called", "toy.watch", `{"name":"a"}`, `! invalid toy.watch follows changes: it cannot be a part of something else`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			if got := b.do(b.request(test.command, test.payload)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	reader := &auth.Identity{Name: "eve", Namespace: "default", Namespaces: []string{"lab"}, Access: auth.Read}
	tests := []struct {
		name    string
		change  func(*command.Request)
		command string
		want    string
	}{
		{"a reader reads", func(*command.Request) {}, "toy.get", `{"count":0,"version":0}`},
		{"a reader does not write", func(*command.Request) {}, "toy.add", `! denied eve may not write toy "a"`},
		{"nor administer", func(*command.Request) {}, "toy.who", `! denied eve may not administer toy "a"`},
		{"a granted namespace", func(r *command.Request) { r.Namespace = "lab" }, "toy.get", `{"count":0,"version":0}`},
		{"a granted namespace that is not there", func(r *command.Request) {
			r.Caller = &auth.Identity{Name: "eve", Namespace: "gone", Access: auth.Write}
		}, "toy.get", `! not_found there is no namespace "gone": somebody with admin access makes it with namespace.create, or by using it`},
		{"another namespace", func(r *command.Request) { r.Namespace = "vault" }, "toy.get", `! denied eve may not use namespace "vault"`},
		{"nobody", func(r *command.Request) { r.Caller = nil }, "toy.get", `! unauthenticated who is calling is not known`},
		{"more durability than there is", func(r *command.Request) { r.Durability = journal.Fsynced }, "toy.get",
			`! unsupported durability "fsynced" was asked for; this server gives at most "memory"`},
		{"a read with an idempotency key", func(r *command.Request) { r.IdempotencyKey = "k" }, "toy.get",
			`! invalid toy.get is not a write: an idempotency key means nothing to it`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			if _, err := b.engine.Space("lab", true); err != nil {
				t.Fatal(err)
			}
			r := b.request(test.command, `{"name":"a"}`)
			r.Caller = reader
			test.change(r)
			if got := b.do(r); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if err := b.d.Check(r); (err == nil) != !strings.HasPrefix(test.want, "!") {
				t.Errorf("Check() = %v, but Do() says %s", err, test.want)
			}
		})
	}
}

func TestNamespacesAreWalls(t *testing.T) {
	b := newBench(t)
	for _, namespace := range []string{"", "lab", "lab"} {
		r := b.request("toy.add", `{"name":"a"}`)
		r.Namespace = namespace
		b.do(r)
	}
	r := b.request("toy.get", `{"name":"a"}`)
	r.Namespace = "lab"
	// The namespace took a number of its own when it came to be: 1 is the first add, 2 the namespace.
	if got, want := b.do(r), `{"count":2,"version":4}`; got != want {
		t.Errorf("lab: got %s, want %s", got, want)
	}
	if got, want := b.do(b.request("toy.get", `{"name":"a"}`)), `{"count":1,"version":1}`; got != want {
		t.Errorf("default: got %s, want %s", got, want)
	}
	r.Namespace = "../etc"
	if got := b.do(r); !strings.HasPrefix(got, "! invalid") {
		t.Errorf("a bad name: %s", got)
	}
}

func TestAFailingJournalChangesNothing(t *testing.T) {
	b := newBench(t)
	b.do(b.request("toy.add", `{"name":"a"}`))
	before := b.state()
	b.journal.broken = errors.New("no space left on device")
	once := b.request("toy.add", `{"name":"a"}`)
	once.IdempotencyKey = "k"
	for _, r := range []*command.Request{b.request("toy.add", `{"name":"a"}`), once} {
		if got, want := b.do(r), `! internal internal error`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if _, err := b.d.Transact(t.Context(), []*command.Request{b.request("toy.add", `{"name":"b"}`)}); err == nil {
		t.Error("the transaction succeeded")
	}
	if got := b.state(); !maps.Equal(got, before) {
		t.Errorf("state %v, want %v", got, before)
	}
	if len(b.reports) != 3 {
		t.Errorf("%d internal errors were reported, want 3", len(b.reports))
	}
	b.journal.broken = nil
	if got, want := b.do(once), `{"count":2,"version":2,"durability":"memory"}`; got != want {
		t.Errorf("after the repair: got %s, want %s", got, want)
	}
}

func TestTransactions(t *testing.T) {
	tests := []struct {
		name  string
		calls [][2]string
		want  []string // the answers, or one error
		index int      // of the call that failed
		state map[string]count
	}{
		{
			"later commands see earlier ones, and all share one version",
			[][2]string{{"toy.add", `{"name":"a"}`}, {"toy.get", `{"name":"a"}`}, {"toy.add", `{"name":"b","by":5}`}},
			[]string{`{"count":1,"version":3,"durability":"memory"}`, `{"count":1,"version":3}`, `{"count":5,"version":3,"durability":"memory"}`},
			0, map[string]count{"a": {1, 3}, "b": {5, 3}, "old": {2, 2}},
		},
		{
			"the last one fails before it changes anything",
			[][2]string{{"toy.add", `{"name":"a"}`}, {"toy.add", `{"name":"old"}`}, {"toy.add", `{"name":"c","fail":"before"}`}},
			[]string{`! conflict command[2] toy.add: asked to fail`}, 2, map[string]count{"old": {2, 2}},
		},
		{
			"the last one fails after it changed something twice changed",
			[][2]string{{"toy.add", `{"name":"old"}`}, {"toy.add", `{"name":"old","fail":"after"}`}},
			[]string{`! conflict command[1] toy.add: asked to fail`}, 1, map[string]count{"old": {2, 2}},
		},
		{
			"one panics",
			[][2]string{{"toy.add", `{"name":"old"}`}, {"toy.add", `{"name":"new","fail":"panic"}`}},
			[]string{`! internal internal error`}, -1, map[string]count{"old": {2, 2}},
		},
		{
			"a wrong request is found before anything runs",
			[][2]string{{"toy.add", `{"name":"a"}`}, {"toy.add", `{}`}},
			[]string{`! invalid command[1] toy.add: "name" is required`}, 1, map[string]count{"old": {2, 2}},
		},
		{
			"an act has no place in it",
			[][2]string{{"toy.who", `{"name":"a"}`}},
			[]string{`! invalid command[0] toy.who: an act cannot be part of a transaction, because what it does cannot be taken back: ` +
				`only reads and writes of data can`}, 0, map[string]count{"old": {2, 2}},
		},
		{"nothing at all", nil, []string{}, 0, map[string]count{"old": {2, 2}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.do(b.request("toy.add", `{"name":"old"}`))
			b.do(b.request("toy.add", `{"name":"old"}`))
			var calls []*command.Request
			for _, c := range test.calls {
				calls = append(calls, b.request(c[0], c[1]))
			}
			answers, err := b.d.Transact(t.Context(), calls)
			if err != nil {
				if got := outcome(t, nil, err); len(test.want) != 1 || got != test.want[0] {
					t.Errorf("got %s, want %s", got, test.want)
				}
				if index, ok := fault.From(err).Details["index"]; ok && index != test.index {
					t.Errorf("call %v is said to have failed, want %d", index, test.index)
				}
			} else {
				for i, v := range answers {
					if got := outcome(t, v, nil); got != test.want[i] {
						t.Errorf("answer %d: got %s, want %s", i, got, test.want[i])
					}
				}
			}
			if got := b.state(); !maps.Equal(got, test.state) {
				t.Errorf("state %v, want %v", got, test.state)
			}
			// The numbers go on without a gap, and nobody is locked out.
			if got := b.do(b.request("toy.add", `{"name":"z"}`)); strings.HasPrefix(got, "!") {
				t.Errorf("afterwards: %s", got)
			}
			for i, rec := range b.journal.records {
				if rec.Seq != uint64(i)+1 {
					t.Errorf("record %d has number %d", i, rec.Seq)
				}
			}
		})
	}
}

func TestATransactionIsOneRecordAndTwoNamespacesAreTwo(t *testing.T) {
	b := newBench(t)
	calls := []*command.Request{b.request("toy.add", `{"name":"a"}`), b.request("toy.add", `{"name":"b"}`)}
	if _, err := b.d.Transact(t.Context(), calls); err != nil {
		t.Fatal(err)
	}
	if len(b.journal.records) != 1 || b.journal.records[0].Len() != 2 {
		t.Errorf("the journal holds %d records", len(b.journal.records))
	}
	calls[1].Namespace = "lab"
	if _, err := b.d.Transact(t.Context(), calls); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("two namespaces in one transaction: %v", err)
	}
}

func TestWhatCannotBeTakenBackWaitsForTheEnd(t *testing.T) {
	b := newBench(t)
	b.do(b.request("toy.add", `{"name":"alone"}`))
	calls := []*command.Request{b.request("toy.add", `{"name":"a"}`), b.request("toy.add", `{"name":"b","fail":"before"}`)}
	if _, err := b.d.Transact(t.Context(), calls); err == nil {
		t.Error("the transaction succeeded")
	}
	calls[1] = b.request("toy.add", `{"name":"b"}`)
	if _, err := b.d.Transact(t.Context(), calls); err != nil {
		t.Error(err)
	}
	if got, want := b.told(), []string{"alone", "a", "b"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestNobodySeesTheMiddleOfATransaction runs transactions that keep two counts opposite, while readers look at
// one after the other.
func TestNobodySeesTheMiddleOfATransaction(t *testing.T) {
	b := newBench(t)
	var work sync.WaitGroup
	stop := make(chan struct{})
	work.Go(func() {
		defer close(stop)
		for i := range 2000 {
			calls := []*command.Request{b.request("toy.add", `{"name":"a"}`), b.request("toy.add", `{"name":"b","by":-1}`)}
			if i%3 == 0 { // some are taken back
				calls = append(calls, b.request("toy.add", `{"name":"a","fail":"before"}`))
			}
			if _, err := b.d.Transact(t.Context(), calls); (err == nil) != (i%3 != 0) {
				t.Error(err)
			}
			runtime.Gosched()
		}
	})
	for range 3 {
		work.Go(func() {
			both := b.request("toy.both", `{"name":"x"}`)
			for {
				select {
				case <-stop:
					return
				default:
				}
				v, err := b.d.Do(t.Context(), both)
				if err != nil {
					t.Error(err)
					return
				}
				if got := v.(*bothResponse); got.A.Count != -got.B.Count || got.A.Version != got.B.Version {
					t.Errorf("saw %+v", got)
				}
			}
		})
	}
	work.Wait()
}

func TestIdempotencyKeys(t *testing.T) {
	b := newBench(t)
	add := func(key, payload string) *command.Request {
		r := b.request("toy.add", payload)
		r.IdempotencyKey = key
		return r
	}
	tests := []struct {
		name string
		call *command.Request
		want string
	}{
		{"the first time it runs", add("k1", `{"name":"a"}`), `{"count":1,"version":1,"durability":"memory"}`},
		{"a repeat hears the same", add("k1", `{"name":"a"}`), `{"count":1,"version":1,"durability":"memory"}`},
		{"defaults are the same request", add("k1", `{"name":"a","by":1}`), `{"count":1,"version":1,"durability":"memory"}`},
		{"another request under the same key", add("k1", `{"name":"b"}`), `! conflict idempotency key "k1" was used for another request; a new request takes a new key`},
		{"another key runs", add("k2", `{"name":"a"}`), `{"count":2,"version":2,"durability":"memory"}`},
		{"a failure is not remembered", add("k3", `{"name":"a","fail":"after"}`), `! conflict asked to fail`},
		{"so that it can be tried again", add("k3", `{"name":"a"}`), `{"count":3,"version":3,"durability":"memory"}`},
		{"a panic is no answer either", add("k4", `{"name":"a","fail":"panic"}`), `! internal internal error`},
		{"after a panic", add("k4", `{"name":"a"}`), `{"count":4,"version":4,"durability":"memory"}`},
		{"a key over its limit", add(strings.Repeat("k", 257), `{"name":"a"}`), `! too_large the idempotency key is 257 bytes long; at most 256 are allowed`},
	}
	for _, test := range tests {
		if got := b.do(test.call); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
	other := add("k1", `{"name":"b"}`)
	other.Caller = &auth.Identity{Name: "other", Namespace: "default", Access: auth.Write}
	if got, want := b.do(other), `{"count":1,"version":5,"durability":"memory"}`; got != want {
		t.Errorf("another caller's key is another key: got %s, want %s", got, want)
	}
	if a := b.journal.records[0].Answer; a == nil || a.Key != "k1" || a.Caller != "local" || a.Command != "toy.add" {
		t.Errorf("the record's answer is %+v", a)
	}
}

func TestConcurrentRepeatsRunOnce(t *testing.T) {
	b := newBench(t)
	answers := make([]string, 50)
	var callers sync.WaitGroup
	for i := range answers {
		callers.Go(func() {
			r := b.request("toy.add", `{"name":"a"}`)
			r.IdempotencyKey = "k"
			answers[i] = b.do(r)
		})
	}
	callers.Wait()
	for _, got := range answers {
		if want := `{"count":1,"version":1,"durability":"memory"}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestAnAnswerIsForgottenAfterADay runs under synctest's clock.
func TestAnAnswerIsForgottenAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		add := b.request("toy.add", `{"name":"a"}`)
		add.IdempotencyKey = "k"
		b.do(add)
		sleep(t, 23*60*60)
		if got, want := b.do(add), `{"count":1,"version":1,"durability":"memory"}`; got != want {
			t.Errorf("within the day: got %s, want %s", got, want)
		}
		sleep(t, 60*60)
		if got, want := b.do(add), `{"count":2,"version":2,"durability":"memory"}`; got != want {
			t.Errorf("after it: got %s, want %s", got, want)
		}
	})
}

func TestAPanicFailsOneCallAndIsReported(t *testing.T) {
	b := newBench(t)
	if got, want := b.do(b.request("toy.add", `{"name":"a","fail":"panic"}`)), `! internal internal error`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(b.reports) != 1 || !strings.Contains(errors.Unwrap(b.reports[0]).Error(), "asked to") {
		t.Errorf("reported: %v", b.reports)
	}
	if _, err := b.d.Transact(t.Context(), []*command.Request{b.request("toy.add", `{"name":"b"}`)}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestCallsAreCounted(t *testing.T) {
	b := newBench(t)
	b.do(b.request("toy.add", `{"name":"a"}`))
	b.do(b.request("toy.add", `{"name":"a","fail":"before"}`))
	if _, err := b.d.Transact(context.Background(), []*command.Request{b.request("toy.add", `{"name":"a"}`)}); err != nil {
		t.Fatal(err)
	}
	c, _ := b.d.Table().Find("toy.add")
	if got := c.Stats().Calls(0); got != 2 {
		t.Errorf("%d successes, want 2", got)
	}
	if got := c.Stats().Calls(int(fault.Conflict)); got != 1 {
		t.Errorf("%d conflicts, want 1", got)
	}
	if _, count, _ := c.Stats().Latency().Snapshot(); count == 0 {
		t.Error("no call was timed")
	}
}
