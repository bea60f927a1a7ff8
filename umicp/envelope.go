// Package umicp is the door for federated peers: one JSON envelope at POST /umicp,
// and a description of what can be asked at GET /umicp/discover.
//
// The door owns the envelope and nothing else. Who is calling was settled by the
// HTTP front, what may be called is the command table, and whether it is allowed
// is the dispatcher's to say. It keeps no state between requests, never runs a
// command on its own authority, and knows no command by name.
package umicp

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hivellm/synap-go/core/fault"
)

// Version is the protocol version that is written; Versions are those that are read.
const Version = "1.0"

// Versions returns the protocol versions that are read.
func Versions() []string { return []string{"1", "1.0", "1.1", "2.0"} }

// Limits of an envelope; past them it is refused with Invalid.
const (
	MaxDepth     = 32   // how deep its arrays and objects may nest
	MaxNameBytes = 1024 // of a message id and of a peer id
)

// timeLayout is RFC 3339 in UTC with milliseconds, the one form that every decoder in the field reads.
const timeLayout = "2006-01-02T15:04:05.000Z"

// The operations an envelope can have, as they are written when nobody asked for another case.
const (
	opControl = "control"
	opData    = "data"
)

var ops = []string{opControl, opData, "ack", "error", "request", "response"}

// Envelope is a message between two peers. The order of the fields is the order in which they are written.
type Envelope struct {
	Version      Text                       `json:"v"`
	ID           string                     `json:"msg_id"`
	Time         string                     `json:"ts"` // RFC 3339
	From         string                     `json:"from"`
	To           string                     `json:"to"`
	Op           string                     `json:"op"` // one of six, in the case that its sender chose
	Capabilities map[string]json.RawMessage `json:"capabilities,omitempty"`
	SchemaURI    string                     `json:"schema_uri,omitempty"`
	Accept       []string                   `json:"accept,omitempty"`
	PayloadHint  *PayloadHint               `json:"payload_hint,omitempty"`
	PayloadRefs  []json.RawMessage          `json:"payload_refs,omitempty"`
}

// PayloadHint says what the payload beside an envelope is. Implementations write strings that others do not
// know, so what it says is carried and not judged.
type PayloadHint struct {
	Type     string `json:"type,omitempty"`
	Size     uint64 `json:"size,omitempty"` // bytes
	Encoding string `json:"encoding,omitempty"`
	Count    uint64 `json:"count,omitempty"` // elements
}

// Text is a string that is also read from a JSON number, since a version is written both ways.
type Text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && (data[0] == '-' || (data[0] >= '0' && data[0] <= '9')) {
		*t = Text(data)
		return nil
	}
	return json.Unmarshal(data, (*string)(t))
}

// Decode reads an envelope. It is tolerant of keys it does not know, of the case of op, and of how a version
// and a time are spelt; everything else that is wrong is an Invalid error naming the key.
func Decode(data []byte) (*Envelope, error) {
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return nil, fault.New(fault.Invalid, "the body is empty; an envelope is a JSON object")
	case !utf8.Valid(data):
		return nil, fault.New(fault.Invalid, "the envelope is not UTF-8")
	case data[0] != '{':
		return nil, fault.New(fault.Invalid, "an envelope is a JSON object")
	case tooDeep(data):
		return nil, fault.New(fault.Invalid, "the envelope nests more than %d deep", MaxDepth)
	}
	e := new(Envelope)
	if err := json.Unmarshal(data, e); err != nil {
		return nil, unreadable(err)
	}
	return e, e.validate()
}

// tooDeep is asked before anything recurses into the JSON. It need not be valid.
func tooDeep(data []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// unreadable says in the sender's terms why JSON is not an envelope.
func unreadable(err error) error {
	var wrongType *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &wrongType):
		return invalid(wrongType.Field, "%q is not of the type that an envelope wants: a %s was given", wrongType.Field, wrongType.Value)
	case errors.As(err, &syntax):
		return fault.New(fault.Invalid, "malformed JSON at byte %d: %s", syntax.Offset, syntax.Error())
	}
	return fault.Wrap(fault.Invalid, err, "the envelope cannot be read")
}

func invalid(key, format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).With("key", key)
}

// validate refuses what no peer of the family would send.
func (e *Envelope) validate() error {
	if !slices.Contains(Versions(), string(e.Version)) {
		return invalid("v", "\"v\" is %q; %s are understood", clip(string(e.Version)), strings.Join(Versions(), ", "))
	}
	for _, name := range []struct{ key, text string }{{"msg_id", e.ID}, {"from", e.From}, {"to", e.To}} {
		switch {
		case strings.TrimSpace(name.text) == "":
			return invalid(name.key, "%q is missing or blank", name.key)
		case len(name.text) > MaxNameBytes:
			return invalid(name.key, "%q is %d bytes long; at most %d are allowed", name.key, len(name.text), MaxNameBytes)
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, e.Time); err != nil {
		return invalid("ts", "\"ts\" is %q, not a time like %s", clip(e.Time), timeLayout)
	}
	if !slices.Contains(ops, strings.ToLower(e.Op)) {
		return invalid("op", "\"op\" is %q; it is one of %s", clip(e.Op), strings.Join(ops, ", "))
	}
	for key := range e.Capabilities {
		if strings.TrimSpace(key) == "" {
			return invalid("capabilities", "a capability has a blank name")
		}
	}
	return nil
}

// NewEnvelope returns an envelope of our own, with a fresh id and the current time.
func NewEnvelope(from, to, op string) *Envelope {
	return &Envelope{
		Version: Version, ID: uuid.NewString(), Time: time.Now().UTC().Format(timeLayout), From: from, To: to, Op: op,
		Capabilities: map[string]json.RawMessage{},
	}
}

// broadcast are the spellings of "to whom it may concern": nobody answers from such a name.
var broadcast = []string{"*", "peer", "broadcast"}

// reply returns the envelope that answers e: back to its sender, its id derived from e's, and op in e's case.
func (e *Envelope) reply(prefix, op, self string) *Envelope {
	from := e.To
	if slices.Contains(broadcast, from) {
		from = self
	}
	answer := NewEnvelope(from, e.From, likewise(e.Op, op))
	answer.ID = prefix + e.ID
	answer.set("original_message_id", e.ID)
	return answer
}

// set puts a capability into the envelope. The value is one that always encodes.
func (e *Envelope) set(key string, v any) {
	raw, err := encode(v)
	if err != nil {
		panic("umicp: capability " + key + " does not encode: " + err.Error())
	}
	e.Capabilities[key] = raw
}

// likewise spells op in the case that the other side used.
func likewise(theirs, op string) string {
	switch {
	case theirs == strings.ToLower(theirs):
		return op
	case theirs == strings.ToUpper(theirs):
		return strings.ToUpper(op)
	}
	return strings.ToUpper(op[:1]) + op[1:]
}

// text returns a capability that is a string; ok is false when it is something else, or absent.
func (e *Envelope) text(key string) (s string, ok bool) {
	raw, there := e.Capabilities[key]
	if !there || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, raw[0] == '"'
}

// encode writes JSON as it is, without escaping what only HTML minds.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// clip shortens what a peer sent before it is repeated in an error.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
