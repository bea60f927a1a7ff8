package collection

import "github.com/RoaringBitmap/roaring/v2"

// maxFound is how many entries of an index are looked at for one condition before it is taken for one that hardly
// narrows anything, and is asked of every point instead.
const maxFound = 50_000

// plan is how a filter is asked: which points may be meant, and what is left to ask of these.
type plan struct {
	some *roaring.Bitmap // only these points may be meant; nil when that is not known. It belongs to the plan
	ask  predicate       // what is asked of each; nil when all in some are meant
}

// means reports whether the filter means the point.
func (p *plan) means(point *Point) bool {
	return (p.some == nil || p.some.Contains(point.slot)) && (p.ask == nil || p.ask(subject{point.ID, point.Payload}))
}

// plan makes the best of a filter. c.mu is held, shared at least; the plan is good for as long as it is, and after
// that for points that stayed.
func (c *Collection) plan(f *Filter) plan {
	if f.IsZero() {
		return plan{}
	}
	some, exact := c.find(f)
	if some != nil && exact {
		return plan{some: some}
	}
	return plan{some: some, ask: f.compile()}
}

// find returns the slots of the points that are as the filter says, or with exact false more than these; nil when the
// indexes do not tell. What it returns belongs to the caller.
func (c *Collection) find(f *Filter) (found *roaring.Bitmap, exact bool) {
	exact = true
	for i := range f.Must {
		some, whole := c.findCondition(&f.Must[i])
		exact = exact && whole && some != nil
		found = both(found, some)
	}
	if len(f.Should) > 0 {
		some, whole := c.findAny(f.Should)
		exact = exact && whole && some != nil
		found = both(found, some)
	}
	for i := range f.MustNot {
		not, whole := c.findCondition(&f.MustNot[i])
		if not == nil || !whole {
			exact = false
			continue
		}
		if found == nil {
			found = c.alive.Clone()
		}
		found.AndNot(not)
	}
	return found, exact
}

// both narrows what was found by what was found besides.
func both(found, some *roaring.Bitmap) *roaring.Bitmap {
	switch {
	case some == nil:
		return found
	case found == nil:
		return some
	}
	found.And(some)
	return found
}

// findAny is find for conditions of which one is enough: all of them must be found.
func (c *Collection) findAny(conditions []Condition) (found *roaring.Bitmap, exact bool) {
	found, exact = roaring.New(), true
	for i := range conditions {
		some, whole := c.findCondition(&conditions[i])
		if some == nil {
			return nil, false
		}
		found.Or(some)
		exact = exact && whole
	}
	return found, exact
}

func (c *Collection) findCondition(k *Condition) (found *roaring.Bitmap, exact bool) {
	switch {
	case k.IDs != nil:
		found = roaring.New()
		for _, id := range k.IDs {
			if p := c.lookup(id); p != nil {
				found.Add(p.slot)
			}
		}
		return found, true
	case k.Filter != nil:
		if k.Filter.IsZero() {
			return c.alive.Clone(), true
		}
		return c.find(k.Filter)
	case k.Nested != nil, k.Exists != nil:
		return nil, false
	}
	if x := c.indexes[k.Key]; x != nil {
		return x.find(k, maxFound)
	}
	return nil, false
}
