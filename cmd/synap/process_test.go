package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hivellm/synap-go/umicp"
)

// converse does the MCP handshake over a child's pipes and calls one tool, returning its structured answer.
func converse(t *testing.T, c *process, tool, arguments string) string {
	t.Helper()
	send := func(message string) {
		if _, err := io.WriteString(c.stdin, message+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`)
	c.line(t)
	send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + arguments + `}}`)
	var answer struct {
		Result struct {
			Structured json.RawMessage `json:"structuredContent"`
		}
	}
	line := c.line(t)
	if err := json.Unmarshal([]byte(line), &answer); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return string(answer.Result.Structured)
}

// finish closes a child's standard input and wants it to end well.
func finish(t *testing.T, c *process) {
	t.Helper()
	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(c.stdout); err != nil || len(rest) > 0 {
		t.Errorf("there was more on standard output: %q, %v", rest, err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v: %s", err, c.stderr.String())
	}
}

func TestMCPOverPipesForwardsToAServer(t *testing.T) {
	url := serve(t)
	if got := synap(t, "", "kv", "set", "shared", "yes", "--server", url); got.code != 0 {
		t.Fatal(got)
	}
	c := start(t, "mcp", "--server", url)
	if got := converse(t, c, "synap_kv_get", `{"keys":["shared"]}`); !strings.Contains(got, `"value":"yes"`) {
		t.Errorf("the tool answers %s, want the value that the server has", got)
	}
	finish(t, c)
	if !strings.Contains(c.stderr.String(), "using the memory of the server at "+url) {
		t.Errorf("it does not say whose memory it uses: %s", c.stderr.String())
	}
}

func TestMCPOverPipesWithItsOwnMemory(t *testing.T) {
	c := start(t, "mcp", "--memory")
	if got := converse(t, c, "synap_kv_set", `{"key":"a","value":"1"}`); !strings.Contains(got, `"created":true`) {
		t.Errorf("the tool answers %s", got)
	}
	finish(t, c)
	if !strings.Contains(c.stderr.String(), "a memory of its own") {
		t.Errorf("it does not say that its memory is its own: %s", c.stderr.String())
	}
}

func TestMCPOverPipesKeepsItsMemory(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ tool, arguments, want string }{
		{"synap_kv_set", `{"key":"a","value":"kept"}`, `"created":true`},
		{"synap_kv_get", `{"keys":["a"]}`, `"value":"kept"`},
	} {
		p := start(t, "mcp", "--data-dir", dir)
		if got := converse(t, p, c.tool, c.arguments); !strings.Contains(got, c.want) {
			t.Errorf("%s answers %s, want %s", c.tool, got, c.want)
		}
		if got := synap(t, "", "serve", "--http", "127.0.0.1:0", "--data-dir", dir); !strings.Contains(got.err, "in use by process") {
			t.Errorf("a server on the same folder: %+v", got)
		}
		finish(t, p)
	}
}

func TestMCPWantsTheServerThatWasNamed(t *testing.T) {
	got := synap(t, "", "mcp", "--server", "http://127.0.0.1:1")
	if exitCode(got.code) != exitUnavailable || !strings.Contains(got.err, "no server answers at http://127.0.0.1:1") {
		t.Errorf("synap mcp = %+v", got)
	}
	if got := synap(t, "", "mcp", "--server", serve(t), "--profile", "nonsense"); exitCode(got.code) != exitUsage {
		t.Errorf("an unknown profile: %+v", got)
	}
}

// TestOneKeyThroughEveryDoor writes through one door and reads through the others.
func TestOneKeyThroughEveryDoor(t *testing.T) {
	url := serve(t)
	synap(t, "", "kv", "set", "k", "1", "--server", url)
	if resp, err := http.Get(url + "/v1/kv/k"); err != nil {
		t.Error(err)
	} else if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "1" || resp.Body.Close() != nil {
		t.Errorf("HTTP reads %q, %v", body, err)
	}
	envelope := `{"v":"1.0","msg_id":"1","ts":"2026-01-01T00:00:00Z","from":"a","to":"b","op":"request",` +
		`"capabilities":{"operation":"kv.get","key":"k","result_format":"json"}}`
	if resp, err := http.Post(url+"/umicp", "application/json", strings.NewReader(envelope)); err != nil {
		t.Error(err)
	} else if body, err := io.ReadAll(resp.Body); err != nil || resp.Body.Close() != nil {
		t.Error(err)
	} else if e, err := umicp.Decode(body); err != nil || !strings.Contains(string(e.Capabilities["result"]), `"value":"1"`) {
		t.Errorf("UMICP reads %s, %v", body, err)
	}
	c := start(t, "mcp", "--server", url)
	if got := converse(t, c, "synap_kv_get", `{"keys":["k"]}`); !strings.Contains(got, `"value":"1"`) {
		t.Errorf("MCP reads %s", got)
	}
	finish(t, c)
	http.DefaultClient.CloseIdleConnections()
}

// TestUnencryptedHTTP2 speaks HTTP/2 with prior knowledge, as some peers can do nothing else.
func TestUnencryptedHTTP2(t *testing.T) {
	url := serve(t)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(url + "/umicp")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK {
		t.Errorf("GET /umicp over HTTP/2 = %s %s", resp.Proto, resp.Status)
	}
}

func TestTermStopsAServerWithWatchers(t *testing.T) {
	server, url := startServer(t)
	const watchers = 20
	var streams []*bufio.Reader
	for i := range watchers {
		accept := [...]string{"text/event-stream", "application/x-ndjson"}[i%2]
		r, err := http.NewRequest(http.MethodPost, url+"/api/v1/command",
			strings.NewReader(`{"type":"request","command":"kv.watch","payload":{"keys":["k"]}}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		stream := bufio.NewReader(resp.Body)
		if _, err := stream.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		streams = append(streams, stream)
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, server.stdout) // ends with the process
	if err := server.Wait(); err != nil {
		t.Errorf("the server ended with %v: %s", err, server.stderr.String())
	}
	for i, stream := range streams {
		if rest, err := io.ReadAll(stream); err != nil || !strings.Contains(string(rest), "shutting down") {
			t.Errorf("watcher %d was told %q, %v", i, rest, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestServeRefusesWhatItCannotDo(t *testing.T) {
	url := serve(t)
	got := synap(t, "", "serve", "--data-dir", t.TempDir(), "--http", strings.TrimPrefix(url, "http://"))
	if exitCode(got.code) != exitFailed || !strings.Contains(got.err, "is taken: another program listens there") {
		t.Errorf("a port in use: %+v", got)
	}
	got = synap(t, "", "serve", "--http", "0.0.0.0:0", "--auth", "off")
	if exitCode(got.code) != exitUsage || !strings.Contains(got.err, "with --auth=off everybody there could do everything") {
		t.Errorf("a public address where nobody is asked: %+v", got)
	}
	got = synap(t, "", "serve", "--http", "0.0.0.0:0", "--auth", "on")
	if exitCode(got.code) != exitUsage || !strings.Contains(got.err, "without TLS keys could be read on the way") {
		t.Errorf("a public address without TLS: %+v", got)
	}
}

func TestClientsEndWithTheServer(t *testing.T) {
	server, url := startServer(t)
	c := start(t, "kv", "watch", "k", "--server", url, "--output", "json")
	events := make(chan string, 1)
	go func() {
		line, _ := c.stdout.ReadString('\n') // an empty line fails the test below
		events <- line
	}()
	for waiting := true; waiting; {
		synap(t, "", "kv", "set", "k", "v", "--server", url)
		select {
		case line := <-events:
			waiting = false
			if !strings.Contains(line, `"key":"k"`) {
				t.Errorf("the event is %q", line)
			}
		default:
		}
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, c.stdout) // ends with the process
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exitCode(exit.ExitCode()) != exitUnavailable {
		t.Errorf("the client ended with %v, want exit code %d: %s", err, exitUnavailable, c.stderr.String())
	}
	_, _ = io.Copy(io.Discard, server.stdout) // ends with the process
	if err := server.Wait(); err != nil {
		t.Errorf("the server ended with %v: %s", err, server.stderr.String())
	}
}

func TestWhatIsNotSynapIsNotTakenForIt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stranger := &http.Server{ReadHeaderTimeout: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "<html>hello</html>")
	})}
	done := make(chan error, 1)
	go func() { done <- stranger.Serve(l) }()
	got := synap(t, "", "kv", "get", "a", "--server", "http://"+l.Addr().String())
	if exitCode(got.code) != exitUnavailable || !strings.Contains(got.err, "is not Synap") {
		t.Errorf("kv get from a stranger: %+v", got)
	}
	if err := stranger.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
