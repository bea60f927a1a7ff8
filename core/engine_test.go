package core_test

import (
	"context"
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
	"github.com/hivellm/synap-go/core/queue"
)

// alarms is a structure that only sweeps: it notes when it was, and asks for the next time.
type alarms struct {
	command.NoData
	env  command.Env
	plan *plan
}

// plan is what the alarms of a test do.
type plan struct {
	mu    sync.Mutex
	swept []time.Duration // since the start
	start time.Time
	next  func(round int) (at time.Duration, err error) // since the start; 0 is never
}

func (a *alarms) Sweep(*command.Tx) (int64, error) {
	a.plan.mu.Lock()
	defer a.plan.mu.Unlock()
	a.plan.swept = append(a.plan.swept, time.Since(a.plan.start))
	at, err := a.plan.next(len(a.plan.swept))
	if at == 0 {
		return 0, err
	}
	return a.plan.start.Add(at).UnixMilli(), err
}

func TestSweeping(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name  string
		wakes []time.Duration
		next  func(round int) (time.Duration, error)
		want  []time.Duration
	}{
		{
			"nothing to do", nil,
			func(int) (time.Duration, error) { return 0, nil }, nil,
		},
		{
			"at the earliest of several times", []time.Duration{300 * ms, 100 * ms, 200 * ms},
			func(int) (time.Duration, error) { return 0, nil }, []time.Duration{100 * ms},
		},
		{
			"and when the round itself says", []time.Duration{100 * ms},
			func(round int) (time.Duration, error) {
				return [...]time.Duration{0, 250 * ms, 400 * ms, 0}[round], nil
			},
			[]time.Duration{100 * ms, 250 * ms, 400 * ms},
		},
		{
			"deadlines close together are met in one round", []time.Duration{100 * ms},
			func(round int) (time.Duration, error) { return [...]time.Duration{0, 101 * ms, 0}[round], nil },
			[]time.Duration{100 * ms, 105 * ms},
		},
		{
			"overdue work goes on at once", []time.Duration{100 * ms},
			func(round int) (time.Duration, error) { return [...]time.Duration{0, 50 * ms, 60 * ms, 0}[round], nil },
			[]time.Duration{100 * ms, 100 * ms, 100 * ms},
		},
		{
			"a failure is tried again after a rest", []time.Duration{100 * ms},
			func(round int) (time.Duration, error) {
				if round == 1 {
					return 0, errors.New("disk full")
				}
				return 0, nil
			},
			[]time.Duration{100 * ms, 1100 * ms},
		},
		{
			"a panic does not end the sweeper", []time.Duration{100 * ms},
			func(round int) (time.Duration, error) {
				if round == 1 {
					panic("a bug")
				}
				return 0, nil
			},
			[]time.Duration{100 * ms, 1100 * ms},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &plan{start: time.Now(), next: test.next}
				var state *alarms
				engine, err := core.New(core.Options{Structures: []*command.Structure{{
					Name: "alarms", ID: 9, Summary: "Alarms.",
					New: func(env command.Env) command.State { state = &alarms{env: env, plan: p}; return state },
				}}})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				var run sync.WaitGroup
				run.Go(func() { _ = engine.Run(ctx) })
				for _, at := range test.wakes {
					state.env.Wake(p.start.Add(at).UnixMilli())
				}
				time.Sleep(5 * time.Second) // of virtual time
				cancel()
				run.Wait()
				if fmt.Sprint(p.swept) != fmt.Sprint(test.want) {
					t.Errorf("swept at %v, want %v", p.swept, test.want)
				}
			})
		})
	}
}

