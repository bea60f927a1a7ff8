package collection

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/text"
)

// words is what finds points by their texts. It costs nothing until a point has any. The collection's lock guards it.
type words struct {
	fields   []path // of payloads, whose texts count
	language string
	index    *text.Index
}

// terms are the words of a draft, found before any lock was taken; by is nil when they were not.
type terms struct {
	text.Terms
	by *words
}

// analyzer takes texts of the language apart.
func analyzer(language string) (*text.Analyzer, error) {
	a, err := text.NewAnalyzer(text.Options{Language: language})
	if err != nil {
		return nil, fault.New(fault.Invalid, "there is no language %q: it is one of %s, or none", clip(language), strings.Join(text.Languages(), ", ")).
			With("field", "language")
	}
	return a, nil
}

// configureWords makes the index of words anew when it is to hold others.
func (c *Collection) configureWords(before *Config) {
	if c.words != nil && c.words.language == c.config.Language && equal(before.Text, c.config.Text) {
		return
	}
	a, err := analyzer(c.config.Language)
	if err != nil {
		panic(err) // Config.Check found nothing wrong
	}
	w := &words{language: c.config.Language, index: text.New(a)}
	for _, field := range c.config.Text {
		w.fields = append(w.fields, parsePath(field))
	}
	c.words = w
	for _, p := range c.slots {
		if p != nil {
			w.add(p, terms{})
		}
	}
}

func equal(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

// Prepare finds the words of a draft, so that Put need not do so under the lock. It takes the lock shared for a moment.
func (c *Collection) Prepare(d *Draft) {
	c.RLock()
	w := c.words
	c.RUnlock()
	if content := w.content(d); content != "" {
		d.terms = terms{w.index.Analyzer().Analyze(content), w}
	}
}

// content is the text whose words count: the point's own, and those of its payload's fields.
func (w *words) content(d *Draft) string {
	if len(w.fields) == 0 {
		return d.Text
	}
	parts := []string{d.Text}
	for _, field := range w.fields {
		field.each(d.Payload, func(v gjson.Result) bool {
			if v.Type == gjson.String {
				parts = append(parts, v.Str)
			}
			return true
		})
	}
	return strings.Join(parts, "\n")
}

func (w *words) add(p *Point, t terms) {
	if t.by == w {
		w.index.AddTerms(p.slot, t.Terms)
		return
	}
	if content := w.content(&p.Draft); strings.TrimSpace(content) != "" {
		w.index.Add(p.slot, content)
	}
}

func (w *words) remove(p *Point) { w.index.Remove(p.slot) }

func (w *words) bytes() int64 { return w.index.Bytes() }

// Words returns the points whose texts fit the query best, the best first: at most limit of those that the filter means.
// It takes the lock by itself.
func (c *Collection) Words(query string, f *Filter, limit int, now int64) []Hit {
	c.RLock()
	defer c.RUnlock()
	plan := c.plan(f)
	keep := func(slot uint32) bool {
		p := c.slots[slot]
		return p != nil && p.lives(now) && plan.means(p)
	}
	found := c.words.index.Search(query, limit, keep, nil)
	hits := make([]Hit, len(found))
	for i, h := range found {
		hits[i] = Hit{Point: c.slots[h.Doc], Score: h.Score}
	}
	// Equals come by slot, which is another after a restart.
	slices.SortFunc(hits, func(a, b Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), a.ID.Compare(b.ID)) })
	return hits
}

// VectorsOf returns the vectors of points, as they are kept; none of a point that is no more. It takes the lock by itself.
func (c *Collection) VectorsOf(hits []Hit) {
	c.RLock()
	defer c.RUnlock()
	for i, h := range hits {
		if int(h.slot) < len(c.slots) && c.slots[h.slot] == h.Point {
			hits[i].Vectors = c.Vectors(h.Point)
		}
	}
}
