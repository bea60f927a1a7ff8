package text

import (
	"cmp"
	"math"
	"slices"
)

// The constants of BM25: how soon more of the same word counts no more, and how much a long document is held against it.
const (
	bm25K1 = 1.2
	bm25B  = 0.75
)

// longList is how many postings a word has before it pays to ask whether new documents could still win by it.
const longList = 1024

// Hit is a document that was found. Scores compare within one answer and mean nothing beyond it.
type Hit struct {
	Doc   uint32
	Score float32
}

// Search appends to out the at most k documents that fit the query best, the best first; of equals the lower number is first. Only documents for which keep
// returns true count; a nil keep keeps all. A word that no document has stands for those that it begins or that are a letter away from it.
func (x *Index) Search(query string, k int, keep func(doc uint32) bool, out []Hit) []Hit {
	return x.SearchTerms(x.analyzer.Analyze(query), k, keep, out)
}

// SearchTerms is Search for a query that was analyzed before.
func (x *Index) SearchTerms(query Terms, k int, keep func(doc uint32) bool, out []Hit) []Hit {
	if k <= 0 || x.count == 0 {
		return out
	}
	wanted := x.want(query)
	if len(wanted) == 0 {
		return out
	}
	s := x.take(keep)
	s.run(wanted, k)
	out = s.best(k, out)
	x.give(s)
	return out
}

// want is a word of a query that some document has.
type want struct {
	*word
	weight float32 // what a posting of it is worth at most, but for the factor k1+1
}

// want looks the query's words up and puts the rare ones, which say most, first.
func (x *Index) want(query Terms) []want {
	list := make([]want, 0, len(query.list))
	guesses := 0
	for _, t := range query.list {
		if p, ok := x.places[t.word]; ok {
			list = append(list, x.weigh(p, float32(t.count)))
			continue
		}
		if guesses++; guesses > maxGuesses {
			continue
		}
		for _, p := range x.near(t.word) {
			list = append(list, x.weigh(p, float32(t.count)*nearWeight))
		}
	}
	slices.SortFunc(list, func(a, b want) int {
		if c := cmp.Compare(b.weight, a.weight); c != 0 {
			return c
		}
		return cmp.Compare(a.text, b.text)
	})
	return list
}

func (x *Index) weigh(place uint32, factor float32) want {
	w := &x.words[place]
	n, have := float64(x.count), float64(w.n)
	return want{w, factor * float32(math.Log(1+(n-have+0.5)/(have+0.5)))}
}

// scores is the memory of one search, kept for the next.
type scores struct {
	index *Index
	keep  func(doc uint32) bool

	by      []float32 // the score of each document: 0 not seen, below 0 not kept
	touched []uint32  // the documents that are kept and have a score
	dropped []uint32  // those that are not kept
	heap    []Hit

	scale, slope float32 // k1*(1-b), and k1*b over the mean length
}

func (x *Index) take(keep func(doc uint32) bool) *scores {
	s, _ := x.scratch.Get().(*scores)
	if s == nil {
		s = &scores{}
	}
	if len(s.by) < len(x.docs) {
		s.by = make([]float32, len(x.docs)+len(x.docs)/8)
	}
	s.index, s.keep = x, keep
	s.scale = bm25K1 * (1 - bm25B)
	s.slope = float32(bm25K1 * bm25B * float64(x.count) / float64(max(x.total, 1)))
	return s
}

func (x *Index) give(s *scores) {
	for _, doc := range s.touched {
		s.by[doc] = 0
	}
	for _, doc := range s.dropped {
		s.by[doc] = 0
	}
	s.touched, s.dropped, s.heap = s.touched[:0], s.dropped[:0], s.heap[:0]
	s.index, s.keep = nil, nil
	x.scratch.Put(s)
}

// run scores all documents that may be among the k best. Words are taken one after the other, the most telling first; when those still to come
// cannot lift an unseen document to where the k-th is already, they are only looked up for the documents seen.
func (s *scores) run(wanted []want, k int) {
	left := float32(0)
	for _, w := range wanted {
		left += w.weight * (bm25K1 + 1)
	}
	closed := false
	for _, w := range wanted {
		if !closed && w.n > longList && len(s.touched) >= k {
			s.rank(k)
			closed = s.heap[0].Score > left
		}
		switch {
		case !closed:
			s.open(w)
		case len(s.touched)*16 < w.n:
			s.lookUp(w)
		default:
			s.update(w)
		}
		left -= w.weight * (bm25K1 + 1)
	}
}

