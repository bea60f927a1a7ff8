package http_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	door "github.com/hivellm/synap-go/http"
)

// wire is a WebSocket to the door.
type wire struct {
	*testing.T
	conn *websocket.Conn
	ctx  context.Context
	kind websocket.MessageType
}

func (b *bench) dial(kind websocket.MessageType, options *websocket.DialOptions) *wire {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	if options == nil {
		options = &websocket.DialOptions{}
	}
	options.HTTPClient = b.client
	conn, resp, err := websocket.Dial(ctx, b.url+"/v1/ws", options)
	if err != nil {
		b.Fatal(err)
	}
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	b.Cleanup(func() { _ = conn.CloseNow() })
	conn.SetReadLimit(64 << 20)
	return &wire{b.T, conn, ctx, kind}
}

func (w *wire) send(text string) {
	w.Helper()
	if w.kind == websocket.MessageBinary {
		text = packed(w.T, text)
	}
	if err := w.conn.Write(w.ctx, w.kind, []byte(text)); err != nil {
		w.Fatal(err)
	}
}

func (w *wire) receive() string {
	w.Helper()
	kind, data, err := w.conn.Read(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	if kind != w.kind {
		w.Fatalf("answered with a %v message", kind)
	}
	if kind == websocket.MessageBinary {
		return withoutEpoch(unpacked(w.T, string(data)))
	}
	return withoutEpoch(sameJSON(w.T, string(data)))
}

func (w *wire) want(want string) {
	w.Helper()
	if got := w.receive(); got != want {
		w.Fatalf("got %s\nwant %s", got, want)
	}
}

func TestSocket(t *testing.T) {
	for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
		t.Run(kind.String(), func(t *testing.T) {
			b := newBench(t, nil)
			w := b.dial(kind, nil)
			for _, step := range story[:8] {
				body := strings.Replace(step.sent, `"type":"request"`, `"type":"request","request_id":"q"`, 1)
				if strings.Count(body, `"request_id"`) > 1 {
					continue // has an id of its own
				}
				w.send(body)
				_, want, _ := strings.Cut(step.want, " ")
				if got := strings.Replace(w.receive(), `"request_id":"q",`, "", 1); got != want && step.name[0] != 'J' && !strings.Contains(got, `"success"`) {
					t.Errorf("%s: got %s, want %s", step.name, got, want)
				}
			}
			w.send(`{"type":"batch","request_id":"b","commands":[{"command":"note.echo","payload":{"n":1}}]}`)
			w.want(`{"request_id":"b","results":[{"payload":{"echo":{"n":1}},"status":"success","type":"response"}],"status":"success","type":"batch_response"}`)
			w.send(`{"type":"request","command":"note.echo"}`)
			w.want(`{"error":{"code":"invalid","details":{"field":"request_id"},"message":"the envelope has no \"request_id\", by which to know its answer"},"status":"error","type":"response"}`)
			w.send(`{"type":"cancel","request_id":"nobody"}`)
			w.want(`{"error":{"code":"not_found","message":"no request \"nobody\" is in flight"},"request_id":"nobody","status":"error","type":"response"}`)
		})
	}
}

func TestSocketWatch(t *testing.T) {
	for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
		t.Run(kind.String(), func(t *testing.T) {
			b := newBench(t, nil)
			w := b.dial(kind, nil)
			w.send(`{"type":"request","request_id":"w","command":"note.watch","payload":{"prefix":"a"}}`)
			w.want(`{"payload":{"position":"E-0","watching":true},"request_id":"w","status":"success","type":"response"}`)
			b.do("PUT", "/v1/notes/a", "1")
			w.want(`{"payload":{"event":"put","key":"a","value":"1","version":1},"position":"E-1","request_id":"w","type":"event"}`)
			w.send(`{"type":"request","request_id":"w","command":"note.echo"}`)
			w.want(`{"error":{"code":"conflict","message":"request \"w\" is still in flight"},"request_id":"w","status":"error","type":"response"}`)
			w.send(`{"type":"request","request_id":"p","command":"note.put","payload":{"key":"b","value":"not watched"}}`)
			w.want(`{"payload":{"created":true,"durability":"memory","version":2},"request_id":"p","status":"success","type":"response"}`)
			w.send(`{"type":"cancel","request_id":"w"}`)
			got := w.receive() // the position has moved on to 2 if the feed has been that far
			if !strings.HasPrefix(got, `{"position":"E-`) || !strings.HasSuffix(got, `","request_id":"w","status":"success","type":"end"}`) {
				t.Fatalf("the cancel is answered %s", got)
			}
			w.send(`{"type":"request","request_id":"w","command":"note.watch","payload":{"from":"1","limit":1}}`)
			w.want(`{"payload":{"watching":true},"request_id":"w","status":"success","type":"response"}`)
			w.want(`{"payload":{"event":"put","key":"b","value":"not watched","version":2},"position":"E-2","request_id":"w","type":"event"}`)
			w.want(`{"position":"E-2","request_id":"w","status":"success","type":"end"}`)
			w.send(`{"type":"request","request_id":"w","command":"note.watch","payload":{"from":"99"}}`)
			if got := w.receive(); !strings.Contains(got, `"code":"out_of_range"`) || !strings.Contains(got, `"type":"response"`) {
				t.Errorf("a watch that cannot begin is answered %s", got)
			}
			w.send(`{"type":"request","request_id":"s","command":"note.test.fail","payload":{"code":"stall"}}`)
			w.send(`{"type":"cancel","request_id":"s"}`)
			if got := w.receive(); !strings.Contains(got, `"code":"canceled"`) || !strings.Contains(got, `"request_id":"s"`) {
				t.Errorf("a cancelled request is answered %s", got)
			}
		})
	}
}

