package vector

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/matrix"
	"github.com/hivellm/synap-go/vector/tensor"
)

// arithmetic is what can be asked of vectors that are in no collection.
func arithmetic() []*command.Command {
	return []*command.Command{
		command.Read(command.Info{Name: "vector.dot", Op: 0x0520, Summary: "Return the dot product of two vectors."}, (*Collections).dot),
		command.Read(command.Info{Name: "vector.add", Op: 0x0521, Summary: "Return the sum of two vectors."}, (*Collections).add),
		command.Read(command.Info{Name: "vector.subtract", Op: 0x0522, Summary: "Return the difference of two vectors."}, (*Collections).subtract),
		command.Read(command.Info{Name: "vector.multiply", Op: 0x0523, Summary: "Return the products of the numbers of two vectors, each with its partner."}, (*Collections).multiply),
		command.Read(command.Info{Name: "vector.scale", Op: 0x0524, Summary: "Return a vector times a number."}, (*Collections).scale),
		command.Read(command.Info{Name: "vector.norm", Op: 0x0525, Summary: "Return the length of a vector."}, (*Collections).norm),
		command.Read(command.Info{
			Name: "vector.normalize", Op: 0x0526, Summary: "Return a vector made 1 long.", Doc: "A vector of zeros stays one.",
		}, (*Collections).normalize),
	}
}

// TwoRequest is two vectors.
type TwoRequest struct {
	A tensor.Floats `json:"a" jsonschema:"a vector"`
	B tensor.Floats `json:"b" jsonschema:"another, equally long"`
}

// Resource is the structure: nothing named is touched.
func (*TwoRequest) Resource() auth.Resource { return auth.Any(structureName) }

// Validate wants them equally long.
func (r *TwoRequest) Validate() error { return matrix.Alike(r.A, r.B) }

// OneRequest is a vector.
type OneRequest struct {
	A tensor.Floats `json:"a" jsonschema:"the vector"`
}

// Resource is the structure: nothing named is touched.
func (*OneRequest) Resource() auth.Resource { return auth.Any(structureName) }

// Validate checks its numbers.
func (r *OneRequest) Validate() error { return matrix.Given(r.A) }

// ScaleRequest is a vector and a number.
type ScaleRequest struct {
	A  tensor.Floats `json:"a" jsonschema:"the vector"`
	By *float64      `json:"by" jsonschema:"the number"`
}

// Resource is the structure: nothing named is touched.
func (*ScaleRequest) Resource() auth.Resource { return auth.Any(structureName) }

// Validate checks its numbers.
func (r *ScaleRequest) Validate() error {
	if by := *r.By; by-by != 0 {
		return fault.New(fault.Invalid, `"by": %v is no number`, by).With("field", "by")
	}
	return matrix.Given(r.A)
}

// VectorResponse is a vector.
type VectorResponse struct {
	Result tensor.Floats `json:"result"`
}

// NumberResponse is a number.
type NumberResponse struct {
	Result float64 `json:"result"`
}

func (*Collections) dot(_ context.Context, r *TwoRequest) (NumberResponse, error) {
	return NumberResponse{matrix.Dot(r.A, r.B)}, nil
}

func each(a, b tensor.Floats, f func(x, y float64) float64) (VectorResponse, error) {
	v, err := matrix.Each(a, b, f)
	return VectorResponse{v}, err
}

func (*Collections) add(_ context.Context, r *TwoRequest) (VectorResponse, error) {
	return each(r.A, r.B, func(x, y float64) float64 { return x + y })
}

func (*Collections) subtract(_ context.Context, r *TwoRequest) (VectorResponse, error) {
	return each(r.A, r.B, func(x, y float64) float64 { return x - y })
}

func (*Collections) multiply(_ context.Context, r *TwoRequest) (VectorResponse, error) {
	return each(r.A, r.B, func(x, y float64) float64 { return x * y })
}

func (*Collections) scale(_ context.Context, r *ScaleRequest) (VectorResponse, error) {
	return each(r.A, r.A, func(x, _ float64) float64 { return x * *r.By })
}

func (*Collections) norm(_ context.Context, r *OneRequest) (NumberResponse, error) {
	return NumberResponse{matrix.Norm(r.A)}, nil
}

func (*Collections) normalize(_ context.Context, r *OneRequest) (VectorResponse, error) {
	return VectorResponse{matrix.Unit(r.A)}, nil
}
