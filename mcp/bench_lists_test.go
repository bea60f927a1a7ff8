package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/agent"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/mcp"
	"github.com/hivellm/synap-go/memory"
)

// whole is a door with every structure that has tools, and mcp-go alone with the same tools, a prompt and a resource.
func whole(b *testing.B, profile string) (e *core.Engine, us, them side) {
	b.Helper()
	e, err := core.New(core.Options{Structures: []*command.Structure{
		kv.Structure(kv.Options{}), queue.Structure(queue.Options{}), stream.Structure(stream.Options{}), pubsub.Structure(), agent.Structure(),
		memory.Structure(memory.Options{}),
	}})
	if err != nil {
		b.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	door, err := mcp.New(mcp.Options{Executor: e.Dispatcher(), Log: log, Profile: profile})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = door.Shutdown(context.Background()) })
	text, err := mcp.ToolList(e.Dispatcher().Table(), profile)
	if err != nil {
		b.Fatal(err)
	}
	var list mcpgo.ListToolsResult
	if err := json.Unmarshal(text, &list); err != nil {
		b.Fatal(err)
	}
	alone := server.NewMCPServer("bare", "1", server.WithToolCapabilities(false), server.WithResourceCapabilities(true, false),
		server.WithPromptCapabilities(false), server.WithInstructions(strings.Repeat("word ", 200)))
	for _, t := range list.Tools {
		alone.AddTool(t, receiveAlone())
	}
	alone.AddResourceTemplate(mcpgo.NewResourceTemplate("synap://kv/{+key}", "kv"),
		func(_ context.Context, r mcpgo.ReadResourceRequest) ([]mcpgo.ResourceContents, error) {
			return []mcpgo.ResourceContents{mcpgo.TextResourceContents{URI: r.Params.URI, MIMEType: "text/plain", Text: "a value"}}, nil
		})
	return e, ours(door), theirs(alone)
}

// receiveAlone is synap_queue_receive where there is always one message, answering what Synap does.
func receiveAlone() server.ToolHandlerFunc {
	var mu sync.Mutex
	n := 0
	return func(_ context.Context, r mcpgo.CallToolRequest) (*mcpgo.CallToolResult, error) {
		if _, err := r.RequireString("queue"); err != nil {
			return mcpgo.NewToolResultError(err.Error()), nil
		}
		mu.Lock()
		n++
		m := map[string]any{"receipt": fmt.Sprintf("AZ7FJ2wbVQ1yS-%07d", n), "message_id": n, "message": "work", "priority": 4, "attempt": 1,
			"published_at": 1764064800000, "lease_until": 1764064830000}
		mu.Unlock()
		answer := map[string]any{"version": n, "durability": "memory", "messages": []any{m}, "left": 1}
		text, err := json.Marshal(answer)
		return mcpgo.NewToolResultStructured(answer, string(text)), err
	}
}

const receiveCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_queue_receive","arguments":{"queue":"q","wait_seconds":25}}}`

// BenchmarkReceive is a call that would wait for a message, when there is one.
func BenchmarkReceive(b *testing.B) {
	e, us, them := whole(b, "core")
	publish, err := e.Dispatcher().Table().Find("queue.publish")
	if err != nil {
		b.Fatal(err)
	}
	stocked := func(m sent) sent {
		m.before = func(b *testing.B) {
			for range b.N {
				if _, err := e.Dispatcher().Do(context.Background(), &command.Request{Caller: auth.Local(), Command: publish,
					Payload: command.JSON(`{"queue":"q","message":"work"}`)}); err != nil {
					b.Fatal(err)
				}
			}
		}
		return m
	}
	asModern := callModern
	asModern.body = strings.Replace(callModern.body, `"name":"synap_kv_increment","arguments":{"key":"n"}`, `"name":"synap_queue_receive","arguments":{"queue":"q","wait_seconds":25}`, 1)
	asModern.headers = []string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "synap_queue_receive"}
	for _, flight := range []int{1, 16} {
		compare(b, "", flight, us, them, stocked(sent{body: receiveCall, session: true}))
		compare(b, "-2026", flight, us, them, stocked(asModern))
	}
}

// BenchmarkAsk is whatever else a client asks for often.
func BenchmarkAsk(b *testing.B) {
	for _, profile := range []string{"core", "full"} {
		e, us, them := whole(b, profile)
		set, err := e.Dispatcher().Table().Find("kv.set")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.Dispatcher().Do(context.Background(), &command.Request{Caller: auth.Local(), Command: set, Payload: command.JSON(`{"key":"a","value":"a value"}`)}); err != nil {
			b.Fatal(err)
		}
		for _, m := range [][2]string{
			{"tools/list", `{}`}, {"ping", `{}`}, {"resources/read", `{"uri":"synap://kv/a"}`},
			{"initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}`},
		} {
			if profile == "full" && m[0] != "tools/list" {
				continue
			}
			compare(b, "/"+m[0]+"/"+profile, 1, us, them, sent{
				body: `{"jsonrpc":"2.0","id":1,"method":"` + m[0] + `","params":` + m[1] + `}`, session: m[0] != "initialize",
			})
		}
	}
}
