package eval

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

var nan = math.NaN()

// Answer is what a tool or a command answered, or a part of it. A part that is not there is an Answer of nothing.
type Answer struct{ v any }

// Get returns a part: "items.0.value".
func (a Answer) Get(path string) Answer {
	v := a.v
	for _, name := range strings.Split(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(at) {
				return Answer{}
			}
			v = at[i]
		default:
			return Answer{}
		}
	}
	return Answer{v}
}

// Inside is what the JSON in a text says: a stored value that is JSON in a text.
func (a Answer) Inside() Answer { return Answer{inside(a.v)} }

// Is reports whether it is there, and not false, nothing or zero.
func (a Answer) Is() bool {
	text := plain(a.v)
	return (text != "" && text != "false" && text != "0") || len(a.List()) > 0
}

// Text is it as text.
func (a Answer) Text() string {
	if text := plain(a.v); text != "" || a.v == nil || a.v == "" {
		return text
	}
	text, err := json.Marshal(a.v)
	if err != nil {
		return ""
	}
	return string(text)
}

// Int is it as a whole number, or 0.
func (a Answer) Int() int {
	n, err := strconv.Atoi(plain(a.v))
	if err != nil {
		return 0
	}
	return n
}

// List is its entries.
func (a Answer) List() []Answer {
	list, _ := a.v.([]any)
	all := make([]Answer, len(list))
	for i, v := range list {
		all[i] = Answer{v}
	}
	return all
}
