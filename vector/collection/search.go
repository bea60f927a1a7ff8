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
	probes    = 256    // points that are asked to learn how many a filter means
)

// walkCost is about how many vectors a walk measures for each candidate that it holds. It is a variable so that tests can have
// any filter walk.
var walkCost = 32.0

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

	plan  plan
	share float64 // about which part of the points the plan means
	start uint64  // of points put after this one, came knows
	came  bool    // writers were let in
	best  nearest

	slots, positions []uint32
	distances        []float32
	points           []*Point
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
	walk := s.mayWalk && s.v.walks() && s.worthWalking()
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

// meant reports whether the search is about the point.
func (s *search) meant(p *Point) bool {
	return p != nil && p.at[s.v.place] != nowhere && p.lives(s.q.Now) && s.plan.means(p)
}

// worthWalking reports whether walking through the graph costs less than measuring what the filter leaves. A walk that
// may use a part s of n points goes past 1/s times as many to fill its ef, and measuring all takes s*n.
func (s *search) worthWalking() bool {
	n := float64(s.c.Len())
	left := n
	switch {
	case s.plan.some != nil:
		left = float64(s.plan.some.GetCardinality())
	case s.plan.ask != nil:
		left = n * s.c.probe(s.plan)
	}
	s.share = left / max(1, n)
	return left*left > walkCost*float64(s.ef())*n
}

// ef is how many candidates a walk holds when every point is meant.
func (s *search) ef() int { return max(s.q.Ef, s.k, hnsw.DefaultEf) }

// probe estimates of which part of the points the plan is about.
func (c *Collection) probe(p plan) float64 {
	asked, meant := 0, 0
	step := max(1, len(c.slots)/probes)
	for i := 0; i < len(c.slots); i += step {
		if point := c.slots[i]; point != nil {
			asked++
			if p.means(point) {
				meant++
			}
		}
	}
	if asked == 0 {
		return 0
	}
	return float64(meant) / float64(asked)
}

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
	var walked []uint32
	for _, slot := range slots {
		if int(slot) >= len(s.c.slots) {
			continue // everything was reset meanwhile
		}
		p := s.c.slots[slot]
		switch {
		case !s.meant(p) || p.born > s.start:
		case p.at[s.v.place] == inGraph:
			walked = append(walked, slot)
		default:
			s.points = append(s.points, p)
			s.positions = append(s.positions, uint32(p.at[s.v.place])) //nolint:gosec // not negative
		}
	}
	s.measureFlat()
	s.measureGraph(walked)
}

// measureFlat offers points, whose rows are at positions.
func (s *search) measureFlat() {
	if len(s.points) == 0 {
		return
	}
	if len(s.distances) < len(s.positions) {
		s.distances = make([]float32, max(scanBatch+64, len(s.positions)))
	}
	s.v.space.Fine(&s.prepared, s.v.flat.rows, s.positions, s.distances)
	for i, p := range s.points {
		s.offer(p, s.distances[i])
	}
}

// measureGraph offers the points of slots whose rows are in the graph.
func (s *search) measureGraph(slots []uint32) {
	if len(slots) == 0 {
		return
	}
	s.hits, _ = s.v.graph.ExactAmong(s.q.Vector, min(s.k, len(slots)), slots, s.hits[:0]) // the vector was checked
	for _, h := range s.hits {
		s.offer(s.c.slots[h.ID], h.Distance)
	}
}

func (s *search) offer(p *Point, distance float32) {
	if s.best.wants(distance) {
		s.best.offer(candidate{p, distance})
	}
}

// measureCame offers the points that came since the search began. It reports false when there were too many. From here
// on the search makes way for nobody; the plan is made anew, because slots have other points now.
func (s *search) measureCame() bool {
	slots, ok := s.c.since(s.start)
	if ok {
		s.plan, s.start = s.c.plan(s.q.Filter), s.c.puts
		s.measure(slots)
	}
	return ok
}

// walk looks into the graph. It reports false when it found fewer points than there are.
//
// A filter is asked about what the walk passes: it is made as much wider as the filter leaves out, so that among the
// candidates there are as many that are meant as there would be without one.
func (s *search) walk() bool {
	there := func(p *Point) bool { return s.meant(p) && p.at[s.v.place] == inGraph }
	wanted, ef := s.k, s.ef()
	if s.plan.some != nil || s.plan.ask != nil {
		wanted = int(float64(s.k)/s.share*1.25) + 8
		ef = int(float64(ef) / s.share)
	}
	wanted += s.extra()
	var err error
	s.hits, err = s.v.graph.Search(s.q.Vector, min(wanted, hnsw.MaxEf), min(ef, hnsw.MaxEf), nil, s.hits[:0])
	if err != nil {
		return false
	}
	known := make(map[*Point]bool, len(s.best.heap)) // moved into the graph after it was measured
	for _, b := range s.best.heap {
		known[b.point] = true
	}
	found := len(s.best.heap)
	for _, h := range s.hits {
		if p := s.c.slots[h.ID]; there(p) {
			found++
			if !known[p] {
				s.offer(p, h.Distance)
			}
		}
	}
	left := s.c.Len()
	if s.plan.some != nil {
		left = int(s.plan.some.GetCardinality()) //nolint:gosec // at most MaxPoints
	}
	return found >= min(s.k, left)
}

// maxExtra bounds how many expired points are counted; when there are more, a walk may find too few.
const maxExtra = 1024

// extra is how many points the graph may find that are not there any more, or not there yet.
func (s *search) extra() int {
	n := 0
	s.c.due.Scan(func(p *Point) bool {
		if p.Expires > s.q.Now || n == maxExtra {
			return false
		}
		n++
		return true
	})
	return n + len(s.c.held) + len(s.v.moving)
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
