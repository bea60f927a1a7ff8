package collection

import (
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/distance"
	"github.com/hivellm/synap-go/vector/tensor"
)

// Limits of a search.
const (
	MaxLimit  = 1_000
	MaxOffset = 9_000
)

// Query is a search for the points that a vector is near to.
type Query struct {
	Vector   []float32
	Using    string  // the name of the vectors to compare it with
	Filter   *Filter // was checked
	Limit    int     // 1 to MaxLimit
	Offset   int
	MinScore *float32 // of euclidean and hamming, where less is nearer, the most
	Exact    bool     // measure every vector
	Ef       int      // how widely the graph is searched; 0 is for the collection to choose
	Coarse   bool     // what a walk over smaller vectors finds is not measured again
	Now      int64    // Unix milliseconds
	// WithVectors has the hits carry their vectors, as they are kept.
	WithVectors bool
}

// Hit is a point that was found.
type Hit struct {
	*Point
	Score   float32
	Vectors map[string]tensor.Floats // by name, if they were asked for
}

// Encode checks vectors by name and returns them as rows, by place in Config.Vectors. It needs no lock.
func (c *Collection) Encode(byName map[string]tensor.Floats) ([]Row, error) {
	if len(byName) == 0 {
		return nil, nil
	}
	rows := make([]Row, len(c.vectors))
	for name, v := range byName {
		place := c.shape.vector(name)
		if place < 0 {
			return nil, noVector(name, c.shape)
		}
		space := c.vectors[place].space
		if err := checkVector(space, name, v); err != nil {
			return nil, err
		}
		rows[place].Bytes = make([]byte, space.Size())
		rows[place].Head = space.Encode(rows[place].Bytes, v)
	}
	return rows, nil
}

// checkVector refuses a vector that the space cannot keep, and says which it is.
func checkVector(space *distance.Space, name string, v []float32) error {
	if len(v) != space.Dim() {
		e := fault.New(fault.Invalid, "the vector has a dimension of %d, and the collection's is %d", len(v), space.Dim())
		if name != "" {
			e = fault.New(fault.Invalid, "the vector %q has a dimension of %d, and the collection's is %d", name, len(v), space.Dim())
		}
		return e.With("given", len(v)).With("dimension", space.Dim()).With("vector", name)
	}
	if err := space.Check(v); err != nil {
		return fault.From(err).With("vector", name)
	}
	return nil
}

func noVector(name string, config *Config) error {
	what := "no vector named \"" + clip(name) + "\""
	if name == "" {
		what = "no default vector"
	}
	return fault.New(fault.Invalid, "the collection has %s: %s", what, config.names()).With("vector", name)
}

// Vectors returns the point's vectors by name, as they are kept. RLock is held.
func (c *Collection) Vectors(p *Point) map[string]tensor.Floats {
	all := make(map[string]tensor.Floats, len(p.at))
	for i, v := range c.vectors {
		row, head, ok := v.append(nil, p.slot, p.at[i])
		if !ok {
			continue
		}
		floats := make(tensor.Floats, v.space.Dim())
		v.space.Decode(floats, row, head)
		all[v.config.Name] = floats
	}
	return all
}

// Draft returns what the point is made of, from which another collection of the same vectors can make the same. RLock
// is held.
func (c *Collection) Draft(p *Point) *Draft {
	d := p.Draft
	d.Rows = make([]Row, len(c.vectors))
	for i, v := range c.vectors {
		d.Rows[i].Bytes, d.Rows[i].Head, _ = v.append(nil, p.slot, p.at[i])
	}
	return &d
}

// VectorBytes is how many bytes all vectors of one point take as they are answered.
func (c *Collection) VectorBytes() (n int) {
	for _, v := range c.shape.Vectors {
		n += 4 * v.Dimension
	}
	return n
}
