package text

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func analyzer(t testing.TB, language string) *Analyzer {
	t.Helper()
	a, err := NewAnalyzer(Options{Language: language})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// words lists the words of a text, each as often as it comes.
func (t Terms) words() []string {
	var list []string
	for _, t := range t.list {
		for range t.count {
			list = append(list, t.word)
		}
	}
	return list
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ name, language, text, want string }{
		{"endings are taken off", "", "Deploying the deployments, deployed!", "deploy deploy deploy the"},
		{"nobody's endings", "none", "Deploying deployments", "deploying deployments"},
		{"German endings", "german", "Häuser und Häusern", "haus haus und"},
		{"Russian endings, whatever the language", "", "книги книгу", "книг книг"},
		{"accents", "none", "Café naïve ÅNGSTRÖM", "angstrom cafe naive"},
		{"an accent written apart", "none", "cafe\u0301", "cafe"},
		{"sharp s", "none", "Straße STRASSE", "strasse strasse"},
		{"wide letters", "none", "ＡＢＣ１２３", "abc123"},
		{"Arabic vowel marks", "none", "كِتَاب كتاب", "كتاب كتاب"},
		{"Hindi vowel signs stay", "none", "हिन्दी", "हिन्दी"},
		{"Greek", "none", "Ελλάδα", "ελλαδα"},
		{"apostrophes", "none", "Alice's don't don’t", "alice don't don't"},
		{"an underscore joins, and its parts are found", "none", "user_id", "id user user_id"},
		{"points in names", "none", "kv.get", "get kv kv.get"},
		{"points in numbers", "none", "3.14 192.168.1.1", "192.168.1.1 3.14"},
		{"capitals in names", "none", "maxRetryCount HTTPServer", "count httpserver max maxretrycount retry"},
		{"underscores in front and in rows", "none", "_x a__b", "_x a a__b b x"},
		{"digits keep their word whole", "", "4711s gpt4s", "4711s gpt4s"},
		{"Chinese: letters and pairs", "none", "北京大学", "京 京大 北 北京 大 大学 学"},
		{"Chinese: no pair over a comma", "none", "北，京", "京 北"},
		{"Japanese", "none", "東京タワー", "タワー 京 東 東京"},
		{"Korean words have spaces", "none", "한국 사람", "사람 한국"},
		{"Thai: letters and pairs", "none", "กข", "ก กข ข"},
		{"signs alone are no words", "", "!! -- … 🙂", ""},
		{"nothing", "", "", ""},
		{"what is no UTF-8", "none", "a\xff\xfeb", "a b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := analyzer(t, c.language).Analyze(c.text)
			if strings.Join(got.words(), " ") != c.want {
				t.Errorf("Analyze(%q) = %q, want %q", c.text, got.words(), c.want)
			}
			if got.Len() != len(got.words()) {
				t.Errorf("Len() = %d of %d words", got.Len(), len(got.words()))
			}
		})
	}
}

func TestQueries(t *testing.T) {
	for _, c := range []struct{ language, text, want string }{
		{"", "When is the next release?", "next releas"},
		{"", "who is who", "is who who"}, // nothing else is asked
		{"", "the who and the queen", "queen"},
		{"german", "was ist das", "das ist was"},
		{"none", "what is it", "is it what"},
	} {
		got := analyzer(t, c.language).Query(c.text)
		if strings.Join(got.words(), " ") != c.want || got.Len() != len(got.words()) {
			t.Errorf("Query(%q) = %q, want %q", c.text, got.words(), c.want)
		}
	}
}

func TestLongWordsAreCut(t *testing.T) {
	got := analyzer(t, "none").Analyze(strings.Repeat("é", 500) + " " + strings.Repeat("ж", 501)).words()
	if len(got) != 2 || len(got[0]) != MaxWordBytes || len(got[1]) != MaxWordBytes {
		t.Errorf("long words became %q", got)
	}
}

func TestUnknownLanguage(t *testing.T) {
	_, err := NewAnalyzer(Options{Language: "klingon"})
	if err == nil || !strings.Contains(err.Error(), "english") {
		t.Errorf("an unknown language: %v, which does not say what is known", err)
	}
	for _, l := range Languages() {
		analyzer(t, l)
	}
}

func TestOverlap(t *testing.T) {
	a := analyzer(t, "")
	for _, c := range []struct {
		x, y string
		want float64
	}{
		{"the port is 5432", "The port is 5432.", 1},
		{"a b c", "a b d", 0.5},
		{"a a b", "a b", 2.0 / 3},
		{"a", "b", 0},
		{"", "", 0},
	} {
		if got := a.Analyze(c.x).Overlap(a.Analyze(c.y)); got != c.want {
			t.Errorf("Overlap(%q, %q) = %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

func FuzzAnalyze(f *testing.F) {
	for _, s := range []string{"", "_", "a_b.c:D", "北京 \xff", "’s 's", strings.Repeat("\u0301", 200), "İstanbul", "ﬁ"} {
		f.Add(s)
	}
	a := analyzer(f, "")
	f.Fuzz(func(t *testing.T, s string) {
		got := a.Analyze(s)
		if !slices.IsSortedFunc(got.list, func(a, b term) int { return strings.Compare(a.word, b.word) }) {
			t.Errorf("words out of order: %q", got.words())
		}
		for _, w := range got.list {
			if w.word == "" || len(w.word) > MaxWordBytes || utf8.ValidString(s) && !utf8.ValidString(w.word) {
				t.Errorf("a word %q of %q", w.word, s)
			}
		}
	})
}
