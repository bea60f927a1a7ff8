package mcp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"github.com/hivellm/synap-go/mcp"
)

// slowly is the same message with a member that says nothing, and that keeps it from being answered without mcp-go.
func slowly(message string) string { return strings.Replace(message, "{", `{"x":0,`, 1) }

// quickCalls are calls whose answers do not depend on when they are made: [id, tool, arguments].
var quickCalls = [][3]string{
	{`1`, "synap_kv_set", `{"key":"a","value":"plain"}`},
	{`2`, "synap_kv_get", `{"keys":["a","none"]}`},
	{`"text"`, "synap_kv_get", `{"key":"a"}`},
	{`0`, "synap_kv_set", `{"key":"m","value":"<b>&amp;</b> \"quoted\" back\\slash \u2028\u2029 \u0001\u007f\b\f\n\t\u00e9 \ud83d\ude00"}`},
	{`-7`, "synap_kv_get", `{"keys":["m"]}`},
	{`999999999999999`, "synap_kv_set", `{"key":"o","value":{"z":[1,2.50,1e3,null,true],"a":{"<":null}}}`},
	{`""`, "synap_kv_get", ` { "keys" : [ "o" ] } `},
	{`5`, "synap_kv_increment", `{"key":"n"}`},
	{`5`, "synap_kv_increment", `{"key":"n","by":-3}`},
	{`6`, "synap_kv_increment", `{"key":"a"}`}, // it holds no number
	{`7`, "synap_kv_list", `{"prefix":""}`},
	{`8`, "synap_kv_list", `{"limit":"1"}`},
	{`9`, "synap_kv_list", `{"nonsense<":1}`},
	{`9`, "synap_kv_list", `{"limit":1,"Limit":2}`},
	{`10`, "synap_kv_get", `{}`},
	{`11`, "synap_kv_set", `{"key":"big","value":"` + strings.Repeat("long ", 30_000) + `"}`},
	{`12`, "synap_kv_get", `{"keys":["big"]}`},
	{`13`, "synap_kv_delete", `{"keys":["a","none"]}`},
	{`15`, "synap_queue_peek", `{"queue":"nothing"}`},
	{`16`, "synap_queue_receive", `{"queue":"nothing"}`},
	{`17`, "synap_queue_receive", `{"queue":"nothing","wait_seconds":26}`},
	{`18`, "synap_stream_read", `{"room":"nothing","wait":"0"}`},
	{`19`, "synap_topic_listen", `{"subscription":"none"}`},
	{`20`, "synap_agent_inbox", `{}`},
	{`21`, "synap_kv_set", `{"key":"f","value":[1.5e99,-2E-99,true,false,12345678901234567890]}`},
	{`22`, "synap_kv_get", `{"key":"f"}`},
}

// quickOthers are what else is asked for all the time: [method, the parameter that says what of, and its value].
var quickOthers = [][3]string{
	{"ping", "", ""},
	{"resources/read", "uri", "synap://kv/m"},
	{"resources/read", "uri", "synap://kv/o"},
	{"resources/read", "uri", "synap://kv/f"},
	{"resources/read", "uri", "synap://kv/blob"},
	{"resources/read", "uri", "synap://kv/none<&>"},
	{"resources/read", "uri", "synap://kv/%2"},
	{"resources/read", "uri", "synap://queue/a:b"},
	{"resources/read", "uri", "synap://queue/a:b/dead"},
	{"resources/read", "uri", "synap://queue/a b"},
	{"resources/read", "uri", "synap://queues"},
	{"resources/read", "uri", "synap://stream/nothing?limit=1&from=0"},
	{"resources/read", "uri", "synap://stream/nothing?lim=1"},
	{"resources/read", "uri", "synap://nothing"},
	{"resources/read", "uri", "synap://"},
	{"resources/read", "uri", "https://example.com/?a=<b>"},
	{"resources/read", "uri", "synap://help/kv.get"},
}

// metas are what comes beside a call of a session, and modernMetas beside one without.
var (
	metas       = []string{"", `"_meta":{"progressToken":1},`, `"_meta":{},`}
	modernMetas = []string{
		`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}},`,
		`"_meta":{"progressToken":"<p>","io.modelcontextprotocol/clientCapabilities": {"elicitation":{"form":{}},"roots":{"listChanged":true},"x":1},` +
			`"io.modelcontextprotocol/protocolVersion" :"2026-07-28","io.modelcontextprotocol/logLevel":"debug",` +
			`"io.modelcontextprotocol/clientInfo":{"name":"Nina's \u00e9","version":"1"}},`,
		`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},` +
			`"io.modelcontextprotocol/clientInfo":7,"io.modelcontextprotocol/logLevel":{},"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},`,
	}
)

// asked is a message, and what its headers have to say of it in 2026-07-28.
type asked struct{ message, method, name string }

