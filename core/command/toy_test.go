package command_test

import (
	"context"
	"encoding/json"
	"maps"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// The toy structure: counters by name. It has one command of each kind and nothing that the dispatcher
// does not need.
type toy struct {
	command.NoData
	env command.Env

	mu     sync.Mutex
	counts map[string]count
	ready  chan struct{} // closed and replaced at every change
	told   []string      // the names added to, once it was sure
}

type count struct {
	n       int
	version uint64
}

type addOp struct {
	name string
	to   int
}

func (op *addOp) Kind() byte               { return 1 }
func (op *addOp) AppendTo(b []byte) []byte { return append(b, op.name...) }
func (op *addOp) Target() (string, bool)   { return op.name, false }
func (op *addOp) Size() int                { return 32 + len(op.name) }

func (s *toy) Apply(seq uint64, op journal.Op) {
	add := op.(*addOp)
	s.counts[add.name] = count{add.to, seq}
	close(s.ready)
	s.ready = make(chan struct{})
}

func (s *toy) Replay(seq uint64, op journal.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Apply(seq, op)
}

func (s *toy) Undo(op journal.Op) func() {
	name := op.(*addOp).name
	old, had := s.counts[name]
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if had {
			s.counts[name] = old
		} else {
			delete(s.counts, name)
		}
	}
}

func (s *toy) Stats() command.Usage { return command.Usage{Items: int64(len(s.counts))} }

type nameRequest struct {
	Name string `json:"name" max:"16" jsonschema:"the counter"`
}

func (r *nameRequest) Resource() auth.Resource { return auth.Name("toy", r.Name) }

type addRequest struct {
	Name string `json:"name" jsonschema:"the counter"`
	By   int    `json:"by,omitempty" default:"1" min:"-10" max:"10" jsonschema:"how much"`
	Fail string `json:"fail,omitempty" enum:"before,after,panic" jsonschema:"break down on purpose"`
}

func (r *addRequest) Resource() auth.Resource { return auth.Name("toy", r.Name) }

type addResponse struct {
	Count int `json:"count"`
	command.Receipt
}

type getResponse struct {
	Count   int    `json:"count"`
	Version uint64 `json:"version"`
}

func (s *toy) add(_ context.Context, tx *command.Tx, r *addRequest) (addResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Fail == "before" {
		return addResponse{}, fault.New(fault.Conflict, "asked to fail")
	}
	to := s.counts[r.Name].n + r.By
	if _, err := tx.Commit(&addOp{r.Name, to}); err != nil {
		return addResponse{}, err
	}
	tx.After(func() { s.told = append(s.told, r.Name) })
	switch r.Fail {
	case "after":
		return addResponse{}, fault.New(fault.Conflict, "asked to fail")
	case "panic":
		panic("asked to")
	}
	return addResponse{Count: to}, nil
}

func (s *toy) get(_ context.Context, r *nameRequest) (getResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts[r.Name]
	return getResponse{c.n, c.version}, nil
}

type takeRequest struct {
	nameRequest
	WaitMS int64 `json:"wait_ms,omitempty" jsonschema:"how long to wait for something to take"`
	Most   *int  `json:"most,omitempty" min:"1" max:"9" jsonschema:"how many to take at most"`
}

// take takes one away, and waits until there is one.
func (s *toy) take(ctx context.Context, tx *command.Tx, r *takeRequest) (addResponse, error) {
	deadline := time.Now().Add(time.Duration(r.WaitMS) * time.Millisecond)
	for {
		s.mu.Lock()
		n, ready := s.counts[r.Name].n, s.ready
		if n > 0 {
			defer s.mu.Unlock()
			_, err := tx.Commit(&addOp{r.Name, n - 1})
			return addResponse{Count: n}, err
		}
		s.mu.Unlock()
		if woken, err := command.Wait(ctx, ready, time.Until(deadline)); !woken || err != nil {
			return addResponse{}, err
		}
	}
}

type bothResponse struct {
	A getResponse `json:"a"`
	B getResponse `json:"b"`
}

// both looks at two counts, and lets others in between.
func (s *toy) both(ctx context.Context, _ *nameRequest) (bothResponse, error) {
	a, _ := s.get(ctx, &nameRequest{"a"})
	runtime.Gosched()
	b, _ := s.get(ctx, &nameRequest{"b"})
	return bothResponse{a, b}, nil
}

type watchRequest struct {
	nameRequest
	command.Following
}

type addEvent struct {
	To      int    `json:"to"`
	Version uint64 `json:"version"`
}

