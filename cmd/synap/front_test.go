package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hivellm/synap-go/certs/certstest"
)

var anyURL = regexp.MustCompile(`https?://[0-9.:]+`)

// startWith starts a server process with a configuration file and more flags, and returns it with its URL.
func startWith(t *testing.T, config string, args ...string) (c *process, url string) {
	t.Helper()
	c = start(t, append([]string{"serve", "--http", "127.0.0.1:0", "--log-format", "json", "--config", config}, args...)...)
	return c, anyURL.FindString(c.line(t))
}

// stop ends a process in peace, so that all it had to say is in its standard error.
func (c *process) stop(t *testing.T) string {
	t.Helper()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, c.stdout) // ends with the process
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	return c.stderr.String()
}

// eventually waits for what another process does by itself; done looks, without pausing for long. It is given up after two minutes, of which
// no look counts for more than a tenth of a second: on a busy machine all may stand still for a minute, and this with it.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	waited := time.Duration(0)
	for last := time.Now(); !done(); runtime.Gosched() {
		now := time.Now()
		if waited += min(now.Sub(last), 100*time.Millisecond); waited > 2*time.Minute {
			t.Fatalf("it never happened: %s", what)
		}
		last = now
	}
}

// TestTLS: certificates are replaced under traffic, and nobody who is at it notices but by the new certificate.
func TestTLS(t *testing.T) {
	ca := certstest.New(t)
	cert, key := ca.Issue("server", "first", "")
	server, url := startWith(t, file(t, "memory: true\n"), "--tls-cert", cert, "--tls-key", key)
	if !strings.HasPrefix(url, "https://") {
		t.Fatalf("it listens on %s", url)
	}
	var failed atomic.Int64
	var stop atomic.Bool
	var all sync.WaitGroup
	trust := &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}
	for i := range 4 {
		all.Go(func() {
			// Two keep their connections, two make a new one for each request; one of each over HTTP/2.
			transport := &http.Transport{TLSClientConfig: trust.Clone(), DisableKeepAlives: i%2 == 0, ForceAttemptHTTP2: i < 2}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			for !stop.Load() {
				resp, err := client.Post(url+"/v1/kv/increment", "application/json", strings.NewReader(`{"key":"n"}`))
				if err != nil || resp.StatusCode != 200 || (resp.ProtoMajor == 2) != (i < 2) {
					failed.Add(1)
					t.Errorf("a request failed: %v %v", resp, err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	serves := func() string {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), trust)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if name := serves(); name != "first" {
		t.Errorf("the certificate is %s's", name)
	}
	ca.Issue("server", "the-second", "")
	eventually(t, "the new certificate is served", func() bool { return serves() == "the-second" })
	ca.Issue("server", "number-three", "") // and with a word
	eventually(t, "the third certificate is served", func() bool {
		_ = server.Process.Signal(syscall.SIGHUP)
		return serves() == "number-three"
	})
	stop.Store(true)
	all.Wait()

	// The command line, a WebSocket, and whoever speaks no TLS.
	if got := synap(t, "", "kv", "get", "n", "--server", url, "--ca", ca.File("ca.pem"), "-o", "raw"); got.code != 0 || got.out == "" {
		t.Errorf("kv get over TLS: %+v", got)
	}
	for _, verb := range []string{"kv count", "health", "export"} {
		if got := synap(t, "", append(strings.Fields(verb), "--server", url)...); exitCode(got.code) != exitUnavailable || !strings.Contains(got.err, "--ca FILE") || strings.Contains(got.err, "synap serve") {
			t.Errorf("without the authority: %+v", got)
		}
	}
	if got := synap(t, "", "kv", "get", "n", "--server", "http"+strings.TrimPrefix(url, "https")); exitCode(got.code) != exitUnavailable || !strings.Contains(got.err, "begin the address with https://") {
		t.Errorf("in the clear: %+v", got)
	}
	if got := synap(t, "", "kv", "get", "n", "--server", "https"+strings.TrimPrefix(serve(t), "http")); exitCode(got.code) != exitUnavailable || !strings.Contains(got.err, "begin the address with http://") {
		t.Errorf("over TLS to one that speaks none: %+v", got)
	}
	if got := synap(t, "", "health", "--server", url, "--ca", ca.File("ca.pem")); got.code != 0 {
		t.Errorf("health: %+v", got)
	}
	if got := synap(t, "", "kv", "get", "n", "--server", url, "--ca", key); exitCode(got.code) != exitUsage {
		t.Errorf("an authority that is none: %+v", got)
	}
	transport := &http.Transport{TLSClientConfig: trust}
	defer transport.CloseIdleConnections()
	ws, _, err := websocket.Dial(t.Context(), "wss"+strings.TrimPrefix(url, "https")+"/v1/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}}) //nolint:bodyclose // there is none
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.Write(t.Context(), websocket.MessageText, []byte(`{"type":"request","request_id":"1","command":"kv.count"}`)); err != nil {
		t.Error(err)
	}
	if _, answer, err := ws.Read(t.Context()); err != nil || !bytes.Contains(answer, []byte(`"count":1`)) {
		t.Errorf("over the WebSocket: %s %v", answer, err)
	}
	_ = ws.CloseNow()
	if resp, err := http.Get("http" + strings.TrimPrefix(url, "https") + "/health"); err == nil {
		if _ = resp.Body.Close(); resp.StatusCode == 200 {
			t.Error("it answers in the clear, too")
		}
	}
	if said := server.stop(t); strings.Count(said, "a new certificate is in use") != 2 {
		t.Errorf("it said %s", said)
	}
}

func TestReload(t *testing.T) {
	config := file(t, "memory: true\nmax_batch: 2\n")
	server, url := startWith(t, config)
	batch := func() int {
		resp, err := http.Post(url+"/api/v1/command", "application/json", strings.NewReader(
			`{"type":"batch","commands":[`+strings.Repeat(`{"type":"request","command":"kv.count"},`, 2)+`{"type":"request","command":"kv.count"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	reload := func(text string) {
		t.Helper()
		if err := os.Rename(file(t, text), config); err != nil { // never half a file
			t.Fatal(err)
		}
		if err := server.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if got := batch(); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a batch of three: %d", got)
	}
	reload("memory: true\nmax_batch: 3\nlog:\n  level: debug\nmax_key: 77\nslowlog:\n  threshold: 5s\nmax_body: 2048\nlimits:\n  memory: 134217728\n")
	eventually(t, "the larger batch is allowed", func() bool { return batch() == 200 })
	if resp, err := http.Post(url+"/v1/kv/set", "application/json", strings.NewReader(strings.Repeat(" ", 3000))); err != nil || resp.StatusCode != 413 || resp.Body.Close() != nil {
		t.Errorf("a body over the new limit: %+v %v", resp, err)
	}
	if resp, err := http.Post(url+"/umicp", "application/json", strings.NewReader(strings.Repeat(" ", 3000))); err != nil || resp.StatusCode != 413 || resp.Body.Close() != nil {
		t.Errorf("a body over the new limit, to UMICP: %+v %v", resp, err)
	}
	reload("memory: true\nmax_batch: 2\nmax_bodi: 1\n") // is wrong, and changes nothing
	reload("memory: true\nmax_batch: 3\nhosts: [x.example]\nmax_key: 77\nlimits:\n  address_requests_per_s: 1000000\n  address_burst: 2000000\n")
	eventually(t, "the other host is allowed", func() bool {
		r, err := http.NewRequest(http.MethodGet, url+"/openapi.json", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "x.example"
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode == 200
	})
	if got := batch(); got != 200 {
		t.Errorf("a batch of three after a wrong configuration: %d", got)
	}
	http.DefaultClient.CloseIdleConnections()
	said := server.stop(t)
	for _, want := range []string{
		`"changed":"max_body, log.level, limits.memory, max_batch, slowlog.threshold"`, `"settings":"max_key"`, `take effect at the next start`,
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %s: %s", want, said)
		}
	}
}

func TestConfigVerbs(t *testing.T) {
	right, wrong := file(t, "max_batch: 5\n"), file(t, "max_batsch: 5\n")
	if got := synap(t, "", "config", "check", right); got.code != 0 || !strings.Contains(got.out, "is right") {
		t.Errorf("config check: %+v", got)
	}
	if got := synap(t, "", "config", "check", wrong); exitCode(got.code) != exitUsage || !strings.Contains(got.err, `did you mean "max_batch"?`) {
		t.Errorf("config check of what is wrong: %+v", got)
	}
	if got := synap(t, "", "config", "check", file(t, "http: 0.0.0.0:1\n")); exitCode(got.code) != exitUsage {
		t.Errorf("config check of what may not start: %+v", got)
	}
	if got := synap(t, "", "config", "check", file(t, "umicp: 0.0.0.0:1\n")); exitCode(got.code) != exitUsage {
		t.Errorf("config check of peers that may come from anywhere: %+v", got)
	}
	if got := synap(t, "", "config", "check", file(t, "tls: {cert: /nowhere/c, key: /nowhere/k}\n")); got.code != 0 || !strings.Contains(got.err, "warning: tls: ") {
		t.Errorf("config check of files that are not there: %+v", got)
	}
	t.Setenv("SYNAP_MAX_BATSCH", "5")
	t.Setenv("SYNAP_SERVICE_HOST", "10.0.0.1") // of Kubernetes
	if got := synap(t, "", "config", "check", right); got.code != 0 || got.err != "warning: the environment has SYNAP_MAX_BATSCH, which is no setting; did you mean SYNAP_MAX_BATCH?\n" {
		t.Errorf("config check with a misspelt variable: %+v", got)
	}
	// What it shows it also takes.
	shown := synap(t, "", "config", "show", "--config", right, "--tls-principals", "cn:a=b,cn:it's=c", "--tls-client-ca", "x", "--tls-cert", "x", "--tls-key", "x")
	again := synap(t, "", "config", "show", "--config", file(t, shown.out))
	if shown.code != 0 || shown.out != again.out || !strings.Contains(shown.out, "\nmax_batch: 5\n") || !strings.Contains(shown.out, "principals: ['cn:a=b', 'cn:it''s=c']") {
		t.Errorf("config show: %+v\nand again: %+v", shown, again)
	}
	defaults := synap(t, "", "config", "show", "--defaults", "--config", right)
	t.Setenv("SYNAP_AUTH", "on")
	if plain := synap(t, "", "config", "show"); defaults.out != plain.out || strings.Contains(plain.out, "max_batch: 5") {
		t.Errorf("the defaults are\n%s\nand without a configuration it is\n%s", defaults.out, plain.out)
	}
}

// TestSettingsAreWellFormed: every setting has a field, and the lists that name settings name real ones.
func TestSettingsAreWellFormed(t *testing.T) {
	known := map[string]bool{}
	flags := map[string]string{}
	for _, s := range settings {
		if known[s.key] {
			t.Errorf("%s is there twice", s.key)
		}
		known[s.key] = true
		if other := flags[s.flag()]; other != "" {
			t.Errorf("%s and %s have the same flag", other, s.key)
		}
		flags[s.flag()] = s.key
		new(Config).value(s.key) // or it panics
	}
	for _, list := range [][]string{liveSettings, clientSettings, secretSettings} {
		for _, key := range list {
			if !known[key] {
				t.Errorf("there is no setting %s", key)
			}
		}
	}
	// Every setting of a server is a flag of synap serve.
	root, err := (&app{}).root()
	if err != nil {
		t.Fatal(err)
	}
	serve, _, err := root.Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings {
		if f := serve.Flag(s.flag()); f == nil && !strings.Contains(strings.Join(clientSettings, " "), s.key) {
			t.Errorf("synap serve has no flag for %s", s.key)
		}
	}
}

func TestNonsenseBeforeTheDoors(t *testing.T) {
	for text, want := range map[string]string{
		"max_connections: 0":                                    "max_connections: 0 is not between 1",
		"max_connections_per_key: -1":                           "max_connections_per_key: -1",
		"max_batch: 0":                                          "max_batch: 0",
		"max_key: 100000":                                       "max_key: 100000",
		"tls: {cert: a}":                                        "belong together",
		"tls: {client_ca: a}":                                   "tls.client_ca: ",
		"tls: {cert: a, key: b, client_auth: require}":          "tls.client_auth: ",
		"tls: {cert: a, key: b, client_crl: c}":                 "tls.client_crl: ",
		"tls: {cert: a, key: b, principals: ['cn:a=b']}":        "tls.principals: ",
		"tls: {min_version: '1.1'}":                             `tls.min_version: "1.1" is not one of`,
		"tls: {cert: a, key: b, client_ca: c, principals: [x]}": "tls.principals: \"x\"",
		"audit: {mode: some}":                                   `audit.mode: "some" is not one of`,
		"admin: 0.0.0.0:6060":                                   "admin: ",
		"admin: 'unix:'":                                        "admin: unix: needs a path",
		"slowlog: {threshold: -1s}":                             "slowlog.threshold: -1s is negative",
		"cert: a":                                               "belong together",
	} {
		if _, err := loadWith(t, "--config", file(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if got := synap(t, "", "serve", "--memory", "--audit-mode", "all", "--http", "127.0.0.1:0"); exitCode(got.code) != exitUsage || !strings.Contains(got.err, "audit.file") {
		t.Errorf("an audit log without a place: %+v", got)
	}
}

// TestAdminListener: profiles are on a socket of their own and nowhere else.
func TestAdminListener(t *testing.T) {
	dir, err := os.MkdirTemp("", "adm") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	server, url := startWith(t, file(t, "memory: true\n"), "--admin", "unix:"+path)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	get := func(client *http.Client, url, origin string) int {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, url+"/debug/pprof/goroutine?debug=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if got := get(client, "http://localhost", ""); got != 200 {
		t.Errorf("a profile: %d", got)
	}
	if got := get(client, "http://evil.example", ""); got != 403 {
		t.Errorf("under a foreign name: %d", got)
	}
	if got := get(client, "http://localhost", "https://evil.example"); got != 403 {
		t.Errorf("of a foreign page: %d", got)
	}
	if got := get(http.DefaultClient, url, ""); got != 404 {
		t.Errorf("at the server's own address: %d", got)
	}
	http.DefaultClient.CloseIdleConnections()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v %v", info, err)
	}
	server.stop(t)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}

// TestLogsKeepSecrets: whatever is sent, in clear or wrong, no log, no audit log, no metric and no error of the server holds it.
func TestLogsKeepSecrets(t *testing.T) {
	t.Setenv("SYNAP_AUTH", "on")
	dir := t.TempDir()
	config := file(t, "data_dir: "+dir+"\nlog:\n  level: debug\naudit:\n  mode: all\nslowlog:\n  threshold: 1ns\n")
	server, url := startWith(t, config)
	key, err := os.ReadFile(filepath.Join(dir, "admin.key"))
	if err != nil {
		t.Fatal(err)
	}
	admin := strings.TrimSpace(string(key))
	const value, wrong, password = "a-value-that-nobody-may-see", "sk_0123456789abcdef_a-key-that-is-wrong", "a-password-that-is-wrong"
	send := func(path, body string, headers ...string) string {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		for _, h := range headers {
			name, v, _ := strings.Cut(h, ": ")
			r.Header.Set(name, v)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return string(text)
	}
	bearer := "Authorization: Bearer " + admin
	var seen []string
	seen = append(seen,
		send("/v1/kv/set", `{"key":"k","value":"`+value+`"}`, bearer),
		send("/v1/kv/increment", `{"key":"k"}`, bearer),
		send("/v1/kv/set", `{"key":"k","value":"`+value+`","if_version":"`+value+`"}`, "Authorization: Bearer "+wrong),
		send("/v1/kv/get", `{"key":"k"}`, "Authorization: Basic "+"YWRhOmEtcGFzc3dvcmQtdGhhdC1pcy13cm9uZw=="),
		send("/v1/kv/get?api_key="+wrong, `{"key":"k"}`),
		send("/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_kv_set","arguments":{"key":"k","value":"`+value+`"}}}`, bearer),
		send("/umicp", `{"v":"1.0","capabilities":{"operation":"kv.set","value":"`+value+`"}}`, bearer),
	)
	made := send("/v1/auth/key/create", `{"name":"second","roles":["reader"]}`, bearer) // its answer alone has the secret
	secret := regexp.MustCompile(`sk_[A-Za-z0-9_]+`).FindString(made)
	if secret == "" {
		t.Fatalf("no key was made: %s", made)
	}
	seen = append(seen,
		send("/v1/kv/set", `{"key":"k","value":"`+value+`"}`, "Authorization: Bearer "+secret),
		send("/v1/server/slowlog", `{"limit":256}`, bearer), send("/v1/server/clients", `{}`, bearer), send("/v1/server/hotkeys", `{}`, bearer))
	r, err := http.NewRequest(http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+admin)
	if resp, err := http.DefaultClient.Do(r); err != nil || resp.StatusCode != 200 {
		t.Errorf("metrics: %v %v", resp, err)
	} else if text, err := io.ReadAll(resp.Body); err == nil {
		seen = append(seen, string(text))
		_ = resp.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	seen = append(seen, server.stop(t))
	written, err := os.ReadFile(filepath.Join(dir, "audit.jsonl"))
	if err != nil || bytes.Count(written, []byte("\n")) < 8 {
		t.Errorf("the audit log has %d lines: %v", bytes.Count(written, []byte("\n")), err)
	}
	seen = append(seen, string(written))
	all := strings.Join(seen, "\n")
	for _, s := range []string{value, wrong[20:], password, admin[12:], secret[12:]} {
		if at := strings.Index(all, s); at >= 0 {
			t.Errorf("%.12s… is in what was said: %s", s, all[max(0, at-200):min(len(all), at+100)])
		}
	}
	for _, want := range []string{`"command":"kv.set"`, `"outcome":"unauthenticated"`, `"allowed":false`} {
		if !strings.Contains(string(written), want) {
			t.Errorf("the audit log has no %s: %s", want, written)
		}
	}
}

func TestClientCertificates(t *testing.T) {
	t.Setenv("SYNAP_AUTH", "on")
	ca, dir := certstest.New(t), t.TempDir()
	cert, key := ca.Issue("server", "server", "")
	own, ownKey := ca.Issue("planner", "whoever", "spiffe://example.org/planner")
	_, url := startWith(t, file(t, "data_dir: "+dir+"\n"), "--tls-cert", cert, "--tls-key", key, "--tls-client-ca", ca.File("ca.pem"),
		"--tls-principals", "uri:spiffe://example.org/planner=planner")
	admin, err := os.ReadFile(filepath.Join(dir, "admin.key"))
	if err != nil {
		t.Fatal(err)
	}
	connect := []string{"--server", url, "--ca", ca.File("ca.pem")}
	if got := synap(t, "", append([]string{"auth", "key", "create", "planner", "--roles", "reader", "--key", strings.TrimSpace(string(admin))}, connect...)...); got.code != 0 {
		t.Fatalf("a key for the planner: %+v", got)
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir()) // so that no key is found
	shows := append([]string{"--cert", own, "--cert-key", ownKey}, connect...)
	if got := synap(t, "", append([]string{"server", "status", "-o", "json"}, shows...)...); got.code != 0 || !strings.Contains(got.out, "planner") {
		t.Errorf("the planner's status: %+v", got)
	}
	if got := synap(t, "", append([]string{"kv", "set", "a", "1"}, shows...)...); exitCode(got.code) != exitDenied {
		t.Errorf("the planner writes: %+v", got)
	}
	if got := synap(t, "", append([]string{"server", "status"}, connect...)...); exitCode(got.code) != exitDenied {
		t.Errorf("nobody's status: %+v", got)
	}
	strict, strictURL := startWith(t, file(t, "memory: true\n"), "--tls-cert", cert, "--tls-key", key, "--tls-client-ca", ca.File("ca.pem"), "--tls-client-auth", "require")
	if got := synap(t, "", "server", "status", "--server", strictURL, "--ca", ca.File("ca.pem")); exitCode(got.code) != exitUnavailable || !strings.Contains(got.err, "show one with --cert FILE") {
		t.Errorf("without a certificate where one is wanted: %+v", got)
	}
	strict.stop(t)
	nobody, nobodyKey := ca.Issue("nobody", "nobody", "")
	if got := synap(t, "", append([]string{"server", "status", "--cert", nobody, "--cert-key", nobodyKey}, connect...)...); exitCode(got.code) != exitDenied {
		t.Errorf("somebody whom nothing is said of: %+v", got)
	}
}

// TestRoomForConnections: connections never take the files that the log needs.
func TestRoomForConnections(t *testing.T) {
	for _, test := range []struct{ set, files, want int }{
		{100_000, 1 << 20, 100_000}, {100_000, math.MaxInt, 100_000}, {100_000, 1024, 960}, {100, 1024, 100}, {100_000, 100, 50}, {100_000, 1, 1}, {0, 1024, 0},
	} {
		var c Config
		c.MaxConnections = test.set
		if got := c.roomFor(test.files); got != test.want {
			t.Errorf("of %d connections with %d files %d are taken, want %d", test.set, test.files, got, test.want)
		}
	}
	if mostFiles() < 1 {
		t.Errorf("the system allows %d files", mostFiles())
	}
}

// TestConnectionsAreSeenAndEnded goes through the doors that share the port.
func TestConnectionsAreSeenAndEnded(t *testing.T) {
	url := serve(t)
	ws, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(url, "http")+"/v1/ws", nil) //nolint:bodyclose // there is none
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	got := synap(t, "", "server", "clients", "--server", url, "-o", "json")
	id := regexp.MustCompile(`"id":(\d+),"door":"http","kind":"websocket"`).FindStringSubmatch(strings.ReplaceAll(strings.ReplaceAll(got.out, " ", ""), "\n", ""))
	if id == nil {
		t.Fatalf("the WebSocket is not among %+v", got)
	}
	if got := synap(t, "", "server", "disconnect", id[1], "--server", url); got.code != 0 {
		t.Errorf("disconnect: %+v", got)
	}
	if _, text, err := ws.Read(t.Context()); err == nil {
		t.Errorf("the WebSocket is still there, and says %s", text)
	}
	if got := synap(t, "", "server", "disconnect", id[1], "--server", url); exitCode(got.code) != exitNotFound {
		t.Errorf("disconnect again: %+v", got)
	}
}
