package mcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/agent"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/mcp"
)

// world is a door onto real structures, whose followers are served.
type world struct {
	testing.TB
	engine *core.Engine
	door   *mcp.Server
}

func newWorld(t testing.TB) *world {
	t.Helper()
	e, err := core.New(core.Options{Structures: []*command.Structure{
		kv.Structure(kv.Options{}), queue.Structure(queue.Options{}), stream.Structure(stream.Options{}), pubsub.Structure(), agent.Structure(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = e.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return &world{t, e, start(t, mcp.Options{Executor: e.Dispatcher(), Profile: "full"})}
}

// do runs a command, which must succeed.
func (w *world) do(name, payload string) string {
	w.Helper()
	c, err := w.engine.Dispatcher().Table().Find(name)
	if err != nil {
		w.Fatal(err)
	}
	v, err := w.engine.Dispatcher().Do(context.Background(), &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(payload)})
	if err != nil {
		w.Fatalf("%s %s: %v", name, payload, err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

// line is a client of the world over pipes.
type line struct {
	testing.TB
	in   *io.PipeWriter
	out  *bufio.Reader
	last int
	told []string // notifications that came before an answer
}

func (w *world) dial() *line { w.Helper(); return w.dialAs(`{}`) }

// dialAs is dial for a client with those capabilities.
func (w *world) dialAs(capabilities string) *line {
	w.Helper()
	serverIn, in := io.Pipe()
	out, serverOut := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := w.door.ServeStdio(context.Background(), serverIn, serverOut)
		_ = serverOut.Close()
		ended <- err
	}()
	l := &line{TB: w.TB, in: in, out: bufio.NewReader(out)}
	w.Cleanup(func() {
		_ = in.Close()
		go func() { _, _ = io.Copy(io.Discard, l.out) }()
		if err := <-ended; err != nil {
			w.Error(err)
		}
	})
	l.get("initialize", `{"protocolVersion":"2025-11-25","clientInfo":{"name":"","version":"1"},"capabilities":`+capabilities+`}`)
	if _, err := io.WriteString(in, `{"jsonrpc":"2.0","method":"notifications/initialized"}`+"\n"); err != nil {
		w.Fatal(err)
	}
	return l
}

// message is what comes back.
type message struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
		Data    map[string]any
	}
}

func (l *line) next() message {
	l.Helper()
	text, err := l.out.ReadBytes('\n')
	if err != nil {
		l.Fatal(err)
	}
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		l.Fatalf("%s: %v", text, err)
	}
	return m
}

// send sends a request and returns its id.
func (l *line) send(method, params string) string {
	l.Helper()
	l.last++
	id := fmt.Sprint(l.last)
	if _, err := fmt.Fprintf(l.in, `{"jsonrpc":"2.0","id":%s,"method":%q,"params":%s}`+"\n", id, method, params); err != nil {
		l.Fatal(err)
	}
	return id
}

// ask sends a request and returns its answer; notifications that come before are in told.
func (l *line) ask(method, params string) message {
	l.Helper()
	id := l.send(method, params)
	for {
		m := l.next()
		if string(m.ID) == id {
			return m
		}
		l.told = append(l.told, m.Method+" "+string(m.Params))
	}
}

// get is ask for what must succeed.
func (l *line) get(method, params string) string {
	l.Helper()
	m := l.ask(method, params)
	if m.Error != nil {
		l.Fatalf("%s %s: %+v", method, params, m.Error)
	}
	return string(m.Result)
}

// post sends one message to the door over HTTP, in process: no socket, so that time can be the test's own.
func (w *world) post(body string, header ...string) *httptest.ResponseRecorder {
	w.Helper()
	r := httptest.NewRequest(http.MethodPost, "/mcp?profile=full", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	w.door.Handler().ServeHTTP(rec, r.WithContext(auth.NewContext(r.Context(), auth.Local())))
	return rec
}
