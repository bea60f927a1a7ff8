package matrix

import (
	"math"
	"math/bits"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/tensor"
)

// Alike refuses two vectors that are not equally long, and numbers that are none.
func Alike(a, b []float32) error {
	switch {
	case len(a) == 0:
		return fault.New(fault.Invalid, `"a" is required`).With("field", "a")
	case len(b) == 0:
		return fault.New(fault.Invalid, `"b" is required`).With("field", "b")
	case len(a) != len(b):
		return fault.New(fault.Invalid, "the vectors have %d and %d numbers, and are to be equally long", len(a), len(b)).
			With("a", len(a)).With("b", len(b))
	}
	if err := finite("a", a); err != nil {
		return err
	}
	return finite("b", b)
}

// Given refuses a vector that has no numbers, or such as are none.
func Given(a []float32) error {
	if len(a) == 0 {
		return fault.New(fault.Invalid, `"a" is required`).With("field", "a")
	}
	return finite("a", a)
}

// Dot returns the sum of the products of a's and b's numbers.
func Dot(a, b []float32) (sum float64) {
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return sum
}

// Norm returns the length of a.
func Norm(a []float32) float64 { return math.Sqrt(Dot(a, a)) }

// Each returns what f makes of every number of a and its partner in b. A number that no float32 holds is an error.
func Each(a, b []float32, f func(x, y float64) float64) ([]float32, error) {
	out := make([]float32, len(a))
	for i, x := range a {
		out[i] = float32(f(float64(x), float64(b[i])))
	}
	return out, inRange(out)
}

// Unit returns the vector of length 1 in a's direction. Zeros have none, and stay.
func Unit(a []float32) []float32 {
	out := make([]float32, len(a))
	norm := Norm(a)
	if norm == 0 {
		return out
	}
	for i, x := range a {
		out[i] = float32(float64(x) / norm)
	}
	return out
}

// Cosine returns the cosine of the angle between a and b; 0 when one of them has no direction.
func Cosine(a, b []float32) float64 {
	norms := Norm(a) * Norm(b)
	if norms == 0 {
		return 0
	}
	return max(-1, min(1, Dot(a, b)/norms))
}

// Euclidean returns how far a and b are apart in a straight line.
func Euclidean(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		d := float64(x) - float64(b[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

// Manhattan returns how far a and b are apart along the axes.
func Manhattan(a, b []float32) (sum float64) {
	for i, x := range a {
		sum += math.Abs(float64(x) - float64(b[i]))
	}
	return sum
}

// Hamming returns in how many places a and b differ.
func Hamming(a, b []float32) float64 {
	n := 0
	for i, x := range a {
		if x != b[i] {
			n++
		}
	}
	return float64(n)
}

// HammingBits returns how many bits of a and b differ, which are equally long.
func HammingBits(a, b string) float64 {
	n := 0
	for i := range len(a) {
		n += bits.OnesCount8(a[i] ^ b[i])
	}
	return float64(n)
}

// Pairs returns what f says of every row of a with every row of b.
func Pairs(a, b tensor.Matrix, f func(a, b []float32) float64) (tensor.Matrix, error) {
	if a.Cols != b.Cols {
		return tensor.Matrix{}, shapes("rows of a and b", a, b)
	}
	if a.Rows > MaxDistances/b.Rows {
		return tensor.Matrix{}, fault.New(fault.TooLarge, "%d x %d pairs; one request works out at most %d", a.Rows, b.Rows, MaxDistances).
			With("limit", MaxDistances)
	}
	if err := products(a.Rows, a.Cols, b.Rows); err != nil {
		return tensor.Matrix{}, err
	}
	out := tensor.Matrix{Rows: a.Rows, Cols: b.Rows, Data: make([]float32, 0, a.Rows*b.Rows)}
	for i := range a.Rows {
		for j := range b.Rows {
			out.Data = append(out.Data, float32(f(a.Row(i), b.Row(j))))
		}
	}
	return out, inRange(out.Data)
}
