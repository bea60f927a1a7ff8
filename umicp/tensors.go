package umicp

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

// Texts travel as two tensors: name.off holds where each begins and the last one ends, name.dat their bytes.
const (
	offsetsOf = ".off"
	bytesOf   = ".dat"
)

// bind gives the frame's tensors to the fields of the request that they are named after.
func (r *row) bind(request any, f *umx.Frame, names []string) error {
	v := reflect.ValueOf(request).Elem()
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if t.Name == umx.NoName {
			continue
		}
		if int(t.Name) >= len(names) {
			return fault.New(fault.Invalid, "tensor %d has the name %d, and %d names are given", i, t.Name, len(names))
		}
		name := names[t.Name]
		if strings.HasSuffix(name, bytesOf) {
			continue // its offsets find it
		}
		name, isText := strings.CutSuffix(name, offsetsOf)
		index, ok := r.fields[name]
		if !ok {
			return fault.New(fault.Invalid, "%s has no field %q that takes a tensor", r.command.Name, clip(name)).With("field", clip(name))
		}
		var err error
		if field := v.FieldByIndex(index); isText {
			err = setTexts(field, t, f, slices.Index(names, name+bytesOf))
		} else {
			err = setNumbers(field, t, f)
		}
		if err != nil {
			known := fault.From(err)
			return fault.New(known.Code, "%q: %s", name, known.Message).With("field", name)
		}
	}
	return nil
}

// setTexts makes a list of texts out of where they begin and what they are.
func setTexts(field reflect.Value, offsets *umx.Tensor, f *umx.Frame, dat int) error {
	var text []byte
	for i := range f.Tensors {
		if t := &f.Tensors[i]; dat >= 0 && int(t.Name) == dat && t.DType == umx.Uint8 {
			text = t.Data
		}
	}
	list, ok := field.Addr().Interface().(*[]string)
	at := umx.View[uint32](offsets.Data)
	switch {
	case !ok && !readsItself(field.Type()):
		return fault.New(fault.Invalid, "texts were given, and it is not a list of texts")
	case offsets.DType != umx.Uint32 || offsets.Rank != 1 || len(at) == 0 || (text == nil && at[len(at)-1] != 0):
		return fault.New(fault.Invalid, "texts are a tensor of uint32[n+1] and one of uint8")
	}
	texts := make([]string, len(at)-1)
	for i := range texts {
		if at[i] > at[i+1] || int(at[i+1]) > len(text) {
			return fault.New(fault.Invalid, "text %d goes from %d to %d of %d bytes", i, at[i], at[i+1], len(text))
		}
		texts[i] = string(text[at[i]:at[i+1]])
	}
	if ok {
		*list = texts
		return nil
	}
	return setEach(field, len(texts), func(i int) ([]byte, error) { return json.Marshal(texts[i]) })
}

// setEach makes a list of things that read themselves from JSON.
func setEach(field reflect.Value, n int, text func(i int) ([]byte, error)) error {
	all := reflect.MakeSlice(field.Type(), n, n)
	for i := range n {
		raw, err := text(i)
		if err == nil {
			err = all.Index(i).Addr().Interface().(json.Unmarshaler).UnmarshalJSON(raw)
		}
		if err != nil {
			return fault.From(err)
		}
	}
	field.Set(all)
	return nil
}

// readsItself reports whether a list's elements do.
func readsItself(list reflect.Type) bool {
	return list.Kind() == reflect.Slice && reflect.PointerTo(list.Elem()).Implements(reflect.TypeFor[json.Unmarshaler]())
}

