package collection

import (
	"github.com/hivellm/synap-go/vector/distance"
	"github.com/hivellm/synap-go/vector/hnsw"
)

// autoAbove is how many vectors an auto index searches exactly before it makes a graph: up to there both take about a
// millisecond. It is a variable so that tests can make it small.
var autoAbove = 10_000

// vectors are the vectors of one name. The collection's lock guards them.
type vectors struct {
	config VectorConfig
	place  int // in Config.Vectors
	space  *distance.Space
	metric distance.Metric

	flat  *flat
	graph *hnsw.Index // nil while everything is in flat

	// What Build has to do. A slot that it is at work on is in moving.
	queue  []uint32          // slots whose rows are to be moved from flat into graph; those that are no more are passed over
	head   int               // of queue: those before it are done
	doomed []uint32          // slots that are in graph and whose points are gone
	moving map[uint32]*Point // slots that are being put into graph
}

func newVectors(config *VectorConfig, place int) *vectors {
	metric, _ := distance.ParseMetric(config.Metric)
	element, _ := distance.ParseElement(config.Element)
	walk, _ := distance.ParseElement(config.Walk)
	space, err := distance.NewSpace(config.Dimension, metric, element, walk)
	if err != nil {
		panic(err) // Config.Check found nothing wrong
	}
	return &vectors{config: *config, place: place, space: space, metric: metric, flat: newFlat(space), moving: map[uint32]*Point{}}
}

// configure takes over what may be changed.
func (v *vectors) configure(config VectorConfig) {
	v.config.Index, v.config.M, v.config.EfBuild = config.Index, config.M, config.EfBuild
	v.grow()
}

// walks reports whether a search walks through the graph.
func (v *vectors) walks() bool { return v.graph != nil && v.config.Index != Flat }

// grow makes a graph, if there is to be one and is none, and has Build move everything there.
func (v *vectors) grow() {
	if v.graph != nil || v.config.Index == Flat || (v.config.Index == Auto && v.flat.count <= autoAbove) {
		return
	}
	graph, err := hnsw.New(hnsw.Options{
		Dim: v.config.Dimension, Metric: v.metric, Element: v.space.Element(), Walk: v.space.Walk(),
		M: v.config.M, EfConstruction: v.config.EfBuild,
	})
	if err != nil {
		panic(err) // Config.Check found nothing wrong
	}
	v.graph = graph
	v.queue, _ = v.flat.slots()
}

// put takes a row in.
func (v *vectors) put(slot uint32, row Row) (at int32) {
	at = v.flat.put(slot, row)
	if v.graph != nil && v.config.Index != Flat {
		v.queue = append(v.queue, slot)
	} else {
		v.grow()
	}
	return at
}

// remove takes a row out, and reports whether the graph still has it, or is about to: then its slot is not free yet.
func (v *vectors) remove(slot uint32, at int32) (kept bool) {
	if at >= 0 {
		v.flat.remove(at)
		return v.moving[slot] != nil
	}
	if at == inGraph {
		v.doomed = append(v.doomed, slot)
	}
	return at == inGraph
}

// reset forgets everything. Whoever is at work for Build finds another graph than its own, and does no more.
func (v *vectors) reset() {
	v.flat, v.graph = newFlat(v.space), nil
	v.queue, v.head, v.doomed, v.moving = nil, 0, nil, map[uint32]*Point{}
	v.grow()
}

// busy reports whether Build has something to do.
func (v *vectors) busy() bool {
	return v.graph != nil && (v.head < len(v.queue) || len(v.doomed) > 0) || v.flat.loose()
}

// append appends the row of a point to b, and reports whether there is one.
func (v *vectors) append(b []byte, slot uint32, at int32) ([]byte, distance.Head, bool) {
	switch {
	case at >= 0:
		row := v.flat.row(at)
		return append(b, row.Bytes...), row.Head, true
	case at == inGraph:
		return v.graph.AppendRow(b, slot)
	}
	return b, distance.Head{}, false
}

func (v *vectors) bytes() (flat, graph int64) {
	flat = v.flat.bytes() + 4*int64(cap(v.queue)+cap(v.doomed))
	if v.graph != nil {
		graph = int64(v.graph.Bytes())
	}
	return flat, graph
}
