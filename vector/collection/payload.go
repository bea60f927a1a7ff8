package collection

import (
	"strings"

	"github.com/tidwall/gjson"
)

// path is where a field is in a payload: the names on the way to it. On the way arrays are not seen: the field of an
// array of objects is that of each of them, and a field that holds an array has each of its elements.
type path []string

func parsePath(text string) path { return strings.Split(text, ".") }

// each calls visit for every value that the payload has at the path, until it returns false.
func (p path) each(payload string, visit func(gjson.Result) bool) {
	if payload != "" {
		walk(gjson.Parse(payload), p, true, visit)
	}
}

// walk follows the path from a value on; inside reports whether arrays at its end are gone into. It returns false when
// visit did.
func walk(v gjson.Result, p path, inside bool, visit func(gjson.Result) bool) bool {
	if v.IsArray() && (inside || len(p) > 0) {
		more := true
		v.ForEach(func(_, e gjson.Result) bool {
			more = walk(e, p, inside, visit)
			return more
		})
		return more
	}
	if len(p) == 0 {
		return visit(v)
	}
	if !v.IsObject() {
		return true
	}
	more := true
	v.ForEach(func(k, e gjson.Result) bool {
		if k.Str == p[0] {
			more = walk(e, p[1:], inside, visit)
		}
		return more
	})
	return more
}

// place is a point on the earth, in degrees.
type place struct{ lat, lon float64 }

// placeOf reads {"lat":…,"lon":…}; false when it is something else.
func placeOf(v gjson.Result) (at place, ok bool) {
	if !v.IsObject() {
		return at, false
	}
	lat, lon := v.Get("lat"), v.Get("lon")
	at = place{lat.Num, lon.Num}
	return at, lat.Type == gjson.Number && lon.Type == gjson.Number && at.possible()
}

func (at place) possible() bool {
	return at.lat >= -90 && at.lat <= 90 && at.lon >= -180 && at.lon <= 180
}
