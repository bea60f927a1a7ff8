package mcp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

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
}

func quickMessages() (messages []string) {
	for i, c := range quickCalls {
		meta := []string{"", `"_meta":{"progressToken":1},`, `"_meta":{},`}[i%3]
		messages = append(messages, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{%s"name":%q,"arguments":%s}}`, c[0], meta, c[1], c[2]))
	}
	return messages
}

// TestQuickAnswersAreTheLibrarys plays the same calls to two doors: one answers by itself, the other has mcp-go answer.
func TestQuickAnswersAreTheLibrarys(t *testing.T) {
	t.Run("http", func(t *testing.T) {
		one, other := newWorld(t), newWorld(t)
		here, there := one.post(initialize).Header().Get("Mcp-Session-Id"), other.post(initialize).Header().Get("Mcp-Session-Id")
		for _, m := range quickMessages() {
			sure(t, one.door, m)
			got, want := one.post(m, "Mcp-Session-Id: "+here), other.post(slowly(m), "Mcp-Session-Id: "+there)
			if got.Body.String() != want.Body.String() || got.Code != want.Code || fmt.Sprint(got.Header()) != fmt.Sprint(want.Header()) {
				t.Errorf("%.200s:\nhere    %d %v %.2000s\nmcp-go's %d %v %.2000s", m, got.Code, got.Header(), got.Body, want.Code, want.Header(), want.Body)
			}
		}
	})
	t.Run("pipe", func(t *testing.T) {
		one, other := newWorld(t), newWorld(t)
		here, there := one.dial(), other.dial()
		for _, m := range quickMessages() {
			sure(t, one.door, m)
			if got, want := here.raw(m), there.raw(slowly(m)); got != want {
				t.Errorf("%.200s:\nhere    %.2000s\nmcp-go's %.2000s", m, got, want)
			}
		}
	})
}

func sure(t *testing.T, door *mcp.Server, m string) {
	t.Helper()
	if _, _, _, ok := door.Quick([]byte(m)); !ok {
		t.Errorf("not quick: %.200s", m)
	}
	if _, _, _, ok := door.Quick([]byte(slowly(m))); ok {
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
		`{"jsonrpc":"2.0","id":1.0,"method":"tools/call",` + params + `}`:                                                                  found,
		`{"jsonrpc":"2.0","id":1234567890123456,"method":"tools/call",` + params + `}`:                                                     found,
		`{"jsonrpc":"2.0","id":-0,"method":"tools/call",` + params + `}`:                                                                   found,
		`{"jsonrpc":"2.0","id":"\u0041","method":"tools/call",` + params + `}`:                                                             found,
		`{"jsonrpc":"2.0","id":"a<","method":"tools/call",` + params + `}`:                                                                 found,
		`{"jsonrpc":"2.0","id":1,"method":"tools\/call",` + params + `}`:                                                                   found,
		`{"jsonrpc":"2.0","ID":1,"method":"tools/call",` + params + `}`:                                                                    found,
		`{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call",` + params + `}`:                                                             `"id":2`,
		`{"jsonrpc":"1.0","id":1,"method":"tools/call",` + params + `}`:                                                                    "Invalid JSON-RPC version",
		`{"jsonrpc":"2.0","method":"tools/call",` + params + `}`:                                                                           "",
		`{"jsonrpc":"2.0","id":null,"method":"tools/call",` + params + `}`:                                                                 "",
		`{"jsonrpc":"2.0","id":1,"method":"ping"}`:                                                                                         `"result":{}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}`:                                                                       "-32600",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_nothing","arguments":{}}}`:                                  "not found",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7,"arguments":{}}}`:                                                "-32600",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_kv_list"}}`:                                                 `"total":0`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_kv_get","arguments":["a"]}}`:                                "JSON object",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_queue_receive","arguments":{"queue":"q"}}}`:                 `"messages":[]`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"\u0069o":1},"name":"synap_kv_get","arguments":{"keys":["a"]}}}`: found,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":[],"name":"synap_kv_get","arguments":{"keys":["a"]}}}`:            "-32600",
		`[{"jsonrpc":"2.0","id":1,"method":"tools/call",` + params + `}]`:                                                                  "-32700",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call",` + params:                                                                          "-32700",
		modern("1", "tools/call", `"name":"synap_kv_get","arguments":{"keys":["a"]}`):                                                      "-32020",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"task":{"ttl":1},"name":"synap_kv_get","arguments":{"keys":["a"]}}}`:      found,
	} {
		if _, _, _, ok := w.door.Quick([]byte(m)); ok {
			t.Errorf("quick: %s", m)
		}
		if got := w.post(m, session); !strings.Contains(got.Body.String(), answer) {
			t.Errorf("%s: %d %s, want %s", m, got.Code, got.Body, answer)
		}
	}
	call := quickMessages()[1]
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

// FuzzQuick has no message understood in another way than encoding/json understands it.
func FuzzQuick(f *testing.F) {
	for _, m := range quickMessages() {
		f.Add([]byte(m))
	}
	e := newWorld(f).door
	f.Fuzz(func(t *testing.T, m []byte) {
		id, tool, arguments, ok := e.Quick(m)
		if !ok {
			return
		}
		var want struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params struct {
				Name      string          `json:"name"`
				Arguments json.RawMessage `json:"arguments"`
			} `json:"params"`
		}
		if err := json.Unmarshal(m, &want); err != nil {
			t.Fatalf("%q: %v", m, err)
		}
		if id != string(want.ID) || want.Method != "tools/call" || tool != want.Params.Name || arguments != string(want.Params.Arguments) {
			t.Errorf("%q: %s %s %s", m, id, tool, arguments)
		}
		var known any
		if err := json.Unmarshal(want.ID, &known); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(known); err != nil || string(again) != id {
			t.Errorf("the id %s is written %s (%v)", id, again, err)
		}
	})
}
