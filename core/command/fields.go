package command

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// fields is what the struct tags of a request promise about its fields. The same tags make the schema, so
// the two cannot disagree:
//
//	json      the name; without omitempty or omitzero a string, list, map, pointer or value must be given
//	min, max  of a number its range, of a string its bytes, of a list its length
//	enum      the allowed strings, separated by commas
//	default   what a zero field becomes
//
// A pointer is followed: nil is absent, and what it points at is checked.
type fields struct {
	all     []string // every JSON name, in order of declaration
	byName  map[string]reflect.StructField
	checked []field
}

type field struct {
	name     string
	index    []int
	required bool
	list     bool // it, or what it points at, is a list
	min, max float64
	hasMin   bool
	hasMax   bool
	enum     []string
	preset   reflect.Value // of the field's type; invalid when there is none

	offset uintptr                   // in the request
	fine   func(unsafe.Pointer) bool // tells quickly of most that nothing is wrong with it; nil for who cannot be asked
}

// jsonName returns the name that a field has in JSON and whether it may be absent; "" when it has none.
func jsonName(f reflect.StructField) (name string, optional bool) {
	tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	if tag == "-" || !f.IsExported() || (f.Anonymous && tag == "") {
		return "", false
	}
	if tag == "" {
		tag = f.Name
	}
	return tag, strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
}

// madeFields are those that were made, by the type, as schemas are.
var madeFields sync.Map

// fieldsOf reads the tags of a struct type; a tag that makes no sense is an error. What it returns is shared.
func fieldsOf(t reflect.Type) (*fields, error) {
	if fs, ok := madeFields.Load(t); ok {
		return fs.(*fields), nil
	}
	fs, err := newFields(t)
	if err != nil {
		return nil, err
	}
	first, _ := madeFields.LoadOrStore(t, fs)
	return first.(*fields), nil
}

func newFields(t reflect.Type) (*fields, error) {
	fs := &fields{byName: map[string]reflect.StructField{}}
	for _, sf := range reflect.VisibleFields(t) {
		name, optional := jsonName(sf)
		if name == "" {
			continue
		}
		fs.all = append(fs.all, name)
		fs.byName[name] = sf
		f, err := newField(name, sf, !optional)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, sf.Name, err)
		}
		for i, at := 0, t; i < len(sf.Index); i++ {
			part := at.Field(sf.Index[i])
			f.offset, at = f.offset+part.Offset, part.Type // embedded structs are never behind pointers
		}
		if f.required || f.hasMin || f.hasMax || f.enum != nil || f.preset.IsValid() {
			fs.checked = append(fs.checked, f)
		}
	}
	return fs, nil
}

func newField(name string, sf reflect.StructField, mustHave bool) (f field, err error) {
	f = field{name: name, index: sf.Index}
	base := sf.Type
	if base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	f.list = base.Kind() == reflect.Slice
	if mustHave {
		switch sf.Type.Kind() {
		case reflect.String, reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
			f.required = true
		case reflect.Struct:
			_, f.required = reflect.New(sf.Type).Elem().Interface().(interface{ IsZero() bool })
		}
	}
	if f.min, f.hasMin, err = number(sf.Tag, "min"); err != nil {
		return f, err
	}
	if f.max, f.hasMax, err = number(sf.Tag, "max"); err != nil {
		return f, err
	}
	if enum := sf.Tag.Get("enum"); enum != "" {
		if base.Kind() != reflect.String {
			return f, fmt.Errorf("an enum needs a string, not %s", base)
		}
		f.enum = strings.Split(enum, ",")
	}
	if preset := sf.Tag.Get("default"); preset != "" {
		f.preset, err = parse(sf.Type, preset)
	}
	f.fine = f.shortcut(sf.Type)
	return f, err
}

// shortcut returns what tells of most values of the field, without reflection, that check would have nothing to say.
func (f *field) shortcut(t reflect.Type) func(unsafe.Pointer) bool {
	switch {
	case f.preset.IsValid():
		return nil
	case !f.required: // nothing is asked of it while it is zero, which is absent
		return zero(t)
	case f.hasMin || f.hasMax || f.enum != nil:
		return nil
	case t.Kind() == reflect.String: // nothing but that it is there
		return func(p unsafe.Pointer) bool { return *(*string)(p) != "" }
	case t == reflect.TypeFor[value.Value]():
		return func(p unsafe.Pointer) bool { return !(*value.Value)(p).IsZero() }
	}
	return nil
}

