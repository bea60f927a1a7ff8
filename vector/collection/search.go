package collection

import (
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/distance"
	"github.com/hivellm/synap-go/vector/hnsw"
)

// Bounds of one search's steps. They are variables so that tests can make every boundary a common one.
var (
	scanBatch = 256    // rows that are measured at once
	scanYield = 4_096  // slots after which a search makes way for writers
	maxCame   = 50_000 // points that may come during a search before it begins anew and makes way for nobody
	eager     = false  // walk under every filter, whatever it costs
)

// Search returns the nearest points, the nearest first. It takes the lock by itself.
func (c *Collection) Search(q *Query) ([]Hit, error) {
	place := c.shape.vector(q.Using)
	if place < 0 {
		return nil, noVector(q.Using, c.shape)
	}
	v := c.vectors[place]
	if err := checkVector(v.space, q.Using, q.Vector); err != nil {
		return nil, err
	}
	if q.Limit < 1 || q.Limit > MaxLimit || q.Offset < 0 || q.Offset > MaxOffset {
		return nil, fault.New(fault.OutOfRange, "limit %d and offset %d: limit is from 1 to %d, and offset from 0 to %d",
			q.Limit, q.Offset, MaxLimit, MaxOffset)
	}
	s := &search{c: c, q: q, v: v, k: q.Limit + q.Offset, mayWalk: !q.Exact, polite: true}
	v.space.Prepare(&s.prepared, q.Vector)
	for try := 1; !s.run(); try++ {
		s.polite = try < maxPolite
	}
	return s.found, nil
}

// maxPolite is how often a search is begun anew because of what happened meanwhile. After that it makes way for nobody.
const maxPolite = 2

// search is one search on its way.
type search struct {
	c        *Collection
	q        *Query
	v        *vectors
	k        int // how many are looked for
	prepared distance.Query
	mayWalk  bool // the graph may be used
	polite   bool // writers are let in between

	plan   plan
	filter hnsw.Filter // the plan, as the graph knows it
	start  uint64      // of points put after this one, came knows
	came   bool        // writers were let in
	best   nearest

	// What measure works with.
	slots            []uint32
	points, walked   []*Point // in the table, and in the graph
	positions, known []uint32 // where these are
	distances        []float32
	hits             []hnsw.Hit

	found []Hit // what it comes to
}

// run searches once. It reports false when it must be done again.
func (s *search) run() (done bool) {
	c := s.c
	c.RLock()
	defer c.RUnlock()
	s.best, s.came = nearest{k: s.k}, false
	s.start = c.beginScan()
	defer c.endScan()
	s.plan = c.plan(s.q.Filter)
	walk := s.mayWalk && s.v.walks()
	if walk {
		s.filter = s.graphFilter()
		walk = s.v.graph.Walks(s.ef(), &s.filter)
	}
	switch {
	case walk:
		s.scanFlat()
	case s.plan.some != nil:
		s.among(s.plan.some.ToArray())
	default:
		s.scanAll()
	}
	if s.came && !s.measureCame() {
		return false
	}
	if walk && !s.walk() {
		s.mayWalk = false // it did not find what there is
		return false
	}
	if s.came && !s.allStayed() {
		return false
	}
	s.answer()
	return true
}

// may reports whether the search can be about the point, as far as that is known without asking its payload.
func (s *search) may(p *Point) bool {
	return p != nil && p.at[s.v.place] != nowhere && p.lives(s.q.Now) && (s.plan.some == nil || s.plan.some.Contains(p.slot))
}

// asked reports whether the search is about a point that it can be about.
func (s *search) asked(p *Point) bool {
	return s.plan.ask == nil || s.plan.ask(subject{p.ID, p.Payload})
}

// graphFilter is what the graph needs to know of the plan; nothing when every point is meant.
func (s *search) graphFilter() (f hnsw.Filter) {
	if s.plan.some == nil && s.plan.ask == nil {
		return f
	}
	f.Walk = eager
	if s.plan.some != nil {
		f.In = s.plan.some.ToDense()
		f.Count = int(s.plan.some.GetCardinality()) //nolint:gosec // at most MaxPoints
		s.c.due.Scan(func(p *Point) bool {
			if w := int(p.slot / 64); p.Expires <= s.q.Now && w < len(f.In) {
				f.In[w] &^= 1 << (p.slot % 64)
			}
			return p.Expires <= s.q.Now
		})
	}
	if s.plan.ask != nil {
		f.Keep = func(slot uint32) bool {
			p := s.c.slots[slot]
			return s.may(p) && p.at[s.v.place] == inGraph && s.asked(p)
		}
	}
	return f
}

// ef is how many candidates a walk holds when every point is meant.
func (s *search) ef() int { return max(s.q.Ef, s.k, hnsw.DefaultEf) }

// scanFlat measures what is not in the graph.
func (s *search) scanFlat() {
	for next, looked := 0, 0; next >= 0; {
		s.slots, s.positions = s.slots[:0], s.positions[:0]
		next, s.slots, s.positions = s.v.flat.list(next, scanBatch, s.slots, s.positions)
		looked += len(s.slots)
		s.measure(s.slots)
		if looked >= scanYield && next >= 0 {
			looked = 0
			s.yield()
		}
	}
}

// scanAll measures every point.
func (s *search) scanAll() {
	end := len(s.c.slots)
	for from, looked := 0, 0; from < end; from += scanBatch {
		s.slots = s.slots[:0]
		for slot := from; slot < min(from+scanBatch, end, len(s.c.slots)); slot++ {
			s.slots = append(s.slots, uint32(slot)) //nolint:gosec // at most MaxPoints
		}
		s.measure(s.slots)
		if looked += scanBatch; looked >= scanYield {
			looked = 0
			s.yield()
		}
	}
}

