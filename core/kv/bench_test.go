package kv_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
)

// recorder is a journal that keeps every record.
type recorder struct {
	*journal.Memory
	mu      sync.Mutex // taken inside the journal's pen or after it, never around it
	records []journal.Record
}

func (r *recorder) Append(rec *journal.Record) (uint64, error) {
	seq, err := r.Memory.Append(rec)
	r.keep(rec)
	return seq, err
}

func (r *recorder) Commit(rec *journal.Record) error {
	err := r.Memory.Commit(rec)
	r.keep(rec)
	return err
}

func (r *recorder) keep(rec *journal.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, *rec)
}

// tb is what testing and rapid have in common.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// bench is an engine with a store in it.
type bench struct {
	t       tb
	engine  *core.Engine
	journal *recorder
	caller  *auth.Identity
}

// newBench returns an engine that does not run: nothing is swept and nobody is told of changes.
func newBench(t tb, o kv.Options, backlog journal.MemoryOptions) *bench {
	t.Helper()
	backlog.Epoch = 1
	j := &recorder{Memory: journal.NewMemory(backlog)}
	engine, err := core.New(core.Options{Structures: []*command.Structure{kv.Structure(o)}, Journal: j})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return &bench{t: t, engine: engine, journal: j, caller: auth.Local()}
}

// open is newBench with a check of all invariants at the end.
func open(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, kv.Options{}, journal.MemoryOptions{})
	t.Cleanup(b.check)
	return b
}

func (b *bench) check() {
	b.t.Helper()
	if err := b.engine.Check(); err != nil {
		b.t.Errorf("check: %v", err)
	}
}

// start runs the engine and returns what stops it.
func (b *bench) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.engine.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("run: %v", err)
		}
	}
}

func (b *bench) request(name, payload string) *command.Request {
	b.t.Helper()
	c, err := b.engine.Dispatcher().Table().Find(name)
	if err != nil {
		b.t.Fatalf("%v", err)
	}
	return &command.Request{Caller: b.caller, Command: c, Payload: command.JSON(payload)}
}

// do runs a command, JSON in and JSON out. Every write is worth memory here, so that is left out.
func (b *bench) do(name, payload string) (string, error) {
	b.t.Helper()
	return b.run(b.request(name, payload))
}

func (b *bench) run(r *command.Request) (string, error) {
	b.t.Helper()
	resp, err := b.engine.Dispatcher().Do(context.Background(), r)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(resp)
	if err != nil {
		b.t.Fatalf("%v", err)
	}
	return strings.Replace(string(text), `"durability":"memory",`, "", 1), nil
}

// must is do for what has to succeed.
func (b *bench) must(name, payload string) string {
	b.t.Helper()
	text, err := b.do(name, payload)
	if err != nil {
		b.t.Fatalf("%s %s: %s %v", name, payload, fault.CodeOf(err), err)
	}
	return text
}

// fails wants an error of the code.
func (b *bench) fails(code fault.Code, name, payload string) *fault.Error {
	b.t.Helper()
	text, err := b.do(name, payload)
	if fault.CodeOf(err) != code {
		b.t.Fatalf("%s %s: got %s %v, want %s", name, payload, text, err, code)
	}
	return fault.From(err)
}

// state is everything in the store, with versions and deadlines in milliseconds from now.
func (b *bench) state() string {
	b.t.Helper()
	return b.must("kv.list", `{"limit":1000,"values":"full"}`)
}

// answer decodes a response.
func (b *bench) answer(name, payload string) map[string]any {
	b.t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(b.must(name, payload)), &m); err != nil {
		b.t.Fatalf("%v", err)
	}
	return m
}

// replayed returns a fresh engine that got every record of this one, encoded and decoded.
func (b *bench) replayed() *bench {
	b.t.Helper()
	fresh := newBench(b.t, kv.Options{}, journal.MemoryOptions{})
	decode := kv.Structure(kv.Options{}).DecodeOp
	for i := range b.journal.records {
		rec := &b.journal.records[i]
		copied := journal.Record{Seq: rec.Seq}
		for c := range rec.Changes() {
			op, err := decode(c.Op.Kind(), c.Op.AppendTo(nil))
			if err != nil {
				b.t.Fatalf("record %d: %v", rec.Seq, err)
			}
			c.Op = op
			copied.Add(c)
		}
		// Twice, because a snapshot may already hold what the log says again.
		for range 2 {
			if err := fresh.engine.Replay(&copied); err != nil {
				b.t.Fatalf("record %d: %v", rec.Seq, err)
			}
		}
	}
	return fresh
}

// jsonEqual compares two JSON texts, digit by digit.
func jsonEqual(a, b string) bool {
	x, err1 := canonical(a)
	y, err2 := canonical(b)
	return err1 == nil && err2 == nil && x == y
}

func canonical(text string) (string, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return "", err
	}
	sorted, err := json.Marshal(v)
	return string(sorted), err
}

// story plays lines of a command and its request, each followed by the answer, or "!" with an error's code and a
// part of its message.
func (b *bench) story(text string) {
	b.t.Helper()
	var line string
	for _, next := range strings.Split(text, "\n") {
		next = strings.TrimSpace(next)
		switch {
		case next == "" || strings.HasPrefix(next, "#"):
			continue
		case line == "":
			line = next
			continue
		}
		name, payload, _ := strings.Cut(line, " ")
		got, err := b.do(name, payload)
		if want, failing := strings.CutPrefix(next, "! "); failing {
			code, message, _ := strings.Cut(want, " ")
			if e := fault.From(err); e == nil || e.Code.String() != code || !strings.Contains(e.Message, message) {
				b.t.Errorf("%s\n got  %s %s %v\n want %s", line, got, fault.CodeOf(err), err, next)
			}
		} else if err != nil || !jsonEqual(got, next) {
			b.t.Errorf("%s\n got  %s %v\n want %s", line, got, err, next)
		}
		line = ""
	}
	if line != "" {
		b.t.Fatalf("%s has no answer", line)
	}
}
