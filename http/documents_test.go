package http_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	door "github.com/hivellm/synap-go/http"
)

func TestOpenAPI(t *testing.T) {
	table := newEngine(t).Dispatcher().Table()
	text, err := door.OpenAPI(table, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := door.OpenAPI(newEngine(t).Dispatcher().Table(), "1.2.3")
	if !bytes.Equal(text, again) {
		t.Error("the document is another the second time")
	}
	if got := call(newDoor(t, nil), "GET", "/openapi.json", ""); got.body+"\n" != string(text) {
		t.Error("what is served is not what is generated")
	}
	var doc struct {
		OpenAPI string
		Info    struct{ Version string }
		Paths   map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Parameters  []struct{ Name, In string }
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "1.2.3" {
		t.Errorf("version %s of %s", doc.Info.Version, doc.OpenAPI)
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths {
		for method, o := range item {
			if o.OperationID != "" && ids[o.OperationID] {
				t.Errorf("operation %s twice", o.OperationID)
			}
			ids[o.OperationID] = true
			var inPath []string
			for _, p := range o.Parameters {
				if p.In == "path" {
					inPath = append(inPath, "{"+p.Name+"}")
				}
			}
			if got := regexp.MustCompile(`\{\w+\}`).FindAllString(path, -1); !slices.Equal(got, inPath) {
				t.Errorf("%s %s has the parameters %v", method, path, inPath)
			}
		}
	}
	for _, c := range table.Commands() {
		if doc.Paths["/v1/"+strings.ReplaceAll(c.Name, ".", "/")]["post"].OperationID != c.Name {
			t.Errorf("%s is missing", c.Name)
		}
	}
	for _, m := range regexp.MustCompile(`#/components/schemas/([\w.]+)`).FindAllSubmatch(text, -1) {
		if doc.Components.Schemas[string(m[1])] == nil {
			t.Errorf("schema %s is missing", m[1])
		}
	}
	var names []string
	for _, p := range doc.Paths["/v1/say"]["get"].Parameters {
		names = append(names, p.Name)
	}
	if !slices.Contains(names, "words") || slices.Contains(names, "tags") {
		t.Errorf("GET /v1/say takes %s, want words and not tags, as the route calls them", names)
	}
}

func TestMetrics(t *testing.T) {
	b := newBench(t, nil)
	b.do("POST", "/v1/note/echo", "")
	b.do("GET", "/v1/notes/a", "")
	b.do("POST", "/v1/note/get", "{}")
	for name, want := range map[string]string{
		`synap_commands_total{code="ok",command="note.echo"}`:                  "1",
		`synap_commands_total{code="ok",command="note.get"}`:                   "1",
		`synap_commands_total{code="invalid",command="note.get"}`:              "1",
		`synap_commands_total{code="ok",command="note.put"}`:                   "0",
		`synap_command_duration_seconds_count{command="note.echo"}`:            "1",
		`synap_command_duration_seconds_bucket{command="note.echo",le="+Inf"}`: "1",
		`synap_streams{kind="websocket"}`:                                      "0",
	} {
		if got := b.metric(name); got != want {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
	if text := b.do("GET", "/metrics", "").body; !strings.Contains(text, "one call in 16") || !strings.Contains(text, "go_goroutines") {
		t.Error("the help or Go's own figures are missing")
	}
}

// hungUp is a caller who takes nothing of what is answered.
type hungUp struct{ header http.Header }

func (h hungUp) Header() http.Header     { return h.header }
func (hungUp) WriteHeader(int)           {}
func (hungUp) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// TestAScraperThatHangsUpIsNoNews reads the metrics for somebody who does not wait for them.
func TestAScraperThatHangsUpIsNoNews(t *testing.T) {
	var logged bytes.Buffer
	log := logrus.New()
	log.SetOutput(&logged)
	d := newDoor(t, func(o *door.Options) { o.Log = log })
	d.ServeHTTP(hungUp{http.Header{}}, httptest.NewRequest("GET", "http://localhost/metrics", nil))
	if logged.Len() > 0 {
		t.Errorf("it was logged %d times: %s", strings.Count(logged.String(), "\n"), logged.String())
	}
	log.SetLevel(logrus.DebugLevel)
	d.ServeHTTP(hungUp{http.Header{}}, httptest.NewRequest("GET", "http://localhost/metrics", nil))
	if !strings.Contains(logged.String(), "broken pipe") {
		t.Errorf("who wants to know is told %q", logged.String())
	}
}

// TestIndex is for whoever opens the address in a browser: it says that this is Synap, and where to go, and asks nobody.
func TestIndex(t *testing.T) {
	d := newDoor(t, func(o *door.Options) {
		o.Mounts = []door.Mount{{Pattern: "/m", Handler: http.NotFoundHandler()}}
		o.Authenticator = nobodyIsKnown{}
	})
	got := call(d, "GET", "/", "")
	if got.status != 200 || !strings.Contains(got.body, `"server":"synap"`) || !strings.Contains(got.body, `"openapi":"/openapi.json"`) || !strings.Contains(got.body, `"doors":["/m"]`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := call(d, "HEAD", "/", ""); got.status != 200 {
		t.Errorf("HEAD: %d", got.status)
	}
	if got := call(d, "GET", "/nowhere", ""); got.status != 401 {
		t.Errorf("elsewhere: %d %s", got.status, got.body)
	}
}

// nobodyIsKnown is an authenticator that refuses everybody.
type nobodyIsKnown struct{}

func (nobodyIsKnown) Authenticate(context.Context, *auth.Credential) (*auth.Identity, error) {
	return nil, fault.New(fault.Unauthenticated, "who are you")
}

func TestReady(t *testing.T) {
	ready := errors.New("recovering")
	d := newDoor(t, func(o *door.Options) { o.Ready = func() error { return ready } })
	if got := call(d, "GET", "/ready", ""); got.status != 503 || !strings.Contains(got.body, "recovering") {
		t.Errorf("not ready: %d %s", got.status, got.body)
	}
	ready = fault.New(fault.Exhausted, "the disk is full").With("percent", 40)
	if got := call(d, "GET", "/ready", ""); got.status != 503 || !strings.Contains(got.body, `"percent":40`) || !strings.Contains(got.body, "disk is full") {
		t.Errorf("not ready, and details: %d %s", got.status, got.body)
	}
	ready = nil
	if got := call(d, "GET", "/ready", ""); got.status != 200 {
		t.Errorf("ready: %d %s", got.status, got.body)
	}
	d.Stop()
	if got := call(d, "GET", "/ready", ""); got.status != 503 || !strings.Contains(got.body, "shutting down") {
		t.Errorf("stopping: %d %s", got.status, got.body)
	}
	if got := call(d, "GET", "/health", ""); got.status != 200 {
		t.Errorf("alive while stopping: %d %s", got.status, got.body)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	x := newEngine(t).Dispatcher()
	for _, c := range []struct {
		name, want string
		o          door.Options
	}{
		{"no executor", "Executor", door.Options{}},
		{"a negative limit", "MaxBatch: -1", door.Options{Executor: x, MaxBatch: -1}},
		{"a negative time", "KeepAlive: -1s", door.Options{Executor: x, KeepAlive: -time.Second}},
		{"two mounts on one path", "contradict", door.Options{Executor: x, Mounts: []door.Mount{{Pattern: "/m"}, {Pattern: "/m"}}}},
	} {
		if _, err := door.New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRoutesThatMakeNoSense(t *testing.T) {
	type request struct {
		Key string         `json:"key" jsonschema:"a key"`
		Map map[string]int `json:"map,omitempty" jsonschema:"a map"`
	}
	for route, want := range map[string]string{
		"/x":               "not of the form",
		"GET x":            "not of the form",
		"FETCH /x":         "the method",
		"PUT /x":           "a raw body cannot fill",
		"GET /kv/get":      "",
		"GET /x?a=b":       "cannot be another name",
		"GET /x?map=key":   "cannot be another name",
		"GET /x?named=key": "",
		"GET /x?a=%zz":     "invalid URL escape",
	} {
		c := command.Read(command.Info{Name: "odd.get", Op: 0xc901, Summary: "Odd.", Open: true, Routes: []string{route}, Body: "map"},
			func(*notes, context.Context, *request) (struct{}, error) { return struct{}{}, nil })
		table, err := command.NewTable(&command.Structure{Name: "odd", ID: 201, Commands: []*command.Command{c}})
		if err != nil {
			t.Fatal(err)
		}
		d := command.NewDispatcher(table, nil, journal.NewMemory(journal.MemoryOptions{}), command.NewClock())
		_, err = door.New(door.Options{Executor: d})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", route, err, want)
		}
	}
}
