package distance

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// byName returns the kernels of a set under their names, and what one number of a query is.
func (s kernelSet) byName() map[string]func(*gather) {
	return map[string]func(*gather){
		"dotUpper": s.dotUpper, "squareUpper": s.squareUpper, "dotHalf": s.dotHalf, "squareHalf": s.squareHalf,
		"dotBytes": s.dotBytes, "hamming": s.hamming, "dotSplit": s.dotSplit, "squareSplit": s.squareSplit,
		"dotFloat": s.dotFloat, "squareFloat": s.squareFloat, "dotFloatHalf": s.dotFloatHalf,
		"squareFloatHalf": s.squareFloatHalf, "dotFloatBytes": s.dotFloatBytes,
	}
}

// agree runs a kernel of a set and its twin in Go over n random rows of some chunks, and complains if they differ by
// more than rounding.
func agree(t *testing.T, set kernelSet, name string, seed uint64, n, chunks, ahead int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	const perBlock = 4
	// Rows may be twice as long as what is read, and the part that is read may begin in them.
	stride := 3 * chunks * chunk
	query := aligned(4 * chunks * chunk)
	fill := func(b []byte) {
		switch name {
		case "dotBytes", "hamming":
			for i := range b {
				b[i] = byte(r.Uint32())
			}
		case "dotHalf", "squareHalf", "dotFloatHalf", "squareFloatHalf":
			for i := range view[uint16](b) {
				view[uint16](b)[i] = toFloat16(float32(r.NormFloat64()))
			}
		case "dotFloat", "squareFloat":
			for i := range view[float32](b) {
				view[float32](b)[i] = float32(r.NormFloat64())
			}
		case "dotFloatBytes":
			for i := range b {
				b[i] = byte(r.Uint32())
			}
		default: // halves of float32s: small ones, so that the signed part is any number
			for i := range view[uint16](b) {
				upper, _ := split(float32(r.NormFloat64()))
				view[uint16](b)[i] = upper
			}
		}
	}
	fill(query)
	switch name {
	case "dotSplit", "squareSplit", "dotFloat", "squareFloat", "dotFloatHalf", "squareFloatHalf", "dotFloatBytes":
		for i := range view[float32](query) {
			view[float32](query)[i] = float32(r.NormFloat64())
		}
	}
	var blocks []unsafe.Pointer
	for range 3 {
		block := aligned(perBlock * stride)
		fill(block)
		blocks = append(blocks, unsafe.Pointer(unsafe.SliceData(block)))
	}
	slots, got, want := make([]uint32, n), make([]float32, n+1), make([]float32, n+1)
	for i := range slots {
		slots[i] = r.Uint32N(3 * perBlock)
	}
	got[n], want[n] = 7, 7
	g := gather{
		query: unsafe.Pointer(unsafe.SliceData(query)), blocks: unsafe.Pointer(unsafe.SliceData(blocks)),
		slots: unsafe.Pointer(unsafe.SliceData(slots)), out: unsafe.Pointer(unsafe.SliceData(got)),
		n: uint64(n), shift: 2, mask: perBlock - 1, stride: uint64(stride), offset: uint64(chunks * chunk * r.IntN(2)),
		chunks: uint64(chunks), ahead: uint64(ahead),
	}
	set.byName()[name](&g)
	g.out = unsafe.Pointer(unsafe.SliceData(want))
	generic.byName()[name](&g)
	for i := range want {
		if name == "dotBytes" || name == "hamming" {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
				t.Fatalf("%s %s, seed %d, %d rows of %d chunks: result %d is %#x, want %#x", set.name, name, seed, n, chunks, i, math.Float32bits(got[i]), math.Float32bits(want[i]))
			}
			continue
		}
		size := 127 * math.Sqrt(float64(32*chunks))
		if name != "dotFloatBytes" {
			size /= 127
		}
		if diff := math.Abs(float64(got[i] - want[i])); !(diff <= 1e-5*(size+math.Abs(float64(want[i])))) {
			t.Fatalf("%s %s, seed %d, %d rows of %d chunks: result %d is %v, want %v", set.name, name, seed, n, chunks, i, got[i], want[i])
		}
	}
}

func TestKernelsAgreeWithThoseInGo(t *testing.T) {
	sets := supported()
	if len(sets) == 0 {
		t.Skip("this processor runs only the kernels in Go")
	}
	for _, set := range sets {
		for name := range generic.byName() {
			t.Run(set.name+"/"+name, func(t *testing.T) {
				for _, n := range []int{0, 1, 2, 3, 7, 32} {
					for _, chunks := range []int{1, 2, 3, 6, 12} {
						agree(t, set, name, uint64(n*100+chunks), n, chunks, 1+n%8)
					}
				}
			})
		}
	}
}

func FuzzKernels(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(6), uint8(2))
	f.Fuzz(func(t *testing.T, seed uint64, n, chunks, ahead uint8) {
		for _, set := range supported() {
			for name := range generic.byName() {
				agree(t, set, name, seed, int(n%40), 1+int(chunks%20), int(ahead%10))
			}
		}
	})
}

func TestMeasuringAllocatesNothing(t *testing.T) {
	for _, s := range spaces(t, 100) {
		rows := NewRows(s, 0)
		rows.Grow(0)
		*rows.Head(0) = s.Encode(rows.Row(0), random(rand.New(rand.NewPCG(1, 1)), 100))
		var q Query
		v, slots, out := random(rand.New(rand.NewPCG(1, 2)), 100), []uint32{0}, []float32{0}
		s.Prepare(&q, v)
		if n := testing.AllocsPerRun(10, func() {
			s.Prepare(&q, v)
			s.Coarse(&q, rows, slots, out)
			s.Fine(&q, rows, slots, out)
		}); n != 0 {
			t.Errorf("%v: %v allocations", s, n)
		}
	}
}
