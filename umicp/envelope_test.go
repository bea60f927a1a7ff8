package umicp

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
)

const minimal = `{"v":"1.0","msg_id":"550e8400-e29b-41d4-a716-446655440000","ts":"2025-09-10T03:00:00.000Z","from":"a","to":"b","op":"data"}`

// with returns the minimal envelope with one key replaced, or removed when value is "".
func with(t *testing.T, key, value string) string {
	t.Helper()
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(minimal), &members); err != nil {
		t.Fatal(err)
	}
	members[key] = json.RawMessage(value)
	if value == "" {
		delete(members, key)
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReadingIsTolerant(t *testing.T) {
	tests := []struct{ name, key, value string }{
		{"an older version", "v", `"1"`},
		{"the version of the bridge", "v", `"2.0"`},
		{"a version as a number", "v", `1.0`},
		{"nanoseconds and an offset, as Rust writes", "ts", `"2025-11-23T06:50:00.123456789+00:00"`},
		{"no fraction of a second", "ts", `"2025-11-23T06:50:00Z"`},
		{"an id that is no UUID", "msg_id", `"http-1-1732345678901"`},
		{"op in upper case, as C++ writes", "op", `"REQUEST"`},
		{"op in title case", "op", `"Response"`},
		{"a key that nobody knows", "hash", `"beef"`},
		{"no capabilities", "capabilities", `null`},
		{"a hint of an unknown encoding", "payload_hint", `{"type":"vector","encoding":"bfloat16"}`},
		{"references of any shape", "payload_refs", `[{"offset":1},{"offset":"1"}]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Decode([]byte(with(t, test.key, test.value))); err != nil {
				t.Errorf("Decode: %v", err)
			}
		})
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	deep := strings.Repeat(`{"a":`, MaxDepth) + `1` + strings.Repeat(`}`, MaxDepth)
	tests := []struct{ name, body, want string }{
		{"nothing", "", "empty"},
		{"an array", "[]", "JSON object"},
		{"cut off", minimal[:60], "malformed JSON"},
		{"something behind", minimal + minimal, "malformed JSON"},
		{"bytes that are not text", "{\"v\":\"\xff\"}", "UTF-8"},
		{"no version", with(t, "v", ""), `"v"`},
		{"a version from the future", with(t, "v", `"3.0"`), "1.1, 2.0 are understood"},
		{"no id", with(t, "msg_id", ""), `"msg_id" is missing`},
		{"a blank sender", with(t, "from", `"  "`), `"from" is missing or blank`},
		{"no recipient", with(t, "to", ""), `"to" is missing`},
		{"an endless id", with(t, "msg_id", `"`+strings.Repeat("x", MaxNameBytes+1)+`"`), "at most 1024"},
		{"a time that is none", with(t, "ts", `"yesterday"`), "yesterday"},
		{"no op", with(t, "op", ""), "one of control"},
		{"another op", with(t, "op", `"hello"`), "hello"},
		{"op as a number", with(t, "op", `1`), `"op"`},
		{"capabilities as a list", with(t, "capabilities", `[]`), `"capabilities"`},
		{"a blank capability", with(t, "capabilities", `{" ":1}`), "blank name"},
		{"too deep", with(t, "capabilities", deep), "32 deep"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Decode([]byte(test.body))
			if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Decode = %v, want an invalid error with %q", err, test.want)
			}
		})
	}
}

func TestDepthIsCountedOutsideStrings(t *testing.T) {
	braces := `"` + strings.Repeat("{", 100) + `\"` + strings.Repeat("[", 100) + `"`
	if _, err := Decode([]byte(with(t, "capabilities", `{"a":`+braces+`}`))); err != nil {
		t.Errorf("Decode: %v", err)
	}
	inner := MaxDepth - 2 // the envelope and its capabilities are two
	exact := strings.Repeat("[", inner) + strings.Repeat("]", inner)
	if _, err := Decode([]byte(with(t, "capabilities", `{"a":`+exact+`}`))); err != nil {
		t.Errorf("Decode at the limit: %v", err)
	}
	if _, err := Decode([]byte(with(t, "capabilities", `{"a":[`+exact+`]}`))); err == nil {
		t.Error("Decode past the limit: no error")
	}
}

func TestReplyGoesBackInTheCallersCase(t *testing.T) {
	tests := []struct{ op, want string }{{"request", "data"}, {"REQUEST", "DATA"}, {"Request", "Data"}}
	for _, test := range tests {
		e, err := Decode([]byte(with(t, "op", `"`+test.op+`"`)))
		if err != nil {
			t.Fatal(err)
		}
		r := e.reply("resp-", opData, "self")
		if r.Op != test.want || r.From != "b" || r.To != "a" || r.ID != "resp-"+e.ID {
			t.Errorf("reply to %s = %+v", test.op, r)
		}
		if _, err := Decode(mustEncode(t, r)); err != nil {
			t.Errorf("our own reply is refused: %v", err)
		}
		if len(r.Time) != len("2025-09-10T03:00:00.000Z") || !strings.HasSuffix(r.Time, "Z") {
			t.Errorf("ts = %q, want UTC with milliseconds", r.Time)
		}
	}
	e := &Envelope{ID: "x", From: "a", To: "*", Op: "request"}
	if r := e.reply("resp-", opData, "self"); r.From != "self" {
		t.Errorf("a reply to a broadcast comes from %q, want self", r.From)
	}
}

func mustEncode(t *testing.T, v any) []byte {
	t.Helper()
	text, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestHash(t *testing.T) {
	e, err := Decode([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	const want = "d67c158f8040f7f9e5277e40c5b9885a9fb4723cd689b21e4d14d707c9700326"
	if got, err := e.Hash(); err != nil || got != want {
		t.Errorf("Hash() = %s, %v, want %s", got, err, want)
	}
}

func TestCanonical(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"the RFC's numbers", `[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001]`, `[333333333.3333333,1e+30,4.5,0.002,1e-27]`},
		{"zeros", `[0,-0,0.0,0e9]`, `[0,0,0,0]`},
		{"large integers are doubles", `9007199254740993`, `9007199254740992`},
		{"the RFC's string", `"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"`, `"€$\u000f\nA'B\"\\\\\"/"`},
		{"line separators stay", "\"\u2028<>&\"", "\"\u2028<>&\""},
		{"the RFC's order, by UTF-16", `{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`,
			"{\"\\r\":2,\"1\":4,\"\u0080\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\ufb33\":3}"},
		{"literals and space", " [ true , false , null , { } , [ ] ] ", `[true,false,null,{},[]]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Canonical([]byte(test.in))
			if err != nil || string(got) != test.want {
				t.Errorf("Canonical(%s) = %s, %v, want %s", test.in, got, err, test.want)
			}
		})
	}
	for _, in := range []string{`{"a":1,"a":1}`, `1e999`, `[1`, `1 2`, ``, strings.Repeat("[", 40) + strings.Repeat("]", 40)} {
		if got, err := Canonical([]byte(in)); err == nil {
			t.Errorf("Canonical(%s) = %s, want an error", in, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(`{"v":1,"msg_id":"1","ts":"2025-09-10T03:00:00Z","from":"a","to":"*","op":"REQUEST",` +
		`"capabilities":{"operation":"kv.set","key":"k","value":{"$base64":"AA=="}},"accept":["application/json"]}`))
	f.Add([]byte(`{"v":`))
	f.Add([]byte(strings.Repeat("[", 100)))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Decode(data)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("%q: %v is not the sender's fault", data, err)
			}
			return
		}
		text := mustEncode(t, e)
		again, err := Decode(text)
		if err != nil {
			t.Fatalf("what was written cannot be read: %s: %v", text, err)
		}
		if third := mustEncode(t, again); string(third) != string(text) {
			t.Fatalf("writing is not stable: %s, then %s", text, third)
		}
		if canonical, err := Canonical(text); err == nil {
			if twice, err := Canonical(canonical); err != nil || string(twice) != string(canonical) {
				t.Fatalf("canonical form is not its own: %s, then %s, %v", canonical, twice, err)
			}
		}
	})
}
