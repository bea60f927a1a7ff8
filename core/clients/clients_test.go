package clients_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/fault"
)

func address(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func open(t *testing.T, r *clients.Registry, from string) *clients.Client {
	t.Helper()
	c, err := r.Open("http", address(from), func() {})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestASubscriberIsOneAddress: who has an address of version 6 has 2^64 of them.
func TestASubscriberIsOneAddress(t *testing.T) {
	r := clients.New(clients.Limits{PerAddress: 2})
	a := open(t, r, "[2001:db8::1]:1")
	open(t, r, "[2001:db8::ffff:1]:1")
	if _, err := r.Open("http", address("[2001:db8::2]:1"), func() {}); fault.CodeOf(err) != fault.Exhausted {
		t.Errorf("a third one of the same /64: %v", err)
	}
	open(t, r, "[2001:db8:0:1::1]:1") // of another
	a.Close()
	open(t, r, "[2001:db8::2]:1")
}

func TestLimits(t *testing.T) {
	r := clients.New(clients.Limits{Connections: 4, PerAddress: 2, PerKey: 1})
	a := open(t, r, "10.0.0.1:1")
	// The same address, written as IPv6.
	b := open(t, r, "[::ffff:10.0.0.1]:2")
	refused := func(err error, quota string) {
		t.Helper()
		if e := fault.From(err); err == nil || e.Code != fault.Exhausted || e.Details["quota"] != quota {
			t.Errorf("refused with %v, want exhausted by %s", err, quota)
		}
	}
	_, err := r.Open("http", address("10.0.0.1:3"), func() {})
	refused(err, "connections_per_address")
	c, d := open(t, r, "10.0.0.2:1"), open(t, r, "10.0.0.3:1")
	_, err = r.Open("http", address("10.0.0.4:1"), func() {})
	refused(err, "connections")

	if err := a.Call("ann"); err != nil {
		t.Error(err)
	}
	if err := a.Call("ann"); err != nil {
		t.Errorf("the same caller on the same connection: %v", err)
	}
	refused(b.Call("ann"), "connections_per_key")
	if err := b.Call("bob"); err != nil {
		t.Error(err)
	}
	if err := a.Call("eve"); err != nil { // and ann has none any more
		t.Error(err)
	}
	if err := c.Call("ann"); err != nil {
		t.Error(err)
	}
	if got := r.Counts(); got.Open != 4 || got.Keys != 3 || got.Refused != 3 || got.ByDoor["http"] != 4 {
		t.Errorf("counts %+v", got)
	}
	for _, x := range []*clients.Client{a, b, c, d, a} {
		x.Close()
	}
	if got := r.Counts(); got.Open != 0 || got.Keys != 0 || got.ByDoor["http"] != 0 {
		t.Errorf("after all have closed: %+v", got)
	}
	if err := a.Call("late"); err != nil || r.Counts().Keys != 0 {
		t.Errorf("a call on a closed connection: %v, %+v", err, r.Counts())
	}
	r.Limit(clients.Limits{})
	for i := range 10 {
		open(t, r, fmt.Sprintf("10.0.0.1:%d", i+1))
	}
}

func TestListAndEnd(t *testing.T) {
	r := clients.New(clients.Limits{})
	ended := map[uint64]bool{}
	for i := range 5 {
		var c *clients.Client
		c, err := r.Open("umicp", address(fmt.Sprintf("10.0.0.1:%d", i+1)), func() { ended[c.ID()] = true; c.Close() })
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Call([]string{"ann", "bob"}[i%2])
	}
	r.Find(2).Become("websocket")
	if page := r.List(1, 2); len(page) != 2 || page[0].ID != 2 || page[0].Kind != "websocket" || page[1].ID != 3 ||
		page[1].Caller != "ann" || page[1].Address != "10.0.0.1:3" || page[1].Door != "umicp" || page[1].Calls != 1 {
		t.Errorf("the second page is %+v", page)
	}
	if n := r.End(func(i clients.Info) bool { return i.Caller == "bob" }); n != 2 || !ended[2] || !ended[4] {
		t.Errorf("ended %d: %v", n, ended)
	}
	if r.Find(2) != nil || r.Find(1) == nil || len(r.List(0, 100)) != 3 {
		t.Error("the wrong ones are left")
	}
}

func TestManyAtOnce(t *testing.T) {
	r := clients.New(clients.Limits{Connections: 50, PerAddress: 10, PerKey: 10})
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for range 100 {
				c, err := r.Open("http", address(fmt.Sprintf("10.0.0.%d:1", i%8+1)), func() {})
				if err != nil {
					continue
				}
				_ = c.Call(fmt.Sprint(i % 4))
				_ = c.Call(fmt.Sprint(i % 3))
				r.List(0, 5)
				c.Close()
			}
		})
	}
	all.Wait()
	if got := r.Counts(); got.Open != 0 || got.Keys != 0 {
		t.Errorf("left behind: %+v", got)
	}
}

