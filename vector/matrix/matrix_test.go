package matrix

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/tensor"
)

func table2(rows ...[]float32) (m tensor.Matrix) {
	for _, r := range rows {
		m.Rows, m.Cols, m.Data = m.Rows+1, len(r), append(m.Data, r...)
	}
	return m
}

// TestKnownAnswers are those of the protocol that the operations come from.
func TestKnownAnswers(t *testing.T) {
	a, b := []float32{1, 2, 3}, []float32{4, 5, 6}
	product, err := Multiply(table2([]float32{1, 2}, []float32{3, 4}), table2([]float32{5, 6}, []float32{7, 8}))
	if err != nil {
		t.Fatal(err)
	}
	wide, err := Multiply(table2([]float32{1, 2, 3}, []float32{4, 5, 6}), table2([]float32{7, 8}, []float32{9, 10}, []float32{11, 12}))
	if err != nil {
		t.Fatal(err)
	}
	det, err := Determinant(table2([]float32{1, 2}, []float32{3, 4}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"dot", fmt.Sprint(Dot(a, b)), "32"},
		{"cosine", fmt.Sprintf("%.9f", Cosine(a, b)), "0.974631846"},
		{"product", fmt.Sprint(product.Data), "[19 22 43 50]"},
		{"product of 2x3 and 3x2", fmt.Sprint(wide.Data), "[58 64 139 154]"},
		{"determinant", fmt.Sprintf("%.12f", det), "-2.000000000000"},
		{"cosine of nothing", fmt.Sprint(Cosine([]float32{0, 0}, []float32{1, 1})), "0"},
		{"unit of nothing", fmt.Sprint(Unit([]float32{0, 0})), "[0 0]"},
		{"bits", fmt.Sprint(HammingBits("\x00\xff", "\x01\xfe")), "2"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

// TestInverse multiplies random matrices with their inverses.
func TestInverse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	for n := 1; n <= 20; n++ {
		m := tensor.Matrix{Rows: n, Cols: n, Data: make([]float32, n*n)}
		for i := range m.Data {
			m.Data[i] = float32(r.NormFloat64())
		}
		for i := range n {
			m.Data[i*n+i] += 8
		}
		inverse, err := Inverse(m)
		if err != nil {
			t.Fatal(err)
		}
		one, err := Multiply(m, inverse)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			for j, x := range one.Row(i) {
				want := 0.0
				if i == j {
					want = 1
				}
				if math.Abs(float64(x)-want) > 1e-4 {
					t.Fatalf("%d x %d: %v at %d, %d, want %v", n, n, x, i, j, want)
				}
			}
		}
	}
}

func TestWhatCannotBe(t *testing.T) {
	two, three := table2([]float32{1, 2}, []float32{2, 4}), table2([]float32{1, 2, 3})
	large := tensor.Matrix{Rows: 513, Cols: 513, Data: make([]float32, 513*513)}
	long := tensor.Matrix{Rows: 1500, Cols: 1500, Data: make([]float32, 1500*1500)}
	huge := table2([]float32{3e38})
	for _, tt := range []struct {
		name string
		do   func() error
		code fault.Code
		want string
	}{
		{"a sum of others", func() error { _, err := Add(two, three); return err }, fault.Invalid, "2 x 2 and 1 x 3 do not fit"},
		{"a product of others", func() error { _, err := Multiply(three, two); return err }, fault.Invalid, "1 x 3 and 2 x 2 do not fit"},
		{"a singular matrix", func() error { _, err := Inverse(two); return err }, fault.Invalid, "singular"},
		{"no square", func() error { _, err := Determinant(three); return err }, fault.Invalid, "not 1 x 3"},
		{"a large determinant", func() error { _, err := Determinant(large); return err }, fault.TooLarge, "at most 512"},
		{"a long product", func() error { _, err := Multiply(long, long); return err }, fault.TooLarge, "at most 256000000"},
		{"many pairs", func() error { _, err := Pairs(long, long, Dot); return err }, fault.TooLarge, "at most 1000000"},
		{"a sum that overflows", func() error { _, err := Add(huge, huge); return err }, fault.OutOfRange, "float32"},
		{"not a number", func() error { return Given([]float32{1, float32(math.NaN())}) }, fault.Invalid, `number 1 of "a" is NaN`},
		{"unlike vectors", func() error { return Alike([]float32{1}, []float32{1, 2}) }, fault.Invalid, "1 and 2 numbers"},
	} {
		if err := tt.do(); fault.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}
