package dialect

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
)

// fields are those of a payload. Of an optional one, a value of the wrong type is as good as none: so the first server was, and SDKs send null for
// what was not given.
type fields map[string]json.RawMessage

// has reports whether the field is there and not null.
func (f fields) has(name string) bool {
	return len(f[name]) > 0 && !bytes.Equal(f[name], []byte("null"))
}

// text returns the first of the fields that is a string.
func (f fields) text(names ...string) (string, bool) {
	for _, name := range names {
		var s string
		if f.has(name) && json.Unmarshal(f[name], &s) == nil {
			return s, true
		}
	}
	return "", false
}

// need is text of a field that has to be there. The first of the names is the one that is asked for.
func (f fields) need(names ...string) (string, error) {
	s, ok := f.text(names...)
	if !ok {
		return "", missing(names[0])
	}
	return s, nil
}

func missing(name string) error { return invalid("Missing '%s' field", name) }

// number returns the first of the fields that is a whole number.
func (f fields) number(names ...string) (int64, bool) {
	for _, name := range names {
		if !f.has(name) {
			continue
		}
		text := string(f[name])
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, true
		}
		// Some languages write every number as a float.
		if x, err := strconv.ParseFloat(text, 64); err == nil && x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			return int64(x), true
		}
	}
	return 0, false
}

// size is number of what cannot be negative; 0 is as good as absent.
func (f fields) size(names ...string) int64 {
	n, _ := f.number(names...)
	return max(n, 0)
}

// truth returns the field if it is a bool, else what is given.
func (f fields) truth(name string, otherwise bool) bool {
	var b bool
	if f.has(name) && json.Unmarshal(f[name], &b) == nil {
		return b
	}
	return otherwise
}

// texts returns the field's list of strings.
func (f fields) texts(name string) ([]string, error) {
	if !f.has(name) {
		return nil, missing(name)
	}
	list := []string{}
	if err := json.Unmarshal(f[name], &list); err != nil {
		return nil, invalid("'%s' must be an array of strings", name)
	}
	return list, nil
}

// within returns the fields of an object that is a field; none if it is none.
func (f fields) within(name string) fields {
	var inner fields
	_ = json.Unmarshal(f[name], &inner) //nolint:errcheck // leniency, as above
	return inner
}

// strings returns the field's object with all its values as text: headers, in which nothing else is kept.
func (f fields) strings(name string) map[string]string {
	all := map[string]string{}
	for key, raw := range f.within(name) {
		all[key] = text(raw)
	}
	return all
}

// value returns the field as the value to be stored: a string as text, everything else as JSON.
func (f fields) value(name string) (json.RawMessage, error) {
	if len(f[name]) == 0 {
		return nil, missing(name)
	}
	return stored(f[name]), nil
}

// stored is how a value is stored. An object that stands for bytes in a native call would become these, and is stored as its text.
func stored(raw json.RawMessage) json.RawMessage {
	if _, binary := bytesOf(raw); binary {
		return quoted(string(raw))
	}
	return raw
}

// bytesOf returns the bytes that a native value is, if it is some.
func bytesOf(raw json.RawMessage) (data []byte, ok bool) {
	var in struct {
		Base64 *[]byte `json:"$base64"`
	}
	if len(raw) == 0 || raw[0] != '{' || !bytes.Contains(raw, []byte(`$base64`)) || json.Unmarshal(raw, &in) != nil || in.Base64 == nil {
		return nil, false
	}
	return *in.Base64, true
}

// content is what a native value holds: a text's own bytes, JSON's text.
func content(raw json.RawMessage) []byte {
	if data, binary := bytesOf(raw); binary {
		return data
	}
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return []byte(s)
	}
	return raw
}

// text is content as a string.
func text(raw json.RawMessage) string { return string(content(raw)) }

// shown is what a client is shown that asked for a string.
func shown(raw json.RawMessage) string {
	b := content(raw)
	if !utf8.Valid(b) {
		return "<binary data: " + strconv.Itoa(len(b)) + " bytes>"
	}
	return string(b)
}

// parsed is what a client is given that asked for values: JSON as itself, other text as a string.
func parsed(raw json.RawMessage) any {
	b := content(raw)
	switch {
	case json.Valid(b):
		return json.RawMessage(b)
	case utf8.Valid(b):
		return string(b)
	}
	return nil
}

// octets is how messages and events go over the wire: an array of the numbers of their bytes.
func octets(raw json.RawMessage) []int {
	b := content(raw)
	list := make([]int, len(b))
	for i, x := range b {
		list[i] = int(x)
	}
	return list
}

// message returns the field as a native value: an array of bytes as what these are, everything else as itself.
func (f fields) message(name string) (json.RawMessage, error) {
	if !f.has(name) {
		return nil, missing(name)
	}
	raw := f[name]
	var list []uint8
	var numbers []int
	if raw[0] != '[' || json.Unmarshal(raw, &numbers) != nil {
		return stored(raw), nil
	}
	for _, n := range numbers {
		if n < 0 || n > math.MaxUint8 {
			return nil, invalid("Invalid payload: %d is not a byte", n)
		}
		list = append(list, uint8(n)) //nolint:gosec // it was looked at
	}
	if utf8.Valid(list) {
		return quoted(string(list)), nil
	}
	return encoded(map[string]any{"$base64": list}), nil
}

// quoted is a string as JSON.
func quoted(s string) json.RawMessage { return encoded(s) }

// encoded is JSON of what always is some.
func encoded(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // strings, bytes and maps of them
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
