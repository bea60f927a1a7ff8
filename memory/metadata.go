package memory

import (
	"bytes"
	"encoding/json"

	"github.com/hivellm/synap-go/core/fault"
)

// Fields are what a caller says about a memory, or asks of it: any JSON object.
type Fields map[string]any

// UnmarshalJSON keeps numbers as they are written.
func (f *Fields) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec.Decode((*map[string]any)(f))
}

// metadata is the fields of a memory. Memories that say the same share one, so that a filter looks at each once, however many memories there are.
type metadata struct {
	text   string // compact JSON, names in order; never "{}"
	fields map[string]any
	users  int // how many memories have it
}

// metadataBytes is about what one costs besides its JSON; what it was parsed to takes some five times as much as that.
const metadataBytes, metadataFactor = 200, 6

func (m *metadata) size() int64 { return int64(metadataBytes + metadataFactor*len(m.text)) }

// json is the fields as JSON, "" for none.
func (m *metadata) json() string {
	if m == nil {
		return ""
	}
	return m.text
}

// compact makes the JSON that fields are kept as; "" when there are none.
func (f Fields) compact() (string, error) {
	if len(f) == 0 {
		return "", nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]any(f)); err != nil {
		return "", fault.New(fault.Invalid, "the metadata cannot be JSON: %v", err).With("field", "metadata")
	}
	text := string(bytes.TrimSpace(b.Bytes()))
	if len(text) > MaxMetadataBytes {
		return "", fault.New(fault.TooLarge, "the metadata has %d bytes of JSON; at most %d are allowed", len(text), MaxMetadataBytes).
			With("field", "metadata").With("limit", MaxMetadataBytes)
	}
	return text, nil
}

// parseMetadata reads what compact made; nil for "".
func parseMetadata(text string) (*metadata, bool) {
	if text == "" {
		return nil, true
	}
	var f Fields
	if text[0] != '{' || len(text) > MaxMetadataBytes || !json.Valid([]byte(text)) || f.UnmarshalJSON([]byte(text)) != nil || len(f) == 0 {
		return nil, false
	}
	return &metadata{text: text, fields: f}, true
}

// shared returns the metadata that memories share for that JSON, or the one given. s.mu is held, shared at least.
func (s *Memories) shared(m *metadata) *metadata {
	if m == nil {
		return nil
	}
	if known := s.kinds[m.text]; known != nil {
		return known
	}
	return m
}

// keep counts a memory that has the metadata, and drop one that had it.
func (s *Memories) keep(m *metadata) {
	if m == nil {
		return
	}
	if m.users++; m.users == 1 {
		s.kinds[m.text] = m
		s.bytes += m.size()
	}
}

func (s *Memories) drop(m *metadata) {
	if m == nil {
		return
	}
	if m.users--; m.users == 0 {
		delete(s.kinds, m.text)
		s.bytes -= m.size()
	}
}

// merge is the fields with others put over them; one that is null goes.
func (m *metadata) merge(over Fields) Fields {
	merged := Fields{}
	if m != nil {
		for k, v := range m.fields {
			merged[k] = v
		}
	}
	for k, v := range over {
		if v == nil {
			delete(merged, k)
			continue
		}
		merged[k] = v
	}
	return merged
}
