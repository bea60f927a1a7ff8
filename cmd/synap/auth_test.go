package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// asking is a whole server in this process that asks who calls.
type asking struct {
	t        *testing.T
	url      string
	peers    string // where UMICP is spoken over TCP
	admin    string // the key that it made
	server   *server
	executor *command.Dispatcher
}

func serveAsking(t *testing.T) *asking {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := newServer(&Config{HTTP: "127.0.0.1:0", MaxBody: 16 << 20, Auth: "on"}, log)
	if err != nil {
		t.Fatal(err)
	}
	if s.ready() == nil {
		t.Error("a server is ready whose key is not there yet")
	}
	ready := make(chan firstKey, 1)
	s.onReady = func(k firstKey) { ready <- k }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	<-ready
	if err := s.ready(); err != nil {
		t.Error(err)
	}
	a := &asking{t: t, url: s.url(), peers: s.peers[0].Addr().String(), server: s, executor: s.engine.Dispatcher()}
	if a.admin = (&Config{Server: a.url}).findKey(); a.admin == "" {
		t.Fatal("the server left no key")
	}
	return a
}

// must runs a command as the administrator.
func (a *asking) must(name, payload string) map[string]any {
	a.t.Helper()
	answer, err := direct(a.t, a.executor).Play(context.Background(), name, []byte(payload))
	if err != nil {
		a.t.Fatalf("%s %s: %v", name, payload, err)
	}
	var fields map[string]any
	if err := json.Unmarshal(answer, &fields); err != nil {
		a.t.Fatal(err)
	}
	return fields
}

// key makes a key and returns its secret.
func (a *asking) key(payload string) string {
	a.t.Helper()
	return a.must("auth.key.create", payload)["secret"].(string)
}

// send makes one HTTP request.
func (a *asking) send(method, path, body string, headers ...string) (*http.Response, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return resp, string(text)
}

func bearer(key string) string { return "Authorization: Bearer " + key }

const (
	umicpPing = `{"v":"1.0","msg_id":"m","ts":"2026-01-01T00:00:00Z","from":"a","to":"b","op":"request","capabilities":{"operation":"kv.get","key":"a"}}`
	mcpHello  = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
	getA      = `{"type":"request","command":"kv.get","payload":{"key":"a"}}`
)

// TestEveryDoorAsks knocks at every door without a key, with a wrong one, and with a right one.
func TestEveryDoorAsks(t *testing.T) {
	a := serveAsking(t)
	a.must("auth.user.create", `{"name":"ada","password":"correct horse","roles":["admin"]}`)
	doors := []struct{ name, method, path, body string }{
		{"the envelope", "POST", "/api/v1/command", getA},
		{"a batch", "POST", "/api/v1/command", `{"type":"batch","commands":[{"command":"kv.get","payload":{"key":"a"}}]}`},
		{"a derived route", "POST", "/v1/kv/count", `{}`},
		{"a resource", "PUT", "/v1/kv/a", `1`},
		{"the metrics", "GET", "/metrics", ""},
		{"nowhere", "GET", "/v1/nowhere", ""},
		{"MCP", "POST", "/mcp", mcpHello},
		{"UMICP", "POST", "/umicp", umicpPing},
		{"UMICP's list", "GET", "/umicp/discover", ""},
	}
	accept := "Accept: application/json, text/event-stream"
	for _, d := range doors {
		for what, headers := range map[string][]string{
			"nothing": nil, "a wrong key": {bearer(auth.NewSecret(auth.NewID()))}, "no key": {bearer("sk_nonsense")},
			"a key where none is looked for": {"Cookie: key=" + a.admin}, "a wrong password": {"Authorization: Basic YWRhOndyb25nLXBhc3N3b3Jk"},
		} {
			resp, text := a.send(d.method, d.path+"?api_key="+a.admin+"&key="+a.admin+"&ticket=tk_x", d.body, append(headers, accept)...)
			if resp.StatusCode != 401 && resp.StatusCode != 429 {
				t.Errorf("%s with %s: %d %s", d.name, what, resp.StatusCode, text)
			}
			if (resp.StatusCode == 401 && resp.Header.Get("WWW-Authenticate") == "") || (resp.StatusCode == 429 && resp.Header.Get("Retry-After") == "") {
				t.Errorf("%s with %s: it does not say how: %v", d.name, what, resp.Header)
			}
		}
		for what, header := range map[string]string{"a bearer": bearer(a.admin), "a header": "X-API-Key: " + a.admin} {
			if resp, text := a.send(d.method, d.path, d.body, header, accept); resp.StatusCode == 401 || resp.StatusCode == 403 || resp.StatusCode == 429 {
				t.Errorf("%s with %s: %d %s", d.name, what, resp.StatusCode, text)
			}
		}
	}
	for _, open := range []string{"/", "/health", "/ready", "/openapi.json"} {
		if resp, text := a.send("GET", open, ""); resp.StatusCode != 200 {
			t.Errorf("%s asks: %d %s", open, resp.StatusCode, text)
		}
	}
}

