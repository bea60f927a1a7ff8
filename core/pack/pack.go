// Package pack writes and reads MessagePack of typed requests and answers without reflection on the way: what a
// type's JSON says, in the same order and under the same names, so that the two encodings of a value cannot
// disagree. How a type is written and read is worked out once, when it is first seen.
//
// Encoding covers everything that encoding/json does; what is not plain goes by way
// of JSON. Decoding covers only what is plain and right: whenever something is not,
// Decode says so, and its caller decodes once more with a decoder that knows how to
// say what is wrong. The package knows no request and no command.
package pack

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/hivellm/synap-go/core/value"
)

// encoder appends the value at p.
type encoder func(b []byte, p unsafe.Pointer) ([]byte, error)

// encoders are those of the types that were seen: reflect.Type -> encoder.
var encoders sync.Map

var (
	valueType     = reflect.TypeFor[value.Value]()
	numberType    = reflect.TypeFor[json.Number]()
	rawType       = reflect.TypeFor[json.RawMessage]()
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	textAppender  = reflect.TypeFor[encoding.TextAppender]()
)

// Append appends v, which is best a pointer to a struct.
func Append(b []byte, v any) ([]byte, error) {
	rv := reflect.ValueOf(v)
	if !rv.IsValid() {
		return append(b, mpNil), nil
	}
	if rv.Kind() == reflect.Pointer && !rv.IsNil() {
		return encoderOf(rv.Type().Elem())(b, rv.UnsafePointer())
	}
	holder := reflect.New(rv.Type())
	holder.Elem().Set(rv)
	return encoderOf(rv.Type())(b, holder.UnsafePointer())
}

// Codec writes and reads the values of one struct type. Who does so often looks for what knows how just once.
type Codec struct {
	pointer reflect.Type // to the struct
	encode  encoder
	decode  decoder
}

// CodecOf returns the codec of a struct type.
func CodecOf(t reflect.Type) *Codec {
	return &Codec{reflect.PointerTo(t), encoderOf(t), decoderOf(t)}
}

// Append is the function Append, which does for a value of another type.
func (c *Codec) Append(b []byte, v any) ([]byte, error) {
	if rv := reflect.ValueOf(v); rv.IsValid() && rv.Type() == c.pointer && !rv.IsNil() {
		return c.encode(b, rv.UnsafePointer())
	}
	return Append(b, v)
}

// Decode is the function Decode, of a pointer to the struct.
func (c *Codec) Decode(data []byte, into any) bool {
	rv := reflect.ValueOf(into)
	if rv.Type() != c.pointer {
		return Decode(data, into)
	}
	rest, ok := c.decode(data, rv.UnsafePointer())
	return ok && len(rest) == 0
}

// encoderOf returns the type's encoder.
func encoderOf(t reflect.Type) encoder {
	if known, ok := encoders.Load(t); ok {
		return known.(encoder)
	}
	// A type that holds itself finds this one while it is made.
	var made encoder
	var once sync.WaitGroup
	once.Add(1)
	waiting := encoder(func(b []byte, p unsafe.Pointer) ([]byte, error) {
		once.Wait()
		return made(b, p)
	})
	if known, taken := encoders.LoadOrStore(t, waiting); taken {
		return known.(encoder)
	}
	made = makeEncoder(t)
	once.Done()
	encoders.Store(t, made)
	return made
}

