package pack

import (
	"encoding"
	"encoding/binary"
	"math"
	"reflect"
	"strconv"
	"sync"
	"unicode/utf8"
	"unsafe"

	"github.com/hivellm/synap-go/core/value"
)

// decoder fills the value at p from the beginning of b and returns what follows; ok is false when that is not plain.
type decoder func(b []byte, p unsafe.Pointer) (rest []byte, ok bool)

// decoders are those of the types that were seen: reflect.Type -> decoder.
var decoders sync.Map

// maxDepth is how deep a value may nest; what is deeper is not plain.
const maxDepth = 64

// Decode fills the struct that into points at from exactly one MessagePack map. False means that something in it is
// not plain, or wrong: a field that does not exist, a number of another kind, text that is not UTF-8. Then into may
// be half filled, and is to be thrown away. Nothing in it refers to data.
func Decode(data []byte, into any) bool {
	v := reflect.ValueOf(into)
	rest, ok := decoderOf(v.Type().Elem())(data, v.UnsafePointer())
	return ok && len(rest) == 0
}

func decoderOf(t reflect.Type) decoder {
	if known, ok := decoders.Load(t); ok {
		return known.(decoder)
	}
	var made decoder
	var once sync.WaitGroup
	once.Add(1)
	waiting := decoder(func(b []byte, p unsafe.Pointer) ([]byte, bool) {
		once.Wait()
		return made(b, p)
	})
	if known, taken := decoders.LoadOrStore(t, waiting); taken {
		return known.(decoder)
	}
	made = makeDecoder(t)
	once.Done()
	decoders.Store(t, made)
	return made
}

