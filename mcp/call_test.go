package mcp_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/mcp"
)

func TestArgumentsAreForgiven(t *testing.T) {
	s := full(t)
	tests := []struct{ name, tool, arguments, want string }{
		{"as shown", "synap_box_put", `{"key":"a","value":"1","ttl_seconds":5}`, `{"size":1,"ttl":5}`},
		{"the request's own name of a renamed field", "synap_box_put", `{"key":"a","value":"1","ttl":5}`, `{"size":1,"ttl":5}`},
		{"another case and no underscore", "synap_box_put", `{"Key":"a","value":"1","ttlSeconds":5}`, `{"size":1,"ttl":5}`},
		{"an alias", "synap_box_put", `{"name":"a","value":"1"}`, `{"size":1}`},
		{"a number in a string", "synap_box_put", `{"key":"a","value":"1","ttl_seconds":"5"}`, `{"size":1,"ttl":5}`},
		{"a whole number with a fraction", "synap_box_put", `{"key":"a","value":"1","ttl_seconds":5.0}`, `{"size":1,"ttl":5}`},
		{"null for absent", "synap_box_put", `{"key":"a","value":"1","ttl_seconds":null,"mode":null}`, `{"size":1}`},
		{"an object as a value", "synap_box_put", `{"key":"a","value":{"b":[1, null]}}`, `{"size":14}`},
		{"a number as a key", "synap_box_get", `{"keys":[7]}`, `{"items":[{"key":"7","found":false}],"offset":7,"raw":false,"hidden":"preset"}`},
		{"a value where a list is wanted", "synap_box_get", `{"key":"a"}`,
			`{"items":[{"key":"a","found":true,"value":{"b":[1,null]}}],"offset":7,"raw":false,"hidden":"preset"}`},
		{"true in a string", "synap_box_get", `{"keys":["x"],"raw":"true","from_offset":1}`,
			`{"items":[{"key":"x","found":false}],"offset":1,"raw":true,"hidden":"preset"}`},
		{"an object in a string", "synap_query", `{"name":"box.list","args":"{}"}`, `{"command":"box.list","result":{"keys":["a"]}}`},
		{"no arguments at all", "synap_box_list", `null`, `{"keys":["a"]}`},
		{"a watch answers with what there is", "synap_box_watch", `{"prefix":"p","from":3}`,
			`{"events":[{"position":"1","event":{"key":"p"}},{"position":"2","event":{"key":"p"}}],"position":"2"}`},
		{"a watch ends at its limit", "synap_box_watch", `{"limit":1}`,
			`{"events":[{"position":"1","event":{"key":""}}],"position":"1"}`},
		{"execute only checks", "synap_execute", `{"command":"box.put","payload":{"key":"a","value":2},"dry_run":true}`,
			`{"command":"box.put","dry_run":true}`},
	}
	for _, tt := range tests {
		r := call(t, s, tt.tool, tt.arguments)
		if r.IsError || r.text() != tt.want || string(r.StructuredContent) != tt.want {
			t.Errorf("%s: %s %s\ngot  %s\n     %s\nwant %s", tt.name, tt.tool, tt.arguments, r.text(), r.StructuredContent, tt.want)
		}
	}
}

