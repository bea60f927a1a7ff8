// Package distance says how far vectors are from each other, and how they lie in memory for that.
//
// A Space is a metric, an element type and a dimension. It encodes a vector into a row of bytes
// that never changes its length, and it measures a query against many rows with one call, because
// a search spends its time waiting for memory: the kernel of a call sees all rows that it will
// need and fetches the next ones while it works on one.
//
// A distance is always smaller for what is nearer, whatever the metric; a score is what people
// expect to read. Metric.Score makes one from the other:
//
//	metric     distance             score                 better is
//	cosine     1 - cos(a, b)        cos(a, b)             higher
//	dot        -(a . b)             a . b                 higher
//	euclidean  |a - b| squared      |a - b|               lower
//	hamming    bits that differ     bits that differ      lower
//
// The package owns no memory but rows that a caller makes with Rows, starts no goroutines, and
// knows nothing of ids, graphs or commands.
package distance

import (
	"fmt"
	"math"
)

// Metric is how two vectors are compared. The numbers are permanent.
type Metric uint8

// The metrics.
const (
	Cosine    Metric = 1 // the angle; lengths do not matter
	Dot       Metric = 2 // the inner product
	Euclidean Metric = 3 // the straight line
	Hamming   Metric = 4 // how many bits differ; for Bit elements, and only for them
)

var metricNames = [...]string{Cosine: "cosine", Dot: "dot", Euclidean: "euclidean", Hamming: "hamming"}

// Metrics returns the names of all metrics, in the order of their numbers.
func Metrics() []string { return append([]string(nil), metricNames[1:]...) }

// ParseMetric returns the metric with the given name.
func ParseMetric(name string) (Metric, bool) {
	for m, n := range metricNames {
		if n == name && m > 0 {
			return Metric(m), true
		}
	}
	return 0, false
}

// String returns the metric's name.
func (m Metric) String() string {
	if m > 0 && int(m) < len(metricNames) {
		return metricNames[m]
	}
	return fmt.Sprintf("metric(%d)", uint8(m))
}

// Score is what people expect to read for a distance: see the table of the package.
func (m Metric) Score(distance float32) float32 {
	switch m {
	case Cosine:
		return 1 - distance
	case Dot:
		return -distance
	case Euclidean:
		return float32(math.Sqrt(float64(max(distance, 0))))
	}
	return distance
}

// Distance is the distance that has the given score, for comparing a least score with distances.
func (m Metric) Distance(score float32) float32 {
	switch m {
	case Cosine:
		return 1 - score
	case Dot:
		return -score
	case Euclidean:
		return score * score
	}
	return score
}

// HigherIsBetter says whether a higher score means nearer.
func (m Metric) HigherIsBetter() bool { return m == Cosine || m == Dot }

// Element is what a component of a stored vector is. The numbers are permanent.
type Element uint8

// The elements.
const (
	Float32 Element = 1 // as given
	Float16 Element = 2 // half the memory, three decimal digits
	Int8    Element = 3 // a quarter of the memory: a byte, and a scale for each vector
	Bit     Element = 4 // one bit: whether the component is over zero
)

var elementNames = [...]string{Float32: "float32", Float16: "float16", Int8: "int8", Bit: "bit"}

// Elements returns the names of all element types, in the order of their numbers.
func Elements() []string { return append([]string(nil), elementNames[1:]...) }

// ParseElement returns the element type with the given name.
func ParseElement(name string) (Element, bool) {
	for e, n := range elementNames {
		if n == name && e > 0 {
			return Element(e), true
		}
	}
	return 0, false
}

// String returns the element type's name.
func (e Element) String() string {
	if e > 0 && int(e) < len(elementNames) {
		return elementNames[e]
	}
	return fmt.Sprintf("element(%d)", uint8(e))
}
