package pack_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/core/value"
)

type Inner struct {
	Name string   `json:"name"`
	Tags []string `json:"tags,omitempty"`
}

type everything struct {
	Inner
	Text    string             `json:"text"`
	Absent  string             `json:"absent,omitempty"`
	Value   value.Value        `json:"value,omitzero"`
	N       int                `json:"n"`
	N32     int32              `json:"n32"`
	U       uint64             `json:"u"`
	U8      uint8              `json:"u8"`
	F       float64            `json:"f"`
	F32     []float32          `json:"f32"`
	Yes     bool               `json:"yes"`
	Pointer *int64             `json:"pointer,omitempty"`
	List    []Inner            `json:"list"`
	Map     map[string]Inner   `json:"map,omitempty"`
	Numbers map[string]float64 `json:"numbers,omitempty"`
}

// plus holds what is written and not read.
type plus struct {
	everything
	Position   journal.Position   `json:"position"`
	Durability journal.Durability `json:"durability"`
	Code       fault.Code         `json:"code"`
	Raw        json.RawMessage    `json:"raw"`
	Any        any                `json:"any"`
	Anys       map[string]any     `json:"anys"`
	Bytes      []byte             `json:"bytes"`
	Self       *plus              `json:"self,omitempty"`
	Array      [2]int             `json:"array"`
	ByNumber   map[int]string     `json:"by_number"`
}

func full() everything {
	n := int64(-7)
	return everything{
		Inner: Inner{"a", []string{"x", "ü"}}, Text: "text <&>\"\n", Value: value.OfText("v"), N: -40000, N32: -1, U: 1 << 63, U8: 200, F: 0.1,
		F32: []float32{0.1, 5, -3e20}, Yes: true, Pointer: &n, List: []Inner{{Name: "b"}, {"c", []string{"d"}}},
		Map: map[string]Inner{"k": {Name: "e"}}, Numbers: map[string]float64{"pi": 3.25},
	}
}

// TestTheTwoEncodingsAgree: what is written in MessagePack is what is written in JSON.
func TestTheTwoEncodingsAgree(t *testing.T) {
	rich := plus{
		everything: full(), Position: journal.Position{Epoch: 3, Seq: 9}, Durability: journal.Fsynced, Code: fault.NotFound,
		Raw: json.RawMessage(` {"a": [1, 2.5, null, "x"]} `), Any: map[string]any{"x": []any{1, "two", nil}}, Anys: map[string]any{"v": value.OfBytes([]byte{0, 255})},
		Bytes: []byte{1, 2}, ByNumber: map[int]string{4: "four"},
	}
	rich.Self = &plus{Raw: json.RawMessage("null")}
	values := map[string]any{
		"nothing": nil, "text": "a", "empty": &everything{}, "full": new(full()), "rich": &rich, "by value": rich, "list": []any{1, "a", json.Number("7"), json.Number("2.5")},
		"json value": &everything{Value: value.Restore(value.JSON, `{"a":[1,-2,3.5,"x",{"$base64":"AAE="}]}`)},
		"bytes":      &everything{Value: value.OfBytes([]byte{1, 2, 3})}, "null value": &everything{Value: value.Restore(value.JSON, "null")},
		"error": fault.New(fault.Invalid, "x").With("k", 1),
	}
	for name, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := pack.Append(nil, v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, ok := pack.ToJSON(nil, packed)
		if !ok || !same(t, got, text) {
			t.Errorf("%s is %s in JSON and in MessagePack\n%s", name, text, got)
		}
		if err := value.CheckMsgpack(packed, 64); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	for _, one := range []struct {
		text []byte
		into *any
	}{{a, &x}, {b, &y}} {
		dec := json.NewDecoder(bytes.NewReader(one.text))
		dec.UseNumber()
		if err := dec.Decode(one.into); err != nil {
			t.Fatalf("%v: %s", err, one.text)
		}
	}
	return reflect.DeepEqual(x, y)
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, v := range []value.Value{{}, value.OfText("t"), value.OfBytes([]byte{9}), value.Restore(value.JSON, `[1,{"a":null}]`)} {
		want := full()
		want.Value = v
		packed, err := pack.Append(nil, &want)
		if err != nil {
			t.Fatal(err)
		}
		var got everything
		if !pack.Decode(packed, &got) || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v became %+v", want, got)
		}
		// And as another library writes it.
		enc := new(bytes.Buffer)
		e := msgpack.NewEncoder(enc)
		e.SetCustomStructTag("json")
		if err := e.Encode(&want.Inner); err != nil {
			t.Fatal(err)
		}
		var inner Inner
		if !pack.Decode(enc.Bytes(), &inner) || !reflect.DeepEqual(inner, want.Inner) {
			t.Errorf("%+v became %+v", want.Inner, inner)
		}
	}
}

