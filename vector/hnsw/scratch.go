package hnsw

import "github.com/hivellm/synap-go/vector/distance"

// scratch is the memory that one call works with; calls take it from a pool and put it back.
type scratch struct {
	query     distance.Query
	stored    distance.Query // a node as the query, while neighbours are chosen
	ids       []uint32
	distances []float32
	hits      []Hit

	visited []uint8 // visited[id] == tag: this walk has seen the id
	tag     uint8

	// A walk for a node that is put in: it, how far it is from itself, and how many of its twins were seen. Else self is
	// nobody.
	node  uint32
	self  float32
	twins int

	pool   []candidate // of a walk
	chosen []Hit       // neighbours that were chosen
	merged []Hit       // candidates for them
	others []Hit       // candidates that were not chosen

	steps   []Hit    // of a walk under a filter: a heap of candidates to follow, the nearest on top
	through []uint32 // and nodes that it steps over, in the order of their lists
}

func newScratch() *scratch { return &scratch{distances: make([]float32, batch), self: nobody} }

// begin starts a walk over ids under end: nothing is visited. One byte an id keeps the whole set in the nearest
// caches; the price is that every 255th walk clears it.
func (s *scratch) begin(end uint32) {
	if len(s.visited) < int(end) {
		s.visited = make([]uint8, end+end/4+64)
		s.tag = 0
	}
	if s.tag == 255 {
		clear(s.visited)
		s.tag = 0
	}
	s.tag++
}

// fresh appends to s.ids the ids of a list that are alive and were not visited, and marks them.
func (s *scratch) fresh(list []uint32, alive bitmap) {
	ids, visited, tag := s.ids[:0], s.visited, s.tag
	for i := range list {
		id, ok := linked(list, i)
		if !ok {
			break
		}
		if visited[id] != tag && alive.has(id) {
			visited[id] = tag
			ids = append(ids, id)
		}
	}
	s.ids = ids
}

// room makes s.distances hold n.
func (s *scratch) room(n int) []float32 {
	if len(s.distances) < n {
		s.distances = make([]float32, n+batch)
	}
	return s.distances[:n]
}
