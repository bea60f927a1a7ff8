package collection

import (
	"cmp"
	"math"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/tidwall/btree"
	"github.com/tidwall/gjson"
)

// index is an index of one payload field: which points have which values. The collection's lock guards it.
type index interface {
	// add and remove take in and out what the payload of the slot's point has at the path.
	add(slot uint32, payload string)
	remove(slot uint32, payload string)
	// find returns the slots of the points that are as the condition says, or more than these when exact is false, or
	// nil when it cannot tell or that are more than it is worth to find.
	find(c *Condition, limit int) (found *roaring.Bitmap, exact bool)
	bytes() int64
	entries() int // values of points that it has, for Check
}

func newIndex(x IndexConfig) index {
	at := parsePath(x.Path)
	switch x.Type {
	case Keyword:
		return &keywords{at: at}
	case Integer, Float:
		return &numbers{at: at, tree: newNumberTree()}
	case Bool:
		return &truths{at: at}
	}
	return &places{at: at, tree: newPlaceTree()}
}

// About how much memory an entry takes besides what it holds.
const (
	termBytes   = 160 // a term and its bitmap
	numberBytes = 24
	placeBytes  = 40
)

// keywords is an index of texts, in order, so that it knows prefixes too.
type keywords struct {
	at    path
	terms btree.Map[string, *roaring.Bitmap]
	size  int64
}

func (x *keywords) each(payload string, f func(term string)) {
	x.at.each(payload, func(v gjson.Result) bool {
		if v.Type == gjson.String {
			f(v.Str)
		}
		return true
	})
}

func (x *keywords) add(slot uint32, payload string) {
	x.each(payload, func(term string) {
		b, ok := x.terms.Get(term)
		if !ok {
			term = strings.Clone(term) // it is a piece of a whole payload
			b = roaring.New()
			x.terms.Set(term, b)
			x.size += termBytes + int64(len(term))
		}
		if b.CheckedAdd(slot) {
			x.size += 2
		}
	})
}

func (x *keywords) remove(slot uint32, payload string) {
	x.each(payload, func(term string) {
		b, ok := x.terms.Get(term)
		if !ok || !b.CheckedRemove(slot) {
			return
		}
		x.size -= 2
		if b.IsEmpty() {
			x.terms.Delete(term)
			x.size -= termBytes + int64(len(term))
		}
	})
}

func (x *keywords) find(c *Condition, limit int) (*roaring.Bitmap, bool) {
	var terms []string
	switch {
	case c.Prefix != nil:
		return x.prefix(*c.Prefix, limit)
	case c.Any != nil:
		for _, v := range c.Any {
			s, _ := scalarOf(v)
			if s.kind != 's' {
				return nil, false
			}
			terms = append(terms, s.text)
		}
	default:
		s, ok := scalarOf(c.Match)
		if !ok || s.kind != 's' {
			return nil, false
		}
		terms = []string{s.text}
	}
	found := roaring.New()
	for _, term := range terms {
		if b, ok := x.terms.Get(term); ok {
			found.Or(b)
		}
	}
	return found, true
}

// prefix unites the terms that begin so, unless they are too many.
func (x *keywords) prefix(prefix string, limit int) (*roaring.Bitmap, bool) {
	found := roaring.New()
	n, all := 0, true
	x.terms.Ascend(prefix, func(term string, b *roaring.Bitmap) bool {
		if !strings.HasPrefix(term, prefix) {
			return false
		}
		found.Or(b)
		n++
		all = n < limit
		return all
	})
	if !all {
		return nil, false
	}
	return found, true
}

func (x *keywords) bytes() int64 { return x.size }

func (x *keywords) entries() (n int) {
	x.terms.Scan(func(_ string, b *roaring.Bitmap) bool {
		n += int(b.GetCardinality()) //nolint:gosec // at most MaxPoints
		return true
	})
	return n
}

// numbers is an index of numbers, in order.
type numbers struct {
	at   path
	tree *btree.BTreeG[number]
}

type number struct {
	value float64
	slot  uint32
}

func newNumberTree() *btree.BTreeG[number] {
	return btree.NewBTreeGOptions(func(a, b number) bool {
		if c := cmp.Compare(a.value, b.value); c != 0 {
			return c < 0
		}
		return a.slot < b.slot
	}, btree.Options{NoLocks: true})
}

func (x *numbers) each(payload string, f func(value float64)) {
	x.at.each(payload, func(v gjson.Result) bool {
		if v.Type == gjson.Number {
			f(v.Num + 0) // so that -0 is 0
		}
		return true
	})
}

func (x *numbers) add(slot uint32, payload string) {
	x.each(payload, func(value float64) { x.tree.Set(number{value, slot}) })
}

func (x *numbers) remove(slot uint32, payload string) {
	x.each(payload, func(value float64) { x.tree.Delete(number{value, slot}) })
}

