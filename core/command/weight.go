package command

import (
	"reflect"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// How much of a request weighs as much as a small request does.
const (
	entriesPerWeight = 4    // of a list or a map: in a batch a call costs a quarter of what it costs alone
	numbersPerWeight = 1024 // of a vector
	answersPerWeight = 100  // that a limit asks for
)

// weights are the fields of a request that make it weigh more: its lists, and how many answers it asks for.
type weights struct {
	own     bool // *Request has a Weight method of its own
	lists   []weighed
	answers []weighed
}

type weighed struct {
	index []int
	per   int
}

// answerFields are the names under which requests say how many answers they want.
var answerFields = map[string]bool{"limit": true, "count": true, "max": true, "k": true, "top_k": true}

func newWeights(t reflect.Type) (w weights) {
	_, w.own = reflect.New(t).Interface().(interface{ Weight() int })
	for _, sf := range reflect.VisibleFields(t) {
		name, _ := jsonName(sf)
		if name == "" {
			continue
		}
		base := sf.Type
		switch base.Kind() {
		case reflect.Slice:
			per := entriesPerWeight
			switch k := base.Elem().Kind(); {
			case k == reflect.Uint8:
				continue
			case k >= reflect.Int && k <= reflect.Float64:
				per = numbersPerWeight
			}
			w.lists = append(w.lists, weighed{sf.Index, per})
		case reflect.Map:
			w.lists = append(w.lists, weighed{sf.Index, entriesPerWeight})
		case reflect.Int, reflect.Int32, reflect.Int64:
			if answerFields[name] {
				w.answers = append(w.answers, weighed{sf.Index, answersPerWeight})
			}
		}
	}
	return w
}

// Weigh is how many requests a call of the command counts for where requests are limited: what it declares, and more for
// long lists and for many answers; what the request itself says, if it has a Weight method; nothing if it only calls
// other commands, which count for themselves.
func (c *Command) Weigh(args any) int64 {
	switch {
	case c.Weight < 0, c.Kind == KindAct && c.Access == auth.None:
		return 0
	case c.weights.own:
		return int64(max(0, args.(interface{ Weight() int }).Weight()))
	}
	weight := max(1, c.Weight)
	if len(c.weights.lists)+len(c.weights.answers) == 0 {
		return int64(weight)
	}
	v := reflect.ValueOf(args).Elem()
	for _, f := range c.weights.lists {
		weight += v.FieldByIndex(f.index).Len() / f.per
	}
	for _, f := range c.weights.answers {
		weight += int(max(0, v.FieldByIndex(f.index).Int())) / f.per
	}
	return int64(weight)
}

// MaxAnswerBytes is about how much one answer may hold. Past it a Read of many things fails with TooLarge: a request of ten kilobytes that names a
// large value a thousand times would else be answered with gigabytes, which a door encodes in memory.
const MaxAnswerBytes = 128 << 20

// fewThings are so many that they are never too much together.
const fewThings = 8

// answerable refuses an answer to a request for many things that holds too much.
func (c *Command) answerable(args, resp any) error {
	if len(c.weights.lists)+len(c.weights.answers) == 0 {
		return nil
	}
	v, things := reflect.ValueOf(args).Elem(), 0
	for _, f := range c.weights.lists {
		things += v.FieldByIndex(f.index).Len()
	}
	for _, f := range c.weights.answers {
		things += int(v.FieldByIndex(f.index).Int())
	}
	if things < fewThings || weigh(resp) <= MaxAnswerBytes {
		return nil
	}
	return fault.New(fault.TooLarge, "the answer would take more than %d bytes: ask for less at once", MaxAnswerBytes).With("limit", MaxAnswerBytes)
}

var valueType = reflect.TypeFor[value.Value]()

// largest returns how long the longest value, text or list of bytes in a request is.
func largest(v reflect.Value) (bytes int) {
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return largest(v.Elem())
		}
	case reflect.Struct:
		if v.Type() == valueType && v.CanInterface() {
			return v.Interface().(value.Value).Len()
		}
		for i := range v.NumField() {
			bytes = max(bytes, largest(v.Field(i)))
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Len()
		}
		for i := range v.Len() {
			bytes = max(bytes, largest(v.Index(i)))
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			bytes = max(bytes, largest(entries.Key()), largest(entries.Value()))
		}
	}
	return bytes
}

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
