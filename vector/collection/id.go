package collection

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/hivellm/synap-go/core/fault"
)

// MaxIDBytes bounds a point's id when it is a text.
const MaxIDBytes = 256

// ID names a point: a text, or an integer that is not negative. A text that is such an integer in plain decimal is that
// integer, so that an id is the same in JSON, in a path and on a command line. The zero ID is none. IDs compare with ==.
type ID struct {
	text   string // "" for an integer
	number uint64 // one more than the integer; 0 for a text
}

// MaxNumberID is the greatest integer that is an id.
const MaxNumberID = math.MaxInt64

// NumberID returns the ID that is the integer, which is at most MaxNumberID.
func NumberID(n uint64) ID { return ID{number: n + 1} }

// IsZero reports whether this is no id at all.
func (id ID) IsZero() bool { return id == ID{} }

// Number is the integer that the id is; false when it is a text.
func (id ID) Number() (uint64, bool) { return id.number - 1, id.number != 0 }

// TextID returns the ID that the text is: an integer if it looks like one.
func TextID(s string) ID {
	if n, ok := plainInteger(s); ok {
		return NumberID(n)
	}
	return ID{text: s}
}

// plainInteger reads an integer that is written as strconv writes it.
func plainInteger(s string) (uint64, bool) {
	if s == "" || len(s) > 20 || s[0] < '0' || s[0] > '9' || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n <= MaxNumberID
}

// String is the id as a text.
func (id ID) String() string {
	if n, ok := id.Number(); ok {
		return strconv.FormatUint(n, 10)
	}
	return id.text
}

// Compare orders ids: none, then integers by their size, then texts.
func (id ID) Compare(other ID) int {
	switch {
	case id.IsZero() || other.IsZero():
		switch {
		case id == other:
			return 0
		case id.IsZero():
			return -1
		}
		return 1
	case id.number != 0 && other.number != 0:
		return cmp.Compare(id.number, other.number)
	case id.number != 0:
		return -1
	case other.number != 0:
		return 1
	}
	return strings.Compare(id.text, other.text)
}

// Less orders ids as Compare does.
func (id ID) Less(other ID) bool { return id.Compare(other) < 0 }

// Check refuses what cannot be an id.
func (id ID) Check() error {
	switch {
	case id.IsZero():
		return fault.New(fault.Invalid, `"id" is required`).With("field", "id")
	case len(id.text) > MaxIDBytes:
		return fault.New(fault.TooLarge, "the id is %d bytes long; at most %d are allowed", len(id.text), MaxIDBytes).
			With("limit", MaxIDBytes)
	case !utf8.ValidString(id.text):
		return fault.New(fault.Invalid, "an id is UTF-8")
	case strings.IndexFunc(id.text, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0:
		return fault.New(fault.Invalid, "the id %q has control characters", id.text)
	}
	return nil
}

// JSONSchema describes an id for a request's schema.
func (ID) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Types: []string{"string", "integer"}}
}

// MarshalJSON writes an integer or a text.
func (id ID) MarshalJSON() ([]byte, error) {
	if n, ok := id.Number(); ok {
		return strconv.AppendUint(nil, n, 10), nil
	}
	return json.Marshal(id.text)
}

// UnmarshalJSON reads what MarshalJSON writes, and integers in quotes.
func (id *ID) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil && s != "" {
		*id = TextID(s)
		return nil
	}
	n, err := strconv.ParseUint(string(raw), 10, 64)
	if err != nil || n > MaxNumberID {
		return notAnID()
	}
	*id = NumberID(n)
	return nil
}

func notAnID() error {
	return fault.New(fault.Invalid, "an id is a text, or an integer from 0 to 9223372036854775807").With("field", "id")
}

// UnmarshalText reads an id from a path or a query.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return notAnID()
	}
	*id = TextID(string(text))
	return nil
}

// EncodeMsgpack implements msgpack.CustomEncoder.
func (id ID) EncodeMsgpack(enc *msgpack.Encoder) error {
	if n, ok := id.Number(); ok {
		return enc.EncodeUint(n)
	}
	return enc.EncodeString(id.text)
}

// DecodeMsgpack implements msgpack.CustomDecoder.
func (id *ID) DecodeMsgpack(dec *msgpack.Decoder) error {
	code, err := dec.PeekCode()
	if err != nil {
		return err
	}
	if msgpcode.IsString(code) {
		s, err := dec.DecodeString()
		if err != nil || s == "" {
			return notAnID()
		}
		*id = TextID(s)
		return nil
	}
	if code == msgpcode.Uint64 {
		n, err := dec.DecodeUint64()
		if err != nil || n > MaxNumberID {
			return notAnID()
		}
		*id = NumberID(n)
		return nil
	}
	n, err := dec.DecodeInt64()
	if err != nil || n < 0 {
		return notAnID()
	}
	*id = NumberID(uint64(n)) //nolint:gosec // not negative
	return nil
}
