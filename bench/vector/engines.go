package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/hivellm/synap-go/vector/distance"
	"github.com/hivellm/synap-go/vector/hnsw"
)

// engine is an index that is measured.
type engine interface {
	name() string
	// build puts all vectors in, and says how many bytes the index holds then.
	build() (cost, int, error)
	// search looks for the nearest to every query.
	search(ef int) (cost, [][]uint32, error)
}

// data is what is searched, and what is to be found.
type data struct {
	vectors, queries [][]float32
	nearest          [][]uint32
}

// truth finds what is to be found, by measuring everything.
func (d *data) truth() error {
	exact, err := build(hnsw.Options{Dim: dim, Flat: true}, d.vectors)
	if err != nil {
		return err
	}
	d.nearest, err = d.find(func(q []float32) ([]hnsw.Hit, error) { return exact.Exact(q, k, hnsw.Filter{}, nil) })
	return err
}

// find is the ids that search finds for every query.
func (d *data) find(search func(q []float32) ([]hnsw.Hit, error)) (all [][]uint32, err error) {
	for _, q := range d.queries {
		hits, err := search(q)
		if err != nil {
			return nil, err
		}
		ids := make([]uint32, len(hits))
		for i, h := range hits {
			ids[i] = h.ID
		}
		all = append(all, ids)
	}
	return all, nil
}

// recall is which part of what is to be found was found.
func recall(want, got [][]uint32) float64 {
	found, sought := 0, 0
	for i := range want {
		sought += len(want[i])
		for _, id := range got[i] {
			if slices.Contains(want[i], id) {
				found++
			}
		}
	}
	if sought == 0 {
		return 1 // nothing was missed
	}
	return float64(found) / float64(sought)
}

// build makes an index of vectors, by one goroutine.
func build(o hnsw.Options, vectors [][]float32) (*hnsw.Index, error) {
	x, err := hnsw.New(o)
	if err != nil {
		return nil, err
	}
	return x, x.Build(1, len(vectors), func(_, i int) (uint32, []float32) { return uint32(i), vectors[i] })
}

// synap is an Index of this project.
type synap struct {
	title   string
	options hnsw.Options
	data    *data
	index   *hnsw.Index
}

// kinds are the indexes of this project that are compared.
func kinds(o *options, d *data) (all []*synap) {
	for _, kind := range []struct {
		title         string
		element, walk distance.Element
	}{
		{"synap", distance.Float32, 0},
		{"synap, int8", distance.Int8, 0},
		{"synap, walked as int8", distance.Float32, distance.Int8},
	} {
		all = append(all, &synap{title: kind.title, data: d, options: hnsw.Options{
			Dim: dim, Element: kind.element, Walk: kind.walk, M: o.m, EfConstruction: o.ef,
		}})
	}
	return all
}

func (s *synap) name() string { return s.title }

func (s *synap) build() (c cost, bytes int, err error) {
	c, err = took(func() (err error) {
		s.index, err = build(s.options, s.data.vectors)
		return err
	})
	return c, s.index.Bytes(), err
}

func (s *synap) search(ef int) (c cost, found [][]uint32, err error) {
	var hits []hnsw.Hit
	c, err = took(func() (err error) {
		found, err = s.data.find(func(q []float32) ([]hnsw.Hit, error) {
			hits, err = s.index.Search(q, k, ef, hnsw.Filter{}, hits[:0])
			return hits, err
		})
		return err
	})
	return c, found, err
}

// python is the process of the peers.
type python struct {
	in  io.WriteCloser
	out *bufio.Reader
	cmd *exec.Cmd
}

// startPeers starts it and says which there are.
func startPeers(ctx context.Context, o *options) (*python, []engine, error) {
	cmd := exec.CommandContext(ctx, o.python, filepath.Join(o.dir, "peers.py")) //nolint:gosec // the flag of who runs this
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	p := &python{in, bufio.NewReader(out), cmd}
	var peers struct{ There, Missing map[string]string }
	if err := p.ask(&peers, "load", map[string]any{"file": o.file, "dim": dim, "n": o.n, "queries": o.queries}); err != nil {
		p.stop()
		return nil, nil, err
	}
	var all []engine
	for _, name := range slices.Sorted(maps.Keys(peers.There)) {
		o.say("%s %s\n", name, peers.There[name])
		all = append(all, &peer{name, o, p})
	}
	for _, name := range slices.Sorted(maps.Keys(peers.Missing)) {
		o.say("%s is not there (%s): it is left out\n", name, peers.Missing[name])
	}
	return p, all, nil
}

// ask has it do something.
func (p *python) ask(answer any, do string, with map[string]any) error {
	with["do"] = do
	b, err := json.Marshal(with)
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		return err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the peers' process ended at %s: %w", do, err)
	}
	return json.Unmarshal(line, answer)
}

func (p *python) stop() {
	_ = p.in.Close() // it ends at the end of what it is asked
	_ = p.cmd.Wait() // how it ends says nothing any more
}

// peer is one of its libraries.
type peer struct {
	title   string
	options *options
	python  *python
}

func (p *peer) name() string { return p.title }

func (p *peer) build() (cost, int, error) {
	var answer struct {
		cost
		Bytes int
	}
	err := p.python.ask(&answer, "build", map[string]any{"name": p.title, "m": p.options.m, "ef": p.options.ef})
	return answer.cost, answer.Bytes, err
}

func (p *peer) search(ef int) (cost, [][]uint32, error) {
	var answer struct {
		cost
		IDs [][]uint32
	}
	err := p.python.ask(&answer, "search", map[string]any{"name": p.title, "k": k, "ef": max(ef, k)})
	return answer.cost, answer.IDs, err
}
