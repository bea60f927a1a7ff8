package text

import "fmt"

// Check verifies that what the index keeps of words and what it keeps of documents are the same.
func (x *Index) Check() error {
	pairs := 0
	for p := range x.words {
		w := &x.words[p]
		if (w.n > 0) != (w.text != "") {
			return fmt.Errorf("the word %q is in %d documents", w.text, w.n)
		}
		if w.n > 0 && (x.places[w.text] != uint32(p) || len(x.places) == 0) { //nolint:gosec // places are uint32
			return fmt.Errorf("the word %q is not where it is looked for", w.text)
		}
		n := 0
		for i, c := range w.chunks {
			if len(c.entries) == 0 || i > 0 && c.high <= w.chunks[i-1].high {
				return fmt.Errorf("the postings of %q are out of order", w.text)
			}
			for j, e := range c.entries {
				if j > 0 && e>>16 <= c.entries[j-1]>>16 || e&0xffff == 0 || !x.Has(c.high|e>>16) {
					return fmt.Errorf("the postings of %q name a document wrongly: %d", w.text, c.high|e>>16)
				}
			}
			n += len(c.entries)
		}
		if n != w.n {
			return fmt.Errorf("the word %q has %d postings, counted as %d", w.text, n, w.n)
		}
		pairs += n
	}
	return x.checkDocuments(pairs)
}

func (x *Index) checkDocuments(pairs int) error {
	count, total, back := 0, int64(0), 0
	for doc, d := range x.docs {
		if d.there {
			count++
			total += int64(x.lengths[doc])
		}
		bad := false
		eachPlace(d.words, func(p uint32) {
			back++
			bad = bad || int(p) >= len(x.words) || x.words[p].count(uint32(doc)) == 0 //nolint:gosec // a document's number is uint32
		})
		if bad {
			return fmt.Errorf("document %d has words that do not have it", doc)
		}
	}
	if count != x.count || total != x.total || back != pairs || len(x.places)+len(x.free) != len(x.words) {
		return fmt.Errorf("%d documents of %d words with %d pairs, counted as %d, %d and %d; %d words of %d", count, total, back, x.count, x.total, pairs,
			len(x.places), len(x.words))
	}
	return nil
}
