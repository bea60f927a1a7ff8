package core_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/core/synaptest"
)

func everything() []*command.Structure {
	return []*command.Structure{kv.Structure(kv.Options{}), queue.Structure(queue.Options{}), stream.Structure(stream.Options{}), pubsub.Structure()}
}

// tenant calls commands in a namespace, as an administrator unless said otherwise.
type tenant struct {
	t         testing.TB
	d         *command.Dispatcher
	caller    *auth.Identity
	namespace string
}

func (c tenant) request(name, payload string) *command.Request {
	found, err := c.d.Table().Find(name)
	if err != nil {
		c.t.Fatal(err)
	}
	return &command.Request{Caller: c.caller, Namespace: c.namespace, Command: found, Payload: command.JSON(payload)}
}

func (c tenant) try(name, payload string) (any, error) {
	return c.d.Do(c.t.Context(), c.request(name, payload))
}

func (c tenant) do(name, payload string) any {
	c.t.Helper()
	v, err := c.try(name, payload)
	if err != nil {
		c.t.Fatalf("%s %s in %q: %v", name, payload, c.namespace, err)
	}
	return v
}

func (c tenant) wantCode(code fault.Code, name, payload string) *fault.Error {
	c.t.Helper()
	_, err := c.try(name, payload)
	if fault.CodeOf(err) != code {
		c.t.Errorf("%s %s in %q: %v, want %v", name, payload, c.namespace, err, code)
		return &fault.Error{}
	}
	return fault.From(err)
}

func newTenants(t testing.TB, o core.Options) (*core.Engine, func(namespace string) tenant) {
	t.Helper()
	o.Structures = everything()
	engine, err := core.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Check(); err != nil {
			t.Error(err)
		}
	})
	return engine, func(namespace string) tenant { return tenant{t, engine.Dispatcher(), auth.Local(), namespace} }
}

// TestWhoMakesANamespace: administrators by using it, and nobody else.
func TestWhoMakesANamespace(t *testing.T) {
	_, in := newTenants(t, core.Options{})
	writer := in("lab")
	writer.caller = &auth.Identity{Name: "eve", Namespace: "lab", Access: auth.Write}
	writer.wantCode(fault.NotFound, "kv.set", `{"key":"a","value":1}`)
	writer.wantCode(fault.NotFound, "kv.get", `{"key":"a"}`)
	writer.wantCode(fault.Denied, "namespace.create", `{"name":"lab"}`)
	if _, err := writer.d.Connect(writer.caller, ""); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a connection to a namespace that does not exist: %v", err)
	}
	in("lab").do("kv.get", `{"key":"a"}`)
	writer.do("kv.set", `{"key":"a","value":1}`)

	bound := in("")
	bound.caller = &auth.Identity{Name: "bound", Namespace: "lab", Namespaces: []string{"annex"}, Access: auth.Admin}
	bound.do("kv.count", `{}`)
	for _, call := range [][2]string{
		{"namespace.create", `{"name":"other"}`}, {"namespace.update", `{"name":"default","quotas":{"keys":1}}`},
		{"namespace.delete", `{"name":"vault"}`}, {"namespace.stats", `{"name":"default"}`},
	} {
		bound.wantCode(fault.Denied, call[0], call[1])
	}
	bound.do("namespace.create", `{"name":"annex"}`)
	got := bound.do("namespace.list", `{}`).(*core.ListNamespacesResponse)
	if len(got.Items) != 2 || got.Items[0].Name != "annex" || got.Items[1].Name != "lab" {
		t.Errorf("one who may use two namespaces is shown %+v", got.Items)
	}
	own := bound.do("namespace.stats", `{}`).(*core.NamespaceStatsResponse)
	if own.Name != "lab" || own.Structures["kv"].Items != 1 {
		t.Errorf("its own is %+v", own)
	}
}

