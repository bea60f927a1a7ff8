package memory

import (
	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/vector/distance"
	"github.com/hivellm/synap-go/vector/hnsw"
	"github.com/hivellm/synap-go/vector/text"
)

// collection is the memories of one name, and what finds them.
type collection struct {
	name    string
	slots   []*item // by slot; nil where there is none, and the slot is in free
	free    []uint32
	numbers btree.Map[uint64, *item] // by number, which is the order in which they were stored
	words   *text.Index              // of their texts, by slot
	model   string                   // whose vectors are in vectors
	vectors *hnsw.Index              // of their vectors, by slot; nil before the first. A small copy: the exact vector is in the item
}

// collection returns the collection of that name, made if need be.
func (s *Memories) collection(name string) *collection {
	c, ok := s.collections.Get(name)
	if !ok {
		c = &collection{name: name, words: text.New(s.analyzer), model: s.model}
		s.collections.Set(name, c)
	}
	return c
}

// put puts the memory into its slot: that of old, which it replaces if that is of the same collection, or a free one.
func (c *collection) put(it, old *item, terms *text.Terms) {
	same := old != nil && old.collection == c.name
	switch n := len(c.free); {
	case same:
		it.slot = old.slot
	case n > 0:
		it.slot, c.free = c.free[n-1], c.free[:n-1]
	default:
		it.slot = uint32(len(c.slots)) //nolint:gosec // at most MaxMemories
		c.slots = append(c.slots, nil)
	}
	c.slots[it.slot] = it
	c.numbers.Set(it.number, it)
	c.place(it, old)
	switch {
	case same && it.text == old.text:
	case terms != nil:
		c.words.AddTerms(it.slot, *terms)
	default:
		c.words.Add(it.slot, it.text)
	}
}

// remove takes the memory out.
func (c *collection) remove(it *item) {
	c.slots[it.slot] = nil
	c.free = append(c.free, it.slot)
	c.numbers.Delete(it.number)
	c.words.Remove(it.slot)
	if c.compares(it) {
		c.vectors.Delete(it.slot)
	}
}

// compares reports whether the memory's vector is among those that are compared.
func (c *collection) compares(it *item) bool {
	return it != nil && it.model != "" && it.model == c.model && (c.vectors == nil || c.vectors.Space().Dim() == len(it.vector))
}

// place puts the memory's vector among those that are compared, in place of the old memory's.
func (c *collection) place(it, old *item) {
	if old != nil && old.collection != c.name {
		old = nil
	}
	had := c.compares(old)
	switch {
	case !c.compares(it):
		if had {
			c.vectors.Delete(it.slot)
		}
		return
	case had && &it.vector[0] == &old.vector[0]:
		return
	case c.vectors == nil:
		var err error
		c.vectors, err = hnsw.New(hnsw.Options{Dim: len(it.vector), Metric: distance.Cosine, Element: distance.Int8, Flat: true})
		if err != nil {
			c.vectors = nil // a dimension that cannot be; the memory is found by its words
			return
		}
	}
	_ = c.vectors.Insert(it.slot, it.vector) // it refuses no vector of this dimension with a direction, and a saved one without is found by its words
}
