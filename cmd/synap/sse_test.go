package main

import (
	"bufio"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/mcp"
)

// TestOlderTransportOfMCP: it is there where it is configured, behind the front that all doors have, and ends with the server.
func TestOlderTransportOfMCP(t *testing.T) {
	_, plain := startServer(t)
	get := func(url string, header ...string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range header {
			name, v, _ := strings.Cut(h, ": ")
			if r.Header.Set(name, v); name == "Host" {
				r.Host = v
			}
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	if resp := get(plain + "/sse"); resp.StatusCode != 404 {
		t.Errorf("where nobody asked for it: %s", resp.Status)
	}
	config := filepath.Join(t.TempDir(), "synap.yaml")
	if err := os.WriteFile(config, []byte("memory: true\nauth: \"off\"\nmcp:\n  sse: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server, url := startWith(t, config)
	if resp := get(url+"/sse", "Host: evil.example"); resp.StatusCode != 403 && resp.StatusCode != 421 {
		t.Errorf("under another name: %s", resp.Status)
	}
	if resp := get(url+"/sse", "Origin: https://evil.example"); resp.StatusCode != 403 {
		t.Errorf("from a website: %s", resp.Status)
	}
	stream := bufio.NewReader(get(url + "/sse").Body)
	next := func() string {
		t.Helper()
		for {
			text, err := stream.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if data, ok := strings.CutPrefix(text, "data: "); ok {
				return strings.TrimSpace(data)
			}
		}
	}
	address := next()
	for body, want := range map[string]string{
		mcpHello: `"serverInfo"`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"synap_kv_increment","arguments":{"key":"n"}}}`: `"value":1`,
	} {
		resp, err := http.Post(url+address, "application/json", strings.NewReader(body)) //nolint:noctx // a test's
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := next(); resp.StatusCode != 202 || !strings.Contains(got, want) {
			t.Errorf("%s: %s and %s, want %s", body, resp.Status, got, want)
		}
	}
	server.stop(t)
	if rest, err := stream.ReadString(0); err == nil || strings.Contains(rest, "data:") {
		t.Errorf("the stream goes on: %q", rest)
	}
}

// TestKeyForOneProfileOfTools: a key that is for one profile is so over the wire, for both transports, also while a session goes on.
func TestKeyForOneProfileOfTools(t *testing.T) {
	a := serveAsking(t)
	key := a.key(`{"name":"narrow","permissions":["admin:*:*"],"profile":"kv"}`)
	resp, text := a.send("POST", "/mcp", mcpHello, bearer(key), mcpAccept)
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	session := "Mcp-Session-Id: " + resp.Header.Get("Mcp-Session-Id")
	tools := func(query string) (int, string) {
		resp, text := a.send("POST", "/mcp"+query, `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, bearer(key), mcpAccept, session)
		return resp.StatusCode, text
	}
	if _, text := tools(""); !strings.Contains(text, "synap_kv_set") || strings.Contains(text, "synap_queue_publish") {
		t.Errorf("tools: %s", text)
	}
	if status, text := tools("?profile=full"); status != 403 {
		t.Errorf("another profile: %d %s", status, text)
	}
	_, text = a.send("POST", "/mcp", `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"synap_queue_publish","arguments":{"queue":"q","message":1}}}`,
		bearer(key), mcpAccept, session)
	if !strings.Contains(text, "denied: ") {
		t.Errorf("a tool beside: %s", text)
	}
	a.must("auth.key.update", `{"key":"narrow","profile":"messaging"}`)
	if _, text := tools(""); strings.Contains(text, "synap_kv_set") || !strings.Contains(text, "synap_queue_publish") {
		t.Errorf("tools afterwards: %s", text)
	}
	a.must("auth.key.update", `{"key":"narrow","profile":""}`)
	if status, _ := tools("?profile=full"); status != 200 {
		t.Errorf("it is for any profile again: %d", status)
	}
	// Every profile that the door has can be a key's, and no other.
	for _, profile := range mcp.Profiles(a.executor.Table().Structures()) {
		a.must("auth.key.update", `{"key":"narrow","profile":"`+profile+`"}`)
	}
	if text, err := mcp.ToolList(a.executor.Table(), "nope"); err == nil {
		t.Errorf("the door has nope: %s", text)
	}
	for command, payload := range map[string]string{"auth.key.create": `{"name":"other","profile":"nope"}`, "auth.key.update": `{"key":"narrow","profile":"nope"}`} {
		_, err := direct(t, a.executor).Play(t.Context(), command, []byte(payload))
		if err == nil || !strings.Contains(err.Error(), `there is no profile "nope"; the profiles are compat, core, full, kv, `) {
			t.Errorf("%s with a profile that there is not: %v", command, err)
		}
	}
}
