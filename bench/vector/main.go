// Command vector measures the graph of vector/hnsw on real sentence embeddings: recall against queries a second,
// what building takes, and bytes a vector; beside hnswlib, usearch and faiss where they install, on the
// same vectors, with the same m and ef_construction, by one thread, in the same run and in turns.
//
// The machine is shared, so what is reported is the processor time of a query, and queries a second are those of one
// processor that does nothing else. The peers are called with all queries at once, so that Python costs
// next to nothing; Synap is called once for each.
//
// Then it measures what filters cost, what an exact search reads a second beside what the memory can do, and with
// -million a million vectors of bytes. It writes a plot. Nothing here is a part of the product.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"
)

// dim is that of all-MiniLM-L6-v2.
const dim = 384

// k is how many nearest are looked for.
const k = 10

// options are the flags.
type options struct {
	dir     string
	file    string
	python  string
	peers   bool
	n       int
	queries int
	rounds  int
	m, ef   int
	efs     []int
	plot    string
	million int
	out     io.Writer
}

// say prints for people. When nobody can read it there is nothing left to do about it.
func (o *options) say(format string, args ...any) { _, _ = fmt.Fprintf(o.out, format, args...) }

func main() {
	o := options{out: os.Stdout, efs: []int{10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384}}
	flag.StringVar(&o.dir, "dir", filepath.Join(".bench", "vector"), "the `folder` for vectors and for Python's packages")
	flag.StringVar(&o.file, "vectors", "", "the `file` of vectors, float32 little-endian, the queries last; they are made when there is none")
	flag.StringVar(&o.python, "python", "", "a `python` that has the peers; an environment is made when none is given")
	flag.BoolVar(&o.peers, "peers", true, "measure the peers, too")
	flag.IntVar(&o.n, "n", 20_000, "how many vectors")
	flag.IntVar(&o.queries, "queries", 500, "how many queries")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each is measured; the median counts")
	flag.IntVar(&o.m, "m", 16, "links of a vector")
	flag.IntVar(&o.ef, "ef-construction", 128, "how widely is looked for them")
	flag.StringVar(&o.plot, "plot", "", "the SVG `file` to write; in -dir when none is given")
	flag.IntVar(&o.million, "million", 0, "measure so many vectors of bytes instead, made of the real ones")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, &o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/vector:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options) error {
	if o.plot == "" {
		o.plot = filepath.Join(o.dir, "recall.svg")
	}
	if err := prepare(ctx, o); err != nil {
		return err
	}
	vectors, queries, err := load(o)
	if err != nil {
		return err
	}
	if o.million > 0 {
		return million(o, vectors, queries)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := &data{vectors: vectors, queries: queries}
	if err := d.truth(); err != nil {
		return err
	}
	o.say("%d vectors of %d float32, %d queries, m %d, ef_construction %d, recall of the %d nearest\n\n", o.n, dim, o.queries, o.m, o.ef, k)
	graph, err := compare(ctx, o, d)
	if err != nil {
		return err
	}
	if err := filtered(o, d, graph); err != nil {
		return err
	}
	return bandwidth(o, d)
}

// load reads the vectors and the queries, which are the last.
func load(o *options) (vectors, queries [][]float32, err error) {
	b, err := os.ReadFile(o.file)
	if err != nil {
		return nil, nil, err
	}
	all := make([][]float32, len(b)/(4*dim))
	for i := range all {
		all[i] = make([]float32, dim)
		for j := range all[i] {
			all[i][j] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*(i*dim+j):]))
		}
	}
	if len(all) < o.n+o.queries {
		return nil, nil, fmt.Errorf("%s has %d vectors, which is less than %d and %d queries", o.file, len(all), o.n, o.queries)
	}
	return all[:o.n], all[len(all)-o.queries:], nil
}

// cost is what something took.
type cost struct{ CPU, Wall float64 } // seconds

// took measures what f takes of this process.
func took(f func() error) (cost, error) {
	wall, cpu := time.Now(), used()
	err := f()
	return cost{(used() - cpu).Seconds(), time.Since(wall).Seconds()}, err
}
