package command_test

import (
	"context"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// globalBench is an engine whose toy is the whole server's.
func globalBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, journal: newRecorder()}
	s := toyStructure([]*command.Command{
		command.Read(command.Info{Name: "toy.get", Op: 0x7f01, Summary: "Return a count.", Open: true}, openGet),
		command.Write(command.Info{Name: "toy.add", Op: 0x7f02, Summary: "Add to a count.", Open: true, Access: auth.Admin, Secret: true}, openAdd),
		command.Read(command.Info{Name: "toy.self", Op: 0x7f03, Summary: "Say who calls.", Open: true, Anyone: true}, self),
	})
	s.Global = true
	engine, err := core.New(core.Options{Structures: []*command.Structure{s}, Journal: b.journal})
	if err != nil {
		t.Fatal(err)
	}
	b.engine, b.d = engine, engine.Dispatcher()
	return b
}

type (
	openRequest struct {
		Which string `json:"which" jsonschema:"the counter"`
	}
	selfResponse struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	}
)

func openGet(s *toy, ctx context.Context, r *openRequest) (getResponse, error) { //nolint:revive // a handler is a method
	return s.get(ctx, &nameRequest{r.Which})
}

func openAdd(s *toy, ctx context.Context, tx *command.Tx, r *openRequest) (addResponse, error) { //nolint:revive // a handler is a method
	return s.add(ctx, tx, &addRequest{Name: r.Which, By: 1})
}

func self(_ *toy, ctx context.Context, _ *struct{}) (selfResponse, error) {
	call := command.CallOf(ctx)
	return selfResponse{call.Caller.Name, call.Namespace}, nil
}

// TestAGlobalStructureIsOne reaches one state from every namespace, and saves it once.
func TestAGlobalStructureIsOne(t *testing.T) {
	b := globalBench(t)
	for _, namespace := range []string{"", "lab", "other"} {
		r := b.request("toy.add", `{"which":"a"}`)
		r.Namespace = namespace
		if got := b.do(r); got[0] == '!' {
			t.Fatal(got)
		}
	}
	r := b.request("toy.get", `{"which":"a"}`)
	r.Namespace = "third"
	if got := b.do(r); got != b.do(b.request("toy.get", `{"which":"a"}`)) || b.state()["a"].n != 3 {
		t.Errorf("from another namespace it is %s; the state is %+v", got, b.state())
	}
	for _, rec := range b.journal.records {
		for c := range rec.Changes() {
			if c.Structure == 0x7f && c.Namespace != 1 {
				t.Errorf("a change is in namespace %d", c.Namespace)
			}
		}
	}
}

func TestAccessAnyoneAndSecret(t *testing.T) {
	b := globalBench(t)
	writer := auth.Identity{Name: "writer", Namespace: "default", Namespaces: []string{}}.With([]auth.Permission{{Access: auth.Write, Structure: "*", Name: "*"}})
	nobody := auth.Identity{Name: "nobody", Namespace: "default", Namespaces: []string{}}.With(nil)
	as := func(id *auth.Identity, name, payload string) string {
		r := b.request(name, payload)
		r.Caller = id
		return b.do(r)
	}
	if got := as(writer, "toy.add", `{"which":"a"}`); got != "! denied writer may not administer everything of toy" {
		t.Errorf("a write that needs more than write: %s", got)
	}
	if got := as(nobody, "toy.get", `{"which":"a"}`); got != "! denied nobody may not read everything of toy" {
		t.Errorf("a read: %s", got)
	}
	if got := as(nobody, "toy.self", `{}`); got != `{"name":"nobody","namespace":""}` {
		t.Errorf("what anyone may: %s", got)
	}
	r := b.request("toy.add", `{"which":"a"}`)
	r.IdempotencyKey = "once"
	if _, err := b.d.Do(t.Context(), r); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a secret under an idempotency key: %v", err)
	}
	if err := b.d.Table().Commands()[0].Joins(); err == nil {
		t.Error("what is the whole server's is part of a transaction")
	}
}

// placed is a sink that says when the watch is in place.
type placed struct{ there chan struct{} }

func (p *placed) Event(journal.Position, any) error { return nil }

func (p *placed) Flush(journal.Position) error {
	select {
	case p.there <- struct{}{}:
	default:
	}
	return nil
}

// TestAWatchFollowsItsCaller changes what a caller may while it watches.
func TestAWatchFollowsItsCaller(t *testing.T) {
	read := func(name string) []auth.Permission {
		return []auth.Permission{{Access: auth.Read, Structure: "toy", Name: name}}
	}
	who := auth.Identity{Name: "x", Namespace: "default", Namespaces: []string{"lab"}}
	for _, c := range []struct {
		name   string
		change func(p *auth.Principal)
		want   fault.Code
	}{
		{"it is nobody any more", func(p *auth.Principal) { p.End(fault.New(fault.Unauthenticated, "gone")) }, fault.Unauthenticated},
		{"it may not read that", func(p *auth.Principal) { p.Change(who.With(read("b*"))) }, fault.Denied},
		{"it may not select the namespace", func(p *auth.Principal) {
			moved := who
			moved.Namespaces = []string{}
			p.Change(moved.With(read("a*")))
		}, fault.Denied},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			ctx, cancel := context.WithCancel(t.Context())
			ran := make(chan error, 1)
			go func() { ran <- b.engine.Run(ctx) }()
			defer func() { cancel(); <-ran }()
			p := auth.NewPrincipal(who.With(read("a*")))
			id, err := p.Identity()
			if err != nil {
				t.Fatal(err)
			}
			b.do(func() *command.Request {
				r := b.request("toy.add", `{"name":"z","by":1}`)
				r.Namespace = "lab"
				return r
			}()) // so that it is there
			r := b.request("toy.watch", `{"name":"a"}`)
			r.Caller, r.Namespace = id, "lab"
			sink := &placed{make(chan struct{}, 1)}
			ended := make(chan error, 1)
			go func() { ended <- b.d.Watch(ctx, r, sink) }()
			<-sink.there
			p.Change(who.With(read("*"))) // more is no reason to end
			select {
			case err := <-ended:
				t.Fatalf("it ended with more rights: %v", err)
			default:
			}
			c.change(p)
			if err := <-ended; fault.CodeOf(err) != c.want {
				t.Errorf("it ended with %v, want %v", err, c.want)
			}
			again := b.request("toy.get", `{"name":"a"}`)
			again.Caller, again.Namespace = id, "lab"
			if _, err := b.d.Do(ctx, again); fault.CodeOf(err) != c.want {
				t.Errorf("the next command: %v, want %v", err, c.want)
			}
		})
	}
}
