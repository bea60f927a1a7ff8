package text

import (
	"maps"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/turkish"
)

// stemmer takes the ending off a word.
type stemmer func(*snowballstem.Env) bool

var stemmers = map[string]stemmer{
	"danish": danish.Stem, "dutch": dutch.Stem, "english": english.Stem, "finnish": finnish.Stem, "french": french.Stem,
	"german": german.Stem, "hungarian": hungarian.Stem, "italian": italian.Stem, "norwegian": norwegian.Stem,
	"portuguese": portuguese.Stem, "romanian": romanian.Stem, "russian": russian.Stem, "spanish": spanish.Stem,
	"swedish": swedish.Stem, "turkish": turkish.Stem,
}

// Languages are those that Options.Language may name, besides "none".
func Languages() []string { return slices.Sorted(maps.Keys(stemmers)) }

// stem takes the ending off a folded word. Words with digits, and short ones, have none.
func (a *Analyzer) stem(word string) string {
	if len(word) < 3 || len(word) > MaxWordBytes {
		return word
	}
	s := a.latin
	if r, _ := utf8.DecodeRuneInString(word); r >= utf8.RuneSelf && !unicode.Is(unicode.Latin, r) {
		if s = nil; unicode.Is(unicode.Cyrillic, r) {
			s = a.cyrillic
		}
	}
	if s == nil {
		return word
	}
	for i := range len(word) {
		if digit(word[i]) {
			return word
		}
	}
	env := snowballstem.NewEnv(word)
	s(env)
	if env.Current() == "" {
		return word
	}
	return env.Current()
}
