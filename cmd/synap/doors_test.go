package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/client"
	"github.com/hivellm/synap-go/umicp/umx"
)

const mcpAccept = "Accept: application/json, text/event-stream"

// followUMICP opens a session that follows something and one that does nothing, and has ended say when and how they end.
func followUMICP(t *testing.T, a *asking, key string, ended map[string]chan string) {
	t.Helper()
	busy, err := client.Dial(t.Context(), "umicp://"+a.peers, client.Options{APIKey: key, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() })
	follows, there := make(chan string, 1), make(chan bool, 1)
	ended["a watch over UMICP"] = follows
	go func() {
		for _, err := range busy.Watch(t.Context(), "kv.watch", map[string]any{"prefixes": []string{"a"}}) {
			if err != nil {
				follows <- err.Error()
				return
			}
			select {
			case there <- true:
			default:
			}
		}
		follows <- "it ended without an error"
	}()
	eventually(t, "the watch over UMICP is in place", func() bool {
		a.must("kv.set", `{"key":"a","value":1}`)
		return len(there) > 0
	})
	conn := greet(t, a.peers, key)
	idle := make(chan string, 1)
	ended["an idle session of UMICP"] = idle
	go func() {
		rest, err := io.ReadAll(conn)
		if err == nil {
			idle <- string(rest)
		}
	}()
}

// greet opens a session by hand, and returns its connection when WELCOME was read.
func greet(t *testing.T, address, key string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	h := umx.NewHello("by hand", umx.Limits{})
	h.Auth = &umx.Auth{APIKey: key}
	hello := umx.Message{Kind: umx.KindHello, Meta: h.Meta()}
	b, err := hello.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	if f, err := umx.NewReader(conn, umx.Limits{}).Next(); err != nil || f.Kind != umx.KindWelcome {
		t.Fatalf("no WELCOME: %+v %v", f, err)
	}
	return conn
}

// mcpSession opens a session of MCP; its id is "" when it is refused.
func (a *asking) mcpSession(key string) (status int, id, text string) {
	a.t.Helper()
	resp, text := a.send("POST", "/mcp", mcpHello, bearer(key), mcpAccept)
	return resp.StatusCode, resp.Header.Get("Mcp-Session-Id"), text
}

// TestSessionsAreConnectionsOfTheirNamespace: those of MCP and of UMICP count, whatever carries them, until they end.
func TestSessionsAreConnectionsOfTheirNamespace(t *testing.T) {
	a := serveAsking(t)
	a.must("namespace.create", `{"name":"tenant","quotas":{"connections":2}}`)
	key := a.key(`{"name":"worker","roles":["writer"],"home":"tenant"}`)
	use := func() int {
		quotas := a.must("namespace.stats", `{"name":"tenant"}`)["quotas"].(map[string]any)
		return int(quotas["connections"].(map[string]any)["use"].(float64))
	}
	full := func(err error) bool {
		e := fault.From(err)
		return e.Code == fault.Exhausted && strings.Contains(e.Message, "connections")
	}
	dial := func() (*client.Client, error) {
		return client.Dial(t.Context(), "umicp://"+a.peers, client.Options{APIKey: key, Retries: -1})
	}
	peer, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	status, session, text := a.mcpSession(key)
	if status != 200 || use() != 2 {
		t.Fatalf("one of each: %d %s; %d are counted", status, text, use())
	}
	if other, err := dial(); !full(err) {
		t.Errorf("a third, of UMICP: %v", err)
		_ = other.Close()
	}
	if status, _, text := a.mcpSession(key); status != http.StatusServiceUnavailable || !strings.Contains(text, "connections") {
		t.Errorf("a third, of MCP: %d %s", status, text)
	}
	conn, _, err := a.dialUMICP(key) // it is told when it is one already
	if err == nil {
		if _, _, err = conn.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "connections") {
			t.Errorf("a third, of UMICP over a WebSocket: %v", err)
		}
		_ = conn.CloseNow()
	}
	// Whoever has a session goes on with it, and a request that opens none needs no place.
	if resp, text := a.send("POST", "/mcp", `{"jsonrpc":"2.0","id":2,"method":"ping"}`, bearer(key), mcpAccept, "Mcp-Session-Id: "+session); resp.StatusCode != 200 {
		t.Errorf("a ping in a full namespace: %d %s", resp.StatusCode, text)
	}
	if resp, text := a.send("POST", "/v1/kv/count", `{}`, bearer(key)); resp.StatusCode != 200 {
		t.Errorf("a request in a full namespace: %d %s", resp.StatusCode, text)
	}
	_ = peer.Close()
	eventually(t, "the session of UMICP is given back", func() bool { return use() == 1 })
	if peer, err = dial(); err != nil {
		t.Fatalf("in its place: %v", err)
	}
	defer func() { _ = peer.Close() }()
	if resp, text := a.send("DELETE", "/mcp", "", bearer(key), "Mcp-Session-Id: "+session); resp.StatusCode >= 300 || use() != 1 {
		t.Errorf("the end of the session of MCP: %d %s; %d are counted", resp.StatusCode, text, use())
	}
	if status, _, text = a.mcpSession(key); status != 200 || use() != 2 {
		t.Errorf("in its place: %d %s; %d are counted", status, text, use())
	}
	// With the key both are gone, also the one that nobody says goodbye to.
	a.must("auth.key.revoke", `{"key":"worker"}`)
	eventually(t, "the sessions of a revoked key are given back", func() bool { return use() == 0 })
}

