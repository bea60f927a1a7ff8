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

// Merge returns the object with the fields of another; one that is null there is taken away. Fields come in the order of
// their names.
func (o Object) Merge(with Object) (Object, error) {
	fields, changes := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for _, from := range []struct {
		o  Object
		to *map[string]json.RawMessage
	}{{o, &fields}, {with, &changes}} {
		if from.o == "" {
			continue
		}
		if err := json.Unmarshal([]byte(from.o), from.to); err != nil {
			return "", fault.New(fault.Invalid, "the payload is not valid JSON").With("field", "payload")
		}
	}
	for name, v := range changes {
		if string(v) == "null" {
			delete(fields, name)
		} else {
			fields[name] = v
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(fields); err != nil {
		return "", err
	}
	return Object(bytes.TrimSpace(b.Bytes())), nil
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
