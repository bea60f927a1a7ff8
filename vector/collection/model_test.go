package collection

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/vector/tensor"
)

// small makes every boundary of searches and graphs a common one, until the test ends.
func small(t testing.TB) {
	a, b, c, d := autoAbove, scanBatch, scanYield, eager
	autoAbove, scanBatch, scanYield, eager = 40, 8, 16, true
	t.Cleanup(func() { autoAbove, scanBatch, scanYield, eager = a, b, c, d })
}

// modelPoint is a point as the model has it.
type modelPoint struct {
	vector  []float32
	payload map[string]any
	expires int64
}

// world is a collection and a dumb model of it.
type world struct {
	t       testing.TB
	r       *rand.Rand
	c       *Collection
	model   map[ID]modelPoint
	version uint64
	now     int64
}

func newWorld(t testing.TB, seed uint64, config *Config) *world {
	if err := config.Check(); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, r: rand.New(rand.NewPCG(seed, 1)), c: New(config), model: map[ID]modelPoint{}, now: 1000}
}

func (w *world) id() ID {
	if w.r.IntN(2) == 0 {
		return NumberID(uint64(w.r.IntN(60)))
	}
	return TextID(fmt.Sprintf("p%d", w.r.IntN(60)))
}

func (w *world) vector() []float32 {
	v := make([]float32, w.c.shape.Vectors[0].Dimension)
	for i := range v {
		v[i] = float32(w.r.NormFloat64())
	}
	return v
}

var cities = []string{"lisbon", "lima", "london", "oslo", "osaka"}

func (w *world) payload() map[string]any {
	p := map[string]any{"city": cities[w.r.IntN(len(cities))], "n": w.r.IntN(20), "on": w.r.IntN(2) == 0}
	switch w.r.IntN(4) {
	case 0:
		p["tags"] = []any{cities[w.r.IntN(5)], cities[w.r.IntN(5)]}
	case 1:
		p["at"] = map[string]any{"lat": float64(w.r.IntN(180) - 90), "lon": float64(w.r.IntN(360) - 180)}
	case 2:
		p["list"] = []any{map[string]any{"k": cities[w.r.IntN(3)], "v": w.r.IntN(3)}, map[string]any{"k": cities[w.r.IntN(3)], "v": w.r.IntN(3)}}
	}
	return p
}

func (w *world) put() {
	id, v, p := w.id(), w.vector(), w.payload()
	rows, err := w.c.Encode(map[string]tensor.Floats{"": v})
	if err != nil {
		w.t.Fatal(err)
	}
	text, _ := json.Marshal(p)
	w.version++
	d := &Draft{ID: id, Payload: string(text), Rows: rows}
	if w.r.IntN(6) == 0 {
		d.Expires = w.now + int64(w.r.IntN(50))
	}
	w.c.Lock()
	w.c.Put(w.version, d)
	w.c.Unlock()
	w.model[id] = modelPoint{v, p, d.Expires}
}

func (w *world) remove() {
	id := w.id()
	w.c.Lock()
	got := w.c.Remove(id)
	w.c.Unlock()
	if _, want := w.model[id]; got != want {
		w.t.Fatalf("Remove(%s) = %v", id, got)
	}
	delete(w.model, id)
}

func textOf(s string) value.Value { return value.OfText(s) }

func numberOf(x float64) value.Value {
	v, _ := value.OfJSON([]byte(fmt.Sprint(x)))
	return v
}

