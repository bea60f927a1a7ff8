package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hivellm/synap-go/audit"
	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
)

// audited is an engine whose calls are written down.
type audited struct {
	*testing.T
	engine *core.Engine
	log    *audit.Log
	path   string
}

func newAudited(t *testing.T, mode audit.Mode, change func(*audit.Options)) *audited {
	t.Helper()
	engine, err := core.New(core.Options{Structures: []*command.Structure{kv.Structure(kv.Options{})}})
	if err != nil {
		t.Fatal(err)
	}
	o := audit.Options{Path: filepath.Join(t.TempDir(), "audit.jsonl"), Mode: mode}
	if change != nil {
		change(&o)
	}
	log, err := audit.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	engine.Operate(core.Operating{Audit: log.Call})
	return &audited{t, engine, log, o.Path}
}

func (a *audited) run(ctx context.Context, caller *auth.Identity, name, payload string) error {
	a.Helper()
	d := a.engine.Dispatcher()
	c, err := d.Table().Find(name)
	if err != nil {
		a.Fatal(err)
	}
	_, err = d.Do(ctx, &command.Request{Caller: caller, Command: c, Payload: command.JSON(payload)})
	return err
}

// lines returns what was written, without the times.
func (a *audited) lines() (lines []string) {
	a.Helper()
	text, err := os.ReadFile(a.path)
	if err != nil {
		a.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var e audit.Entry
		if err := json.Unmarshal(line, &e); err != nil || e.Time.IsZero() {
			a.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, strings.TrimSpace(string(line[bytes.IndexByte(line, ',')+1:])))
	}
	return lines
}

var (
	admin  = auth.Local()
	reader = &auth.Identity{Name: "reader", Namespace: "default", Access: auth.Read}
)

func (a *audited) play(ctx context.Context) {
	a.Helper()
	_ = a.run(ctx, admin, "kv.set", `{"key":"door","value":"sesame"}`)
	_ = a.run(ctx, reader, "kv.set", `{"key":"door","value":"sesame"}`)
	_ = a.run(ctx, reader, "kv.mget", `{"keys":["1","2","3","4","5","6","7","8","9","10"]}`)
	_ = a.run(ctx, reader, "kv.list", `{"prefix":"user:"}`)
	_ = a.run(ctx, reader, "kv.increment", `{"key":"door"}`)
	_ = a.run(ctx, admin, "server.disconnect", `{"caller":"nobody"}`)
	_ = a.run(ctx, reader, "server.clients", `{}`)
}

