package http_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	door "github.com/hivellm/synap-go/http"
)

func TestHostsAndOrigins(t *testing.T) {
	b := newBench(t, func(o *door.Options) {
		o.AllowedHosts, o.AllowedOrigins = []string{"Synap.Example"}, []string{"https://app.example"}
	})
	const page = "/v1/note/echo"
	for _, c := range []struct {
		name, host, origin string
		status             int
		cors               bool
	}{
		{"localhost", "localhost:15500", "", 200, false},
		{"127.0.0.1", "127.0.0.1", "", 200, false},
		{"another loopback address", "127.8.8.8:1", "", 200, false},
		{"IPv6 loopback", "[::1]:80", "", 200, false},
		{"a configured name", "synap.example:443", "", 200, false},
		{"a foreign name that leads here", "evil.example", "", 403, false},
		{"a foreign name that looks like ours", "127.0.0.1.evil.example", "", 403, false},
		{"a local page", "localhost", "http://localhost:3000", 200, false},
		{"a page of the same host", "synap.example", "https://synap.example", 200, false},
		{"a configured page", "localhost", "https://app.example", 200, true},
		{"a foreign page", "localhost", "https://evil.example", 403, false},
		{"a page of a file", "localhost", "null", 403, false},
		{"a page whose name begins like ours", "localhost", "http://localhost.evil.example", 403, false},
	} {
		headers := []string{"Host: " + c.host}
		if c.origin != "" {
			headers = append(headers, "Origin: "+c.origin)
		}
		got := b.do("POST", page, "", headers...)
		if got.status != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, got.status, got.body, c.status)
		}
		if has := got.header.Get("Access-Control-Allow-Origin") == c.origin && c.origin != ""; has != c.cors {
			t.Errorf("%s: CORS headers %v, want %v", c.name, has, c.cors)
		}
	}
	// A page's picture or script is fetched without an Origin, and a GET may take messages from a queue.
	for _, c := range []struct {
		host, site string
		status     int
	}{
		{"localhost", "cross-site", 403}, {"localhost", "none", 200}, {"localhost", "same-origin", 200}, {"localhost", "same-site", 200},
		{"synap.example", "same-site", 403}, {"synap.example", "same-origin", 200},
	} {
		if got := b.do("GET", "/v1/notes", "", "Host: "+c.host, "Sec-Fetch-Site: "+c.site); got.status != c.status {
			t.Errorf("a %s fetch from %s without an origin: %d %s, want %d", c.site, c.host, got.status, got.body, c.status)
		}
	}
	got := b.do("OPTIONS", page, "", "Origin: https://app.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-api-key")
	if got.status != 204 || got.header.Get("Access-Control-Allow-Headers") != "x-api-key" {
		t.Errorf("preflight: %d %v", got.status, got.header)
	}
	if got := b.do("GET", "/health", "", "Host: 10.1.2.3"); got.status != 200 {
		t.Errorf("a probe by address: %d", got.status)
	}
}

// asker is an Authenticator that is a function.
type asker func(c *auth.Credential) (*auth.Identity, error)

func (f asker) Authenticate(_ context.Context, c *auth.Credential) (*auth.Identity, error) {
	return f(c)
}