func TestNamespaces(t *testing.T) {
	engine, err := core.New(core.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{
		"a": true, "team-1.eu_west": true, strings.Repeat("x", 63): true,
		"": false, "A": false, "-a": false, "a b": false, "../x": false, strings.Repeat("x", 64): false,
	} {
		s, err := engine.Space(name, true)
		if (err == nil) != ok || (err != nil && fault.CodeOf(err) != fault.Invalid) {
			t.Errorf("namespace %q: %v", name, err)
		}
		if again, _ := engine.Space(name, true); again != s {
			t.Errorf("namespace %q is two", name)
		}
	}
	for i := len(engine.Namespaces()); i < core.MaxNamespaces; i++ {
		if _, err := engine.Space(fmt.Sprint("n", i), true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := engine.Space("one-too-many", true); fault.CodeOf(err) != fault.Exhausted {
		t.Errorf("one too many: %v", err)
	}
	if _, err := engine.Space(core.DefaultNamespace, false); err != nil {
		t.Errorf("the default namespace: %v", err)
	}
}

// TestReplayMakesTheNamespacesAgain decodes what an engine wrote into another one.
func TestReplayMakesTheNamespacesAgain(t *testing.T) {
	j := journal.NewMemory(journal.MemoryOptions{Epoch: 1})
	one, err1 := core.New(core.Options{Journal: j})
	two, err2 := core.New(core.Options{})
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for _, name := range []string{"b", "a", "c"} {
		if _, err := one.Space(name, true); err != nil {
			t.Fatal(err)
		}
	}
	records := make([]journal.Record, 10)
	n, err := j.ReadAfter(0, records)
	if err != nil || n != 3 {
		t.Fatalf("%d records, %v", n, err)
	}
	server := one.Dispatcher().Table().Structures()[0]
	for i := range n {
		copied := journal.Record{Seq: records[i].Seq}
		for c := range records[i].Changes() {
			if c.Op, err = server.DecodeOp(c.Op.Kind(), c.Op.AppendTo(nil)); err != nil {
				t.Fatal(err)
			}
			copied.Add(c)
		}
		for range 2 {
			if err := two.Replay(&copied); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"b", "a", "c", "d"} {
		x, err1 := one.Space(name, true)
		y, err2 := two.Space(name, true)
		if err1 != nil || err2 != nil || x.ID != y.ID {
			t.Errorf("namespace %s is %d and %d", name, x.ID, y.ID)
		}
	}
	stray := journal.Record{Seq: 9}
	for c := range records[0].Changes() {
		stray.Add(journal.Change{Namespace: 77, Structure: 9, Op: strayOp{c.Op}})
	}
	if err := two.Replay(&stray); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("a record of a structure that is not there: %v", err)
	}
	for _, bad := range []string{"", "\x01\x00\x00\x00", "\x01\x00\x00\x00UPPER"} {
		if _, err := server.DecodeOp(1, []byte(bad)); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%q was decoded: %v", bad, err)
		}
	}
}

// strayOp is an op that the engine does not know.
type strayOp struct{ journal.Op }

func TestAWrongTableIsNoEngine(t *testing.T) {
	s := &command.Structure{Name: "bad", ID: 0, New: func(command.Env) command.State { return nil }}
	if _, err := core.New(core.Options{Structures: []*command.Structure{s}}); err == nil {
		t.Error("two structures with number 0 became an engine")
	}
}

func TestStatusCountsWhatIsThere(t *testing.T) {
	engine, err := core.New(core.Options{Version: "v9"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Dispatcher().Table().Find("server.status")
	if err != nil {
		t.Fatal(err)
	}
	reader := &auth.Identity{Name: "eve", Namespace: "lab", Access: auth.Read}
	if _, err := engine.Dispatcher().Do(t.Context(), &command.Request{Caller: reader, Command: c}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a reader of a namespace that does not exist: %v", err)
	}
	if _, err := engine.Space("lab", true); err != nil {
		t.Fatal(err)
	}
	v, err := engine.Dispatcher().Do(t.Context(), &command.Request{Caller: reader, Command: c})
	if err != nil {
		t.Fatal(err)
	}
	got := v.(*core.StatusResponse)
	if got.Principal != "eve" || got.Namespace != "lab" || !got.ReadOnly || got.Access != "read" || got.Version != "v9" || got.Namespaces != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestACodeIsOfItsCallerAndForTwoMinutes runs in virtual time.
func TestACodeIsOfItsCallerAndForTwoMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine, err := core.New(core.Options{Structures: []*command.Structure{queue.Structure(queue.Options{})}})
		if err != nil {
			t.Fatal(err)
		}
		do := func(id *auth.Identity, name, payload string) (any, error) {
			c, err := engine.Dispatcher().Table().Find(name)
			if err != nil {
				t.Fatal(err)
			}
			return engine.Dispatcher().Do(t.Context(), &command.Request{Caller: id, Command: c, Payload: command.JSON(payload)})
		}
		me := auth.Local()
		eve := &auth.Identity{Name: "eve", Namespace: "default", Access: auth.Write}
		reader := &auth.Identity{Name: "reader", Namespace: "default", Access: auth.Read}
		if _, err := do(me, "queue.publish", `{"queue":"q","message":1}`); err != nil {
			t.Fatal(err)
		}
		const preview = `{"target":"synap://queue/q","mode":"drop"}`
		if _, err := do(reader, "server.clear", preview); fault.CodeOf(err) != fault.Denied {
			t.Errorf("a reader previews: %v", err)
		}
		v, err := do(me, "server.clear", preview)
		if err != nil {
			t.Fatal(err)
		}
		confirmed := fmt.Sprintf(`{"target":"synap://queue/q","mode":"drop","confirm":%q}`, v.(*core.ClearResponse).Confirm)
		if _, err := do(eve, "server.clear", confirmed); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("somebody else's code: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := do(me, "server.clear", confirmed); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("an old code: %v", err)
		}
		if v, err = do(me, "server.clear", preview); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Minute - time.Millisecond)
		confirmed = fmt.Sprintf(`{"target":"synap://queue/q","mode":"drop","confirm":%q}`, v.(*core.ClearResponse).Confirm)
		if v, err = do(me, "server.clear", confirmed); err != nil || !v.(*core.ClearResponse).Done {
			t.Errorf("in time: %v, %v", v, err)
		}
		if _, err := do(me, "server.clear", preview); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("the queue is still there: %v", err)
		}
	})
}
