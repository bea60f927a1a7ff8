package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/mcp"
)

// box is a structure with one of everything that the door has to deal with.
type box struct {
	command.NoData
	mu     sync.Mutex
	values map[string]value.Value
}

type getRequest struct {
	Keys   []string `json:"keys" min:"1" max:"3" jsonschema:"the keys"`
	Offset int64    `json:"offset,omitempty" min:"0" max:"100" jsonschema:"where to begin"`
	Raw    bool     `json:"raw,omitempty" jsonschema:"as it is stored"`
	Hidden string   `json:"hidden,omitempty" jsonschema:"not for models"`
}

func (r *getRequest) Resource() auth.Resource { return auth.Any("box") }

type item struct {
	Key   string      `json:"key"`
	Found bool        `json:"found"`
	Value value.Value `json:"value,omitzero"`
	Note  *string     `json:"note" jsonschema:"null when there is none"`
}

// Describe says that the note is a string: it is absent, not null.
func (*item) Describe(s *jsonschema.Schema) {
	s.Properties["note"] = &jsonschema.Schema{Type: "string"}
}

type getResponse struct {
	Items  []item `json:"items"`
	Offset int64  `json:"offset"`
	Raw    bool   `json:"raw"`
	Hidden string `json:"hidden"`
}

func (b *box) get(_ context.Context, r *getRequest) (getResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	resp := getResponse{Offset: r.Offset, Raw: r.Raw, Hidden: r.Hidden}
	for _, k := range r.Keys {
		v, ok := b.values[k]
		resp.Items = append(resp.Items, item{Key: k, Found: ok, Value: v})
	}
	return resp, nil
}

type putRequest struct {
	Key   string      `json:"key" jsonschema:"the key"`
	Value value.Value `json:"value" jsonschema:"what to keep"`
	TTL   int64       `json:"ttl,omitempty" min:"1" max:"60" jsonschema:"seconds to live"`
	Mode  string      `json:"mode,omitempty" enum:"new,old" jsonschema:"when to write"`
}

func (r *putRequest) Resource() auth.Resource { return auth.Name("box", r.Key) }

type putResponse struct {
	Size int   `json:"size" jsonschema:"bytes kept"`
	TTL  int64 `json:"ttl,omitempty" jsonschema:"seconds to live"`
}

func (b *box) put(_ context.Context, r *putRequest) (putResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.values[r.Key]; ok && r.Mode == "new" {
		return putResponse{}, fault.New(fault.AlreadyExists, "key %q", r.Key)
	}
	b.values[r.Key] = r.Value
	return putResponse{Size: r.Value.Len(), TTL: r.TTL}, nil
}

type emptyRequest struct{}

type listResponse struct {
	Keys []string `json:"keys"`
}

func (b *box) list(context.Context, *emptyRequest) (listResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var keys []string
	for k := range b.values {
		keys = append(keys, k)
	}
	return listResponse{Keys: keys}, nil
}

// bigItems is how many things box.big has.
const bigItems = 1000

type bigRequest struct {
	Limit  int    `json:"limit,omitempty" default:"1000" max:"1000" jsonschema:"at most so many"`
	Size   int    `json:"size,omitempty" max:"1000000" jsonschema:"how long each is"`
	Cursor string `json:"cursor,omitempty" jsonschema:"next_cursor of the page before"`
}

type bigResponse struct {
	Items      []string `json:"items"`
	NextCursor string   `json:"next_cursor,omitempty"`
}

func (*box) big(_ context.Context, r *bigRequest) (resp bigResponse, err error) {
	from, _ := strconv.Atoi(r.Cursor)
	for i := from; i < bigItems; i++ {
		if len(resp.Items) == r.Limit {
			resp.NextCursor = strconv.Itoa(i)
			break
		}
		resp.Items = append(resp.Items, strconv.Itoa(i)+strings.Repeat(" word", r.Size/5))
	}
	return resp, nil
}

type failRequest struct {
	Code string `json:"code" jsonschema:"the error's code, or panic, or many"`
}

func (*box) fail(_ context.Context, r *failRequest) (bigResponse, error) {
	if r.Code == "panic" {
		panic("the box is broken")
	}
	if r.Code == "many" {
		return bigResponse{Items: slices.Repeat([]string{strings.Repeat("many ", 20)}, 1000)}, nil
	}
	if r.Code == "names" {
		return bigResponse{}, fault.New(fault.Invalid, `"box.get" is no answer of box.get, box.fail. or nobody.here`).With("allowed", []string{"what box.get answers"})
	}
	code, _ := fault.ParseCode(r.Code)
	return bigResponse{}, fault.New(code, "failed as asked")
}

// waiting tells the test that a call of box.wait is in progress.
var waiting = make(chan struct{}, 100)

func (*box) wait(ctx context.Context, _ *emptyRequest) (listResponse, error) {
	waiting <- struct{}{}
	<-ctx.Done()
	return listResponse{}, ctx.Err()
}

type watchRequest struct {
	command.Following
	Prefix string `json:"prefix,omitempty" jsonschema:"which keys"`
}

type change struct {
	Key string `json:"key" jsonschema:"the key that changed"`
}

