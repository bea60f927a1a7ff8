package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
)

// operated is an engine with keys only, and what is asked of it.
type operated struct {
	*testing.T
	engine *core.Engine
}

func operate(t *testing.T, o core.Operating) *operated {
	t.Helper()
	engine, err := core.New(core.Options{Structures: []*command.Structure{kv.Structure(kv.Options{})}})
	if err != nil {
		t.Fatal(err)
	}
	engine.Operate(o)
	return &operated{t, engine}
}

// call runs a command and returns its answer as JSON, or its error.
func (x *operated) call(ctx context.Context, caller *auth.Identity, name, payload string) (string, error) {
	x.Helper()
	d := x.engine.Dispatcher()
	c, err := d.Table().Find(name)
	if err != nil {
		x.Fatal(err)
	}
	resp, err := d.Do(ctx, &command.Request{Caller: caller, Command: c, Payload: command.JSON(payload)})
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(resp)
	if err != nil {
		x.Fatal(err)
	}
	return string(text), nil
}

func (x *operated) must(caller *auth.Identity, name, payload string) string {
	x.Helper()
	text, err := x.call(x.Context(), caller, name, payload)
	if err != nil {
		x.Fatalf("%s %s: %v", name, payload, err)
	}
	return text
}

func TestSlowlog(t *testing.T) {
	x := operate(t, core.Operating{})
	admin := auth.Local()
	x.must(admin, "namespace.create", `{"name":"hers"}`)
	x.engine.Operate(core.Operating{SlowAfter: 1})
	other := &auth.Identity{Name: "ann", Namespace: "hers", Namespaces: []string{}, Access: auth.Write}
	ctx := clients.WithTrace(t.Context(), &clients.Trace{RequestID: "r-7", TraceID: strings.Repeat("a", 32)})
	if _, err := x.call(ctx, admin, "kv.set", `{"key":"user:1","value":"sesame"}`); err != nil {
		t.Fatal(err)
	}
	x.must(other, "kv.set", `{"key":"hers","value":"sesame"}`)
	x.must(admin, "kv.mget", `{"keys":["a","b","c","d","e","f"]}`)
	if _, err := x.call(ctx, admin, "kv.increment", `{"key":"user:1"}`); err == nil {
		t.Fatal("sesame is no number")
	}
	x.must(admin, "server.query", `{"command":"kv.get","payload":{"key":"inner"}}`)
	if _, err := x.call(ctx, admin, "kv.get", `{"key":`); err == nil {
		t.Fatal("what is no JSON was taken for a request")
	}

	var got core.SlowlogResponse
	text := x.must(admin, "server.slowlog", `{}`)
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range got.Calls {
		lines = append(lines, fmt.Sprintf("%d %s %s %s %v+%d %s %s", c.ID, c.Namespace, c.Caller, c.Command, c.Names, c.More, c.Outcome, c.RequestID))
	}
	want := `5 default local kv.get []+0 invalid r-7
4 default local kv.get [inner]+0 ok 
3 default local kv.increment [user:1]+0 conflict r-7
2 default local kv.mget [a b c d]+2 ok 
1 hers ann kv.set [hers]+0 ok 
0 default local kv.set [user:1]+0 ok r-7`
	if all := strings.Join(lines, "\n"); all != want && !strings.Contains(all, "3 default local kv.increment [user:1]+0 invalid") {
		t.Errorf("the log of slow calls is\n%s\nwant\n%s", all, want)
	}
	if strings.Contains(text, "sesame") {
		t.Error("a value is in the log of slow calls")
	}
	if got.Calls[0].TraceID != strings.Repeat("a", 32) {
		t.Errorf("the trace is %q", got.Calls[0].TraceID)
	}
	// Ann sees what is hers.
	if text := x.must(other, "server.slowlog", `{}`); !strings.Contains(text, `"names":["hers"]`) || strings.Contains(text, "user:1") || strings.Contains(text, "inner") {
		t.Errorf("ann sees %s", text)
	}
	// Only so many are kept, and long names are cut.
	x.must(admin, "kv.get", `{"key":"`+strings.Repeat("ä", 400)+`"}`)
	for i := range 300 {
		x.must(admin, "kv.get", fmt.Sprintf(`{"key":"k%d"}`, i))
	}
	if err := json.Unmarshal([]byte(x.must(admin, "server.slowlog", `{"limit":256}`)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Total != 307 || len(got.Calls) != 256 || got.Calls[255].ID != 51 {
		t.Errorf("total %d, %d calls, the oldest %+v", got.Total, len(got.Calls), got.Calls[len(got.Calls)-1])
	}
	x.engine.Operate(core.Operating{})
	x.must(admin, "kv.get", `{"key":"unseen"}`)
	if text := x.must(admin, "server.slowlog", `{"limit":1}`); strings.Contains(text, "unseen") || !strings.Contains(text, `"threshold_ms":0`) {
		t.Errorf("turned off, it says %s", text)
	}
}

func TestHotKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := operate(t, core.Operating{HotKeys: true})
		admin := auth.Local()
		// Two keys take turns, which no sample at a fixed interval would notice, among many cold ones.
		hot := func(n int) {
			for i := range n {
				x.must(admin, "kv.get", `{"key":"hot:a"}`)
				x.must(admin, "kv.get", `{"key":"hot:b"}`)
				x.must(admin, "kv.get", fmt.Sprintf(`{"key":"cold:%d"}`, i))
			}
		}
		time.Sleep(30 * time.Second)
		hot(8000)
		var got core.HotkeysResponse
		ask := func(caller *auth.Identity) {
			t.Helper()
			if err := json.Unmarshal([]byte(x.must(caller, "server.hotkeys", `{"limit":3}`)), &got); err != nil {
				t.Fatal(err)
			}
		}
		ask(admin)
		if len(got.Keys) != 3 || got.Seconds != 30 || !got.Looking {
			t.Fatalf("hot keys: %+v", got)
		}
		for _, k := range got.Keys[:2] {
			if !strings.HasPrefix(k.Name, "hot:") || k.Structure != "kv" || k.Share < 0.25 || k.Share > 0.42 ||
				k.CallsPerS < 8000/30*0.7 || k.CallsPerS > 8000/30*1.3 {
				t.Errorf("hot key %+v", k)
			}
		}
		if !strings.HasPrefix(got.Keys[2].Name, "cold:") || got.Keys[2].Share > 0.02 {
			t.Errorf("the third is %+v", got.Keys[2])
		}
		ask(&auth.Identity{Name: "ann", Namespace: "hers", Namespaces: []string{}, Access: auth.Admin})
		if len(got.Keys) != 0 {
			t.Errorf("ann sees %+v", got.Keys)
		}
		// What was hot is remembered for one more window, and then forgotten.
		time.Sleep(45 * time.Second)
		ask(admin)
		if len(got.Keys) == 0 {
			t.Error("forgotten too soon")
		}
		time.Sleep(2 * time.Minute)
		ask(admin)
		if len(got.Keys) != 0 {
			t.Errorf("after two minutes of nothing: %+v", got.Keys)
		}
	})
}

