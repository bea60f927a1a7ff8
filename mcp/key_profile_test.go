package mcp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/mcp"
)

// TestKeyForOneProfile: who has such a key sees that profile's tools without asking, runs no other, and cannot ask for another one.
func TestKeyForOneProfile(t *testing.T) {
	s := full(t)
	profile := "boxes"
	through := func(door http.Handler) *web {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := *auth.Local()
			id.Name, id.Profile = "ann", profile
			door.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), &id)))
		}))
		t.Cleanup(server.Close)
		return &web{t, server.URL}
	}
	w, old := through(s.Handler()), through(s.SSEHandler())
	const tools = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	const put = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_box_put","arguments":{"key":"a","value":"x"}}}`
	const beside = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_box_list","arguments":{}}}`
	session := w.session("ann")
	stream := old.listen("", "ann")
	ask := map[string]func(string) string{
		"streamable": func(body string) string { return w.do("POST", "", "ann", body, session).body },
		"sse":        stream.ask,
	}
	for name, ask := range ask {
		if got := ask(tools); !strings.Contains(got, "synap_box_put") || strings.Contains(got, "synap_box_list") {
			t.Errorf("%s: %s", name, got)
		}
		if got := ask(put); !strings.Contains(got, `"structuredContent"`) {
			t.Errorf("%s: %s", name, got)
		}
		got := ask(beside)
		if !strings.Contains(got, "denied: synap_box_list is not in the profile") || strings.Contains(got, "?profile=") {
			t.Errorf("%s: %s", name, got)
		}
	}
	modernHeaders := []string{"MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: synap_box_list"}
	if r := w.do("POST", "", "ann", modern("1", "tools/call", `"name":"synap_box_list","arguments":{}`), modernHeaders...); !strings.Contains(r.body, "denied: ") {
		t.Errorf("without sessions: %+v", r)
	}
	if r := w.do("POST", "?profile=full", "ann", tools, session); r.status != 403 || !strings.Contains(r.body, "and for no other") {
		t.Errorf("another profile: %+v", r)
	}
	if r := old.do("GET", "?profile=full", "ann", ""); r.status != 403 {
		t.Errorf("a stream with another profile: %+v", r)
	}
	if r := w.do("POST", "?profile=boxes", "ann", put, session); r.status != 200 {
		t.Errorf("its own profile: %+v", r)
	}
	// The key is changed: what goes on is as the key is now.
	profile = "readonly"
	for name, ask := range ask {
		if got := ask(put); !strings.Contains(got, "denied: synap_box_put") {
			t.Errorf("%s, afterwards: %s", name, got)
		}
	}
	profile = "nope"
	if r := w.do("POST", "", "ann", tools, session); r.status != 403 || !strings.Contains(r.body, "there is none") {
		t.Errorf("a profile that is not there: %+v", r)
	}
	if r := old.do("POST", stream.address, "ann", tools); r.status != 403 {
		t.Errorf("a profile that is not there: %+v", r)
	}
}

// TestPipeOfAKeyForOneProfile is the same for a pipe, whose caller is known when it begins.
func TestPipeOfAKeyForOneProfile(t *testing.T) {
	id := *auth.Local()
	id.Profile = "boxes"
	if _, err := mcp.New(mcp.Options{Executor: engine(t), Identity: &id, Profile: "full"}); err == nil {
		t.Error("another profile is given")
	}
	w := &world{TB: t, door: start(t, mcp.Options{Identity: &id})}
	l := w.dial()
	if got := l.get("tools/list", `{}`); !strings.Contains(got, "synap_box_put") || strings.Contains(got, "synap_box_list") {
		t.Error(got)
	}
	if got := l.get("tools/call", `{"name":"synap_box_list","arguments":{}}`); !strings.Contains(got, "denied: ") {
		t.Error(got)
	}
}
