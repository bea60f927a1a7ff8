package command_test

import (
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/quota"
)

// TestAnyStructureIsLimited: the toy knows nothing of limits.
func TestAnyStructureIsLimited(t *testing.T) {
	b := newBench(t)
	space, err := b.engine.Space("default", false)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.do(b.request("toy.add", `{"name":"a"}`)); !strings.HasPrefix(got, `{"count":1`) {
		t.Fatal(got)
	}
	space.Meter.SetLimits(quota.Limits{quota.MemoryBytes: 32})
	const full = "! exhausted the namespace may take 32 bytes of memory, and takes 0: delete something first"
	if got := b.do(b.request("toy.add", `{"name":"a"}`)); got != full {
		t.Errorf("without memory: %s", got)
	}
	if got := b.do(b.request("toy.get", `{"name":"a"}`)); !strings.HasPrefix(got, `{"count":1`) {
		t.Errorf("reading without memory: %s", got)
	}
	_, err = b.d.Transact(t.Context(), []*command.Request{b.request("toy.get", `{"name":"a"}`), b.request("toy.add", `{"name":"a"}`)})
	if e := fault.From(err); e == nil || e.Code != fault.Exhausted || e.Details["index"] != 1 || e.Details["quota"] != "memory_bytes" {
		t.Errorf("in a transaction: %v", err)
	}
	if len(b.journal.records) != 1 || b.state()["a"].n != 1 || len(b.told()) != 1 {
		t.Errorf("what was refused has happened: %d records, %v, %v", len(b.journal.records), b.state(), b.told())
	}
	once := b.request("toy.add", `{"name":"a"}`)
	once.IdempotencyKey = "k"
	if got := b.do(once); got != full {
		t.Errorf("with an idempotency key: %s", got)
	}
	space.Meter.SetLimits(quota.Limits{quota.MemoryBytes: 64})
	if got := b.do(once); !strings.HasPrefix(got, `{"count":2`) {
		t.Errorf("the same with more memory: %s", got)
	}
	space.Meter.SetLimits(quota.Limits{quota.RequestsPerS: 1})
	if got := b.do(b.request("toy.get", `{"name":"a"}`)); got[0] == '!' {
		t.Error(got)
	}
	if err := b.d.Check(b.request("toy.get", `{"name":"a"}`)); fault.CodeOf(err) != fault.Exhausted {
		t.Errorf("one request too many in a second is found right: %v", err)
	}
	space.Meter.SetLimits(quota.Limits{})
	if got := b.do(b.request("toy.add", `{"name":"a"}`)); !strings.HasPrefix(got, `{"count":3`) {
		t.Errorf("without limits: %s", got)
	}
}

type weighedRequest struct {
	nameRequest
	Names   []string       `json:"names,omitempty" jsonschema:"names"`
	Vector  []float32      `json:"vector,omitempty" jsonschema:"numbers"`
	Data    []byte         `json:"data,omitempty" jsonschema:"bytes"`
	Facts   map[string]int `json:"facts,omitempty" jsonschema:"facts"`
	Limit   int            `json:"limit,omitempty" jsonschema:"how many answers"`
	Another int            `json:"another,omitempty" jsonschema:"a number that is no limit"`
}

type heavyRequest struct{ weighedRequest }

func (r *heavyRequest) Weight() int { return 7 * len(r.Names) }

// TestWeights: what a call counts for follows from its request.
func TestWeights(t *testing.T) {
	names := strings.Split(strings.Repeat("x ", 41), " ")
	facts := map[string]int{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
	get := func(info command.Info) *command.Command {
		info.Name, info.Op, info.Summary = "toy.look", 0x7f20, "Look."
		return command.Read(info, handle[weighedRequest])
	}
	heavy := command.Read(command.Info{Name: "toy.look", Op: 0x7f20, Summary: "Look."}, handle[heavyRequest])
	execute := command.Act(command.Info{Name: "toy.look", Op: 0x7f20, Summary: "Look.", Open: true}, handle[bareRequest])
	for _, test := range []struct {
		name    string
		command *command.Command
		args    any
		want    int64
	}{
		{"a small one", get(command.Info{}), &weighedRequest{}, 1},
		{"a long list", get(command.Info{}), &weighedRequest{Names: names[:40]}, 11},
		{"a vector", get(command.Info{}), &weighedRequest{Vector: make([]float32, 1536)}, 2},
		{"bytes", get(command.Info{}), &weighedRequest{Data: make([]byte, 1<<20), Another: 1000}, 1},
		{"a map", get(command.Info{}), &weighedRequest{Facts: facts}, 2},
		{"many answers", get(command.Info{}), &weighedRequest{Limit: 1000}, 11},
		{"a limit that makes no sense", get(command.Info{}), &weighedRequest{Limit: -1000}, 1},
		{"one that is heavy", get(command.Info{Weight: 50}), &weighedRequest{Limit: 100}, 51},
		{"one that weighs nothing", get(command.Info{Weight: -1}), &weighedRequest{Limit: 1000}, 0},
		{"one that says so itself", heavy, &heavyRequest{weighedRequest{Names: names[:3], Limit: 1000}}, 21},
		{"one that only calls others", execute, &bareRequest{}, 0},
	} {
		if _, err := command.NewTable(toyStructure([]*command.Command{test.command})); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got := test.command.Weigh(test.args); got != test.want {
			t.Errorf("%s weighs %d, want %d", test.name, got, test.want)
		}
	}
}