func TestErrorsTeach(t *testing.T) {
	s := full(t)
	call(t, s, "synap_box_put", `{"key":"a","value":1}`)
	tests := []struct{ name, tool, arguments, want string }{
		{"a misspelt argument", "synap_box_put", `{"kye":"a"}`,
			`invalid: there is no argument "kye"; did you mean "key"?
Given: {"kye":"a"}
Allowed: key, value, ttl_seconds, mode
Next: call synap_box_put again with "key"`},
		{"a field that is not shown", "synap_box_get", `{"keys":"a","hidden":"x"}`,
			`invalid: there is no argument "hidden"
Given: {"keys":"a","hidden":"x"}
Allowed: keys, from_offset, raw
Next: call synap_box_get again with the arguments corrected`},
		{"an argument where none is taken", "synap_box_list", `{"a":1}`,
			`invalid: there is no argument "a": synap_box_list takes none
Given: {"a":1}
Allowed: what the tool's schema describes
Next: call synap_box_list again with the arguments corrected`},
		{"an argument that is missing", "synap_box_put", `{"value":1}`,
			`invalid: "key" is required
Given: no key
Allowed: key: string, the key
Next: call synap_box_put again with key corrected`},
		{"a renamed argument out of range", "synap_box_put", `{"key":"a","value":1,"ttl_seconds":500}`,
			`out_of_range: "ttl_seconds": 500 is not allowed for it: it is between 1 and 60
Given: ttl_seconds = 500
Allowed: ttl_seconds: integer, at least 1, at most 60, seconds to live
Next: call synap_box_put again with ttl_seconds in range`},
		{"an argument of another type", "synap_box_put", `{"key":"a","value":1,"ttl_seconds":"soon"}`,
			`invalid: "ttl_seconds": a string was given, an integer is wanted
Given: ttl_seconds = "soon"
Allowed: ttl_seconds: integer, at least 1, at most 60, seconds to live
Next: call synap_box_put again with ttl_seconds corrected`},
		{"not one of a few", "synap_box_put", `{"key":"a","value":1,"mode":"now"}`,
			`invalid: "mode": "now" is not allowed for it: it is one of new, old
Given: mode = "now"
Allowed: mode: one of ["new","old"], when to write
Next: call synap_box_put again with mode corrected`},
		{"two spellings of one argument", "synap_box_put", `{"key":"a","name":"b","value":1}`,
			`invalid: "key" and "name" mean the same: give "key" only
Given: key = "a"
Allowed: key: string, the key
Next: call synap_box_put again with key corrected`},
		{"arguments that are no object", "synap_box_put", `[1]`,
			`invalid: the arguments are a JSON object, not array
Given: [1]
Allowed: what the tool's schema describes
Next: call synap_box_put again with the arguments corrected`},
		{"what was asked to be new", "synap_box_put", `{"key":"a","value":1,"mode":"new"}`,
			`already_exists: key "a"
Given: {"key":"a","value":1,"mode":"new"}
Allowed: names that do not exist yet
Next: use another name, or look at what is there with synap_box_list`},
		{"a command that is not there", "synap_query", `{"command":"box.lst"}`,
			`not_found: there is no command "box.lst"; did you mean box.list?
Given: {"command":"box.lst"}
Allowed: nearest "box.list"
Next: correct the name: synap_help shows what there is, then call synap_query again`},
		{"a bug", "synap_box_fail", `{"code":"panic"}`,
			`internal: internal error
Given: {"code":"panic"}
Allowed: nothing you could change: this is the server's mistake
Next: call synap_box_fail again once; if it fails again, tell the user`},
		{"commands in a sentence", "synap_box_fail", `{"code":"names"}`,
			`invalid: "box.get" is no answer of synap_box_get, synap_box_fail. or nobody.here
Given: {"code":"names"}
Allowed: what synap_box_get answers
Next: call synap_box_fail again with the arguments corrected`},
		{"an answer that is too long", "synap_box_fail", `{"code":"many"}`,
			`too_large: the call was carried out, but its answer has 103011 bytes; a tool answers with at most 32768, or about 8,000 tokens
Given: {"code":"many"}
Allowed: limit 32768
Next: look at the result in parts; do not repeat the call unless it may happen twice`},
	}
	for _, tt := range tests {
		r := call(t, s, tt.tool, tt.arguments)
		if !r.IsError || r.text() != tt.want {
			t.Errorf("%s: %s %s\ngot  %s\nwant %s", tt.name, tt.tool, tt.arguments, r.text(), tt.want)
		}
		if r.StructuredContent != nil {
			t.Errorf("%s: structured content %s: clients check it against the output schema", tt.name, r.StructuredContent)
		}
		var f fault.Error
		if err := json.Unmarshal(r.Meta["synap/error"], &f); err != nil || !strings.HasPrefix(tt.want, f.Code.String()+": ") {
			t.Errorf("%s: for programs: %s (%v)", tt.name, r.Meta["synap/error"], err)
		}
	}
}

func TestEveryCodeTeaches(t *testing.T) {
	s := full(t)
	for _, code := range fault.Codes() {
		r := call(t, s, "synap_box_fail", `{"code":"`+code.String()+`"}`)
		lines := strings.Split(r.text(), "\n")
		if len(lines) != 4 || lines[0] != code.String()+": failed as asked" {
			t.Fatalf("%s: %s", code, r.text())
		}
		for i, label := range []string{"Given: ", "Allowed: ", "Next: "} {
			if rest, ok := strings.CutPrefix(lines[i+1], label); !ok || rest == "" {
				t.Errorf("%s: line %q does not begin with %q and go on", code, lines[i+1], label)
			}
		}
	}
}

func TestUnknownToolIsAProtocolError(t *testing.T) {
	answers := say(t, full(t), `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"synap_box_secret","arguments":{}}}`)
	if text := string(answers["1"]); !strings.Contains(text, `"code":-32602`) || !strings.Contains(text, "not found") {
		t.Errorf("got %s", text)
	}
}

func TestAnswerOfAnExecutorElsewhere(t *testing.T) {
	s := start(t, mcp.Options{Executor: remote{engine(t)}, Profile: "full"})
	call(t, s, "synap_box_put", `{"key":"a","value":"x"}`)
	const want = `{"items":[{"key":"a","found":true,"value":"x"}],"offset":7,"raw":false,"hidden":"preset"}`
	if r := call(t, s, "synap_box_get", `{"keys":["a"]}`); r.text() != want || string(r.StructuredContent) != want {
		t.Errorf("got %s, want %s", r.text(), want)
	}
}

func TestCallerIsWhoThePipeSays(t *testing.T) {
	reader := &auth.Identity{Name: "reader", Namespace: "default", Access: auth.Read}
	s := start(t, mcp.Options{Profile: "full", Identity: reader})
	if r := call(t, s, "synap_box_put", `{"key":"a","value":1}`); !strings.HasPrefix(r.text(), "denied: reader may not write") {
		t.Errorf("got %s", r.text())
	}
	if r := call(t, s, "synap_execute", `{"command":"box.put","payload":{"key":"a","value":1}}`); !strings.HasPrefix(r.text(), "denied: reader may not write") {
		t.Errorf("got %s", r.text())
	}
	if r := call(t, s, "synap_status", `{}`); !strings.Contains(r.text(), `"principal":"reader"`) {
		t.Errorf("got %s", r.text())
	}
}
