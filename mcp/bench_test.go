package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/mcp"
)

const incrementCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_kv_increment","arguments":{"key":"n"}}}`

// bare is mcp-go alone with the same tool: a counter behind a mutex.
func bare() *server.MCPServer {
	s := server.NewMCPServer("bare", "1", server.WithToolCapabilities(false))
	var mu sync.Mutex
	n := 0
	s.AddTool(mcpgo.NewTool("synap_kv_increment", mcpgo.WithDescription("Add."), mcpgo.WithString("key", mcpgo.Required())),
		func(_ context.Context, r mcpgo.CallToolRequest) (*mcpgo.CallToolResult, error) {
			if _, err := r.RequireString("key"); err != nil {
				return mcpgo.NewToolResultError(err.Error()), nil
			}
			mu.Lock()
			n++
			answer := map[string]any{"version": n, "durability": "memory", "value": n, "created": n == 1}
			mu.Unlock()
			text, err := json.Marshal(answer)
			return mcpgo.NewToolResultStructured(answer, string(text)), err
		})
	return s
}

func doorFor(b *testing.B) (*core.Engine, *mcp.Server) {
	b.Helper()
	e, err := core.New(core.Options{Structures: []*command.Structure{kv.Structure(kv.Options{}), queue.Structure(queue.Options{})}})
	if err != nil {
		b.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := mcp.New(mcp.Options{Executor: e.Dispatcher(), Log: log})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return e, s
}

// sent is what is sent again and again, in the body and over HTTP in headers as well.
type sent struct {
	body    string
	session bool             // it needs a session
	headers []string         // a name and a value in turn
	before  func(*testing.B) // what has to be done before it is sent b.N times; nil is nothing
}

var (
	callInSession = sent{body: incrementCall, session: true}
	callModern    = sent{
		body: strings.Replace(incrementCall, `"params":{`, `"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",`+
			`"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}},`, 1),
		headers: []string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "synap_kv_increment"},
	}
)

// side is one of the two that are compared.
type side struct {
	web   http.Handler
	pipes func(io.Reader, io.Writer) error
}

func ours(door *mcp.Server) side {
	return side{door.Handler(), func(in io.Reader, out io.Writer) error { return door.ServeStdio(context.Background(), in, out) }}
}

func theirs(s *server.MCPServer) side {
	return side{server.NewStreamableHTTPServer(s, server.WithStateful(true)),
		func(in io.Reader, out io.Writer) error {
			return server.NewStdioServer(s).Listen(context.Background(), in, out)
		}}
}

// BenchmarkCall is one call of a tool, here and in mcp-go alone, over HTTP and over pipes, one and 16 in flight, in a session and in
// the revision that has none.
func BenchmarkCall(b *testing.B) {
	_, door := doorFor(b)
	us, them := ours(door), theirs(bare())
	for _, flight := range []int{1, 16} {
		compare(b, "", flight, us, them, callInSession)
		compare(b, "-2026", flight, us, them, callModern)
	}
}

// compare has both sides answer the same, one after the other.
func compare(b *testing.B, what string, flight int, us, them side, m sent) {
	for _, s := range []struct {
		who string
		side
	}{{"synap", us}, {"bare", them}} {
		b.Run(fmt.Sprintf("http%s/%d/%s", what, flight, s.who), func(b *testing.B) { overHTTP(b, flight, s.side, m) })
	}
	for _, s := range []struct {
		who string
		side
	}{{"synap", us}, {"bare", them}} {
		b.Run(fmt.Sprintf("stdio%s/%d/%s", what, flight, s.who), func(b *testing.B) { overPipe(b, flight, s.side, m) })
	}
}

