package pack

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/hivellm/synap-go/core/fault"
)

// The first bytes of MessagePack values.
const (
	mpFixMap, mpFixArray, mpFixStr    = 0x80, 0x90, 0xa0
	mpNil, mpFalse, mpTrue            = 0xc0, 0xc2, 0xc3
	mpBin8, mpBin16, mpBin32          = 0xc4, 0xc5, 0xc6
	mpFloat, mpDouble                 = 0xca, 0xcb
	mpUint8, mpUint16, mpUint32       = 0xcc, 0xcd, 0xce
	mpUint64                          = 0xcf
	mpInt8, mpInt16, mpInt32, mpInt64 = 0xd0, 0xd1, 0xd2, 0xd3
	mpStr8, mpStr16, mpStr32          = 0xd9, 0xda, 0xdb
	mpArray16, mpArray32              = 0xdc, 0xdd
	mpMap16, mpMap32                  = 0xde, 0xdf
)

// FromJSON appends the JSON value that s begins with as MessagePack, value by value and in the same order, and returns
// what follows it. s is what encoding/json wrote: compact, valid, and no deeper than its types. The JSON of bytes,
// {"$base64":"…"}, becomes bin.
func FromJSON(b, s []byte) ([]byte, []byte, error) {
	switch s[0] {
	case '{':
		return transcodeObject(b, s)
	case '[':
		return transcodeArray(b, s)
	case '"':
		text, rest, err := unquote(s)
		return append(appendHeader(b, len(text), mpFixStr, 32, mpStr8, mpStr16, mpStr32), text...), rest, err
	case 'n':
		return append(b, mpNil), s[4:], nil
	case 't':
		return append(b, mpTrue), s[4:], nil
	case 'f':
		return append(b, mpFalse), s[5:], nil
	}
	end := 0
	for end < len(s) && s[end] != ',' && s[end] != ']' && s[end] != '}' && s[end] != '\n' {
		end++
	}
	b, err := appendNumber(b, string(s[:end]))
	return b, s[end:], err
}

func transcodeObject(b, s []byte) ([]byte, []byte, error) {
	if raw, rest, ok := bytesObject(s); ok {
		return append(appendHeader(b, len(raw), 0, 0, mpBin8, mpBin16, mpBin32), raw...), rest, nil
	}
	at, n := len(b), 0
	var err error
	for s = s[1:]; s[0] != '}'; n++ {
		if s[0] == ',' {
			s = s[1:]
		}
		if b, s, err = FromJSON(b, s); err != nil {
			return b, s, err
		}
		if b, s, err = FromJSON(b, s[1:]); err != nil { // after the colon
			return b, s, err
		}
	}
	return slices.Insert(b, at, appendHeader(nil, n, mpFixMap, 16, 0, mpMap16, mpMap32)...), s[1:], nil
}

func transcodeArray(b, s []byte) ([]byte, []byte, error) {
	at, n := len(b), 0
	var err error
	for s = s[1:]; s[0] != ']'; n++ {
		if s[0] == ',' {
			s = s[1:]
		}
		if b, s, err = FromJSON(b, s); err != nil {
			return b, s, err
		}
	}
	return slices.Insert(b, at, appendHeader(nil, n, mpFixArray, 16, 0, mpArray16, mpArray32)...), s[1:], nil
}

// bytesObject reads {"$base64":"…"}.
func bytesObject(s []byte) (raw, rest []byte, ok bool) {
	quoted, ok := bytes.CutPrefix(s, []byte(`{"$base64":"`))
	end := bytes.IndexByte(quoted, '"')
	if !ok || end < 0 || end+1 >= len(quoted) || quoted[end+1] != '}' {
		return nil, nil, false
	}
	raw, err := base64.StdEncoding.DecodeString(string(quoted[:end]))
	return raw, quoted[end+2:], err == nil
}

// unquote returns the text of the JSON string that s begins with.
func unquote(s []byte) (text, rest []byte, err error) {
	end, escaped := 1, false
	for ; s[end] != '"'; end++ {
		if s[end] == '\\' {
			end++
			escaped = true
		}
	}
	if !escaped {
		return s[1:end], s[end+1:], nil
	}
	var plain string
	err = json.Unmarshal(s[:end+1], &plain)
	return []byte(plain), s[end+1:], err
}

// appendHeader appends the head of a value of n elements or bytes: within the first byte when there is a fixed
// form and n is below its bound, else in the shortest of the forms that there are; code8 may be 0.
func appendHeader(b []byte, n int, fixed byte, below int, code8, code16, code32 byte) []byte {
	switch {
	case n < below:
		return append(b, fixed|byte(n)) //nolint:gosec // below 32
	case code8 != 0 && n <= math.MaxUint8:
		return append(b, code8, byte(n)) //nolint:gosec // just compared
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, code16), uint16(n)) //nolint:gosec // just compared
	}
	return binary.BigEndian.AppendUint32(append(b, code32), uint32(n)) //nolint:gosec // answers are far below 4 GiB
}

// appendNumber appends a JSON number: an integer as the shortest one, any other as a double.
func appendNumber(b []byte, text string) ([]byte, error) {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return appendUint(b, n), nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && text != "-0" {
		return appendNegative(b, n), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return b, fault.New(fault.Unsupported, "the number %s is too large for MessagePack: ask for JSON", text)
	}
	return binary.BigEndian.AppendUint64(append(b, mpDouble), math.Float64bits(f)), nil
}

func appendUint(b []byte, n uint64) []byte {
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n <= math.MaxUint8:
		return append(b, mpUint8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, mpUint16), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, mpUint32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, mpUint64), n)
}

func appendNegative(b []byte, n int64) []byte {
	switch {
	case n >= -32:
		return append(b, byte(int8(n))) //nolint:gosec // just compared
	case n >= math.MinInt8:
		return append(b, mpInt8, byte(int8(n))) //nolint:gosec // just compared
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(b, mpInt16), uint16(int16(n))) //nolint:gosec // just compared
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, mpInt32), uint32(int32(n))) //nolint:gosec // just compared
	}
	return binary.BigEndian.AppendUint64(append(b, mpInt64), uint64(n)) //nolint:gosec // just compared
}
