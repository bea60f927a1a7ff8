package dialect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/hivellm/synap-go/http/dialect"
)

// client is one that is connected to a feed.
type client struct {
	*testing.T
	url  string
	conn *websocket.Conn
}

func connect(t *testing.T, url, path string) *client {
	t.Helper()
	conn, answer, err := websocket.Dial(t.Context(), url+path, nil)
	if answer != nil && answer.Body != nil {
		defer answer.Body.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &client{t, url, conn}
}

// varying is what is not the same in two runs.
var varying = regexp.MustCompile(`"(subscriber_id|message_id)":"[A-Z2-7]{26}"|"(timestamp|created_at|deadline)":[0-9]+`)

func (c *client) next() string {
	c.Helper()
	ctx, done := context.WithTimeout(c.Context(), time.Minute) // else a frame that does not come is the whole suite's end
	defer done()
	kind, text, err := c.conn.Read(ctx)
	if err != nil || kind != websocket.MessageText {
		c.Fatalf("%v: %v", kind, err)
	}
	return varying.ReplaceAllString(strings.TrimSpace(string(text)), `"$1$2":"*"`)
}

func (c *client) want(want ...string) {
	c.Helper()
	for _, w := range want {
		if got := c.next(); got != w {
			c.Fatalf("got  %s\nwant %s", got, w)
		}
	}
}

// do asks over HTTP and wants no error.
func (c *client) do(name, payload string) {
	c.Helper()
	if text, err := ask(c.Context(), c.url, name, []byte(payload)); err != nil || strings.HasPrefix(string(text), `{"error"`) {
		c.Fatalf("%s %s: %s %v", name, payload, text, err)
	}
}

func (c *client) say(message string) {
	c.Helper()
	if err := c.conn.Write(c.Context(), websocket.MessageText, []byte(message)); err != nil {
		c.Fatal(err)
	}
}

// closed waits until the server has closed the connection.
func (c *client) closed(code websocket.StatusCode) {
	c.Helper()
	if _, text, err := c.conn.Read(c.Context()); websocket.CloseStatus(err) != code {
		c.Fatalf("got %s, %v; want it to be closed with %v", text, err, code)
	}
}

func TestTopicFeed(t *testing.T) {
	c := connect(t, serve(t), "/pubsub/ws?topics=a.*,%20b.%23")
	c.want(`{"subscriber_id":"*","subscription_count":2,"topics":["a.*","b.#"],"type":"connected"}`)
	c.do("pubsub.publish", `{"topic":"a.b","payload":{"x":[1]},"metadata":{"k":"v"},"priority":3}`)
	c.do("pubsub.publish", `{"topic":"elsewhere","payload":1}`)
	c.do("pubsub.publish", `{"topic":"b","payload":"text"}`)
	c.want(`{"message_id":"*","metadata":{"k":"v","priority":"3"},"payload":{"x":[1]},"timestamp":"*","topic":"a.b","type":"message"}`,
		`{"message_id":"*","metadata":null,"payload":"text","timestamp":"*","topic":"b","type":"message"}`)
}

func TestKeyFeed(t *testing.T) {
	c := connect(t, serve(t), "/kv/ws?keys=k,user:*")
	c.want(`{"subscriber_id":"*","subscription_count":2,"topics":["__watch@0__:k","__watch@0__:user:*"],"type":"connected"}`)
	c.do("kv.set", `{"key":"k","value":"v"}`)
	c.do("kv.set", `{"key":"other","value":"v"}`)
	c.do("kv.set", `{"key":"user:1","value":{"a":1}}`)
	c.do("kv.expire", `{"key":"user:1","ttl":60}`)
	c.do("kv.persist", `{"key":"user:1"}`)
	c.do("kv.del", `{"key":"k"}`)
	c.do("kv.set", fmt.Sprintf(`{"key":"k","value":%q}`, strings.Repeat("x", 70_000)))
	c.do("kv.flushall", `{}`)
	frame := func(key, payload string) string {
		return fmt.Sprintf(`{"message_id":"*","metadata":null,"payload":{%s},"timestamp":"*","topic":"__watch@0__:%s","type":"message"}`, payload, key)
	}
	c.want(frame("k", `"event":"set","key":"k","value":"v","version":1`),
		frame("user:1", `"event":"set","key":"user:1","value":"{\"a\":1}","version":3`),
		frame("user:1", `"event":"expire","key":"user:1","version":4`),
		frame("user:1", `"event":"persist","key":"user:1","version":5`),
		frame("k", `"event":"del","key":"k","version":6`),
		frame("k", `"event":"set","key":"k","truncated":true,"version":7`),
		frame("*", `"event":"del","key":"*","version":8`))
}

func TestRoomFeed(t *testing.T) {
	url := serve(t)
	none := connect(t, url, "/stream/nowhere/ws/me")
	none.want(`{"error":"Invalid request: Room 'nowhere' not found","type":"error"}`)
	none.closed(websocket.StatusNormalClosure)

	none.do("stream.create", `{"room":"a b"}`)
	none.do("stream.publish", `{"room":"a b","event":"e","data":0}`)
	none.do("stream.publish", `{"room":"a b","event":"e","data":{"n":1}}`)
	c := connect(t, url, "/stream/a%20b/ws/me?from_offset=1")
	c.want(`{"from_offset":1,"room":"a b","subscriber_id":"me","type":"connected"}`,
		`{"data":{"n":1},"event":"e","offset":1,"timestamp":"*","type":"event"}`)
	c.do("stream.publish", `{"room":"a b","event":"f","data":"text"}`)
	c.want(`{"data":"text","event":"f","offset":2,"timestamp":"*","type":"event"}`)
	c.say(`{"what":"ever"}`) // nobody listens
	c.do("stream.delete", `{"room":"a b"}`)
	c.want(`{"error":"Invalid request: Room 'a b' not found","type":"error"}`)
	c.closed(websocket.StatusNormalClosure)
}

func TestQueueFeed(t *testing.T) {
	url := serve(t)
	none := connect(t, url, "/queue/nowhere/ws/me")
	none.want(`{"error":"Queue not found: nowhere","type":"error"}`)
	none.closed(websocket.StatusNormalClosure)

	none.do("queue.create", `{"name":"q","config":{"prefetch_limit":1}}`)
	none.do("queue.publish", `{"queue":"q","payload":[104,105]}`)
	c := connect(t, url, "/queue/q/ws/me")
	message := func(retries int) string {
		return fmt.Sprintf(`{"created_at":"*","deadline":"*","headers":{},"max_retries":3,"message_id":"1","payload":[104,105],"priority":5,`+
			`"retries":%d,"retry_count":%d,"timestamp":"*","type":"message"}`, retries, retries)
	}
	c.want(`{"consumer_id":"me","queue":"q","type":"connected"}`, message(0))
	for _, rubbish := range []string{``, `[]`, `{"command":"ack"}`, `{"command":"ack","message_id":"7"}`, `{"command":"dance","message_id":"1"}`} {
		c.say(rubbish)
	}
	c.say(`{"command":"nack","message_id":"1"}`)
	c.want(message(1))
	c.do("queue.publish", `{"queue":"q","payload":"next"}`)
	c.say(`{"command":"ack","message_id":"1"}`)
	if got := c.next(); !strings.Contains(got, `"message_id":"2"`) {
		t.Errorf("after the acknowledgement comes %s", got)
	}
}

// TestQueueFeedWaits: of a long queue, a consumer is sent so many messages and no more before it acknowledges some.
func TestQueueFeedWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given, sent atomic.Int64
		s := &fake{answer: func(name string) (string, error) {
			if name != "queue.receive" {
				return `{"results":[{"ok":true}]}`, nil
			}
			n := given.Add(1)
			return fmt.Sprintf(`{"messages":[{"receipt":"r%d","message_id":"%d","message":"m","attempt":1,"lease_expires_at":%d}]}`,
				n, n, time.Now().Add(time.Hour).UnixMilli()), nil
		}}
		ctx, stop := context.WithCancel(t.Context())
		feed := dialect.New().Queue(follower{s}, "q", "me")
		go feed.Run(ctx, func(any) error { sent.Add(1); return nil })
		synctest.Wait()
		if given.Load() != dialect.MaxInFlight || sent.Load() != given.Load()+1 {
			t.Fatalf("%d were handed out and %d frames sent, want %d messages", given.Load(), sent.Load(), dialect.MaxInFlight)
		}
		feed.Hear(ctx, []byte(`{"command":"ack","message_id":"5"}`))
		synctest.Wait()
		if given.Load() != dialect.MaxInFlight+1 {
			t.Errorf("after an acknowledgement %d were handed out", given.Load())
		}
		time.Sleep(2 * time.Hour) // of the bubble's clock: all leases have ended by then
		synctest.Wait()
		if given.Load() <= dialect.MaxInFlight+1 {
			t.Error("after the leases had ended nothing more was handed out")
		}
		stop()
		synctest.Wait()
	})
}

