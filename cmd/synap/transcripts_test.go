package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	mcplib "github.com/mark3labs/mcp-go/mcp"
	"github.com/sirupsen/logrus"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/umicp/umx"
)

// storyDoor is a way to play stories to a server of its own.
type storyDoor struct {
	name string
	open func(t *testing.T) synaptest.Door
}

// TestStories plays every story through every door of a whole server: what it says is said the same everywhere.
func TestStories(t *testing.T) {
	// each gives every client a connection of its own, where there are connections.
	each := func(connect func(t *testing.T, s whole) synaptest.Player) func(*testing.T) synaptest.Door {
		return func(t *testing.T) synaptest.Door {
			server := wholeServer(t)
			return func() synaptest.Player { return connect(t, server) }
		}
	}
	doors := []storyDoor{
		{"direct", each(func(t *testing.T, s whole) synaptest.Player { return direct(t, s.executor) })},
		{"direct, with requests that are used again", each(func(t *testing.T, s whole) synaptest.Player { return direct(t, forgetful{s.executor}) })},
		{"http envelope in JSON", each(func(_ *testing.T, s whole) synaptest.Player { return httpJSON(s.url) })},
		{"http envelope in MessagePack", each(func(_ *testing.T, s whole) synaptest.Player { return httpMsgPack(s.url) })},
		{"http routes", each(func(_ *testing.T, s whole) synaptest.Player { return httpRoutes(s.url) })},
		{"websocket", each(func(t *testing.T, s whole) synaptest.Player { return socket(t, s.url) })},
		{"umicp", each(func(_ *testing.T, s whole) synaptest.Player { return umicpJSON(s.url) })},
		{"mcp over http", each(func(t *testing.T, s whole) synaptest.Player { return mcpHTTP(t, s.url) })},
		{"mcp over stdio", func(t *testing.T) synaptest.Door { return synaptest.Shared(mcpStdio(t)) }}, // one pipe, one memory
		{"umicp COMPACT over TCP", each(func(t *testing.T, s whole) synaptest.Player { return umicpClient(t, "umicp://"+s.peers) })},
		{"umicp COMPACT over WebSocket", each(func(t *testing.T, s whole) synaptest.Player {
			return umicpClient(t, strings.Replace(s.url, "http", "ws", 1))
		})},
		{"umicp COMPACT over HTTP", each(func(t *testing.T, s whole) synaptest.Player { return umicpClient(t, s.url) })},
		{"umicp envelopes in UMX1", each(func(_ *testing.T, s whole) synaptest.Player { return umicpFrames(s.url, umx.JSON) })},
		{"umicp envelopes in UMX1 and MessagePack", each(func(_ *testing.T, s whole) synaptest.Player {
			return umicpFrames(s.url, umx.MessagePack)
		})},
	}
	for _, door := range doors {
		t.Run(door.name, func(t *testing.T) {
			t.Parallel() // each story has a server of its own
			synaptest.Play(t, door.open)
		})
	}
}

// TestARequiredFieldIsRequired takes the first right request for every command in a story and leaves out one required field at a
// time; and every command is in some story.
func TestARequiredFieldIsRequired(t *testing.T) {
	executor := wholeServer(t).executor
	told := map[string]bool{}
	for _, story := range synaptest.Stories(t) {
		for _, step := range story.Requests() {
			c, err := executor.Table().Find(step.Command)
			if err != nil {
				t.Errorf("%s: %v", step.Where, err)
				continue
			}
			if !step.Valid() || told[c.Name] {
				continue
			}
			told[c.Name] = true
			for _, field := range c.RequestSchema().Required {
				dropField(t, executor, c, step, field)
			}
		}
	}
	for _, c := range executor.Table().Commands() {
		if !told[c.Name] {
			t.Errorf("no story tells of %s", c.Name)
		}
	}
}

func dropField(t *testing.T, executor command.Executor, c *command.Command, step synaptest.Step, field string) {
	t.Helper()
	var request map[string]json.RawMessage
	if err := json.Unmarshal([]byte(step.Plain()), &request); err != nil {
		t.Errorf("%s: %v", step.Where, err)
		return
	}
	if _, there := request[field]; !there {
		t.Errorf("%s: %s works without %q, which is required", step.Where, c.Name, field)
		return
	}
	delete(request, field)
	text, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	_, err = direct(t, executor).Play(t.Context(), c.Name, text)
	e := fault.From(err)
	if e == nil || e.Code != fault.Invalid || e.Details["field"] != field {
		t.Errorf("%s without %q: %v, want invalid with that field in its details", c.Name, field, err)
	}
}

// forgetful resets every request as soon as it was answered: whoever has kept one finds nothing in it.
type forgetful struct{ command.Executor }