// TestCredentials sends credentials in every way that there is, and in ways that there are not.
func TestCredentials(t *testing.T) {
	tests := []struct {
		name   string
		path   string
		header string
		want   auth.Credential // but where it comes from
		status int
	}{
		{"nothing", "/v1/note/get", "", auth.Credential{}, 400},
		{"a bearer", "/v1/note/get", "Authorization: Bearer sk_1", auth.Credential{Key: "sk_1"}, 400},
		{"a bearer, as some write it", "/v1/note/get", "authorization: bearer  sk_1", auth.Credential{Key: "sk_1"}, 400},
		{"a header of its own", "/v1/note/get", "X-API-Key: sk_1", auth.Credential{Key: "sk_1"}, 400},
		{"a person", "/v1/note/get", "Authorization: Basic YWRhOmE6Yg==", auth.Credential{User: "ada", Password: "a:b"}, 400},
		{"no base64", "/v1/note/get", "Authorization: Basic ???", auth.Credential{}, 401},
		{"no colon", "/v1/note/get", "Authorization: Basic YWRh", auth.Credential{}, 401},
		{"nobody", "/v1/note/get", "Authorization: Bearer ", auth.Credential{}, 401},
		{"an unknown scheme", "/v1/note/get", "Authorization: Digest x", auth.Credential{}, 401},
		{"a ticket where none belongs", "/v1/note/get?ticket=tk_1", "", auth.Credential{}, 400},
		{"a key in the address", "/v1/note/get?api_key=sk_1&key=sk_1&access_token=sk_1", "", auth.Credential{}, 400},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got *auth.Credential
			b := newBench(t, func(o *door.Options) {
				o.Authenticator = asker(func(c *auth.Credential) (*auth.Identity, error) {
					shown := *c
					got = &shown
					return auth.Local(), nil
				})
			})
			headers := []string{}
			if test.header != "" {
				headers = append(headers, test.header)
			}
			answer := b.do("POST", test.path, "", headers...)
			if test.status == 401 {
				if answer.status != 401 || got != nil || answer.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%d %v %s; asked %+v", answer.status, answer.header, answer.body, got)
				}
				return
			}
			if got == nil || !got.Address().IsLoopback() {
				t.Fatalf("%d %s; asked %+v", answer.status, answer.body, got)
			}
			if got.From = ""; *got != test.want {
				t.Errorf("asked %+v, want %+v", *got, test.want)
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	reader := &auth.Identity{Name: "reader", Namespace: "a", Namespaces: []string{"b"}, Access: auth.Read}
	var seen []string
	b := newBench(t, func(o *door.Options) {
		o.Authenticator = asker(func(c *auth.Credential) (*auth.Identity, error) {
			if c.Key != "reader" {
				return nil, fault.New(fault.Unauthenticated, "no key")
			}
			return reader, nil
		})
		o.Mounts = []door.Mount{
			{Pattern: "/mounted", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				id := auth.FromContext(r.Context())
				body, err := io.ReadAll(r.Body)
				if err != nil {
					http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
					return
				}
				seen = append(seen, id.Name+" "+id.Namespace+" "+string(body))
			})},
			{Pattern: "/tree/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })},
			{Pattern: "/panics", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") })},
		}
		o.MaxBodyBytes = 1000
		for _, name := range []string{"a", "b"} {
			c, err := o.Executor.Table().Find("namespace.create")
			if err != nil {
				t.Fatal(err)
			}
			r := &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(`{"name":"` + name + `"}`)}
			if _, err := o.Executor.Do(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	})
	const key = "X-API-Key: reader"
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		want                     string
	}{
		{"nobody", "POST", "/v1/note/echo", "", nil, 401, "no key"},
		{"nobody, at a mounted door", "POST", "/mounted", "", nil, 401, "no key"},
		{"nobody, at the metrics", "GET", "/metrics", "", nil, 401, "no key"},
		{"nobody may know that it lives", "GET", "/health", "", nil, 200, "ok"},
		{"a reader reads", "GET", "/v1/notes/x", "", []string{key}, 404, "not_found"},
		{"and does not write", "PUT", "/v1/notes/x", "1", []string{key}, 403, "may not write"},
		{"selects a namespace", "GET", "/v1/notes/x", "", []string{key, "Synap-Namespace: b"}, 404, "not_found"},
		{"but not any", "GET", "/v1/notes/x", "", []string{key, "Synap-Namespace: c"}, 403, "may not use namespace"},
		{"in the envelope too", "POST", envelopes, `{"type":"request","command":"note.get","namespace":"c","payload":{"key":"x"}}`, []string{key}, 403, "may not use namespace"},
		{"and can go home from there", "POST", envelopes, `{"type":"request","command":"note.get","namespace":"a","payload":{"key":"x"}}`, []string{key, "Synap-Namespace: b"}, 200, "false"},
		{"a mounted door knows who calls", "POST", "/mounted", "hi", []string{key, "Synap-Namespace: b"}, 200, ""},
		{"and not where it may not", "POST", "/mounted", "hi", []string{key, "Synap-Namespace: c"}, 403, "may not use"},
		{"a mounted door's body has a limit", "POST", "/mounted", strings.Repeat("x", 1001), []string{key}, 413, "too_large"},
		{"a mounted door has what is below it", "GET", "/tree/a/b", "", []string{key}, 200, "/tree/a/b"},
		{"a mounted door that panics", "GET", "/panics", "", []string{key}, 500, "internal error"},
	} {
		got := b.do(c.method, c.path, c.body, c.headers...)
		if got.status != c.status || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %d %s, want %d %s", c.name, got.status, got.body, c.status, c.want)
		}
	}
	b.send(zipped(t, b.url+"/mounted", "inflated", gzipped(t, "inflated"), "gzip", key))
	if got := strings.Join(seen, ","); got != "reader b hi,reader a inflated" {
		t.Errorf("the mounted door saw %s", got)
	}
}