// setNumbers gives a field the numbers of a tensor, which belong to it.
func setNumbers(field reflect.Value, t *umx.Tensor, f *umx.Frame) error {
	if t.Layout != umx.RowMajor {
		return fault.New(fault.Unsupported, "only row-major tensors are taken here")
	}
	dims := make([]int, t.Rank)
	for i, d := range t.Shape() {
		if d > math.MaxInt32 {
			return fault.New(fault.TooLarge, "a dimension of %d is too large", d)
		}
		dims[i] = int(d) //nolint:gosec // just compared
	}
	target := field.Addr().Interface()
	if into, ok := target.(tensorField); ok {
		numbers, err := floats(t, f)
		if err != nil {
			return err
		}
		return into.SetTensor(dims, numbers)
	}
	if len(dims) != 1 {
		return fault.New(fault.Invalid, "a tensor of shape %v was given, a list is wanted", dims)
	}
	switch into := target.(type) {
	case *[]float32:
		numbers, err := floats(t, f)
		*into = numbers
		return err
	case *[]float64:
		return exact(into, t, f, umx.Float64)
	case *[]int64:
		return exact(into, t, f, umx.Int64)
	case *[]uint64:
		return exact(into, t, f, umx.Uint64)
	}
	if readsItself(field.Type()) && (t.DType == umx.Uint64 || t.DType == umx.Int64) {
		if t.DType == umx.Int64 {
			n := umx.View[int64](t.Data)
			return setEach(field, len(n), func(i int) ([]byte, error) { return strconv.AppendInt(nil, n[i], 10), nil })
		}
		n := umx.View[uint64](t.Data)
		return setEach(field, len(n), func(i int) ([]byte, error) { return strconv.AppendUint(nil, n[i], 10), nil })
	}
	return fault.New(fault.Invalid, "it does not take a tensor of %s", t.DType)
}

func exact[T umx.Number](into *[]T, t *umx.Tensor, f *umx.Frame, want umx.DType) error {
	if t.DType != want {
		return fault.New(fault.Invalid, "a tensor of %s was given, one of %s is wanted", t.DType, want)
	}
	*into = own[T](t, f)
	return nil
}

// own returns a tensor's numbers for a receiver that keeps them. Large frames have memory of their own already; of
// small ones the buffer is used again.
func own[T umx.Number](t *umx.Tensor, f *umx.Frame) []T {
	if f.Owned() {
		return umx.View[T](t.Data)
	}
	return umx.View[T](slices.Clone(t.Data))
}

// floats returns a tensor of any floating or quantised type as float32.
func floats(t *umx.Tensor, f *umx.Frame) ([]float32, error) {
	switch t.DType {
	case umx.Float32:
		return own[float32](t, f), nil
	case umx.Float64:
		return convert(umx.View[float64](t.Data), func(x float64) float32 { return float32(x) }), nil
	case umx.Float16:
		return convert(umx.View[uint16](t.Data), umx.HalfToFloat), nil
	case umx.BFloat16:
		return convert(umx.View[uint16](t.Data), func(x uint16) float32 { return math.Float32frombits(uint32(x) << 16) }), nil
	case umx.Int8:
		return convert(umx.View[int8](t.Data), func(x int8) float32 { return t.Scale * float32(int(x)-int(t.ZeroPoint)) }), nil
	case umx.Uint8:
		return convert(t.Data, func(x uint8) float32 { return t.Scale * float32(int(x)-int(t.ZeroPoint)) }), nil
	}
	return nil, fault.New(fault.Unsupported, "a tensor of %s is not taken for one of float32", t.DType)
}

func convert[T any](from []T, f func(T) float32) []float32 {
	to := make([]float32, len(from))
	for i, x := range from {
		to[i] = f(x)
	}
	return to
}

// takeOut returns a copy of an answer without those of its fields that can be tensors, and these as tensors.
func (r *row) takeOut(result any) (rest any, names []string, tensors []umx.Tensor) {
	v := reflect.ValueOf(result)
	if v.Kind() != reflect.Pointer || v.Type().Elem() != r.command.Response {
		return result, nil, nil // one that is remembered, in another form
	}
	without := reflect.New(r.command.Response)
	without.Elem().Set(v.Elem())
	for _, f := range r.out {
		field := without.Elem().FieldByIndex(f.index)
		dims, data := field.Interface().(tensorSource).Tensor()
		if len(data) == 0 || len(dims) > umx.MaxRank {
			continue
		}
		shape := make([]uint64, len(dims))
		for i, d := range dims {
			shape[i] = uint64(d) //nolint:gosec // a shape is not negative
		}
		t := umx.NewTensor(umx.Float32, umx.Bytes(data), shape...)
		t.Name = uint16(len(names)) //nolint:gosec // as many as fields
		names, tensors = append(names, f.name), append(tensors, t)
		field.SetZero()
	}
	return without.Interface(), names, tensors
}