// among measures the points of slots.
func (s *search) among(slots []uint32) {
	for looked := 0; len(slots) > 0; {
		part := slots[:min(scanBatch, len(slots))]
		slots = slots[len(part):]
		s.measure(part)
		if looked += len(part); looked >= scanYield {
			looked = 0
			s.yield()
		}
	}
}

// yield makes way for a writer that waits.
func (s *search) yield() {
	if s.polite && s.c.writers.Load() > 0 {
		s.c.mu.RUnlock()
		s.c.mu.RLock()
		s.came = true
	}
}

// measure offers the points of the slots that the search is about, and that were there when it began.
func (s *search) measure(slots []uint32) {
	s.points, s.positions = s.points[:0], s.positions[:0]
	s.walked, s.known = s.walked[:0], s.known[:0]
	for _, slot := range slots {
		if int(slot) >= len(s.c.slots) {
			continue // everything was reset meanwhile
		}
		p := s.c.slots[slot]
		switch {
		case !s.may(p) || p.born > s.start:
		case p.at[s.v.place] == inGraph:
			s.walked, s.known = append(s.walked, p), append(s.known, slot)
		default:
			s.points = append(s.points, p)
			s.positions = append(s.positions, uint32(p.at[s.v.place])) //nolint:gosec // not negative
		}
	}
	if len(s.positions) > 0 {
		distances := s.room(len(s.positions))
		s.v.space.Fine(&s.prepared, s.v.flat.rows, s.positions, distances)
		s.offer(s.points, distances)
	}
	if len(s.known) > 0 {
		distances := s.room(len(s.known))
		s.v.graph.Measure(&s.prepared, s.known, distances)
		s.offer(s.walked, distances)
	}
}

func (s *search) room(n int) []float32 {
	if len(s.distances) < n {
		s.distances = make([]float32, max(scanBatch+64, n))
	}
	return s.distances[:n]
}

// offer keeps the points that are near enough and that the search is about. Payloads are asked last: mostly that takes longer
// than to measure a vector, and few points are near.
func (s *search) offer(points []*Point, distances []float32) {
	for i, p := range points {
		if s.best.wants(distances[i]) && s.asked(p) {
			s.best.offer(candidate{p, distances[i]})
		}
	}
}

// measureCame offers the points that came since the search began. It reports false when there were too many. From here
// on the search makes way for nobody; the plan is made anew, because slots have other points now.
func (s *search) measureCame() bool {
	slots, ok := s.c.since(s.start)
	if ok {
		s.plan, s.start = s.c.plan(s.q.Filter), s.c.puts
		s.filter = s.graphFilter()
		s.measure(slots)
	}
	return ok
}

// walk looks into the graph. It reports false when it found fewer points than there are.
func (s *search) walk() bool {
	filtered := s.filter.In != nil || s.filter.Keep != nil
	wanted := s.k + len(s.v.moving) // those are in the graph, and were measured in the table
	if !filtered {
		wanted += s.extra()
	}
	look := s.v.graph.Search
	if s.q.Coarse {
		look = s.v.graph.SearchCoarse
	}
	var err error
	s.hits, err = look(s.q.Vector, min(wanted, hnsw.MaxEf), min(s.ef(), hnsw.MaxEf), s.filter, s.hits[:0])
	if err != nil {
		return false
	}
	known := make(map[*Point]bool, len(s.best.heap)) // moved into the graph after it was measured
	for _, b := range s.best.heap {
		known[b.point] = true
	}
	found := len(s.best.heap)
	for _, h := range s.hits {
		p := s.c.slots[h.ID]
		if !s.may(p) || p.at[s.v.place] != inGraph {
			continue
		}
		found++
		if !known[p] && s.best.wants(h.Distance) {
			s.best.offer(candidate{p, h.Distance})
		}
	}
	if filtered {
		return wanted <= hnsw.MaxEf // the graph finds all there are
	}
	return found >= min(s.k, s.c.Len())
}

// maxExtra bounds how many expired points are counted; when there are more, a walk may find too few.
const maxExtra = 1024

// extra is how many points the graph may find without a filter that are not there any more.
func (s *search) extra() int {
	n := 0
	s.c.due.Scan(func(p *Point) bool {
		if p.Expires > s.q.Now || n == maxExtra {
			return false
		}
		n++
		return true
	})
	return n + len(s.c.held)
}

// allStayed reports whether what was found is still there.
func (s *search) allStayed() bool {
	for _, b := range s.best.heap {
		if slot := int(b.point.slot); slot >= len(s.c.slots) || s.c.slots[slot] != b.point {
			return false
		}
	}
	return true
}

// answer keeps what was asked for of what was found.
func (s *search) answer() {
	best := s.best.sorted()
	s.found = make([]Hit, 0, max(0, len(best)-s.q.Offset))
	for _, b := range best[min(s.q.Offset, len(best)):] {
		h := Hit{Point: b.point, Score: s.v.metric.Score(b.distance)}
		if s.q.MinScore != nil && s.worse(h.Score) {
			break
		}
		if s.q.WithVectors {
			h.Vectors = s.c.Vectors(b.point)
		}
		s.found = append(s.found, h)
	}
}

// worse reports whether the score is not good enough.
func (s *search) worse(score float32) bool {
	if s.v.metric.HigherIsBetter() {
		return score < *s.q.MinScore
	}
	return score > *s.q.MinScore
}