func makeEncoder(t reflect.Type) encoder {
	switch {
	case t == valueType:
		return appendValue
	case t == rawType:
		return appendRaw
	case t == numberType:
		return appendJSONNumber
	case t.Implements(marshaler), reflect.PointerTo(t).Implements(marshaler):
		return byJSON(t)
	case t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface && t.Implements(textMarshaler):
		return byText(t)
	case reflect.PointerTo(t).Implements(textMarshaler) && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface:
		return byJSON(t)
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) {
			if *(*bool)(p) {
				return append(b, mpTrue), nil
			}
			return append(b, mpFalse), nil
		}
	case reflect.Int, reflect.Int64:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) { return appendInt(b, *(*int64)(p)), nil }
	case reflect.Int32:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) { return appendInt(b, int64(*(*int32)(p))), nil }
	case reflect.Int16:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) { return appendInt(b, int64(*(*int16)(p))), nil }
	case reflect.Int8:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) { return appendInt(b, int64(*(*int8)(p))), nil }
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) { return appendUint(b, *(*uint64)(p)), nil }
	case reflect.Uint32:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) { return appendUint(b, uint64(*(*uint32)(p))), nil }
	case reflect.Uint16:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) { return appendUint(b, uint64(*(*uint16)(p))), nil }
	case reflect.Uint8:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) { return appendUint(b, uint64(*(*uint8)(p))), nil }
	case reflect.Float64:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) {
			f := *(*float64)(p)
			if math.IsNaN(f) || math.IsInf(f, 0) {
				return b, &json.UnsupportedValueError{Value: reflect.ValueOf(f), Str: "not a number"}
			}
			return binary.BigEndian.AppendUint64(append(b, mpDouble), math.Float64bits(f)), nil
		}
	case reflect.Float32:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) {
			f := *(*float32)(p)
			if f != f || math.IsInf(float64(f), 0) { //nolint:gocritic // how NaN is found
				return b, &json.UnsupportedValueError{Value: reflect.ValueOf(f), Str: "not a number"}
			}
			return binary.BigEndian.AppendUint32(append(b, mpFloat), math.Float32bits(f)), nil
		}
	case reflect.String:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) { return AppendString(b, *(*string)(p)), nil }
	case reflect.Struct:
		return structEncoder(t)
	case reflect.Slice:
		return sliceEncoder(t)
	case reflect.Map:
		return mapEncoder(t)
	case reflect.Pointer:
		inner := encoderOf(t.Elem())
		return func(b []byte, p unsafe.Pointer) ([]byte, error) {
			if p = *(*unsafe.Pointer)(p); p == nil {
				return append(b, mpNil), nil
			}
			return inner(b, p)
		}
	case reflect.Interface:
		return func(b []byte, p unsafe.Pointer) ([]byte, error) {
			v := reflect.NewAt(t, p).Elem()
			if v.IsNil() {
				return append(b, mpNil), nil
			}
			return Append(b, v.Elem().Interface())
		}
	}
	return byJSON(t)
}

// AppendString appends a str.
func AppendString(b []byte, s string) []byte {
	return append(appendHeader(b, len(s), mpFixStr, 32, mpStr8, mpStr16, mpStr32), s...)
}

// AppendBytes appends a bin.
func AppendBytes(b, data []byte) []byte {
	return append(appendHeader(b, len(data), 0, 0, mpBin8, mpBin16, mpBin32), data...)
}

// AppendInt appends a number in the fewest bytes.
func AppendInt(b []byte, n int64) []byte { return appendInt(b, n) }

// AppendUint appends a number in the fewest bytes.
func AppendUint(b []byte, n uint64) []byte { return appendUint(b, n) }

// AppendArray appends the head of an array of n values, which follow.
func AppendArray(b []byte, n int) []byte {
	return appendHeader(b, n, mpFixArray, 16, 0, mpArray16, mpArray32)
}

// AppendMap appends the head of a map of n keys and values, which follow.
func AppendMap(b []byte, n int) []byte { return appendHeader(b, n, mpFixMap, 16, 0, mpMap16, mpMap32) }

// AppendNil appends nil.
func AppendNil(b []byte) []byte { return append(b, mpNil) }

func appendInt(b []byte, n int64) []byte {
	if n >= 0 {
		return appendUint(b, uint64(n))
	}
	return appendNegative(b, n)
}

func appendValue(b []byte, p unsafe.Pointer) ([]byte, error) {
	v := (*value.Value)(p)
	switch data := v.Data(); v.Kind() {
	case value.None:
		return append(b, mpNil), nil
	case value.Text:
		return AppendString(b, data), nil
	case value.Bytes:
		return append(appendHeader(b, len(data), 0, 0, mpBin8, mpBin16, mpBin32), data...), nil
	default:
		b, _, err := FromJSON(b, unsafe.Slice(unsafe.StringData(data), len(data)))
		return b, err
	}
}

