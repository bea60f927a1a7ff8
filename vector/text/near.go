package text

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of guessing what a word that no document has was meant to be.
const (
	minNear    = 4   // letters; shorter words are near too many
	maxGuesses = 4   // unknown words of one query that are guessed at
	maxNear    = 8   // words that one may stand for: those that most documents have
	nearWeight = 0.5 // what such a word counts beside one that was said
)

// near returns the words that an unknown one may be meant for: those that begin with it and those that are one edit away from it. It reads
// all words once, which takes about a millisecond for a hundred thousand, and only when a query has a word that is nowhere. Numbers, and names with
// digits in them, are never near anything: another number is another thing.
func (x *Index) near(wanted string) []uint32 {
	letters := utf8.RuneCountInString(wanted)
	if letters < minNear || strings.ContainsAny(wanted, "0123456789") {
		return nil
	}
	var list []uint32
	for p := range x.words {
		w := &x.words[p]
		if w.n > 0 && (strings.HasPrefix(w.text, wanted) || oneEdit(w.text, wanted)) {
			list = append(list, uint32(p)) //nolint:gosec // places are uint32
		}
	}
	slices.SortFunc(list, func(a, b uint32) int {
		if c := cmp.Compare(x.words[b].n, x.words[a].n); c != 0 {
			return c
		}
		return cmp.Compare(x.words[a].text, x.words[b].text)
	})
	return list[:min(len(list), maxNear)]
}

// oneEdit reports whether the words differ by one letter that was put in, left out or changed, or by two neighbours that changed places. Their first letters
// are the same: people rarely mistake it.
func oneEdit(a, b string) bool {
	if d := len(a) - len(b); d < -utf8.UTFMax || d > utf8.UTFMax || a == "" || b == "" || a[0] != b[0] {
		return false
	}
	p := commonPrefix(a, b)
	a, b = a[p:], b[p:]
	if a == "" || b == "" {
		return utf8.RuneCountInString(a)+utf8.RuneCountInString(b) == 1
	}
	ra, na := utf8.DecodeRuneInString(a)
	rb, nb := utf8.DecodeRuneInString(b)
	if a[na:] == b[nb:] || a[na:] == b || a == b[nb:] { // changed, left out, put in
		return true
	}
	sa, ma := utf8.DecodeRuneInString(a[na:])
	sb, mb := utf8.DecodeRuneInString(b[nb:])
	return ra == sb && rb == sa && a[na+ma:] == b[nb+mb:] // changed places
}

// commonPrefix is how many bytes of whole letters both begin with.
func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && (n < len(a) && !utf8.RuneStart(a[n]) || n < len(b) && !utf8.RuneStart(b[n])) {
		n--
	}
	return n
}
