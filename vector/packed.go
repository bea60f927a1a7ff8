package vector

import (
	"encoding/binary"
	"maps"
	"slices"
	"unicode/utf8"
	"unsafe"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/vector/collection"
	"github.com/hivellm/synap-go/vector/tensor"
)

// A packed point is all that a point is made of but its id and its time, as bytes, so that no number is printed on its way from a
// server to another. The encoding is permanent; another one has another form. A string is its length, an unsigned varint, and
// its bytes; a vector the same, its bytes being float32, little-endian.
//
//	packed  ┌───────┬──────────────────────┬───────────┬──────────┬────────────────────────────────┐
//	        │ form, │ payload, str:        │ text, str │ how many │ each: name, str, and vector,   │
//	        │ 1, u8 │ an object; "" is none│           │ uv       │ by name; the default one has "" │
//	        └───────┴──────────────────────┴───────────┴──────────┴────────────────────────────────┘
const packedForm = 1

// appendPacked packs what a point is made of.
func appendPacked(b []byte, p *collection.Point, vectors vectors) []byte {
	b = appendString(appendString(append(b, packedForm), p.Payload), p.Text)
	b = binary.AppendUvarint(b, uint64(len(vectors)))
	for _, name := range slices.Sorted(maps.Keys(vectors)) {
		v := vectors[name]
		b = binary.AppendUvarint(appendString(b, name), uint64(4*len(v))) //nolint:gosec // a few thousand
		b = tensor.AppendBytes(b, v)
	}
	return b
}

// pack is a point in its packed form.
func pack(p *collection.Point, vectors vectors) value.Value {
	n := 32 + len(p.Payload) + len(p.Text)
	for name, v := range vectors {
		n += 16 + len(name) + 4*len(v)
	}
	b := appendPacked(make([]byte, 0, n), p, vectors)
	return value.Restore(value.Bytes, unsafe.String(unsafe.SliceData(b), len(b))) // nobody else has them, so nobody changes them
}

// unpack puts what was packed into the fields that it stands for. How large they may be is for validate to say, as of any point.
func (p *PointInput) unpack() error {
	if p.Payload != "" || p.Text != "" || len(p.Vector) > 0 || len(p.Vectors) > 0 {
		return fault.New(fault.Invalid, `"packed" does not go with payload, text, vector or vectors: it holds them`).With("field", "packed")
	}
	wrong := fault.New(fault.Invalid, `"packed" is no packed point: it is what vector.get answers with "packed", as bytes`).With("field", "packed")
	if p.Packed.Kind() != value.Bytes {
		return wrong
	}
	data := p.Packed.Data()
	r := journal.NewReader(unsafe.Slice(unsafe.StringData(data), len(data))) // which is read, and what is kept of it is copied
	form := r.Byte(255)
	if form > packedForm {
		return fault.New(fault.Unsupported, "the packed point is of form %d; this server knows no later one than %d", form, packedForm).With("field", "packed")
	}
	payload, text := r.Bytes(), r.Text()
	named := map[string]tensor.Floats{}
	for range r.Count(2) {
		name, data := r.Text(), r.Bytes()
		v, err := tensor.OfBytes(data)
		if _, twice := named[name]; err != nil || twice || len(v) == 0 {
			r.Fail()
		}
		named[name] = v
	}
	if !r.Whole() || form != packedForm || !utf8.ValidString(text) {
		return wrong
	}
	if len(payload) > 0 {
		if err := command.CheckJSON(payload); err != nil {
			return err
		}
		if err := p.Payload.UnmarshalJSON(payload); err != nil {
			return err
		}
	}
	p.Text, p.Vector, p.Packed = text, named[""], value.Value{}
	if delete(named, ""); len(named) > 0 {
		p.Vectors = named
	}
	return nil
}
