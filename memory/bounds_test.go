package memory_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
)

// TestWhatIsTooMuch says for each limit what it is.
func TestWhatIsTooMuch(t *testing.T) {
	r := recording(t)
	long := func(n int) string { return strings.Repeat("x", n) }
	must(t, r, "memory.store", fmt.Sprintf(`{"text":%q,"metadata":{"a":%q},"source":%q,"collection":%q}`, long(16<<10), long(8000), long(256), long(128)))
	for _, c := range []struct {
		name, command, payload string
		code                   fault.Code
		want                   string
	}{
		{"a text", "memory.store", fmt.Sprintf(`{"text":%q}`, long(16<<10+1)), fault.TooLarge, "store it in parts"},
		{"no text", "memory.store", `{"text":""}`, fault.Invalid, `"text" is required`},
		{"metadata", "memory.store", fmt.Sprintf(`{"text":"x","metadata":{"a":%q}}`, long(9000)), fault.TooLarge, "metadata"},
		{"metadata that are none", "memory.store", `{"text":"x","metadata":[1]}`, fault.Invalid, "metadata"},
		{"a collection", "memory.store", fmt.Sprintf(`{"text":"x","collection":%q}`, long(129)), fault.OutOfRange, "collection"},
		{"a collection with a slash", "memory.store", `{"text":"x","collection":"a/b"}`, fault.Invalid, "cannot be a collection"},
		{"a collection with a line", "memory.store", `{"text":"x","collection":"a\nb"}`, fault.Invalid, "cannot be a collection"},
		{"a ttl", "memory.store", `{"text":"x","ttl":9000000000}`, fault.OutOfRange, "ttl"},
		{"a negative ttl", "memory.store", `{"text":"x","ttl":-1}`, fault.OutOfRange, "ttl"},
		{"a query", "memory.search", fmt.Sprintf(`{"query":%q}`, long(5000)), fault.TooLarge, "query"},
		{"a score", "memory.search", `{"query":"x","min_score":2}`, fault.OutOfRange, "min_score"},
		{"a filter", "memory.search", `{"query":"x","filter":{"a":{"in":3}}}`, fault.Invalid, "takes a list"},
		{"a filter's operator", "memory.search", `{"query":"x","filter":{"a":{"$gtt":3}}}`, fault.Invalid, `did you mean "gt"`},
		{"a filter's order", "memory.search", `{"query":"x","filter":{"a":{"lt":true}}}`, fault.Invalid, "a number or a text"},
		{"a filter's prefix", "memory.search", `{"query":"x","filter":{"a":{"prefix":1}}}`, fault.Invalid, "takes a text"},
		{"a filter's field", "memory.search", fmt.Sprintf(`{"query":"x","filter":{%q:1}}`, strings.Repeat("a.", 200)), fault.TooLarge, "name"},
		{"ids", "memory.delete", `{"ids":[]}`, fault.Invalid, "ids"},
		{"an id", "memory.delete", `{"ids":["default:01"]}`, fault.Invalid, "is not the id"},
		{"an id of nothing", "memory.delete", `{"ids":[":1"]}`, fault.Invalid, "is not the id"},
		{"two times", "memory.store", `{"text":"x","ttl":1,"ttl_ms":1}`, fault.Invalid, "only one of ttl and ttl_ms"},
		{"two ends", "memory.update", `{"id":"a:1","ttl":1,"persist":true}`, fault.Invalid, "either ttl or persist"},
		{"metadata that grow", "memory.update", fmt.Sprintf(`{"id":"%s:1","metadata":{"b":%q}}`, long(128), long(1000)), fault.TooLarge, "metadata"},
		{"a misspelt field", "memory.store", `{"texts":"x"}`, fault.Invalid, `"text"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := r.Try(c.command, c.payload)
			if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %v with %q", err, c.code, c.want)
			}
		})
	}
}

// TestAnswersAreBounded cuts what is too long to read, and says so.
func TestAnswersAreBounded(t *testing.T) {
	r := recording(t)
	for i := range 30 {
		must(t, r, "memory.store", fmt.Sprintf(`{"text":%q,"skip_similar":true}`, fmt.Sprint("word ", i, strings.Repeat(" é", 2000))))
	}
	text, err := r.Try("memory.search", `{"query":"word","limit":20,"response_format":"concise"}`)
	if err != nil || len(text) > 12_000 {
		t.Errorf("concise results come to %d bytes: %v", len(text), err)
	}
	a := must(t, r, "memory.search", `{"query":"word","limit":20,"max_bytes":16384}`)
	if !a.Truncated || len(a.Results) != 2 {
		t.Errorf("%d results, truncated %v", len(a.Results), a.Truncated)
	}
	page := must(t, r, "memory.list", `{"limit":20,"max_bytes":16384}`)
	if len(page.Items) != 3 || page.NextCursor == "" {
		t.Errorf("a page of %d, then %q", len(page.Items), page.NextCursor)
	}
	var ids []string
	for i := range 30 {
		ids = append(ids, fmt.Sprint("default:", i+1))
	}
	named, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	text, err = r.Try("memory.list", fmt.Sprintf(`{"ids":%s,"max_bytes":16384}`, named))
	if err != nil || len(text) > 32_000 {
		t.Errorf("named memories come to %d bytes: %v", len(text), err)
	}
	if a := must(t, r, "memory.search", `{"query":"word","limit":1,"response_format":"concise"}`); !a.Results[0].Cut || len(a.Results[0].Text) > 310 {
		t.Errorf("a cut text: %+v", a.Results[0])
	}
}
