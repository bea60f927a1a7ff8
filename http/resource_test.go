package http_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	door "github.com/hivellm/synap-go/http"
)

// call runs one request through the door without a network.
func call(d *door.Door, method, path, body string, headers ...string) answer {
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		r.Header.Add(name, v)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), strings.TrimSuffix(w.Body.String(), "\n")}
}

// Each step is a request and what it answers: status, headers after a |, body.
func TestResources(t *testing.T) {
	for _, resource := range []string{"/v1/notes", "/v1/kv"} {
		t.Run(resource, func(t *testing.T) { playResource(t, newBench(t, nil), resource) })
	}
}

func playResource(t *testing.T, b *bench, at string) {
	const text, js, bin = "text/plain; charset=utf-8", "application/json", "application/octet-stream"
	for _, s := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		header, value            string
		want                     string
	}{
		{"nothing is there", "GET", "/a", "", nil, 404, "Content-Type", js, `"code":"not_found"`},
		{"a raw body is the value", "PUT", "/a", "hello", []string{"Content-Type: text/plain"}, 200, "Etag", `"1"`, `"version":1`},
		{"and comes back as it is", "GET", "/a", "", nil, 200, "Etag", `"1"`, "hello"},
		{"with its type", "GET", "/a", "", nil, 200, "Content-Type", text, "hello"},
		{"HEAD is GET without a body", "HEAD", "/a", "", nil, 200, "Content-Length", "5", ""},
		{"HEAD of nothing", "HEAD", "/none", "", nil, 404, "Content-Type", js, ""},
		{"a version that is known is not sent again", "GET", "/a", "", []string{`If-None-Match: "1"`}, 304, "Etag", `"1"`, ""},
		{"one among several", "GET", "/a", "", []string{`If-None-Match: "7", W/"1"`}, 304, "Etag", `"1"`, ""},
		{"another version is", "GET", "/a", "", []string{`If-None-Match: "7"`}, 200, "Etag", `"1"`, "hello"},
		{"a version that is not the one asked for", "GET", "/a", "", []string{`If-Match: "7"`}, 412, "", "", "conflict"},
		{"set if absent finds it", "PUT", "/a", "no", []string{"If-None-Match: *"}, 412, "", "", "already_exists"},
		{"the same asked for in the query is a conflict", "PUT", "/a?if_absent=true", "no", nil, 409, "", "", "already_exists"},
		{"compare and set with the wrong version", "PUT", "/a", "no", []string{`If-Match: "9"`}, 412, "", "", "conflict"},
		{"compare and set", "PUT", "/a", "you", []string{`If-Match: "1"`}, 200, "Etag", `"2"`, `"version":2`},
		{"set if absent", "PUT", "/new", "1", []string{"If-None-Match: *"}, 200, "Etag", `"3"`, `"created":true`},
		{"an If-Match that is no version", "PUT", "/a", "x", []string{`If-Match: 17`}, 400, "", "", "is not a version in quotes"},
		{"an If-None-Match of a write", "PUT", "/a", "x", []string{`If-None-Match: "1"`}, 400, "", "", "and nothing else"},
		{"curl's own type is text", "PUT", "/c", "a=b&c", []string{"Content-Type: application/x-www-form-urlencoded"}, 200, "", "", ""},
		{"and comes back as text", "GET", "/c", "", nil, 200, "Content-Type", text, "a=b&c"},
		{"JSON", "PUT", "/j", ` {"a": [1, 2]} `, []string{asJSON}, 200, "", "", ""},
		{"comes back as JSON", "GET", "/j", "", nil, 200, "Content-Type", js, `{"a":[1,2]}`},
		{"JSON that is none", "PUT", "/j", `{`, []string{asJSON}, 400, "", "", "not valid JSON"},
		{"bytes", "PUT", "/b", "\x00\xff", []string{"Content-Type: image/png"}, 200, "", "", ""},
		{"come back as bytes", "GET", "/b", "", nil, 200, "Content-Type", bin, "\x00\xff"},
		{"and never run as a page", "GET", "/b", "", nil, 200, "X-Content-Type-Options", "nosniff", ""},
		{"an empty value is a value", "PUT", "/e", "", nil, 200, "", "", ""},
		{"and is found", "GET", "/e", "", nil, 200, "Content-Length", "0", ""},
		{"a key may have slashes", "PUT", "/a%2Fb%2F%2Fc", "deep", nil, 200, "", "", ""},
		{"and is found by them", "GET", "/a%2Fb%2F%2Fc", "", nil, 200, "", "", "deep"},
		{"and not without", "GET", "/a/b", "", nil, 404, "", "", "/openapi.json"},
		{"plus is plus", "PUT", "/x+y%20z%2F", "plus", nil, 200, "", "", ""},
		{"always", "GET", "/x%2By%20z%2F", "", nil, 200, "", "", "plus"},
		{"and percent is percent", "PUT", "/100%25", "all", nil, 200, "", "", ""},
		{"everywhere", "POST", "/get", `{"key":"100%"}`, nil, 200, "", "", `"value":"all"`},
		{"an unknown parameter names the nearest", "PUT", "/a?if_versoin=2", "x", nil, 400, "", "", `did you mean \"if_version\"?`},
		{"a parameter that is in the path", "GET", "/a?key=b", "", nil, 400, "", "", "in the path"},
		{"a parameter that is the body", "PUT", "/a?value=b", "x", nil, 400, "", "", "is the body"},
		{"a parameter of the wrong type", "PUT", "/a?if_version=x", "x", nil, 400, "", "", `\"if_version\": \"x\" was given, an integer that is not negative is wanted`},
		{"a parameter twice", "PUT", "/a?if_version=1&if_version=2", "x", nil, 400, "", "", "given twice"},
		{"other methods are refused", "PATCH", "/a", "", nil, 405, "Allow", "", "does not take PATCH"},
		{"removed", "DELETE", "/a", "", nil, 200, "", "", ""},
		{"and gone", "GET", "/a", "", nil, 404, "", "", ""},
	} {
		got := b.do(s.method, routed(at, s.path), s.body, s.headers...)
		if got.status != s.status || !strings.Contains(got.body, s.want) {
			t.Errorf("%s: %s %s: got %d %q, want %d with %q", s.name, s.method, s.path, got.status, got.body, s.status, s.want)
		}
		if s.header != "" && (got.header.Get(s.header) != s.value && s.value != "" || got.header.Get(s.header) == "") {
			t.Errorf("%s: %s: %q, want %q", s.name, s.header, got.header.Get(s.header), s.value)
		}
		if s.method == "HEAD" && got.body != "" {
			t.Errorf("%s: HEAD has the body %q", s.name, got.body)
		}
	}
}