func TestSocketLimits(t *testing.T) {
	b := newBench(t, func(o *door.Options) { o.MaxInFlight, o.MaxBodyBytes = 2, 1000 })
	w := b.dial(websocket.MessageText, nil)
	for _, id := range []string{"1", "2"} {
		w.send(`{"type":"request","request_id":"` + id + `","command":"note.test.fail","payload":{"code":"stall"}}`)
	}
	w.send(`{"type":"request","request_id":"3","command":"note.echo"}`)
	w.want(`{"error":{"code":"exhausted","details":{"limit":2},"message":"2 requests are in flight on this connection, and no more are allowed"},"request_id":"3","status":"error","type":"response"}`)
	w.send(`not an envelope`)
	if got := w.receive(); !strings.Contains(got, `"code":"invalid"`) {
		t.Errorf("garbage is answered %s", got)
	}
	w.send(strings.Repeat("x", 1001))
	_, _, err := w.conn.Read(w.ctx)
	if websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("a message too long: %v", err)
	}
}

// A caller that takes nothing is dropped, and everything that it had begun ends.
func TestSlowSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, _ := servePipes(t, func(o *door.Options) { o.WriteTimeout = 3 * time.Second })
		w := b.dial(websocket.MessageText, nil)
		w.send(`{"type":"request","request_id":"w","command":"note.watch"}`)
		w.receive()
		for range 3 {
			b.do("PUT", "/v1/notes/a", strings.Repeat("x", 1<<20))
		}
		began := time.Now()
		for b.metric(`synap_streams{kind="websocket"}`) != "0" {
			if time.Sleep(100 * time.Millisecond); time.Since(began) > time.Minute {
				t.Fatal("the slow caller is still connected")
			}
		}
		if took := time.Since(began); took > 3*time.Second+200*time.Millisecond {
			t.Errorf("the slow caller was borne for %v", took)
		}
		for {
			if _, _, err := w.conn.Read(w.ctx); err != nil {
				return
			}
		}
	})
}

func (b *bench) metric(name string) string {
	b.Helper()
	for line := range strings.SplitSeq(b.do("GET", "/metrics", "").body, "\n") {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			return v
		}
	}
	return ""
}

func TestSocketHandshake(t *testing.T) {
	b := newBench(t, nil)
	if got := b.do("GET", "/v1/ws", ""); got.status != 426 {
		t.Errorf("without an upgrade: %d %s", got.status, got.body)
	}
	_, resp, err := websocket.Dial(t.Context(), b.url+"/v1/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://evil.example"}}})
	if err == nil || resp.StatusCode != 403 {
		t.Errorf("a foreign page: %v", err)
	}
}

func TestManyInFlight(t *testing.T) {
	b := newBench(t, nil)
	w := b.dial(websocket.MessageText, nil)
	for i := range 200 {
		w.send(fmt.Sprintf(`{"type":"request","request_id":"%d","command":"note.echo","payload":{"u":%d}}`, i, i))
	}
	seen := map[string]bool{}
	for range 200 {
		var r struct {
			RequestID string `json:"request_id"`
			Payload   struct{ Echo struct{ U int } }
		}
		text := w.receive()
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if seen[r.RequestID] || fmt.Sprint(r.Payload.Echo.U) != r.RequestID {
			t.Fatalf("answer %s", text)
		}
		seen[r.RequestID] = true
	}
}