func (f forgetful) Do(ctx context.Context, r *command.Request) (any, error) {
	r.Args = r.Command.NewRequest()
	if err := r.Payload.Decode(r.Args); err != nil {
		return nil, err
	}
	v, err := f.Executor.Do(ctx, r)
	r.Command.Reset(r.Args, nil)
	return v, err
}

func direct(t *testing.T, executor command.Executor) synaptest.Player {
	return synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
		c, err := executor.Table().Find(name)
		if err != nil {
			t.Fatal(err)
		}
		r := &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(request)}
		var v any
		if c.Kind == command.KindWatch {
			v, err = command.Collect(ctx, executor, r)
		} else {
			v, err = executor.Do(ctx, r)
		}
		if err != nil {
			return nil, err
		}
		return json.Marshal(v)
	})
}

// post sends a body and returns what comes back.
func post(ctx context.Context, url, contentType string, body []byte) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", contentType)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// storyReply is the envelope of an answer.
type storyReply struct {
	Status  string          `json:"status"`
	Payload json.RawMessage `json:"payload"`
	Error   *fault.Error    `json:"error"`
}

func unwrap(answer []byte) ([]byte, error) {
	var r storyReply
	if err := json.Unmarshal(answer, &r); err != nil {
		return nil, fmt.Errorf("%w: %s", err, answer)
	}
	if r.Error != nil {
		return nil, r.Error
	}
	return r.Payload, nil
}

func envelopeOf(name string, request []byte) []byte {
	return fmt.Appendf(nil, `{"type":"request","command":%q,"request_id":"1","payload":%s}`, name, request)
}

func httpJSON(url string) synaptest.Player {
	return synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
		_, answer, err := post(ctx, url+"/api/v1/command", "application/json", envelopeOf(name, request))
		if err != nil {
			return nil, err
		}
		return unwrap(answer)
	})
}

func httpRoutes(url string) synaptest.Player {
	return synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
		status, answer, err := post(ctx, url+"/v1/"+strings.ReplaceAll(name, ".", "/"), "application/json", request)
		if err != nil || status < 400 {
			return answer, err
		}
		_, err = unwrap(answer)
		return nil, err
	})
}

func httpMsgPack(url string) synaptest.Player {
	return synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
		var tree any
		dec := json.NewDecoder(bytes.NewReader(envelopeOf(name, request)))
		dec.UseNumber()
		if err := dec.Decode(&tree); err != nil {
			return nil, err
		}
		packed, err := msgpack.Marshal(native(tree))
		if err != nil {
			return nil, err
		}
		_, answer, err := post(ctx, url+"/api/v1/command", "application/msgpack", packed)
		if err != nil {
			return nil, err
		}
		var v value.Value
		if err := msgpack.Unmarshal(answer, &v); err != nil {
			return nil, fmt.Errorf("%w: %x", err, answer)
		}
		return unwrap([]byte(v.Data()))
	})
}

// native turns JSON's way of writing bytes and numbers into MessagePack's.
func native(tree any) any {
	switch t := tree.(type) {
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return n
		}
		f, _ := t.Float64()
		return f
	case []any:
		for i := range t {
			t[i] = native(t[i])
		}
	case map[string]any:
		if text, ok := t["$base64"].(string); ok && len(t) == 1 {
			v, err := value.OfJSON(fmt.Appendf(nil, `{"$base64":%q}`, text))
			if err == nil {
				return []byte(v.Data())
			}
		}
		for k := range t {
			t[k] = native(t[k])
		}
	}
	return tree
}

// asked is a watch asked for once, on a door where a watch stays open.
func asked(table *command.Table, name string, request []byte) (string, []byte, bool) {
	if c, err := table.Find(name); err != nil || c.Kind != command.KindWatch {
		return name, request, false
	}
	return "server.query", fmt.Appendf(nil, `{"command":%q,"payload":%s}`, name, request), true
}

func socket(t *testing.T, url string) synaptest.Player {
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(url, "http")+"/v1/ws", nil) //nolint:bodyclose // there is none
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(32 << 20)
	table := tableForTests(t)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
		name, request, wrapped := asked(table, name, request)
		if err := conn.Write(ctx, websocket.MessageText, envelopeOf(name, request)); err != nil {
			return nil, err
		}
		_, answer, err := conn.Read(ctx)
		if err != nil {
			return nil, err
		}
		payload, err := unwrap(answer)
		if err != nil || !wrapped {
			return payload, err
		}
		return resultOf(payload)
	})
}