// zero returns what tells of a value of the type whether it is zero; nil for types that are seldom seen.
func zero(t reflect.Type) func(unsafe.Pointer) bool {
	switch t.Kind() {
	case reflect.Int, reflect.Uint, reflect.Pointer, reflect.Map:
		return func(p unsafe.Pointer) bool { return *(*uintptr)(p) == 0 }
	case reflect.Int64, reflect.Uint64, reflect.Float64:
		return func(p unsafe.Pointer) bool { return *(*uint64)(p) == 0 }
	case reflect.Int32, reflect.Uint32, reflect.Float32:
		return func(p unsafe.Pointer) bool { return *(*uint32)(p) == 0 }
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		return func(p unsafe.Pointer) bool { return *(*uint8)(p) == 0 }
	case reflect.String:
		return func(p unsafe.Pointer) bool { return *(*string)(p) == "" }
	case reflect.Slice:
		return func(p unsafe.Pointer) bool { return *(*[]struct{})(p) == nil }
	}
	return nil
}

func number(tag reflect.StructTag, key string) (float64, bool, error) {
	text, ok := tag.Lookup(key)
	if !ok {
		return 0, false, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, true, err
}

// parse reads a tag's text as a value of the type.
func parse(t reflect.Type, text string) (reflect.Value, error) {
	v := reflect.New(t).Elem()
	switch {
	case t.Kind() == reflect.String:
		v.SetString(text)
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, t.Bits())
		v.SetInt(n)
		return v, err
	case v.CanUint():
		n, err := strconv.ParseUint(text, 10, t.Bits())
		v.SetUint(n)
		return v, err
	case v.CanFloat():
		n, err := strconv.ParseFloat(text, t.Bits())
		v.SetFloat(n)
		return v, err
	default:
		return v, fmt.Errorf("a default needs a string or a number, not %s", t)
	}
	return v, nil
}

// check fills defaults into the request that req points at and refuses what its tags forbid.
func (fs *fields) check(req any) error {
	if len(fs.checked) == 0 {
		return nil
	}
	v := reflect.ValueOf(req)
	for i := range fs.checked {
		f := &fs.checked[i]
		if f.fine != nil && f.fine(unsafe.Add(v.UnsafePointer(), f.offset)) {
			continue
		}
		if err := f.check(v.Elem().FieldByIndex(f.index)); err != nil {
			return err
		}
	}
	return nil
}

func (f *field) check(v reflect.Value) error {
	if f.preset.IsValid() && v.IsZero() {
		v.Set(f.preset)
		return nil
	}
	pointed := v.Kind() == reflect.Pointer
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return f.absent()
		}
		v = v.Elem()
	case reflect.String, reflect.Slice, reflect.Map:
		if v.Len() == 0 {
			return f.absent()
		}
	case reflect.Struct, reflect.Interface:
		if f.required && v.IsZero() {
			return f.absent()
		}
		return nil
	}
	if f.enum != nil && !slices.Contains(f.enum, v.String()) {
		return f.wrong("%q is not allowed for it: it is one of %s", v.String(), strings.Join(f.enum, ", "))
	}
	if f.hasMin || f.hasMax {
		return f.checkRange(v, pointed)
	}
	return nil
}

func (f *field) absent() error {
	if !f.required {
		return nil
	}
	return fault.New(fault.Invalid, "%q is required", f.name).With("field", f.name)
}

// checkRange refuses a number, a length or a count out of range. A zero that was not pointed at is absent.
func (f *field) checkRange(v reflect.Value, pointed bool) error {
	var n float64
	what := ""
	switch {
	case v.CanInt():
		n = float64(v.Int())
	case v.CanUint():
		n = float64(v.Uint())
	case v.CanFloat():
		n = v.Float()
	case v.Kind() == reflect.String:
		n, what = float64(v.Len()), " bytes"
	default:
		n, what = float64(v.Len()), " entries"
	}
	// Written so that NaN fails too.
	if (!f.hasMin || n >= f.min) && (!f.hasMax || n <= f.max) {
		return nil
	}
	if what == "" && n == 0 && !f.required && !pointed {
		return nil // absent
	}
	return f.outside(n, what)
}

// outside says that a number, or so many bytes or entries, are not in the range.
func (f *field) outside(n float64, what string) error {
	seen := strconv.FormatFloat(n, 'f', -1, 64)
	least, most := strconv.FormatFloat(f.min, 'f', -1, 64), strconv.FormatFloat(f.max, 'f', -1, 64)
	switch {
	case f.hasMin && f.hasMax:
		return f.wrong("%s%s is not allowed for it: it is between %s and %s%s", seen, what, least, most, what)
	case f.hasMin:
		return f.wrong("%s%s is not allowed for it: it is at least %s%s", seen, what, least, what)
	}
	return f.wrong("%s%s is not allowed for it: it is at most %s%s", seen, what, most, what)
}

func (f *field) wrong(format string, args ...any) error {
	code := fault.Invalid
	if f.hasMax && f.enum == nil {
		code = fault.OutOfRange
	}
	return fault.New(code, "%q: %s", f.name, fmt.Sprintf(format, args...)).With("field", f.name)
}