// TestAPersonSignsIn uses HTTP Basic.
func TestAPersonSignsIn(t *testing.T) {
	a := serveAsking(t)
	a.must("auth.user.create", `{"name":"ada","password":"correct horse","roles":["kv-reader"]}`)
	for range 2 {
		resp, text := a.send("POST", "/v1/auth/whoami", "{}", "Authorization: Basic YWRhOmNvcnJlY3QgaG9yc2U=")
		if resp.StatusCode != 200 || !strings.Contains(text, `"name":"ada"`) {
			t.Errorf("%d %s", resp.StatusCode, text)
		}
	}
	// Thirty may be wrong in a minute. Most of them are keys, because to look at a password takes long, on a slow machine a minute for thirty.
	wrong := 0
	for range 100 {
		for n := range 32 {
			credential := bearer(auth.NewSecret(auth.NewID()))
			if n >= 28 {
				credential = "Authorization: Basic YWRhOndyb25n"
			}
			if resp, _ := a.send("POST", "/v1/auth/whoami", "{}", credential); resp.StatusCode == 429 {
				if wrong < 30 {
					t.Errorf("refused after %d", wrong)
				}
				return
			}
			wrong++
		}
	}
	t.Error("one may guess for ever")
}

func (a *asking) dial(query string, headers ...string) (*websocket.Conn, *http.Response, error) {
	return a.dialAt("/v1/ws"+query, headers...)
}

func (a *asking) dialUMICP(key string) (*websocket.Conn, *http.Response, error) {
	return a.dialAt("/umicp", bearer(key))
}

func (a *asking) dialAt(path string, headers ...string) (*websocket.Conn, *http.Response, error) {
	o := &websocket.DialOptions{HTTPHeader: http.Header{}}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		o.HTTPHeader.Set(name, value)
	}
	return websocket.Dial(a.t.Context(), "ws"+strings.TrimPrefix(a.url, "http")+path, o) //nolint:bodyclose // there is none
}

