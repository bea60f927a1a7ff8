package mcp

import (
	"bytes"
	"encoding/json"
	"slices"
)

// JSON as nearly every client writes it, read without making anything of it, and written as encoding/json would. What is not written
// plainly is not understood here, and left to encoding/json.

// maxQuickDigits is how long an integer may be that comes out of a float as it went in.
const maxQuickDigits = 15

// Numbers of at most so many digits, and so many in the exponent, are below 1e300.
const (
	maxPlainDigits    = 200
	maxExponentDigits = 2
)

// once sets a member that was not there before.
func once(member *[]byte, v []byte) bool {
	if *member != nil {
		return false
	}
	*member = v
	return true
}

// plainID reports whether an id is written in the one way in which it is answered.
func plainID(id []byte) bool {
	if len(id) == 0 {
		return false
	}
	if id[0] == '"' {
		return isPlain(id[1:len(id)-1], true)
	}
	digits := bytes.TrimPrefix(id, []byte("-"))
	if len(digits) == 0 || len(digits) > maxQuickDigits || digits[0] == '0' && len(id) > 1 {
		return false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// isPlain reports whether text stands in JSON for itself; with ids, in whichever way JSON is written.
func isPlain(text []byte, safe bool) bool {
	for _, c := range text {
		if c < ' ' || c >= 0x7f || c == '\\' || c == '"' || safe && (c == '<' || c == '>' || c == '&') {
			return false
		}
	}
	return true
}

// eachPlainMember calls f with the name and value of each member of an object in valid JSON until it returns false. It reports
// whether it went through all of them; it does not where raw is no object, and where a name has escapes.
func eachPlainMember(raw []byte, f func(name, v []byte) bool) bool {
	i := skipSpace(raw, 0)
	if i >= len(raw) || raw[i] != '{' {
		return false
	}
	for i = skipSpace(raw, i+1); raw[i] != '}'; i = skipSpace(raw, i) {
		if raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
		end := skipValue(raw, i)
		name := raw[i+1 : end-1]
		i = skipSpace(raw, skipSpace(raw, end)+1) // over the colon
		end = skipValue(raw, i)
		if !isPlain(name, false) || !f(name, raw[i:end:end]) {
			return false
		}
		i = end
	}
	return true
}

func skipSpace(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\t' || raw[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns where the value ends that begins at i, in valid JSON.
func skipValue(raw []byte, i int) int {
	switch raw[i] {
	case '"':
		return skipString(raw, i)
	case '{', '[':
		for depth := 0; ; {
			switch raw[i] {
			case '"':
				i = skipString(raw, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for i < len(raw) && !slices.Contains([]byte(",]} \n\t\r"), raw[i]) {
		i++
	}
	return i
}

func skipString(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// areFloats reports whether the numbers in valid JSON are plainly such that a float holds them: mcp-go refuses others.
func areFloats(raw []byte) bool {
	digits := 0 // of a run of them: in a row of so few, with an exponent of so few, none is too large
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '"':
			i, digits = skipString(raw, i), 0
			continue
		case c >= '0' && c <= '9':
			if digits++; digits > maxPlainDigits {
				return false
			}
		case c == 'e' || c == 'E':
			if digits == 0 { // of true or false
				break
			}
			digits = maxPlainDigits - maxExponentDigits
		case c == '+' || c == '-' || c == '.':
		default:
			digits = 0
		}
		i++
	}
	return true
}

// appendText appends JSON as a JSON string, with the escapes of encoding/json.
func appendText(out []byte, text json.RawMessage) []byte {
	begin := len(out)
	out = append(out, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ' || c >= 0x7f || isMarkup(c): // rare: encoding/json knows how
			quoted, err := json.Marshal(string(text))
			if err != nil {
				return append(out[:begin], `""`...) // strings always encode
			}
			return append(out[:begin], quoted...)
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

// appendSafe appends compact JSON with the escapes of encoding/json.
func appendSafe(out []byte, text json.RawMessage) []byte {
	for _, c := range text {
		if c >= 0x7f || isMarkup(c) {
			safe := bytes.NewBuffer(out)
			json.HTMLEscape(safe, text)
			return safe.Bytes()
		}
	}
	return append(out, text...)
}

func isMarkup(c byte) bool { return c == '<' || c == '>' || c == '&' }
