package http_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"go.uber.org/goleak"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/value"
	door "github.com/hivellm/synap-go/http"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The notes: a structure with everything that a door can meet, and nothing else. The door must serve it as it
// serves any other, for it knows none.
type notes struct {
	command.NoData
	env command.Env

	mu   sync.Mutex
	held map[string]note
}

type note struct {
	value   value.Value
	version uint64
}

type noteOp struct {
	key   string
	value value.Value // none removes
}

func (op *noteOp) Kind() byte               { return 1 }
func (op *noteOp) AppendTo(b []byte) []byte { return append(b, op.key...) }
func (op *noteOp) Target() (string, bool)   { return op.key, false }
func (op *noteOp) Size() int                { return len(op.key) + op.value.Len() }

func (s *notes) Apply(seq uint64, op journal.Op) {
	o := op.(*noteOp)
	if o.value.IsZero() {
		delete(s.held, o.key)
		return
	}
	s.held[o.key] = note{o.value, seq}
}

func (s *notes) Replay(seq uint64, op journal.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Apply(seq, op)
}

func (s *notes) Undo(journal.Op) func() {
	old := maps.Clone(s.held)
	return func() { s.held = old }
}

type keyRequest struct {
	Key string `json:"key" jsonschema:"the note"`
}

func (r *keyRequest) Resource() auth.Resource { return auth.Name("note", r.Key) }

type getResponse struct {
	Found   bool        `json:"found"`
	Value   value.Value `json:"value,omitzero"`
	Version uint64      `json:"version,omitempty"`
}

func (r *getResponse) Raw() (value.Value, bool, uint64) { return r.Value, r.Found, r.Version }

func (s *notes) get(_ context.Context, r *keyRequest) (getResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, found := s.held[r.Key]
	return getResponse{found, n.value, n.version}, nil
}

type putRequest struct {
	Key       string      `json:"key" max:"100" jsonschema:"the note"`
	Value     value.Value `json:"value" jsonschema:"what it says"`
	IfVersion *uint64     `json:"if_version,omitempty" jsonschema:"only this version"`
	IfAbsent  bool        `json:"if_absent,omitempty" jsonschema:"only a new one"`
	Quiet     bool        `json:"quiet,omitempty" jsonschema:"an unmet condition is no error"`
}

func (r *putRequest) Resource() auth.Resource { return auth.Name("note", r.Key) }

type putResponse struct {
	Created bool `json:"created"`
	command.Receipt
}

func (s *notes) put(_ context.Context, tx *command.Tx, r *putRequest) (resp putResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, found := s.held[r.Key]
	switch {
	case r.IfAbsent && found && r.Quiet:
		return resp, nil
	case r.IfAbsent && found:
		return resp, fault.New(fault.AlreadyExists, "note %q exists", r.Key)
	case r.IfVersion != nil && n.version != *r.IfVersion:
		return resp, fault.New(fault.Conflict, "note %q has version %d", r.Key, n.version)
	}
	_, err = tx.Commit(&noteOp{r.Key, r.Value})
	return putResponse{Created: !found}, err
}

type removeResponse struct{ command.Receipt }

func (s *notes) remove(_ context.Context, tx *command.Tx, r *keyRequest) (resp removeResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.held[r.Key]; !found {
		return resp, fault.New(fault.NotFound, "note %q", r.Key)
	}
	_, err = tx.Commit(&noteOp{key: r.Key})
	return resp, err
}

type watchRequest struct {
	Prefix string `json:"prefix,omitempty" jsonschema:"notes that begin so"`
	command.Following
}

func (r *watchRequest) Resource() auth.Resource {
	return auth.Resource{Structure: "note", Name: r.Prefix, Match: auth.Prefix}
}

type noteEvent struct {
	Event   string      `json:"event" jsonschema:"put or remove"`
	Key     string      `json:"key"`
	Value   value.Value `json:"value,omitzero"`
	Version uint64      `json:"version"`
}

func (s *notes) watch(ctx context.Context, r *watchRequest, out *command.Stream[noteEvent]) error {
	filter := journal.Filter{Namespace: s.env.Namespace, Structure: s.env.Structure, Prefixes: []string{r.Prefix}}
	return command.Follow(ctx, s.env.Feed, filter, r.From, out, func(ev journal.Event) noteEvent {
		op := ev.Op.(*noteOp)
		event := noteEvent{Event: "put", Key: op.key, Value: op.value, Version: ev.Seq}
		if op.value.IsZero() {
			event.Event = "remove"
		}
		return event
	})
}

type echoRequest struct {
	Key   string           `json:"key,omitempty" jsonschema:"text"`
	N     int8             `json:"n,omitempty" jsonschema:"small"`
	U     uint64           `json:"u,omitempty" jsonschema:"large"`
	P     *int64           `json:"p,omitempty" jsonschema:"perhaps"`
	F     float64          `json:"f,omitempty" jsonschema:"number"`
	On    bool             `json:"on,omitempty" jsonschema:"switch"`
	Tags  []string         `json:"tags,omitempty" jsonschema:"texts"`
	Nums  []int            `json:"nums,omitempty" jsonschema:"numbers"`
	Value value.Value      `json:"value,omitzero" jsonschema:"value"`
	From  journal.Position `json:"from,omitzero" jsonschema:"position"`
	Map   map[string]int   `json:"map,omitempty" jsonschema:"map"`
}