// follower is a fake that follows nothing.
type follower struct{ *fake }

func (follower) Follow(context.Context, string, any, func() error, func(json.RawMessage) error) error {
	return nil
}

// TestFeedsRefuse: what is no WebSocket, and what does not say what it is for.
func TestFeedsRefuse(t *testing.T) {
	url := serve(t)
	for path, want := range map[string]int{
		"/kv/ws": 400, "/pubsub/ws?topics=,": 400, "/stream/r/ws/me?from_offset=-1": 400, "/stream/r/ws/me?from_offset=99999999999999999999": 400,
	} {
		if _, answer, err := websocket.Dial(t.Context(), url+path, nil); err == nil || answer == nil || answer.StatusCode != want {
			t.Errorf("%s: %+v, %v", path, answer, err)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/kv/ws?keys=a", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("a GET is answered %d", answer.StatusCode)
	}
	for _, pattern := range []string{"a.#.b", "%23.a"} {
		c := connect(t, url, "/pubsub/ws?topics="+pattern)
		if got := c.next(); !strings.HasPrefix(got, `{"error":"Invalid request: `) {
			t.Errorf("%s: %s", pattern, got)
		}
		c.closed(websocket.StatusNormalClosure)
	}
}

func TestLeasesAreBounded(t *testing.T) {
	future := time.Now().Add(time.Hour).UnixMilli()
	got := []int{dialect.KeepLeases(10, 5, future), dialect.KeepLeases(10, 50, future)}
	if !slices.Equal(got, []int{5, 10}) {
		t.Errorf("%v leases are left, want 5 and 10", got)
	}
	if !dialect.SettleLater() {
		t.Error("a lease is forgotten with the one before it")
	}
}