// appendRaw makes JSON compact first, which FromJSON wants.
func appendRaw(b []byte, p unsafe.Pointer) ([]byte, error) {
	raw := *(*json.RawMessage)(p)
	if raw == nil {
		return append(b, mpNil), nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return b, err
	}
	b, _, err := FromJSON(b, compact.Bytes())
	return b, err
}

func appendJSONNumber(b []byte, p unsafe.Pointer) ([]byte, error) {
	n := *(*json.Number)(p)
	if n == "" {
		n = "0"
	}
	return appendNumber(b, string(n))
}

func byJSON(t reflect.Type) encoder {
	return func(b []byte, p unsafe.Pointer) ([]byte, error) {
		text, err := json.Marshal(reflect.NewAt(t, p).Interface())
		if err != nil {
			return b, err
		}
		b, _, err = FromJSON(b, text)
		return b, err
	}
}

func byText(t reflect.Type) encoder {
	if t.Kind() == reflect.Uint8 {
		return byWord(t)
	}
	return byAnyText(t)
}

func byAnyText(t reflect.Type) encoder {
	if reflect.PointerTo(t).Implements(textAppender) {
		return func(b []byte, p unsafe.Pointer) ([]byte, error) {
			at := len(b)
			b, err := reflect.NewAt(t, p).Interface().(encoding.TextAppender).AppendText(append(b, mpFixStr))
			n := len(b) - at - 1
			if n >= 32 {
				return AppendString(b[:at], string(b[at+1:])), err
			}
			b[at] |= byte(n) //nolint:gosec // just compared
			return b, err
		}
	}
	return func(b []byte, p unsafe.Pointer) ([]byte, error) {
		text, err := reflect.NewAt(t, p).Interface().(encoding.TextMarshaler).MarshalText()
		return append(appendHeader(b, len(text), mpFixStr, 32, mpStr8, mpStr16, mpStr32), text...), err
	}
}

// byWord is byText for a byte that stands for a word: each is asked for once.
func byWord(t reflect.Type) encoder {
	var words [256]atomic.Pointer[[]byte]
	ask := byAnyText(t)
	return func(b []byte, p unsafe.Pointer) ([]byte, error) {
		known := &words[*(*uint8)(p)]
		if word := known.Load(); word != nil {
			return append(b, *word...), nil
		}
		at := len(b)
		b, err := ask(b, p)
		if err == nil {
			word := append([]byte(nil), b[at:]...)
			known.Store(&word)
		}
		return b, err
	}
}

// member is a field of a struct as JSON has it.
type member struct {
	name   string
	key    []byte // the name, encoded
	offset uintptr
	omit   func(unsafe.Pointer) bool // nil is never
	encode encoder
}

func structEncoder(t reflect.Type) encoder {
	fields, plain := members(t)
	if !plain {
		return byJSON(t)
	}
	all := make([]member, len(fields))
	for i, f := range fields {
		all[i] = member{
			name: f.name, key: AppendString(nil, f.name), offset: f.offset, omit: omission(f.field), encode: encoderOf(f.field.Type),
		}
	}
	return func(b []byte, p unsafe.Pointer) (_ []byte, err error) {
		at := len(b)
		if b = append(b, mpFixMap); len(all) > 15 {
			b = append(b[:at], mpMap16, 0, 0)
		}
		n := 0
		for i := range all {
			m := &all[i]
			field := unsafe.Add(p, m.offset)
			if m.omit != nil && m.omit(field) {
				continue
			}
			b = append(b, m.key...)
			if b, err = m.encode(b, field); err != nil {
				return b, err
			}
			n++
		}
		if len(all) > 15 {
			binary.BigEndian.PutUint16(b[at+1:], uint16(n)) //nolint:gosec // structs are small
		} else {
			b[at] |= byte(n) //nolint:gosec // just compared
		}
		return b, nil
	}
}