func (x *numbers) find(c *Condition, limit int) (*roaring.Bitmap, bool) {
	var ranges []*Range
	switch {
	case c.Range != nil:
		ranges = []*Range{c.Range}
	case c.Any != nil || !c.Match.IsZero():
		for _, v := range append(c.Any[:len(c.Any):len(c.Any)], c.Match) {
			if v.IsZero() {
				continue
			}
			s, _ := scalarOf(v)
			if s.kind != 'n' {
				return nil, false
			}
			ranges = append(ranges, &Range{GTE: &s.number, LTE: &s.number})
		}
	default:
		return nil, false
	}
	var found []uint32
	for _, r := range ranges {
		x.tree.Ascend(number{value: r.least()}, func(n number) bool {
			if r.contains(n.value) {
				found = append(found, n.slot)
			}
			return n.value <= r.most() && len(found) <= limit
		})
		if len(found) > limit {
			return nil, false
		}
	}
	return roaring.BitmapOf(found...), true
}

func (x *numbers) bytes() int64 { return int64(x.tree.Len()) * numberBytes }

func (x *numbers) entries() int { return x.tree.Len() }

// truths is an index of truth values.
type truths struct {
	at      path
	yes, no roaring.Bitmap
}

func (x *truths) each(payload string, f func(b *roaring.Bitmap)) {
	x.at.each(payload, func(v gjson.Result) bool {
		switch v.Type {
		case gjson.True:
			f(&x.yes)
		case gjson.False:
			f(&x.no)
		}
		return true
	})
}

func (x *truths) add(slot uint32, payload string) {
	x.each(payload, func(b *roaring.Bitmap) { b.Add(slot) })
}

func (x *truths) remove(slot uint32, payload string) {
	x.each(payload, func(b *roaring.Bitmap) { b.Remove(slot) })
}

func (x *truths) find(c *Condition, _ int) (*roaring.Bitmap, bool) {
	s, ok := scalarOf(c.Match)
	if !ok || s.kind != 'b' {
		return nil, false
	}
	if s.number == 1 {
		return x.yes.Clone(), true
	}
	return x.no.Clone(), true
}

func (x *truths) bytes() int64 {
	return int64(x.yes.GetSizeInBytes() + x.no.GetSizeInBytes()) //nolint:gosec // of two bitmaps
}

func (x *truths) entries() int { return int(x.yes.GetCardinality() + x.no.GetCardinality()) } //nolint:gosec // at most MaxPoints

// places is an index of places: rows of latitude, each in the order of longitude.
type places struct {
	at   path
	tree *btree.BTreeG[spot]
}

// spot is a place in the row of its latitude.
type spot struct {
	row  int // rowsPerDegree of latitude
	at   place
	slot uint32
}

const rowsPerDegree = 10 // about 11 km each

func rowOf(lat float64) int { return int(math.Floor(lat * rowsPerDegree)) }

func newPlaceTree() *btree.BTreeG[spot] {
	return btree.NewBTreeGOptions(func(a, b spot) bool {
		return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.at.lon, b.at.lon), cmp.Compare(a.at.lat, b.at.lat),
			cmp.Compare(a.slot, b.slot)) < 0
	}, btree.Options{NoLocks: true})
}

func (x *places) each(payload string, f func(at place)) {
	x.at.each(payload, func(v gjson.Result) bool {
		if at, ok := placeOf(v); ok {
			f(at)
		}
		return true
	})
}

func (x *places) add(slot uint32, payload string) {
	x.each(payload, func(at place) { x.tree.Set(spot{rowOf(at.lat), at, slot}) })
}

func (x *places) remove(slot uint32, payload string) {
	x.each(payload, func(at place) { x.tree.Delete(spot{rowOf(at.lat), at, slot}) })
}

// find looks through the rows that the circle touches, in each between the longitudes that it may touch.
func (x *places) find(c *Condition, limit int) (*roaring.Bitmap, bool) {
	g := c.Geo
	if g == nil {
		return nil, false
	}
	reach := g.RadiusM / earthM * 180 / math.Pi * (1 + 1e-9) // degrees of latitude
	south, north := max(-90, g.Lat-reach), min(90, g.Lat+reach)
	west, east := -180.0, 180.0
	if widest := math.Max(math.Abs(south), math.Abs(north)); widest < 89 {
		across := math.Asin(min(1, math.Sin(min(reach, 90)*math.Pi/180)/math.Cos(g.Lat*math.Pi/180))) * 180 / math.Pi * (1 + 1e-9)
		if reach < 90 && g.Lon-across > -180 && g.Lon+across < 180 {
			west, east = g.Lon-across, g.Lon+across
		}
	}
	found := roaring.New()
	looked := 0
	for row := rowOf(south); row <= rowOf(north) && looked <= limit; row++ {
		x.tree.Ascend(spot{row: row, at: place{lat: -91, lon: west}}, func(s spot) bool {
			if s.row != row || s.at.lon > east {
				return false
			}
			if g.contains(s.at) {
				found.Add(s.slot)
			}
			looked++
			return looked <= limit
		})
	}
	if looked > limit {
		return nil, false
	}
	return found, true
}

func (x *places) bytes() int64 { return int64(x.tree.Len()) * placeBytes }

func (x *places) entries() int { return x.tree.Len() }
