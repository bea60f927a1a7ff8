package text

import (
	"math"
	"slices"
)

// postings are the documents that have a word, and how often, in ascending order.
//
// They are cut by the upper sixteen bits of the document's number, so that a change moves at most a quarter of a megabyte however
// many documents there are, and so that a posting is four bytes.
type postings struct {
	n      int     // how many documents
	chunks []chunk // in ascending order of high, none empty
}

// chunk is the postings of 65,536 consecutive numbers.
type chunk struct {
	high    uint32   // the number of the first of them
	entries []uint32 // the rest of the number in the upper half, how often (at least once, saturating) in the lower; ascending
}

func entry(doc uint32, count int) uint32 {
	return doc<<16 | uint32(min(count, math.MaxUint16)) //nolint:gosec // bounded
}

// add puts the document in, which is not there; it returns by how much the memory grew.
func (p *postings) add(doc uint32, count int) (grown int64) {
	c := p.chunk(doc, true)
	e := entry(doc, count)
	p.n++
	if n := len(c.entries); n == 0 || c.entries[n-1] < e { // the common case: numbers go up
		c.entries = append(c.entries, e)
		return postingBytes
	}
	at, _ := slices.BinarySearch(c.entries, e)
	c.entries = slices.Insert(c.entries, at, e)
	return postingBytes
}

// remove takes the document out; it returns by how much the memory grew, which is not positive.
func (p *postings) remove(doc uint32) (grown int64) {
	c := p.chunk(doc, false)
	if c == nil {
		return 0
	}
	at, found := c.find(doc)
	if !found {
		return 0
	}
	p.n--
	c.entries = slices.Delete(c.entries, at, at+1)
	switch n := len(c.entries); {
	case n == 0:
		p.chunks = slices.DeleteFunc(p.chunks, func(c chunk) bool { return len(c.entries) == 0 })
	case cap(c.entries) > 64 && n < cap(c.entries)/4:
		c.entries = slices.Clip(slices.Clone(c.entries))
	}
	return -postingBytes
}

// count says how often the document has the word.
func (p *postings) count(doc uint32) uint32 {
	c := p.chunk(doc, false)
	if c == nil {
		return 0
	}
	if at, found := c.find(doc); found {
		return c.entries[at] & 0xffff
	}
	return 0
}

// chunk returns the chunk for the document, made if need be and asked for, or else nil.
func (p *postings) chunk(doc uint32, add bool) *chunk {
	high := doc &^ 0xffff
	at, found := slices.BinarySearchFunc(p.chunks, high, func(c chunk, high uint32) int {
		return int(int64(c.high) - int64(high))
	})
	switch {
	case found:
	case !add:
		return nil
	default:
		p.chunks = slices.Insert(p.chunks, at, chunk{high: high})
	}
	return &p.chunks[at]
}

// find returns where the document is or would be.
func (c *chunk) find(doc uint32) (at int, found bool) {
	at, _ = slices.BinarySearch(c.entries, doc<<16)
	return at, at < len(c.entries) && c.entries[at]>>16 == doc&0xffff
}

func sortPlaces(places []uint32) { slices.Sort(places) }
