package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// MaxDepth is how deep the arrays and objects of a request may nest.
const MaxDepth = 64

// JSON is a Decoder of a request in JSON. It is strict: a field that the request does not have is an error
// that names the nearest one, because a misspelt option that is ignored does harm in silence.
type JSON []byte

// Decode implements Decoder. No bytes at all are an empty request.
func (j JSON) Decode(request any) error {
	data := bytes.TrimSpace(j)
	if len(data) == 0 {
		return nil
	}
	if err := CheckJSON(data); err != nil {
		return err
	}
	if data[0] != '{' {
		if !beginsJSON(data[0]) {
			return fault.New(fault.Invalid, "the request is no JSON: no value begins with %q", firstRune(data))
		}
		return fault.New(fault.Invalid, "the request is a JSON object, not %s", describe(data))
	}
	if err := countJSON(data, request); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(request); err != nil {
		return explain(err, request, data)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "something follows the JSON object")
	}
	return nil
}

// CheckJSON refuses JSON that is not UTF-8 or nests too deep, before anything recurses into it.
func CheckJSON(data []byte) error {
	if !utf8.Valid(data) {
		return fault.New(fault.Invalid, "the JSON is not UTF-8")
	}
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString:
			if c == '\\' {
				i++
			} else if c == '"' {
				inString = false
			}
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return fault.New(fault.Invalid, "the JSON nests more than %d deep", MaxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// describe names the kind of JSON value that data begins with.
func describe(data []byte) string {
	switch data[0] {
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// beginsJSON reports whether a JSON value may begin with the byte.
func beginsJSON(b byte) bool { return strings.IndexByte("{[\"tfn-0123456789", b) >= 0 }

// firstRune is what UTF-8 begins with.
func firstRune(data []byte) string {
	_, n := utf8.DecodeRune(data)
	return string(data[:n])
}

// MsgPack is a Decoder of a request in MessagePack, as strict as JSON. Field names are the JSON ones.
type MsgPack []byte

// Decode implements Decoder. No bytes at all are an empty request.
func (m MsgPack) Decode(request any) error {
	if len(m) == 0 {
		return nil
	}
	if err := value.CheckMsgpack(m, MaxDepth); err != nil {
		return err
	}
	if err := countMsgPack(m, request); err != nil {
		return err
	}
	if !m.object() {
		return m.again(request) // the library would take an array for the fields in their order in Go
	}
	dec := msgpack.NewDecoder(bytes.NewReader(m))
	dec.SetCustomStructTag("json")
	dec.DisallowUnknownFields(true)
	if err := dec.Decode(request); err != nil {
		return m.again(request)
	}
	return nil
}

// object reports whether it is a map, or nil.
func (m MsgPack) object() bool {
	code := m[0]
	return msgpcode.IsFixedMap(code) || code == msgpcode.Map16 || code == msgpcode.Map32 || code == msgpcode.Nil
}

// again decodes what could not be decoded by way of JSON, which knows how to say what is wrong, and accepts
// some that the library does not, such as the number 5.0 for an integer.
func (m MsgPack) again(request any) error {
	var v value.Value
	if err := msgpack.Unmarshal(m, &v); err != nil {
		return explain(err, request, nil)
	}
	text, err := v.MarshalJSON()
	if err != nil {
		return fault.From(err)
	}
	into := reflect.ValueOf(request).Elem()
	into.SetZero() // what the first attempt left behind
	return JSON(text).Decode(request)
}

// explain turns a decoding error into one in the caller's terms; data is the JSON, if it was that.
func explain(err error, request any, data []byte) error {
	var known *fault.Error
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	text := err.Error()
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &syntax):
		return fault.New(fault.Invalid, "malformed JSON at byte %d: %s", syntax.Offset, syntax.Error())
	case errors.As(err, &wrongType):
		field := jsonPath(wrongType.Field, request)
		return fault.New(fault.Invalid, "%q: %s was given, %s is wanted",
			field, withArticle(wrongType.Value), typeName(wrongType.Type)).With("field", field)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault.New(fault.Invalid, "the request ends in the middle")
	case strings.Contains(text, "unknown field"):
		_, name, _ := strings.Cut(text, `"`)
		name, _, _ = strings.Cut(name, `"`)
		return unknownField(name, request, data)
	}
	return fault.Wrap(fault.Invalid, err, "the request cannot be read: %s", clip(strings.TrimPrefix(text, "json: ")))
}

// unknownField names the nearest field, or all of them when none is near, of the object that it stands in.
func unknownField(name string, request any, data []byte) error {
	t := reflect.TypeOf(request)
	if owner := ownerOf(name, data, t); owner != nil {
		t = owner
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var known []string
	if t.Kind() == reflect.Struct {
		for _, sf := range reflect.VisibleFields(t) {
			if field, _ := jsonName(sf); field != "" {
				known = append(known, field)
			}
		}
	}
	err := fault.New(fault.Invalid, "there is no field %q; the fields are %s", clip(name), strings.Join(known, ", "))
	if len(known) == 0 {
		err = fault.New(fault.Invalid, "there is no field %q: none is expected", clip(name))
	}
	if near := nearest(name, known); near != "" {
		err = fault.New(fault.Invalid, "there is no field %q; did you mean %q?", clip(name), near).With("nearest", near)
	}
	return err.With("field", clip(name))
}

// jsonPath drops the embedded Go structs from a field's path, which no caller has heard of.
func jsonPath(path string, request any) string {
	embedded := map[string]bool{}
	collectEmbedded(reflect.TypeOf(request), embedded)
	parts := slices.DeleteFunc(strings.Split(path, "."), func(part string) bool { return embedded[part] })
	return strings.Join(parts, ".")
}

// collectEmbedded adds the names of all structs that are embedded in t, at any depth.
func collectEmbedded(t reflect.Type, names map[string]bool) {
	seen := map[reflect.Type]bool{}
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Anonymous {
				names[f.Name] = true
			}
			visit(f.Type)
		}
	}
	visit(t)
}

func withArticle(kind string) string {
	switch kind {
	case "string", "number", "bool":
		return "a " + kind
	case "array", "object":
		return "an " + kind
	}
	return kind // "number 3.5"
}

// typeName says in JSON's terms what a field wants.
func typeName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "an integer"
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return "a smaller integer"
	case reflect.Uint, reflect.Uint64:
		return "an integer that is not negative"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	}
	return "an object"
}
