package mcp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/mcp"
)

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},` +
	`"clientInfo":{"name":"test","version":"1"}}}`

const getA = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"synap_box_get","arguments":{"keys":["a"]}}}`

// modern makes a request of revision 2026-07-28.
func modern(id, method, params string) string {
	if params != "" {
		params += ","
	}
	return `{"jsonrpc":"2.0","id":` + id + `,"method":"` + method + `","params":{` + params +
		`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
}

func TestPipeAnswersEverythingBeforeItEnds(t *testing.T) {
	answers := say(t, full(t), initialize, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, getA,
		`{"jsonrpc":"2.0","id":3,"method":"tools/list"}`, modern("4", "server/discover", ""),
		modern("5", "tools/call", `"name":"synap_box_list","arguments":{}`))
	for id, want := range map[string]string{
		"1": `"protocolVersion":"2025-11-25"`, "2": `"found":false`, "3": `"synap_box_get"`,
		"4": `"2026-07-28"`, "5": `"resultType":"complete"`,
	} {
		if !strings.Contains(string(answers[id]), want) {
			t.Errorf("answer %s is %s, want %s in it", id, answers[id], want)
		}
	}
	if len(answers) != 5 {
		t.Errorf("%d answers, want 5", len(answers))
	}
}

func TestPipeOutlivesBadLines(t *testing.T) {
	for name, bad := range map[string]string{
		"not JSON":               `{"jsonrpc":`,
		"a batch":                `[1,2]`,
		"a number":               `7`,
		"longer than is allowed": `"` + strings.Repeat("x", 4<<20) + `"`,
		"another protocol":       `{"id":null,"method":"x"}`,
		"bytes that are no text": "\xff\xfe",
		"nothing":                "\r",
	} {
		answers := say(t, full(t), bad, getA)
		if !strings.Contains(string(answers["2"]), `"found":false`) {
			t.Errorf("%s: the next line was answered with %s", name, answers["2"])
		}
		if e := string(answers["null"]); name != "nothing" && name != "another protocol" && !strings.Contains(e, `"error"`) {
			t.Errorf("%s: answered with %q, want an error", name, e)
		}
	}
}

func TestPipeEndsWithinASecondOfItsInput(t *testing.T) {
	synctest.Test(t, testPipeEndsWithinASecondOfItsInput)
}

func testPipeEndsWithinASecondOfItsInput(t *testing.T) {
	s := full(t)
	in, client := io.Pipe()
	fromServer, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.ServeStdio(t.Context(), in, out) }()
	lines := bufio.NewScanner(fromServer)
	if _, err := io.WriteString(client, initialize+"\n"+getA+"\n"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if !lines.Scan() || !strings.Contains(lines.Text(), `"result"`) {
			t.Fatalf("got %q (%v)", lines.Text(), lines.Err())
		}
	}
	// One call hangs when the input ends.
	if _, err := io.WriteString(client, `{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"synap_box_wait"}}`+"\n"); err != nil {
		t.Fatal(err)
	}
	<-waiting
	start := time.Now()
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || !strings.Contains(lines.Text(), "canceled") {
		t.Errorf("the call that hung was answered with %q", lines.Text())
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("it ended after %v", took)
	}
}

func TestPipeEndsWithItsContextAndWithTheServer(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *mcp.Server, context.CancelFunc){
		"context": func(_ *testing.T, _ *mcp.Server, cancel context.CancelFunc) { cancel() },
		"server": func(t *testing.T, s *mcp.Server, _ context.CancelFunc) {
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		},
	} {
		s := full(t)
		in, client, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		fromServer, out := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.ServeStdio(ctx, in, out) }()
		if _, err := io.WriteString(client, initialize+"\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(fromServer).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		end(t, s, cancel)
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		_, _ = client.Close(), in.Close()
	}
}

func TestPipeEndsWhenNobodyReads(t *testing.T) {
	in, client := io.Pipe()
	defer func() { _ = client.Close() }()
	go func() { _, _ = io.WriteString(client, initialize+"\n") }()
	fromServer, out := io.Pipe()
	_ = fromServer.Close()
	if err := full(t).ServeStdio(t.Context(), in, out); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want a closed pipe", err)
	}
	_ = in.Close()
}

func TestClosedDoorServesNoPipe(t *testing.T) {
	s := full(t)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.ServeStdio(t.Context(), strings.NewReader(getA), io.Discard); err == nil {
		t.Error("no error")
	}
}

// TestCallsOverPipesHaveAnId: logs know a call by the id that its client gave the request.
func TestCallsOverPipesHaveAnId(t *testing.T) {
	w := newWorld(t)
	w.engine.Operate(core.Operating{SlowAfter: 1})
	l := w.dial()
	l.get("tools/call", `{"name":"synap_kv_set","arguments":{"key":"a","value":1}}`)
	if got, want := w.do("server.slowlog", `{}`), fmt.Sprintf(`"request_id":"%d"`, l.last); !strings.Contains(got, want) {
		t.Errorf("the slow log says %s, want %s", got, want)
	}
}
