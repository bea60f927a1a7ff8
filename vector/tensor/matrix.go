package tensor

import (
	"bytes"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/fault"
)

// Matrix is a table of numbers, row after row. The zero Matrix has no rows.
type Matrix struct {
	Rows, Cols int
	Data       []float32 // Rows*Cols of them
}

// IsZero reports whether there is no table at all.
func (m Matrix) IsZero() bool { return m.Rows == 0 && m.Cols == 0 }

// Row is the i-th row, which is shared.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Cols : (i+1)*m.Cols] }

// SetFloat32s makes the table the numbers of data, row after row, which belong to it from then on.
func (m *Matrix) SetFloat32s(rows, cols int, data []float32) error {
	if rows < 0 || cols < 0 || len(data) != rows*cols || (cols > 0 && rows > MaxFloats/cols) {
		return fault.New(fault.Invalid, "%d numbers are no table of %d rows and %d columns", len(data), rows, cols)
	}
	*m = Matrix{rows, cols, data}
	return nil
}

// SetTensor takes in a tensor of rank 2; one of rank 1 is a single row. The data belongs to the table from then on.
func (m *Matrix) SetTensor(dims []int, data []float32) error {
	switch len(dims) {
	case 1:
		return m.SetFloat32s(1, dims[0], data)
	case 2:
		return m.SetFloat32s(dims[0], dims[1], data)
	}
	return fault.New(fault.Invalid, "a tensor of shape %v was given, a table of rows and columns is wanted", dims)
}

// Tensor returns the table as a tensor. The data is shared.
func (m Matrix) Tensor() (dims []int, data []float32) { return []int{m.Rows, m.Cols}, m.Data }

// JSONSchema describes the table for a request's schema.
func (Matrix) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "array", Items: Floats(nil).JSONSchema(),
		Description: "rows of numbers, all equally long",
	}
}

// MarshalJSON writes an array of arrays.
func (m Matrix) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 2+3*m.Rows+12*len(m.Data)), '[')
	for i := range m.Rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFloats(b, m.Row(i))
	}
	return append(b, ']'), nil
}

// UnmarshalJSON reads an array of arrays, or of bytes.
func (m *Matrix) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	*m = Matrix{}
	if len(raw) == 0 || raw[0] != '[' {
		return notRows()
	}
	for i := skipSpace(raw, 1); i < len(raw) && raw[i] != ']'; {
		row, rest, err := nextRow(raw[i:])
		if err == nil {
			err = m.add(row)
		}
		if err != nil {
			return err
		}
		if i = skipSpace(raw, len(raw)-len(rest)); i < len(raw) && raw[i] == ',' {
			i = skipSpace(raw, i+1)
		}
	}
	return nil
}

// nextRow reads the row that raw begins with, which the JSON decoder has seen to be well-formed.
func nextRow(raw []byte) (row []float32, rest []byte, err error) {
	switch raw[0] {
	case '[':
		end := bytes.IndexByte(raw, ']')
		if end < 0 {
			return nil, nil, notRows()
		}
		row, _, err = parseFloats(nil, raw[:end+1])
		return row, raw[end+1:], err
	case '{':
		end := bytes.IndexByte(raw, '}')
		if end < 0 {
			return nil, nil, notRows()
		}
		row, err = decodeBytes(raw[:end+1])
		return row, raw[end+1:], err
	}
	return nil, nil, notRows()
}

// add appends a row, which must be as long as those before it.
func (m *Matrix) add(row []float32) error {
	if m.Rows > 0 && len(row) != m.Cols {
		return fault.New(fault.Invalid, "row %d has %d numbers, and the rows before it have %d", m.Rows, len(row), m.Cols)
	}
	if len(m.Data)+len(row) > MaxFloats || m.Rows >= MaxFloats {
		return tooMany()
	}
	m.Rows, m.Cols, m.Data = m.Rows+1, len(row), append(m.Data, row...)
	return nil
}

func notRows() error {
	return fault.New(fault.Invalid, "an array of rows is wanted, each an array of numbers")
}

// EncodeMsgpack writes an array of arrays.
func (m Matrix) EncodeMsgpack(enc *msgpack.Encoder) error {
	if err := enc.EncodeArrayLen(m.Rows); err != nil {
		return err
	}
	for i := range m.Rows {
		if err := Floats(m.Row(i)).EncodeMsgpack(enc); err != nil {
			return err
		}
	}
	return nil
}

// DecodeMsgpack reads an array of arrays, or of bin.
func (m *Matrix) DecodeMsgpack(dec *msgpack.Decoder) error {
	*m = Matrix{}
	n, err := dec.DecodeArrayLen()
	if err != nil || n < 0 {
		return notRows()
	}
	for range n {
		var row Floats
		if err := row.DecodeMsgpack(dec); err != nil {
			return err
		}
		if err := m.add(row); err != nil {
			return err
		}
	}
	return nil
}
