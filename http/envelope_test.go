package http_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	door "github.com/hivellm/synap-go/http"
)

const (
	asJSON    = "Content-Type: application/json"
	asMsgPack = "Content-Type: application/msgpack"
	toJSON    = "Accept: application/json"
	toMsgPack = "Accept: application/msgpack"
)

const envelopes = "/api/v1/command"

// story is played in order against one server; the first half of each pair is sent, the other expected.
var story = []struct{ name, sent, want string }{
	{"a write answers with its version", `{"type":"request","command":"note.put","request_id":"1","payload":{"key":"a","value":"x"}}`,
		`200 {"payload":{"created":true,"durability":"memory","version":1},"request_id":"1","status":"success","type":"response"}`},
	{"a read finds it", `{"type":"request","command":"note.get","payload":{"key":"a"}}`,
		`200 {"payload":{"found":true,"value":"x","version":1},"status":"success","type":"response"}`},
	{"what is not there is not in the answer", `{"type":"request","command":"note.get","payload":{"key":"b"}}`,
		`200 {"payload":{"found":false},"status":"success","type":"response"}`},
	{"JSON stays JSON", `{"type":"request","command":"note.put","payload":{"key":"j","value":{"n":[1,-2,300,70000,5000000000,1.5,null,true,false,"é\""]}}}`,
		`200 {"payload":{"created":true,"durability":"memory","version":2},"status":"success","type":"response"}`},
	{"and is answered as it was", `{"type":"request","command":"note.get","payload":{"key":"j"}}`,
		`200 {"payload":{"found":true,"value":{"n":[1,-2,300,70000,5000000000,1.5,null,true,false,"é\""]},"version":2},"status":"success","type":"response"}`},
	{"bytes stay bytes", `{"type":"request","command":"note.put","payload":{"key":"b","value":{"$base64":"AP8="}}}`,
		`200 {"payload":{"created":true,"durability":"memory","version":3},"status":"success","type":"response"}`},
	{"and are answered as they were", `{"type":"request","command":"note.get","payload":{"key":"b"}}`,
		`200 {"payload":{"found":true,"value":{"$base64":"AP8="},"version":3},"status":"success","type":"response"}`},
	{"an error says what and where", `{"type":"request","command":"note.get","request_id":"e","payload":{"kee":"a"}}`,
		`400 {"error":{"code":"invalid","details":{"field":"kee","nearest":"key"},"message":"there is no field \"kee\"; did you mean \"key\"?"},"request_id":"e","status":"error","type":"response"}`},
	{"a null payload is none", `{"type":"request","command":"note.get","payload":null}`,
		`400 {"error":{"code":"invalid","details":{"field":"key"},"message":"\"key\" is required"},"status":"error","type":"response"}`},
	{"an unknown command names the nearest", `{"type":"request","command":"note.gett"}`,
		`404 {"error":{"code":"not_found","details":{"nearest":"note.get"},"message":"there is no command \"note.gett\"; did you mean note.get?"},"status":"error","type":"response"}`},
	{"a batch answers in order and goes on after an error", `{"type":"batch","request_id":"b","commands":[{"command":"note.get","request_id":"x","payload":{"key":"a"}},{"command":"note.get"},{"type":"request","command":"note.get","payload":{"key":"z"}}]}`,
		`200 {"request_id":"b","results":[{"payload":{"found":true,"value":"x","version":1},"request_id":"x","status":"success","type":"response"},` +
			`{"error":{"code":"invalid","details":{"field":"key"},"message":"\"key\" is required"},"status":"error","type":"response"},` +
			`{"payload":{"found":false},"status":"success","type":"response"}],"status":"success","type":"batch_response"}`},
	{"an atomic batch is one version", `{"type":"batch","atomic":true,"commands":[{"command":"note.put","payload":{"key":"a","value":"y"}},{"command":"note.get","payload":{"key":"a"}},{"command":"note.put","payload":{"key":"c","value":"z"}}]}`,
		`200 {"results":[{"payload":{"created":false,"durability":"memory","version":4},"status":"success","type":"response"},` +
			`{"payload":{"found":true,"value":"y","version":4},"status":"success","type":"response"},` +
			`{"payload":{"created":true,"durability":"memory","version":4},"status":"success","type":"response"}],"status":"success","type":"batch_response"}`},
	{"or nothing at all", `{"type":"batch","atomic":true,"commands":[{"command":"note.put","payload":{"key":"d","value":"y"}},{"command":"note.remove","payload":{"key":"none"}}]}`,
		`200 {"error":{"code":"not_found","details":{"command":"note.remove","index":1},"message":"command[1] note.remove: note \"none\""},"results":[],"status":"error","type":"batch_response"}`},
	{"really nothing", `{"type":"request","command":"note.get","payload":{"key":"d"}}`,
		`200 {"payload":{"found":false},"status":"success","type":"response"}`},
	{"a repeat hears the first answer", `{"type":"request","command":"note.put","idempotency_key":"k","payload":{"key":"i","value":"1"}}`,
		`200 {"payload":{"created":true,"durability":"memory","version":5},"status":"success","type":"response"}`},
	{"word for word", `{"type":"request","command":"note.put","idempotency_key":"k","payload":{"key":"i","value":"1"}}`,
		`200 {"payload":{"created":true,"durability":"memory","version":5},"status":"success","type":"response"}`},
	{"more durability than there is is refused", `{"type":"request","command":"note.put","durability":"fsynced","payload":{"key":"i","value":"1"}}`,
		`415 {"error":{"code":"unsupported","message":"durability \"fsynced\" was asked for; this server gives at most \"memory\""},"status":"error","type":"response"}`},
	{"another namespace has notes of its own", `{"type":"request","command":"note.get","namespace":"other","payload":{"key":"a"}}`,
		`200 {"payload":{"found":false},"status":"success","type":"response"}`},
	{"the store works as the notes do", `{"type":"request","command":"kv.set","payload":{"key":"a","value":{"$base64":"AAE="},"if_absent":true}}`,
		`200 {"payload":{"created":true,"durability":"memory","version":7},"status":"success","type":"response"}`},
	{"and is read", `{"type":"batch","commands":[{"command":"kv.get","payload":{"key":"a"}},{"command":"kv.get","payload":{"key":"b"}},{"command":"kv.exists","payload":{"keys":["a","b"]}},{"command":"kv.delete","payload":{"keys":["a","b"]}}]}`, ""},
	{"a watch answers at once", `{"type":"request","command":"note.watch","payload":{"from":"2","limit":1}}`, ""},
	{"an envelope without a type says what is wanted", `{"command":"note.get","payload":{"key":"a"}}`,
		`400 {"error":{"code":"invalid","details":{"field":"type"},"message":"the envelope has no \"type\"; send {\"type\":\"request\",\"command\":\"structure.verb\",\"payload\":{…}} or {\"type\":\"batch\",\"commands\":[…]}"},"status":"error","type":"response"}`},
}

