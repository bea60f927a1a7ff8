package http_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/quota"
	door "github.com/hivellm/synap-go/http"
)

// limited is a door in front of an engine with limits, called without a socket.
type limited struct {
	*testing.T
	*door.Door
	from string
}

func newLimited(t *testing.T, l core.Limits, addresses *quota.Buckets) limited {
	engine, err := core.New(core.Options{Structures: []*command.Structure{kv.Structure(kv.Options{})}, Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	d, err := door.New(door.Options{Executor: engine.Dispatcher(), Addresses: addresses})
	if err != nil {
		t.Fatal(err)
	}
	return limited{t, d, "192.0.2.1:1234"}
}

func (l limited) want(status int, path, body string, headers ...string) {
	l.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequest(http.MethodGet, path, nil)
	}
	r.RemoteAddr, r.Host = l.from, "localhost"
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	if w.Code != status {
		l.Errorf("%s %s: %d %s, want %d", path, body, w.Code, w.Body, status)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if got := w.Header().Get(name); got != value {
			l.Errorf("%s %s: %s is %q, want %q", path, body, name, got, value)
		}
	}
}

// TestHeadersTellOfRates runs in virtual time. Answers of every form tell how the rates stand.
func TestHeadersTellOfRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, core.Limits{Callers: quota.Rate{PerSecond: 2, Burst: 5}, Quotas: quota.Limits{quota.BytesPerS: 1000}}, nil)
		const policy = `RateLimit-Policy: "requests";q=5;w=3, "bytes_per_s";q=1000;w=1;qu="content-bytes"`
		l.want(200, "/v1/kv/set", `{"key":"a","value":"text"}`, policy, `RateLimit: "requests";r=4;t=1, "bytes_per_s";r=819;t=1`)
		l.want(200, "/v1/kv/a", "", policy) // which is answered as it is
		l.want(200, "/api/v1/command", `{"type":"request","command":"kv.count","request_id":"1"}`, policy)
		l.want(400, "/v1/kv/get", `{}`, policy) // whose errors are not counted
		l.want(200, "/v1/kv/mget", `{"keys":["a"]}`, policy)
		l.want(200, "/v1/kv/mget", `{"keys":["a"]}`, policy)
		l.want(429, "/v1/kv/mget", `{"keys":["a"]}`, policy, "Retry-After: 1")
		l.want(429, "/api/v1/command", `{"type":"request","command":"kv.count","request_id":"1"}`, policy, "Retry-After: 1")
		time.Sleep(10 * time.Second)
		l.want(200, "/v1/kv/count", `{}`, policy)
	})
	l := newLimited(t, core.Limits{}, nil)
	l.want(200, "/v1/kv/count", `{}`, "RateLimit: ", "RateLimit-Policy: ")
}

// TestMemoryThatIsUsedUpIsNoRate: coming again soon does not help.
func TestMemoryThatIsUsedUpIsNoRate(t *testing.T) {
	l := newLimited(t, core.Limits{Quotas: quota.Limits{quota.MemoryBytes: 10}}, nil)
	l.want(http.StatusInsufficientStorage, "/v1/kv/set", `{"key":"a","value":"text"}`, "RateLimit: ")
}

// TestAddressesAreHeldToARate runs in virtual time.
func TestAddressesAreHeldToARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, core.Limits{}, quota.NewBuckets("address_requests", quota.Rate{PerSecond: 1, Burst: 2}, 0))
		l.want(200, "/v1/kv/count", `{}`)
		l.from = "192.0.2.1:9999" // another connection
		l.want(404, "/nowhere", "")
		l.want(429, "/v1/kv/count", `{}`, "Retry-After: 1")
		l.want(429, "/nowhere", "", "Retry-After: 1")
		l.want(200, "/health", "")
		l.from = "[::ffff:192.0.2.1]:1"
		l.want(429, "/v1/kv/count", `{}`)
		for _, from := range []string{"192.0.2.2:1", "[2001:db8::1]:1"} {
			l.from = from
			l.want(200, "/v1/kv/count", `{}`)
		}
		l.from = "[2001:db8::ffff:0:0:1%eth0]:1" // of the same network
		l.want(200, "/v1/kv/count", `{}`)
		l.want(429, "/v1/kv/count", `{}`)
		l.from = "[2001:db8:0:1::1]:1"
		l.want(200, "/v1/kv/count", `{}`)
		time.Sleep(time.Second)
		l.from = "192.0.2.1:1234"
		l.want(200, "/v1/kv/count", `{}`)
	})
}

// TestConnectionsOfANamespaceAreLimited: WebSockets and event streams stay, and are counted together.
func TestConnectionsOfANamespaceAreLimited(t *testing.T) {
	var engine *core.Engine
	b := newBench(t, func(o *door.Options) {
		engine = newEngine(t)
		o.Executor = engine.Dispatcher()
	})
	if err := engine.SetLimits(core.Limits{Quotas: quota.Limits{quota.Connections: 2}}); err != nil {
		t.Fatal(err)
	}
	f := b.follow("GET", "/v1/notes", "", sse)
	f.wantFrame(": ready")
	w := b.dial(websocket.MessageText, nil)
	if got := b.do("GET", "/v1/notes", "", sse); got.status != 429 || !strings.Contains(got.body, `"quota":"connections"`) {
		t.Errorf("a third connection: %d %s", got.status, got.body)
	}
	if got := b.do("GET", "/v1/ws", "", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="); got.status != 429 {
		t.Errorf("a third one that is a WebSocket: %d %s", got.status, got.body)
	}
	if got := b.do("POST", "/v1/note/echo", `{}`); got.status == 429 {
		t.Errorf("a request that is over at once: %s", got.body)
	}
	space, err := engine.Space("default", false)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.conn.CloseNow()
	for space.Meter.Opened(quota.Connections) > 1 { // it is closed, and then given back
		runtime.Gosched()
	}
	b.follow("GET", "/v1/notes", "", sse).wantFrame(": ready")
}
