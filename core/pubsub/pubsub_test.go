package pubsub_test

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
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/value"
)

// bench is a running engine with topics in it, in a bubble of virtual time.
type bench struct {
	t      *testing.T
	engine *core.Engine
	d      *command.Dispatcher
}

func running(t *testing.T, test func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		engine, err := core.New(core.Options{Structures: []*command.Structure{pubsub.Structure()}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = engine.Run(ctx) })
		b := &bench{t, engine, engine.Dispatcher()}
		test(b)
		synctest.Wait()
		if err := engine.Check(); err != nil {
			t.Error(err)
		}
		cancel()
		run.Wait()
	})
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

func (b *bench) publish(topic, text string) string {
	b.t.Helper()
	return b.do("pubsub.publish", fmt.Sprintf(`{"topic":%q,"message":%q}`, topic, text))
}

// subscriber collects what a subscription hears. Its gate, if any, holds it back at each event.
type subscriber struct {
	mu    sync.Mutex
	lines []string
	gate  chan struct{}
	err   error
	done  sync.WaitGroup
	stop  context.CancelFunc
}

func (b *bench) subscribe(payload string, gate chan struct{}) *subscriber {
	ctx, cancel := context.WithCancel(b.t.Context())
	s := &subscriber{gate: gate, stop: cancel}
	r := b.request("pubsub.subscribe", payload)
	s.done.Go(func() { s.err = b.d.Watch(ctx, r, s) })
	synctest.Wait()
	return s
}

func (s *subscriber) Event(_ journal.Position, event any) error {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ev := event.(*pubsub.Event)
	line := ev.Message.Data()
	if ev.Event == "dropped" {
		line = fmt.Sprintf("-%d", ev.Dropped)
	}
	if ev.Retained {
		line += "(retained)"
	}
	s.lines = append(s.lines, line)
	return nil
}

func (s *subscriber) Flush(journal.Position) error { return nil }

// end stops the subscription and returns what it heard.
func (s *subscriber) end() string {
	synctest.Wait()
	s.stop()
	s.done.Wait()
	return strings.Join(s.lines, " ")
}

func TestAMessageReachesEachSubscriberOnce(t *testing.T) {
	running(t, func(b *bench) {
		exact := b.subscribe(`{"patterns":["a.b"]}`, nil)
		many := b.subscribe(`{"patterns":["a.*","a.#","*.b","#","a.b"]}`, nil)
		other := b.subscribe(`{"patterns":["b.#"]}`, nil)
		if got, want := b.publish("a.b", "one"), `{"subscribers":2}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := b.publish("nobody.here.at.all", "two"), `{"subscribers":1}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := exact.end(), "one"; got != want {
			t.Errorf("exact: %q, want %q", got, want)
		}
		if got, want := many.end(), "one two"; got != want {
			t.Errorf("many: %q, want %q", got, want)
		}
		if got := other.end(); got != "" {
			t.Errorf("other: %q", got)
		}
		if got, want := b.publish("a.b", "late"), `{"subscribers":0}`; got != want {
			t.Errorf("after they left: got %s, want %s", got, want)
		}
	})
}

func TestAQueueGroupSharesMessages(t *testing.T) {
	running(t, func(b *bench) {
		var members []*subscriber
		for range 3 {
			members = append(members, b.subscribe(`{"patterns":["jobs.#"],"queue":"workers"}`, nil))
		}
		all := b.subscribe(`{"patterns":["jobs.#"]}`, nil)
		for i := range 300 {
			if got, want := b.publish("jobs.x", fmt.Sprint(i)), `{"subscribers":2}`; got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
		}
		seen := map[string]int{}
		for i, m := range members {
			heard := strings.Fields(m.end())
			if len(heard) == 0 {
				t.Errorf("member %d got nothing of 300", i)
			}
			for _, line := range heard {
				seen[line]++
			}
		}
		for i := range 300 {
			if seen[fmt.Sprint(i)] != 1 {
				t.Errorf("message %d reached %d members", i, seen[fmt.Sprint(i)])
			}
		}
		if got := len(strings.Fields(all.end())); got != 300 {
			t.Errorf("the one outside the group got %d", got)
		}
	})
}

