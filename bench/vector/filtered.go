package main

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"github.com/hivellm/synap-go/vector/hnsw"
)

// filtered measures what is found under filters that leave a part of the vectors, beside measuring every vector and
// asking the filter about those that are near enough, and beside measuring those that the filter leaves.
func filtered(o *options, d *data, s *synap) error {
	o.say("\n| filter leaves | every vector, µs | what it leaves, µs | search by a set, µs, recall | of all by asking, µs, recall | a walk, µs, recall | every vector to search |\n" +
		"| --- | --- | --- | --- | --- | --- | --- |\n")
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a benchmark
	for _, share := range []float64{0.5, 0.1, 0.01, 0.001} {
		in := make(hnsw.Set, (len(d.vectors)+63)/64)
		for id := range d.vectors {
			if r.Float64() < share {
				in[id/64] |= 1 << (id % 64)
			}
		}
		var want [][]uint32
		ways := []func(q []float32, out []hnsw.Hit) ([]hnsw.Hit, error){
			func(q []float32, out []hnsw.Hit) ([]hnsw.Hit, error) {
				return s.index.Exact(q, k, hnsw.Filter{Keep: in.Has}, out)
			},
			func(q []float32, out []hnsw.Hit) ([]hnsw.Hit, error) {
				return s.index.Exact(q, k, hnsw.Filter{In: in}, out)
			},
			func(q []float32, out []hnsw.Hit) ([]hnsw.Hit, error) {
				return s.index.Search(q, k, 0, hnsw.Filter{In: in}, out)
			},
			func(q []float32, out []hnsw.Hit) ([]hnsw.Hit, error) {
				return s.index.Search(q, k, 0, hnsw.Filter{Keep: in.Has}, out)
			},
			func(q []float32, out []hnsw.Hit) ([]hnsw.Hit, error) {
				return s.index.Search(q, k, 0, hnsw.Filter{In: in, Walk: true}, out)
			},
		}
		times, recalls := make([][]float64, len(ways)), make([]float64, len(ways))
		for range o.rounds {
			for i, way := range ways {
				var found [][]uint32
				var hits []hnsw.Hit
				c, err := took(func() (err error) {
					found, err = d.find(func(q []float32) ([]hnsw.Hit, error) {
						hits, err = way(q, hits[:0])
						return hits, err
					})
					return err
				})
				if err != nil {
					return err
				}
				if i == 0 {
					want = found
				}
				times[i] = append(times[i], c.CPU*1e6/float64(len(d.queries)))
				recalls[i] = recall(want, found)
			}
		}
		for i := range times {
			slices.Sort(times[i])
		}
		at := func(i int) float64 { return times[i][len(times[i])/2] }
		o.say("| %g %% | %.0f | %.0f | %.0f, %.3f | %.0f, %.3f | %.0f, %.3f | %.1f |\n",
			share*100, at(0), at(1), at(2), recalls[2], at(3), recalls[3], at(4), recalls[4], at(0)/at(2))
	}
	return nil
}

// bandwidth measures how many bytes of vectors an exact search reads a second, beside how many of a block of the same
// length can be read at all by looking for a byte that is not in it.
func bandwidth(o *options, d *data) error {
	flat, err := build(hnsw.Options{Dim: dim, Flat: true}, d.vectors)
	if err != nil {
		return err
	}
	size := flat.Space().Size() * len(d.vectors)
	block := make([]byte, size)
	for i := range block {
		block[i] = 1
	}
	var memory, search []float64
	hits := []hnsw.Hit{}
	const passes = 50
	for range max(o.rounds, 3) {
		c, err := took(func() error {
			for range passes {
				if bytes.IndexByte(block, 0) >= 0 {
					panic("a byte is found that is not there")
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		memory = append(memory, passes*float64(size)/c.CPU/1e9)
		c, err = took(func() (err error) {
			for i := range passes {
				hits, err = flat.Exact(d.queries[i%len(d.queries)], k, hnsw.Filter{}, hits[:0])
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		search = append(search, passes*float64(size)/c.CPU/1e9)
	}
	slices.Sort(memory)
	slices.Sort(search)
	m, s := memory[len(memory)/2], search[len(search)/2]
	o.say("\nAn exact search reads %.1f GB/s of %d MB of vectors; reading as much and nothing else: %.1f GB/s. Part: %.2f\n", s, size>>20, m, s/m)
	return nil
}
