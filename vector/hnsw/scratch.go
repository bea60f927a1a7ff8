package hnsw

import "github.com/hivellm/synap-go/vector/distance"

// scratch is the memory that one call works with; calls take it from a pool and put it back.
type scratch struct {
	query     distance.Query
	ids       []uint32
	distances []float32
	hits      []Hit
}

func newScratch() *scratch { return &scratch{distances: make([]float32, batch)} }