// quickMessages are messages that need no library; of 2026-07-28 with its metas.
func quickMessages(metas []string) (all []asked) {
	for i, c := range quickCalls {
		all = append(all, asked{fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{%s"name":%q,"arguments":%s}}`,
			c[0], metas[i%len(metas)], c[1], c[2]), "tools/call", c[1]})
	}
	for i, o := range quickOthers {
		params := metas[i%len(metas)]
		if o[1] != "" {
			params += fmt.Sprintf("%q:%q", o[1], o[2])
		} else if params = strings.TrimSuffix(params, ","); strings.Contains(params, "2026") {
			continue // it has no ping
		}
		all = append(all, asked{fmt.Sprintf(`{"jsonrpc":"2.0","id":"%d","method":%q,"params":{%s}}`, i, o[0], params), o[0], o[2]})
	}
	return all
}

// modernHeaders are those of a message without a session.
func (a asked) modernHeaders() []string {
	return []string{"MCP-Protocol-Version: 2026-07-28", "Mcp-Method: " + a.method, "Mcp-Name: " + a.name}
}

// callHeaders are those of a call without a session.
func callHeaders(tool string) []string { return asked{"", "tools/call", tool}.modernHeaders() }

// furnished is a world in which there is something to be read.
func furnished(t testing.TB) *world {
	w := newWorld(t)
	w.do("kv.set", `{"key":"blob","value":{"$base64":"AP8="}}`)
	return w
}

// TestQuickAnswersAreTheLibrarys plays the same calls to two doors: one answers by itself, the other has mcp-go answer.
func TestQuickAnswersAreTheLibrarys(t *testing.T) {
	for name, metas := range map[string][]string{"in a session": metas, "2026-07-28": modernMetas} {
		t.Run(name+" http", func(t *testing.T) {
			one, other := furnished(t), furnished(t)
			here, there := one.post(initialize).Header().Get("Mcp-Session-Id"), other.post(initialize).Header().Get("Mcp-Session-Id")
			for _, a := range quickMessages(metas) {
				m, headers := a.message, a.modernHeaders()
				sure(t, one.door, m)
				if name != "2026-07-28" {
					headers = []string{"MCP-Protocol-Version: 2025-06-18"}
				}
				got, want := one.post(m, append(headers, "Mcp-Session-Id: "+here)...), other.post(slowly(m), append(headers, "Mcp-Session-Id: "+there)...)
				if got.Body.String() != want.Body.String() || got.Code != want.Code || fmt.Sprint(got.Header()) != fmt.Sprint(want.Header()) {
					t.Errorf("%.300s:\nhere    %d %v %.2000s\nmcp-go's %d %v %.2000s", m, got.Code, got.Header(), got.Body, want.Code, want.Header(), want.Body)
				}
			}
		})
		t.Run(name+" pipe", func(t *testing.T) {
			one, other := furnished(t), furnished(t)
			here, there := one.dial(), other.dial()
			for _, a := range quickMessages(metas) {
				m := a.message
				sure(t, one.door, m)
				if got, want := here.raw(m), there.raw(slowly(m)); got != want {
					t.Errorf("%.300s:\nhere    %.2000s\nmcp-go's %.2000s", m, got, want)
				}
			}
		})
	}
}

func sure(t *testing.T, door *mcp.Server, m string) {
	t.Helper()
	if _, ok := door.Quick([]byte(m)); !ok {
		t.Errorf("not quick: %.200s", m)
	}
	if _, ok := door.Quick([]byte(slowly(m))); ok {
		t.Errorf("quick: %.200s", slowly(m))
	}
}

// raw sends a line and returns the next one.
func (l *line) raw(message string) string {
	l.Helper()
	if _, err := io.WriteString(l.in, message+"\n"); err != nil {
		l.Fatal(err)
	}
	text, err := l.out.ReadString('\n')
	if err != nil {
		l.Fatal(err)
	}
	return text
}

// TestOnlyPlainCallsAreQuick has everything else answered by mcp-go, as before.
func TestOnlyPlainCallsAreQuick(t *testing.T) {
	w := newWorld(t)
	session := "Mcp-Session-Id: " + w.post(initialize).Header().Get("Mcp-Session-Id")
	const params = `"params":{"name":"synap_kv_get","arguments":{"keys":["a"]}}`
	const found = `"found":false`
	for m, answer := range map[string]string{
		`{"jsonrpc":"2.0","id":1.0,"method":"tools/call",` + params + `}`:              found,
		`{"jsonrpc":"2.0","id":1234567890123456,"method":"tools/call",` + params + `}`: found,
		`{"jsonrpc":"2.0","id":-0,"method":"tools/call",` + params + `}`:               found,
		`{"jsonrpc":"2.0","id":"\u0041","method":"tools/call",` + params + `}`:         found,
		`{"jsonrpc":"2.0","id":"a<","method":"tools/call",` + params + `}`:             found,
		`{"jsonrpc":"2.0","id":1,"method":"tools\/call",` + params + `}`:               found,
		`{"jsonrpc":"2.0","ID":1,"method":"tools/call",` + params + `}`:                found,
		`{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call",` + params + `}`:         `"id":2`,
		`{"jsonrpc":"1.0","id":1,"method":"tools/call",` + params + `}`:                "Invalid JSON-RPC version",
		`{"jsonrpc":"2.0","method":"tools/call",` + params + `}`:                       "",
		`{"jsonrpc":"2.0","id":null,"method":"tools/call",` + params + `}`:             "",
		`{"jsonrpc":"2.0","id":1,"method":"ping","params":null}`:                       `"result":{}`,
		`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"name":"x"}}`:               `"result":{}`,
		`{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}`:                         "-32600",
		`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`: "-32020",
		`{"jsonrpc":"2.0","id":1,"method":"resources/read"}`:                                                                                               "there is nothing at",
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{}}`:                                                                                   "there is nothing at",
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":""}}`:                                                                           "there is nothing at",
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":7}}`:                                                                            "-32600",
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"synap://kv/\u0061"}}`:                                                          "there is nothing at",
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"synap://kv/é"}}`:                                                               "there is nothing at",
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"synap://kv/a","uri":"synap://status"}}`:                                        "principal",
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"synap://kv/a","arguments":{"synap/uri":"synap://status"}}}`:                    "there is nothing at",
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"synap://kv/a","requestState":"x"}}`:                                            "there is nothing at",
		`{"jsonrpc":"2.0","id":1,"method":"resources/list","params":{}}`:                                                                                   "synap://status",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}`:                                                                                       "-32600",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_nothing","arguments":{}}}`:                                                  "not found",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7,"arguments":{}}}`:                                                                "-32600",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_kv_list"}}`:                                                                 `"total":0`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_kv_get","arguments":["a"]}}`:                                                "JSON object",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_clear","arguments":{"uri":"synap://kv/a","mode":"empty"}}}`:                 `"done":false`,
		withMeta(`"io.modelcontextprotocol/protocolVersion":"2025-06-18","io.modelcontextprotocol/clientCapabilities":{}`):                                 found,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_kv_set","arguments":{"key":"f","value":[true,1e999]}}}`:                     "cannot unmarshal number",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_kv_set","arguments":{"key":"f","value":` + strings.Repeat("9", 400) + `}}}`: "cannot unmarshal number",
		withMeta(`"x":1e400`): "cannot unmarshal number",
		withMeta(`"io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"}`):                                                        found,
		withMeta(`"io.modelcontextprotocol/protocolVersion":null`):                                                                         found,
		withMeta(`"io.modelcontextprotocol\/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}`):                "-32020",
		withMeta(`"io.modelcontextprotocol/protocolVersion":"2027-01-01","io.modelcontextprotocol/clientCapabilities":{}`):                 "-32020",
		withMeta(`"io.modelcontextprotocol/protocolVersion":"2026-07-28"`):                                                                 "-32020",
		withMeta(`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":1}`):        "-32020",
		withMeta(`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/protocolVersion":"2026-07-28"`):          "-32020",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"\u0069o":1},"name":"synap_kv_get","arguments":{"keys":["a"]}}}`: found,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":[],"name":"synap_kv_get","arguments":{"keys":["a"]}}}`:            "-32600",
		`[{"jsonrpc":"2.0","id":1,"method":"tools/call",` + params + `}]`:                                                                  "-32700",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call",` + params:                                                                          "-32700",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"task":{"ttl":1},"name":"synap_kv_get","arguments":{"keys":["a"]}}}`:      found,
	} {
		if _, ok := w.door.Quick([]byte(m)); ok {
			t.Errorf("quick: %s", m)
		}
		if got := w.post(m, session); !strings.Contains(got.Body.String(), answer) {
			t.Errorf("%s: %d %s, want %s", m, got.Code, got.Body, answer)
		}
	}
	call := quickMessages(metas)[1].message
	for header, answer := range map[string]string{
		"MCP-Protocol-Version: 2025-06-18":              "result",
		"MCP-Protocol-Version: 1999-01-01":              "Unsupported protocol version",
		"Content-Type: text/plain":                      "Invalid content type",
		"Content-Type: application/json; charset=utf-8": "result",
	} {
		if got := w.post(call, session, header); !strings.Contains(got.Body.String(), answer) {
			t.Errorf("%s: %d %s, want %s", header, got.Code, got.Body, answer)
		}
	}
}