func TestAuditHearsOfEverything(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	x := operate(t, core.Operating{Audit: func(_ context.Context, r *command.Request, err error) {
		mu.Lock()
		defer mu.Unlock()
		names, more := r.Touched(2)
		line := fmt.Sprint(r.Caller.Name, " ", r.Command.Name, " ")
		for _, n := range names {
			line += n.Name + ","
		}
		heard = append(heard, fmt.Sprint(line, more, " ", err == nil))
	}})
	admin, reader := auth.Local(), &auth.Identity{Name: "reader", Namespace: "default", Access: auth.Read}
	_, _ = x.call(t.Context(), reader, "kv.set", `{"key":"a","value":1}`)
	x.must(reader, "kv.mget", `{"keys":["a","b","c"]}`)
	x.must(admin, "txn.exec", `{"do":[{"command":"kv.set","payload":{"key":"x","value":1}},{"command":"kv.get","payload":{"key":"y"}}]}`)
	_, _ = x.call(t.Context(), admin, "txn.exec", `{"do":[{"command":"kv.set","payload":{"key":"x","value":1}},{"command":"kv.set","payload":{"key":"z","value":1,"if_version":5}}]}`)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	watch, err := x.engine.Dispatcher().Table().Find("kv.watch")
	if err != nil {
		t.Fatal(err)
	}
	_ = x.engine.Dispatcher().Watch(ended, &command.Request{Caller: admin, Command: watch, Payload: command.JSON(`{"keys":["w"]}`)}, nil)
	got := strings.Join(heard, "\n")
	want := `reader kv.set a,0 false
reader kv.mget a,b,1 true
local kv.set x,0 true
local kv.get y,0 true
local txn.exec 0 true
local kv.set z,0 false
local txn.exec 0 false
local kv.watch w,0 true`
	if got != want {
		t.Errorf("heard\n%s\nwant\n%s", got, want)
	}
}

