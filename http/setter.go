package http

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// setter sets a field from text; of a list it adds one element. Its error is a fault.Error, or says what is
// wanted: "an integer".
type setter func(field reflect.Value, text string) error

// setterOf chooses the setter of a type, and says whether it is a list's.
func setterOf(t reflect.Type) (set setter, list bool) {
	switch t {
	case reflect.TypeFor[value.Value]():
		return func(v reflect.Value, text string) error {
			v.Set(reflect.ValueOf(value.OfText(text)))
			return nil
		}, false
	case reflect.TypeFor[journal.Position]():
		return func(v reflect.Value, text string) error {
			p, err := journal.ParsePosition(text)
			v.Set(reflect.ValueOf(p))
			return err
		}, false
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return func(v reflect.Value, text string) error {
			if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
				return fault.Wrap(fault.Invalid, err, "%s", err)
			}
			return nil
		}, false
	}
	switch t.Kind() {
	case reflect.Pointer:
		inner, list := setterOf(t.Elem())
		return func(v reflect.Value, text string) error {
			if v.IsNil() {
				v.Set(reflect.New(t.Elem()))
			}
			return inner(v.Elem(), text)
		}, list
	case reflect.Slice:
		if inner, nested := setterOf(t.Elem()); !nested && t.Elem().Kind() != reflect.Uint8 {
			return func(v reflect.Value, text string) error {
				e := reflect.New(t.Elem()).Elem()
				err := inner(e, text)
				v.Set(reflect.Append(v, e))
				return err
			}, true
		}
	}
	return scalarSetter(t), false
}

func scalarSetter(t reflect.Type) setter {
	switch t.Kind() {
	case reflect.String:
		return func(v reflect.Value, text string) error {
			if !utf8.ValidString(text) { // as in a body: what is no text would be answered as another one
				return errors.New("text in UTF-8")
			}
			v.SetString(text)
			return nil
		}
	case reflect.Bool:
		return func(v reflect.Value, text string) error {
			b, err := strconv.ParseBool(text)
			v.SetBool(b || text == "") // "?keep_ttl" alone is a yes
			if err != nil && text != "" {
				return errors.New("true or false")
			}
			return nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(v reflect.Value, text string) error {
			n, err := strconv.ParseInt(text, 10, t.Bits())
			v.SetInt(n)
			return want(err, "an integer")
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value, text string) error {
			n, err := strconv.ParseUint(text, 10, t.Bits())
			v.SetUint(n)
			return want(err, "an integer that is not negative")
		}
	case reflect.Float32, reflect.Float64:
		return func(v reflect.Value, text string) error {
			f, err := strconv.ParseFloat(text, t.Bits())
			v.SetFloat(f)
			if f != f || f-f != 0 {
				return errors.New("a finite number")
			}
			return want(err, "a number")
		}
	}
	return func(v reflect.Value, text string) error {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.DisallowUnknownFields()
		return want(dec.Decode(v.Addr().Interface()), "JSON of its kind")
	}
}

func want(err error, what string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, strconv.ErrRange) {
		what += " that is not as large"
	}
	return errors.New(what)
}