func TestTrace(t *testing.T) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for _, c := range []struct {
		name, id, parent string
		want             clients.Trace
	}{
		{"nothing", "", "", clients.Trace{}},
		{"an id", "r-1", "", clients.Trace{RequestID: "r-1"}},
		{"an id with a line's end", "a\nb", "", clients.Trace{}},
		{"an id with a control character", "a\x1b[31m", "", clients.Trace{}},
		{"an id that is too long", strings.Repeat("x", 129), "", clients.Trace{}},
		{"a trace", "", "00-" + trace + "-" + span + "-01", clients.Trace{TraceID: trace, SpanID: span}},
		{"both", "r", "00-" + trace + "-" + span + "-00", clients.Trace{RequestID: "r", TraceID: trace, SpanID: span}},
		{"a version to come, with more", "", "cc-" + trace + "-" + span + "-01-more", clients.Trace{TraceID: trace, SpanID: span}},
		{"a version to come, run together", "", "cc-" + trace + "-" + span + "-01more", clients.Trace{}},
		{"this version, with more", "", "00-" + trace + "-" + span + "-01-more", clients.Trace{}},
		{"the version that never is", "", "ff-" + trace + "-" + span + "-01", clients.Trace{}},
		{"upper case", "", "00-" + strings.ToUpper(trace) + "-" + span + "-01", clients.Trace{}},
		{"no trace id", "", "00-" + strings.Repeat("0", 32) + "-" + span + "-01", clients.Trace{}},
		{"no span id", "", "00-" + trace + "-" + strings.Repeat("0", 16) + "-01", clients.Trace{}},
		{"cut short", "", "00-" + trace, clients.Trace{}},
	} {
		if got := clients.NewTrace(c.id, c.parent); got != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	ctx := context.Background()
	if clients.TraceOf(ctx) != (clients.Trace{}) || clients.FromContext(ctx) != nil {
		t.Error("an empty context knows something")
	}
	if got := clients.TraceOf(clients.WithTrace(ctx, &clients.Trace{RequestID: "r"})); got.RequestID != "r" {
		t.Errorf("the trace is %+v", got)
	}
}

// TestRequestIDsAreMade: a request without an id has one that is unlike any other, and that logs find by the connection.
func TestRequestIDsAreMade(t *testing.T) {
	r, after := clients.New(clients.Limits{}), clients.New(clients.Limits{}) // and after a restart
	seen := map[string]bool{}
	for _, c := range []*clients.Client{open(t, r, "10.0.0.1:1"), open(t, r, "10.0.0.1:2"), open(t, after, "10.0.0.1:1")} {
		ctx := clients.NewContext(t.Context(), c)
		for range 3 {
			id := c.NextRequest()
			if got := clients.TraceFor(ctx, 0); seen[id] || got.RequestID != id || clients.NewTrace(id, "").RequestID != id {
				t.Errorf("%q: the log says %+v", id, got)
			}
			seen[id] = true
		}
		if id := clients.TraceFor(ctx, 99).RequestID; seen[id] || !strings.HasSuffix(id, "-99") {
			t.Errorf("the request 99 of a caller who counts is %q", id)
		}
		named := clients.WithTrace(ctx, &clients.Trace{RequestID: "r"})
		if id := clients.TraceFor(named, 99).RequestID; id != "r" {
			t.Errorf("one that has a name is %q", id)
		}
	}
	if id := clients.TraceFor(t.Context(), 0).RequestID; id != "" {
		t.Errorf("of no connection it is %q", id)
	}
	if a, b := clients.NewRequestID(), clients.NewRequestID(); a == b || a == "" {
		t.Errorf("%q and %q", a, b)
	}
}

func FuzzTrace(f *testing.F) {
	f.Add("r", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Fuzz(func(t *testing.T, id, parent string) {
		got := clients.NewTrace(id, parent)
		for _, s := range []string{got.RequestID, got.TraceID, got.SpanID} {
			for i := range len(s) {
				if s[i] < 0x21 || s[i] > 0x7e {
					t.Fatalf("%q of %q, %q", s, id, parent)
				}
			}
		}
	})
}
