package distance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// spaces is every kind of Space there is, at a dimension.
func spaces(t testing.TB, dim int) []*Space {
	t.Helper()
	var all []*Space
	for m := Cosine; m <= Hamming; m++ {
		for e := Float32; e <= Bit; e++ {
			for _, walk := range []Element{0, Int8, Bit} {
				if s, err := NewSpace(dim, m, e, walk); err == nil {
					all = append(all, s)
				}
			}
		}
	}
	if len(all) != 1+3*(3+3+2) {
		t.Fatalf("%d kinds of spaces", len(all))
	}
	return all
}

func random(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// plain is the distance of two vectors by the book.
func plain(m Metric, a, b []float32) float64 {
	var dot, aa, bb, square, bits float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot, aa, bb, square = dot+x*y, aa+x*x, bb+y*y, square+(x-y)*(x-y)
		if (x > 0) != (y > 0) {
			bits++
		}
	}
	switch m {
	case Cosine:
		return 1 - dot/math.Sqrt(aa*bb)
	case Dot:
		return -dot
	case Euclidean:
		return square
	}
	return bits
}

func TestDistancesAreThoseOfTheBook(t *testing.T) {
	for _, dim := range []int{1, 3, 31, 64, 100, 384, 1000} {
		r := rand.New(rand.NewPCG(1, uint64(dim)))
		for _, s := range spaces(t, dim) {
			t.Run(s.String(), func(t *testing.T) {
				rows := NewRows(s, 8)
				vs := make([][]float32, 40)
				slots := make([]uint32, len(vs))
				for i := range vs {
					vs[i], slots[i] = random(r, dim), uint32(i)
					if !rows.Has(uint32(i)) {
						rows.Grow(uint32(i))
					}
					*rows.Head(uint32(i)) = s.Encode(rows.Row(uint32(i)), vs[i])
				}
				q := random(r, dim)
				var query, stored Query
				s.Prepare(&query, q)
				fine, coarse := make([]float32, len(vs)), make([]float32, len(vs))
				s.Fine(&query, rows, slots, fine)
				s.Coarse(&query, rows, slots, coarse)
				scale := (1 + length(q)) * math.Sqrt(float64(dim))
				if s.metric == Cosine {
					scale = 1
				}
				fineError := map[Element]float64{Float32: 3e-6, Float16: 1e-3, Int8: 1e-2, Bit: 0}[s.element] * scale
				coarseError := map[Element]float64{Float32: 1e-2, Float16: 2e-3, Int8: 2e-2, Bit: math.Inf(1)}[s.walk] * scale
				if s.metric == Euclidean {
					fineError, coarseError = 8*fineError, 8*coarseError
				}
				if s.metric == Hamming {
					coarseError = 0
				}
				for i := range vs {
					want := plain(s.metric, q, vs[i])
					if diff := math.Abs(float64(fine[i]) - want); diff > fineError {
						t.Errorf("fine distance %v, want %v: off by %v, more than %v", fine[i], want, diff, fineError)
					}
					if diff := math.Abs(float64(coarse[i]) - want); diff > coarseError {
						t.Errorf("coarse distance %v, want %v: off by %v, more than %v", coarse[i], want, diff, coarseError)
					}
				}
				// A row measured as a query gives what its vector gave.
				s.From(&stored, rows, 7)
				s.Prepare(&query, vs[7])
				again := make([]float32, len(vs))
				s.Coarse(&query, rows, slots, coarse)
				s.Coarse(&stored, rows, slots, again)
				for i := range again {
					if again[i] != coarse[i] {
						t.Errorf("a stored query is %v from row %d, a given one %v", again[i], i, coarse[i])
					}
				}
			})
		}
	}
}