// The same story in both encodings has the same answers, whatever encoding they are asked for in.
func TestEnvelopeStory(t *testing.T) {
	type variant struct {
		name    string
		headers []string
	}
	for _, v := range []variant{
		{"JSON", []string{asJSON}},
		{"MessagePack", []string{asMsgPack}},
		{"JSON answered in MessagePack", []string{asJSON, toMsgPack}},
		{"MessagePack answered in JSON", []string{asMsgPack, toJSON}},
	} {
		t.Run(v.name, func(t *testing.T) {
			b := newBench(t, nil)
			other := newBench(t, nil) // plays along in JSON, for the answers that are only compared
			for _, step := range story {
				sent := step.sent
				if v.headers[0] == asMsgPack {
					sent = packed(t, sent)
				}
				got := b.do("POST", envelopes, sent, v.headers...)
				want := step.want
				along := other.do("POST", envelopes, step.sent, asJSON)
				if want == "" {
					want = fmt.Sprintf("%d %s", along.status, withoutEpoch(sameJSON(t, along.body)))
				}
				text := fmt.Sprintf("%d %s", got.status, withoutEpoch(decoded(t, got)))
				if text != want {
					t.Errorf("%s:\n got %s\nwant %s", step.name, text, want)
				}
				binary := len(v.headers) == 1 && v.headers[0] == asMsgPack || len(v.headers) == 2 && v.headers[1] == toMsgPack
				if is := got.header.Get("Content-Type") == "application/msgpack"; is != binary {
					t.Errorf("%s: answered as %s", step.name, got.header.Get("Content-Type"))
				}
			}
		})
	}
}

// decoded is the canonical JSON of an answer in whatever encoding.
func decoded(t testing.TB, a answer) string {
	t.Helper()
	if a.header.Get("Content-Type") == "application/msgpack" {
		return unpacked(t, a.body)
	}
	return sameJSON(t, a.body)
}

// withoutEpoch makes positions of different servers comparable.
func withoutEpoch(text string) string {
	parts := strings.Split(text, `"`)
	for i, p := range parts {
		if epoch, seq, ok := strings.Cut(p, "-"); ok && len(epoch) >= 12 && strings.Trim(epoch+seq, "0123456789") == "" {
			parts[i] = "E-" + seq
		}
	}
	return strings.Join(parts, `"`)
}