// routed is a resource's path; /get is the derived route of the structure.
func routed(at, path string) string {
	if path == "/get" {
		return strings.Replace(at, "notes", "note", 1) + path
	}
	return at + path
}

// A write that its header's condition kept from changing anything is 412 even when the command calls it no error.
func TestQuietPrecondition(t *testing.T) {
	b := newBench(t, nil)
	b.do("PUT", "/v1/notes/a", "1")
	if got := b.do("PUT", "/v1/notes/a?quiet", "2", "If-None-Match: *"); got.status != 412 || !strings.Contains(got.body, `"created":false`) {
		t.Errorf("got %d %s, want 412 and the command's answer", got.status, got.body)
	}
	if got := b.do("DELETE", "/v1/notes/a", "", `If-Match: "1"`); got.status != 400 || !strings.Contains(got.body, "cannot check If-Match") {
		t.Errorf("got %d %s, want a refusal", got.status, got.body)
	}
}

func TestBinding(t *testing.T) {
	d := newDoor(t, nil)
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"every type", "GET", "/v1/echo/k?n=-5&u=18446744073709551615&p=0&f=1.5&on=true&value=v&from=3-17&map=%7B%22a%22:1%7D", "", 200,
			`{"echo":{"key":"k","n":-5,"u":18446744073709551615,"p":0,"f":1.5,"on":true,"value":"v","from":"3-17","map":{"a":1}}}`},
		{"a switch needs no value", "GET", "/v1/echo/k?on", "", 200, `{"echo":{"key":"k","on":true}}`},
		{"lists repeat", "GET", "/v1/echo/k?tags=a&tags=b", "", 200, `{"echo":{"key":"k","tags":["a","b"]}}`},
		{"or have commas", "GET", "/v1/echo/k?tags=a,b%2Cc&nums=1,2", "", 200, `{"echo":{"key":"k","tags":["a","b,c"],"nums":[1,2]}}`},
		{"plus is a space in a query", "GET", "/v1/echo/k?value=a+b%2B", "", 200, `{"echo":{"key":"k","value":"a b+"}}`},
		{"a number too large", "GET", "/v1/echo/k?n=128", "", 400, `an integer that is not as large is wanted`},
		{"not a number", "GET", "/v1/echo/k?f=NaN", "", 400, `a finite number is wanted`},
		{"not a switch", "GET", "/v1/echo/k?on=maybe", "", 400, `true or false is wanted`},
		{"not a number in a list", "GET", "/v1/echo/k?nums=1,x", "", 400, `\"nums\": \"x\" was given, an integer is wanted`},
		{"not a position", "GET", "/v1/echo/k?from=x", "", 400, `is neither a version like 17`},
		{"not JSON", "GET", "/v1/echo/k?map=x", "", 400, `JSON of its kind is wanted`},
		{"badly encoded", "GET", "/v1/echo/k?value=%zz", "", 400, `percent-encoded`},
		{"a body and a path are one request", "POST", "/v1/echo/k/7?on", `{"tags":["a"]}`, 200, `{"echo":{"key":"k","n":7,"on":true,"tags":["a"]}}`},
		{"that agree", "POST", "/v1/echo/k/7", `{"key":"k","n":7}`, 200, `{"echo":{"key":"k","n":7}}`},
		{"or are refused", "POST", "/v1/echo/k/7", `{"key":"other"}`, 400, `is another in the body than in the path`},
		{"a path of the wrong type", "POST", "/v1/echo/k/x", ``, 400, `\"n\": \"x\" was given, an integer is wanted`},
		{"a body with an unknown field", "POST", "/v1/echo/k/7", `{"tag":[]}`, 400, `did you mean \"tags\"?`},
		{"the derived route", "POST", "/v1/note/echo", `{"n":1}`, 200, `{"echo":{"n":1}}`},
		{"without a body", "POST", "/v1/note/echo", ``, 200, `{"echo":{}}`},
		{"takes no query", "POST", "/v1/note/echo?n=1", ``, 400, `not from the query`},
		{"dots are slashes", "POST", "/v1/note/test/fail", `{"code":"conflict"}`, 409, `{"error":{"code":"conflict","message":"asked to fail"}}`},
		{"a route that two commands share answers the read", "GET", "/v1/notes?n=1", "", 200, `{"echo":{"n":1}}`},
		{"a route's own names", "GET", "/v1/say?words=a,b&loud&key=k", "", 200, `{"echo":{"key":"k","on":true,"tags":["a","b"]}}`},
		{"go for those of the command", "GET", "/v1/say?tags=a", "", 400, `there is no field \"tags\"; `},
		{"are what errors speak of", "GET", "/v1/say?loud=maybe", "", 400, `\"loud\": \"maybe\" was given, true or false is wanted`},
		{"are suggested", "GET", "/v1/say?word=a", "", 400, `did you mean \"words\"?`},
		{"are required", "GET", "/v1/note", "", 400, `\"named\" is required`},
		{"and do", "GET", "/v1/note?named=nothing", "", 404, `not_found`},
		{"nothing is here", "GET", "/v1/nothing", "", 404, `"openapi":"/openapi.json"`},
		{"nor here", "POST", "/v1/note/nothing", "", 404, `"openapi":"/openapi.json"`},
		{"wrong method", "GET", "/v1/note/echo", "", 405, `does not take GET but POST`},
	} {
		got := call(d, c.method, c.path, c.body)
		body := got.body
		if c.status == 200 {
			body, c.want = sameJSON(t, body), sameJSON(t, c.want)
		}
		if got.status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s:\n got %d %s\nwant %d %s", c.name, got.status, body, c.status, c.want)
		}
	}
}