func TestVectorsComeBack(t *testing.T) {
	const dim = 70
	r := rand.New(rand.NewPCG(2, 3))
	for _, s := range spaces(t, dim) {
		t.Run(s.String(), func(t *testing.T) {
			for range 50 {
				v := random(r, dim)
				row := aligned(s.Size())
				head := s.Encode(row, v)
				got := make([]float32, dim)
				s.Decode(got, row, head)
				if err := s.CheckRow(row, head); err != nil {
					t.Fatal(err)
				}
				for i := range v {
					want, most := float64(v[i]), 0.0
					switch s.element {
					case Float32:
						if s.metric == Cosine {
							most = 1e-6
						}
					case Float16:
						most = 0.005
					case Int8:
						most = 0.02
					case Bit:
						want = 0
						if v[i] > 0 {
							want = 1
						}
					}
					if math.Abs(float64(got[i])-want) > most*max(1, math.Abs(want)) {
						t.Fatalf("component %d is %v, was %v", i, got[i], want)
					}
				}
			}
		})
	}
}

func TestWrongVectorsAreRefused(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, c := range []struct {
		name    string
		metric  Metric
		element Element
		v       []float32
		want    string
	}{
		{"too short", Cosine, Float32, []float32{1, 2}, "the vector has 2 components, and has to have 3"},
		{"none", Cosine, Float32, nil, "the vector has 0 components, and has to have 3"},
		{"not a number", Dot, Float32, []float32{1, nan, 2}, "component 1 of the vector is not a number"},
		{"infinite", Dot, Int8, []float32{1, 2, inf}, "component 2 of the vector is -Inf, and may be at most 1e+15 either way for int8"},
		{"too large for a half", Dot, Float16, []float32{70000, 2, 2}, "component 0 of the vector is 70000, and may be at most 65504 either way for float16"},
		{"zero under cosine", Cosine, Int8, []float32{0, 0, 0}, "the vector is zero, which has no direction: cosine cannot compare it"},
		{"zero under dot", Dot, Int8, []float32{0, 0, 0}, ""},
		{"large under cosine", Cosine, Float16, []float32{70000, 2, 2}, ""},
		{"as small as can be", Cosine, Float32, []float32{math.SmallestNonzeroFloat32, 0, 0}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := NewSpace(3, c.metric, c.element, 0)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := s.Check(c.v); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("Check() = %q, want %q", got, c.want)
			}
		})
	}
}

func TestSpacesThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		dim           int
		metric        Metric
		element, walk Element
	}{
		{0, Cosine, Float32, 0}, {MaxDim + 1, Cosine, Float32, 0}, {3, 0, Float32, 0}, {3, 9, Float32, 0}, {3, Cosine, 0, 0}, {3, Cosine, 5, 0},
		{3, Hamming, Float32, 0}, {3, Cosine, Bit, 0}, {3, Cosine, Float32, Float16}, {3, Dot, Int8, Int8}, {3, Hamming, Bit, Bit},
	} {
		if s, err := NewSpace(c.dim, c.metric, c.element, c.walk); err == nil {
			t.Errorf("there is a space of %v", s)
		}
	}
}

func TestNamesAreRead(t *testing.T) {
	for i, name := range Metrics() {
		if m, ok := ParseMetric(name); !ok || m != Metric(i+1) || m.String() != name {
			t.Errorf("%q is read as %v", name, m)
		}
	}
	for i, name := range Elements() {
		if e, ok := ParseElement(name); !ok || e != Element(i+1) || e.String() != name {
			t.Errorf("%q is read as %v", name, e)
		}
	}
	if _, ok := ParseMetric(""); ok {
		t.Error("the empty name is a metric")
	}
	if _, ok := ParseElement(""); ok {
		t.Error("the empty name is an element")
	}
}

func TestScoresAndDistancesAreInverse(t *testing.T) {
	for m := Cosine; m <= Hamming; m++ {
		for _, score := range []float32{0, 0.25, 1, 7} {
			if got := m.Score(m.Distance(score)); got != score {
				t.Errorf("%v: a score of %v comes back as %v", m, score, got)
			}
		}
		near, far := m.Score(1), m.Score(2)
		if (near > far) != m.HigherIsBetter() {
			t.Errorf("%v: scores %v near and %v far", m, near, far)
		}
	}
}