// TestRatesHoldAtEveryDoor: who is too fast is told so through MCP and UMICP, by the namespace and by itself.
func TestRatesHoldAtEveryDoor(t *testing.T) {
	a := serveAsking(t)
	a.must("namespace.create", `{"name":"slow","quotas":{"requests_per_s":20}}`)
	key := a.key(`{"name":"hurried","roles":["writer"],"home":"slow"}`)
	tooFast := func(door string, once func() error) {
		t.Helper()
		for range 1000 {
			err := once()
			if err == nil {
				continue
			}
			if e := fault.From(err); e.Code != fault.Exhausted || e.Details["quota"] != "requests_per_s" {
				t.Errorf("%s: %v %v", door, err, e.Details)
			}
			return
		}
		t.Errorf("%s: a thousand calls at once are let pass", door)
	}
	peer, err := client.Dial(t.Context(), "umicp://"+a.peers, client.Options{APIKey: key})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = peer.Close() }()
	// A key may have a rate of its own, from one request to the next.
	own := a.key(`{"name":"steady","roles":["writer"]}`)
	count := func() (status int, limit string) {
		resp, _ := a.send("POST", "/v1/kv/count", `{}`, bearer(own))
		return resp.StatusCode, resp.Header.Get("RateLimit-Policy")
	}
	if status, limit := count(); status != 200 || limit != "" {
		t.Errorf("without a rate: %d %q", status, limit)
	}
	a.must("auth.key.update", `{"key":"steady","requests_per_s":1,"burst":3}`)
	passed := 0
	for ; passed < 100; passed++ {
		status, limit := count()
		if status == http.StatusTooManyRequests {
			break
		}
		if limit != `"requests";q=3;w=3` {
			t.Errorf("with a rate: %d %q", status, limit)
		}
	}
	if passed < 3 || passed == 100 {
		t.Errorf("%d requests passed at once, and three may", passed)
	}
	tooFast("UMICP", func() error {
		return peer.Call(t.Context(), "kv.count", map[string]any{}, nil)
	})
	status, session, text := a.mcpSession(key)
	if status != 200 {
		t.Fatalf("MCP: %d %s", status, text)
	}
	tooFast("MCP", func() error {
		_, text := a.send("POST", "/mcp?profile=full", `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"synap_kv_get","arguments":{"keys":["a"]}}}`,
			bearer(key), mcpAccept, "Mcp-Session-Id: "+session)
		var answer struct {
			Result struct {
				IsError bool
				Content []struct{ Text string }
			}
		}
		if err := json.Unmarshal([]byte(text[strings.Index(text, "{"):]), &answer); err != nil || len(answer.Result.Content) == 0 {
			t.Fatalf("%v: %s", err, text)
		}
		if !answer.Result.IsError {
			return nil
		}
		if said := answer.Result.Content[0].Text; !strings.Contains(said, "requests") {
			return errors.New(said)
		}
		return fault.New(fault.Exhausted, "").With("quota", "requests_per_s")
	})
}

// TestSessionsEndWhenTheirKeyExpires, and those who have them are told so, although they do nothing.
func TestSessionsEndWhenTheirKeyExpires(t *testing.T) {
	a := serveAsking(t)
	key := a.key(`{"name":"guest","roles":["reader"],"ttl":3600}`)
	conn := greet(t, a.peers, key)
	status, session, text := a.mcpSession(key)
	if status != 200 {
		t.Fatalf("MCP: %d %s", status, text)
	}
	a.must("auth.key.update", `{"key":"guest","ttl_ms":1}`)
	f, err := umx.NewReader(conn, umx.Limits{}).Next()
	if err != nil || f.Kind != umx.KindGoAway || umx.Code(f.Sequence) != umx.AuthenticationFailed { //nolint:gosec // small
		t.Errorf("UMICP: %+v, %v", f, err)
	}
	if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
		t.Errorf("UMICP goes on: %q, %v", rest, err)
	}
	// The same key lives again; the session that it had does not.
	a.must("auth.key.update", `{"key":"guest","ttl":3600}`)
	if resp, text := a.send("POST", "/mcp", `{"jsonrpc":"2.0","id":2,"method":"ping"}`, bearer(key), mcpAccept, "Mcp-Session-Id: "+session); resp.StatusCode != http.StatusNotFound {
		t.Errorf("MCP: %d %s", resp.StatusCode, text)
	}
}
