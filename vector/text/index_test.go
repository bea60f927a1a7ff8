package text

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func index(t testing.TB, docs ...string) *Index {
	x := New(analyzer(t, ""))
	for i, d := range docs {
		x.Add(uint32(i), d)
	}
	return x
}

func found(hits []Hit) string {
	var b strings.Builder
	for _, h := range hits {
		fmt.Fprintf(&b, "%d ", h.Doc)
	}
	return strings.TrimSpace(b.String())
}

func TestSearch(t *testing.T) {
	x := index(t,
		"The database listens on port 5432.",
		"Alice prefers tabs over spaces.",
		"The staging database is restored every night; the database of production never.",
		"Port 8080 is taken by the proxy, port 9090 by the metrics, port 5433 by nobody.",
		"Deployment notes",
	)
	even := func(doc uint32) bool { return doc%2 == 0 }
	for _, c := range []struct {
		name, query string
		k           int
		keep        func(uint32) bool
		want        string
	}{
		{"the rarer word counts more", "database port 5432", 9, nil, "0 3 2"},
		{"often beats once", "database", 9, nil, "2 0"},
		{"another form of the word", "deployed", 9, nil, "4"},
		{"at most k", "database port", 1, nil, "0"},
		{"only what is kept", "database port", 9, even, "0 2"},
		{"none", "zebra", 9, nil, ""},
		{"no words", "…", 9, nil, ""},
		{"no room", "database", 0, nil, ""},
		{"a slip of the pen", "databsae", 9, nil, "2 0"},
		{"a letter too few", "prefrs", 9, nil, "1"},
		{"the beginning of a word", "metri", 9, nil, "3"},
		{"numbers are never guessed", "5431", 9, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := found(x.Search(c.query, c.k, c.keep, nil)); got != c.want {
				t.Errorf("Search(%q) = %s, want %s", c.query, got, c.want)
			}
		})
	}
	first := Hit{Doc: 99}
	if got := x.Search("tabs", 3, nil, []Hit{first}); len(got) != 2 || got[0] != first || got[1].Doc != 1 {
		t.Errorf("hits were not appended: %v", got)
	}
}

func TestOneEdit(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"color", "colour", true}, {"colour", "color", true}, {"color", "colar", true}, {"color", "colro", true},
		{"color", "color", false}, {"color", "olor", false}, {"color", "colt", false}, {"größe", "grüße", true},
		{"größe", "größen", true}, {"", "", false}, {"a", "", false}, {"жук", "жуки", true}, {"жука", "жаку", false},
	} {
		if got := oneEdit(c.a, c.b); got != c.want {
			t.Errorf("oneEdit(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

// model is BM25 as it is written in books.
type model map[uint32]Terms

func (m model) search(query Terms, k int, keep func(uint32) bool) []Hit {
	total := 0
	for _, d := range m {
		total += d.length
	}
	var hits []Hit
	for doc, d := range m {
		score := 0.0
		for _, q := range query.list {
			n, tf := 0, 0
			for other, o := range m {
				if i, ok := slices.BinarySearchFunc(o.list, q.word, func(t term, w string) int { return strings.Compare(t.word, w) }); ok {
					n++
					if other == doc {
						tf = o.list[i].count
					}
				}
			}
			if tf > 0 {
				idf := math.Log(1 + (float64(len(m)-n)+0.5)/(float64(n)+0.5))
				score += float64(q.count) * idf * float64(tf) * (bm25K1 + 1) /
					(float64(tf) + bm25K1*(1-bm25B+bm25B*float64(d.length)*float64(len(m))/float64(total)))
			}
		}
		if score > 0 && (keep == nil || keep(doc)) {
			hits = append(hits, Hit{doc, float32(score)})
		}
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		if worse(b, a) {
			return -1
		}
		return 1
	})
	return hits[:min(k, len(hits))]
}

// sentence makes one of words that are as unevenly used as those of a language.
func sentence(r *rand.Rand, words, vocabulary int) string {
	var b strings.Builder
	for range words {
		fmt.Fprintf(&b, "w%d ", int(math.Pow(r.Float64(), 3)*float64(vocabulary)))
	}
	return b.String()
}

// same reports whether the hits are the model's, where scores so close that rounding decides may change places.
func same(got, want []Hit) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if math.Abs(float64(got[i].Score-want[i].Score)) > 1e-3 {
			return false
		}
	}
	return true
}

func TestRandomHistory(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x, m := New(analyzer(t, "none")), model{}
	slots := func() uint32 { // near each other, and over the bounds of chunks
		return uint32(r.IntN(4)<<16 - r.IntN(2)*5 + r.IntN(40) + 10)
	}
	for step := range 1500 {
		doc := slots()
		if r.IntN(3) > 0 {
			s := sentence(r, r.IntN(12), 60)
			x.Add(doc, s)
			m[doc] = x.Analyzer().Analyze(s)
		} else if _, had := m[doc]; x.Remove(doc) != had {
			t.Fatalf("step %d: Remove(%d) = %v", step, doc, !had)
		} else {
			delete(m, doc)
		}
		if step%50 > 0 {
			continue
		}
		if err := x.Check(); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		query := x.Analyzer().Analyze(sentence(r, 1+r.IntN(5), 60))
		keep := func(doc uint32) bool { return doc%3 > 0 }
		if step%100 == 0 {
			keep = nil
		}
		got, want := x.SearchTerms(query, 10, keep, nil), m.search(query, 10, keep)
		if !same(got, want) {
			t.Fatalf("step %d: %q\n got %v\nwant %v", step, query.words(), got, want)
		}
	}
	for doc := range m {
		x.Remove(doc)
	}
	if x.Len() != 0 || x.Words() != 0 || x.Bytes() != 0 || x.Check() != nil {
		t.Errorf("an empty index has %d documents, %d words, %d bytes", x.Len(), x.Words(), x.Bytes())
	}
}

// TestNothingIsPassedOver has lists long enough for the search to stop looking at new documents.
func TestNothingIsPassedOver(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x := New(analyzer(t, "none"))
	for doc := range uint32(6000) {
		x.Add(doc, sentence(r, 4+r.IntN(20), 3000))
	}
	for range 40 {
		query := x.Analyzer().Analyze(sentence(r, 3, 3000) + sentence(r, 3, 20))
		wanted := x.want(query)
		all := x.take(nil)
		for _, w := range wanted {
			all.open(w)
		}
		want := all.best(10, nil)
		x.give(all)
		if got := x.SearchTerms(query, 10, nil, nil); !same(got, want) {
			t.Fatalf("%q\n got %v\nwant %v", query.words(), got, want)
		}
	}
}

func TestManySearchAtOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	x := New(analyzer(t, "none"))
	for doc := range uint32(500) {
		x.Add(doc, sentence(r, 10, 100))
	}
	want := found(x.Search("w1 w50", 10, nil, nil))
	done := make(chan string, 8)
	for range cap(done) {
		go func() {
			got := want
			for range 50 {
				if got == want {
					got = found(x.Search("w1 w50", 10, nil, nil))
				}
			}
			done <- got
		}()
	}
	for range cap(done) {
		if got := <-done; got != want {
			t.Errorf("a search beside others found %s, want %s", got, want)
		}
	}
}