func TestFloat16IsIEEE(t *testing.T) {
	for h := range 1 << 16 {
		f := fromFloat16(uint16(h))
		if h&0x7c00 == 0x7c00 && h&0x3ff != 0 {
			if f == f {
				t.Fatalf("%#x is %v, want a NaN", h, f)
			}
			continue
		}
		if back := toFloat16(f); back != uint16(h) {
			t.Fatalf("%#x is %v is %#x", h, f, back)
		}
		// Half-way to the next goes to the even one.
		if next := fromFloat16(uint16(h + 1)); h&0x7fff < 0x7bff {
			if got := toFloat16((f + next) / 2); got != uint16((h+1)&^1) {
				t.Fatalf("between %#x and the next is %#x", h, got)
			}
		}
	}
	for f, want := range map[float32]uint16{65520: 0x7c00, 65519: 0x7bff, 1e-9: 0, -1e-9: 0x8000, 1: 0x3c00, 0.333251953125: 0x3555} {
		if got := toFloat16(f); got != want {
			t.Errorf("%v is %#x, want %#x", f, got, want)
		}
	}
}

func TestHalvesOfFloatsMakeTheFloat(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	for range 1_000_000 {
		f := math.Float32frombits(r.Uint32())
		if f != f || f > MaxComponent || f < -MaxComponent {
			continue
		}
		upper, lower := split(f)
		if got := join(upper, lower); math.Float32bits(got) != math.Float32bits(f) {
			t.Fatalf("%v comes back as %v", f, got)
		}
		if coarse := join(upper, 0); math.Abs(float64(coarse-f)) > math.Abs(float64(f))/256 && math.Abs(float64(f)) > 1e-37 {
			t.Fatalf("the upper half of %v is %v", f, coarse)
		}
	}
}

func TestRowsGrowAndAreGivenBack(t *testing.T) {
	s, _ := NewSpace(100, Dot, Int8, 0)
	rows := NewRows(s, 64)
	for slot := range uint32(300) {
		if !rows.Has(slot) {
			rows.Grow(slot)
		}
		rows.Row(slot)[0] = byte(slot)
		rows.Head(slot).Factor = float32(slot)
		if slot == 9 && rows.Bytes() > 16*200 {
			t.Errorf("ten rows take %d bytes", rows.Bytes())
		}
	}
	for slot := range uint32(300) {
		if rows.Row(slot)[0] != byte(slot) || rows.Head(slot).Factor != float32(slot) {
			t.Fatalf("slot %d was lost", slot)
		}
	}
	before := rows.Bytes()
	rows.Drop(1)
	if rows.Has(64) || rows.Has(127) || !rows.Has(63) || !rows.Has(128) {
		t.Error("the wrong block was given back")
	}
	if freed := before - rows.Bytes(); freed < 64*128 {
		t.Errorf("a block given back frees %d bytes", freed)
	}
	rows.Grow(100)
	if !rows.Has(64) || rows.Row(100)[0] != 0 {
		t.Error("a block does not come back empty")
	}
}

func BenchmarkCoarse(b *testing.B) { benchmark(b, (*Space).Coarse) }
func BenchmarkFine(b *testing.B)   { benchmark(b, (*Space).Fine) }

// benchmark measures one query against 32 rows of 384 components at random places among 20,000.
func benchmark(b *testing.B, measure func(*Space, *Query, *Rows, []uint32, []float32)) {
	const dim, n, many = 384, 20_000, 32
	r := rand.New(rand.NewPCG(1, 2))
	for _, kind := range []struct{ element, walk Element }{{Float32, 0}, {Float32, Int8}, {Float16, 0}, {Int8, 0}, {Bit, 0}} {
		metric := Cosine
		if kind.element == Bit {
			metric = Hamming
		}
		s, err := NewSpace(dim, metric, kind.element, kind.walk)
		if err != nil {
			b.Fatal(err)
		}
		rows := NewRows(s, 0)
		v := random(r, dim)
		for i := range uint32(n) {
			if !rows.Has(i) {
				rows.Grow(i)
			}
			v[int(i)%dim] = float32(r.NormFloat64())
			*rows.Head(i) = s.Encode(rows.Row(i), v)
		}
		b.Run(fmt.Sprint(s), func(b *testing.B) {
			var q Query
			s.Prepare(&q, v)
			slots, out := make([]uint32, 1<<16), make([]float32, many)
			for i := range slots {
				slots[i] = r.Uint32N(n)
			}
			at := 0
			for b.Loop() {
				measure(s, &q, rows, slots[at:at+many], out)
				at = (at + many) % (len(slots) - many)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/row")
		})
	}
}