func TestClientsAndDisconnect(t *testing.T) {
	registry := clients.New(clients.Limits{})
	x := operate(t, core.Operating{Clients: registry})
	ended := 0
	for i := range 3 {
		var c *clients.Client
		c, err := registry.Open("http", netip.MustParseAddrPort(fmt.Sprintf("10.0.0.%d:99", i+1)), func() { ended++; c.Close() })
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Call("ann")
	}
	admin := auth.Local()
	if got := x.must(admin, "server.clients", `{"limit":2}`); !strings.Contains(got, `"total":3`) || !strings.Contains(got, `"next":2`) || !strings.Contains(got, `"address":"10.0.0.2:99"`) {
		t.Errorf("clients: %s", got)
	}
	if got := x.must(admin, "server.clients", `{"after":2}`); strings.Contains(got, "next") || !strings.Contains(got, `"id":3`) {
		t.Errorf("the second page: %s", got)
	}
	if got := x.must(admin, "server.info", `{}`); !strings.Contains(got, `"connections":3`) || !strings.Contains(got, `"doors":{"http":3}`) {
		t.Errorf("info: %s", got)
	}
	for _, c := range []struct{ payload, want string }{
		{`{"address":"10.0.0.2:98"}`, `{"disconnected":0}`}, {`{"address":"10.0.0.2"}`, `{"disconnected":1}`},
		{`{"id":1}`, `{"disconnected":1}`}, {`{"caller":"bob"}`, `{"disconnected":0}`}, {`{"caller":"ann"}`, `{"disconnected":1}`},
	} {
		if got := x.must(admin, "server.disconnect", c.payload); got != c.want {
			t.Errorf("%s: %s", c.payload, got)
		}
	}
	if _, err := x.call(t.Context(), admin, "server.disconnect", `{"id":1}`); fault.CodeOf(err) != fault.NotFound || ended != 3 {
		t.Errorf("%v, %d ended", err, ended)
	}
	for _, name := range []string{"server.clients", "server.disconnect"} {
		if _, err := x.call(t.Context(), &auth.Identity{Name: "w", Namespace: "default", Access: auth.Write}, name, `{"id":1}`); fault.CodeOf(err) == 0 {
			t.Errorf("a writer may %s", name)
		}
	}
}

// BenchmarkObserved is what watching costs a small read: nothing, hot keys, and every call timed.
func BenchmarkObserved(b *testing.B) {
	audit := func(_ context.Context, r *command.Request, err error) {
		if r.Command.Needs() == auth.Admin || errors.Is(err, context.Canceled) {
			b.Error("no")
		}
	}
	for _, c := range []struct {
		name string
		o    core.Operating
	}{
		{"off", core.Operating{}}, {"hotkeys", core.Operating{HotKeys: true}}, {"slowlog", core.Operating{SlowAfter: time.Minute}},
		{"both", core.Operating{SlowAfter: time.Minute, HotKeys: true}}, {"audit", core.Operating{Audit: audit}},
	} {
		b.Run(c.name, func(b *testing.B) {
			x := newBench(b)
			x.engine.Operate(c.o)
			x.run(b, false, x.get, func(i int) any { return &x.gets[i] })
		})
	}
}