func TestAll(t *testing.T) {
	a := newAudited(t, audit.All, nil)
	registry := clients.New(clients.Limits{})
	client, err := registry.Open("http", netip.MustParseAddrPort("10.0.0.1:7"), func() {})
	if err != nil {
		t.Fatal(err)
	}
	ctx := clients.WithTrace(clients.NewContext(t.Context(), client), &clients.Trace{RequestID: "r1"})
	a.play(ctx)
	a.log.Refused(context.Background(), netip.MustParseAddr("10.0.0.9"), fault.New(fault.Unauthenticated, "the key is unknown"))
	const tail = `"door":"http","address":"10.0.0.1:7","client":1,"request_id":"r1"}`
	want := []string{
		`"caller":"local","namespace":"default","command":"kv.set","access":"write","names":["door"],"allowed":true,"outcome":"ok",` + tail,
		`"caller":"reader","namespace":"default","command":"kv.set","access":"write","names":["door"],"allowed":false,"outcome":"denied","reason":"*",` + tail,
		`"caller":"reader","namespace":"default","command":"kv.mget","access":"read","names":["1","2","3","4","5","6","7","8"],"more":2,"allowed":true,"outcome":"ok",` + tail,
		`"caller":"reader","namespace":"default","command":"kv.list","access":"read","names":["user:*"],"allowed":true,"outcome":"ok",` + tail,
		`"caller":"reader","namespace":"default","command":"kv.increment","access":"write","names":["door"],"allowed":false,"outcome":"denied","reason":"*",` + tail,
		`"caller":"local","namespace":"default","command":"server.disconnect","access":"admin","allowed":true,"outcome":"ok",` + tail,
		`"caller":"reader","namespace":"default","command":"server.clients","access":"admin","allowed":false,"outcome":"denied","reason":"*",` + tail,
		`"allowed":false,"outcome":"unauthenticated","reason":"the key is unknown","address":"10.0.0.9"}`,
	}
	got := a.lines()
	if len(got) != len(want) {
		t.Fatalf("%d lines: %s", len(got), strings.Join(got, "\n"))
	}
	for i, w := range want {
		head, rest, any := strings.Cut(w, `"*"`)
		if got[i] != w && !(any && strings.HasPrefix(got[i], head) && strings.HasSuffix(got[i], rest)) {
			t.Errorf("line %d is\n%s\nwant\n%s", i, got[i], w)
		}
	}
	if text, _ := os.ReadFile(a.path); bytes.Contains(text, []byte("sesame")) {
		t.Error("a value was written down")
	}
	if info, err := os.Stat(a.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
}

func TestModes(t *testing.T) {
	for mode, want := range map[audit.Mode]int{audit.Off: 0, audit.Admin: 4, audit.All: 7} {
		a := newAudited(t, mode, nil)
		a.play(t.Context())
		if got := a.lines(); len(got) != want {
			t.Errorf("%s: %d lines, want %d: %s", mode, len(got), want, strings.Join(got, "\n"))
		}
	}
	a := newAudited(t, audit.Off, nil)
	a.log.Refused(t.Context(), netip.Addr{}, fault.New(fault.Unauthenticated, "no"))
	a.log.SetMode(audit.Admin)
	a.log.Refused(t.Context(), netip.Addr{}, fault.New(fault.Unauthenticated, "no"))
	if got := a.lines(); len(got) != 1 {
		t.Errorf("after another mode: %v", got)
	}
}

func TestRotation(t *testing.T) {
	a := newAudited(t, audit.All, func(o *audit.Options) { o.MaxMB, o.MaxFiles = 1, 2 })
	key := strings.Repeat("k", 900)
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 2000 {
				if err := a.run(t.Context(), admin, "kv.get", fmt.Sprintf(`{"key":"%d-%d-%s"}`, w, i, key)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := a.log.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(a.path), "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err == nil && (info.Size() > 1<<20 || info.Mode().Perm() != 0o600) {
			t.Errorf("%s: %d bytes, %v", f, info.Size(), info.Mode())
		}
	}
}

func TestALineThatCannotBeWritten(t *testing.T) {
	told := 0
	var dir string
	a := newAudited(t, audit.All, func(o *audit.Options) {
		dir = filepath.Join(filepath.Dir(o.Path), "deep")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		o.Path, o.Failed = filepath.Join(dir, "audit.jsonl"), func(error) { told++ }
	})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // so that no folder can be made again
		t.Fatal(err)
	}
	for range 3 {
		if err := a.run(t.Context(), admin, "kv.get", `{"key":"a"}`); err != nil {
			t.Errorf("the call was refused: %v", err)
		}
	}
	if told != 1 || a.log.Dropped() != 3 {
		t.Errorf("told %d times of %d lines", told, a.log.Dropped())
	}
	if _, err := audit.Open(audit.Options{Path: filepath.Join(dir, "audit.jsonl")}); err == nil {
		t.Error("a path that is none was opened")
	}
	if _, err := audit.Open(audit.Options{}); err == nil {
		t.Error("no path was opened")
	}
}

// BenchmarkAudit is what a line costs a call.
func BenchmarkAudit(b *testing.B) {
	log, err := audit.Open(audit.Options{Path: filepath.Join(b.TempDir(), "audit.jsonl"), Mode: audit.All})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	engine, err := core.New(core.Options{Structures: []*command.Structure{kv.Structure(kv.Options{})}})
	if err != nil {
		b.Fatal(err)
	}
	c, err := engine.Dispatcher().Table().Find("kv.get")
	if err != nil {
		b.Fatal(err)
	}
	get := new(kv.GetRequest)
	get.Key = "a"
	r := &command.Request{Caller: admin, Command: c, Args: get}
	b.ReportAllocs()
	for b.Loop() {
		log.Call(b.Context(), r, nil)
	}
}