var (
	unmarshaler     = reflect.TypeFor[interface{ UnmarshalJSON([]byte) error }]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func notPlain([]byte, unsafe.Pointer) ([]byte, bool) { return nil, false }

func makeDecoder(t reflect.Type) decoder {
	switch pt := reflect.PointerTo(t); {
	case t == valueType:
		return decodeValue
	case pt.Implements(unmarshaler):
		return notPlain
	case pt.Implements(textUnmarshaler):
		return decodeText(t)
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(b []byte, p unsafe.Pointer) ([]byte, bool) {
			if len(b) == 0 || (b[0] != mpTrue && b[0] != mpFalse) {
				return nil, false
			}
			*(*bool)(p) = b[0] == mpTrue
			return b[1:], true
		}
	case reflect.Int, reflect.Int64:
		return func(b []byte, p unsafe.Pointer) (_ []byte, ok bool) {
			*(*int64)(p), b, ok = ReadInt(b)
			return b, ok
		}
	case reflect.Int32:
		return func(b []byte, p unsafe.Pointer) ([]byte, bool) {
			n, b, ok := ReadInt(b)
			*(*int32)(p) = int32(n) //nolint:gosec // compared below
			return b, ok && n == int64(int32(n))
		}
	case reflect.Uint, reflect.Uint64:
		return func(b []byte, p unsafe.Pointer) (_ []byte, ok bool) {
			*(*uint64)(p), b, ok = ReadUint(b)
			return b, ok
		}
	case reflect.Uint8:
		return func(b []byte, p unsafe.Pointer) ([]byte, bool) {
			n, b, ok := ReadUint(b)
			*(*uint8)(p) = uint8(n) //nolint:gosec // compared below
			return b, ok && n < 256
		}
	case reflect.Float64:
		return func(b []byte, p unsafe.Pointer) (_ []byte, ok bool) {
			*(*float64)(p), b, ok = readFloat(b)
			return b, ok
		}
	case reflect.Float32:
		return func(b []byte, p unsafe.Pointer) ([]byte, bool) {
			f, b, ok := readFloat(b)
			*(*float32)(p) = float32(f)
			return b, ok && math.Abs(f) <= math.MaxFloat32
		}
	case reflect.String:
		return func(b []byte, p unsafe.Pointer) ([]byte, bool) {
			s, b, ok := ReadString(b)
			if !ok || !utf8.Valid(s) {
				return nil, false
			}
			*(*string)(p) = string(s)
			return b, true
		}
	case reflect.Struct:
		return structDecoder(t)
	case reflect.Slice:
		return sliceDecoder(t)
	case reflect.Pointer:
		inner := decoderOf(t.Elem())
		return func(b []byte, p unsafe.Pointer) ([]byte, bool) {
			if len(b) > 0 && b[0] == mpNil {
				return b[1:], true
			}
			v := reflect.New(t.Elem())
			b, ok := inner(b, v.UnsafePointer())
			*(*unsafe.Pointer)(p) = v.UnsafePointer()
			return b, ok
		}
	case reflect.Map:
		return mapDecoder(t)
	}
	return notPlain
}

func decodeText(t reflect.Type) decoder {
	return func(b []byte, p unsafe.Pointer) ([]byte, bool) {
		s, b, ok := ReadString(b)
		return b, ok && reflect.NewAt(t, p).Interface().(encoding.TextUnmarshaler).UnmarshalText(s) == nil
	}
}

func decodeValue(b []byte, p unsafe.Pointer) ([]byte, bool) {
	if s, rest, ok := ReadString(b); ok {
		if !utf8.Valid(s) {
			return nil, false
		}
		*(*value.Value)(p) = value.Restore(value.Text, string(s))
		return rest, true
	}
	if data, rest, ok := readBin(b); ok {
		*(*value.Value)(p) = value.OfBytes(data)
		return rest, true
	}
	rest, ok := Skip(b)
	if !ok {
		return nil, false
	}
	text, ok := ToJSON(nil, b[:len(b)-len(rest)])
	*(*value.Value)(p) = value.Restore(value.JSON, string(text))
	return rest, ok
}

func structDecoder(t reflect.Type) decoder {
	fields, plain := members(t)
	if !plain {
		return notPlain
	}
	type known struct {
		name   string
		offset uintptr
		decode decoder
	}
	all := make([]known, len(fields))
	for i, f := range fields {
		all[i] = known{f.name, f.offset, atMost(f.field, decoderOf(f.field.Type))}
	}
	return func(b []byte, p unsafe.Pointer) ([]byte, bool) {
		n, b, ok := ReadMap(b)
		if !ok || n > len(all) {
			return nil, false
		}
		next := 0 // fields mostly come in order
	fields:
		for range n {
			var name []byte
			if name, b, ok = ReadString(b); !ok {
				return nil, false
			}
			for tried := range all {
				i := next + tried
				if i >= len(all) {
					i -= len(all)
				}
				if all[i].name == string(name) {
					if b, ok = all[i].decode(b, unsafe.Add(p, all[i].offset)); !ok {
						return nil, false
					}
					next = i + 1
					continue fields
				}
			}
			return nil, false
		}
		return b, true
	}
}

// atMost decodes a list that says in its tag how many elements it may have; one with more is not plain. So no memory is made for what is refused
// anyway: an element that says nothing is a byte long.
func atMost(f reflect.StructField, decode decoder) decoder {
	most, err := strconv.Atoi(f.Tag.Get("max"))
	if err != nil || f.Type.Kind() != reflect.Slice {
		return decode
	}
	return func(b []byte, p unsafe.Pointer) ([]byte, bool) {
		if n, _, ok := ReadArray(b); ok && n > most {
			return nil, false
		}
		return decode(b, p)
	}
}

// hinted is for how many entries a map is made at once; for more it grows as they come.
const hinted = 1024

func sliceDecoder(t reflect.Type) decoder {
	if t.Elem().Kind() == reflect.Uint8 {
		return notPlain
	}
	inner, size := decoderOf(t.Elem()), t.Elem().Size()
	return func(b []byte, p unsafe.Pointer) ([]byte, bool) {
		n, b, ok := ReadArray(b)
		if !ok || n > len(b) { // an element is a byte at least
			return nil, false
		}
		s := reflect.MakeSlice(t, n, n)
		data := s.UnsafePointer()
		for i := range n {
			if b, ok = inner(b, unsafe.Add(data, uintptr(i)*size)); !ok { //nolint:gosec // not negative
				return nil, false
			}
		}
		reflect.NewAt(t, p).Elem().Set(s)
		return b, true
	}
}

func mapDecoder(t reflect.Type) decoder {
	if t.Key().Kind() != reflect.String || reflect.PointerTo(t.Key()).Implements(textUnmarshaler) {
		return notPlain
	}
	inner := decoderOf(t.Elem())
	return func(b []byte, p unsafe.Pointer) ([]byte, bool) {
		n, b, ok := ReadMap(b)
		if !ok || n > len(b) {
			return nil, false
		}
		m := reflect.MakeMapWithSize(t, min(n, hinted))
		for range n {
			var key []byte
			if key, b, ok = ReadString(b); !ok || !utf8.Valid(key) {
				return nil, false
			}
			v := reflect.New(t.Elem())
			if b, ok = inner(b, v.UnsafePointer()); !ok {
				return nil, false
			}
			m.SetMapIndex(reflect.ValueOf(string(key)).Convert(t.Key()), v.Elem())
		}
		reflect.NewAt(t, p).Elem().Set(m)
		return b, true
	}
}

// ReadUint reads a number that is not negative, however it is written.
func ReadUint(b []byte) (n uint64, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	switch code := b[0]; {
	case code < 0x80:
		return uint64(code), b[1:], true
	case code == mpUint8 && len(b) >= 2:
		return uint64(b[1]), b[2:], true
	case code == mpUint16 && len(b) >= 3:
		return uint64(binary.BigEndian.Uint16(b[1:])), b[3:], true
	case code == mpUint32 && len(b) >= 5:
		return uint64(binary.BigEndian.Uint32(b[1:])), b[5:], true
	case code == mpUint64 && len(b) >= 9:
		return binary.BigEndian.Uint64(b[1:]), b[9:], true
	}
	if signed, rest, ok := readSigned(b); ok && signed >= 0 {
		return uint64(signed), rest, true
	}
	return 0, nil, false
}

// ReadInt reads a number that fits an int64, however it is written.
func ReadInt(b []byte) (n int64, rest []byte, ok bool) {
	if n, rest, ok := readSigned(b); ok {
		return n, rest, true
	}
	u, rest, ok := ReadUint(b)
	return int64(u), rest, ok && u <= math.MaxInt64 //nolint:gosec // just compared
}

func readSigned(b []byte) (n int64, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	switch code := b[0]; {
	case code >= 0xe0:
		return int64(int8(code)), b[1:], true //nolint:gosec // the encoding of small negatives
	case code == mpInt8 && len(b) >= 2:
		return int64(int8(b[1])), b[2:], true //nolint:gosec // as above
	case code == mpInt16 && len(b) >= 3:
		return int64(int16(binary.BigEndian.Uint16(b[1:]))), b[3:], true //nolint:gosec // as above
	case code == mpInt32 && len(b) >= 5:
		return int64(int32(binary.BigEndian.Uint32(b[1:]))), b[5:], true //nolint:gosec // as above
	case code == mpInt64 && len(b) >= 9:
		return int64(binary.BigEndian.Uint64(b[1:])), b[9:], true //nolint:gosec // as above
	}
	return 0, nil, false
}

// readFloat reads any number that is one.
func readFloat(b []byte) (f float64, rest []byte, ok bool) {
	switch {
	case len(b) >= 9 && b[0] == mpDouble:
		f, rest = math.Float64frombits(binary.BigEndian.Uint64(b[1:])), b[9:]
	case len(b) >= 5 && b[0] == mpFloat:
		f, rest = float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:]))), b[5:]
	default:
		if n, rest, ok := ReadInt(b); ok {
			return float64(n), rest, true
		}
		n, rest, ok := ReadUint(b)
		return float64(n), rest, ok
	}
	return f, rest, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// length reads the head of a value with a length: fixed form, then 8, 16 and 32 bits.
