// Package matrix is arithmetic for those who have no library at hand: matrices, and how alike or far apart vectors are.
//
// Numbers come in as float32, are added up as float64, and go out as float32. Nothing
// is kept: its structures, matrix, similarity and distance, have no data, and its
// functions know no commands. BLAS and LAPACK are gonum's.
//
// Every operation has a bound on what it computes, so that no request can keep a
// processor busy for long.
package matrix

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/tensor"
)

// Limits of one operation. Past them the caller gets TooLarge.
const (
	MaxSide      = 512         // rows of a matrix whose determinant or inverse is asked for
	MaxProducts  = 256_000_000 // numbers that are multiplied with each other: rows x columns x columns
	MaxDistances = 1_000_000   // pairs of vectors of a batch
)

// check refuses a table that has no numbers, or such as are none.
func check(name string, m tensor.Matrix) error {
	if m.Rows == 0 || m.Cols == 0 {
		return fault.New(fault.Invalid, "%q is empty", name).With("field", name)
	}
	return finite(name, m.Data)
}

// finite refuses numbers that are none.
func finite(name string, v []float32) error {
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fault.New(fault.Invalid, "number %d of %q is %v", i, name, x).With("field", name)
		}
	}
	return nil
}

// shapes refuses two tables that do not fit each other, and says both shapes.
func shapes(what string, a, b tensor.Matrix) error {
	return fault.New(fault.Invalid, "%s: %d x %d and %d x %d do not fit", what, a.Rows, a.Cols, b.Rows, b.Cols).
		With("a", []int{a.Rows, a.Cols}).With("b", []int{b.Rows, b.Cols})
}

// dense is the table as gonum has it.
func dense(m tensor.Matrix) *mat.Dense {
	data := make([]float64, len(m.Data))
	for i, x := range m.Data {
		data[i] = float64(x)
	}
	return mat.NewDense(m.Rows, m.Cols, data)
}

// table is what gonum worked out. A number that no float32 holds is an error.
func table(d *mat.Dense) (tensor.Matrix, error) {
	rows, cols := d.Dims()
	out := tensor.Matrix{Rows: rows, Cols: cols, Data: make([]float32, 0, rows*cols)}
	for i := range rows {
		for _, x := range d.RawRowView(i) {
			out.Data = append(out.Data, float32(x+0)) // so that -0 is 0
		}
	}
	return out, inRange(out.Data)
}

func inRange(v []float32) error {
	for _, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fault.New(fault.OutOfRange, "the result does not fit float32")
		}
	}
	return nil
}

// Add returns a + b.
func Add(a, b tensor.Matrix) (tensor.Matrix, error) {
	if a.Rows != b.Rows || a.Cols != b.Cols {
		return tensor.Matrix{}, shapes("add", a, b)
	}
	var sum mat.Dense
	sum.Add(dense(a), dense(b))
	return table(&sum)
}

// Multiply returns the product of a and b.
func Multiply(a, b tensor.Matrix) (tensor.Matrix, error) {
	if a.Cols != b.Rows {
		return tensor.Matrix{}, shapes("multiply", a, b)
	}
	if err := products(a.Rows, a.Cols, b.Cols); err != nil {
		return tensor.Matrix{}, err
	}
	var product mat.Dense
	product.Mul(dense(a), dense(b))
	return table(&product)
}

// products refuses what would take too long.
func products(n, d, m int) error {
	if n > MaxProducts/d/m {
		return fault.New(fault.TooLarge, "%d x %d x %d products; one request works out at most %d", n, d, m, MaxProducts).
			With("limit", MaxProducts)
	}
	return nil
}

// Transpose returns a with rows and columns swapped.
func Transpose(a tensor.Matrix) tensor.Matrix {
	out := tensor.Matrix{Rows: a.Cols, Cols: a.Rows, Data: make([]float32, len(a.Data))}
	for i := range a.Rows {
		for j, x := range a.Row(i) {
			out.Data[j*a.Rows+i] = x
		}
	}
	return out
}

// square refuses a table that is none, or too large a one.
func square(what string, a tensor.Matrix) error {
	switch {
	case a.Rows != a.Cols:
		return fault.New(fault.Invalid, "%s: a square matrix is wanted, not %d x %d", what, a.Rows, a.Cols).With("a", []int{a.Rows, a.Cols})
	case a.Rows > MaxSide:
		return fault.New(fault.TooLarge, "%s: the matrix has %d rows; at most %d are allowed", what, a.Rows, MaxSide).With("limit", MaxSide)
	}
	return nil
}

// Determinant returns a's.
func Determinant(a tensor.Matrix) (float64, error) {
	if err := square("determinant", a); err != nil {
		return 0, err
	}
	var lu mat.LU
	lu.Factorize(dense(a))
	det := lu.Det()
	if math.IsNaN(det) || math.IsInf(det, 0) {
		return 0, fault.New(fault.OutOfRange, "the determinant does not fit float64")
	}
	return det, nil
}

// Inverse returns a's. One that is singular, or so nearly that no digit of the result would be right, has none.
func Inverse(a tensor.Matrix) (tensor.Matrix, error) {
	if err := square("inverse", a); err != nil {
		return tensor.Matrix{}, err
	}
	var inverse mat.Dense
	if err := inverse.Inverse(dense(a)); err != nil {
		return tensor.Matrix{}, fault.New(fault.Invalid, "the matrix is singular: it has no inverse").With("field", "a")
	}
	return table(&inverse)
}

// Normalize returns a with rows of length 1. A row of zeros stays one.
func Normalize(a tensor.Matrix) tensor.Matrix {
	out := tensor.Matrix{Rows: a.Rows, Cols: a.Cols, Data: make([]float32, 0, len(a.Data))}
	for i := range a.Rows {
		out.Data = append(out.Data, Unit(a.Row(i))...)
	}
	return out
}