func TestWhatIsNotPlainIsNotRead(t *testing.T) {
	packed := func(v any) []byte {
		b, err := msgpack.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	deep := []byte(strings.Repeat("\x91", 100) + "\x00")
	tests := map[string][]byte{
		"nothing": {}, "no map": packed("x"), "a field that is not there": packed(map[string]any{"nam": "x"}),
		"a number for a text": packed(map[string]any{"name": 1}), "text that is not UTF-8": append([]byte("\x81\xa4name\xa2"), 0xff, 0xfe),
		"too many entries": []byte("\x81\xa4tags\xdd\xff\xff\xff\xff"), "something behind": append(packed(map[string]any{"name": "x"}), 0xc0),
		"the middle": packed(map[string]any{"name": "x"})[:5], "an extension": []byte("\x81\xa4name\xd4\x01\x01"),
	}
	for name, data := range tests {
		var into Inner
		if pack.Decode(data, &into) {
			t.Errorf("%s: %+v", name, into)
		}
	}
	var into everything
	for name, data := range map[string][]byte{
		"deep": append([]byte("\x81\xa5value"), deep...), "a negative": packed(map[string]any{"u": -1}), "too large": packed(map[string]any{"n32": 1 << 40}),
		"too large for a byte": packed(map[string]any{"u8": 256}), "no number": []byte("\x81\xa1f\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"),
	} {
		if pack.Decode(data, &into) {
			t.Errorf("%s: %+v", name, into)
		}
	}
}

// FuzzDecode: no bytes do harm, what is read is read the same by way of JSON, and Skip is the judge of what ends.
func FuzzDecode(f *testing.F) {
	v := full()
	b, err := pack.Append(nil, &v)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, twice everything
		text, sound := pack.ToJSON(nil, data)
		if sound != (value.CheckMsgpack(data, 64) == nil) && sound {
			t.Fatalf("%x is %s, and is not well-formed", data, text)
		}
		if !pack.Decode(data, &got) {
			return
		}
		if !sound {
			t.Fatalf("%x is read and has no JSON", data)
		}
		if err := json.Unmarshal(text, &twice); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		a, err1 := json.Marshal(got)
		b, err2 := json.Marshal(twice)
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Fatalf("%x is read as\n%s, by way of JSON as\n%s", data, a, b)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data, err := msgpack.Marshal(map[string]any{"name": "user:1234567"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var into Inner
		if !pack.Decode(data, &into) {
			b.Fatal("not plain")
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	v := &struct {
		Found   bool        `json:"found"`
		Value   value.Value `json:"value,omitzero"`
		Version uint64      `json:"version,omitempty"`
	}{true, value.OfText(strings.Repeat("x", 32)), 12345}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = pack.Append(buf[:0], v); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAListKeepsToItsTag: what says how many elements it may have is not made of more, however little they take in the encoding.
func TestAListKeepsToItsTag(t *testing.T) {
	type bounded struct {
		Items []everything `json:"items" max:"2"`
	}
	head := []byte{0x81, 0xa5, 'i', 't', 'e', 'm', 's'}
	if !pack.Decode(append(head[:7:7], 0x92, 0x80, 0x80), new(bounded)) {
		t.Error("two are not read")
	}
	many := append(head[:7:7], 0xdd, 0, 0x10, 0, 0)
	many = append(many, bytes.Repeat([]byte{0x80}, 1<<20)...)
	if n := testing.AllocsPerRun(3, func() {
		if pack.Decode(many, new(bounded)) {
			t.Error("a million are read")
		}
	}); n > 4 {
		t.Errorf("it took %v allocations to see that there are too many", n)
	}
}