// withMeta is a call with that beside it.
func withMeta(members string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{` + members + `},"name":"synap_kv_get","arguments":{"keys":["a"]}}}`
}

// TestModernCallsAreQuickUnderTheirHeaders: whatever mcp-go checks of the headers of 2026-07-28, it is asked.
func TestModernCallsAreQuickUnderTheirHeaders(t *testing.T) {
	w := newWorld(t)
	session := "Mcp-Session-Id: " + w.post(initialize).Header().Get("Mcp-Session-Id")
	const name = "synap_kv_get"
	call := modern("1", "tools/call", `"name":"synap_kv_get","arguments":{"keys":["a"]}`)
	for _, tt := range []struct {
		what, want string
		headers    []string
	}{
		{"as it should be", `"found":false`, callHeaders(name)},
		{"with a session besides", `"found":false`, append(callHeaders(name), session)},
		{"with a session that there is not", `"found":false`, append(callHeaders(name), "Mcp-Session-Id: none")},
		{"with its name in Base64", `"found":false`, callHeaders("=?base64?c3luYXBfa3ZfZ2V0?=")},
		{"with the name of another tool", "does not match body value", callHeaders("synap_kv_set")},
		{"without a name", "missing required header", callHeaders("")},
		{"without a version", "header is required", []string{session}},
		{"with the version of another revision", "does not match", append(callHeaders(name), session, "MCP-Protocol-Version: 2025-11-25")},
		{"with a version that is not known", "does not match", append(callHeaders(name), "MCP-Protocol-Version: 2030-01-01")},
		{"with another method", "does not match body value", append(callHeaders(name), "Mcp-Method: ping")},
		{"with an event to go on after", "not resumable", append(callHeaders(name), "Last-Event-ID: 1")},
		{"with another type", "Invalid content type", append(callHeaders(name), "Content-Type: text/plain")},
	} {
		if got := w.post(call, tt.headers...); !strings.Contains(got.Body.String(), tt.want) {
			t.Errorf("%s: %d %s, want %s", tt.what, got.Code, got.Body, tt.want)
		}
	}
	if got := w.post(quickMessages(metas)[1].message, callHeaders(name)...); !strings.Contains(got.Body.String(), "missing or invalid _meta") {
		t.Errorf("a call that says nothing of its revision: %d %s", got.Code, got.Body)
	}
}

// FuzzQuick has no message understood in another way than encoding/json understands it, and what only reads answered as by mcp-go.
func FuzzQuick(f *testing.F) {
	for _, a := range append(quickMessages(metas), quickMessages(modernMetas)...) {
		f.Add([]byte(a.message))
	}
	w := furnished(f)
	session := "Mcp-Session-Id: " + w.post(initialize).Header().Get("Mcp-Session-Id")
	f.Fuzz(func(t *testing.T, m []byte) {
		got, ok := w.door.Quick(m)
		if !ok {
			return
		}
		var want struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params struct {
				Name      string          `json:"name"`
				URI       string          `json:"uri"`
				Arguments json.RawMessage `json:"arguments"`
				Meta      *mcpgo.Meta     `json:"_meta"`
			} `json:"params"`
		}
		if err := json.Unmarshal(m, &want); err != nil {
			t.Fatalf("%q: %v", m, err)
		}
		said := mcp.Quick{ID: string(want.ID), Method: want.Method, Arguments: string(want.Params.Arguments), Modern: want.Params.Meta.ProtocolVersion() == "2026-07-28"}
		switch want.Method {
		case "tools/call":
			said.Name = want.Params.Name
		case "resources/read":
			said.Name = want.Params.URI
		}
		if got != said {
			t.Errorf("%q: understood as %+v, and it says %+v", m, got, said)
		}
		if version := want.Params.Meta.ProtocolVersion(); !got.Modern && version != "" {
			t.Errorf("%q: of %s, and modern is %v", m, version, got.Modern)
		}
		if got.Modern && want.Params.Meta.ClientCapabilities() == nil {
			t.Errorf("%q: mcp-go finds no capabilities", m)
		}
		var whole any
		if err := json.Unmarshal(m, &whole); err != nil {
			t.Fatalf("%q: mcp-go cannot read it: %v", m, err)
		}
		var known any
		if err := json.Unmarshal(want.ID, &known); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(known); err != nil || string(again) != got.ID {
			t.Errorf("the id %s is written %s (%v)", got.ID, again, err)
		}
		if got.Method == "tools/call" || got.Name == "synap://status" || strings.ContainsAny(got.Name, "\r\n") {
			return
		}
		headers := []string{session}
		if got.Modern {
			headers = asked{"", got.Method, got.Name}.modernHeaders()
		}
		here := world{t, w.engine, w.door}
		if got, want := here.post(string(m), headers...).Body.String(), here.post(slowly(string(m)), headers...).Body.String(); got != want {
			t.Errorf("%q:\nhere    %.2000s\nmcp-go's %.2000s", m, got, want)
		}
	})
}
