package command

import "reflect"

// weigh says about how many bytes an answer takes, by looking at its texts and not by encoding it: the strings,
// wherever they are, and a little for everything else.
func weigh(answer any) int { return weighValue(reflect.ValueOf(answer)) }

func weighValue(v reflect.Value) (bytes int) {
	switch v.Kind() {
	case reflect.String:
		return 16 + v.Len()
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			bytes = 8 + weighValue(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			bytes += weighValue(v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return 24 + v.Len()
		}
		for i := range v.Len() {
			bytes += weighValue(v.Index(i))
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			bytes += weighValue(entries.Key()) + weighValue(entries.Value())
		}
	default:
		bytes = 8
	}
	return bytes
}