func TestTicketsOpenOneWebSocket(t *testing.T) {
	a := serveAsking(t)
	key := a.key(`{"name":"page","roles":["kv-reader"]}`)
	_, text := a.send("POST", "/v1/auth/ticket", "{}", bearer(key))
	var got struct{ Ticket string }
	if err := json.Unmarshal([]byte(text), &got); err != nil || got.Ticket == "" {
		t.Fatalf("%v: %s", err, text)
	}
	conn, _, err := a.dial("?ticket=" + got.Ticket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow() //nolint:errcheck // it has been looked at
	if err := conn.Write(t.Context(), websocket.MessageText, envelopeOf("auth.whoami", []byte("{}"))); err != nil {
		t.Fatal(err)
	}
	if _, answer, err := conn.Read(t.Context()); err != nil || !bytes.Contains(answer, []byte(`"name":"page"`)) {
		t.Errorf("%s, %v", answer, err)
	}
	for _, query := range []string{"?ticket=" + got.Ticket, "", "?ticket=" + key, "?key=" + key} {
		if conn, resp, err := a.dial(query); err == nil || resp == nil || resp.StatusCode != 401 {
			t.Errorf("with %q: %v, %v", query, resp, err)
			_ = conn.CloseNow()
		}
	}
	if conn, _, err := a.dial("", bearer(key)); err != nil {
		t.Error(err)
	} else {
		_ = conn.CloseNow()
	}
}

// TestStreamsEndWithTheKey opens every kind of stream, revokes the key, and wants all of them over, which say why.
func TestStreamsEndWithTheKey(t *testing.T) {
	a := serveAsking(t)
	key := a.key(`{"name":"follower","roles":["reader"]}`)
	ended := map[string]chan string{}
	stream := func(name, method, path, accept string, headers ...string) {
		body := ""
		if method == http.MethodPost {
			body = `{"prefixes":["a"]}`
		}
		r, err := http.NewRequestWithContext(t.Context(), method, a.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		r.Header.Set("Content-Type", "application/json")
		for _, h := range append(headers, bearer(key)) {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %v, %v", name, resp, err)
		}
		done := make(chan string, 1)
		ended[name] = done
		go func() {
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			done <- string(text)
		}()
	}
	stream("events", "POST", "/v1/kv/watch", "text/event-stream")
	stream("lines", "POST", "/v1/kv/watch", "application/x-ndjson")

	resp, text := a.send("POST", "/mcp", mcpHello, bearer(key), "Accept: application/json, text/event-stream")
	session := resp.Header.Get("Mcp-Session-Id")
	if resp.StatusCode != 200 || session == "" {
		t.Fatalf("MCP: %d %s", resp.StatusCode, text)
	}
	// A stranger's session is none.
	if resp, text := a.send("POST", "/mcp", `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, bearer(a.admin), "Mcp-Session-Id: "+session, "Accept: application/json, text/event-stream"); resp.StatusCode != 404 {
		t.Errorf("a stranger's session: %d %s", resp.StatusCode, text)
	}
	stream("MCP", "GET", "/mcp", "text/event-stream", "Mcp-Session-Id: "+session)

	conn, _, err := a.dial("", bearer(key))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow() //nolint:errcheck // it has been looked at
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"request","request_id":"1","command":"kv.watch","payload":{"prefixes":["a"]}}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(t.Context()); err != nil { // it is in place
		t.Fatal(err)
	}
	followUMICP(t, a, key, ended)

	socket := make(chan string, 1)
	ended["WebSocket"] = socket
	go func() {
		var heard strings.Builder
		for {
			_, data, err := conn.Read(context.Background())
			if err != nil {
				socket <- heard.String() + err.Error()
				return
			}
			heard.Write(data)
		}
	}()

	a.must("auth.key.revoke", `{"key":"follower"}`)
	quiet := map[string]bool{"MCP": true, "an idle session of UMICP": true} // what is said to them cannot say it
	for name, done := range ended {
		eventually(t, name+" is over", func() bool { return len(done) > 0 })
		if last := <-done; !quiet[name] && !strings.Contains(last, "revoked") {
			t.Errorf("%s does not say why it ended: %q", name, last)
		}
	}
	if resp, _ := a.send("POST", "/api/v1/command", getA, bearer(key)); resp.StatusCode != 401 {
		t.Errorf("the revoked key: %d", resp.StatusCode)
	}
}

// TestFirstStart is the first five minutes: a server, a command line, a client over pipes, and curl.
func TestFirstStart(t *testing.T) {
	home, dir := t.TempDir(), filepath.Join(t.TempDir(), "data")
	for name, value := range map[string]string{
		"SYNAP_AUTH": "on", "HOME": home, "XDG_CONFIG_HOME": home, "SYNAP_PERSISTENCE_WAL_COMPRESS": "false", "SYNAP_LOG_LEVEL": "debug",
	} {
		t.Setenv(name, value)
	}
	var peers string
	serve := func() (*process, string) {
		c := start(t, "serve", "--http", "127.0.0.1:0", "--data-dir", dir, "--fsync", "always")
		line := c.line(t)
		peers = peering.FindString(line)
		return c, listening.FindString(line)
	}
	server, url := serve()
	said := server.line(t)
	if !strings.Contains(said, "made a key") || strings.Contains(said, "sk_") {
		t.Errorf("it says %q", said)
	}
	file := filepath.Join(dir, adminKeyName)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file is %v, %v", info, err)
	}
	key := strings.TrimSpace(synap(t, "", "key", "--server", url).out)
	if _, ok := auth.ParseSecret(key); !ok {
		t.Fatalf("synap key prints %q", key)
	}
	if got := synap(t, "", "kv", "set", "greeting", "hello", "--server", url); got.code != 0 {
		t.Errorf("the command line: %+v", got)
	}
	if got := synap(t, "", "kv", "get", "greeting", "--server", peers); got.code != 0 || !strings.Contains(got.out, "hello") {
		t.Errorf("the command line over UMICP: %+v", got)
	}
	client := start(t, "mcp", "--server", url)
	if got := converse(t, client, "synap_kv_get", `{"keys":["greeting"]}`); !strings.Contains(got, `"value":"hello"`) {
		t.Errorf("MCP over pipes: %s", got)
	}
	finish(t, client)
	a := &asking{t: t, url: url}
	if resp, _ := a.send("GET", "/v1/kv/greeting", ""); resp.StatusCode != 401 {
		t.Errorf("without a key: %d", resp.StatusCode)
	}
	if resp, text := a.send("GET", "/v1/kv/greeting", "", bearer(key)); resp.StatusCode != 200 || text != "hello" {
		t.Errorf("with the key: %d %s", resp.StatusCode, text)
	}
	if got := synap(t, "", "kv", "get", "greeting", "--server", url, "--key", auth.NewSecret(auth.NewID())); exitCode(got.code) != exitDenied || !strings.Contains(got.err, "SYNAP_KEY") {
		t.Errorf("with a wrong key: %+v", got)
	}

	// Secrets are told, and not kept.
	secrets := []string{"correct horse battery", strings.TrimPrefix(key, "sk_")[auth.IDLength+1:]}
	for _, payload := range [][]string{
		{"auth", "key", "create", "worker", "--roles", "kv-writer"}, {"auth", "key", "rotate", "worker"}, {"auth", "ticket"},
	} {
		got := synap(t, "", append(payload, "--server", url, "-o", "json")...)
		var told struct{ Secret, Ticket string }
		if err := json.Unmarshal([]byte(got.out), &told); err != nil || told.Secret+told.Ticket == "" {
			t.Fatalf("%v: %+v", payload, got)
		}
		if told.Secret != "" {
			told.Secret = strings.TrimPrefix(told.Secret, "sk_")[auth.IDLength+1:]
		}
		secrets = append(secrets, told.Secret+told.Ticket)
	}
	if got := synap(t, secrets[0]+"\n", "auth", "user", "create", "ada", "--password", "-", "--server", url); got.code != 0 {
		t.Errorf("a user: %+v", got)
	}
	if resp, text := a.send("POST", "/v1/auth/whoami", "{}", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("ada:"+secrets[0]))); resp.StatusCode != 200 {
		t.Errorf("the user: %d %s", resp.StatusCode, text)
	}
	for _, want := range []struct {
		args []string
		says string
	}{{[]string{"may", "--roles", "reader"}, "export SYNAP_KEY=sk_"}, {[]string{"nothing"}, "It may do nothing yet"}} {
		got := synap(t, "", append([]string{"auth", "key", "create", "--server", url}, want.args...)...)
		if !strings.HasPrefix(got.out, "The secret is the key itself") || !strings.Contains(got.out, "cannot be told again") || !strings.Contains(got.out, want.says) ||
			!strings.Contains(got.out, "\n\nsecret      sk_") || !strings.Contains(got.out, "\n\nsecrets:\nCREATED_AT\n") {
			t.Errorf("a key for a person: %s", got.out)
		}
		if told := strings.Contains(got.out, "nothing yet"); told != (want.args[0] == "nothing") {
			t.Errorf("what it may do: %s", got.out)
		}
		if got := synap(t, "", "auth", "key", "revoke", want.args[0], "--server", url); got.code != 0 {
			t.Errorf("revoking it: %+v", got)
		}
	}
	if got := synap(t, "", "auth", "key", "create", "again", "--idempotency-key", "1", "--server", url); got.code == 0 {
		t.Errorf("a secret under an idempotency key: %+v", got)
	}

	if err := server.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Fatal(err, server.stderr.String())
	}
	expectNowhere(t, dir, server.stderr.String(), secrets)

	// The same key after a restart, elsewhere, and nothing new is made.
	server, again := serve()
	if got := synap(t, "", "kv", "get", "greeting", "--server", again); got.out != "hello\n" {
		t.Errorf("after a restart: %+v", got)
	}
	if got := synap(t, "", "key", "--server", again); strings.TrimSpace(got.out) != key {
		t.Errorf("another key after a restart: %+v", got)
	}
	if got := synap(t, "", "auth", "key", "list", "--server", again, "-o", "json"); strings.Count(got.out, `"id"`) != 2 {
		t.Errorf("there are %s", got.out)
	}
	// Who locks everybody out gets in again by a restart.
	if got := synap(t, "", "auth", "key", "revoke", "admin", "--server", again); got.code != 0 {
		t.Errorf("revoking oneself: %+v", got)
	}
	if got := synap(t, "", "kv", "get", "greeting", "--server", again); exitCode(got.code) != exitDenied {
		t.Errorf("revoked: %+v", got)
	}
	_ = server.Process.Signal(os.Interrupt)
	_ = server.Wait()
	_, third := serve()
	if got := synap(t, "", "kv", "get", "greeting", "--server", third); got.out != "hello\n" {
		t.Errorf("after being locked out: %+v", got)
	}
}

// TestARestoredKey is about data of which the key is not there: hashes of it are, and its owner wants to come in.
func TestARestoredKey(t *testing.T) {
	home, top := t.TempDir(), t.TempDir()
	dir, copied := filepath.Join(top, "data"), filepath.Join(top, "copied")
	for name, value := range map[string]string{"SYNAP_AUTH": "on", "HOME": home, "XDG_CONFIG_HOME": home} {
		t.Setenv(name, value)
	}
	serve := func(address, dir string) (*process, string) {
		c := start(t, "serve", "--http", address, "--data-dir", dir)
		return c, listening.FindString(c.line(t))
	}
	stop := func(c *process) {
		t.Helper()
		if err := errors.Join(c.Process.Signal(os.Interrupt), c.Wait()); err != nil {
			t.Fatal(err, c.stderr.String())
		}
	}
	one, url := serve("127.0.0.1:0", dir)
	key := strings.TrimSpace(synap(t, "", "key", "--server", url).out)
	if got := synap(t, "", "kv", "set", "greeting", "hello", "--server", url); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	if got := synap(t, "", "key", "new", "--data-dir", dir); exitCode(got.code) != exitUnavailable || !strings.Contains(got.err, "in use") {
		t.Errorf("a new key while a server runs: %+v", got)
	}
	stop(one)
	if held, err := net.Listen("tcp", strings.TrimPrefix(url, "http://")); err == nil { // so that nobody is given the same address by chance
		defer held.Close() //nolint:errcheck // it was only held
	}
	if got := synap(t, "", "restore", dir, copied); got.code != 0 || !strings.Contains(got.out, "synap key new --data-dir "+copied) {
		t.Errorf("restore: %+v", got)
	}
	if got := synap(t, "", "key", "new", "--data-dir", top); exitCode(got.code) != exitNotFound || !strings.Contains(got.err, "no data directory") {
		t.Errorf("a new key for no data: %+v", got)
	}

	// At another address nobody knows the key; the start says what to do, and so do the tools.
	two, elsewhere := serve("127.0.0.1:0", copied)
	if said := two.line(t); !strings.Contains(said, "keys that were made before are good") || !strings.Contains(said, "synap key new --data-dir "+copied) {
		t.Errorf("it says %q", said)
	}
	if got := synap(t, "", "kv", "get", "greeting", "--server", elsewhere); exitCode(got.code) != exitDenied || !strings.Contains(got.err, "synap key new") {
		t.Errorf("without a key: %+v", got)
	}
	if got := synap(t, "", "kv", "get", "greeting", "--server", elsewhere, "--key", key); got.out != "hello\n" {
		t.Errorf("with the key of before: %+v", got)
	}
	client := start(t, "mcp", "--server", elsewhere)
	if got := converse(t, client, "synap_kv_get", `{"keys":["greeting"]}`); got != "" {
		t.Errorf("MCP without a key: %s", got)
	}
	finish(t, client)
	if !strings.Contains(client.stderr.String(), "SYNAP_KEY") || !strings.Contains(client.stderr.String(), "synap key new") {
		t.Errorf("it says %q", client.stderr.String())
	}
	stop(two)
	if got := synap(t, "", "key", "new", "--data-dir", copied); got.code != 0 || !strings.Contains(got.out, filepath.Join(copied, adminKeyName)) {
		t.Fatalf("a new key: %+v", got)
	}
	two, elsewhere = serve("127.0.0.1:0", copied)
	if got := synap(t, "", "kv", "get", "greeting", "--server", elsewhere); got.out != "hello\n" {
		t.Errorf("with the new key: %+v", got)
	}
	if got := synap(t, "", "kv", "get", "greeting", "--server", elsewhere, "--key", key); got.out != "hello\n" {
		t.Errorf("with the key of before: %+v", got)
	}
	stop(two)

	// Served where the first one was, the key is still kept for the address, and is put beside the data.
	if err := os.Remove(filepath.Join(copied, adminKeyName)); err != nil {
		t.Fatal(err)
	}
	c := &Config{HTTP: "127.0.0.1:0", MaxBody: 16 << 20, Auth: "on", DataDir: copied}
	c.Persistence.Enabled, c.Persistence.WAL.FsyncMode = true, "none"
	log := logrus.New()
	log.SetOutput(io.Discard)
	three, err := newServer(c, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeKey(keptKey(three.url()), key); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var first firstKey
	three.onReady = func(k firstKey) { first = k; cancel() }
	if err := three.run(ctx); err != nil {
		t.Fatal(err)
	}
	if got := readKey(filepath.Join(copied, adminKeyName)); got != key || first.made || first.lost != "" {
		t.Errorf("beside the data is %q; %+v", got, first)
	}
}

// expectNowhere looks for secrets in everything that is kept.
func expectNowhere(t *testing.T, dir, log string, secrets []string) {
	t.Helper()
	looked := 0
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == adminKeyName {
			return err
		}
		text, err := os.ReadFile(file)
		looked += len(text)
		for i, s := range secrets {
			if bytes.Contains(text, []byte(s)) {
				t.Errorf("%s holds secret %d", file, i)
			}
		}
		return err
	})
	if err != nil || looked < 500 {
		t.Errorf("looked at %d bytes, %v", looked, err)
	}
	for i, s := range secrets {
		if strings.Contains(log, s) {
			t.Errorf("the log holds secret %d", i)
		}
	}
}

// TestKeysAreKeptByAddress has two servers and one home.
func TestKeysAreKeptByAddress(t *testing.T) {
	one, two := serveAsking(t), serveAsking(t)
	if one.admin == two.admin || (&Config{Server: one.url}).findKey() != one.admin {
		t.Error("a server's key is taken for another's")
	}
	if key := (&Config{Server: "http://127.0.0.1:1", DataDir: "data"}).findKey(); key != "" {
		t.Errorf("there is a key %s for no server", key)
	}
	if key := (&Config{Server: "http://192.0.2.1:15500", DataDir: "data"}).findKey(); key != "" {
		t.Errorf("there is a key %s for a server elsewhere", key)
	}
	if key := (&Config{Server: one.url, Key: "given"}).findKey(); key != "given" {
		t.Errorf("the key that was given is %s", key)
	}
}
