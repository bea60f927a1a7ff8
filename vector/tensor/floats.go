// Package tensor is how requests and answers carry numbers: a list of them, or a table.
//
// Both are plain float32 in memory. In JSON they are arrays, or bytes as everywhere
// in Synap, {"$base64":"…"}, which are little-endian float32; in MessagePack arrays
// or bin. A door that receives tensors of its own fills them by SetFloat32s and
// SetTensor, and no number is ever printed. What a number may be, such as finite,
// is for those to say who use it.
package tensor

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/hivellm/synap-go/core/fault"
)

// MaxFloats bounds how many numbers a list or a table holds.
const MaxFloats = 16 << 20

// Floats is a list of numbers: a vector.
type Floats []float32

// SetFloat32s makes the list the numbers of v, which belong to it from then on.
func (f *Floats) SetFloat32s(v []float32) { *f = v }

// SetTensor takes in a tensor of rank 1, or one with a single row. The data belongs to the list from then on.
func (f *Floats) SetTensor(dims []int, data []float32) error {
	if len(dims) == 0 || len(dims) > 2 || (len(dims) == 2 && dims[0] != 1) || dims[len(dims)-1] != len(data) {
		return fault.New(fault.Invalid, "a tensor of shape %v was given, a list of numbers is wanted", dims)
	}
	*f = data
	return nil
}

// Tensor returns the list as a tensor. The data is shared.
func (f Floats) Tensor() (dims []int, data []float32) { return []int{len(f)}, f }

// JSONSchema describes the list for a request's schema.
func (Floats) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Types: []string{"array", "object"}, Items: &jsonschema.Schema{Type: "number"},
		Description: `numbers, or {"$base64":"…"} of little-endian float32`,
	}
}

// MarshalJSON writes an array.
func (f Floats) MarshalJSON() ([]byte, error) {
	return appendFloats(make([]byte, 0, 2+12*len(f)), f), nil
}

func appendFloats(b []byte, f []float32) []byte {
	b = append(b, '[')
	for i, x := range f {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFloat(b, x)
	}
	return append(b, ']')
}

// appendFloat writes what encoding/json would; a number that is not finite cannot be there.
func appendFloat(b []byte, x float32) []byte {
	format := byte('f')
	if abs := math.Abs(float64(x)); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, float64(x), format, -1, 32)
}

// UnmarshalJSON reads an array or bytes.
func (f *Floats) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '{' {
		v, err := decodeBytes(raw)
		*f = v
		return err
	}
	v, rest, err := parseFloats((*f)[:0], raw)
	if err == nil && len(bytes.TrimSpace(rest)) > 0 {
		err = notNumbers()
	}
	*f = v
	return err
}

// parseFloats reads a JSON array of numbers and returns what follows it. encoding/json does the same by reflection, at
// four times the cost (BenchmarkFloats): a vector is the bulk of every request that has one.
func parseFloats(dst []float32, raw []byte) (v []float32, rest []byte, err error) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, nil, notNumbers()
	}
	if dst == nil {
		dst = make([]float32, 0, min(1+bytes.Count(raw, []byte{','}), MaxFloats))
	}
	i := skipSpace(raw, 1)
	if i < len(raw) && raw[i] == ']' {
		return dst, raw[i+1:], nil
	}
	for {
		start := i
		for i < len(raw) && isNumber(raw[i]) {
			i++
		}
		x, err := strconv.ParseFloat(string(raw[start:i]), 32)
		if err != nil {
			return nil, nil, wrongNumber(raw[start:], err)
		}
		if dst = append(dst, float32(x)); len(dst) > MaxFloats {
			return nil, nil, tooMany()
		}
		i = skipSpace(raw, i)
		switch {
		case i < len(raw) && raw[i] == ',':
			i = skipSpace(raw, i+1)
		case i < len(raw) && raw[i] == ']':
			return dst, raw[i+1:], nil
		default:
			return nil, nil, notNumbers()
		}
	}
}

func isNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

func skipSpace(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\t' || raw[i] == '\r') {
		i++
	}
	return i
}

func notNumbers() error {
	return fault.New(fault.Invalid, `an array of numbers is wanted, or {"$base64":"…"} of little-endian float32`)
}

func tooMany() error {
	return fault.New(fault.TooLarge, "more than %d numbers in one list", MaxFloats).With("limit", MaxFloats)
}

func wrongNumber(raw []byte, err error) error {
	if numError, ok := err.(*strconv.NumError); ok && numError.Err == strconv.ErrRange { //nolint:errorlint // just returned
		return fault.New(fault.OutOfRange, "the number %s does not fit a float32", numError.Num)
	}
	if len(raw) > 0 && raw[0] == 'n' {
		return fault.New(fault.Invalid, "null is among the numbers: NaN and infinity cannot be sent, and mean nothing here")
	}
	return notNumbers()
}

// decodeBytes reads {"$base64":"…"}.
func decodeBytes(raw []byte) ([]float32, error) {
	var object map[string]string
	if json.Unmarshal(raw, &object) != nil || len(object) != 1 {
		return nil, notNumbers()
	}
	text, ok := object["$base64"]
	if !ok {
		return nil, notNumbers()
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the vector's $base64 is not standard base64")
	}
	return OfBytes(b)
}

// OfBytes returns the numbers that little-endian float32 bytes stand for.
func OfBytes(b []byte) ([]float32, error) {
	if len(b)%4 != 0 {
		return nil, fault.New(fault.Invalid, "%d bytes are no whole number of float32, which take 4 each", len(b))
	}
	if len(b)/4 > MaxFloats {
		return nil, tooMany()
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}

// AppendBytes appends the numbers as little-endian float32.
func AppendBytes(b []byte, v []float32) []byte {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// EncodeMsgpack writes an array.
func (f Floats) EncodeMsgpack(enc *msgpack.Encoder) error {
	if err := enc.EncodeArrayLen(len(f)); err != nil {
		return err
	}
	for _, x := range f {
		if err := enc.EncodeFloat32(x); err != nil {
			return err
		}
	}
	return nil
}

// DecodeMsgpack reads an array or bin.
func (f *Floats) DecodeMsgpack(dec *msgpack.Decoder) error {
	code, err := dec.PeekCode()
	if err != nil {
		return err
	}
	if msgpcode.IsBin(code) {
		b, err := dec.DecodeBytes()
		if err != nil {
			return err
		}
		*f, err = OfBytes(b)
		return err
	}
	n, err := dec.DecodeArrayLen()
	if err != nil || n < 0 {
		return notNumbers()
	}
	if n > MaxFloats {
		return tooMany()
	}
	v := make([]float32, 0, min(n, 1<<14)) // the length may lie
	for range n {
		x, err := dec.DecodeFloat64()
		if err != nil {
			return notNumbers()
		}
		v = append(v, float32(x))
	}
	*f = v
	return nil
}