// gain is what a posting adds to the document's score.
func (s *scores) gain(weight float32, count uint32, doc uint32) float32 {
	tf := float32(count)
	return weight * (bm25K1 + 1) * tf / (tf + s.scale + s.slope*float32(s.index.lengths[doc]))
}

// open adds the word's worth to every document that has it.
func (s *scores) open(w want) {
	for _, c := range w.chunks {
		for _, e := range c.entries {
			doc := c.high | e>>16
			switch {
			case s.by[doc] > 0:
			case s.by[doc] < 0:
				continue
			case s.keep != nil && !s.keep(doc):
				s.by[doc] = -1
				s.dropped = append(s.dropped, doc)
				continue
			default:
				s.touched = append(s.touched, doc)
			}
			s.by[doc] += s.gain(w.weight, e&0xffff, doc)
		}
	}
}

// update adds the word's worth to the documents seen, by going through the word's list.
func (s *scores) update(w want) {
	for _, c := range w.chunks {
		for _, e := range c.entries {
			if doc := c.high | e>>16; s.by[doc] > 0 {
				s.by[doc] += s.gain(w.weight, e&0xffff, doc)
			}
		}
	}
}

// lookUp does the same by going through the documents seen.
func (s *scores) lookUp(w want) {
	for _, doc := range s.touched {
		if n := w.count(doc); n > 0 {
			s.by[doc] += s.gain(w.weight, n, doc)
		}
	}
}

// worse orders hits from the last to the first.
func worse(a, b Hit) bool { return a.Score < b.Score || a.Score == b.Score && a.Doc > b.Doc }

// rank makes s.heap the k best of the documents seen, the worst of them on top.
func (s *scores) rank(k int) {
	s.heap = s.heap[:0]
	for _, doc := range s.touched {
		h := Hit{doc, s.by[doc]}
		if len(s.heap) < k {
			s.heap = append(s.heap, h)
			for i := len(s.heap) - 1; i > 0 && worse(s.heap[i], s.heap[(i-1)/2]); i = (i - 1) / 2 {
				s.heap[i], s.heap[(i-1)/2] = s.heap[(i-1)/2], s.heap[i]
			}
			continue
		}
		if !worse(s.heap[0], h) {
			continue
		}
		s.heap[0] = h
		s.sink()
	}
}

// sink puts the top of the heap where it belongs.
func (s *scores) sink() {
	for i := 0; ; {
		least := 2*i + 1
		if least >= len(s.heap) {
			return
		}
		if least+1 < len(s.heap) && worse(s.heap[least+1], s.heap[least]) {
			least++
		}
		if !worse(s.heap[least], s.heap[i]) {
			return
		}
		s.heap[i], s.heap[least] = s.heap[least], s.heap[i]
		i = least
	}
}

func (s *scores) best(k int, out []Hit) []Hit {
	s.rank(k)
	from := len(out)
	out = append(out, s.heap...)
	slices.SortFunc(out[from:], func(a, b Hit) int {
		if c := cmp.Compare(b.Score, a.Score); c != 0 {
			return c
		}
		return cmp.Compare(a.Doc, b.Doc)
	})
	return out
}

// Rarest returns the n words of the terms that the fewest documents have, each once, and none that no document has: enough of a long text to find
// those that are like it.
func (x *Index) Rarest(terms Terms, n int) Terms {
	list := make([]term, 0, len(terms.list))
	for _, t := range terms.list {
		if _, ok := x.places[t.word]; ok {
			list = append(list, term{t.word, 1})
		}
	}
	if len(list) > n {
		slices.SortStableFunc(list, func(a, b term) int {
			return cmp.Compare(x.words[x.places[a.word]].n, x.words[x.places[b.word]].n)
		})
		list = list[:n]
		slices.SortFunc(list, func(a, b term) int { return cmp.Compare(a.word, b.word) })
	}
	return Terms{list: list, length: len(list)}
}

// Full is the score of a document of middling length that has every word of the query once: what a hit's score is to be measured by. Words that no document has
// count as well, so that a hit for half of a question has about half of it.
func (x *Index) Full(query Terms) float32 {
	sum := 0.0
	for _, t := range query.list {
		have := 0.0
		if p, ok := x.places[t.word]; ok {
			have = float64(x.words[p].n)
		}
		sum += float64(t.count) * math.Log(1+(float64(x.count)-have+0.5)/(have+0.5))
	}
	return float32(sum)
}