func TestBadEnvelopes(t *testing.T) {
	b := newBench(t, func(o *door.Options) { o.MaxBodyBytes, o.MaxBatch = 100_000, 3 })
	deep := strings.Repeat(`{"a":`, 100_000/5)
	good := `{"type":"request","command":"note.get","payload":{"key":"a"}}`
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		want       string
	}{
		{"empty", ``, []string{asJSON}, 400, "the body is empty"},
		{"blank", "  \n", []string{asJSON}, 400, "the body is empty"},
		{"garbage", "\x00\xff\x17", []string{asJSON}, 400, "the JSON is not UTF-8"},
		{"not an object", `[1]`, []string{asJSON}, 400, "the request is a JSON object, not an array"},
		{"truncated", good[:20], []string{asJSON}, 400, "the request ends in the middle"},
		{"two envelopes", good + good, []string{asJSON}, 400, "something follows the JSON object"},
		{"a command that is a number", `{"type":"request","command":7}`, []string{asJSON}, 400, `"command": a number was given, a string is wanted`},
		{"a payload that is a list", `{"type":"request","command":"note.get","payload":[]}`, []string{asJSON}, 400, "the request is a JSON object, not an array"},
		{"a misspelt field", `{"type":"request","comand":"note.get"}`, []string{asJSON}, 400, `did you mean "command"?`},
		{"a misspelt field within a batch", `{"type":"batch","commands":[{"comand":"note.get"}]}`, []string{asJSON}, 400, `did you mean "command"?`},
		{"a durability that is none", `{"type":"request","command":"note.get","durability":"very"}`, []string{asJSON}, 400, `durability "very" is none of`},
		{"a depth bomb", deep, []string{asJSON}, 400, "nests more than 64 deep"},
		{"an unknown type", `{"type":"cancel"}`, []string{asJSON}, 400, `the type "cancel" is not understood here`},
		{"no command", `{"type":"request"}`, []string{asJSON}, 400, `no "command"`},
		{"commands in a request", `{"type":"request","command":"note.get","commands":[]}`, []string{asJSON}, 400, "belong to a batch"},
		{"a command in a batch", `{"type":"batch","command":"note.get"}`, []string{asJSON}, 400, "belong to a request"},
		{"a batch in a batch", `{"type":"batch","commands":[{"type":"batch","commands":[]}]}`, []string{asJSON}, 200, "a batch holds requests"},
		{"too many commands", `{"type":"batch","commands":[{},{},{},{}]}`, []string{asJSON}, 413, "the batch has 4 commands; at most 3"},
		{"a key for a whole batch", `{"type":"batch","idempotency_key":"k","commands":[]}`, []string{asJSON}, 400, "belongs to a command of a batch"},
		{"a key for a read", good, []string{asJSON, "Idempotency-Key: k"}, 400, "is not a write"},
		{"a watch in an atomic batch", `{"type":"batch","atomic":true,"commands":[{"command":"note.watch"}]}`, []string{asJSON}, 200, "cannot be part of a transaction"},
		{"too long", strings.Repeat(" ", 100_001), []string{asJSON}, 413, "longer than 100000 bytes"},
		{"a type that is unknown", good, []string{"Content-Type: text/xml"}, 415, `content type \"text/xml\" is not understood`},
		{"an encoding that is unknown", good, []string{asJSON, "Content-Encoding: br"}, 415, `content encoding \"br\" is not understood`},
		{"gzip that is none", good, []string{asJSON, "Content-Encoding: gzip"}, 400, "not in the encoding"},
		{"zstd that is none", good, []string{asJSON, "Content-Encoding: zstd"}, 400, "not in the encoding"},
		{"MessagePack garbage", "\xc1\xc1", []string{asMsgPack, toJSON}, 400, "begins no MessagePack value"},
		{"MessagePack cut short", packed(t, good)[:9], []string{asMsgPack, toJSON}, 400, "ends in the middle"},
		{"MessagePack with lengths of 2^32", "\xdf\xff\xff\xff\xff", []string{asMsgPack, toJSON}, 400, "ends in the middle"},
		{"MessagePack a million deep", strings.Repeat("\x91", 90_000), []string{asMsgPack, toJSON}, 400, "nested more than 64 deep"},
		{"MessagePack too deep", strings.Repeat("\x91", 100) + "\x90", []string{asMsgPack, toJSON}, 400, "nested more than 64 deep"},
		{"MessagePack that is a number", "\x07", []string{asMsgPack, toJSON}, 400, "not a number"},
		{"MessagePack with a misspelt field", packed(t, `{"a":1,"comand":"x","payload":{}}`), []string{asMsgPack, toJSON}, 400, `there is no field`},
		{"MessagePack with a durability that is none", packed(t, `{"durability":"very","payload":{"key":"a"}}`), []string{asMsgPack, toJSON}, 400, `durability "very" is none of`},
		{"a namespace that cannot be", good, []string{asJSON, "Synap-Namespace: No Good"}, 400, "cannot be a namespace"},
		{"a durability header that is none", good, []string{asJSON, "Synap-Durability: very"}, 400, "Synap-Durability"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := b.do("POST", envelopes, c.body, c.headers...)
			want := strings.ReplaceAll(c.want, `"`, `\"`)
			if got.status != c.status || !strings.Contains(got.body, c.want) && !strings.Contains(got.body, want) {
				t.Errorf("got %d %s\nwant %d with %s", got.status, got.body, c.status, c.want)
			}
		})
	}
	if got := b.do("POST", envelopes, good, asJSON); got.status != 200 {
		t.Errorf("after all that the server answers %d %s", got.status, got.body)
	}
}