// condition is any condition, and what it means to the model.
func (w *world) condition(depth int) (Condition, func(ID, map[string]any) bool) {
	r := w.r
	city := cities[r.IntN(5)]
	switch r.IntN(11) {
	case 0:
		return Condition{Key: "city", Match: textOf(city)}, func(_ ID, p map[string]any) bool { return p["city"] == city }
	case 1:
		n := r.IntN(20)
		return Condition{Key: "n", Match: numberOf(float64(n))}, func(_ ID, p map[string]any) bool { return p["n"] == n }
	case 2:
		lo, hi := float64(r.IntN(20)), float64(r.IntN(20))
		return Condition{Key: "n", Range: &Range{GT: &lo, LTE: &hi}}, func(_ ID, p map[string]any) bool {
			n, ok := p["n"].(int)
			return ok && float64(n) > lo && float64(n) <= hi
		}
	case 3:
		prefix := city[:1+r.IntN(2)]
		return Condition{Key: "city", Prefix: &prefix}, func(_ ID, p map[string]any) bool {
			s, ok := p["city"].(string)
			return ok && strings.HasPrefix(s, prefix)
		}
	case 4:
		yes := r.IntN(2) == 0
		key := []string{"tags", "at", "list.k", "at.lat", "nothing"}[r.IntN(5)]
		first, _, _ := strings.Cut(key, ".")
		return Condition{Key: key, Exists: &yes}, func(_ ID, p map[string]any) bool { return (p[first] != nil) == yes }
	case 5:
		return Condition{Key: "tags", Any: []value.Value{textOf(city), textOf("nowhere")}}, func(_ ID, p map[string]any) bool {
			tags, _ := p["tags"].([]any)
			return slices.Contains(tags, any(city))
		}
	case 6:
		on, _ := value.OfJSON([]byte("true"))
		return Condition{Key: "on", Match: on}, func(_ ID, p map[string]any) bool { return p["on"] == true }
	case 7:
		g := &Circle{float64(r.IntN(160) - 80), float64(r.IntN(360) - 180), float64(r.IntN(9_000_000) + 1)}
		return Condition{Key: "at", Geo: g}, func(_ ID, p map[string]any) bool {
			at, ok := p["at"].(map[string]any)
			return ok && arc(g.Lat, g.Lon, at["lat"].(float64), at["lon"].(float64)) <= g.RadiusM
		}
	case 8:
		id := w.id()
		return Condition{IDs: []ID{id, TextID("zz")}}, func(i ID, _ map[string]any) bool { return i == id }
	case 9:
		k, v := cities[r.IntN(3)], r.IntN(3)
		f := &Filter{Must: []Condition{{Key: "k", Match: textOf(k)}, {Key: "v", Match: numberOf(float64(v))}}}
		return Condition{Key: "list", Nested: f}, func(_ ID, p map[string]any) bool {
			list, _ := p["list"].([]any)
			return slices.ContainsFunc(list, func(e any) bool { m := e.(map[string]any); return m["k"] == k && m["v"] == v })
		}
	}
	if depth > 2 {
		return w.condition(depth)
	}
	f, means := w.filter(depth + 1)
	return Condition{Filter: f}, means
}

// arc is the distance on the sphere by another formula than the code's.
func arc(lat1, lon1, lat2, lon2 float64) float64 {
	rad := math.Pi / 180
	point := func(lat, lon float64) [3]float64 {
		return [3]float64{math.Cos(lat*rad) * math.Cos(lon*rad), math.Cos(lat*rad) * math.Sin(lon*rad), math.Sin(lat * rad)}
	}
	a, b := point(lat1, lon1), point(lat2, lon2)
	dot := a[0]*b[0] + a[1]*b[1] + a[2]*b[2]
	return earthM * math.Acos(max(-1, min(1, dot)))
}

// filter is any filter, and what it means to the model.
func (w *world) filter(depth int) (*Filter, func(ID, map[string]any) bool) {
	f := &Filter{}
	var must, should, not []func(ID, map[string]any) bool
	for range w.r.IntN(3) {
		c, means := w.condition(depth)
		switch w.r.IntN(3) {
		case 0:
			f.Must, must = append(f.Must, c), append(must, means)
		case 1:
			f.Should, should = append(f.Should, c), append(should, means)
		case 2:
			f.MustNot, not = append(f.MustNot, c), append(not, means)
		}
	}
	return f, func(id ID, p map[string]any) bool {
		ask := func(m func(ID, map[string]any) bool) bool { return m(id, p) }
		return !slices.ContainsFunc(must, func(m func(ID, map[string]any) bool) bool { return !ask(m) }) &&
			!slices.ContainsFunc(not, ask) && (len(should) == 0 || slices.ContainsFunc(should, ask))
	}
}

// meant are the model's points that a filter means.
func (w *world) meant(means func(ID, map[string]any) bool) (ids []ID) {
	for id, p := range w.model {
		if (p.expires == 0 || p.expires > w.now) && means(id, p.payload) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, ID.Compare)
	return ids
}

func score(metric string, a, b []float32) float64 {
	dot, aa, bb, square := 0.0, 0.0, 0.0, 0.0
	bits := 0
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot, aa, bb, square = dot+x*y, aa+x*x, bb+y*y, square+(x-y)*(x-y)
		if (x > 0) != (y > 0) {
			bits++
		}
	}
	switch metric {
	case Cosine:
		return dot / math.Sqrt(aa*bb)
	case Dot:
		return dot
	case Euclidean:
		return math.Sqrt(square)
	}
	return float64(bits)
}

