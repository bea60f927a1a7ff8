package collection

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/vector/distance"
)

// What journals and snapshots hold of a collection. The encodings are permanent. Numbers are unsigned varints unless
// marked; a string is its length and its bytes; a float is 4 bytes, little-endian. Choices are numbers from 1 in the order
// below.
//
//	config   ┌─────────┬──────────────────────────────────────────────────────────────────┬─────────┬──────────────┬──────┬─────────┬──────────┐
//	         │ vectors │ of each, by name: name, dimension, metric u8, element u8,        │ indexes │ of each:     │ text │ of each │ language │
//	         │         │ index u8, quantization u8 (0: none), m, ef_construction          │         │ path, type u8│      │ path    │          │
//	         └─────────┴──────────────────────────────────────────────────────────────────┴─────────┴──────────────┴──────┴─────────┴──────────┘
//	draft    ┌───────┬─────────┬──────┬─────────┬──────┬────────────────────────────────────────────────────┐
//	         │ id    │ expires │ text │ payload │ rows │ of each, by place in the config: 0 u8, or 1 u8,    │
//	         │       │         │      │         │      │ factor float, extra float, the row with its length │
//	         └───────┴─────────┴──────┴─────────┴──────┴────────────────────────────────────────────────────┘
//	id       ┌─────────────────────┐ or ┌────────┐
//	         │ 0, an integer       │    │ string │  whose length is not 0
//	         └─────────────────────┘    └────────┘
//
// A row is laid out as package distance says.
var (
	metrics  = []string{Cosine, Dot, Euclidean, Hamming}
	elements = []string{Float32, Float16, Int8, Bit}
	kinds    = []string{Auto, Flat, HNSW}
	types    = []string{Keyword, Integer, Float, Bool, Geo}
)

// choice is the number of what was chosen; 0 for nothing.
func choice(of []string, value string) byte { return byte(slices.Index(of, value) + 1) } //nolint:gosec // a few

// AppendConfig appends a config.
func AppendConfig(b []byte, c *Config) []byte {
	b = binary.AppendUvarint(b, uint64(len(c.Vectors)))
	for _, v := range c.Vectors {
		b = binary.AppendUvarint(appendString(b, v.Name), uint64(v.Dimension)) //nolint:gosec // positive
		b = append(b, choice(metrics, v.Metric), choice(elements, v.Element), choice(kinds, v.Index), choice(elements, v.Walk))
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(v.M)), uint64(v.EfBuild)) //nolint:gosec // positive
	}
	b = binary.AppendUvarint(b, uint64(len(c.Indexes)))
	for _, x := range c.Indexes {
		b = append(appendString(b, x.Path), choice(types, x.Type))
	}
	b = binary.AppendUvarint(b, uint64(len(c.Text)))
	for _, path := range c.Text {
		b = appendString(b, path)
	}
	return appendString(b, c.Language)
}

// AppendDraft appends what a point is made of.
func AppendDraft(b []byte, d *Draft) []byte {
	b = binary.AppendUvarint(AppendID(b, d.ID), uint64(d.Expires)) //nolint:gosec // never negative
	b = appendString(appendString(b, d.Text), d.Payload)
	b = binary.AppendUvarint(b, uint64(len(d.Rows)))
	for _, row := range d.Rows {
		if row.Bytes == nil {
			b = append(b, 0)
			continue
		}
		b = appendFloat(appendFloat(append(b, 1), row.Head.Factor), row.Head.Extra)
		b = append(binary.AppendUvarint(b, uint64(len(row.Bytes))), row.Bytes...)
	}
	return b
}

// AppendID appends an id.
func AppendID(b []byte, id ID) []byte {
	if n, ok := id.Number(); ok {
		return binary.AppendUvarint(append(b, 0), n)
	}
	return appendString(b, id.text)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendFloat(b []byte, x float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
}

// ReadConfig reads what AppendConfig wrote, and fails the reader when it cannot be.
func ReadConfig(r *journal.Reader) *Config {
	c := &Config{}
	for range r.Count(8) {
		v := VectorConfig{
			Name: r.Text(), Dimension: int(r.UpTo(8 * MaxDimension)), //nolint:gosec // bounded
			Metric: chosen(r, metrics), Element: chosen(r, elements), Index: chosen(r, kinds),
		}
		if n := r.Byte(byte(len(elements))); n > 0 {
			v.Walk = elements[n-1]
		}
		v.M, v.EfBuild = int(r.UpTo(MaxM)), int(r.UpTo(MaxEf)) //nolint:gosec // bounded
		c.Vectors = append(c.Vectors, v)
	}
	for range r.Count(2) {
		c.Indexes = append(c.Indexes, IndexConfig{r.Text(), chosen(r, types)})
	}
	for range r.Count(1) {
		c.Text = append(c.Text, r.Text())
	}
	c.Language = r.Text()
	if c.Check() != nil {
		r.Fail()
	}
	return c
}

// chosen reads a choice, which there must be.
func chosen(r *journal.Reader, of []string) string {
	n := r.Byte(byte(len(of))) //nolint:gosec // a few
	if n == 0 {
		r.Fail()
		return ""
	}
	return of[n-1]
}

// ReadDraft reads what AppendDraft wrote, and fails the reader when it cannot be. Whether its rows are those of a
// collection, Fits says.
func ReadDraft(r *journal.Reader) *Draft {
	d := &Draft{ID: ReadID(r), Expires: r.Int(), Text: r.Text(), Payload: r.Text()}
	for range r.Count(1) {
		var row Row
		if r.Flag() {
			row.Head = distance.Head{Factor: readFloat(r), Extra: readFloat(r)}
			row.Bytes = slices.Clone(r.Bytes())
			if row.Bytes == nil {
				r.Fail()
			}
		}
		d.Rows = append(d.Rows, row)
	}
	if d.ID.Check() != nil || (d.Payload != "" && !isObject(d.Payload)) || len(d.Rows) > MaxVectors {
		r.Fail()
	}
	return d
}

// ReadID reads what AppendID wrote.
func ReadID(r *journal.Reader) ID {
	s := r.Text()
	if s == "" {
		return NumberID(r.UpTo(MaxNumberID))
	}
	id := TextID(s)
	if id.text == "" {
		r.Fail() // an integer is not written as a text
	}
	return id
}

func readFloat(r *journal.Reader) float32 {
	var b [4]byte
	for i := range b {
		b[i] = r.Byte(math.MaxUint8)
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b[:]))
}

func isObject(text string) bool { return gjson.Valid(text) && gjson.Parse(text).IsObject() }

// Fits reports whether the draft's rows are those of a collection of that config, and makes them as many.
func (c *Collection) Fits(d *Draft) bool {
	if len(d.Rows) > len(c.vectors) {
		return false
	}
	for i, row := range d.Rows {
		if row.Bytes != nil && c.vectors[i].space.CheckRow(row.Bytes, row.Head) != nil {
			return false
		}
	}
	return true
}
