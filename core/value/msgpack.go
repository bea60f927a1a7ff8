package value

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/hivellm/synap-go/core/fault"
)

// The library takes nil for the absence of a value before it asks a CustomDecoder; here null is a value.
func init() {
	msgpack.Register(Value{},
		func(enc *msgpack.Encoder, v reflect.Value) error { return v.Interface().(Value).EncodeMsgpack(enc) },
		func(dec *msgpack.Decoder, v reflect.Value) error {
			return v.Addr().Interface().(*Value).DecodeMsgpack(dec)
		})
}

// EncodeMsgpack implements msgpack.CustomEncoder.
func (v Value) EncodeMsgpack(enc *msgpack.Encoder) error {
	switch v.kind {
	case None:
		return enc.EncodeNil()
	case Text:
		return enc.EncodeString(v.data)
	case Bytes:
		return enc.EncodeBytes([]byte(v.data))
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(v.data)))
	dec.UseNumber()
	return transcode(enc, dec)
}

// transcode writes the next JSON value of dec as MessagePack, in order and without losing digits.
func transcode(enc *msgpack.Encoder, dec *json.Decoder) error {
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return err
	}
	return encodeTree(enc, tree)
}

func encodeTree(enc *msgpack.Encoder, tree any) error {
	switch t := tree.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(t.String(), 10, 64); err == nil {
			return enc.EncodeInt(n)
		}
		if n, err := strconv.ParseUint(t.String(), 10, 64); err == nil {
			return enc.EncodeUint(n)
		}
		f, err := t.Float64()
		if err != nil {
			return fault.New(fault.Unsupported, "the number %s is too large for MessagePack: ask for JSON", t)
		}
		return enc.EncodeFloat64(f)
	case []any:
		if err := enc.EncodeArrayLen(len(t)); err != nil {
			return err
		}
		for _, e := range t {
			if err := encodeTree(enc, e); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		if err := enc.EncodeMapLen(len(t)); err != nil {
			return err
		}
		for k, e := range t {
			if err := enc.EncodeString(k); err != nil {
				return err
			}
			if err := encodeTree(enc, e); err != nil {
				return err
			}
		}
		return nil
	default: // string, bool, nil
		return enc.Encode(t)
	}
}

// DecodeMsgpack implements msgpack.CustomDecoder. The input's depth is bounded by CheckMsgpack before.
func (v *Value) DecodeMsgpack(dec *msgpack.Decoder) error {
	code, err := dec.PeekCode()
	if err != nil {
		return err
	}
	switch {
	case msgpcode.IsString(code):
		s, err := dec.DecodeString()
		if err != nil {
			return err
		}
		if !utf8.ValidString(s) {
			return errNotText
		}
		*v = Value{Text, s}
		return nil
	case msgpcode.IsBin(code):
		b, err := dec.DecodeBytes()
		*v = OfBytes(b)
		return err
	}
	raw, err := appendJSON(nil, dec)
	if err != nil {
		return err
	}
	*v = Value{JSON, string(raw)}
	return nil
}

// appendJSON appends the next MessagePack value of dec as compact JSON.
func appendJSON(b []byte, dec *msgpack.Decoder) ([]byte, error) {
	code, err := dec.PeekCode()
	if err != nil {
		return nil, err
	}
	switch {
	case msgpcode.IsFixedMap(code), code == msgpcode.Map16, code == msgpcode.Map32:
		return appendObject(b, dec)
	case msgpcode.IsFixedArray(code), code == msgpcode.Array16, code == msgpcode.Array32:
		return appendArray(b, dec)
	case msgpcode.IsString(code):
		s, err := dec.DecodeString()
		if err == nil && !utf8.ValidString(s) {
			err = errNotText
		}
		return appendString(b, s), err
	case msgpcode.IsBin(code):
		raw, err := dec.DecodeBytes()
		b = append(b, `{"`+bytesKey+`":"`...)
		return append(base64.StdEncoding.AppendEncode(b, raw), `"}`...), err
	case msgpcode.IsExt(code):
		return nil, fault.New(fault.Unsupported, "MessagePack extension types are not understood")
	}
	return appendScalar(b, dec)
}

func appendScalar(b []byte, dec *msgpack.Decoder) ([]byte, error) {
	tree, err := dec.DecodeInterfaceLoose()
	if err != nil {
		return nil, err
	}
	switch t := tree.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, t), nil
	case int64:
		return strconv.AppendInt(b, t, 10), nil
	case uint64:
		return strconv.AppendUint(b, t, 10), nil
	case float64:
		if math.IsNaN(t) || math.IsInf(t, 0) {
			return nil, fault.New(fault.Invalid, "NaN and infinity are not numbers here")
		}
		number, err := json.Marshal(t)
		return append(b, number...), err
	}
	return nil, fault.New(fault.Unsupported, "a MessagePack value of type %T is not understood", tree)
}

