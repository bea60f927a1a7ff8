package vector_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/vector"
	"github.com/hivellm/synap-go/vector/collection"
	"github.com/hivellm/synap-go/vector/tensor"
)

// benched is an engine with a collection of n points of 384 numbers in clusters, as embeddings are; a payload field n
// goes from 0 to 999.
type benched struct {
	b      *testing.B
	d      *command.Dispatcher
	engine *core.Engine
	r      *rand.Rand
	middle [][]float32
}

const dimension = 384

func newBenched(b *testing.B, index string, n int) *benched {
	b.Helper()
	engine, err := core.New(core.Options{Structures: []*command.Structure{vector.Structure()}})
	if err != nil {
		b.Fatal(err)
	}
	x := &benched{b: b, d: engine.Dispatcher(), engine: engine, r: rand.New(rand.NewPCG(1, 1))} //nolint:gosec // a benchmark
	for range 64 {
		x.middle = append(x.middle, x.noise(nil, 1))
	}
	x.do("vector.collection.create", &vector.CreateRequest{
		Collection: "c", Shape: vector.Shape{Dimension: dimension, Index: index},
		Fields: vector.Fields{Indexes: []vector.IndexRequest{{Field: "n", Type: "integer"}}},
	})
	for i := 0; i < n; i += 500 {
		x.do("vector.upsert", x.points(i, min(500, n-i)))
	}
	return x
}

func (x *benched) noise(around []float32, by float64) []float32 {
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32(x.r.NormFloat64() * by)
		if around != nil {
			v[i] += around[i]
		}
	}
	return v
}

func (x *benched) vector() tensor.Floats { return x.noise(x.middle[x.r.IntN(len(x.middle))], 0.7) }

func (x *benched) points(from, n int) *vector.UpsertRequest {
	r := &vector.UpsertRequest{Collection: "c"}
	for i := range n {
		payload := collection.Object(fmt.Sprintf(`{"n":%d,"name":"point %d"}`, (from+i)%1000, from+i))
		r.Points = append(r.Points, vector.PointInput{ID: collection.NumberID(uint64(from + i)), Vector: x.vector(), Payload: payload}) //nolint:gosec // small
	}
	return r
}

func (x *benched) do(name string, args any) any {
	c, err := x.d.Table().Find(name)
	if err != nil {
		x.b.Fatal(err)
	}
	v, err := x.d.Do(context.Background(), &command.Request{Caller: auth.Local(), Command: c, Args: args})
	if err != nil {
		x.b.Fatal(err)
	}
	return v
}

// build puts everything into the graph.
func (x *benched) build() {
	for _, state := range x.engine.Namespaces()[0].States {
		if c, ok := state.(*vector.Collections); ok {
			for c.Build() {
			}
		}
	}
}

// BenchmarkUpsert is what a writer waits for: the graph is made by others, until too many wait.
func BenchmarkUpsert(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			x := newBenched(b, "flat", 0)
			requests := make([]*vector.UpsertRequest, 64)
			for i := range requests {
				requests[i] = x.points(i*size, size)
			}
			i := 0
			for b.Loop() {
				x.do("vector.upsert", requests[i%len(requests)])
				i++
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "points/s")
		})
	}
}

// BenchmarkBuild puts 2,000 vectors into a graph of 10,000.
func BenchmarkBuild(b *testing.B) {
	x := newBenched(b, "hnsw", 10_000)
	x.build()
	next := 10_000
	for b.Loop() {
		x.do("vector.upsert", x.points(next, 500))
		x.build()
		next += 500
	}
	b.ReportMetric(float64(b.N*500)/b.Elapsed().Seconds(), "points/s")
}

// BenchmarkSearch asks 20,000 points for the nearest ten, all of them and parts.
func BenchmarkSearch(b *testing.B) {
	for _, index := range []string{"flat", "hnsw"} {
		x := newBenched(b, index, 20_000)
		x.build()
		queries := make([]tensor.Floats, 100)
		for i := range queries {
			queries[i] = x.vector()
		}
		for _, part := range []struct {
			name string
			lt   float64
		}{{"all", 0}, {"50%", 500}, {"10%", 100}, {"1%", 10}, {"0.1%", 1}} {
			for _, indexed := range []string{"n", "name"} {
				if part.lt == 0 && indexed != "n" || part.lt != 0 && indexed == "name" && index == "flat" {
					continue
				}
				var filter *collection.Filter
				field := "n"
				if part.lt > 0 {
					filter = &collection.Filter{Must: []collection.Condition{{Key: field, Range: &collection.Range{LT: &part.lt}}}}
				}
				if indexed == "name" { // the same, by a condition that no index answers
					filter.Must[0] = collection.Condition{Filter: &collection.Filter{MustNot: []collection.Condition{{Key: "n", Range: &collection.Range{GTE: &part.lt}}, {Key: "nothing", Exists: new(bool)}}}}
					filter.Must[0].Filter.MustNot[1].Exists = &[]bool{true}[0]
				}
				b.Run(fmt.Sprintf("%s/%s/%s", index, part.name, map[string]string{"n": "indexed", "name": "scanned"}[indexed]), func(b *testing.B) {
					i := 0
					for b.Loop() {
						x.do("vector.search", &vector.SearchRequest{
							Collection: "c", Query: vector.Query{Vector: queries[i%100], Look: vector.Look{Limit: 10, Filter: filter}},
						})
						i++
					}
				})
			}
		}
	}
}
