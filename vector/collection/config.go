package collection

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/fault"
)

// Limits of one collection. Past them the caller gets an error that names them.
const (
	MaxDimension    = 16_384     // numbers in a vector; of bits, eight times as many
	MaxVectors      = 16         // named vectors
	MaxIndexes      = 64         // payload indexes
	MaxTextFields   = 16         // payload fields whose words are indexed
	MaxPathBytes    = 256        // of a payload field's path
	MaxPoints       = 50_000_000 // points
	MaxPayloadBytes = 256 << 10
	MaxTextBytes    = 256 << 10
)

// The metrics.
const (
	Cosine    = "cosine"
	Dot       = "dot"
	Euclidean = "euclidean"
	Hamming   = "hamming"
)

// The types of a vector's elements.
const (
	Float32 = "float32"
	Float16 = "float16"
	Int8    = "int8"
	Bit     = "bit"
)

// The kinds of index of a vector.
const (
	Auto = "auto"
	Flat = "flat"
	HNSW = "hnsw"
)

// The types of a payload index.
const (
	Keyword = "keyword"
	Integer = "integer"
	Float   = "float"
	Bool    = "bool"
	Geo     = "geo"
)

// Config is how a collection is made. Vectors stay as they are for the collection's life; the rest may be changed.
// It is immutable once a collection has it.
type Config struct {
	Vectors []VectorConfig // by name; the one named "" is the default. None for a collection of text alone
	Indexes []IndexConfig  // by path
	Text    []string       // payload fields whose words are indexed with the points' text, by path
	// Language is whose endings words lose before they are compared: "english". "" is none.
	Language string
}

// VectorConfig is what the vectors of one name are.
type VectorConfig struct {
	Name      string
	Dimension int
	Metric    string
	Element   string
	Index     string
	Walk      string // a smaller copy that walks through the graph read: int8 or bit; "" is none
	M         int    // links of a node of the graph
	EfBuild   int    // how widely is looked for a new node's neighbours
}

// IndexConfig is an index of a payload field.
type IndexConfig struct {
	Path string
	Type string
}

// Defaults of the graph, and their bounds.
const (
	DefaultM       = 16
	DefaultEfBuild = 128
	MinM, MaxM     = 4, 96
	MaxEf          = 4096
)

// vectorName is what the name of a vector looks like.
var vectorName = regexp.MustCompile(`^([a-z0-9][a-z0-9_-]{0,62})?$`)

// Check fills in defaults, puts everything into order, and refuses what cannot be.
func (c *Config) Check() error {
	if len(c.Vectors) > MaxVectors {
		return fault.New(fault.TooLarge, "%d vectors; a collection has at most %d", len(c.Vectors), MaxVectors).With("limit", MaxVectors)
	}
	slices.SortFunc(c.Vectors, func(a, b VectorConfig) int { return strings.Compare(a.Name, b.Name) })
	for i := range c.Vectors {
		v := &c.Vectors[i]
		if i > 0 && v.Name == c.Vectors[i-1].Name {
			return fault.New(fault.Invalid, "there are two vectors named %q", v.Name).With("field", "vectors")
		}
		if err := v.check(); err != nil {
			return err
		}
	}
	if _, err := analyzer(c.Language); err != nil {
		return err
	}
	return c.checkFields()
}

// checkFields checks what is indexed of payloads.
func (c *Config) checkFields() error {
	if len(c.Indexes) > MaxIndexes {
		return fault.New(fault.TooLarge, "%d payload indexes; a collection has at most %d", len(c.Indexes), MaxIndexes).With("limit", MaxIndexes)
	}
	if len(c.Text) > MaxTextFields {
		return fault.New(fault.TooLarge, "%d text fields; a collection has at most %d", len(c.Text), MaxTextFields).With("limit", MaxTextFields)
	}
	slices.SortFunc(c.Indexes, func(a, b IndexConfig) int { return strings.Compare(a.Path, b.Path) })
	for i, x := range c.Indexes {
		if i > 0 && x.Path == c.Indexes[i-1].Path {
			return fault.New(fault.Invalid, "there are two indexes of %q", x.Path).With("field", "indexes")
		}
		if err := checkPath(x.Path); err != nil {
			return err
		}
		if !slices.Contains([]string{Keyword, Integer, Float, Bool, Geo}, x.Type) {
			return fault.New(fault.Invalid, "the index of %q: %q is no type: it is one of keyword, integer, float, bool, geo", x.Path, x.Type).
				With("field", "indexes")
		}
	}
	slices.Sort(c.Text)
	for i, path := range c.Text {
		if i > 0 && path == c.Text[i-1] {
			return fault.New(fault.Invalid, "the text field %q is given twice", path).With("field", "text_fields")
		}
		if err := checkPath(path); err != nil {
			return err
		}
	}
	return nil
}