func appendObject(b []byte, dec *msgpack.Decoder) ([]byte, error) {
	n, err := dec.DecodeMapLen()
	if err != nil {
		return nil, err
	}
	b = append(b, '{')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		code, err := dec.PeekCode()
		if err != nil {
			return nil, err
		}
		if !msgpcode.IsString(code) {
			return nil, fault.New(fault.Invalid, "the keys of a map are strings")
		}
		if b, err = appendJSON(b, dec); err != nil {
			return nil, err
		}
		b = append(b, ':')
		if b, err = appendJSON(b, dec); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendArray(b []byte, dec *msgpack.Decoder) ([]byte, error) {
	n, err := dec.DecodeArrayLen()
	if err != nil {
		return nil, err
	}
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendJSON(b, dec); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// CheckMsgpack reports what would make it unwise to decode data: anything but exactly one well-formed value
// of at most maxDepth nested arrays and maps, with every length within the data and every text in UTF-8.
func CheckMsgpack(data []byte, maxDepth int) error {
	rest, err := skip(data, maxDepth)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fault.New(fault.Invalid, "%d bytes follow the MessagePack value", len(rest))
	}
	return nil
}

var errNotText = fault.New(fault.Invalid, "a str that is not UTF-8: send bytes as bin")

var errShort = fault.New(fault.Invalid, "the MessagePack ends in the middle of a value")

// skip returns what follows the first value of data. It keeps the count of open values in a list and not on
// the call stack, and needs no more memory than the depth allowed.
func skip(data []byte, maxDepth int) ([]byte, error) {
	open := []uint64{1} // how many values are still to come at each level
	for len(open) > 0 {
		top := len(open) - 1
		if open[top] == 0 {
			open = open[:top]
			continue
		}
		open[top]--
		size, children, rest, err := header(data)
		if err != nil {
			return nil, err
		}
		if size > uint64(len(rest)) || children > uint64(len(rest)) {
			return nil, errShort
		}
		if msgpcode.IsString(data[0]) && !utf8.Valid(rest[:size]) {
			return nil, errNotText
		}
		data = rest[size:]
		if children > 0 {
			if len(open) > maxDepth {
				return nil, fault.New(fault.Invalid, "nested more than %d deep", maxDepth)
			}
			open = append(open, children)
		}
	}
	return data, nil
}

// header reads the head of one value: how many bytes of payload and how many values follow it.
func header(data []byte) (size, children uint64, rest []byte, err error) {
	if len(data) == 0 {
		return 0, 0, nil, errShort
	}
	code, rest := data[0], data[1:]
	length := func(bytes int) (n uint64) {
		if len(rest) < bytes {
			err = errShort
			return 0
		}
		for _, b := range rest[:bytes] {
			n = n<<8 | uint64(b)
		}
		rest = rest[bytes:]
		return n
	}
	switch {
	case msgpcode.IsFixedNum(code), code == msgpcode.Nil, code == msgpcode.False, code == msgpcode.True:
	case msgpcode.IsFixedMap(code):
		children = 2 * uint64(code&msgpcode.FixedMapMask)
	case msgpcode.IsFixedArray(code):
		children = uint64(code & msgpcode.FixedArrayMask)
	case msgpcode.IsFixedString(code):
		size = uint64(code & msgpcode.FixedStrMask)
	default:
		switch code {
		case msgpcode.Int8, msgpcode.Uint8:
			size = 1
		case msgpcode.Int16, msgpcode.Uint16:
			size = 2
		case msgpcode.Int32, msgpcode.Uint32, msgpcode.Float:
			size = 4
		case msgpcode.Int64, msgpcode.Uint64, msgpcode.Double:
			size = 8
		case msgpcode.Str8, msgpcode.Bin8:
			size = length(1)
		case msgpcode.Str16, msgpcode.Bin16:
			size = length(2)
		case msgpcode.Str32, msgpcode.Bin32:
			size = length(4)
		case msgpcode.Array16:
			children = length(2)
		case msgpcode.Array32:
			children = length(4)
		case msgpcode.Map16:
			children = 2 * length(2)
		case msgpcode.Map32:
			children = 2 * length(4)
		default:
			if msgpcode.IsExt(code) {
				err = fault.New(fault.Unsupported, "MessagePack extension types are not understood")
			} else {
				err = fault.New(fault.Invalid, "byte %#02x begins no MessagePack value", code)
			}
		}
	}
	return size, children, rest, err
}