func TestRetainedMessages(t *testing.T) {
	running(t, func(b *bench) {
		for i, topic := range []string{"s.a", "s.b", "s.a", "t"} {
			got := b.do("pubsub.publish", fmt.Sprintf(`{"topic":%q,"message":%q,"retain":true}`, topic, fmt.Sprint(topic, i)))
			if want := fmt.Sprintf(`{"subscribers":0,"version":%d,"durability":"memory"}`, i+1); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		s := b.subscribe(`{"patterns":["s.*","s.#"]}`, nil)
		b.publish("s.a", "live")
		if got, want := s.end(), "s.a2(retained) s.b1(retained) live"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got, want := b.do("pubsub.forget", `{"topic":"s.a"}`), `{"found":true,"version":5,"durability":"memory"}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := b.do("pubsub.forget", `{"topic":"s.a"}`), `{"found":false}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := b.do("pubsub.topics", `{"limit":1}`), `{"items":[{"name":"s.b","subscribers":0,"retained":true}],"next_cursor":"s.b"}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := b.do("pubsub.topics", `{"cursor":"s.b"}`), `{"items":[{"name":"t","subscribers":0,"retained":true}]}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestRetainedMessagesAreBounded(t *testing.T) {
	running(t, func(b *bench) {
		for i := range pubsub.MaxRetained / 1000 {
			r := b.request("pubsub.publish", "")
			many := &pubsub.PublishRequest{}
			for j := range 1000 {
				many.Messages = append(many.Messages, pubsub.Outgoing{
					Topic: fmt.Sprintf("t.%d.%d", i, j), Message: value.OfText("x"), Retain: true,
				})
			}
			r.Args = many
			if _, err := b.d.Do(b.t.Context(), r); err != nil {
				b.t.Fatal(err)
			}
		}
		tests := []struct{ name, topic, want string }{
			{"one more topic", "new", "! exhausted 100000 topics retain a message"},
			{"a new message for one of them", "t.0.0", `{"subscribers":0,"version":`},
		}
		for _, test := range tests {
			got := b.do("pubsub.publish", fmt.Sprintf(`{"topic":%q,"message":"y","retain":true}`, test.topic))
			if !strings.HasPrefix(got, test.want) {
				b.t.Errorf("%s: got %s, want %s", test.name, got, test.want)
			}
		}
	})
}

func TestASlowSubscriberLosesTheOldestAndIsTold(t *testing.T) {
	running(t, func(b *bench) {
		gate := make(chan struct{})
		s := b.subscribe(`{"patterns":["a"],"buffer":3}`, gate)
		b.publish("a", "0") // is taken out and waits at the gate
		synctest.Wait()
		for i := range 10 {
			b.publish("a", fmt.Sprint(i+1))
		}
		close(gate)
		if got, want := s.end(), "0 -7 8 9 10"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestAStrictSubscriberIsCutOff(t *testing.T) {
	running(t, func(b *bench) {
		gate := make(chan struct{})
		s := b.subscribe(`{"patterns":["a"],"buffer":2,"overflow":"close"}`, gate)
		for i := range 6 {
			b.publish("a", fmt.Sprint(i))
			synctest.Wait()
		}
		close(gate)
		s.done.Wait()
		if got, want := strings.Join(s.lines, " "), "0 -1 1 2"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if fault.CodeOf(s.err) != fault.Exhausted {
			t.Errorf("ended with %v, want exhausted", s.err)
		}
	})
}

func TestATransactionPublishesAtItsEndOrNotAtAll(t *testing.T) {
	running(t, func(b *bench) {
		s := b.subscribe(`{"patterns":["#"]}`, nil)
		bad := []*command.Request{
			b.request("pubsub.publish", `{"topic":"a","message":"unsaid","retain":true}`),
			b.request("pubsub.publish", `{"topic":"a.*","message":"x"}`),
		}
		forget := b.request("pubsub.forget", `{"topic":"a"}`)
		if _, err := b.d.Transact(b.t.Context(), bad); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("got %v", err)
		}
		good := []*command.Request{
			b.request("pubsub.publish", `{"topic":"a","message":"kept","retain":true}`), forget,
			b.request("pubsub.publish", `{"topic":"b","message":"said"}`),
		}
		if _, err := b.d.Transact(b.t.Context(), good); err != nil {
			t.Error(err)
		}
		if got, want := s.end(), "kept said"; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
		if got, want := b.do("pubsub.topics", `{}`), `{"items":[]}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestListening(t *testing.T) {
	running(t, func(b *bench) {
		listen := func(payload string) (string, pubsub.ListenResponse) {
			got := b.do("pubsub.listen", payload)
			var resp pubsub.ListenResponse
			if !strings.HasPrefix(got, "!") {
				if err := json.Unmarshal([]byte(got), &resp); err != nil {
					t.Fatal(err)
				}
			}
			return got, resp
		}
		start := time.Now()
		_, first := listen(`{"patterns":["a.#"]}`)
		if first.Subscription == "" || len(first.Messages) != 0 || time.Since(start) != 0 {
			t.Fatalf("first: %+v after %s", first, time.Since(start))
		}
		again := fmt.Sprintf(`{"subscription":%q,"wait":5}`, first.Subscription)
		b.publish("a.b", "one")
		b.publish("a.c", "two")
		if _, resp := listen(again); len(resp.Messages) != 2 || resp.Messages[1].Message != value.OfText("two") {
			t.Errorf("two were waiting: %+v", resp)
		}
		if _, resp := listen(again); len(resp.Messages) != 0 || time.Since(start) != 5*time.Second {
			t.Errorf("nothing came: %+v after %s", resp, time.Since(start))
		}
		var later sync.WaitGroup
		later.Go(func() {
			time.Sleep(2 * time.Second)
			b.publish("a", "three")
		})
		if _, resp := listen(again); len(resp.Messages) != 1 || time.Since(start) != 7*time.Second {
			t.Errorf("one came: %+v after %s", resp, time.Since(start))
		}
		later.Wait()

		// A stranger does not get at it, not even to close it.
		r := b.request("pubsub.listen", fmt.Sprintf(`{"subscription":%q,"close":true}`, first.Subscription))
		r.Caller = &auth.Identity{Name: "eve", Namespace: "default", Access: auth.Admin}
		if _, err := b.d.Do(b.t.Context(), r); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("a stranger got %v", err)
		}
		time.Sleep(pubsub.HandleLife - time.Second)
		if got, _ := listen(again); strings.HasPrefix(got, "!") {
			t.Errorf("within its life: %s", got)
		}
		time.Sleep(pubsub.HandleLife + time.Second)
		if got, _ := listen(again); !strings.HasPrefix(got, "! not_found") {
			t.Errorf("after its life: %s", got)
		}
		if got, want := b.publish("a", "x"), `{"subscribers":0}`; got != want {
			t.Errorf("the handle is still subscribed: %s", got)
		}
		_, second := listen(`{"patterns":["z"]}`)
		if got, want := b.do("pubsub.listen", fmt.Sprintf(`{"subscription":%q,"close":true}`, second.Subscription)), `{"messages":[]}`; got != want {
			t.Errorf("closing: got %s, want %s", got, want)
		}
	})
}

func TestRequestAndReply(t *testing.T) {
	running(t, func(b *bench) {
		if got := b.do("pubsub.request", `{"topic":"svc","message":"hi"}`); !strings.HasPrefix(got, `! not_found nobody listens to "svc"`) {
			t.Errorf("nobody there: %s", got)
		}
		ctx, cancel := context.WithCancel(b.t.Context())
		var echo sync.WaitGroup
		echo.Go(func() {
			_ = b.d.Watch(ctx, b.request("pubsub.subscribe", `{"patterns":["svc"]}`), answering(func(ev *pubsub.Event) {
				if ev.Message.Data() != "be quiet" {
					b.publish(ev.ReplyTo, "re: "+ev.Message.Data())
				}
			}))
		})
		synctest.Wait()
		if got, want := b.do("pubsub.request", `{"topic":"svc","message":"hi"}`), `{"message":"re: hi","replied_by":"local"}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		start := time.Now()
		if got := b.do("pubsub.request", `{"topic":"svc","message":"be quiet","timeout_ms":1500}`); !strings.HasPrefix(got, "! timeout 1 listen") {
			t.Errorf("no answer: %s", got)
		}
		if time.Since(start) != 1500*time.Millisecond {
			t.Errorf("waited %s", time.Since(start))
		}
		cancel()
		echo.Wait()
		if got, want := b.do("pubsub.topics", `{}`), `{"items":[]}`; got != want {
			t.Errorf("left behind: %s", got)
		}
	})
}

// answering is a sink that calls a function.
type answering func(*pubsub.Event)

func (f answering) Event(_ journal.Position, event any) error { f(event.(*pubsub.Event)); return nil }
func (f answering) Flush(journal.Position) error              { return nil }

func TestBadInput(t *testing.T) {
	big := strings.Repeat("x", pubsub.MaxMessageBytes+1)
	tests := []struct{ name, command, payload, want string }{
		{"no topic", "pubsub.publish", `{"message":"x"}`, `! invalid "topic" is required, or "messages"`},
		{"no message", "pubsub.publish", `{"topic":"a"}`, `! invalid "message" is required`},
		{"a pattern as a topic", "pubsub.publish", `{"topic":"a.*","message":"x"}`, `! invalid topic "a.*"`},
		{"both forms", "pubsub.publish", `{"topic":"a","messages":[{"topic":"b","message":1}]}`, `! invalid "messages" stands for itself`},
		{"a bad one among many", "pubsub.publish", `{"messages":[{"topic":"b","message":1},{"topic":"b"}]}`, `! invalid "message" is required`},
		{"a message over the limit", "pubsub.publish", fmt.Sprintf(`{"topic":"a","message":%q}`, big), `! too_large the message is 1048577 bytes`},
		{"headers over the limit", "pubsub.publish", fmt.Sprintf(`{"topic":"a","message":1,"headers":{"k":%q}}`, big[:9000]), `! too_large 1 headers`},
		{"a bad reply topic", "pubsub.publish", `{"topic":"a","message":1,"reply_to":"#"}`, `! invalid topic "#"`},
		{"listening to nothing", "pubsub.listen", `{}`, `! invalid "patterns" is required`},
		{"listening to both", "pubsub.listen", `{"patterns":["a"],"subscription":"x"}`, `! invalid "patterns" opens`},
		{"a handle that is none", "pubsub.listen", `{"subscription":"x"}`, `! not_found there is no subscription "x"`},
		{"a bad pattern", "pubsub.listen", `{"patterns":["a.#.b"]}`, `! invalid pattern "a.#.b": # stands for all levels`},
		{"forgetting nothing", "pubsub.forget", `{}`, `! invalid "topic" is required`},
	}
	running(t, func(b *bench) {
		for _, test := range tests {
			if got := b.do(test.command, test.payload); !strings.HasPrefix(got, test.want) {
				t.Errorf("%s: got %s, want %s", test.name, got, test.want)
			}
		}
		for payload, code := range map[string]fault.Code{
			`{}`: fault.Invalid, `{"patterns":["*a"]}`: fault.Invalid, `{"patterns":["a"],"buffer":70000}`: fault.OutOfRange,
			`{"patterns":["a"],"from":5}`: fault.Unsupported, `{"patterns":["a"],"overflow":"panic"}`: fault.Invalid,
		} {
			if err := b.d.Watch(b.t.Context(), b.request("pubsub.subscribe", payload), answering(nil)); fault.CodeOf(err) != code {
				t.Errorf("%s: %v, want %s", payload, err, code)
			}
		}
	})
}

// keeping is a journal that keeps every record.
type keeping struct {
	*journal.Memory
	records []journal.Record
}

func (k *keeping) Append(rec *journal.Record) (uint64, error) {
	seq, err := k.Memory.Append(rec)
	k.records = append(k.records, *rec)
	return seq, err
}

// TestRetainedMessagesAreReplayed encodes every op, decodes it into another engine, and compares.
func TestRetainedMessagesAreReplayed(t *testing.T) {
	structure := pubsub.Structure()
	j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
	one, err1 := core.New(core.Options{Structures: []*command.Structure{structure}, Journal: j})
	two, err2 := core.New(core.Options{Structures: []*command.Structure{pubsub.Structure()}})
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	from, to := &bench{t, one, one.Dispatcher()}, &bench{t, two, two.Dispatcher()}
	for _, payload := range []string{
		`{"topic":"a","message":"text","retain":true}`,
		`{"topic":"b.c","message":{"json":[1,2]},"retain":true,"reply_to":"x.y","headers":{"k":"v","l":""}}`,
		`{"topic":"b.d","message":{"$base64":"AP8="},"retain":true}`,
		`{"topic":"a","message":"","retain":true}`,
		`{"messages":[{"topic":"m.1","message":1,"retain":true},{"topic":"m.2","message":null,"retain":true}]}`,
	} {
		if got := from.do("pubsub.publish", payload); strings.HasPrefix(got, "!") {
			t.Fatal(got)
		}
	}
	from.do("pubsub.forget", `{"topic":"m.1"}`)
	for _, rec := range j.records {
		copied := journal.Record{Seq: rec.Seq}
		for c := range rec.Changes() {
			op, err := structure.DecodeOp(c.Op.Kind(), c.Op.AppendTo(nil))
			if err != nil {
				t.Fatal(err)
			}
			c.Op = op
			copied.Add(c)
		}
		for range 2 { // twice is the same as once
			if err := two.Replay(&copied); err != nil {
				t.Fatal(err)
			}
		}
	}
	retained := func(b *bench) string {
		var resp pubsub.ListenResponse
		if err := json.Unmarshal([]byte(b.do("pubsub.listen", `{"patterns":["#"]}`)), &resp); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(resp.Messages)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	got, want := retained(to), retained(from)
	if got != want || strings.Count(want, `"topic"`) != 4 {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if err := two.Check(); err != nil {
		t.Error(err)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, subscribers := range []int{0, 1, 1000} {
		b.Run(fmt.Sprintf("to=%d", subscribers), func(b *testing.B) {
			engine, err := core.New(core.Options{Structures: []*command.Structure{pubsub.Structure()}})
			if err != nil {
				b.Fatal(err)
			}
			d := engine.Dispatcher()
			watch, _ := d.Table().Find("pubsub.subscribe")
			ctx, cancel := context.WithCancel(b.Context())
			var all sync.WaitGroup
			for range subscribers {
				ready := make(chan struct{})
				r := &command.Request{Caller: auth.Local(), Command: watch, Args: &pubsub.SubscribeRequest{Patterns: []string{"a.*"}}}
				all.Go(func() { _ = d.Watch(ctx, r, &discard{ready: ready}) })
				<-ready
			}
			publish, _ := d.Table().Find("pubsub.publish")
			r := &command.Request{
				Caller: auth.Local(), Command: publish,
				Args: &pubsub.PublishRequest{Topic: "a.b", Message: value.OfText("hello")},
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Do(ctx, r); err != nil {
					b.Fatal(err)
				}
			}
			cancel()
			all.Wait()
		})
	}
}

// discard is a sink that says when it is in place.
type discard struct {
	ready chan struct{}
	once  sync.Once
}

func (*discard) Event(journal.Position, any) error { return nil }
func (d *discard) Flush(journal.Position) error {
	d.once.Do(func() { close(d.ready) })
	return nil
}
