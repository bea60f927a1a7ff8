package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/hivellm/synap-go/core/command"
)

// quickCall is a request as nearly every client writes it, of a kind that is asked for all the time: a call of a tool that asks
// nobody, a page to be read, a ping. It is answered here, with the bytes that mcp-go would have made, because mcp-go reads a message
// six times (nine in the revisions without sessions) and makes maps of a tool's answer. Whatever is the least out of the ordinary
// (a revision that is not known, a name written with escapes, a member twice) is no quickCall and goes through mcp-go. What is done
// is done by the same call and read in either way.
type quickCall struct {
	id        []byte // as in the message: an integer of few digits, or a string without escapes
	method    mcp.MCPMethod
	name      string                  // what Mcp-Name says of it: the tool's name, or the page's address
	tool      *tool                   // nil unless a tool is called
	arguments json.RawMessage         // the tool's: an object
	able      *mcp.ClientCapabilities // what the client can do, of a message that belongs to no session; nil in one that does
	web       bool                    // it came over HTTP, where mcp-go writes <, > and & with escapes
}

// modern reports whether the call is of a revision without sessions.
func (c *quickCall) modern() bool { return c.able != nil }

// modernMark begins the names of what only messages of the revisions without sessions say.
const modernMark = "io.modelcontextprotocol/"

// quickly are the methods of quick calls, as they are written, each with the parameter that says what of.
var quickly = map[string]struct {
	method mcp.MCPMethod
	naming string // "" where nothing does
}{
	`"tools/call"`:     {mcp.MethodToolsCall, "name"},
	`"resources/read"`: {mcp.MethodResourcesRead, "uri"},
	`"ping"`:           {mcp.MethodPing, ""},
}

// quick reads a message, and reports whether it is a quickCall.
func (s *Server) quick(message []byte) (c quickCall, ok bool) {
	if !json.Valid(message) {
		return c, false
	}
	var version, method, params []byte
	ok = eachPlainMember(message, func(name, v []byte) bool {
		switch string(name) {
		case "jsonrpc":
			return once(&version, v)
		case "id":
			return once(&c.id, v)
		case "method":
			return once(&method, v)
		case "params":
			return once(&params, v)
		}
		return false
	})
	kind, known := quickly[string(method)]
	if !ok || !known || string(version) != `"2.0"` || !plainID(c.id) {
		return c, false
	}
	c.method = kind.method
	if params == nil && kind.naming == "" {
		return c, true
	}
	return c, c.readParams(params, kind.naming) && s.findTool(&c)
}

// readParams reads what is asked for, and reports whether it is nothing but what is known.
func (c *quickCall) readParams(params []byte, naming string) bool {
	var name, meta []byte
	ok := eachPlainMember(params, func(member, v []byte) bool {
		switch {
		case string(member) == "_meta":
			return once(&meta, v)
		case string(member) == "arguments" && c.method == mcp.MethodToolsCall:
			return once((*[]byte)(&c.arguments), v)
		case string(member) == naming:
			return once(&name, v)
		}
		return false
	})
	if !ok || !c.readMeta(meta) || !areFloats(params) {
		return false
	}
	if naming == "" {
		return !c.modern() // 2026-07-28 has no ping
	}
	if len(name) <= len(`""`) || kindOf(name) != "string" || !isPlain(name[1:len(name)-1], false) {
		return false
	}
	c.name = string(name[1 : len(name)-1])
	return true
}

// findTool finds the tool that is called, if one is, and reports whether this is for the door to answer at all.
func (s *Server) findTool(c *quickCall) bool {
	if c.method != mcp.MethodToolsCall {
		return !foreign(c.name)
	}
	c.tool = s.catalog.byName[c.name]
	return c.tool != nil && c.tool.quick && kindOf(c.arguments) == "object"
}

// mayWait reports whether it may be a while until the call is over, so that its client may want to take it back.
func (c *quickCall) mayWait() bool { return c.tool != nil && !isOver(c.tool.command) }

