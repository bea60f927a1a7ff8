package mcp

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// listTTL is how long a client may keep a list of tools, in milliseconds: it changes with the program only.
const listTTL = 5 * 60 * 1000

// pageTTL is how long a client may keep what it has read, in milliseconds: not at all.
const pageTTL = 0

// errorKey is where a failed call's result carries the fault for programs. It is not in structuredContent because
// clients check that against the tool's output schema even when the call failed.
const errorKey = "synap/error"

// newLibrary hands the catalog to mcp-go. Every tool is registered once; which of them a client sees is decided when
// it asks, and by call when it calls.
func (s *Server) newLibrary() *server.MCPServer {
	hooks := &server.Hooks{}
	hooks.AddAfterListTools(func(ctx context.Context, _ any, _ *mcp.ListToolsRequest, result *mcp.ListToolsResult) {
		result.Tools = append(s.toolsOf(ctx).list(), extension.tools...)
	})
	hooks.AddAfterInitialize(func(ctx context.Context, _ any, r *mcp.InitializeRequest, result *mcp.InitializeResult) {
		if session := server.ClientSessionFromContext(ctx); session != nil {
			s.sessions.call(session.SessionID(), agentOf(r.Params.ClientInfo.Name))
		}
		result.Instructions = s.toolsOf(ctx).instructions
	})
	hooks.AddAfterDiscover(func(ctx context.Context, _ any, _ *mcp.DiscoverRequest, result *mcp.DiscoverResult) {
		result.Instructions = s.toolsOf(ctx).instructions
	})
	library := server.NewMCPServer(s.self.Name, s.self.Version, slices.Concat([]server.ServerOption{
		server.WithTitle(s.self.Title),
		server.WithToolCapabilities(false),
		server.WithResourceCapabilities(true, false),
		server.WithPromptCapabilities(false),
		server.WithCompletions(),
		server.WithPromptCompletionProvider(completer{s}),
		server.WithResourceCompletionProvider(completer{s}),
		server.WithPromptFilter(s.promptsFor),
		server.WithToolHandlerMiddleware(drained),
		server.WithHooks(hooks),
		server.WithMethodCacheHints(mcp.MethodToolsList, listTTL, mcp.CacheScopePrivate),
		server.WithMethodCacheHints(mcp.MethodResourcesList, listTTL, mcp.CacheScopePrivate),
		server.WithMethodCacheHints(mcp.MethodResourcesTemplatesList, listTTL, mcp.CacheScopePrivate),
		server.WithMethodCacheHints(mcp.MethodPromptsList, listTTL, mcp.CacheScopePrivate),
		server.WithMethodCacheHints(mcp.MethodResourcesRead, pageTTL, mcp.CacheScopePrivate),
		server.WithMethodCacheHints(mcp.MethodServerDiscover, listTTL, mcp.CacheScopePrivate),
	}, extension.options)...)
	if extension.add != nil {
		extension.add(library)
	}
	s.addPages(library, hooks)
	s.addPrompts(library)
	for _, t := range s.catalog.tools {
		library.AddTool(t.declare(), func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return s.callAsking(ctx, t, &r), nil
		})
	}
	return library
}

// declare is the tool as mcp-go wants it.
func (t *tool) declare() mcp.Tool {
	c := t.command
	readOnly, idempotent, destructive, closedWorld := c.ReadOnly(), c.Idempotent(), c.Destructive(), false
	return mcp.Tool{
		Name: t.name(), Title: t.decl.Title, Description: t.decl.Description,
		RawInputSchema: t.input, RawOutputSchema: t.output,
		Annotations: mcp.ToolAnnotation{
			Title: t.decl.Title, ReadOnlyHint: &readOnly, DestructiveHint: &destructive,
			IdempotentHint: &idempotent, OpenWorldHint: &closedWorld,
		},
	}
}

// list is the profile's tools as mcp-go wants them.
func (p *profile) list() []mcp.Tool {
	tools := make([]mcp.Tool, len(p.tools))
	for i, t := range p.tools {
		tools[i] = t.declare()
	}
	return tools
}

// result is the outcome as mcp-go wants it.
func (o outcome) result() *mcp.CallToolResult {
	if o.fault != nil {
		r := mcp.NewToolResultError(o.lesson)
		r.Meta = mcp.NewMetaFromMap(map[string]any{errorKey: machine(o.fault)})
		return r
	}
	return &mcp.CallToolResult{
		Content:           []mcp.Content{mcp.NewTextContent(string(o.answer))},
		StructuredContent: o.answer,
	}
}

// handle answers one message of a client that is connected as the session, or returns nil for one that wants no
// answer.
func (s *Server) handle(ctx context.Context, session server.ClientSession, message json.RawMessage) mcp.JSONRPCMessage {
	return s.library.HandleMessage(s.library.WithContext(ctx, session), message)
}