func length(b []byte, fixed, mask, code8, code16, code32 byte) (n int, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	switch code := b[0]; {
	case fixed != 0 && code&^mask == fixed:
		return int(code & mask), b[1:], true
	case code8 != 0 && code == code8 && len(b) >= 2:
		return int(b[1]), b[2:], true
	case code == code16 && len(b) >= 3:
		return int(binary.BigEndian.Uint16(b[1:])), b[3:], true
	case code == code32 && len(b) >= 5:
		return int(binary.BigEndian.Uint32(b[1:])), b[5:], true
	}
	return 0, nil, false
}

// ReadString reads a str, which is a part of b.
func ReadString(b []byte) (s, rest []byte, ok bool) {
	n, rest, ok := length(b, mpFixStr, 0x1f, mpStr8, mpStr16, mpStr32)
	if !ok || n > len(rest) {
		return nil, nil, false
	}
	return rest[:n:n], rest[n:], true
}

func readBin(b []byte) (data, rest []byte, ok bool) {
	n, rest, ok := length(b, 0, 0, mpBin8, mpBin16, mpBin32)
	if !ok || n > len(rest) {
		return nil, nil, false
	}
	return rest[:n:n], rest[n:], true
}

// ReadArray reads the head of an array of n values, which follow.
func ReadArray(b []byte) (n int, rest []byte, ok bool) {
	return length(b, mpFixArray, 0x0f, 0, mpArray16, mpArray32)
}

// ReadMap reads the head of a map of n keys and values, which follow.
func ReadMap(b []byte) (n int, rest []byte, ok bool) {
	return length(b, mpFixMap, 0x0f, 0, mpMap16, mpMap32)
}

// ReadNil reports whether b begins with nil, and returns what follows.
func ReadNil(b []byte) (rest []byte, ok bool) {
	if len(b) == 0 || b[0] != mpNil {
		return b, false
	}
	return b[1:], true
}