func TestBatchOfManyAndTheirLimit(t *testing.T) {
	t.Parallel()
	d := newDoor(t, nil)
	batch := func(n int) answer {
		return call(d, "POST", envelopes, `{"type":"batch","commands":[`+strings.TrimSuffix(strings.Repeat(`{"command":"note.echo"},`, n), ",")+`]}`)
	}
	if got := batch(1000); got.status != 200 || strings.Count(got.body, `"success"`) != 1001 {
		t.Errorf("1000 commands: %d, %d successes", got.status, strings.Count(got.body, `"success"`))
	}
	if got := batch(1001); got.status != 413 {
		t.Errorf("1001 commands: %d %s", got.status, got.body)
	}
	big := fmt.Sprintf(`{"type":"request","command":"note.put","payload":{"key":"big","value":%q}}`, strings.Repeat("x", 12<<20))
	if got := call(d, "POST", envelopes, big); got.status != 200 {
		t.Fatalf("a large value: %d %s", got.status, got.body)
	}
	read := `{"command":"note.get","payload":{"key":"big"}},`
	got := call(d, "POST", envelopes, `{"type":"batch","commands":[`+strings.Repeat(read, 8)+`{"command":"note.echo"}]}`)
	if n := strings.Count(got.body, `"success"`); n != 1+6 || strings.Count(got.body, "not run: the answers before it") != 3 {
		t.Errorf("a batch of large answers: %d, %d successes, want 7", got.status, n)
	}
}

// TestWhatIsNoTextIsRefused: a name or a value that is not UTF-8 would be answered as another one, and stored JSON that is not would make the answers
// to others unreadable.
func TestWhatIsNoTextIsRefused(t *testing.T) {
	b := newBench(t, nil)
	for name, got := range map[string]answer{
		"JSON with other bytes":      b.do("PUT", "/v1/notes/a", "{\"a\":\"\xff\"}", "Content-Type: application/json"),
		"JSON that nests a 100 deep": b.do("PUT", "/v1/notes/a", strings.Repeat("[", 100)+strings.Repeat("]", 100), "Content-Type: application/json"),
		"a name in the path":         b.do("PUT", "/v1/notes/%ff", "x"),
		"a name in the query":        b.do("GET", "/v1/note?named=%c3%28", ""),
	} {
		if got.status != 400 || !strings.Contains(got.body, `"invalid"`) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}
