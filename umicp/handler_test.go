package umicp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/agent"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/auth/directory"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/memory"
	federation "github.com/hivellm/synap-go/peer"
	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/vector"
	"github.com/hivellm/synap-go/vector/matrix"
)

// open returns the door of an engine with every structure.
func open(t testing.TB) (*umicp.Server, *command.Table) {
	t.Helper()
	return openWith(t, umicp.Options{})
}

// openWith is open with options of the door.
func openWith(t testing.TB, o umicp.Options) (*umicp.Server, *command.Table) {
	t.Helper()
	return openOn(t, nil, o)
}

// openOn is openWith on a journal; nil is one in memory.
func openOn(t testing.TB, j journal.Journal, o umicp.Options) (*umicp.Server, *command.Table) {
	t.Helper()
	engine := engineOn(t, j)
	o.Executor, o.Version = engine.Dispatcher(), "test"
	return umicp.New(o), engine.Dispatcher().Table()
}

// engineOn runs an engine with every structure on a journal, until the test is over.
func engineOn(t testing.TB, j journal.Journal) *core.Engine {
	t.Helper()
	engine, err := core.New(core.Options{Version: "test", Journal: j, Structures: append([]*command.Structure{
		kv.Structure(kv.Options{}), queue.Structure(queue.Options{}), stream.Structure(stream.Options{}), pubsub.Structure(),
		agent.Structure(), memory.Structure(memory.Options{}), directory.Structure(directory.Options{Structures: []string{"kv"}}),
		vector.Structure(), federation.Structure(federation.Options{}),
	}, matrix.Structures()...)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return engine
}

// send makes one HTTP request of the door, as the local identity.
func send(door http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r = r.WithContext(auth.NewContext(r.Context(), auth.Local()))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	door.ServeHTTP(w, r)
	return w
}

func request(capabilities string) string {
	return `{"v":"2.0","msg_id":"m1","ts":"2026-11-23T06:50:00.000Z","from":"bridge","to":"synap-server","op":"request",` +
		`"capabilities":` + capabilities + `}`
}

// ask posts an envelope and returns the one that answers it.
func ask(t *testing.T, door http.Handler, body string) *umicp.Envelope {
	t.Helper()
	w := send(door, http.MethodPost, umicp.Path, body)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("POST %s = %d %s %s", body, w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	e, err := umicp.Decode(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// expect compares the envelope's capabilities but for what differs each time.
func expect(t *testing.T, e *umicp.Envelope, id, op, capabilities string) {
	t.Helper()
	got, err := json.Marshal(e.Capabilities)
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != id || e.Op != op || string(got) != capabilities {
		t.Errorf("got  %s %s %s\nwant %s %s %s", e.ID, e.Op, got, id, op, capabilities)
	}
	if e.From != "synap-server" || e.To != "bridge" || e.Version != umicp.Version {
		t.Errorf("from %q to %q v %q", e.From, e.To, e.Version)
	}
}

func TestOperations(t *testing.T) {
	door, _ := open(t)
	ask(t, door, request(`{"operation":"kv.set","key":"a","value":"<1>"}`))

	t.Run("a result is text in a block", func(t *testing.T) {
		for _, spelling := range []string{"kv.exists", "synap_kv_exists"} {
			e := ask(t, door, request(`{"operation":"`+spelling+`","keys":["a"]}`))
			expect(t, e, "resp-m1", "data", `{"original_message_id":"m1","reply_to":"m1",`+
				`"result":[{"type":"text","text":"{\"existing\":[\"a\"],\"missing\":[]}"}],"status":"success"}`)
		}
	})
	plain := `{"original_message_id":"m1","reply_to":"m1","result":{"existing":["a"],"missing":[]},"status":"success"}`
	t.Run("a result is plain JSON where it is asked for", func(t *testing.T) {
		expect(t, ask(t, door, request(`{"operation":"kv.exists","keys":["a"],"result_format":"json"}`)), "resp-m1", "data", plain)
		accepting := strings.Replace(request(`{"operation":"kv.exists","keys":["a"]}`), `"op"`, `"accept":["application/json"],"op"`, 1)
		expect(t, ask(t, door, accepting), "resp-m1", "data", plain)
	})
	t.Run("op is answered in the caller's case", func(t *testing.T) {
		shouting := strings.Replace(request(`{"operation":"kv.exists","keys":["a"],"result_format":"json"}`), `"request"`, `"REQUEST"`, 1)
		expect(t, ask(t, door, shouting), "resp-m1", "DATA", plain)
		failing := strings.Replace(request(`{"operation":"kv.get"}`), `"request"`, `"REQUEST"`, 1)
		if e := ask(t, door, failing); e.Op != "CONTROL" {
			t.Errorf("op = %s, want CONTROL", e.Op)
		}
	})
	t.Run("a watch answers once", func(t *testing.T) {
		ask(t, door, request(`{"operation":"kv.set","key":"a","value":"again"}`))
		e := ask(t, door, request(`{"operation":"kv.watch","keys":["a"],"from":1,"result_format":"json"}`))
		var result struct{ Events []json.RawMessage }
		if err := json.Unmarshal(e.Capabilities["result"], &result); err != nil || len(result.Events) != 1 {
			t.Errorf("result = %s, %v, want one event", e.Capabilities["result"], err)
		}
	})
}

func TestFailuresAreEnvelopes(t *testing.T) {
	door, _ := open(t)
	tests := []struct{ name, capabilities, code, message string }{
		{"no operation", `{"key":"a"}`, "invalid", "operation"},
		{"an operation that is no name", `{"operation":5}`, "invalid", "operation"},
		{"an unknown command", `{"operation":"kv.gett"}`, "not_found", "did you mean kv.get?"},
		{"an unknown tool", `{"operation":"synap_kv_gett"}`, "not_found", "did you mean kv.get?"},
		{"a missing argument", `{"operation":"kv.set","value":1}`, "invalid", `"key" is required`},
		{"an unknown argument", `{"operation":"kv.set","kye":"a","value":1}`, "invalid", `did you mean \"key\"?`},
		{"a durability that is none", `{"operation":"kv.set","key":"a","value":1,"durability":"paper"}`, "invalid", "fsynced"},
		{"a durability that is not to be had", `{"operation":"kv.set","key":"a","value":1,"durability":"fsynced"}`, "unsupported", "memory"},
		{"an idempotency key that is none", `{"operation":"kv.set","key":"a","value":1,"idempotency_key":7}`, "invalid", "is a string"},
		{"an idempotency key for a read", `{"operation":"kv.get","key":"a","idempotency_key":"x"}`, "invalid", "not a write"},
		{"a namespace that cannot be", `{"operation":"kv.get","key":"a","namespace":"NO!"}`, "invalid", "namespace"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := ask(t, door, request(test.capabilities))
			if e.ID != "err-m1" || e.Op != "control" || string(e.Capabilities["status"]) != `"error"` {
				t.Errorf("answer = %+v", e)
			}
			if code := string(e.Capabilities["code"]); code != `"`+test.code+`"` {
				t.Errorf("code = %s, want %s", code, test.code)
			}
			if message := string(e.Capabilities["error"]); !strings.Contains(message, test.message) && !strings.Contains(unquote(message), test.message) {
				t.Errorf("error = %s, want %s in it", message, test.message)
			}
			if len(e.Capabilities) != 4 {
				t.Errorf("capabilities = %v, want status, error, code and original_message_id", e.Capabilities)
			}
		})
	}
}

func unquote(text string) (s string) {
	_ = json.Unmarshal([]byte(text), &s) // what is no string is empty and matches nothing
	return s
}

func TestCallOptions(t *testing.T) {
	door, _ := open(t)
	once := request(`{"operation":"kv.increment","key":"n","idempotency_key":"k1","durability":"memory","result_format":"json"}`)
	first, second := ask(t, door, once), ask(t, door, once)
	if a, b := string(first.Capabilities["result"]), string(second.Capabilities["result"]); a != b {
		t.Errorf("a repeat was answered %s, the first call %s", b, a)
	}
	elsewhere := ask(t, door, request(`{"operation":"kv.exists","keys":["n"],"namespace":"other","result_format":"json"}`))
	here := ask(t, door, request(`{"operation":"kv.exists","keys":["n"],"result_format":"json"}`))
	if a, b := string(here.Capabilities["result"]), string(elsewhere.Capabilities["result"]); a == b {
		t.Errorf("the namespaces are one: both answer %s", a)
	}
}

func TestWhatIsNoEnvelopeIsAnHTTPError(t *testing.T) {
	door, _ := open(t)
	good := request(`{"operation":"server.status"}`)
	tests := []struct {
		name, method, path, body, contentType string
		status                                int
	}{
		{"garbage", "POST", "/umicp", "\x00\x01", "application/json", 400},
		{"cut off", "POST", "/umicp", good[:40], "application/json", 400},
		{"not an envelope", "POST", "/umicp", `{"type":"request"}`, "application/json", 400},
		{"too deep", "POST", "/umicp", request(`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`), "application/json", 400},
		{"too large", "POST", "/umicp", request(`{"a":"` + strings.Repeat("x", umicp.DefaultMaxBytes) + `"}`), "application/json", 413},
		{"binary frames", "POST", "/umicp", "\x01", "application/umicp+binary", 415},
		{"a form", "POST", "/umicp", good, "application/x-www-form-urlencoded", 415},
		{"a content type that is none", "POST", "/umicp", good, "/;", 415},
		{"no content type", "POST", "/umicp", good, "", 200},
		{"a content type with a charset", "POST", "/umicp", good, "application/json; charset=utf-8", 200},
		{"another method", "PUT", "/umicp", good, "application/json", 405},
		{"posting to discovery", "POST", "/umicp/discover", good, "application/json", 405},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := send(door, test.method, test.path, test.body, "Content-Type", test.contentType)
			if w.Code != test.status || !json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%d %s, want %d with JSON", w.Code, w.Body, test.status)
			}
		})
	}
}

func TestNobodyIsRefused(t *testing.T) {
	door, _ := open(t)
	for method, path := range map[string]string{http.MethodPost: umicp.Path, http.MethodGet: umicp.DiscoverPath} {
		w := httptest.NewRecorder()
		door.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(request(`{"operation":"server.status"}`))))
		if w.Code != http.StatusUnauthorized || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s = %d %s, want 401 with JSON", method, path, w.Code, w.Body)
		}
	}
}