func (v *VectorConfig) check() error {
	for _, preset := range []struct {
		field *string
		to    string
	}{{&v.Metric, Cosine}, {&v.Element, Float32}, {&v.Index, Auto}} {
		if *preset.field == "" {
			*preset.field = preset.to
		}
	}
	if v.M == 0 {
		v.M = DefaultM
	}
	if v.EfBuild == 0 {
		v.EfBuild = DefaultEfBuild
	}
	if !vectorName.MatchString(v.Name) {
		return fault.New(fault.Invalid, "%q cannot name a vector: 1 to 63 of a-z 0-9 _ -, beginning with a letter or digit", v.Name)
	}
	if err := v.checkChoices(); err != nil {
		return err
	}
	most := MaxDimension
	if v.Element == Bit {
		most *= 8
	}
	switch {
	case v.Dimension < 1 || v.Dimension > most:
		return v.wrong(fault.OutOfRange, "dimension", "%d is not between 1 and %d", v.Dimension, most)
	case v.Element == Bit && v.Dimension%8 != 0:
		return v.wrong(fault.Invalid, "dimension", "%d bits are no whole number of bytes: give a multiple of 8", v.Dimension)
	case (v.Element == Bit) != (v.Metric == Hamming):
		return v.wrong(fault.Invalid, "metric", "hamming goes with elements of bit, and they with nothing else; given were %s and %s", v.Metric, v.Element)
	case v.Walk != "" && (v.Element == Bit || v.Element == v.Walk || (v.Element == Int8 && v.Walk != Bit)):
		return v.wrong(fault.Invalid, "quantization", "a copy of %s is not smaller than elements of %s", v.Walk, v.Element)
	case v.M < MinM || v.M > MaxM:
		return v.wrong(fault.OutOfRange, "m", "%d is not between %d and %d", v.M, MinM, MaxM)
	case v.EfBuild < v.M || v.EfBuild > MaxEf:
		return v.wrong(fault.OutOfRange, "ef_construction", "%d is not between m, which is %d, and %d", v.EfBuild, v.M, MaxEf)
	}
	return nil
}

// checkChoices refuses what is none of what may be chosen.
func (v *VectorConfig) checkChoices() error {
	for _, choice := range []struct {
		field, value string
		of           []string
	}{
		{"metric", v.Metric, []string{Cosine, Dot, Euclidean, Hamming}},
		{"element", v.Element, []string{Float32, Float16, Int8, Bit}},
		{"index", v.Index, []string{Auto, Flat, HNSW}},
		{"quantization", v.Walk, []string{"", Int8, Bit}},
	} {
		if !slices.Contains(choice.of, choice.value) {
			return v.wrong(fault.Invalid, choice.field, "%q is none of %s", choice.value, strings.TrimPrefix(strings.Join(choice.of, ", "), ", "))
		}
	}
	return nil
}

// wrong is an error about the vector's field.
func (v *VectorConfig) wrong(code fault.Code, field, format string, args ...any) error {
	what := "the vector"
	if v.Name != "" {
		what = fmt.Sprintf("the vector %q", v.Name)
	}
	return fault.New(code, "%s of %s: %s", field, what, fmt.Sprintf(format, args...)).With("field", field)
}

// checkPath refuses what is no path of a payload field: names with dots between them.
func checkPath(path string) error {
	switch {
	case path == "" || strings.HasPrefix(path, ".") || strings.HasSuffix(path, ".") || strings.Contains(path, ".."):
		return fault.New(fault.Invalid, "%q is no payload field: it is names with dots between them, such as user.city", clip(path))
	case len(path) > MaxPathBytes:
		return fault.New(fault.TooLarge, "the payload field's path is %d bytes long; at most %d are allowed", len(path), MaxPathBytes).
			With("limit", MaxPathBytes)
	}
	return nil
}

// vector is the place of the vector of that name; -1 when there is none.
func (c *Config) vector(name string) int {
	return slices.IndexFunc(c.Vectors, func(v VectorConfig) bool { return v.Name == name })
}

// names lists the vectors for an error's text.
func (c *Config) names() string {
	if len(c.Vectors) == 0 {
		return "it has none"
	}
	all := make([]string, len(c.Vectors))
	for i, v := range c.Vectors {
		all[i] = fmt.Sprintf("%q", v.Name)
		if v.Name == "" {
			all[i] = "the default one"
		}
	}
	return "it has " + strings.Join(all, ", ")
}

// SameVectors reports whether the vectors of both are alike, so that the points of one can be those of the other.
func (c *Config) SameVectors(other *Config) bool {
	return slices.EqualFunc(c.Vectors, other.Vectors, func(a, b VectorConfig) bool {
		return a.Name == b.Name && a.Dimension == b.Dimension && a.Metric == b.Metric && a.Element == b.Element && a.Walk == b.Walk
	})
}

// clip shortens what a caller sent before it is repeated in an error.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