// TestADeletedNamespaceEndsWhatGoesOnInIt: everybody who waits or follows there is sent away, and what is there is no longer
// held by anything.
func TestADeletedNamespaceEndsWhatGoesOnInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine, in := newTenants(t, core.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = engine.Run(ctx) })
		lab := in("lab")
		lab.do("kv.set", `{"key":"a","value":1,"ttl":86400}`) // the sweeper knows of the namespace
		lab.do("queue.create", `{"queue":"q"}`)
		lab.do("stream.create", `{"room":"r"}`)
		lab.do("stream.group.create", `{"room":"r","group":"g"}`)
		lab.do("stream.group.join", `{"room":"r","group":"g","member":"m"}`)

		var ended sync.Map
		var busy sync.WaitGroup
		for _, call := range [][2]string{
			{"queue.receive", `{"queue":"q","wait":20}`}, {"stream.read", `{"room":"r","from_offset":0,"wait":20}`},
			{"stream.group.fetch", `{"room":"r","group":"g","member":"m","wait":20}`}, {"pubsub.listen", `{"patterns":["t"],"wait":20}`},
			{"kv.watch", `{"keys":["a"]}`}, {"queue.watch", `{"queues":["q"]}`}, {"stream.watch", `{"room":"r"}`}, {"pubsub.subscribe", `{"patterns":["t"]}`},
		} {
			r := lab.request(call[0], call[1])
			busy.Go(func() {
				var err error
				if r.Command.Kind == command.KindWatch {
					err = lab.d.Watch(t.Context(), r, &drain{})
				} else {
					_, err = lab.d.Do(t.Context(), r)
				}
				ended.Store(r.Command.Name, err)
			})
		}
		synctest.Wait()
		ended.Range(func(name, err any) bool { t.Errorf("%s ended by itself: %v", name, err); return true })
		home := in("")
		elsewhere := home.request("queue.receive", `{"queue":"q","wait":5}`)
		busy.Go(func() {
			if _, err := home.d.Do(t.Context(), elsewhere); err != nil {
				t.Errorf("who waits in another namespace: %v", err)
			}
		})
		synctest.Wait()

		home.do("namespace.delete", `{"name":"lab","confirm":"lab"}`)
		busy.Wait()
		for _, name := range []string{
			"queue.receive", "stream.read", "stream.group.fetch", "pubsub.listen", "kv.watch", "queue.watch", "stream.watch", "pubsub.subscribe",
		} {
			err, _ := ended.Load(name)
			if e, ok := err.(error); !ok || fault.CodeOf(e) != fault.NotFound || e.Error() != `namespace "lab" was deleted` {
				t.Errorf("%s ended with %v", name, err)
			}
		}
		if v := lab.do("kv.get", `{"key":"a"}`).(*kv.GetResponse); v.Found {
			t.Error("a namespace of the same name holds what the deleted one held")
		}
		cancel()
		running.Wait()
	})
}

// TestNothingHappensInADeletedNamespace looks at those that had found it before it was deleted.
func TestNothingHappensInADeletedNamespace(t *testing.T) {
	engine, in := newTenants(t, core.Options{})
	lab := in("lab")
	lab.do("kv.set", `{"key":"a","value":1}`)
	space, err := engine.Space("lab", false)
	if err != nil {
		t.Fatal(err)
	}
	d := command.NewDispatcher(engine.Dispatcher().Table(), held{space}, journal.NewMemory(journal.MemoryOptions{}), command.NewClock())
	late := tenant{t, d, auth.Local(), "lab"}
	late.do("kv.get", `{"key":"a"}`)
	in("").do("namespace.delete", `{"name":"lab","confirm":"lab"}`)
	if !space.Gone() {
		t.Error("it is not gone")
	}
	for _, call := range [][2]string{
		{"kv.get", `{"key":"a"}`}, {"kv.set", `{"key":"a","value":2}`}, {"queue.receive", `{"queue":"q"}`}, {"stream.read", `{"room":"r"}`},
		{"txn.exec", `{"do":[{"command":"kv.count"}]}`}, {"pubsub.listen", `{"patterns":["t"]}`},
	} {
		if e := late.wantCode(fault.NotFound, call[0], call[1]); e.Message != `namespace "lab" was deleted` {
			t.Errorf("%s: %v", call[0], e)
		}
	}
	once := late.request("kv.set", `{"key":"a","value":2}`)
	once.IdempotencyKey = "k"
	if _, err := d.Do(t.Context(), once); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("with an idempotency key: %v", err)
	}
	if next, err := d.Sweep(space, 1); next != 0 || err != nil {
		t.Errorf("it is swept: %d, %v", next, err)
	}
	if next := space.Save(1, 0, nil, func([]byte) { t.Error("it is saved") }); next != nil {
		t.Error("and there is more")
	}
	if err := space.End(func() error { t.Error("it is deleted twice"); return nil }); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("deleting it again: %v", err)
	}
}

// vandals are a structure of one command, which does what takes a while outside, and in the meantime the namespace is deleted.
type vandals struct {
	command.NoData
	meanwhile func()
}

type vandalRequest struct{}

type vandalResponse struct{ command.Receipt }

type vandalOp struct{}

func (vandalOp) Kind() byte               { return 1 }
func (vandalOp) AppendTo(b []byte) []byte { return b }
func (vandalOp) Target() (string, bool)   { return "", false }
func (vandalOp) Size() int                { return 1 }

func (v *vandals) act(ctx context.Context, tx *command.Tx, _ *vandalRequest) (resp vandalResponse, err error) {
	command.Outside(ctx, v.meanwhile)
	_, err = tx.Commit(vandalOp{})
	return resp, err
}

