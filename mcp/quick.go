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

// quickCall is a call of a tool as nearly every client writes it, in a session: a JSON-RPC request with nothing in it but
// what such a call needs, of a tool that answers at once. It is answered here, with the bytes that mcp-go would have made, because
// mcp-go reads a message six times and makes maps of its answer. Whatever is the least out of the ordinary (another revision, a
// tool that waits or asks, a name written with escapes, a member twice) is no quickCall and goes through mcp-go.
type quickCall struct {
	id        []byte // as in the message: an integer of few digits, or a string without escapes
	tool      *tool
	arguments json.RawMessage // an object
}

// maxQuickDigits is how long an integer may be that comes out of a float as it went in.
const maxQuickDigits = 15

// modernMark is in every message of the revisions without sessions, unless its name is written with escapes.
var modernMark = []byte("io.modelcontextprotocol/")

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
	if !ok || len(name) < 2 || kindOf(arguments) != "object" || !plainMeta(meta) {
		return c, false
	}
	c.tool, c.arguments = s.catalog.byName[string(name[1:len(name)-1])], arguments
	return c, c.tool != nil && c.tool.quick && name[0] == '"'
}

// isQuick reports whether the command is over at once. Others can be cancelled, which mcp-go sees to.
func isQuick(c *command.Command) bool {
	return (c.Kind == command.KindRead || c.Kind == command.KindWrite) && !c.MayWait()
}

// quickHTTP reports whether the headers of an admitted request are those of a session's POST that mcp-go would take.
func quickHTTP(r *http.Request) bool {
	version := r.Header.Get(mcp.HeaderProtocolVersion)
	return r.Method == http.MethodPost && r.Header.Get(server.HeaderKeySessionID) != "" && r.Header.Get("Content-Type") == "application/json" &&
		(version == "" || mcp.IsValidProtocolVersion(version) && !mcp.IsModernProtocol(version))
}

// answerQuickly answers a quickCall as mcp-go would. It ends with a newline.
func (s *Server) answerQuickly(ctx context.Context, c quickCall) []byte {
	o := s.call(ctx, c.tool, c.arguments)
	out := make([]byte, 0, 2*len(o.answer)+len(o.answer)/4+160)
	out = append(append(out, `{"jsonrpc":"2.0","id":`...), c.id...)
	out = append(out, `,"result":`...)
	if o.fault != nil {
		result, err := json.Marshal(o.result())
		if err != nil { // it was made of texts, which always encode
			return rpcError(json.RawMessage(c.id), mcp.INTERNAL_ERROR, "internal error")
		}
		return append(append(out, result...), "}\n"...)
	}
	out = append(out, `{"content":[{"type":"text","text":`...)
	out = appendText(out, o.answer)
	out = append(out, `}],"structuredContent":`...)
	return append(appendSafe(out, o.answer), "}}\n"...)
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

// plainMeta reports whether what a client says beside a call is nothing that a call depends on.
func plainMeta(meta []byte) bool {
	return meta == nil || kindOf(meta) == "object" && bytes.IndexByte(meta, '\\') < 0 && !bytes.Contains(meta, modernMark)
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
