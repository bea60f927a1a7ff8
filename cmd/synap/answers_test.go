package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	mcplib "github.com/mark3labs/mcp-go/mcp"
)

// TestNoAnswerIsTooLong fills a server with what costs a model most, hashes, and asks every tool that lists or reads for as much as
// it gives: no answer has more than 8,000 tokens, none is an error, and where there is more the answer says how to go on.
func TestNoAnswerIsTooLong(t *testing.T) {
	url := serve(t)
	line, err := transport.NewStreamableHTTP(url + "/mcp?profile=full")
	if err != nil {
		t.Fatal(err)
	}
	c := client.NewClient(line)
	defer func() { _ = c.Close() }()
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Initialize(t.Context(), mcplib.InitializeRequest{}); err != nil {
		t.Fatal(err)
	}
	tokens := countTokens(t)
	call := func(tool, arguments string) map[string]any {
		t.Helper()
		r := mcplib.CallToolRequest{}
		r.Params.Name, r.Params.Arguments = tool, json.RawMessage(arguments)
		got, err := c.CallTool(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		text := got.Content[0].(mcplib.TextContent).Text
		if got.IsError {
			t.Fatalf("%s %.200s: %s", tool, arguments, text)
		}
		if n := tokens(text); n > mostResultTokens {
			t.Errorf("%s %.200s answers with %d tokens", tool, arguments, n)
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			t.Fatal(err)
		}
		return fields
	}
	hash := func(i, n int) string {
		var all strings.Builder
		for j := 0; all.Len() < n; j++ {
			sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", i, j))
			all.WriteString(hex.EncodeToString(sum[:]))
		}
		return all.String()[:n]
	}
	call("synap_topic_listen", `{"patterns":["#"]}`)
	listening := call("synap_topic_listen", `{"patterns":["#"]}`)["subscription"]
	const things = 120
	for i := range things {
		name := hash(i, 60)
		call("synap_kv_set", fmt.Sprintf(`{"key":%q,"value":%q}`, name, hash(i, 500)))
		call("synap_queue_publish", fmt.Sprintf(`{"queue":"q-%s","message":1}`, name))
		call("synap_queue_publish", fmt.Sprintf(`{"queue":"work","message":%q}`, hash(i, 500)))
		call("synap_stream_append", fmt.Sprintf(`{"room":"room","event":"e","data":%q}`, hash(i, 500)))
		call("synap_stream_append", fmt.Sprintf(`{"room":"r-%s","event":"e","data":1}`, name))
		call("synap_memory_store", fmt.Sprintf(`{"text":"dense %s","metadata":{"hash":%q}}`, hash(i, 300), name))
		call("synap_topic_publish", fmt.Sprintf(`{"topic":"t","message":%q}`, hash(i, 500)))
		call("synap_agent_send", fmt.Sprintf(`{"to":"local","message":%q}`, hash(i, 500)))
	}
	long := hash(0, 60_000)
	call("synap_kv_set", fmt.Sprintf(`{"key":"long","value":%q}`, long))
	call("synap_queue_publish", fmt.Sprintf(`{"queue":"long","message":{"body":%q}}`, long))
	call("synap_stream_append", fmt.Sprintf(`{"room":"long","event":"e","data":{"body":%q}}`, long))
	stored := call("synap_memory_store", fmt.Sprintf(`{"text":"a long one %s"}`, long[:10_000]))["id"]

	// What goes on by a cursor is all there in the end.
	for _, l := range []struct{ tool, arguments, list string }{
		{"synap_kv_list", `"limit":1000,"prefix":""`, "items"},
		{"synap_browse", `"kind":"queues","limit":200,"prefix":"q-"`, "items"},
		{"synap_browse", `"kind":"streams","limit":200,"prefix":"r-"`, "items"},
		{"synap_browse", `"kind":"keys","limit":200`, "items"},
		{"synap_queue_peek", `"queue":"work","limit":1000,"full":true`, "messages"},
		{"synap_memory_list", `"limit":1000`, "items"},
	} {
		n, cursor := 0, ""
		for {
			page := call(l.tool, fmt.Sprintf(`{%s,"cursor":%q}`, l.arguments, cursor))
			n += len(page[l.list].([]any))
			cursor, _ = page["next_cursor"].(string)
			if cursor == "" {
				break
			}
		}
		if n < things || n > things+1 {
			t.Errorf("%s {%s} gives %d in all", l.tool, l.arguments, n)
		}
	}
	for n, from := 0, 0; n < things; {
		page := call("synap_stream_read", fmt.Sprintf(`{"room":"room","from_offset":%d,"limit":10000}`, from))
		events := page["events"].([]any)
		if n, from = n+len(events), int(page["next_offset"].(float64)); len(events) == 0 {
			t.Fatalf("the room ends after %d events", n)
		}
	}
	var keys []string
	for i := range 50 {
		keys = append(keys, hash(i, 60))
	}
	text, err := json.Marshal(append(keys, "long"))
	if err != nil {
		t.Fatal(err)
	}
	call("synap_kv_get", fmt.Sprintf(`{"keys":%s}`, text))
	for offset, n := 0., 0; offset >= 0; n++ {
		item := call("synap_kv_get", fmt.Sprintf(`{"keys":["long"],"offset":%.0f}`, offset))["items"].([]any)[0].(map[string]any)
		if next, more := item["next_offset"].(float64); more && next > offset && n < 100 {
			offset = next
			continue
		}
		break
	}
	call("synap_memory_search", `{"query":"dense","limit":100}`)
	call("synap_memory_search", `{"query":"dense","limit":100,"response_format":"detailed"}`)
	call("synap_memory_list", fmt.Sprintf(`{"ids":[%q]}`, stored))
	for heard := 0; heard < things; {
		n := len(call("synap_topic_listen", fmt.Sprintf(`{"subscription":%q,"limit":1000}`, listening))["messages"].([]any))
		if heard += n; n == 0 {
			t.Fatalf("%d messages were heard", heard)
		}
	}
	for call("synap_agent_inbox", `{"limit":1000}`)["unread"] != 0. { //nolint:revive // until all are read
	}
	for range 3 {
		call("synap_queue_receive", `{"queue":"work","max_messages":1000}`)
	}
	call("synap_help", `{}`)
	call("synap_query", `{"command":"kv.get","payload":{"key":"long"}}`)
	call("synap_stream_read", `{"room":"long","from_offset":0}`)
	call("synap_queue_peek", `{"queue":"long","full":true}`)

	// A message that is longer than an answer is cut, and its receipt is whole.
	got := call("synap_queue_receive", `{"queue":"long"}`)["messages"].([]any)[0].(map[string]any)
	if text := fmt.Sprint(got["message"]); !strings.Contains(text, "[cut here") {
		t.Errorf("it is not cut: %.100s…", text)
	}
	settled := call("synap_queue_ack", fmt.Sprintf(`{"receipts":[%q]}`, got["receipt"]))
	if ok := settled["results"].([]any)[0].(map[string]any)["ok"]; ok != true {
		t.Errorf("its receipt is no good: %v", settled)
	}
}
