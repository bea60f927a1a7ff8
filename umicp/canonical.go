package umicp

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/hivellm/synap-go/core/fault"
)

// Hash returns the hexadecimal SHA-256 of the envelope's canonical form.
func (e *Envelope) Hash() (string, error) {
	text, err := encode(e)
	if err != nil {
		return "", err
	}
	canonical, err := Canonical(text)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// Canonical returns the one form that all spellings of the same JSON have (RFC 8785): no white space, members
// sorted by the UTF-16 units of their names, strings escaped no more than they must be, and numbers written as
// ECMAScript writes a double. JSON that has no such form, because of a member given twice or a number that no
// double holds, is an Invalid error.
func Canonical(data []byte) ([]byte, error) {
	if tooDeep(data) {
		return nil, fault.New(fault.Invalid, "the JSON nests more than %d deep", MaxDepth)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	out, err := appendCanonical(make([]byte, 0, len(data)), dec)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the JSON has no canonical form: %v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Invalid, "something follows the JSON value")
	}
	return out, nil
}

// appendCanonical appends the next value of dec.
func appendCanonical(b []byte, dec *json.Decoder) ([]byte, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return appendObject(b, dec)
		}
		return appendArray(b, dec)
	case string:
		return appendText(b, t), nil
	case json.Number:
		return appendNumber(b, t)
	case bool:
		if t {
			return append(b, "true"...), nil
		}
		return append(b, "false"...), nil
	}
	return append(b, "null"...), nil
}

func appendArray(b []byte, dec *json.Decoder) ([]byte, error) {
	b = append(b, '[')
	for i := 0; dec.More(); i++ {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendCanonical(b, dec); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return append(b, ']'), err
}

func appendObject(b []byte, dec *json.Decoder) ([]byte, error) {
	type member struct {
		name  string
		units []uint16
		value []byte
	}
	var members []member
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder lets nothing else stand here
		value, err := appendCanonical(nil, dec)
		if err != nil {
			return nil, err
		}
		members = append(members, member{name, utf16.Encode([]rune(name)), value})
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(members, func(x, y member) int { return slices.CompareFunc(x.units, y.units, cmp.Compare[uint16]) })
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			if members[i-1].name == m.name {
				return nil, errors.New("a member is given twice: " + clip(m.name))
			}
			b = append(b, ',')
		}
		b = append(append(appendText(b, m.name), ':'), m.value...)
	}
	return append(b, '}'), nil
}

func appendNumber(b []byte, n json.Number) ([]byte, error) {
	f, err := n.Float64()
	if err != nil || math.IsInf(f, 0) {
		return nil, errors.New("the number " + clip(n.String()) + " is not a double")
	}
	if f == 0 {
		return append(b, '0'), nil // minus zero too
	}
	text, err := json.Marshal(f) // writes a double as ECMAScript does
	return append(b, text...), err
}

// appendText appends a string with the only escapes that the canonical form has.
func appendText(b []byte, s string) []byte {
	const digits, short = "0123456789abcdef", "\b\t\n\f\r\"\\"
	b = append(b, '"')
	for i := range len(s) {
		c := s[i]
		switch at := strings.IndexByte(short, c); {
		case at >= 0:
			b = append(b, '\\', `btnfr"\`[at])
		case c < 0x20:
			b = append(b, `\u00`...)
			b = append(b, digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