// search compares a search with the model. Exact is found what there is; a walk must find as many, and all of them right.
func (w *world) search(tolerance float64) {
	f, means := w.filter(0)
	if w.r.IntN(3) == 0 {
		f, means = nil, func(ID, map[string]any) bool { return true }
	}
	q := &Query{Vector: w.vector(), Filter: f, Limit: 1 + w.r.IntN(12), Offset: w.r.IntN(3), Exact: w.r.IntN(2) == 0, Now: w.now}
	if err := f.Check(); err != nil {
		w.t.Fatal(err)
	}
	ids := w.meant(means)
	hits, err := w.c.Search(q)
	if err != nil {
		w.t.Fatal(err)
	}
	if want := min(q.Limit, max(0, len(ids)-q.Offset)); len(hits) != want {
		w.t.Fatalf("%d hits, want %d of %d meant: %+v", len(hits), want, len(ids), f)
	}
	metric := w.c.shape.Vectors[0].Metric
	better := func(a, b float64) bool { return a > b }
	if metric == Euclidean || metric == Hamming {
		better = func(a, b float64) bool { return a < b }
	}
	var all []float64
	for _, id := range ids {
		all = append(all, score(metric, q.Vector, w.model[id].vector))
	}
	slices.SortFunc(all, func(a, b float64) int {
		switch {
		case better(a, b):
			return -1
		case better(b, a):
			return 1
		}
		return 0
	})
	for i, h := range hits {
		if !slices.Contains(ids, h.ID) {
			w.t.Fatalf("%s is not meant by %+v", h.ID, f)
		}
		own := score(metric, q.Vector, w.model[h.ID].vector)
		if math.Abs(own-float64(h.Score)) > tolerance {
			w.t.Fatalf("%s has a score of %v, want %v", h.ID, h.Score, own)
		}
		if q.Exact && math.Abs(float64(h.Score)-all[i+q.Offset]) > tolerance {
			w.t.Fatalf("hit %d has a score of %v, want %v", i, h.Score, all[i+q.Offset])
		}
	}
	if n := w.c.Count(f, w.now); n != len(ids) {
		w.t.Fatalf("Count = %d, want %d: %+v", n, len(ids), f)
	}
	w.page(f, ids)
}

// page reads all pages.
func (w *world) page(f *Filter, want []ID) {
	var got []ID
	for from, n := (ID{}), 0; ; n++ {
		page := w.c.Page(f, from, 3, false, w.now)
		for _, p := range page.Points {
			got = append(got, p.ID)
		}
		if from = page.Next; from.IsZero() {
			break
		}
	}
	if !slices.Equal(got, want) {
		w.t.Fatalf("pages have %v, want %v: %+v", got, want, f)
	}
}

// TestHistories compares histories of changes and searches with a model, in every kind of collection.
func TestHistories(t *testing.T) {
	small(t)
	for _, kind := range []struct {
		metric, element, index, walk string
		tolerance                    float64
	}{
		{Cosine, Float32, Auto, "", 1e-5},
		{Cosine, Float32, HNSW, Int8, 1e-5},
		{Dot, Float32, HNSW, "", 1e-4},
		{Euclidean, Float32, Flat, "", 1e-4},
		{Cosine, Float16, Auto, "", 2e-3},
		{Euclidean, Int8, Auto, "", 0.1},
		{Hamming, Bit, HNSW, "", 0},
	} {
		t.Run(kind.metric+" "+kind.element+" "+kind.index, func(t *testing.T) {
			for seed := range uint64(6) {
				w := newWorld(t, seed, &Config{
					Vectors: []VectorConfig{{Dimension: 16, Metric: kind.metric, Element: kind.element, Index: kind.index, Walk: kind.walk}},
					Indexes: []IndexConfig{{"city", Keyword}, {"n", Integer}, {"tags", Keyword}, {"on", Bool}, {"at", Geo}}[:seed%6],
				})
				for range 400 {
					switch w.r.IntN(8) {
					case 0, 1, 2, 3:
						w.put()
					case 4:
						w.remove()
					case 5:
						w.c.Build()
					case 6:
						w.search(kind.tolerance)
					case 7:
						w.now += int64(w.r.IntN(3))
					}
				}
				w.same()
				for w.c.Build() {
				}
				w.search(kind.tolerance)
				w.same()
			}
		})
	}
}

// same compares what is there with the model, and checks the collection.
func (w *world) same() {
	w.t.Helper()
	if err := w.c.Check(); err != nil {
		w.t.Fatal(err)
	}
	if w.c.Len() != len(w.model) {
		w.t.Fatalf("%d points, want %d", w.c.Len(), len(w.model))
	}
}
