package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/hivellm/synap-go/core/command"
)

// quickCall is a call of a tool as nearly every client writes it: a JSON-RPC request with nothing in it but what such a call
// needs, of a tool that asks nobody. It is answered here, with the bytes that mcp-go would have made, because
// mcp-go reads a message six times (nine in the revisions without sessions) and makes maps of its answer. Whatever is the least
// out of the ordinary (a revision that is not known, a name written with escapes, a member twice) is no quickCall and goes
// through mcp-go.
type quickCall struct {
	id        []byte // as in the message: an integer of few digits, or a string without escapes
	tool      *tool
	arguments json.RawMessage         // an object
	able      *mcp.ClientCapabilities // what the client can do, of a message that belongs to no session; nil in one that does
}

// modern reports whether the call is of a revision without sessions.
func (c *quickCall) modern() bool { return c.able != nil }

// maxQuickDigits is how long an integer may be that comes out of a float as it went in.
const maxQuickDigits = 15

// Numbers of at most so many digits, and so many in the exponent, are below 1e300.
const (
	maxPlainDigits    = 200
	maxExponentDigits = 2
)

// modernMark begins the names of what only messages of the revisions without sessions say.
const modernMark = "io.modelcontextprotocol/"

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
	if !ok || string(version) != `"2.0"` || string(method) != `"tools/call"` || !plainID(c.id) {
		return c, false
	}
	var name, arguments, meta []byte
	ok = eachPlainMember(params, func(member, v []byte) bool {
		switch string(member) {
		case "name":
			return once(&name, v)
		case "arguments":
			return once(&arguments, v)
		case "_meta":
			return once(&meta, v)
		}
		return false
	})
	if !ok || len(name) < 2 || kindOf(arguments) != "object" || !c.readMeta(meta) || !areFloats(params) {
		return c, false
	}
	c.tool, c.arguments = s.catalog.byName[string(name[1:len(name)-1])], arguments
	return c, c.tool != nil && c.tool.quick && name[0] == '"'
}

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
func quickHTTP(r *http.Request, c *quickCall) bool {
	version := r.Header.Get(mcp.HeaderProtocolVersion)
	switch {
	case r.Header.Get("Content-Type") != "application/json":
		return false
	case c.modern():
		return version == mcp.ProtocolVersion20260728 && r.Header.Get(mcp.HeaderMethod) == string(mcp.MethodToolsCall) &&
			r.Header.Get(mcp.HeaderName) == c.tool.name() && r.Header.Get(headerLastEventID) == ""
	}
	return r.Header.Get(server.HeaderKeySessionID) != "" && (version == "" || mcp.IsValidProtocolVersion(version) && !mcp.IsModernProtocol(version))
}

// answerQuickly answers a quickCall as mcp-go would. It ends with a newline.
func (s *Server) answerQuickly(ctx context.Context, c *quickCall) []byte {
	o := s.call(ctx, c.tool, c.arguments)
	out := make([]byte, 0, 2*len(o.answer)+len(o.answer)/4+320)
	out = append(append(out, `{"jsonrpc":"2.0","id":`...), c.id...)
	out = append(out, `,"result":`...)
	if o.fault != nil {
		result, err := json.Marshal(s.resultOf(o, c))
		if err != nil { // it was made of texts, which always encode
			return rpcError(json.RawMessage(c.id), mcp.INTERNAL_ERROR, "internal error")
		}
		return append(append(out, result...), "}\n"...)
	}
	out = append(out, '{')
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

// resultOf is the outcome, with what the revisions without sessions want in every result.
func (s *Server) resultOf(o outcome, c *quickCall) *mcp.CallToolResult {
	r := o.result()
	if c.modern() {
		r.ResultType = mcp.ResultTypeComplete
		r.EnsureResultMeta().SetServerInfo(s.self)
	}
	return r
}

// once sets a member that was not there before.
func once(member *[]byte, v []byte) bool {
	if *member != nil {
		return false
	}
	*member = v
	return true
}

// plainID reports whether an id is written in the one way in which it is answered.
func plainID(id []byte) bool {
	if len(id) == 0 {
		return false
	}
	if id[0] == '"' {
		return isPlain(id[1:len(id)-1], true)
	}
	digits := bytes.TrimPrefix(id, []byte("-"))
	if len(digits) == 0 || len(digits) > maxQuickDigits || digits[0] == '0' && len(id) > 1 {
		return false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// isPlain reports whether text stands in JSON for itself; with ids, in whichever way JSON is written.
func isPlain(text []byte, safe bool) bool {
	for _, c := range text {
		if c < ' ' || c >= 0x7f || c == '\\' || c == '"' || safe && (c == '<' || c == '>' || c == '&') {
			return false
		}
	}
	return true
}

// eachPlainMember calls f with the name and value of each member of an object in valid JSON until it returns false. It reports
// whether it went through all of them; it does not where raw is no object, and where a name has escapes.
func eachPlainMember(raw []byte, f func(name, v []byte) bool) bool {
	i := skipSpace(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return false
	}
	for i = skipSpace(raw, i+1); raw[i] != '}'; i = skipSpace(raw, i) {
		if raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
		end := skipValue(raw, i)
		name := raw[i+1 : end-1]
		i = skipSpace(raw, skipSpace(raw, end)+1) // over the colon
		end = skipValue(raw, i)
		if !isPlain(name, false) || !f(name, raw[i:end:end]) {
			return false
		}
		i = end
	}
	return true
}

func skipSpace(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\t' || raw[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns where the value ends that begins at i, in valid JSON.
func skipValue(raw []byte, i int) int {
	switch raw[i] {
	case '"':
		return skipString(raw, i)
	case '{', '[':
		for depth := 0; ; {
			switch raw[i] {
			case '"':
				i = skipString(raw, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for i < len(raw) && !slices.Contains([]byte(",]} \n\t\r"), raw[i]) {
		i++
	}
	return i
}

func skipString(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// areFloats reports whether the numbers in valid JSON are plainly such that a float holds them: mcp-go refuses others.
func areFloats(raw []byte) bool {
	digits := 0 // of a run of them: in a row of so few, with an exponent of so few, none is too large
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '"':
			i, digits = skipString(raw, i), 0
			continue
		case c >= '0' && c <= '9':
			if digits++; digits > maxPlainDigits {
				return false
			}
		case c == 'e' || c == 'E':
			if digits == 0 { // of true or false
				break
			}
			digits = maxPlainDigits - maxExponentDigits
		case c == '+' || c == '-' || c == '.':
		default:
			digits = 0
		}
		i++
	}
	return true
}

// appendText appends JSON as a JSON string, with the escapes of encoding/json.
func appendText(out []byte, text json.RawMessage) []byte {
	begin := len(out)
	out = append(out, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ' || c >= 0x7f || isMarkup(c): // rare: encoding/json knows how
			quoted, err := json.Marshal(string(text))
			if err != nil {
				return append(out[:begin], `""`...) // strings always encode
			}
			return append(out[:begin], quoted...)
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

// appendSafe appends compact JSON with the escapes of encoding/json.
func appendSafe(out []byte, text json.RawMessage) []byte {
	for _, c := range text {
		if c >= 0x7f || isMarkup(c) {
			safe := bytes.NewBuffer(out)
			json.HTMLEscape(safe, text)
			return safe.Bytes()
		}
	}
	return append(out, text...)
}

func isMarkup(c byte) bool { return c == '<' || c == '>' || c == '&' }