// readMeta reads what a client says beside a call, and reports whether it is nothing but what is known.
func (c *quickCall) readMeta(meta []byte) bool {
	if meta == nil {
		return true
	}
	var version, able []byte
	marked := false
	ok := eachPlainMember(meta, func(name, v []byte) bool {
		switch string(name) {
		case mcp.MetaKeyProtocolVersion:
			return once(&version, v)
		case mcp.MetaKeyClientCapabilities:
			return once(&able, v)
		}
		marked = marked || bytes.HasPrefix(name, []byte(modernMark))
		return true
	})
	if !ok || version == nil {
		return ok && able == nil && !marked
	}
	if string(version) != `"`+mcp.ProtocolVersion20260728+`"` || kindOf(able) != "object" {
		return false
	}
	c.able = &mcp.ClientCapabilities{}
	return len(able) == len("{}") || json.Unmarshal(able, c.able) == nil
}

// isOver reports whether the command is over at once: nobody can take back a call of it.
func isOver(c *command.Command) bool {
	return (c.Kind == command.KindRead || c.Kind == command.KindWrite) && !c.MayWait()
}

// quickHTTP reports whether the headers of an admitted request are those with which mcp-go would take the call.
func quickHTTP(h http.Header, c *quickCall) bool {
	version := h.Get(mcp.HeaderProtocolVersion)
	switch {
	case h.Get("Content-Type") != "application/json":
		return false
	case c.modern():
		return version == mcp.ProtocolVersion20260728 && h.Get(mcp.HeaderMethod) == string(c.method) &&
			h.Get(mcp.HeaderName) == c.name && h.Get(headerLastEventID) == ""
	}
	return h.Get(server.HeaderKeySessionID) != "" && (version == "" || mcp.IsValidProtocolVersion(version) && !mcp.IsModernProtocol(version))
}

// answerQuickly answers a quickCall as mcp-go would. It ends with a newline.
func (s *Server) answerQuickly(ctx context.Context, c *quickCall) []byte {
	switch c.method {
	case mcp.MethodPing:
		return append(c.begin(nil), "{}}\n"...)
	case mcp.MethodResourcesRead:
		return s.readQuickly(ctx, c)
	}
	o := s.call(ctx, c.tool, c.arguments)
	if o.fault != nil {
		return c.answerWith(s.resultOf(o, c))
	}
	out := make([]byte, 0, 2*len(o.answer)+len(o.answer)/4+320)
	out = append(c.begin(out), '{')
	if c.modern() {
		out = append(append(append(out, `"_meta":`...), s.selfMeta...), ',')
	}
	out = append(out, `"content":[{"type":"text","text":`...)
	out = appendText(out, o.answer)
	out = append(out, `}]`...)
	if c.modern() {
		out = append(out, `,"resultType":"complete"`...)
	}
	out = append(out, `,"structuredContent":`...)
	return append(appendSafe(out, o.answer), "}}\n"...)
}

// begin begins an answer, up to its result.
func (c *quickCall) begin(out []byte) []byte {
	out = append(append(out, `{"jsonrpc":"2.0","id":`...), c.id...)
	return append(out, `,"result":`...)
}

// answerWith is an answer with a result of the library's.
func (c *quickCall) answerWith(result any) []byte {
	text, err := encode(result)
	if err != nil { // it was made of texts, which always encode
		return rpcError(json.RawMessage(c.id), mcp.INTERNAL_ERROR, "internal error")
	}
	out := c.begin(make([]byte, 0, len(text)+128))
	if c.web {
		out = appendSafe(out, text)
	} else {
		out = append(out, text...)
	}
	return append(out, "}\n"...)
}

// resultOf is the outcome, with what the revisions without sessions want in every result.
func (s *Server) resultOf(o outcome, c *quickCall) *mcp.CallToolResult {
	r := o.result()
	s.decorate(c, r)
	return r
}

// decorate says in a result what the revisions without sessions want in every one.
func (s *Server) decorate(c *quickCall, result mcp.ResultMetadata) {
	if c.modern() {
		result.SetResultType(mcp.ResultTypeComplete)
		result.EnsureResultMeta().SetServerInfo(s.self)
	}
}

// readQuickly is answerQuickly of a page.
func (s *Server) readQuickly(ctx context.Context, c *quickCall) []byte {
	contents, err := s.read(ctx, c.name, c.modern())
	if err != nil {
		text, _ := restore(rpcError(json.RawMessage(c.id), mcp.INTERNAL_ERROR, err.Error())) //nolint:errcheck // the status is always OK
		return text
	}
	result := &mcp.ReadResourceResult{Contents: contents}
	if s.decorate(c, result); c.modern() {
		result.SetCacheHints(pageTTL, mcp.CacheScopePrivate)
	}
	return c.answerWith(result)
}