func (s *toy) watch(ctx context.Context, r *watchRequest, out *command.Stream[addEvent]) error {
	filter := journal.Filter{Namespace: s.env.Namespace, Structure: s.env.Structure, Names: []string{r.Name}}
	return command.Follow(ctx, s.env.Feed, filter, r.From, out, func(ev journal.Event) addEvent {
		return addEvent{ev.Op.(*addOp).to, ev.Seq}
	})
}

func (s *toy) who(ctx context.Context, _ *nameRequest) (nameRequest, error) {
	return nameRequest{command.CallOf(ctx).Caller.Name}, nil
}

func toyCommands() []*command.Command {
	return []*command.Command{
		command.Read(command.Info{Name: "toy.get", Op: 0x7f01, Summary: "Return a count.", Args: "name"}, (*toy).get),
		command.Write(command.Info{Name: "toy.add", Op: 0x7f02, Summary: "Add to a count."}, (*toy).add),
		command.Write(command.Info{Name: "toy.take", Op: 0x7f05, Summary: "Take one away.", Waits: true}, (*toy).take),
		command.Read(command.Info{Name: "toy.both", Op: 0x7f06, Summary: "Look at two counts, one after the other."}, (*toy).both),
		command.Act(command.Info{Name: "toy.who", Op: 0x7f03, Summary: "Say who calls.", Access: auth.Admin}, (*toy).who),
		command.Watch(command.Info{Name: "toy.watch", Op: 0x7f04, Summary: "Follow a count."}, (*toy).watch),
	}
}

func toyStructure(commands []*command.Command) *command.Structure {
	return &command.Structure{
		Name: "toy", ID: 0x7f, Summary: "Counters.", Commands: commands,
		New: func(env command.Env) command.State {
			return &toy{env: env, counts: map[string]count{}, ready: make(chan struct{})}
		},
	}
}

// recorder is a journal that keeps every record, and fails when told to.
type recorder struct {
	*journal.Memory
	records []journal.Record
	forget  bool // keep none, for benchmarks
	broken  error
}

func newRecorder() *recorder {
	return &recorder{Memory: journal.NewMemory(journal.MemoryOptions{Epoch: 1})}
}

func (r *recorder) Append(rec *journal.Record) (uint64, error) {
	if r.broken != nil {
		return 0, r.broken
	}
	seq, err := r.Memory.Append(rec)
	if r.forget {
		return seq, err
	}
	r.records = append(r.records, *rec)
	return seq, err
}

func (r *recorder) Commit(rec *journal.Record) error {
	if r.broken != nil {
		r.Abandon()
		return r.broken
	}
	err := r.Memory.Commit(rec)
	r.records = append(r.records, *rec)
	return err
}

// bench is an engine with the toy in it.
type bench struct {
	t       testing.TB
	engine  *core.Engine
	d       *command.Dispatcher
	journal *recorder
	reports []error
	mu      sync.Mutex // guards reports, which come from whoever calls
}

func newBench(t testing.TB) *bench {
	b := &bench{t: t, journal: newRecorder()}
	engine, err := core.New(core.Options{
		Structures: []*command.Structure{toyStructure(toyCommands())}, Journal: b.journal,
		Report: func(_ string, err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.reports = append(b.reports, err)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.engine, b.d = engine, engine.Dispatcher()
	return b
}

// request makes a call from a name and a JSON payload.
func (b *bench) request(name, payload string) *command.Request {
	b.t.Helper()
	c, err := b.d.Table().Find(name)
	if err != nil {
		b.t.Fatal(err)
	}
	return &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(payload)}
}

// do runs a call and returns the answer as JSON, or "! code message".
func (b *bench) do(r *command.Request) string {
	v, err := b.d.Do(b.t.Context(), r)
	return outcome(b.t, v, err)
}

func outcome(t testing.TB, v any, err error) string {
	if err != nil {
		e := fault.From(err)
		return "! " + e.Code.String() + " " + e.Message
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// told returns the names that were added to for good.
func (b *bench) told() []string {
	space, err := b.engine.Space(core.DefaultNamespace, false)
	if err != nil {
		b.t.Fatal(err)
	}
	return space.States[1].(*toy).told
}

// state returns all counts of the default namespace.
func (b *bench) state() map[string]count {
	space, err := b.engine.Space(core.DefaultNamespace, false)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, s := range space.States {
		if s, ok := s.(*toy); ok {
			return maps.Clone(s.counts)
		}
	}
	b.t.Fatal("there is no toy")
	return nil
}