func TestThePermissionsAreTheDispatchers(t *testing.T) {
	door, _ := open(t)
	r := httptest.NewRequest(http.MethodPost, umicp.Path, strings.NewReader(request(`{"operation":"kv.set","key":"a","value":1}`)))
	reader := &auth.Identity{Name: "reader", Namespace: "default", Access: auth.Read}
	w := httptest.NewRecorder()
	door.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), reader)))
	if e, err := umicp.Decode(w.Body.Bytes()); err != nil || string(e.Capabilities["code"]) != `"denied"` {
		t.Errorf("a reader's write was answered %s, %v", w.Body, err)
	}
}

func TestStatus(t *testing.T) {
	door, _ := open(t)
	if w := send(door, http.MethodGet, umicp.Path, ""); w.Code != 200 || w.Body.String() != `{"status":"ok","protocol":"UMICP","version":"1.0"}` {
		t.Errorf("GET = %d %s", w.Code, w.Body)
	}
	if w := send(door, http.MethodGet, umicp.Path, "", "Upgrade", "websocket"); w.Code != http.StatusUpgradeRequired && w.Code != http.StatusBadRequest {
		t.Errorf("GET with half an upgrade = %d %s", w.Code, w.Body)
	}
}

func TestDiscoveryIsTheTable(t *testing.T) {
	door, table := open(t)
	w := send(door, http.MethodGet, umicp.DiscoverPath, "")
	var d struct {
		Protocol   string
		ServerInfo struct {
			Version         string
			Features        []string
			OperationsCount int `json:"operations_count"`
			Metadata        struct {
				Federation []command.Exchange
			}
		} `json:"server_info"`
		Operations []struct {
			Name        string
			Description string
			Input       map[string]any  `json:"input_schema"`
			Output      map[string]any  `json:"output_schema"`
			Annotations map[string]bool `json:"annotations"`
		}
		Total int `json:"total_operations"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	n := len(table.Commands())
	if d.Protocol != "UMICP" || len(d.Operations) != n || d.Total != n || d.ServerInfo.OperationsCount != n || d.ServerInfo.Version != "test" {
		t.Errorf("discovery says %d, %d and %d operations of %d", len(d.Operations), d.Total, d.ServerInfo.OperationsCount, n)
	}
	var exchanges []command.Exchange
	for _, structure := range table.Structures() {
		exchanges = append(exchanges, structure.Exchanges...)
	}
	if !slices.Equal(d.ServerInfo.Metadata.Federation, exchanges) || len(exchanges) != 3 {
		t.Errorf("discovery says that it exchanges %+v, want %+v", d.ServerInfo.Metadata.Federation, exchanges)
	}
	for i, c := range table.Commands() {
		op := d.Operations[i]
		if op.Name != c.Name || op.Description == "" || op.Input["type"] != "object" || op.Output["type"] != "object" {
			t.Errorf("operation %+v, want %s with its schemas", op, c.Name)
		}
		if op.Annotations["read_only"] != c.ReadOnly() || op.Annotations["destructive"] != (c.Hints&command.Destructive != 0) {
			t.Errorf("%s has annotations %v", c.Name, op.Annotations)
		}
		if c.Tool == nil {
			continue
		}
		answer := ask(t, door, request(`{"operation":"`+c.Tool.Name+`"}`))
		if string(answer.Capabilities["code"]) == `"not_found"` {
			t.Errorf("%s cannot be called by its tool's name", c.Name)
		}
	}
}