func TestStatuses(t *testing.T) {
	b := newBench(t, nil)
	want := map[fault.Code]int{
		fault.Invalid: 400, fault.OutOfRange: 400, fault.Unauthenticated: 401, fault.Denied: 403, fault.NotFound: 404,
		fault.AlreadyExists: 409, fault.Conflict: 409, fault.TooLarge: 413, fault.Unsupported: 415, fault.Exhausted: 429,
		fault.Internal: 500, fault.Corrupt: 500, fault.Unavailable: 503, fault.Canceled: 499, fault.Timeout: 504, fault.NotPrimary: 421,
	}
	for _, code := range fault.Codes() {
		t.Run(code.String(), func(t *testing.T) {
			payload := fmt.Sprintf(`{"code":%q,"details":true}`, code)
			for _, got := range []answer{
				b.do("POST", "/v1/note/test/fail", payload),
				b.do("POST", envelopes, `{"type":"request","command":"note.test.fail","payload":`+payload+`}`),
			} {
				if got.status != want[code] || !strings.Contains(got.body, `"code":"`+code.String()+`"`) {
					t.Errorf("got %d %s, want %d", got.status, got.body, want[code])
				}
				if after := got.header.Get("Retry-After"); (after == "3") != (code == fault.Exhausted || code == fault.Unavailable) {
					t.Errorf("Retry-After: %q", after)
				}
				if at := got.header.Get("Location"); (at != "") != (code == fault.NotPrimary) {
					t.Errorf("Location: %q", at)
				}
				if how := got.header.Get("WWW-Authenticate"); (how != "") != (code == fault.Unauthenticated) {
					t.Errorf("WWW-Authenticate: %q", how)
				}
			}
		})
	}
	if got := b.do("POST", "/v1/note/test/fail", `{"code":"memory"}`); got.status != http.StatusInsufficientStorage {
		t.Errorf("no memory is %d %s, want 507", got.status, got.body)
	}
	if got := b.do("POST", "/v1/note/test/fail", `{"code":"panic"}`); got.status != 500 || strings.Contains(got.body, "asked to") {
		t.Errorf("a panic is %d %s, want 500 without its text", got.status, got.body)
	}
}

// An executor without transactions is told apart from one with them.
func TestAtomicNeedsATransactor(t *testing.T) {
	b := newBench(t, func(o *door.Options) { o.Executor = struct{ command.Executor }{o.Executor} })
	got := b.do("POST", envelopes, `{"type":"batch","atomic":true,"commands":[]}`)
	if got.status != 200 || !strings.Contains(got.body, `"code":"unsupported"`) {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func fuzzEnvelope(f *testing.F, contentType string, seed func(string) string) {
	for _, step := range story {
		f.Add([]byte(seed(step.sent)))
	}
	d := newDoor(f, func(o *door.Options) { o.MaxBodyBytes = 1 << 16 })
	f.Fuzz(func(t *testing.T, data []byte) {
		got := call(d, "POST", envelopes, string(data), contentType, toJSON)
		if got.status >= 500 {
			t.Errorf("%d %s", got.status, got.body)
		}
		if out := sameJSON(t, got.body); !strings.Contains(out, `"status":`) {
			t.Errorf("the answer is no envelope: %s", out)
		}
	})
}

func FuzzEnvelopeJSON(f *testing.F) {
	fuzzEnvelope(f, asJSON, func(s string) string { return s })
}

func FuzzEnvelopeMsgpack(f *testing.F) {
	fuzzEnvelope(f, asMsgPack, func(s string) string { return packed(f, s) })
}
