package collection

import (
	"math"
	"slices"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/tensor"
)

// Count returns how many points the filter means at the time, in Unix milliseconds. It takes the lock by itself.
func (c *Collection) Count(f *Filter, now int64) int {
	c.RLock()
	defer c.RUnlock()
	p := c.plan(f)
	n := 0
	if p.ask == nil {
		n = c.Len()
		if p.some != nil {
			n = int(p.some.GetCardinality()) //nolint:gosec // at most MaxPoints
		}
		c.due.Scan(func(point *Point) bool {
			if point.Expires > now {
				return false
			}
			if p.means(point) {
				n--
			}
			return true
		})
		return n
	}
	c.eachMeant(&p, now, func(*Point) bool {
		n++
		return true
	})
	return n
}

// eachMeant calls f for the points that the plan is about, in no order, until it returns false. RLock is held.
func (c *Collection) eachMeant(p *plan, now int64, f func(*Point) bool) {
	if p.some != nil {
		for it := p.some.Iterator(); it.HasNext(); {
			if point := c.slots[it.Next()]; point != nil && point.lives(now) && p.means(point) && !f(point) {
				return
			}
		}
		return
	}
	for _, point := range c.slots {
		if point != nil && point.lives(now) && p.means(point) && !f(point) {
			return
		}
	}
}

// maxLooked is how many points a page looks at before it ends, whether it is full or not, so that no call takes long.
var maxLooked = 100_000

// Page is a part of the points in the order of their ids.
type Page struct {
	Points  []*Point
	Vectors []map[string]tensor.Floats // of each, if they were asked for
	Next    ID                         // the id that the next page begins with; zero when there is none
}

// Page returns at most limit points that the filter means, from that id on, in order. It may be short, even empty, and
// have a next page. It takes the lock by itself.
func (c *Collection) Page(f *Filter, from ID, limit int, withVectors bool, now int64) (page Page) {
	c.RLock()
	defer c.RUnlock()
	p := c.plan(f)
	take := func(point *Point) {
		page.Points = append(page.Points, point)
		if withVectors {
			page.Vectors = append(page.Vectors, c.Vectors(point))
		}
	}
	if p.some != nil && int(p.some.GetCardinality()) <= maxLooked { //nolint:gosec // at most MaxPoints
		var all []*Point
		c.eachMeant(&p, now, func(point *Point) bool {
			if !point.ID.Less(from) {
				all = append(all, point)
			}
			return true
		})
		slices.SortFunc(all, func(a, b *Point) int { return a.ID.Compare(b.ID) })
		for _, point := range all[:min(limit, len(all))] {
			take(point)
		}
		if len(all) > limit {
			page.Next = all[limit].ID
		}
		return page
	}
	looked := 0
	c.Each(from, func(point *Point) bool {
		meant := point.lives(now) && p.means(point)
		if looked++; looked > maxLooked || (meant && len(page.Points) == limit) {
			page.Next = point.ID
			return false
		}
		if meant {
			take(point)
		}
		return true
	})
	return page
}

// Meant returns the ids of at most limit points that the filter means, and whether there are more. RLock is held.
func (c *Collection) Meant(f *Filter, limit int, now int64) (ids []ID, more bool) {
	p := c.plan(f)
	c.eachMeant(&p, now, func(point *Point) bool {
		if more = len(ids) == limit; !more {
			ids = append(ids, point.ID)
		}
		return !more
	})
	return ids, more
}

// Example is a point, or a vector, that what is looked for is like or unlike.
type Example struct {
	ID     ID
	Vector tensor.Floats
}

// Between returns the vector that is like the positive examples and unlike the negative ones: the mean of the first, and
// as far from it as the mean of the others is on the other side. It takes the lock by itself.
func (c *Collection) Between(positive, negative []Example, using string, now int64) (tensor.Floats, error) {
	c.RLock()
	defer c.RUnlock()
	place := c.shape.vector(using)
	if place < 0 {
		return nil, noVector(using, c.shape)
	}
	like, err := c.mean(place, positive, now)
	if err != nil || len(negative) == 0 {
		return like, err
	}
	unlike, err := c.mean(place, negative, now)
	if err != nil {
		return nil, err
	}
	for i := range like {
		like[i] += like[i] - unlike[i]
	}
	return like, nil
}

// mean returns the mean of the examples' vectors, under cosine of their directions.
func (c *Collection) mean(place int, examples []Example, now int64) (tensor.Floats, error) {
	v := c.vectors[place]
	sum := make([]float64, v.space.Dim())
	for _, e := range examples {
		floats, err := c.example(place, e, now)
		if err != nil {
			return nil, err
		}
		unit := 1.0
		if v.config.Metric == Cosine {
			unit = 1 / length(floats)
		}
		for i, x := range floats {
			sum[i] += float64(x) * unit
		}
	}
	mean := make(tensor.Floats, len(sum))
	for i, x := range sum {
		mean[i] = float32(x / float64(len(examples)))
	}
	return mean, nil
}

func (c *Collection) example(place int, e Example, now int64) (tensor.Floats, error) {
	v := c.vectors[place]
	if e.Vector != nil {
		return e.Vector, checkVector(v.space, v.config.Name, e.Vector)
	}
	p := c.Find(e.ID, now)
	if p == nil {
		return nil, fault.New(fault.NotFound, "there is no point %q", e.ID).With("id", e.ID.String())
	}
	row, head, ok := v.append(nil, p.slot, p.at[place])
	if !ok {
		return nil, fault.New(fault.Invalid, "the point %q has no vector %q to compare with", e.ID, v.config.Name).With("id", e.ID.String())
	}
	floats := make(tensor.Floats, v.space.Dim())
	v.space.Decode(floats, row, head)
	return floats, nil
}

func length(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}
