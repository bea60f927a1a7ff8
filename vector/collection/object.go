package collection

import (
	"bytes"
	"encoding/json"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// Object is a JSON object, compact, as a payload is; "" is none.
type Object string

// IsZero reports whether there is none.
func (o Object) IsZero() bool { return o == "" }

// JSONSchema describes an object for a request's schema.
func (Object) JSONSchema() *jsonschema.Schema { return &jsonschema.Schema{Type: "object"} }

// MarshalJSON writes the object.
func (o Object) MarshalJSON() ([]byte, error) {
	if o == "" {
		return []byte("null"), nil
	}
	return []byte(o), nil
}

// UnmarshalJSON reads an object, and nothing else.
func (o *Object) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		return fault.New(fault.Invalid, "a payload is a JSON object, not %s", clip(string(raw))).With("field", "payload")
	}
	var compact bytes.Buffer
	compact.Grow(len(raw))
	if err := json.Compact(&compact, raw); err != nil {
		return fault.New(fault.Invalid, "the payload is not valid JSON").With("field", "payload")
	}
	*o = Object(compact.String())
	return nil
}

// EncodeMsgpack implements msgpack.CustomEncoder.
func (o Object) EncodeMsgpack(enc *msgpack.Encoder) error {
	if o == "" {
		return enc.EncodeNil()
	}
	return value.Restore(value.JSON, string(o)).EncodeMsgpack(enc)
}

// DecodeMsgpack implements msgpack.CustomDecoder.
func (o *Object) DecodeMsgpack(dec *msgpack.Decoder) error {
	var v value.Value
	if err := v.DecodeMsgpack(dec); err != nil {
		return err
	}
	text, err := v.MarshalJSON()
	if err != nil {
		return err
	}
	return o.UnmarshalJSON(text)
}