// jsonField is a field with the name that JSON knows it by and where it is.
type jsonField struct {
	name   string
	offset uintptr
	field  reflect.StructField
}

// members are the fields of a struct as JSON sees them; plain is false when that is not simple.
func members(t reflect.Type) (all []jsonField, plain bool) {
	depth := map[string]int{}
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" {
			if f.Type.Kind() != reflect.Struct || reflect.PointerTo(f.Type).Implements(marshaler) || reflect.PointerTo(f.Type).Implements(textMarshaler) {
				return nil, false
			}
			continue
		}
		if !f.IsExported() || f.Tag.Get("json") == "-" {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		if strings.Contains(f.Tag.Get("json"), ",string") {
			return nil, false
		}
		if _, twice := depth[tag]; twice {
			return nil, false
		}
		depth[tag] = len(f.Index)
		offset, at := uintptr(0), t
		for _, i := range f.Index {
			sf := at.Field(i)
			offset, at = offset+sf.Offset, sf.Type
		}
		all = append(all, jsonField{tag, offset, f})
	}
	return all, true
}

// omission returns what decides that a field is left out.
func omission(f reflect.StructField) func(unsafe.Pointer) bool {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	empty, zero := strings.Contains(options, "omitempty"), strings.Contains(options, "omitzero")
	t := f.Type
	switch {
	case zero && t == valueType:
		return func(p unsafe.Pointer) bool { return (*value.Value)(p).IsZero() }
	case zero:
		if _, ok := reflect.Zero(t).Interface().(interface{ IsZero() bool }); ok {
			return func(p unsafe.Pointer) bool {
				return reflect.NewAt(t, p).Elem().Interface().(interface{ IsZero() bool }).IsZero()
			}
		}
		return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().IsZero() }
	case !empty:
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		return func(p unsafe.Pointer) bool { return *(*string)(p) == "" }
	case reflect.Slice:
		return func(p unsafe.Pointer) bool { return (*(*[]struct{})(p)) == nil || len(*(*[]struct{})(p)) == 0 }
	case reflect.Map:
		return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().Len() == 0 }
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64:
		return func(p unsafe.Pointer) bool { return *(*uint64)(p) == 0 }
	case reflect.Bool:
		return func(p unsafe.Pointer) bool { return !*(*bool)(p) }
	case reflect.Uint8, reflect.Int8:
		return func(p unsafe.Pointer) bool { return *(*uint8)(p) == 0 }
	case reflect.Struct, reflect.Array:
		return nil // never empty to JSON
	}
	return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().IsZero() }
}

func sliceEncoder(t reflect.Type) encoder {
	if t.Elem().Kind() == reflect.Uint8 {
		return byJSON(t) // base64 there, and so here
	}
	inner, size := encoderOf(t.Elem()), t.Elem().Size()
	return func(b []byte, p unsafe.Pointer) (_ []byte, err error) {
		s := (*[]byte)(p) // any slice: its data pointer and its length
		if *s == nil {
			return append(b, mpNil), nil
		}
		data := unsafe.Pointer(unsafe.SliceData(*s))
		b = AppendArray(b, len(*s))
		for i := range len(*s) {
			if b, err = inner(b, unsafe.Add(data, uintptr(i)*size)); err != nil {
				return b, err
			}
		}
		return b, nil
	}
}

func mapEncoder(t reflect.Type) encoder {
	if t.Key().Kind() != reflect.String || t.Key().Implements(textMarshaler) {
		return byJSON(t)
	}
	inner := encoderOf(t.Elem())
	return func(b []byte, p unsafe.Pointer) (_ []byte, err error) {
		m := reflect.NewAt(t, p).Elem()
		if m.IsNil() {
			return append(b, mpNil), nil
		}
		b = AppendMap(b, m.Len())
		holder := reflect.New(t.Elem())
		for it := m.MapRange(); it.Next(); {
			b = AppendString(b, it.Key().String())
			holder.Elem().Set(it.Value())
			if b, err = inner(b, holder.UnsafePointer()); err != nil {
				return b, err
			}
		}
		return b, nil
	}
}
