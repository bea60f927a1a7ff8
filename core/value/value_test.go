package value_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

func TestJSON(t *testing.T) {
	tests := []struct {
		name, in string
		kind     value.Kind
		data     string
		out      string // "" means as it went in
	}{
		{"text", `"héllo \"x\" <b>"`, value.Text, `héllo "x" <b>`, ""},
		{"the empty text", `""`, value.Text, "", ""},
		{"text that looks like a number", `"5"`, value.Text, "5", ""},
		{"a number keeps its digits", `12345678901234567890.10`, value.JSON, "12345678901234567890.10", ""},
		{"null is a value", `null`, value.JSON, "null", ""},
		{"a boolean", `true`, value.JSON, "true", ""},
		{"an object keeps its order and loses its blanks", `{"b": 1, "a": [ ]}`, value.JSON, `{"b":1,"a":[]}`, `{"b":1,"a":[]}`},
		{"bytes", `{"$base64":"AP8="}`, value.Bytes, "\x00\xff", ""},
		{"no bytes", `{"$base64":""}`, value.Bytes, "", ""},
		{"an object that only looks like bytes", `{"$base64":"AP8=","x":1}`, value.JSON, `{"$base64":"AP8=","x":1}`, ""},
		{"the same with no string", `{"$base64":5}`, value.JSON, `{"$base64":5}`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, err := value.OfJSON([]byte(test.in))
			if err != nil || v.Kind() != test.kind || v.Data() != test.data {
				t.Fatalf("got %s %q, %v; want %s %q", v.Kind(), v.Data(), err, test.kind, test.data)
			}
			if test.out == "" {
				test.out = test.in
			}
			if out, err := v.MarshalJSON(); err != nil || string(out) != test.out {
				t.Errorf("came back as %s, %v; want %s", out, err, test.out)
			}
			if back := value.Restore(v.Kind(), v.Data()); back != v || v.IsZero() {
				t.Errorf("restored as %v", back)
			}
		})
	}
	for _, bad := range []string{``, `{`, `nul`, `{"$base64":"*"}`, `"\x"`} {
		if v, err := value.OfJSON([]byte(bad)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q became %v, %v", bad, v, err)
		}
	}
}

func TestBody(t *testing.T) {
	tests := []struct {
		name, contentType, body string
		want                    value.Value
		code                    fault.Code
	}{
		{"text", "text/plain; charset=utf-8", "hi", value.OfText("hi"), 0},
		{"what curl sends when told nothing", "application/x-www-form-urlencoded", "a=1", value.OfText("a=1"), 0},
		{"nothing said, text", "", "hi", value.OfText("hi"), 0},
		{"nothing said, no text", "", "\xff", value.OfBytes([]byte("\xff")), 0},
		{"JSON", "application/json", `{"a": 1}`, value.Restore(value.JSON, `{"a":1}`), 0},
		{"a kind of JSON", "application/ld+json", `[1]`, value.Restore(value.JSON, `[1]`), 0},
		{"a JSON string is text", "application/json", `"x"`, value.OfText("x"), 0},
		{"anything else", "image/png", "\x89PNG", value.OfBytes([]byte("\x89PNG")), 0},
		{"JSON that is none", "application/json", `{`, value.Value{}, fault.Invalid},
		{"JSON whose text is no UTF-8", "application/json", "{\"a\":\"\xff\"}", value.Value{}, fault.Invalid},
		{"a JSON string that is no UTF-8", "application/json", "\"\xff\"", value.Value{}, fault.Invalid},
		{"text that is none", "text/plain", "\xff", value.Value{}, fault.Invalid},
		{"a content type that is none", "a/b/c;;", "x", value.Value{}, fault.Unsupported},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := value.FromBody(test.contentType, []byte(test.body))
			if got != test.want || fault.CodeOf(err) != test.code {
				t.Errorf("got %v, %v; want %v, code %s", got, err, test.want, test.code)
			}
		})
	}
}

