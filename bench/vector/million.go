package main

import (
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hivellm/synap-go/vector/distance"
	"github.com/hivellm/synap-go/vector/hnsw"
)

// noise is how long what is added to a real vector is, beside that vector's own length: its copies are as near
// to each other as sentences about the same thing are.
const noise = 0.6

// million measures very many vectors of bytes: what they take and how long a search is. They are real vectors with
// noise, each another, because so many real ones would take hours to make; so are the queries.
func million(o *options, vectors, queries [][]float32) error {
	workers := runtime.GOMAXPROCS(0)
	x, err := hnsw.New(hnsw.Options{Dim: dim, Element: distance.Int8, M: o.m, EfConstruction: o.ef})
	if err != nil {
		return err
	}
	room := make([][]float32, workers)
	for w := range room {
		room[w] = make([]float32, dim)
	}
	c, err := took(func() error {
		return x.Build(workers, o.million, func(w, i int) (uint32, []float32) {
			perturb(room[w], vectors[i%len(vectors)], uint64(i))
			return uint32(i), room[w]
		})
	})
	if err != nil {
		return err
	}
	runtime.GC()
	o.say("%d vectors of %d int8 are built in %.0f s of processor time: %d MB, %.0f bytes a vector, %d MB of the process in memory\n",
		o.million, dim, c.CPU, x.Bytes()>>20, float64(x.Bytes())/float64(o.million), resident()>>20)
	asked := make([][]float32, len(queries))
	truth := make([][]hnsw.Hit, len(queries))
	for i, q := range queries {
		asked[i] = make([]float32, dim)
		perturb(asked[i], q, uint64(o.million+i))
		if truth[i], err = x.Exact(asked[i], k, hnsw.Filter{}, nil); err != nil {
			return err
		}
	}
	// On a shared machine the longest times are those in which others had the processor, so both are told.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var hits []hnsw.Hit
	for _, ef := range []int{32, 64, 128, 256} {
		var times, cpu []time.Duration
		found := 0
		for range o.rounds {
			for i, q := range asked {
				began, before := time.Now(), usedByThread()
				hits, err = x.Search(q, k, ef, hnsw.Filter{}, hits[:0])
				times, cpu = append(times, time.Since(began)), append(cpu, usedByThread()-before)
				if err != nil {
					return err
				}
				for _, h := range hits {
					if slices.Contains(truth[i], h) {
						found++
					}
				}
			}
		}
		slices.Sort(times)
		slices.Sort(cpu)
		n := len(times)
		o.say("ef %d: recall %.4f, p50 %d µs, p99 %d µs; of processor time p50 %d µs, p99 %d µs\n", ef, float64(found)/float64(k*n),
			times[n/2].Microseconds(), times[n*99/100].Microseconds(), cpu[n/2].Microseconds(), cpu[n*99/100].Microseconds())
	}
	return nil
}

// perturb writes a vector with noise of its own into to.
func perturb(to, v []float32, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 9)) //nolint:gosec // a benchmark
	length := 0.0
	for _, c := range v {
		length += float64(c) * float64(c)
	}
	scale := noise * math.Sqrt(length/float64(len(v)))
	for i, c := range v {
		to[i] = c + float32(r.NormFloat64()*scale)
	}
}

// resident is how many bytes of the process are in memory; 0 where that is not told.
func resident() int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}
