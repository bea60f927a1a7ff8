package tensor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/fault"
)

func TestFloats(t *testing.T) {
	for text, want := range map[string]string{
		`[]`: `[]`, `[1]`: `[1]`, `[ 1 , -2.5e1,0.1 ]`: `[1,-25,0.1]`, `[1e-7,1e30]`: `[1e-07,1e+30]`,
		`{"$base64":"AACAPwAAAMA="}`: `[1,-2]`, `{"$base64":""}`: `[]`,
		`[1e39]`: "!does not fit a float32", `[null]`: "!NaN and infinity cannot be sent", `["1"]`: "!array of numbers", `[[1]]`: "!array of numbers",
		`1`: "!array of numbers", `null`: "!array of numbers", `{"$base64":"AAA="}`: "!2 bytes are no whole number", `{"$base64":"!"}`: "!not standard base64",
		`{"a":1}`: "!array of numbers", `{"$base64":"","a":""}`: "!array of numbers", `[true]`: "!array of numbers",
	} {
		var f Floats
		err := json.Unmarshal([]byte(text), &f)
		if part, failing := strings.CutPrefix(want, "!"); failing {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %s", text, err, part)
			}
			continue
		}
		got, _ := json.Marshal(f)
		if err != nil || string(got) != want {
			t.Errorf("%s comes back as %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestMatrices(t *testing.T) {
	for text, want := range map[string]string{
		`[]`: `0x0 []`, `[[1,2],[3,4]]`: `2x2 [1 2 3 4]`, ` [ [1] , [2] ] `: `2x1 [1 2]`, `[{"$base64":"AACAPwAAAMA="},[3,4]]`: `2x2 [1 -2 3 4]`,
		`[[1,2],[3]]`: "!row 1 has 1 numbers", `[1]`: "!array of rows", `[[[1]]]`: "!array of numbers", `{}`: "!array of rows", `[null]`: "!array of rows",
		`["a"]`: "!array of rows",
	} {
		var m Matrix
		err := json.Unmarshal([]byte(text), &m)
		if part, failing := strings.CutPrefix(want, "!"); failing {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %s", text, err, part)
			}
			continue
		}
		if got := fmt.Sprintf("%dx%d %v", m.Rows, m.Cols, m.Data); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", text, got, err, want)
		}
	}
}

// TestMessagePack sends numbers of every kind.
func TestMessagePack(t *testing.T) {
	var packed bytes.Buffer
	enc := msgpack.NewEncoder(&packed)
	for _, v := range []any{[]any{int8(1), uint64(2), float32(0.5), 0.25}, AppendBytes(nil, []float32{1, -2})} {
		packed.Reset()
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		var f, again Floats
		if err := msgpack.Unmarshal(packed.Bytes(), &f); err != nil {
			t.Fatal(err)
		}
		b, err := msgpack.Marshal(f)
		if err == nil {
			err = msgpack.Unmarshal(b, &again)
		}
		if err != nil || !slices.Equal(f, again) || len(f) < 2 || f[0] != 1 {
			t.Errorf("%v comes as %v, and back as %v: %v", v, f, again, err)
		}
	}
	for _, wrong := range []any{"x", map[string]int{}, []any{"x"}, []byte{1}, 7} {
		b, _ := msgpack.Marshal(wrong)
		var f Floats
		if err := msgpack.Unmarshal(b, &f); err == nil || fault.From(err).Code != fault.Invalid {
			t.Errorf("%v is taken for %v: %v", wrong, f, err)
		}
	}
	m := Matrix{2, 2, []float32{1, 2, 3, 4}}
	b, err := msgpack.Marshal(m)
	var again Matrix
	if err == nil {
		err = msgpack.Unmarshal(b, &again)
	}
	if err != nil || again.Rows != 2 || !slices.Equal(again.Data, m.Data) {
		t.Errorf("%v comes back as %v: %v", m, again, err)
	}
	// A length that lies takes no memory.
	var f Floats
	if err := msgpack.Unmarshal([]byte{0xdd, 0x00, 0xff, 0xff, 0xff, 0x01}, &f); err == nil {
		t.Error("an array that is cut is taken")
	}
}

func TestTensors(t *testing.T) {
	var f Floats
	var m Matrix
	if err := f.SetTensor([]int{1, 3}, []float32{1, 2, 3}); err != nil || len(f) != 3 {
		t.Error(err)
	}
	if err := m.SetTensor([]int{2, 2}, []float32{1, 2, 3, 4}); err != nil || m.Row(1)[0] != 3 {
		t.Error(err)
	}
	if err := m.SetTensor([]int{3}, []float32{1, 2, 3}); err != nil || m.Rows != 1 {
		t.Error(err)
	}
	for _, dims := range [][]int{{}, {2, 2}, {4}, {1, 1, 3}} {
		if err := f.SetTensor(dims, []float32{1, 2, 3}); err == nil {
			t.Errorf("3 numbers are taken for a list of shape %v", dims)
		}
	}
	for _, dims := range [][]int{{}, {2, 2}, {1, 1, 3}, {-1, -3}, {math.MaxInt, 3}} {
		if err := m.SetTensor(dims, []float32{1, 2, 3}); err == nil {
			t.Errorf("3 numbers are taken for a table of shape %v", dims)
		}
	}
}

// FuzzFloats agrees with encoding/json about what is a list of numbers.
func FuzzFloats(f *testing.F) {
	for _, seed := range []string{`[1,2]`, `[1.5e3 , -0]`, `[[1]]`, `{"$base64":"AACAPw=="}`, `[1e99]`, `[01]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var ours Floats
		var theirs []float32
		err := json.Unmarshal([]byte(text), &ours)
		if strings.HasPrefix(strings.TrimSpace(text), "{") || strings.Contains(text, "null") {
			return // theirs knows no bytes, and takes null for 0
		}
		if want := json.Unmarshal([]byte(text), &theirs); (err == nil) != (want == nil) {
			t.Fatalf("%q: %v, encoding/json says %v", text, err, want)
		}
		if err == nil && !slices.Equal(ours, theirs) {
			t.Fatalf("%q is %v, encoding/json says %v", text, ours, theirs)
		}
	})
}

func BenchmarkFloats(b *testing.B) {
	v := make(Floats, 384)
	for i := range v {
		v[i] = float32(i)*0.0123 - 2
	}
	text, _ := json.Marshal(v)
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			var f Floats
			_ = json.Unmarshal(text, &f)
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		for b.Loop() {
			var f []float32
			_ = json.Unmarshal(text, &f)
		}
	})
}
