package pack

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
)

// Skip returns what follows the first value of b; ok is false when that does not end, nests too deep, or is of a
// kind that is not understood. It needs no memory and does not recurse.
func Skip(b []byte) (rest []byte, ok bool) {
	var open [maxDepth + 1]int
	depth := 0
	open[0] = 1
	for depth >= 0 {
		if open[depth] == 0 {
			depth--
			continue
		}
		open[depth]--
		var children int
		if children, b, ok = skipOne(b); !ok || children > len(b) {
			return nil, false
		}
		if children > 0 {
			if depth == maxDepth {
				return nil, false
			}
			depth++
			open[depth] = children
		}
	}
	return b, true
}

// skipOne skips a value without its elements, of which it returns how many follow.
func skipOne(b []byte) (children int, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	switch code := b[0]; {
	case code < 0x80, code >= 0xe0, code == mpNil, code == mpFalse, code == mpTrue:
		return 0, b[1:], true
	case code == mpUint8, code == mpInt8:
		return after(b, 2)
	case code == mpUint16, code == mpInt16:
		return after(b, 3)
	case code == mpUint32, code == mpInt32, code == mpFloat:
		return after(b, 5)
	case code == mpUint64, code == mpInt64, code == mpDouble:
		return after(b, 9)
	}
	if n, rest, ok := ReadArray(b); ok {
		return n, rest, true
	}
	if n, rest, ok := ReadMap(b); ok {
		return 2 * n, rest, true
	}
	if _, rest, ok := ReadString(b); ok {
		return 0, rest, true
	}
	_, rest, ok = readBin(b)
	return 0, rest, ok
}

func after(b []byte, n int) (int, []byte, bool) {
	if len(b) < n {
		return 0, nil, false
	}
	return 0, b[n:], true
}

// ToJSON appends exactly one MessagePack value as compact JSON; bin becomes {"$base64":"…"}. False means that it is
// not one: it does not end, something follows, it nests too deep, or it holds what JSON does not.
func ToJSON(b, data []byte) ([]byte, bool) {
	if rest, ok := Skip(data); !ok || len(rest) > 0 {
		return b, false
	}
	b, _, ok := toJSON(b, data)
	return b, ok
}

func toJSON(b, data []byte) (_, rest []byte, ok bool) {
	switch code := data[0]; code {
	case mpNil:
		return append(b, "null"...), data[1:], true
	case mpTrue:
		return append(b, "true"...), data[1:], true
	case mpFalse:
		return append(b, "false"...), data[1:], true
	case mpFloat:
		return floatToJSON(b, float64(math.Float32frombits(binary.BigEndian.Uint32(data[1:]))), 32, data[5:])
	case mpDouble:
		return floatToJSON(b, math.Float64frombits(binary.BigEndian.Uint64(data[1:])), 64, data[9:])
	}
	if n, rest, ok := ReadInt(data); ok {
		return strconv.AppendInt(b, n, 10), rest, true
	}
	if n, rest, ok := ReadUint(data); ok {
		return strconv.AppendUint(b, n, 10), rest, true
	}
	if s, rest, ok := ReadString(data); ok {
		return appendQuoted(b, s), rest, utf8.Valid(s)
	}
	if raw, rest, ok := readBin(data); ok {
		b = append(b, `{"$base64":"`...)
		return append(base64.StdEncoding.AppendEncode(b, raw), `"}`...), rest, true
	}
	if n, rest, ok := ReadArray(data); ok {
		b = append(b, '[')
		for i := range n {
			if i > 0 {
				b = append(b, ',')
			}
			if b, rest, ok = toJSON(b, rest); !ok {
				return b, nil, false
			}
		}
		return append(b, ']'), rest, true
	}
	n, rest, ok := ReadMap(data)
	if !ok {
		return b, nil, false
	}
	b = append(b, '{')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if _, _, isText := ReadString(rest); !isText {
			return b, nil, false
		}
		if b, rest, ok = toJSON(b, rest); !ok {
			return b, nil, false
		}
		b = append(b, ':')
		if b, rest, ok = toJSON(b, rest); !ok {
			return b, nil, false
		}
	}
	return append(b, '}'), rest, true
}

// floatToJSON writes a number as encoding/json does.
func floatToJSON(b []byte, f float64, bits int, rest []byte) (_, _ []byte, ok bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b, nil, false
	}
	var text []byte
	var err error
	if bits == 32 {
		text, err = json.Marshal(float32(f))
	} else {
		text, err = json.Marshal(f)
	}
	return append(b, text...), rest, err == nil
}

// appendQuoted appends a JSON string without escaping what only HTML minds.
func appendQuoted(b, s []byte) []byte {
	plain := true
	for _, c := range s {
		if c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(string(s)) // a string always encodes
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}
