package matrix

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/vector/tensor"
)

// The structures' permanent numbers.
const (
	MatrixID     = 0x0e
	SimilarityID = 0x0f
	DistanceID   = 0x10
)

// state is that of all three structures in every namespace: nothing.
type state struct{ command.NoData }

// Structures returns the declarations of matrix, similarity and distance.
func Structures() []*command.Structure {
	fresh := func(command.Env) command.State { return state{} }
	return []*command.Structure{
		{Name: "matrix", ID: MatrixID, Summary: "Arithmetic with matrices.", Commands: matrices(), New: fresh},
		{Name: "similarity", ID: SimilarityID, Summary: "How alike vectors are.", New: fresh, Commands: []*command.Command{
			command.Read(command.Info{
				Name: "similarity.cosine", Op: 0x0f01,
				Summary: "Return the cosine of the angle between two vectors.",
				Doc:     "Or of rows of vectors with each other. A vector of zeros has no direction: its cosine with anything is 0.",
			}, state.cosine),
		}},
		{Name: "distance", ID: DistanceID, Summary: "How far vectors are apart.", New: fresh, Commands: []*command.Command{
			command.Read(command.Info{
				Name: "distance.euclidean", Op: 0x1001,
				Summary: "Return how far two vectors are apart in a straight line.", Doc: "Or rows of vectors from each other.",
			}, state.euclidean),
			command.Read(command.Info{
				Name: "distance.manhattan", Op: 0x1002,
				Summary: "Return how far two vectors are apart along the axes.", Doc: "Or rows of vectors from each other.",
			}, state.manhattan),
			command.Read(command.Info{
				Name: "distance.hamming", Op: 0x1003,
				Summary: "Return in how many places two vectors differ.",
				Doc:     "Or rows of vectors from each other. Of bytes, in how many bits.",
			}, state.hamming),
		}},
	}
}

// matrices is everything that can be asked of matrices.
func matrices() []*command.Command {
	return []*command.Command{
		command.Read(command.Info{Name: "matrix.add", Op: 0x0e01, Summary: "Return the sum of two matrices."}, state.add),
		command.Read(command.Info{Name: "matrix.multiply", Op: 0x0e02, Summary: "Return the product of two matrices."}, state.multiply),
		command.Read(command.Info{Name: "matrix.transpose", Op: 0x0e03, Summary: "Return a matrix with rows and columns swapped."}, state.transpose),
		command.Read(command.Info{Name: "matrix.determinant", Op: 0x0e04, Summary: "Return the determinant of a square matrix."}, state.determinant),
		command.Read(command.Info{
			Name: "matrix.inverse", Op: 0x0e05, Summary: "Return the inverse of a square matrix.",
			Doc: "One that is singular, or nearly so, has none, and is invalid.",
		}, state.inverse),
		command.Read(command.Info{
			Name: "matrix.normalize", Op: 0x0e06, Summary: "Return a matrix with every row made 1 long.",
			Doc: "A row of zeros stays one.",
		}, state.normalize),
	}
}

// OneRequest is a matrix.
type OneRequest struct {
	A tensor.Matrix `json:"a" jsonschema:"the matrix"`
}

// Resource is the structure: nothing named is touched.
func (*OneRequest) Resource() auth.Resource { return auth.Any("matrix") }

// Validate checks its numbers.
func (r *OneRequest) Validate() error { return check("a", r.A) }

// TwoRequest is two matrices.
type TwoRequest struct {
	A tensor.Matrix `json:"a" jsonschema:"the first matrix"`
	B tensor.Matrix `json:"b" jsonschema:"the second"`
}

// Resource is the structure: nothing named is touched.
func (*TwoRequest) Resource() auth.Resource { return auth.Any("matrix") }

// Validate checks their numbers.
func (r *TwoRequest) Validate() error {
	if err := check("a", r.A); err != nil {
		return err
	}
	return check("b", r.B)
}

// Result is a matrix.
type Result struct {
	Result tensor.Matrix `json:"result"`
}

// Number is a number.
type Number struct {
	Result float64 `json:"result"`
}

func resultOf(m tensor.Matrix, err error) (Result, error) { return Result{m}, err }

func (state) add(_ context.Context, r *TwoRequest) (Result, error) { return resultOf(Add(r.A, r.B)) }

func (state) multiply(_ context.Context, r *TwoRequest) (Result, error) {
	return resultOf(Multiply(r.A, r.B))
}

func (state) transpose(_ context.Context, r *OneRequest) (Result, error) {
	return Result{Transpose(r.A)}, nil
}

