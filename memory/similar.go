package memory

import (
	"slices"

	"github.com/hivellm/synap-go/vector/text"
)

// When a memory is so much like another that whoever stores it should know. The first is a cosine: sentences that say the same in other
// words have it with common models. The second is the share of words that two texts have in common, of all that they have (see text.Terms).
const (
	similarMeaning = 0.85
	similarWords   = 0.5

	maxSimilar     = 3
	similarPool    = 8   // candidates by words
	similarProbe   = 48  // the rarest words of a text, by which candidates are found
	similarTextCut = 300 // bytes of its text that are answered
)

// Similar is a memory that says nearly the same.
type Similar struct {
	ID    string  `json:"id"`
	Score float64 `json:"score" jsonschema:"how alike they are, up to 1"`
	By    string  `json:"by" jsonschema:"what was compared: meaning or words"`
	Text  string  `json:"text" jsonschema:"its text, cut to 300 bytes"`
}

// similar finds the memories of the collection that are most like a text. Its vector may be nil.
func (s *Memories) similar(collection string, terms text.Terms, vector []float32) []Similar {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []Similar{}
	c, ok := s.collections.Get(collection)
	if !ok {
		return list
	}
	now := s.now()
	alive := func(slot uint32) bool { return !c.slots[slot].dead(now) }
	seen := map[uint64]bool{}
	for _, h := range c.nearest(vector, maxSimilar, alive, nil) {
		if it := c.slots[h.Doc]; h.Score >= similarMeaning {
			seen[it.number] = true
			list = append(list, Similar{it.id(), round(float64(h.Score)), "meaning", clip(it.text, similarTextCut)})
		}
	}
	for _, h := range c.words.SearchTerms(c.words.Rarest(terms, similarProbe), similarPool, alive, nil) {
		it := c.slots[h.Doc]
		if overlap := terms.Overlap(s.analyzer.Analyze(it.text)); overlap >= similarWords && !seen[it.number] {
			list = append(list, Similar{it.id(), round(overlap), "words", clip(it.text, similarTextCut)})
		}
	}
	slices.SortStableFunc(list, func(a, b Similar) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	return list[:min(len(list), maxSimilar)]
}
