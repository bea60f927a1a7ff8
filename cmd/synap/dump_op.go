package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// showOp returns an op's name and its fields as a JSON object, in the order of their declaration. It needs to know
// nothing of the op: what structures keep to themselves can be looked at, though not changed. Texts that are no UTF-8
// are shown as {"$base64":"…"}.
func showOp(op journal.Op) (name string, fields json.RawMessage) {
	v := reflect.Indirect(reflect.ValueOf(op))
	name = strings.TrimSuffix(v.Type().Name(), "Op")
	return name, appendShown(nil, v)
}

var valueType = reflect.TypeFor[value.Value]()

// appendShown appends anything as JSON.
func appendShown(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.AppendUint(b, v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return strconv.AppendFloat(b, v.Float(), 'g', -1, 64)
	case reflect.String:
		return append(b, showText(v.String())...)
	case reflect.Struct:
		if v.Type() == valueType {
			return append(b, showValue(v)...)
		}
		if v.Type().PkgPath() == "sync/atomic" { // it is what it holds
			return appendShown(b, v.FieldByName("v"))
		}
		return append(appendFields(append(b, '{'), v), '}')
	case reflect.Slice, reflect.Array:
		return appendList(b, v)
	case reflect.Map:
		return appendMap(b, v)
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return appendShown(b, v.Elem())
		}
	}
	return append(b, "null"...)
}

// appendFields appends a struct's fields; those of an embedded one stand among them.
func appendFields(b []byte, v reflect.Value) []byte {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			b = appendFields(b, v.Field(i))
		case f.Name == "_":
		case f.Type.Kind() == reflect.Array && f.Type.Len() == 1: // room for a slice beside it that has just one element
		case v.Field(i).IsZero() && strings.Contains(f.Tag.Get("json"), ",omit"):
		default:
			if b[len(b)-1] != '{' {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), fieldName(f)...), '"', ':')
			b = appendShown(b, v.Field(i))
		}
	}
	return b
}

// fieldName is the field's name in JSON, or its own in that style: publishedAt becomes published_at.
func fieldName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
		return name
	}
	var name strings.Builder
	lower := false
	for _, r := range f.Name {
		if unicode.IsUpper(r) && lower {
			name.WriteByte('_')
		}
		lower = !unicode.IsUpper(r)
		name.WriteRune(unicode.ToLower(r))
	}
	return name.String()
}

func appendList(b []byte, v reflect.Value) []byte {
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendShown(b, v.Index(i))
	}
	return append(b, ']')
}

// appendMap appends a map with texts as keys, in their order.
func appendMap(b []byte, v reflect.Value) []byte {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		name, _ := encodeJSON(k.String()) // a text always encodes
		b = append(append(b, name...), ':')
		b = appendShown(b, v.MapIndex(k))
	}
	return append(b, '}')
}

// showValue is a value.Value as it is written everywhere; its kind and data are its two fields.
func showValue(v reflect.Value) json.RawMessage {
	raw, err := value.Restore(value.Kind(v.Field(0).Uint()), v.Field(1).String()).MarshalJSON() //nolint:gosec // it is one byte
	if err != nil || !json.Valid(raw) {
		return showText(v.Field(1).String())
	}
	return raw
}

// showText is a text, or what is no text as bytes.
func showText(s string) json.RawMessage {
	raw, _ := value.OfText(s).MarshalJSON() // a text and bytes always encode
	return raw
}

// showJSON is JSON that was kept, if it is any.
func showJSON(raw []byte) json.RawMessage {
	if json.Valid(raw) {
		return raw
	}
	return showText(string(raw))
}