type echoResponse struct {
	Echo echoRequest `json:"echo"`
}

func (s *notes) echo(_ context.Context, r *echoRequest) (echoResponse, error) {
	return echoResponse{*r}, nil
}

type failRequest struct {
	Code    string `json:"code" jsonschema:"the code to fail with, or panic, stall or big"`
	Details bool   `json:"details,omitempty" jsonschema:"with details"`
}

type failResponse struct {
	Text string `json:"text"`
}

func (s *notes) fail(ctx context.Context, r *failRequest) (failResponse, error) {
	switch r.Code {
	case "panic":
		panic("asked to")
	case "stall":
		<-ctx.Done()
		return failResponse{}, ctx.Err()
	case "big":
		return failResponse{strings.Repeat("compress me ", 1000)}, nil
	case "memory":
		return failResponse{}, fault.New(fault.Exhausted, "no memory").With("resource", "memory")
	}
	code, _ := fault.ParseCode(r.Code)
	err := fault.New(code, "asked to fail")
	if r.Details {
		err = err.With("retry_after_ms", int64(2500)).With("primary", "http://primary:1").With("limit", 7)
	}
	return failResponse{}, err
}

func noteStructure() *command.Structure {
	return &command.Structure{
		Name: "note", ID: 200, Summary: "Notes.",
		New: func(env command.Env) command.State { return &notes{env: env, held: map[string]note{}} },
		Commands: []*command.Command{
			command.Read(command.Info{Name: "note.get", Op: 0xc801, Summary: "Read.", Routes: []string{"GET /notes/:key", "GET /note?named=key"}}, (*notes).get),
			command.Write(command.Info{Name: "note.put", Op: 0xc802, Summary: "Write.", Body: "value",
				Routes: []string{"PUT /notes/:key"}}, (*notes).put),
			command.Write(command.Info{Name: "note.remove", Op: 0xc803, Summary: "Remove.", Routes: []string{"DELETE /notes/:key"}}, (*notes).remove),
			command.Watch(command.Info{Name: "note.watch", Op: 0xc804, Summary: "Watch.", Routes: []string{"GET /notes"}}, (*notes).watch),
			command.Read(command.Info{Name: "note.echo", Op: 0xc805, Summary: "Echo.", Open: true,
				Routes: []string{"GET /notes", "GET /echo/:key", "GET /say?words=tags&loud=on", "POST /echo/:key/:n"}}, (*notes).echo),
			command.Act(command.Info{Name: "note.test.fail", Op: 0xc806, Summary: "Fail.", Open: true, Access: auth.Read}, (*notes).fail),
		},
	}
}

// bench is a server over real HTTP, and a client of it.
type bench struct {
	*testing.T
	url    string
	client *http.Client
	door   *door.Door
}

// newEngine assembles notes and the store, and runs until the test ends.
func newEngine(t testing.TB) *core.Engine {
	t.Helper()
	e, err := core.New(core.Options{Structures: []*command.Structure{noteStructure(), kv.Structure(kv.Options{})}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return e
}

func newDoor(t testing.TB, change func(*door.Options)) *door.Door {
	t.Helper()
	o := door.Options{Executor: newEngine(t).Dispatcher(), Version: "1.2.3"}
	if change != nil {
		change(&o)
	}
	d, err := door.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newBench(t *testing.T, change func(*door.Options)) *bench {
	t.Helper()
	d := newDoor(t, change)
	s := httptest.NewServer(d)
	t.Cleanup(func() {
		d.Stop()
		s.CloseClientConnections()
		s.Close()
	})
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &bench{T: t, url: s.URL, client: &http.Client{Transport: transport}, door: d}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request. Headers are "Name: value".
func (b *bench) do(method, path, body string, headers ...string) answer {
	b.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = v
		}
		req.Header.Add(name, v)
	}
	return b.send(req)
}

func (b *bench) send(req *http.Request) answer {
	b.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, strings.TrimSuffix(string(text), "\n")}
}

// packed turns JSON into MessagePack with a library that is not the door's own writer.
func packed(t testing.TB, text string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	b, err := msgpack.Marshal(numbers(tree))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func numbers(tree any) any {
	switch v := tree.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		if text, ok := v["$base64"].(string); ok && len(v) == 1 {
			var b []byte
			_ = json.Unmarshal([]byte(`"`+text+`"`), &b)
			return b
		}
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return tree
}

// unpacked turns MessagePack into canonical JSON.
func unpacked(t testing.TB, data string) string {
	t.Helper()
	dec := msgpack.NewDecoder(strings.NewReader(data))
	tree, err := dec.DecodeInterface()
	if err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	return canonical(t, tree)
}

// sameJSON returns JSON in canonical form: sorted keys.
func sameJSON(t testing.TB, text string) string {
	t.Helper()
	var tree any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return canonical(t, tree)
}

func canonical(t testing.TB, tree any) string {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(wrapBytes(tree)); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(buf.String(), "\n")
}

// wrapBytes writes bin as JSON says bytes.
func wrapBytes(tree any) any {
	switch v := tree.(type) {
	case []byte:
		return map[string]any{"$base64": v}
	case []any:
		for i := range v {
			v[i] = wrapBytes(v[i])
		}
	case map[string]any:
		for _, k := range slices.Collect(maps.Keys(v)) {
			v[k] = wrapBytes(v[k])
		}
	}
	return tree
}
