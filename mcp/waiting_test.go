package mcp_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const receiveParams = `"name":"synap_queue_receive","arguments":{"queue":"q","wait_seconds":25}`

func inSession(id, method, params string) string {
	return `{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":{` + params + `}}`
}

func takeBack(id string) string {
	return `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `,"reason":"enough"}}`
}

// TestACallThatWaitsIsTakenBack: by its own client and by its own id, over pipes and over HTTP, and nothing is left of it.
func TestACallThatWaitsIsTakenBack(t *testing.T) {
	const taken, waited = "canceled", `\"messages\":[]`
	for name, tt := range map[string]struct{ id, by, want string }{
		"by its number":           {`7`, `7`, taken},
		"by its text":             {`"a7"`, `"a7"`, taken},
		"by its number as text":   {`7`, `"7"`, waited},
		"by another number":       {`7`, `8`, waited},
		"by nothing":              {`7`, `null`, waited},
		"by something else":       {`7`, `{"id":7}`, waited},
		"by its number, spelt so": {`7`, `7.0`, taken},
	} {
		check := func(t *testing.T, w *world, got string, took time.Duration) {
			t.Helper()
			if !strings.Contains(got, tt.want) || (took == 0) != (tt.want == taken) {
				t.Errorf("after %v: %s", took, got)
			}
			synctest.Wait()
			if n := w.door.Waiting(); n != 0 {
				t.Errorf("%d calls are left", n)
			}
		}
		for revision, message := range map[string]func(id, method, params string) string{"": inSession, "2026-07-28 ": modern} {
			t.Run("pipe "+revision+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					l, start := w.dial(), time.Now()
					// In one write, so that the call is taken back before it can have begun.
					if _, err := io.WriteString(l.in, message(tt.id, "tools/call", receiveParams)+"\n"+takeBack(tt.by)+"\n"); err != nil {
						t.Fatal(err)
					}
					text, err := l.out.ReadString('\n')
					if err != nil {
						t.Fatal(err)
					}
					check(t, w, text, time.Since(start))
				})
			})
		}
		t.Run("http "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				session := "Mcp-Session-Id: " + w.post(initialize).Header().Get("Mcp-Session-Id")
				start := time.Now()
				answered := make(chan *httptest.ResponseRecorder)
				go func() { answered <- w.post(inSession(tt.id, "tools/call", receiveParams), session) }()
				synctest.Wait()
				if r := w.post(takeBack(tt.by), session); r.Code != 202 {
					t.Errorf("the notification was answered %d %s", r.Code, r.Body)
				}
				check(t, w, (<-answered).Body.String(), time.Since(start))
			})
		})
	}
}

// TestNobodyTakesBackAnothersCall: neither another session's, nor one that belongs to none.
func TestNobodyTakesBackAnothersCall(t *testing.T) {
	modernHeaders := func(method, name string) []string {
		return []string{"MCP-Protocol-Version: 2026-07-28", "Mcp-Method: " + method, "Mcp-Name: " + name}
	}
	receive, listen := modernHeaders("tools/call", "synap_queue_receive"), modernHeaders("subscriptions/listen", "")
	for name, tt := range map[string]struct {
		message string
		headers []string
	}{
		"a session's":      {inSession("7", "tools/call", receiveParams), nil},
		"without any":      {modern("7", "tools/call", receiveParams), receive},
		"one that listens": {modern("7", "subscriptions/listen", `"notifications":{"resourceSubscriptions":["synap://status"]}`), listen},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				if tt.headers == nil {
					tt.headers = []string{"Mcp-Session-Id: " + w.post(initialize).Header().Get("Mcp-Session-Id")}
				}
				over := make(chan struct{})
				go func() { defer close(over); w.post(tt.message, tt.headers...) }()
				synctest.Wait()
				other := w.post(initialize).Header().Get("Mcp-Session-Id")
				for _, r := range []*httptest.ResponseRecorder{
					w.post(takeBack("7"), "Mcp-Session-Id: "+other),
					w.post(takeBack("7"), modernHeaders("notifications/cancelled", "")...),
					w.post(modernNotification("notifications/cancelled", `"requestId":7`), modernHeaders("notifications/cancelled", "")...),
				} {
					if r.Code != 202 {
						t.Errorf("answered %d %s", r.Code, r.Body)
					}
				}
				synctest.Wait()
				select {
				case <-over:
					t.Error("it is over")
				default:
				}
				if err := w.door.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				<-over
			})
		})
	}
}

func modernNotification(method, params string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":{%s,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",`+
		`"io.modelcontextprotocol/clientCapabilities":{}}}}`, method, params)
}
