package text

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
	"golang.org/x/text/unicode/norm"
)

// MaxWordBytes is how much of a word counts; words that are longer and begin alike are the same word.
const MaxWordBytes = 64

// Options say how texts are taken apart. The zero Options are for English among other languages.
type Options struct {
	// Language is whose endings are taken off words in Latin letters: one of Languages, "none" for nobody's; "" is English. Words in
	// other alphabets that have just one stemmer here get that one, whatever this says but "none".
	Language string
}

// Analyzer takes a text apart into the words that it is found by. It is used by many goroutines at the same time.
//
// Words end where Unicode says (UAX #29). They are folded: case, width and compatibility forms, accents of European and vowel marks of
// Arabic letters make no difference. Endings are taken off by the language's Snowball stemmer. A name made of several words, such as
// user_id, kv.get or maxRetries, is found by the whole and by its parts. Where a script puts no spaces between words, each letter
// counts as a word and so does each pair of neighbours.
type Analyzer struct {
	latin    stemmer // nil takes nothing off
	cyrillic stemmer
	stop     map[string]bool // words that ask for nothing; nil for most languages
}

// Terms are the words of a text, and how often it has each.
type Terms struct {
	list   []term // ascending by word
	length int    // the sum of the counts
}

type term struct {
	word  string
	count int
}

// Len is how many words the text has, repeated ones counted.
func (t Terms) Len() int { return t.length }

// Overlap says how much two texts are the same words: 1 for all, 0 for none. It is Jaccard's measure, words counted as often as they come.
func (t Terms) Overlap(u Terms) float64 {
	if t.length == 0 || u.length == 0 {
		return 0
	}
	common := 0
	for i, j := 0, 0; i < len(t.list) && j < len(u.list); {
		switch c := strings.Compare(t.list[i].word, u.list[j].word); {
		case c < 0:
			i++
		case c > 0:
			j++
		default:
			common += min(t.list[i].count, u.list[j].count)
			i, j = i+1, j+1
		}
	}
	return float64(common) / float64(t.length+u.length-common)
}

// NewAnalyzer returns an analyzer; an unknown language is an error.
func NewAnalyzer(o Options) (*Analyzer, error) {
	if o.Language == "none" {
		return &Analyzer{}, nil
	}
	if o.Language == "" {
		o.Language = "english"
	}
	stem, ok := stemmers[o.Language]
	if !ok {
		return nil, fmt.Errorf("Language: %q is not known; one of %s, or none", o.Language, strings.Join(Languages(), ", "))
	}
	a := &Analyzer{latin: stem, cyrillic: stemmers["russian"]}
	if o.Language == "english" {
		a.stop = map[string]bool{}
		for _, word := range strings.Fields(stopWords) {
			a.stop[a.stem(word)] = true
		}
	}
	return a, nil
}

// Analyze returns the words of the text.
func (a *Analyzer) Analyze(text string) Terms {
	w := &wordList{analyzer: a}
	before, end := "", -1 // the word before, if it may have a pair, and where it ended
	for it := words.FromString(text); it.Next(); {
		v := it.Value()
		r, _ := utf8.DecodeRuneInString(v)
		switch {
		case !counts(v, r):
			before = ""
		case unspaced(r):
			v = fold(v)
			w.add(v)
			if before != "" && end == it.Start() {
				w.add(before + v)
			}
			before, end = v, it.End()
		default:
			before = ""
			w.name(v)
		}
	}
	return w.terms()
}

// Query returns the words of a text that is looked for: those that ask for nothing, such as the and what, are left out, unless there are no others. Among few
// documents they are as rare as any word, and would find whatever has a the in it. They are known of English alone.
func (a *Analyzer) Query(text string) Terms {
	all := a.Analyze(text)
	some := Terms{}
	for _, t := range all.list {
		if !a.stop[t.word] {
			some.list = append(some.list, t)
			some.length += t.count
		}
	}
	if some.length == 0 {
		return all
	}
	return some
}

// counts reports whether a piece of a text is a word: it has a letter or a digit. A piece that begins with neither, like _x, may.
func counts(v string, first rune) bool {
	if unicode.IsLetter(first) || unicode.IsNumber(first) {
		return true
	}
	return first == '_' && strings.ContainsFunc(v, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// unspaced reports whether the letter is of a script without spaces between words. (Katakana words stay whole by Unicode's rules.)
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// wordList gathers the words of one text.
type wordList struct {
	analyzer *Analyzer
	words    []string
}

// add takes in a word that is folded.
func (w *wordList) add(word string) {
	if word == "" {
		return
	}
	if len(word) > MaxWordBytes {
		end := MaxWordBytes
		for end > 0 && !utf8.RuneStart(word[end]) {
			end--
		}
		word = word[:end]
	}
	w.words = append(w.words, word)
}

// name takes in a word as it is written, and its parts if it has several.
func (w *wordList) name(v string) {
	parts := 0
	eachPart(v, func(part string) {
		if parts++; len(part) < len(v) {
			w.add(w.analyzer.stem(fold(part)))
		}
	})
	if parts != 1 {
		w.add(fold(v)) // a name has no endings
		return
	}
	w.add(w.analyzer.stem(fold(v)))
}

// terms counts the words.
func (w *wordList) terms() Terms {
	slices.Sort(w.words)
	t := Terms{length: len(w.words)}
	for i, word := range w.words {
		if i == 0 || word != w.words[i-1] {
			t.list = append(t.list, term{word: word})
		}
		t.list[len(t.list)-1].count++
	}
	return t
}

// eachPart calls f for every part of a name: what stands between signs, and in ASCII from a capital after a small letter on. Digits
// with points between them, and an apostrophe, divide nothing. A word of one part is handed over as it is.
func eachPart(v string, f func(part string)) {
	start := 0
	if v[0] == '_' {
		start = 1
	}
	cut := func(end, next int) {
		if end > start {
			f(v[start:end])
		}
		start = next
	}
	for i := 1; i < len(v); i++ {
		c, last := v[i], v[i-1]
		switch {
		case c == '_' || c == ':' || c == '.' && !digit(last):
			cut(i, i+1)
		case upper(c) && lower(last):
			cut(i, i)
		}
	}
	cut(len(v), len(v))
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
func upper(c byte) bool { return c >= 'A' && c <= 'Z' }
func lower(c byte) bool { return c >= 'a' && c <= 'z' }

// fold makes one spelling of those that mean the same.
func fold(v string) string {
	ascii := true
	for i := range len(v) {
		if v[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.TrimSuffix(strings.ToLower(v), "'s")
	}
	v = strings.Map(dropMark, norm.NFKD.String(strings.ToLower(v)))
	v = strings.ReplaceAll(v, "ß", "ss")
	return strings.TrimSuffix(norm.NFC.String(v), "'s")
}

// dropMark drops the marks that make no difference, and makes one of the apostrophes.
func dropMark(r rune) rune {
	switch {
	case r >= 0x0300 && r <= 0x036f: // accents
		return -1
	case r >= 0x064b && r <= 0x0652, r == 0x0670, r == 0x0640: // Arabic vowels, and the stroke that lengthens
		return -1
	case r == '’':
		return '\''
	}
	return unicode.ToLower(r) // some compatibility forms are capitals
}