func zipped(t *testing.T, url, _ string, body []byte, encoding string, headers ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", encoding)
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		req.Header.Set(name, v)
	}
	return req
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func zstdPacked(t testing.TB, text string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	return w.EncodeAll([]byte(text), nil)
}

func TestCompressedBodies(t *testing.T) {
	b := newBench(t, nil)
	good := `{"type":"request","command":"note.echo","payload":{"key":"k"}}`
	bomb := `{"type":"request","command":"` + strings.Repeat("a", 10<<20) + `"}`
	huge := strings.Repeat("0123456789abcdef", 2<<20) // 32 MiB
	for _, c := range []struct {
		name, encoding string
		body           []byte
		status         int
		want           string
	}{
		{"gzip", "gzip", gzipped(t, good), 200, `"key":"k"`},
		{"zstd", "zstd", zstdPacked(t, good), 200, `"key":"k"`},
		{"a gzip bomb", "gzip", gzipped(t, bomb), 413, "inflates to more than 100 times"},
		{"a zstd bomb", "zstd", zstdPacked(t, bomb), 413, "inflates to more than 100 times"},
		{"more than the limit", "gzip", gzipped(t, huge), 413, "too_large"},
		{"gzip cut short", "gzip", gzipped(t, good)[:30], 400, "not in the encoding"},
		{"zstd cut short", "zstd", zstdPacked(t, good)[:30], 400, "not in the encoding"},
	} {
		got := b.send(zipped(t, b.url+envelopes, "", c.body, c.encoding))
		if got.status != c.status || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %d %.200s, want %d %s", c.name, got.status, got.body, c.status, c.want)
		}
	}
}

func TestCompressedAnswers(t *testing.T) {
	b := newBench(t, nil)
	const big, small = `{"code":"big"}`, `{"code":"conflict"}`
	plain := b.do("POST", "/v1/note/test/fail", big).body
	for _, c := range []struct{ name, accept, body, encoding string }{
		{"not asked for", "", big, ""},
		{"gzip", "gzip, deflate", big, "gzip"},
		{"zstd before gzip", "gzip, zstd", big, "zstd"},
		{"refused with q=0", "gzip;q=0, br", big, ""},
		{"a weight is no refusal", "gzip;q=0.5", big, "gzip"},
		{"too short", "gzip", small, ""},
	} {
		got := b.do("POST", "/v1/note/test/fail", c.body, "Accept-Encoding: "+c.accept)
		if e := got.header.Get("Content-Encoding"); e != c.encoding {
			t.Errorf("%s: encoding %q, want %q", c.name, e, c.encoding)
		}
		text := got.body
		switch c.encoding {
		case "gzip":
			r, err := gzip.NewReader(strings.NewReader(got.body))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			text = strings.TrimSpace(string(raw))
		case "zstd":
			r, err := zstd.NewReader(strings.NewReader(got.body))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(r)
			r.Close()
			if err != nil {
				t.Fatal(err)
			}
			text = strings.TrimSpace(string(raw))
		}
		if c.body == big && text != plain {
			t.Errorf("%s: the answer is another: %.80s", c.name, text)
		}
	}
}

func TestRequestID(t *testing.T) {
	d := newDoor(t, nil)
	if got := call(d, "POST", "/v1/note/echo", "", "X-Request-Id: r-1"); got.header.Get("X-Request-Id") != "r-1" {
		t.Error("the request's id does not come back")
	}
	seen := map[string]bool{}
	for range 3 {
		id := call(d, "POST", "/v1/note/echo", "").header.Get("X-Request-Id")
		if id == "" || seen[id] {
			t.Errorf("a request that has no id is called %q", id)
		}
		seen[id] = true
	}
	if id := call(d, "POST", "/v1/nowhere", "", "X-Request-Id: a b").header.Get("X-Request-Id"); id == "" || id == "a b" {
		t.Errorf("one whose id is malformed is called %q", id)
	}
}
