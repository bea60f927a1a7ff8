// Package hnsw finds the nearest of many vectors: ids and floats in, ids out.
//
// An Index keeps vectors under ids that its caller chooses. Ids are slots: small, dense numbers, for
// memory is taken for all from 0 to the largest. Exact measures every vector; Search walks a graph (a
// hierarchical navigable small world: Malkov and Yashunin, arXiv 1603.09320) and sees a few
// hundred. Inserts, deletes and searches may all run at once.
//
// Memory holds no pointers: vectors lie in blocks of bytes, links in blocks of ids, so the garbage
// collector has nothing to scan however many there are.
//
// The package has no commands, no journal, no payloads and starts no goroutine that outlives a call.
package hnsw

import (
	"sync"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/distance"
)

// Defaults and limits of Options.
const (
	DefaultM              = 16
	DefaultEfConstruction = 128
	DefaultEf             = 64 // what Search takes for an ef of 0
	MaxM                  = 128
	MaxEf                 = 10_000
	MaxID                 = 1<<31 - 1 // of a slot
)

// Options say what an Index is for. Dim has to be set; the others have useful zero values.
type Options struct {
	Dim     int
	Metric  distance.Metric  // 0 is Cosine
	Element distance.Element // 0 is Float32
	Walk    distance.Element // a smaller copy that walks read, distance.Int8 or distance.Bit; 0 is none

	M              int  // links of a node on the upper levels, and half of those on level 0; 0 is DefaultM
	EfConstruction int  // how many candidates an insert looks at; 0 is DefaultEfConstruction
	Flat           bool // keep no graph: Search is Exact
}

func (o *Options) validate() (*distance.Space, error) {
	if o.Metric == 0 {
		o.Metric = distance.Cosine
	}
	if o.Element == 0 {
		o.Element = distance.Float32
	}
	if o.M == 0 {
		o.M = DefaultM
	}
	if o.EfConstruction == 0 {
		o.EfConstruction = max(DefaultEfConstruction, o.M)
	}
	if o.M < 2 || o.M > MaxM {
		return nil, fault.New(fault.Invalid, "m is %d, and has to be 2 to %d", o.M, MaxM)
	}
	if o.EfConstruction < o.M || o.EfConstruction > MaxEf {
		return nil, fault.New(fault.Invalid, "ef_construction is %d, and has to be %d (m) to %d", o.EfConstruction, o.M, MaxEf)
	}
	return distance.NewSpace(o.Dim, o.Metric, o.Element, o.Walk)
}

// Hit is a vector that was found. Metric.Score makes a score of its distance.
type Hit struct {
	ID       uint32
	Distance float32
}

// Index is vectors and the graph over them. Its methods may be called by many goroutines at once.
type Index struct {
	options Options
	space   *distance.Space

	scratch sync.Pool // of *scratch: what one call needs

	// mu is held shared by whoever reads or links vectors, and exclusively, for a moment, when memory
	// comes or goes and when a vector dies. So a row is written only while its id is dead and nobody is
	// left who saw it alive.
	mu sync.RWMutex

	rows  *distance.Rows
	alive bitmap       // ids whose row may be measured; read and set atomically
	end   uint32       // ids from here on were never used
	count atomic.Int64 // how many are alive

	graph

	// owners[id%owners] is held by who inserts or deletes under an id, over all steps of that; before mu.
	owners [owners]sync.Mutex
}

const owners = 64

// New returns an empty Index.
func New(options Options) (*Index, error) {
	space, err := options.validate()
	if err != nil {
		return nil, err
	}
	x := &Index{options: options, space: space, rows: distance.NewRows(space, 0)}
	x.links = newLinks(options.M, x.rows.PerBlock())
	x.scratch.New = func() any { return newScratch() }
	return x, nil
}

// Options returns what the Index was made with, defaults filled in.
func (x *Index) Options() Options { return x.options }

// Space returns how vectors are kept and compared.
func (x *Index) Space() *distance.Space { return x.space }

// Len returns how many vectors there are.
func (x *Index) Len() int { return int(x.count.Load()) }

// Has says whether there is a vector under an id.
func (x *Index) Has(id uint32) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.alive.has(id)
}

// Bytes returns how much memory the Index holds.
func (x *Index) Bytes() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.rows.Bytes() + 4*len(x.alive) + x.links.bytes() + 4*len(x.degrees)
}

// Vector returns a copy of the vector under an id.
func (x *Index) Vector(id uint32) ([]float32, bool) {
	v := make([]float32, x.space.Dim())
	return v, x.VectorInto(v, id)
}

// VectorInto copies the vector under an id into v, which has room for Dim components.
func (x *Index) VectorInto(v []float32, id uint32) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if !x.alive.has(id) {
		return false
	}
	x.space.Decode(v[:x.space.Dim()], x.rows.Row(id), *x.rows.Head(id))
	return true
}
