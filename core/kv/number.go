package kv

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// number is an integer of 64 bits or a float: what a counter holds.
type number struct {
	integer int64
	float   float64
	isFloat bool
}

// parseNumber reads a number out of text or JSON. what says whose number it is.
func parseNumber(v value.Value, what string) (number, error) {
	text := v.Data()
	wrong := fault.New(fault.Invalid, "%s is %s that is not a number", what, kindName(v.Kind()))
	if v.Kind() == value.Bytes || !json.Valid([]byte(text)) || strings.Trim(text, "+-.0123456789eE") != "" {
		return number{}, wrong
	}
	if !strings.ContainsAny(text, ".eE") {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return number{}, fault.New(fault.OutOfRange, "%s, %s, is not an integer of 64 bits", what, clip(text))
		}
		return number{integer: n}, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return number{}, fault.New(fault.OutOfRange, "%s, %s, is not a number of 64 bits", what, clip(text))
	}
	return number{float: f, isFloat: true}, nil
}

func kindName(k value.Kind) string {
	if k == value.JSON {
		return "JSON"
	}
	return k.String()
}

// plus adds two numbers: integers exactly, anything else as floats.
func (n number) plus(by number) (number, error) {
	if n.isFloat || by.isFloat {
		sum := n.asFloat() + by.asFloat()
		if math.IsInf(sum, 0) {
			return n, n.overflow(by, "a float")
		}
		return number{float: sum + 0, isFloat: true}, nil
	}
	sum := n.integer + by.integer
	if (sum > n.integer) != (by.integer > 0) && by.integer != 0 {
		return n, n.overflow(by, "an integer")
	}
	return number{integer: sum}, nil
}

func (n number) overflow(by number, kind string) error {
	return fault.New(fault.OutOfRange, "%s plus %s does not fit %s of 64 bits", n, by, kind).With("value", n.any())
}

func (n number) asFloat() float64 {
	if n.isFloat {
		return n.float
	}
	return float64(n.integer)
}

func (n number) any() any {
	if n.isFloat {
		return n.float
	}
	return n.integer
}

// String is the number as JSON writes it.
func (n number) String() string {
	if !n.isFloat {
		return strconv.FormatInt(n.integer, 10)
	}
	f := n.float
	if f == 0 {
		f = 0 // never "-0"
	}
	text, err := json.Marshal(f)
	if err != nil {
		return strconv.FormatFloat(f, 'g', -1, 64) // not finite, which plus rules out
	}
	return string(text)
}