func TestMessagePack(t *testing.T) {
	tests := []struct {
		name string
		in   any
		want string // in JSON
	}{
		{"str", "hi", `"hi"`},
		{"bin", []byte{0, 255}, `{"$base64":"AP8="}`},
		{"nil", nil, `null`},
		{"bool", true, `true`},
		{"a negative integer", int64(-1 << 63), `-9223372036854775808`},
		{"a large integer", uint64(1<<64 - 1), `18446744073709551615`},
		{"a float", 1.5, `1.5`},
		{"a small float", float32(0.5), `0.5`},
		{"an array of all of them", []any{"a", []byte{1}, 1, nil, []any{}}, `["a",{"$base64":"AQ=="},1,null,[]]`},
		{"a map", map[string]any{"k": map[string]any{}}, `{"k":{}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			packed, err := msgpack.Marshal(test.in)
			if err != nil {
				t.Fatal(err)
			}
			var v value.Value
			if err := msgpack.Unmarshal(packed, &v); err != nil {
				t.Fatal(err)
			}
			if got, _ := v.MarshalJSON(); string(got) != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			again, err := msgpack.Marshal(v)
			var back value.Value
			if err != nil || msgpack.Unmarshal(again, &back) != nil || back != v {
				t.Errorf("came back as %v, %v", back, err)
			}
		})
	}
}

func TestMessagePackThatIsRefused(t *testing.T) {
	deep := bytes.Repeat([]byte{0x91}, 1_000_000)
	tests := []struct {
		name string
		data []byte
		code fault.Code
	}{
		{"nothing", nil, fault.Invalid},
		{"cut short", []byte{0xa5, 'h', 'i'}, fault.Invalid},
		{"two values", []byte{1, 2}, fault.Invalid},
		{"an array said to be 4 G long", []byte{0xdd, 0xff, 0xff, 0xff, 0xff}, fault.Invalid},
		{"a map said to be 4 G long", []byte{0xdf, 0xff, 0xff, 0xff, 0xff}, fault.Invalid},
		{"a bin said to be 4 GB long", []byte{0xc6, 0xff, 0xff, 0xff, 0xff}, fault.Invalid},
		{"a million deep", append(deep, 1), fault.Invalid},
		{"the byte that begins nothing", []byte{0xc1}, fault.Invalid},
		{"an extension", []byte{0xd4, 1, 2}, fault.Unsupported},
		{"a str within that is not UTF-8", []byte{0x81, 0xa1, 'a', 0x92, 1, 0xd9, 1, 0xff}, fault.Invalid},
		{"a name that is not UTF-8", []byte{0x81, 0xa1, 0xff, 1}, fault.Invalid},
	}
	for _, test := range tests {
		if err := value.CheckMsgpack(test.data, 64); fault.CodeOf(err) != test.code {
			t.Errorf("%s: %v, want %s", test.name, err, test.code)
		}
	}
	for name, data := range map[string][]byte{
		"NaN":                     {0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1},
		"a str that is not UTF-8": {0xa1, 0xff},
		"a key that is a number":  {0x81, 1, 2},
	} {
		var v value.Value
		if err := msgpack.Unmarshal(data, &v); err == nil {
			t.Errorf("%s became %v", name, v)
		}
	}
}

func FuzzMessagePack(f *testing.F) {
	for _, seed := range []any{"hi", []byte{1}, map[string]any{"a": []any{1, 2.5, nil}}, -1} {
		packed, _ := msgpack.Marshal(seed)
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if value.CheckMsgpack(data, 64) != nil {
			return
		}
		var v value.Value
		if err := msgpack.Unmarshal(data, &v); err != nil {
			return
		}
		text, err := v.MarshalJSON()
		if err != nil || !json.Valid(text) {
			t.Fatalf("%x became %q, %v", data, text, err)
		}
		again, err := msgpack.Marshal(v)
		if err != nil {
			var e *fault.Error
			if errors.As(err, &e) {
				return // a number that MessagePack cannot say
			}
			t.Fatal(err)
		}
		var back value.Value
		if err := msgpack.Unmarshal(again, &back); err != nil || back.Kind() != v.Kind() {
			t.Fatalf("%q came back as %q, %v", v.Data(), back.Data(), err)
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`"a"`, `{"$base64":"AA=="}`, `{"a":[1,2,{"b":null}]}`, `1e999`, ` "x" `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := value.OfJSON(data)
		if err != nil {
			return
		}
		text, err := v.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := value.OfJSON(text); err != nil || back != v {
			t.Fatalf("%q became %q, then %v, %v", data, text, back, err)
		}
	})
}