func (state) determinant(_ context.Context, r *OneRequest) (Number, error) {
	det, err := Determinant(r.A)
	return Number{det}, err
}

func (state) inverse(_ context.Context, r *OneRequest) (Result, error) { return resultOf(Inverse(r.A)) }

func (state) normalize(_ context.Context, r *OneRequest) (Result, error) {
	return Result{Normalize(r.A)}, nil
}

// Pair is two vectors, or two tables of them.
type Pair struct {
	A     tensor.Floats `json:"a,omitempty" jsonschema:"a vector"`
	B     tensor.Floats `json:"b,omitempty" jsonschema:"another, equally long"`
	ARows tensor.Matrix `json:"a_rows,omitzero" jsonschema:"instead of a: several vectors"`
	BRows tensor.Matrix `json:"b_rows,omitzero" jsonschema:"with a_rows: several others; every one of a_rows is compared with every one of b_rows"`
}

// Validate wants one form or the other.
func (p *Pair) Validate() error {
	if p.ARows.IsZero() && p.BRows.IsZero() {
		return Alike(p.A, p.B)
	}
	if len(p.A)+len(p.B) > 0 {
		return fault.New(fault.Invalid, `give "a" and "b", or "a_rows" and "b_rows"`).With("field", "a")
	}
	if err := check("a_rows", p.ARows); err != nil {
		return err
	}
	return check("b_rows", p.BRows)
}

// compare works out a number, or a table of them.
func (p *Pair) compare(f func(a, b []float32) float64) (resp Compared, err error) {
	if p.ARows.IsZero() {
		x := f(p.A, p.B)
		return Compared{Result: &x}, nil
	}
	resp.Results, err = Pairs(p.ARows, p.BRows, f)
	return resp, err
}

// Compared is how two vectors compare, or every two of several.
type Compared struct {
	Result  *float64      `json:"result,omitempty" jsonschema:"of a and b"`
	Results tensor.Matrix `json:"results,omitzero" jsonschema:"of a_rows and b_rows: a row for each of the first, a column for each of the others"`
}

// SimilarityRequest is two vectors, or two tables of them.
type SimilarityRequest struct{ Pair }

// Resource is the structure: nothing named is touched.
func (*SimilarityRequest) Resource() auth.Resource { return auth.Any("similarity") }

// DistanceRequest is two vectors, or two tables of them.
type DistanceRequest struct{ Pair }

// Resource is the structure: nothing named is touched.
func (*DistanceRequest) Resource() auth.Resource { return auth.Any("distance") }

// HammingRequest is two vectors, or two tables of them, or two texts of bits.
type HammingRequest struct {
	Pair
	ABits value.Value `json:"a_bits,omitzero" jsonschema:"instead of a: bytes"`
	BBits value.Value `json:"b_bits,omitzero" jsonschema:"with a_bits: as many others"`
}

// Resource is the structure: nothing named is touched.
func (*HammingRequest) Resource() auth.Resource { return auth.Any("distance") }

// Validate wants one of the forms.
func (r *HammingRequest) Validate() error {
	if r.ABits.IsZero() && r.BBits.IsZero() {
		return r.Pair.Validate()
	}
	switch {
	case len(r.A)+len(r.B) > 0 || !r.ARows.IsZero() || !r.BRows.IsZero():
		return fault.New(fault.Invalid, `"a_bits" and "b_bits" do not go with the other fields`).With("field", "a_bits")
	case r.ABits.Kind() != value.Bytes || r.BBits.Kind() != value.Bytes:
		return fault.New(fault.Invalid, `"a_bits" and "b_bits" are bytes, such as {"$base64":"AP8="}`).With("field", "a_bits")
	case r.ABits.Len() != r.BBits.Len():
		return fault.New(fault.Invalid, "a_bits and b_bits are %d and %d bytes long, and are to be equally long", r.ABits.Len(), r.BBits.Len()).
			With("a", r.ABits.Len()).With("b", r.BBits.Len())
	}
	return nil
}

func (state) cosine(_ context.Context, r *SimilarityRequest) (Compared, error) {
	return r.compare(Cosine)
}

func (state) euclidean(_ context.Context, r *DistanceRequest) (Compared, error) {
	return r.compare(Euclidean)
}

func (state) manhattan(_ context.Context, r *DistanceRequest) (Compared, error) {
	return r.compare(Manhattan)
}

func (state) hamming(_ context.Context, r *HammingRequest) (Compared, error) {
	if !r.ABits.IsZero() {
		n := HammingBits(r.ABits.Data(), r.BBits.Data())
		return Compared{Result: &n}, nil
	}
	return r.compare(Hamming)
}
