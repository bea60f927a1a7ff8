package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/mcp"
)

// read returns the only content of a resource.
func (l *line) read(uri string) (mime, text, blob string) {
	l.Helper()
	var got struct {
		Contents []struct{ URI, MimeType, Text, Blob string }
	}
	if err := json.Unmarshal([]byte(l.get("resources/read", fmt.Sprintf(`{"uri":%q}`, uri))), &got); err != nil || len(got.Contents) != 1 {
		l.Fatalf("%s: %+v, %v", uri, got, err)
	}
	c := got.Contents[0]
	if c.URI != uri {
		l.Errorf("%s calls itself %s", uri, c.URI)
	}
	return c.MimeType, c.Text, c.Blob
}

func TestResourcesAreRead(t *testing.T) {
	w := newWorld(t)
	w.do("kv.set", `{"key":"a:text","value":"héllo"}`)
	w.do("kv.set", `{"key":"a:json","value":{"n":[1]}}`)
	w.do("kv.set", `{"key":"a/b c","value":{"$base64":"AP8="}}`)
	w.do("queue.publish", `{"queue":"jobs","message":"first"}`)
	w.do("queue.publish", `{"queue":"jobs","message":"bad"}`)
	w.do("stream.append", `{"room":"log","event":"e","data":1}`)
	w.do("stream.append", `{"room":"log","event":"e","data":2}`)
	w.do("agent.send", `{"to":"local","message":"hi"}`)
	l := w.dial()
	for _, tt := range []struct{ uri, mime, want string }{
		{"synap://kv/a:text", "text/plain; charset=utf-8", "héllo"},
		{"synap://kv/a:json", "application/json", `{"n":[1]}`},
		{"synap://kv/a/b%20c", "application/octet-stream", "AP8="},
		{"synap://kv/a:", "application/json", `"key":"a:json"`},
		{"synap://keys", "application/json", `"key":"a:text"`},
		{"synap://queues", "application/json", `"queue":"jobs"`},
		{"synap://queue/jobs", "application/json", `"preview":"first"`},
		{"synap://queue/jobs/dead", "application/json", `"messages":[]`},
		{"synap://streams", "application/json", `"room":"log"`},
		{"synap://stream/log", "application/json", `"data":2`},
		{"synap://stream/log?from=1&limit=1", "application/json", `"offset":1`},
		{"synap://topic/a.b", "application/json", `"items":[]`},
		{"synap://inbox", "application/json", `"message":"hi"`},
		{"synap://agents", "application/json", `"name":"local"`},
		{"synap://status", "application/json", `"principal":"local"`},
		{"synap://help", "application/json", `"name":"kv.get"`},
		{"synap://help/kv.get", "application/json", `"kind":"read"`},
	} {
		mime, text, blob := l.read(tt.uri)
		if mime != tt.mime || !strings.Contains(text+blob, tt.want) {
			t.Errorf("%s is %s %s%s, want %s with %s", tt.uri, mime, text, blob, tt.mime, tt.want)
		}
	}
	if got := w.do("queue.stats", `{"queue":"jobs"}`); !strings.Contains(got, `"ready":2`) {
		t.Errorf("reading took something: %s", got)
	}
	for _, tt := range []struct {
		uri, want string
		code      int
	}{
		{"synap://kv/none", "there is nothing at", -32002},
		{"synap://nothing/a", "resources/templates/list show what there is", -32002},
		{"https://example.com", "resources/templates/list show what there is", -32002},
		{"synap://", "resources/templates/list show what there is", -32002},
		{"synap://stream/log?from=x", "from_offset", -32602},
		{"synap://stream/log?to=1", `takes from and limit after the ?, and not \"to\"`, -32602},
	} {
		m := l.ask("resources/read", fmt.Sprintf(`{"uri":%q}`, tt.uri))
		if m.Error == nil || m.Error.Code != tt.code || !strings.Contains(fmt.Sprintf("%q", m.Error.Message), strings.ReplaceAll(tt.want, `\`, "\\")) {
			t.Errorf("%s: %+v, want %d %s", tt.uri, m.Error, tt.code, tt.want)
		}
	}
	w.do("queue.publish", `{"queue":"eu:jobs","message":"first"}`) // a colon stands for itself in an address, and may be escaped
	for _, uri := range []string{"synap://queue/eu:jobs", "synap://queue/eu%3Ajobs"} {
		for _, member := range []string{"", `"arguments":{"synap/uri":"synap://status"},`} { // as plain as can be, and not
			if text := l.get("resources/read", fmt.Sprintf(`{%s"uri":%q}`, member, uri)); !strings.Contains(text, "first") || !strings.Contains(text, fmt.Sprintf(`"uri":%q`, uri)) {
				t.Errorf("%s is %s", uri, text)
			}
		}
	}
	if m := l.ask("resources/read", `{"uri":"synap://kv/none"}`); m.Error == nil || m.Error.Data["uri"] != "synap://kv/none" {
		t.Errorf("the error does not carry the address: %+v", m.Error)
	}
	modern := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	if m := l.ask("resources/read", `{"uri":"synap://kv/none",`+modern+`}`); m.Error == nil || m.Error.Code != -32602 || m.Error.Data["uri"] != "synap://kv/none" {
		t.Errorf("in 2026-07-28: %+v", m.Error)
	}
}

func TestResourcesAreListed(t *testing.T) {
	l := newWorld(t).dial()
	for _, tt := range []struct{ method, want string }{
		{"resources/list", "synap://agents synap://help synap://inbox synap://keys synap://queues synap://status synap://streams synap://topics"},
		{"resources/templates/list", "synap://help/{command} synap://kv/{+key} synap://queue/{queue} synap://queue/{queue}/dead " +
			"synap://stream/{room}{?from,limit} synap://topic/{+topic}"},
	} {
		var got struct {
			Resources         []struct{ URI, Name, Title, Description string }
			ResourceTemplates []struct{ URITemplate, Name, Title, Description string }
		}
		if err := json.Unmarshal([]byte(l.get(tt.method, `{}`)), &got); err != nil {
			t.Fatal(err)
		}
		var uris []string
		for _, r := range got.Resources {
			uris = append(uris, r.URI)
			if r.Name == "" || r.Title == "" || r.Description == "" {
				t.Errorf("%+v says too little", r)
			}
		}
		for _, r := range got.ResourceTemplates {
			uris = append(uris, r.URITemplate)
			if r.Name == "" || r.Title == "" || r.Description == "" {
				t.Errorf("%+v says too little", r)
			}
		}
		slices.Sort(uris)
		if joined := strings.Join(uris, " "); joined != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.method, joined, tt.want)
		}
	}
}

// TestWhatMayNotBeUsedIsHidden: a key that only reads sees no tool that writes, and is refused when it calls one; a key for
// one structure sees no other's.
func TestWhatMayNotBeUsedIsHidden(t *testing.T) {
	w := newWorld(t)
	reader := *auth.Local()
	reader.Name, reader.Access = "reader", auth.Read
	permission, err := auth.ParsePermission("write:kv:mine:*")
	if err != nil {
		t.Fatal(err)
	}
	keeper := auth.Identity{Name: "keeper", Namespace: "default"}.With([]auth.Permission{permission})
	for _, tt := range []struct {
		id              *auth.Identity
		shown, hidden   string
		resource, other string
		prompt, without string
	}{
		{&reader, "synap_kv_get", "synap_kv_set", "synap://queues", "", "catch_up", "work_queue"},
		{keeper, "synap_kv_set", "synap_queue_peek", "synap://keys", "synap://queues", "", "catch_up"},
	} {
		door := start(t, mcp.Options{Executor: w.engine.Dispatcher(), Profile: "full", Identity: tt.id})
		l := (&world{t, w.engine, door}).dial()
		tools, resources, prompts := l.get("tools/list", `{}`), l.get("resources/list", `{}`), l.get("prompts/list", `{}`)
		if !strings.Contains(tools, `"name":"`+tt.shown+`"`) || strings.Contains(tools, `"name":"`+tt.hidden+`"`) {
			t.Errorf("%s sees %s", tt.id.Name, tools)
		}
		if !strings.Contains(resources, tt.resource+`"`) || (tt.other != "" && strings.Contains(resources, tt.other+`"`)) {
			t.Errorf("%s sees %s", tt.id.Name, resources)
		}
		if !strings.Contains(prompts, tt.prompt) || strings.Contains(prompts, `"`+tt.without+`"`) {
			t.Errorf("%s sees %s", tt.id.Name, prompts)
		}
		got := l.get("tools/call", fmt.Sprintf(`{"name":%q,"arguments":{}}`, tt.hidden))
		if !strings.Contains(got, `"isError":true`) || !strings.Contains(got, "denied: "+tt.id.Name+" may not ") {
			t.Errorf("%s calls %s: %s", tt.id.Name, tt.hidden, got)
		}
		if instructions := l.get("initialize", `{"protocolVersion":"2025-11-25","clientInfo":{"name":"x","version":"1"},"capabilities":{}}`); strings.Contains(instructions, tt.hidden) {
			t.Errorf("%s is told of %s: %s", tt.id.Name, tt.hidden, instructions)
		}
	}
}

// TestSubscriptionsOverPipes follows every kind of address in both eras: one update when it changes, and at most one in 250 ms.
func TestSubscriptionsOverPipes(t *testing.T) {
	changes := []struct{ uri, name, payload string }{
		{"synap://kv/a", "kv.set", `{"key":"a","value":1}`},
		{"synap://kv/p:", "kv.set", `{"key":"p:q","value":1}`},
		{"synap://queue/jobs", "queue.publish", `{"queue":"jobs","message":1}`},
		{"synap://stream/log", "stream.append", `{"room":"log","event":"e","data":1}`},
		{"synap://topic/t.u", "pubsub.publish", `{"topic":"t.u","message":1}`},
		{"synap://inbox", "agent.send", `{"to":"local","message":1}`},
		{"synap://status", "kv.set", `{"key":"else","value":1}`},
	}
	for _, modern := range []bool{false, true} {
		for _, c := range changes {
			t.Run(fmt.Sprint(c.uri, " ", modern), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					l := w.dial()
					tag := ""
					if modern {
						id := l.send("subscriptions/listen", fmt.Sprintf(`{"notifications":{"resourceSubscriptions":[%q]},"_meta":{`+
							`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}`, c.uri))
						tag = `"io.modelcontextprotocol/subscriptionId":` + id
						if ack := l.next(); ack.Method != "notifications/subscriptions/acknowledged" || !strings.Contains(string(ack.Params), tag) {
							t.Fatalf("first came %+v", ack)
						}
					} else {
						l.get("resources/subscribe", fmt.Sprintf(`{"uri":%q}`, c.uri))
					}
					start := time.Now()
					for range 10 {
						w.do(c.name, c.payload)
					}
					for i := range 2 { // the first at once, one more for the others
						m := l.next()
						if m.Method != "notifications/resources/updated" || !strings.Contains(string(m.Params), `"uri":"`+c.uri+`"`) || !strings.Contains(string(m.Params), tag) {
							t.Errorf("update %d is %s %s", i, m.Method, m.Params)
						}
						if c.uri == "synap://status" || c.uri == "synap://queue/jobs" {
							break // ten changes may be one event
						}
					}
					if took := time.Since(start); took > time.Second {
						t.Errorf("it took %v", took)
					}
					if !modern {
						l.get("resources/unsubscribe", fmt.Sprintf(`{"uri":%q}`, c.uri))
						time.Sleep(2 * time.Second) // of the test's own clock
						l.told = nil
						w.do(c.name, c.payload)
						l.get("ping", `{}`)
						if time.Sleep(time.Second); len(l.told) > 0 {
							t.Errorf("told after unsubscribing: %s", l.told)
						}
					}
				})
			})
		}
	}
}

func TestSubscriptionsThatCannotBe(t *testing.T) {
	w := newWorld(t)
	l := w.dial()
	for uri, want := range map[string]string{
		"synap://nothing": "there is nothing at",
		"synap://queues":  "can be read but not subscribed to",
		"synap://kv/%zz":  "is not escaped",
	} {
		if m := l.ask("resources/subscribe", fmt.Sprintf(`{"uri":%q}`, uri)); m.Error == nil || !strings.Contains(m.Error.Message, want) {
			t.Errorf("%s: %+v, want %s", uri, m.Error, want)
		}
		m := l.ask("subscriptions/listen", fmt.Sprintf(`{"notifications":{"resourceSubscriptions":[%q]},"_meta":{`+
			`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}`, uri))
		if m.Error == nil || m.Error.Code != -32602 || !strings.Contains(m.Error.Message, want) {
			t.Errorf("%s: %+v, want %s", uri, m.Error, want)
		}
	}
	for i := range 256 {
		l.get("resources/subscribe", fmt.Sprintf(`{"uri":"synap://kv/%d"}`, i))
	}
	if m := l.ask("resources/subscribe", `{"uri":"synap://kv/more"}`); m.Error == nil || !strings.Contains(m.Error.Message, "exhausted") {
		t.Errorf("a subscription too many: %+v", m.Error)
	}
	stranger := &auth.Identity{Name: "stranger", Namespace: "default"}
	other := (&world{t, w.engine, start(t, mcp.Options{Executor: w.engine.Dispatcher(), Identity: stranger})}).dial()
	if m := other.ask("resources/subscribe", `{"uri":"synap://kv/a"}`); m.Error == nil || !strings.Contains(m.Error.Message, "denied") {
		t.Errorf("a stranger subscribes: %+v", m.Error)
	}
}

// TestSubscriptionsOverHTTP: the update comes on the stream of the session, or of the listening request.
func TestSubscriptionsOverHTTP(t *testing.T) {
	w := newWorld(t)
	served := serve(t, w.door)
	opened := served.do(http.MethodPost, "", "local", initialize)
	session := "Mcp-Session-Id: " + opened.header.Get("Mcp-Session-Id")
	if got := served.do(http.MethodPost, "", "local", `{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"synap://kv/a"}}`, session); got.status != http.StatusOK || !strings.Contains(got.body, `"result":{}`) {
		t.Fatalf("subscribe: %+v", got)
	}
	if got := served.do(http.MethodPost, "", "local", `{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":"synap://no"}}`, session); !strings.Contains(got.body, `"code":-32002`) || !strings.Contains(got.body, `"uri":"synap://no"`) {
		t.Errorf("subscribe to nothing: %+v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream := served.events(ctx, http.MethodGet, "", session)
	w.do("kv.set", `{"key":"a","value":1}`)
	got := <-stream
	if !strings.Contains(got, `notifications/resources/updated`) || !strings.Contains(got, `"uri":"synap://kv/a"`) {
		t.Errorf("the session heard %s", got)
	}
	// A client that lost its stream resumes it, and hears what it missed meanwhile.
	cancel()
	id := strings.TrimPrefix(strings.SplitN(got, "\n", 2)[0], "id: ")
	w.do("kv.set", `{"key":"a","value":2}`)
	again, cancel := context.WithCancel(t.Context())
	defer cancel()
	if got := <-served.events(again, http.MethodGet, "", session, "Last-Event-ID: "+id); !strings.Contains(got, `"uri":"synap://kv/a"`) || strings.Contains(got, "id: "+id+"\n") {
		t.Errorf("resumed it heard %s", got)
	}
	modern := `{"jsonrpc":"2.0","id":"sub-1","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["synap://inbox"]},"_meta":{` +
		`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"Cat Tests","version":"1"}}}}`
	listening := served.events(again, http.MethodPost, modern, "Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: subscriptions/listen")
	if got := <-listening; !strings.Contains(got, "notifications/subscriptions/acknowledged") {
		t.Fatalf("first came %s", got)
	}
	w.do("agent.send", `{"to":"local/cat-tests","message":"psst"}`)
	if got := <-listening; !strings.Contains(got, `"uri":"synap://inbox"`) || !strings.Contains(got, `"io.modelcontextprotocol/subscriptionId":"sub-1"`) {
		t.Errorf("the listener heard %s", got)
	}
}

// events opens a stream as local and returns its events.
func (w *web) events(ctx context.Context, method, body string, headers ...string) <-chan string {
	w.Helper()
	resp := w.open(ctx, method, "", "local", body, headers...)
	out := make(chan string, 16)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		for buf, text := make([]byte, 4096), ""; ; {
			n, err := resp.Body.Read(buf)
			text += string(buf[:n])
			for {
				event, rest, whole := strings.Cut(text, "\n\n")
				if !whole {
					break
				}
				text = rest
				if strings.Contains(event, "data:") {
					out <- event
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return out
}

// TestSessionsDoNotGrow has 1,000 sessions with subscriptions live for an hour of the test's own time, with changes all along:
// what there is at the end is what there was at the beginning.
func TestSessionsDoNotGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer mcp.FewEvents(16)()
		w := newWorld(t)
		const sessions = 1000
		ids := make([]string, sessions)
		streams, hangUp := context.WithCancel(context.Background())
		var reading sync.WaitGroup
		for i := range ids {
			ids[i] = "Mcp-Session-Id: " + w.post(initialize).Header().Get("Mcp-Session-Id")
			w.post(fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"synap://kv/%d"}}`, i%100), ids[i])
			r := httptest.NewRequest(http.MethodGet, "/mcp", nil)
			r.Header.Set("Accept", "text/event-stream")
			r.Header.Set("Mcp-Session-Id", strings.TrimPrefix(ids[i], "Mcp-Session-Id: "))
			reading.Go(func() {
				w.door.Handler().ServeHTTP(nowhere{http.Header{}}, r.WithContext(auth.NewContext(streams, auth.Local())))
			})
		}
		if n := w.door.Followed(); n != sessions {
			t.Fatalf("%d addresses are followed, want %d", n, sessions)
		}
		hour := func() (goroutines int, heap uint64) {
			for minute := range 60 {
				if minute%2 == 0 { // so that events are forgotten within the first hour
					for key := range 100 {
						w.do("kv.set", fmt.Sprintf(`{"key":"%d","value":%d}`, key, minute))
					}
				}
				if minute%20 == 19 { // so that no session idles out
					var all sync.WaitGroup
					for _, id := range ids {
						all.Go(func() { w.post(`{"jsonrpc":"2.0","id":3,"method":"ping"}`, id) })
					}
					all.Wait()
				}
				time.Sleep(time.Minute)
			}
			synctest.Wait()
			runtime.GC()
			var mem runtime.MemStats
			runtime.ReadMemStats(&mem)
			return runtime.NumGoroutine(), mem.HeapAlloc
		}
		g1, h1 := hour()
		g2, h2 := hour()
		t.Logf("after one hour %d goroutines and %d KiB, after two %d and %d", g1, h1>>10, g2, h2>>10)
		if g2 > g1+10 || h2 > h1+h1/10 {
			t.Errorf("after one hour %d goroutines and %d KiB, after two %d and %d", g1, h1>>10, g2, h2>>10)
		}
		hangUp()
		reading.Wait()
		// Left alone they end, and with them what they followed.
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := w.door.Followed(); n != 0 {
			t.Errorf("%d addresses are followed by nobody", n)
		}
	})
}

// nowhere is a client that reads everything and keeps nothing.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) WriteHeader(int)             {}
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n nowhere) Flush()                      {}

func TestCompletions(t *testing.T) {
	w := newWorld(t)
	for _, key := range []string{"project:alpha:plan", "project:alpha:log", "project:beta:plan", "other"} {
		w.do("kv.set", fmt.Sprintf(`{"key":%q,"value":1}`, key))
	}
	for i := range 150 {
		w.do("queue.publish", fmt.Sprintf(`{"queue":"q%03d","message":1}`, i))
	}
	w.do("stream.append", `{"room":"log","event":"e","data":1}`)
	w.do("agent.send", `{"to":"planner","message":1}`)
	w.do("pubsub.publish", `{"topic":"build.linux.done","message":1,"retain":true}`)
	l := w.dial()
	for _, tt := range []struct{ ref, name, value, want string }{
		{`{"type":"ref/resource","uri":"synap://kv/{+key}"}`, "key", "", `"values":["other","project:"]`},
		{`{"type":"ref/resource","uri":"synap://kv/{+key}"}`, "key", "pro", `"values":["project:"]`},
		{`{"type":"ref/resource","uri":"synap://kv/{+key}"}`, "key", "project:", `"values":["project:alpha:","project:beta:"]`},
		{`{"type":"ref/resource","uri":"synap://kv/{+key}"}`, "key", "project:alpha:", `"values":["project:alpha:log","project:alpha:plan"]`},
		{`{"type":"ref/resource","uri":"synap://topic/{+topic}"}`, "topic", "b", `"values":["build."]`},
		{`{"type":"ref/resource","uri":"synap://queue/{queue}"}`, "queue", "q14", `"total":10`},
		{`{"type":"ref/resource","uri":"synap://queue/{queue}"}`, "queue", "q", `"hasMore":true`},
		{`{"type":"ref/resource","uri":"synap://queue/{queue}/dead"}`, "queue", "q001", `"values":["q001"]`},
		{`{"type":"ref/resource","uri":"synap://help/{command}"}`, "command", "agent.s", `"values":["agent.send"]`},
		{`{"type":"ref/resource","uri":"synap://nothing"}`, "x", "", `"values":[]`},
		{`{"type":"ref/prompt","name":"work_queue"}`, "queue", "q00", `"total":10`},
		{`{"type":"ref/prompt","name":"work_queue"}`, "role", "", `"values":[]`},
		{`{"type":"ref/prompt","name":"catch_up"}`, "room", "", `"values":["log"]`},
		{`{"type":"ref/prompt","name":"coordinate"}`, "agents", "p", `"values":["planner"]`},
	} {
		got := l.get("completion/complete", fmt.Sprintf(`{"ref":%s,"argument":{"name":%q,"value":%q}}`, tt.ref, tt.name, tt.value))
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s %s=%q: %s, want %s", tt.ref, tt.name, tt.value, got, tt.want)
		}
		if n := strings.Count(got, `"q`); n > 100 {
			t.Errorf("%d values", n)
		}
	}
	// What the caller may not list is not completed.
	stranger := &auth.Identity{Name: "stranger", Namespace: "default"}
	other := (&world{t, w.engine, start(t, mcp.Options{Executor: w.engine.Dispatcher(), Identity: stranger})}).dial()
	if got := other.get("completion/complete", `{"ref":{"type":"ref/resource","uri":"synap://queue/{queue}"},"argument":{"name":"queue","value":""}}`); !strings.Contains(got, `"values":[]`) {
		t.Errorf("a stranger is told %s", got)
	}
}