// TestWhoWasOutsideMayNotComeBack: nothing is written into a namespace after the record that deletes it.
func TestWhoWasOutsideMayNotComeBack(t *testing.T) {
	var engine *core.Engine
	v := &vandals{meanwhile: func() {
		tenant{t, engine.Dispatcher(), auth.Local(), ""}.do("namespace.delete", `{"name":"lab","confirm":"lab"}`)
	}}
	engine, err := core.New(core.Options{Structures: []*command.Structure{{
		Name: "vandal", ID: 9, Summary: "Vandals.", New: func(command.Env) command.State { return v },
		Commands: []*command.Command{
			command.Write(command.Info{Name: "vandal.act", Op: 0x0901, Summary: "Act.", Open: true, Waits: true}, (*vandals).act),
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	lab := tenant{t, engine.Dispatcher(), auth.Local(), "lab"}
	if e := lab.wantCode(fault.NotFound, "vandal.act", ``); e.Message != `namespace "lab" was deleted` {
		t.Errorf("who was outside is told %v", e)
	}
}

// held is a dispatcher's namespaces of which it has just the one.
type held struct{ space *command.Space }

func (h held) Space(string, bool) (*command.Space, error) { return h.space, nil }

// TestAnswersGoWithTheirNamespace: a key that was used in it is free again in the next one of its name.
func TestAnswersGoWithTheirNamespace(t *testing.T) {
	_, in := newTenants(t, core.Options{})
	lab := in("lab")
	set := func(v string) (any, error) {
		r := lab.request("kv.set", fmt.Sprintf(`{"key":"a","value":%s}`, v))
		r.IdempotencyKey = "once"
		return lab.d.Do(t.Context(), r)
	}
	if _, err := set("1"); err != nil {
		t.Fatal(err)
	}
	if _, err := set("2"); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("the key for something else: %v", err)
	}
	in("").do("namespace.delete", `{"name":"lab","confirm":"lab"}`)
	if _, err := set("2"); err != nil {
		t.Errorf("in a namespace that is new: %v", err)
	}
}

// TestAnyMomentOfANamespacesLifeIsRecovered saves an engine and lets namespaces come, change and go between any two chunks: what is
// recovered is what there is, whenever the save began.
func TestAnyMomentOfANamespacesLifeIsRecovered(t *testing.T) {
	steps := []func(in func(string) tenant){
		func(in func(string) tenant) { in("a").do("kv.set", `{"key":"k","value":1}`) },
		func(in func(string) tenant) { in("b").do("queue.publish", `{"queue":"q","message":1}`) },
		func(in func(string) tenant) { in("").do("namespace.update", `{"name":"a","quotas":{"keys":5}}`) },
		func(in func(string) tenant) { in("").do("namespace.delete", `{"name":"a","confirm":"a"}`) },
		func(in func(string) tenant) { in("a").do("stream.append", `{"room":"r","event":"e","data":1}`) },
		func(in func(string) tenant) { in("").do("namespace.create", `{"name":"c","quotas":{"rooms":5}}`) },
		func(in func(string) tenant) { in("c").do("pubsub.publish", `{"topic":"t","message":1,"retain":true}`) },
		func(in func(string) tenant) { in("").do("namespace.delete", `{"name":"c","confirm":"c"}`) },
		func(in func(string) tenant) { in("").do("namespace.update", `{"name":"default","quotas":{"keys":7}}`) },
	}
	for began := range len(steps) + 1 {
		one := synaptest.Record(t, everything)
		in := func(namespace string) tenant {
			return tenant{t, one.Engine.Dispatcher(), auth.Local(), namespace}
		}
		for _, step := range steps[:began] {
			step(in)
		}
		next := began
		saved := one.Save(t, func() {
			if next < len(steps) {
				steps[next](in)
				next++
			}
		})
		for ; next < len(steps); next++ {
			steps[next](in)
		}
		two := one.Recover(t, saved)
		one.ExpectSame(t, fmt.Sprintf("saved from step %d on", began), two)
		again := tenant{t, two.Engine.Dispatcher(), auth.Local(), ""}
		got := again.do("namespace.list", `{}`).(*core.ListNamespacesResponse)
		if text := fmt.Sprint(got.Items); text != `[{a 4 map[]} {b 3 map[]} {default 1 map[keys:7]}]` {
			t.Errorf("saved from step %d on there are %s", began, text)
		}
		if made := again.do("namespace.create", `{"name":"c"}`).(*core.NamespaceResponse); made.Number != 6 {
			t.Errorf("saved from step %d on: a new namespace has number %d, and 5 was the last", began, made.Number)
		}
	}
}