func umicpJSON(url string) synaptest.Player {
	return synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
		var capabilities map[string]json.RawMessage
		if err := json.Unmarshal(request, &capabilities); err != nil {
			return nil, err
		}
		capabilities["operation"] = fmt.Appendf(nil, "%q", name)
		capabilities["result_format"] = json.RawMessage(`"json"`)
		envelope, err := json.Marshal(map[string]any{
			"v": "1.0", "msg_id": "m1", "ts": "2025-09-10T03:00:00.000Z", "from": "tester", "to": "synap", "op": "request",
			"capabilities": capabilities,
		})
		if err != nil {
			return nil, err
		}
		status, answer, err := post(ctx, url+"/umicp", "application/json", envelope)
		if err != nil {
			return nil, err
		}
		var back struct {
			Capabilities struct {
				Status string          `json:"status"`
				Result json.RawMessage `json:"result"`
				Error  string          `json:"error"`
				Code   fault.Code      `json:"code"`
			} `json:"capabilities"`
		}
		if err := json.Unmarshal(answer, &back); err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("%d %w: %s", status, err, answer)
		}
		if back.Capabilities.Status != "success" {
			return nil, fault.New(back.Capabilities.Code, "%s", back.Capabilities.Error)
		}
		return back.Capabilities.Result, nil
	})
}

func mcpHTTP(t *testing.T, url string) synaptest.Player {
	c, err := client.NewStreamableHttpClient(url + "/mcp?profile=full")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return tools(t, c)
}

// mcpStdio plays to `synap mcp`, a process of its own with a memory of its own.
func mcpStdio(t *testing.T) synaptest.Player {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := client.NewClient(transport.NewStdio(self, append(os.Environ(), childEnv+"=1"), "mcp", "--memory", "--profile", "full"))
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return tools(t, c)
}

// tools plays through the tools that run any command.
func tools(t *testing.T, c *client.Client) synaptest.Player {
	t.Cleanup(func() { _ = c.Close() })
	hello := mcplib.InitializeRequest{}
	hello.Params.ProtocolVersion = "2025-11-25"
	hello.Params.ClientInfo = mcplib.Implementation{Name: "stories", Version: "1"}
	if _, err := c.Initialize(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	table := tableForTests(t)
	return synaptest.PlayerFunc(func(ctx context.Context, name string, request []byte) ([]byte, error) {
		call := mcplib.CallToolRequest{}
		known, err := table.Find(name)
		inner := err != nil || known.Tool == nil || known.Structure() != "server"
		call.Params.Name = "synap_" + strings.TrimPrefix(name, "server.")
		call.Params.Arguments = json.RawMessage(request)
		if inner {
			call.Params.Name = "synap_execute"
			call.Params.Arguments = map[string]any{"command": name, "payload": json.RawMessage(request)}
		}
		got, err := c.CallTool(ctx, call)
		if err != nil {
			return nil, err
		}
		text := got.Content[0].(mcplib.TextContent).Text
		if got.IsError {
			code, message, _ := strings.Cut(text, ":")
			parsed, _ := fault.ParseCode(code)
			return nil, fault.New(parsed, "%s", message)
		}
		answer := []byte(text)
		if inner {
			if answer, err = resultOf(answer); err != nil {
				return nil, err
			}
		}
		return answer, asSaid(known, answer)
	})
}

// asSaid checks an answer against the schema that clients are told of: the official one in Python takes no answer that does not fit.
func asSaid(c *command.Command, answer []byte) error {
	if c == nil || c.Kind == command.KindWatch {
		return nil
	}
	schema, err := c.ResponseSchema().CloneSchemas().Resolve(nil)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return err
	}
	if err := schema.Validate(v); err != nil {
		return fmt.Errorf("%s answers %.300s, which is not what its schema says: %w", c.Name, answer, err)
	}
	return nil
}

// resultOf takes the answer out of what server.query and server.execute say.
func resultOf(payload []byte) ([]byte, error) {
	var wrapped struct {
		Result json.RawMessage `json:"result"`
	}
	err := json.Unmarshal(payload, &wrapped)
	return wrapped.Result, err
}

// whole is a server that serves, with every structure behind every door.
type whole struct {
	url      string
	peers    string // where it listens for frames
	executor *command.Dispatcher
}

// wholeServer starts a server on a free port, and stops it with the test.
func wholeServer(t *testing.T) whole {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := newServer(&Config{HTTP: "127.0.0.1:0", Auth: "off"}, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	t.Cleanup(func() {
		if err := s.engine.Check(); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return whole{"http://" + s.listener.Addr().String(), s.peers[0].Addr().String(), s.engine.Dispatcher()}
}

func tableForTests(t *testing.T) *command.Table {
	t.Helper()
	engine, err := newEngine(nil, core.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return engine.Dispatcher().Table()
}
