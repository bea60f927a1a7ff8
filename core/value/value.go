// Package value is what a key, a message and an event hold: text, JSON or bytes.
//
// A Value is immutable and comes back as it went in. Its three kinds have one
// representation in each encoding:
//
//	        JSON                        MessagePack    raw body
//	text    a string                    str            text/plain
//	json    any other JSON              map, array, …  application/json
//	bytes   {"$base64":"…"}             bin            any other content type
package value

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/fault"
)

// Kind says how a value is meant. The numbers are permanent.
type Kind uint8

// The kinds; zero is no value at all.
const (
	None  Kind = iota
	Text       // UTF-8
	JSON       // valid JSON that is not a string, compact
	Bytes      // anything
)

// String returns "none", "text", "json" or "bytes".
func (k Kind) String() string {
	if k > Bytes {
		return "unknown"
	}
	return [...]string{"none", "text", "json", "bytes"}[k]
}

// Value is data with its kind. The zero Value is no value. Values compare with ==.
type Value struct {
	kind Kind
	data string
}

// OfText returns a text value; text that is not UTF-8 becomes bytes, so that it survives.
func OfText(s string) Value {
	if !utf8.ValidString(s) {
		return Value{Bytes, s}
	}
	return Value{Text, s}
}

// OfBytes returns a bytes value.
func OfBytes(b []byte) Value { return Value{Bytes, string(b)} }

// OfJSON returns the value of a JSON text: a text value for a string, bytes for {"$base64":"…"}, else JSON.
func OfJSON(raw []byte) (Value, error) {
	var v Value
	if !json.Valid(raw) {
		return v, fault.New(fault.Invalid, "the value is not valid JSON")
	}
	err := v.UnmarshalJSON(raw)
	return v, err
}

// Restore returns the value that kind and data were taken from, for code that keeps the two apart.
func Restore(kind Kind, data string) Value { return Value{kind, data} }

// Kind says how the value is meant.
func (v Value) Kind() Kind { return v.kind }

// Data is the value's bytes: the text, the compact JSON, or the bytes themselves.
func (v Value) Data() string { return v.data }

// Len is the number of bytes of Data.
func (v Value) Len() int { return len(v.data) }

// IsZero reports whether this is no value at all. The empty text is a value.
func (v Value) IsZero() bool { return v.kind == None }

// ContentType is the media type of Data.
func (v Value) ContentType() string {
	switch v.kind {
	case Text:
		return "text/plain; charset=utf-8"
	case JSON:
		return "application/json"
	default:
		return "application/octet-stream"
	}
}

// FromBody returns the value that a raw body of a media type stands for. No type at all is text where it can be.
func FromBody(contentType string, body []byte) (Value, error) {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "":
		return OfText(string(body)), nil
	case err != nil:
		return Value{}, fault.New(fault.Unsupported, "content type %q cannot be read", contentType)
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		if !json.Valid(body) || !utf8.Valid(body) { // in strings the first takes any bytes, and so would stored JSON
			return Value{}, fault.New(fault.Invalid, "the body is not valid JSON in UTF-8, as its content type says")
		}
		var v Value
		err := v.UnmarshalJSON(body)
		return v, err
	case media == "text/plain", media == "application/x-www-form-urlencoded":
		// The second is what curl -d sends when it is told nothing.
		if !utf8.Valid(body) {
			return Value{}, fault.New(fault.Invalid, "the body is not UTF-8, as its content type says")
		}
		return OfText(string(body)), nil
	}
	return OfBytes(body), nil
}

// bytesKey marks an object that stands for bytes.
const bytesKey = "$base64"

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case None:
		return []byte("null"), nil
	case Text:
		return appendString(nil, v.data), nil
	case JSON:
		return []byte(v.data), nil
	}
	b := make([]byte, 0, len(`{"":""}`)+len(bytesKey)+2+base64.StdEncoding.EncodedLen(len(v.data)))
	b = append(b, `{"`+bytesKey+`":"`...)
	b = base64.StdEncoding.AppendEncode(b, []byte(v.data))
	return append(b, `"}`...), nil
}

// appendString appends s as a JSON string without escaping what only HTML minds.
func appendString(b []byte, s string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}

// UnmarshalJSON implements json.Unmarshaler; raw is valid JSON.
func (v *Value) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '"' {
		v.kind = Text
		return json.Unmarshal(raw, &v.data)
	}
	if len(raw) > 0 && raw[0] == '{' && bytes.Contains(raw, []byte(bytesKey)) {
		if b, ok, err := decodeBytes(raw); ok || err != nil {
			*v = OfBytes(b)
			return err
		}
	}
	var compact bytes.Buffer
	compact.Grow(len(raw))
	if err := json.Compact(&compact, raw); err != nil {
		return fault.New(fault.Invalid, "the value is not valid JSON")
	}
	*v = Value{JSON, compact.String()}
	return nil
}

// decodeBytes reads {"$base64":"…"}; ok is false for any other object, which is just JSON.
func decodeBytes(raw []byte) (b []byte, ok bool, err error) {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || len(object) != 1 {
		return nil, false, nil
	}
	var text string
	if json.Unmarshal(object[bytesKey], &text) != nil {
		return nil, false, nil
	}
	b, err = base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, true, fault.New(fault.Invalid, "the value's %s is not standard base64", bytesKey)
	}
	return b, true, nil
}
