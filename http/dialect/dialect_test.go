package dialect_test

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/core/synaptest"
	door "github.com/hivellm/synap-go/http"
	"github.com/hivellm/synap-go/http/dialect"
)

//go:embed testdata
var stories embed.FS

// newDoor is a door of an engine that runs until the test ends.
func newDoor(t testing.TB) *door.Door {
	t.Helper()
	e, err := core.New(core.Options{Structures: []*command.Structure{
		kv.Structure(kv.Options{}), queue.Structure(queue.Options{}), stream.Structure(stream.Options{}), pubsub.Structure(),
	}})
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
	d, err := door.New(door.Options{Executor: e.Dispatcher()})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// serve is a server that speaks the dialect: its address.
func serve(t *testing.T) string {
	t.Helper()
	d := newDoor(t)
	s := httptest.NewServer(d)
	t.Cleanup(func() {
		d.Stop()
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// post sends a body and returns the answer and its status.
func post(ctx context.Context, url, body string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/command", strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// ask sends an envelope as SDKs do, and looks at the form of the answer. What it says is returned: its payload, or its error.
func ask(ctx context.Context, url, name string, payload []byte) ([]byte, error) {
	status, text, err := post(ctx, url, fmt.Sprintf(`{"command":%q,"request_id":"id-7","payload":%s}`, name, payload))
	if err != nil {
		return nil, err
	}
	var reply map[string]json.RawMessage
	if err := json.Unmarshal(text, &reply); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("%d %s", status, text)
	}
	said, other := "payload", "error"
	if string(reply["success"]) != "true" {
		said, other = other, said
	}
	if len(reply) != 4 || string(reply["request_id"]) != `"id-7"` || string(reply[other]) != "null" {
		return nil, fmt.Errorf("it has another form: %s", text)
	}
	return json.Marshal(map[string]json.RawMessage{said: reply[said]})
}

// TestStories plays what SDKs ask over HTTP.
func TestStories(t *testing.T) {
	told := map[string]bool{}
	for _, story := range synaptest.StoriesOf(t, stories) {
		t.Run(story.Name, func(t *testing.T) {
			url := serve(t)
			story.Play(t, synaptest.Shared(synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
				return ask(ctx, url, name, request)
			})))
		})
		for _, step := range story.Requests() {
			told[step.Command] = true
		}
	}
	for _, name := range dialect.Names() {
		if !told[name] && !slices.Contains([]string{"slowlog.get", "client.list", "kv.flushdb"}, name) {
			t.Errorf("no story tells of %s", name)
		}
	}
}

// TestOperators: what needs more than data is what it is natively, and is refused like that.
func TestOperators(t *testing.T) {
	var asked []string
	session := &fake{answer: func(name string) (string, error) {
		asked = append(asked, name)
		switch name {
		case "server.slowlog":
			return `{"total":3,"calls":[{"id":9,"at":1,"took_us":12000,"command":"kv.get","names":["a"],"client":"c"}]}`, nil
		case "server.clients":
			return `{"clients":[{"id":4,"address":"127.0.0.1:9","door":"http"}]}`, nil
		}
		return "", fault.New(fault.Denied, "bob may not")
	}}
	for _, row := range [][2]string{
		{"slowlog.get", `{"success":true,"request_id":"r","payload":{"entries":[{"args":["a"],"client":"c","command":"kv.get","duration_us":12000,"id":9,"timestamp":1}],"total":3},"error":null}`},
		{"client.list", `{"success":true,"request_id":"r","payload":{"clients":[{"addr":"127.0.0.1:9","door":"http","id":"4"}],"count":1},"error":null}`},
		{"kv.flushdb", `{"success":false,"request_id":"r","payload":null,"error":"Forbidden: bob may not"}`},
	} {
		got, err := json.Marshal(dialect.New().Answer(t.Context(), session, &dialect.Envelope{Command: row[0], RequestID: "r"}))
		if err != nil || string(got) != row[1] {
			t.Errorf("%s is answered %s, %v\nwant %s", row[0], got, err, row[1])
		}
	}
	if got := fmt.Sprint(asked); got != "[server.slowlog server.clients kv.clear]" {
		t.Errorf("asked was %s", got)
	}
}

// TestThereAreTooMany: what has no pages here is answered whole or not at all, and how to ask for less is said.
func TestThereAreTooMany(t *testing.T) {
	page := strings.TrimSuffix(strings.Repeat(`{"key":"k","queue":"k","room":"k","name":"k","id":1},`, 1000), ",")
	session := &fake{answer: func(name string) (string, error) {
		if name == "server.clients" {
			return `{"clients":[` + page + `],"next":7}`, nil
		}
		return `{"items":[` + page + `],"next_cursor":"c"}`, nil
	}}
	for command, native := range map[string]string{
		"kv.keys": "kv.scan", "queue.list": "queue.list", "stream.list": "stream.list", "pubsub.topics": "pubsub.topics", "client.list": "server.clients",
	} {
		reply := dialect.New().Answer(t.Context(), session, &dialect.Envelope{Command: command})
		if reply.Success || !strings.Contains(*reply.Error, fmt.Sprintf("more than %d", dialect.MaxKeys)) || !strings.Contains(*reply.Error, native) {
			t.Errorf("%s is answered %+v", command, reply)
		}
	}
}

// TestErrors: every code has words that SDKs know.
func TestErrors(t *testing.T) {
	for code, want := range map[fault.Code]string{
		fault.Invalid: "Invalid request: m", fault.AlreadyExists: "Invalid request: m", fault.Conflict: "Invalid request: m",
		fault.OutOfRange: "Invalid value: m", fault.TooLarge: "Invalid value: m", fault.NotFound: "Resource not found: m",
		fault.Denied: "Forbidden: m", fault.Unauthenticated: "Unauthorized: m", fault.Exhausted: "Quota exceeded: m",
		fault.Timeout: "Operation timed out: m", fault.Unavailable: "Internal error: m", fault.Internal: "Internal error: m",
	} {
		session := &fake{answer: func(string) (string, error) { return "", fault.New(code, "m") }}
		reply := dialect.New().Answer(t.Context(), session, &dialect.Envelope{Command: "kv.dbsize"})
		if reply.Success || reply.Error == nil || *reply.Error != want {
			t.Errorf("%v is said as %+v", code, reply)
		}
	}
}

// TestEnvelopes: what is in the dialect and what is not. Who forgets the type of a native envelope is told.
func TestEnvelopes(t *testing.T) {
	url := serve(t)
	for _, row := range []struct {
		sent, want string
		status     int
	}{
		{`{"command":"kv.dbsize","request_id":"a","payload":null}`, `{"success":true,"request_id":"a","payload":{"size":0},"error":null}`, 200},
		{`{"command":"kv.dbsize","request_id":"a"}`, `{"success":true,"request_id":"a","payload":{"size":0},"error":null}`, 200},
		{`{"command":"kv.dbsize","request_id":"a","payload":{},"version":1,"more":[]}`, `{"success":true,"request_id":"a","payload":{"size":0},"error":null}`, 200},
		{`{"command":"kv.dbsize","payload":{}}`, `the envelope has no \"type\"`, 400},
		{`{"type":"request","command":"kv.dbsize","request_id":"a"}`, `"code":"not_found"`, 404},
		{`{"type":"request","command":"kv.count","request_id":"a"}`, `"count":0`, 200},
		{`{"command":"kv.dbsize","request_id":"a","commands":[]}`, `the envelope has no \"type\"`, 400},
		{`{"command":"kv.dbsize","request_id":7}`, `request_id`, 400},
		{`{"command":"kv.dbsize","request_id":"a"`, `"error"`, 400},
	} {
		status, got, err := post(t.Context(), url, row.sent)
		if err != nil || status != row.status || !bytes.Contains(got, []byte(row.want)) {
			t.Errorf("%s\n  is answered %d %s, %v\n  want %d %s", row.sent, status, got, err, row.status, row.want)
		}
	}
}

// fake is a session that answers without a server.
type fake struct {
	answer func(name string) (string, error)
}

func (f *fake) Namespace() string { return "default" }

func (f *fake) Call(_ context.Context, name string, request, response any) error {
	if _, err := json.Marshal(request); err != nil {
		return err
	}
	text, err := f.answer(name)
	if err != nil || response == nil {
		return err
	}
	return json.Unmarshal([]byte(text), response)
}

// FuzzPayload: whatever is sent, and whatever is answered to the native calls, there is a reply that is JSON.
func FuzzPayload(f *testing.F) {
	for _, story := range synaptest.StoriesOf(f, stories) {
		for _, step := range story.Requests() {
			f.Add(step.Command, []byte(step.Plain()), []byte(`{"found":true,"value":"x","items":[{"found":true,"value":{"$base64":"/w=="}}]}`))
		}
	}
	f.Fuzz(func(t *testing.T, name string, payload, answer []byte) {
		session := &fake{answer: func(string) (string, error) { return string(answer), nil }}
		if bytes.Contains(answer, []byte("next")) { // the last page would never come
			return
		}
		reply := dialect.New().Answer(t.Context(), session, &dialect.Envelope{Command: name, Payload: payload})
		if _, err := json.Marshal(reply); err != nil {
			t.Errorf("%s %q: %v", name, payload, err)
		}
		if reply.Success != (reply.Error == nil) {
			t.Errorf("%s %q is answered %+v", name, payload, reply)
		}
	})
}