func (*box) watch(ctx context.Context, r *watchRequest, out *command.Stream[change]) error {
	for i := range uint64(2) {
		if err := out.Send(journal.Position{Seq: i + 1}, change{r.Prefix}); err != nil {
			return err
		}
	}
	if err := out.Flush(journal.Position{Seq: 2}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func boxes() *command.Structure {
	return &command.Structure{
		Name: "box", ID: 9, Summary: "Things in boxes, for tests.",
		New: func(command.Env) command.State { return &box{values: map[string]value.Value{}} },
		Commands: []*command.Command{
			command.Act(command.Info{
				Name: "box.put", Op: 0x0901, Access: auth.Write, Hints: command.Idempotent | command.Destructive, Summary: "Put.",
				Tool: &command.Tool{
					Name: "synap_box_put", Title: "Put", Description: "Put a thing into a box.", Profiles: []string{"boxes"},
					Args: []string{"key", "value", "ttl_seconds=ttl", "mode"}, Aliases: map[string]string{"name": "key"},
				},
			}, (*box).put),
			command.Read(command.Info{
				Name: "box.get", Op: 0x0902, Summary: "Get.",
				Tool: &command.Tool{
					Name: "synap_box_get", Title: "Get", Description: "Get things.", Profiles: []string{"boxes", "full"},
					Args: []string{"keys", "from_offset=offset", "raw"}, Docs: map[string]string{"keys": "up to three keys"},
					Defaults: map[string]any{"hidden": "preset", "offset": 7}, Aliases: map[string]string{"key": "keys"},
				},
			}, (*box).get),
			command.Read(command.Info{
				Name: "box.list", Op: 0x0903, Open: true, Summary: "List.",
				Tool: &command.Tool{Name: "synap_box_list", Title: "List", Description: "List things."},
			}, (*box).list),
			command.Read(command.Info{
				Name: "box.big", Op: 0x0904, Open: true, Summary: "Answer at length.",
				Tool: &command.Tool{Name: "synap_box_big", Title: "Big", Description: "Answer at length.", Profiles: []string{"full"}},
			}, (*box).big),
			command.Act(command.Info{
				Name: "box.fail", Op: 0x0905, Open: true, Access: auth.Write, Summary: "Fail.",
				Tool: &command.Tool{Name: "synap_box_fail", Title: "Fail", Description: "Fail.", Profiles: []string{"full"}},
			}, (*box).fail),
			command.Read(command.Info{
				Name: "box.wait", Op: 0x0906, Open: true, Waits: true, Summary: "Wait.",
				Tool: &command.Tool{Name: "synap_box_wait", Title: "Wait", Description: "Wait.", Profiles: []string{"full"}},
			}, (*box).wait),
			command.Watch(command.Info{
				Name: "box.watch", Op: 0x0907, Open: true, Summary: "Watch.",
				Tool: &command.Tool{
					Name: "synap_box_watch", Title: "Watch", Description: "Watch.", Profiles: []string{"boxes", "full"},
				},
			}, (*box).watch),
			command.Read(command.Info{Name: "box.secret", Op: 0x0908, Open: true, Summary: "Not a tool."}, (*box).list),
		},
	}
}

// remote stands for an executor on another machine: its answers are JSON.
type remote struct{ command.Executor }

func (r remote) Do(ctx context.Context, req *command.Request) (any, error) {
	resp, err := r.Executor.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(resp)
	return json.RawMessage(text), err
}

// start returns a door onto boxes. Everything it logs is shown when the test fails.
func start(t testing.TB, o mcp.Options) *mcp.Server {
	t.Helper()
	if o.Executor == nil {
		o.Executor = engine(t)
	}
	if o.Log == nil {
		o.Log = logrus.New()
		o.Log.SetOutput(t.Output())
	}
	o.Version = "1.2.3"
	s, err := mcp.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func engine(t testing.TB, more ...*command.Structure) command.Executor {
	t.Helper()
	e, err := core.New(core.Options{Structures: append([]*command.Structure{boxes()}, more...), Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	return e.Dispatcher()
}

// say runs lines through the door as a pipe, and returns the answers by id. The last line needs no newline.
func say(t *testing.T, s *mcp.Server, lines ...string) map[string]json.RawMessage {
	t.Helper()
	var out bytes.Buffer
	if err := s.ServeStdio(t.Context(), strings.NewReader(strings.Join(lines, "\n")), &out); err != nil {
		t.Fatal(err)
	}
	return byID(t, &out)
}

func byID(t *testing.T, out io.Reader) map[string]json.RawMessage {
	t.Helper()
	answers := map[string]json.RawMessage{}
	for dec := json.NewDecoder(out); ; {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err == io.EOF {
			return answers
		} else if err != nil {
			t.Fatalf("what the door wrote is not JSON: %v", err)
		}
		var message struct {
			ID json.RawMessage `json:"id"`
		}
		if err := json.Unmarshal(raw, &message); err != nil {
			t.Fatal(err)
		}
		answers[string(message.ID)] = raw
	}
}

// result is what tools/call answers.
type result struct {
	Content []struct {
		Type, Text string
	}
	StructuredContent json.RawMessage
	IsError           bool
	Meta              map[string]json.RawMessage `json:"_meta"`
}

// call calls a tool over a pipe.
func call(t *testing.T, s *mcp.Server, tool, arguments string) result {
	t.Helper()
	answers := say(t, s, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+tool+`","arguments":`+arguments+`}}`)
	return resultOf(t, answers["1"])
}

func resultOf(t *testing.T, message json.RawMessage) result {
	t.Helper()
	var answer struct {
		Result *result
		Error  json.RawMessage
	}
	if err := json.Unmarshal(message, &answer); err != nil || answer.Result == nil {
		t.Fatalf("not a result: %s (%v)", message, err)
	}
	if n := len(answer.Result.Content); n != 1 || answer.Result.Content[0].Type != "text" {
		t.Fatalf("%d contents, want one text: %s", n, message)
	}
	return *answer.Result
}

func (r result) text() string { return r.Content[0].Text }