// overHTTP keeps so many calls in flight over connections that are kept.
func overHTTP(b *testing.B, flight int, who side, m sent) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who.web.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), auth.Local())))
	}))
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: flight}}
	defer client.CloseIdleConnections()
	post := func(body, session string, headers ...string) *http.Response {
		r, _ := http.NewRequest(http.MethodPost, s.URL, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		if session != "" {
			r.Header.Set("Mcp-Session-Id", session)
		}
		resp, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp
	}
	session := ""
	if m.session {
		session = post(initialize, "").Header.Get("Mcp-Session-Id")
	}
	if m.before != nil {
		m.before(b)
	} else {
		for range warmUps { // else the side that is measured first pays for the process's growth
			post(m.body, session, m.headers...)
		}
	}
	inFlight(b, flight, func() {
		if resp := post(m.body, session, m.headers...); resp.StatusCode != http.StatusOK {
			b.Errorf("status %d", resp.StatusCode)
		}
	})
}

// warmUps is how many messages are sent before those that count.
const warmUps = 1000

// inFlight runs f b.N times, so many at once.
func inFlight(b *testing.B, flight int, f func()) {
	b.Helper()
	defer cpu(b)()
	b.ResetTimer()
	var all sync.WaitGroup
	left := make(chan struct{}, b.N)
	for range b.N {
		left <- struct{}{}
	}
	close(left)
	for range flight {
		all.Go(func() {
			for range left {
				f()
			}
		})
	}
	all.Wait()
}

// cpu reports the processor's time a call, of both ends: unlike the clock's it does not depend on who else is at work.
func cpu(b *testing.B) func() {
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := spent()
	return func() { b.ReportMetric(float64((spent()-before).Nanoseconds())/float64(b.N)/1e3, "cpu-µs/op") }
}

// overPipe keeps so many calls in flight over a pair of pipes.
func overPipe(b *testing.B, flight int, who side, m sent) {
	serverIn, in := io.Pipe()
	out, serverOut := io.Pipe()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = who.pipes(serverIn, serverOut); _ = serverOut.Close() }()
	lines := make(chan struct{}, flight)
	go func() {
		for buf := make([]byte, 64<<10); ; {
			n, err := out.Read(buf)
			for range bytes.Count(buf[:n], []byte("\n")) {
				lines <- struct{}{}
			}
			if err != nil {
				return
			}
		}
	}()
	if m.session {
		_, _ = io.WriteString(in, initialize+"\n")
		<-lines
	}
	if m.before != nil {
		m.before(b)
	}
	defer cpu(b)()
	b.ResetTimer()
	sent := 0
	for ; sent < min(flight, b.N); sent++ {
		_, _ = io.WriteString(in, m.body+"\n")
	}
	for range b.N {
		<-lines
		if sent < b.N {
			sent++
			_, _ = io.WriteString(in, m.body+"\n")
		}
	}
	b.StopTimer()
	_ = in.Close()
	<-ended
}

// BenchmarkWake is how long it takes from publishing a message until a receive that waits for it has answered.
func BenchmarkWake(b *testing.B) {
	e, door := doorFor(b)
	serverIn, in := io.Pipe()
	out, serverOut := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = door.ServeStdio(context.Background(), serverIn, serverOut)
		_ = serverOut.Close()
	}()
	publish, err := e.Dispatcher().Table().Find("queue.publish")
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 64<<10)
	var took []time.Duration
	for b.Loop() {
		_, _ = io.WriteString(in, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_queue_receive","arguments":{"queue":"q","wait_seconds":25}}}`+"\n")
		time.Sleep(2 * time.Millisecond) // until it waits, most likely; if not, it is not slower
		start := time.Now()
		if _, err := e.Dispatcher().Do(context.Background(), &command.Request{Caller: auth.Local(), Command: publish, Payload: command.JSON(`{"queue":"q","message":1}`)}); err != nil {
			b.Fatal(err)
		}
		if n, err := out.Read(buf); err != nil || !bytes.Contains(buf[:n], []byte("receipt")) {
			b.Fatalf("%s, %v", buf[:n], err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	_ = in.Close()
	<-ended
}
