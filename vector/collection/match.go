package collection

import (
	"math"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// subject is what a filter is asked about: a point, or within nested an object of its payload.
type subject struct {
	id      ID
	payload string
}

// predicate is a filter, or a part of one, ready to be asked often. It is immutable.
type predicate func(subject) bool

// compile makes a predicate of a filter that was checked. Of no filter it is nil.
func (f *Filter) compile() predicate {
	if f.IsZero() {
		return nil
	}
	must, should, mustNot := compileAll(f.Must), compileAll(f.Should), compileAll(f.MustNot)
	return func(s subject) bool {
		for _, p := range must {
			if !p(s) {
				return false
			}
		}
		for _, p := range mustNot {
			if p(s) {
				return false
			}
		}
		for _, p := range should {
			if p(s) {
				return true
			}
		}
		return len(should) == 0
	}
}

func compileAll(conditions []Condition) []predicate {
	all := make([]predicate, len(conditions))
	for i := range conditions {
		all[i] = conditions[i].compile()
	}
	return all
}

func (c *Condition) compile() predicate {
	switch {
	case c.IDs != nil:
		ids := make(map[ID]bool, len(c.IDs))
		for _, id := range c.IDs {
			ids[id] = true
		}
		return func(s subject) bool { return ids[s.id] }
	case c.Filter != nil:
		return always(c.Filter.compile())
	case c.Nested != nil:
		return c.nested()
	case c.Exists != nil:
		wanted, has := *c.Exists, c.some(func(v gjson.Result) bool { return v.Type != gjson.Null })
		return func(s subject) bool { return has(s) == wanted }
	}
	return c.some(c.accepts())
}

// always is the predicate, or one that is always so.
func always(p predicate) predicate {
	if p == nil {
		return func(subject) bool { return true }
	}
	return p
}

// some holds when a value of the field is accepted.
func (c *Condition) some(accepts func(gjson.Result) bool) predicate {
	at := parsePath(c.Key)
	return func(s subject) (found bool) {
		at.each(s.payload, func(v gjson.Result) bool {
			found = accepts(v)
			return !found
		})
		return found
	}
}

// nested holds when an object of the field, taken alone, is as the filter says.
func (c *Condition) nested() predicate {
	inner := always(c.Nested.compile())
	at := parsePath(c.Key)
	return func(s subject) (found bool) {
		at.each(s.payload, func(v gjson.Result) bool {
			found = v.IsObject() && inner(subject{s.id, v.Raw})
			return !found
		})
		return found
	}
}

// accepts is what the condition wants of a value.
func (c *Condition) accepts() func(gjson.Result) bool {
	switch {
	case c.Any != nil:
		wanted := make(map[scalar]bool, len(c.Any))
		for _, v := range c.Any {
			if s, ok := scalarOf(v); ok {
				wanted[s] = true
			}
		}
		return func(v gjson.Result) bool {
			s, ok := scalarIn(v)
			return ok && wanted[s]
		}
	case c.Range != nil:
		r := c.Range
		return func(v gjson.Result) bool { return v.Type == gjson.Number && r.contains(v.Num) }
	case c.Prefix != nil:
		prefix := *c.Prefix
		return func(v gjson.Result) bool { return v.Type == gjson.String && strings.HasPrefix(v.Str, prefix) }
	case c.Geo != nil:
		circle := c.Geo
		return func(v gjson.Result) bool {
			at, ok := placeOf(v)
			return ok && circle.contains(at)
		}
	}
	wanted, _ := scalarOf(c.Match)
	return func(v gjson.Result) bool {
		s, ok := scalarIn(v)
		return ok && s == wanted
	}
}

// scalarIn reads a value of a payload; false when it is an object, an array or null.
func scalarIn(v gjson.Result) (scalar, bool) {
	switch v.Type {
	case gjson.String:
		return scalar{kind: 's', text: v.Str}, true
	case gjson.Number:
		return scalar{kind: 'n', number: v.Num}, true
	case gjson.True:
		return scalar{kind: 'b', number: 1}, true
	case gjson.False:
		return scalar{kind: 'b'}, true
	}
	return scalar{}, false
}

func parseNumber(text string) (float64, error) { return strconv.ParseFloat(text, 64) }

func (r *Range) contains(x float64) bool {
	return (r.GT == nil || x > *r.GT) && (r.GTE == nil || x >= *r.GTE) && (r.LT == nil || x < *r.LT) && (r.LTE == nil || x <= *r.LTE)
}

// least is where the range begins, and most where it ends: bounds that may lie just outside.
func (r *Range) least() float64 {
	switch {
	case r.GT != nil:
		return *r.GT
	case r.GTE != nil:
		return *r.GTE
	}
	return math.Inf(-1)
}

func (r *Range) most() float64 {
	switch {
	case r.LT != nil:
		return *r.LT
	case r.LTE != nil:
		return *r.LTE
	}
	return math.Inf(1)
}

// earthM is the earth's mean radius.
const earthM = 6_371_008.8

// contains reports whether the place is in the circle, on a sphere.
func (g *Circle) contains(at place) bool {
	rad := math.Pi / 180
	dLat, dLon := (at.lat-g.Lat)*rad, (at.lon-g.Lon)*rad
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(g.Lat*rad)*math.Cos(at.lat*rad)*math.Pow(math.Sin(dLon/2), 2)
	return 2*earthM*math.Asin(math.Sqrt(min(1, h))) <= g.RadiusM
}
