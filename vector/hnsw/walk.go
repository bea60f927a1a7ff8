package hnsw

// candidate is a node that a walk has measured. The top bit of id says that its links were followed.
type candidate struct {
	distance float32
	id       uint32
}

const followed = 1 << 31

// descend goes from the entry down to just over the given level, each time to the nearest neighbour there is.
func (x *Index) descend(s *scratch, to int) (Hit, bool) {
	at, ok := x.enter()
	if !ok {
		return Hit{}, false
	}
	s.ids = append(s.ids[:0], at)
	x.space.Coarse(&s.query, x.rows, s.ids, s.distances)
	best := Hit{ID: at, Distance: s.distances[0]}
	for level := x.links.level(at); level > to; level-- {
		for {
			s.ids = read(x.links.list(best.ID, level), s.ids[:0])
			n := 0
			for _, id := range s.ids {
				if x.alive.has(id) {
					s.ids[n] = id
					n++
				}
			}
			s.ids = s.ids[:n]
			distances := s.room(n)
			x.space.Coarse(&s.query, x.rows, s.ids, distances)
			moved := false
			for i, d := range distances {
				if d < best.Distance {
					best, moved = Hit{ID: s.ids[i], Distance: d}, true
				}
			}
			if !moved {
				break
			}
		}
	}
	return best, true
}

// walk fills s.pool with the ef nearest nodes that are found on a level from start on, nearest first, by their
// coarse distances: always the nearest whose links were not followed yet is followed.
func (x *Index) walk(s *scratch, start []Hit, level, ef int) {
	s.begin(x.end)
	s.twins = 0
	pool, self := s.pool[:0], s.self
	for _, h := range start {
		if s.visited[h.ID] != s.tag {
			s.visited[h.ID] = s.tag
			pool, _ = place(pool, candidate{h.Distance, h.ID}, ef)
		}
	}
	for next := 0; next < len(pool); {
		if pool[next].id&followed != 0 {
			next++
			continue
		}
		id := pool[next].id
		pool[next].id |= followed
		s.fresh(x.links.list(id, level), x.alive)
		distances := s.room(len(s.ids))
		x.space.Coarse(&s.query, x.rows, s.ids, distances)
		worst := pool[len(pool)-1].distance
		for i, d := range distances {
			if len(pool) == ef && d >= worst || d == self && x.surplus(s, s.ids[i]) {
				continue
			}
			var at int
			pool, at = place(pool, candidate{d, s.ids[i]}, ef)
			worst = pool[len(pool)-1].distance
			next = min(next, at)
		}
	}
	for i := range pool {
		pool[i].id &^= followed
	}
	s.pool = pool
}

// place puts c where it belongs in a sorted pool of at most ef, and says where; the last falls out of a full one.
// A sorted array beats two heaps here: most candidates come near its end.
func place(pool []candidate, c candidate, ef int) ([]candidate, int) {
	low, high := 0, len(pool)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if pool[mid].distance <= c.distance {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if len(pool) < ef {
		pool = append(pool, candidate{})
	} else if low == ef {
		return pool, ef
	}
	copy(pool[low+1:], pool[low:len(pool)-1])
	pool[low] = c
	return pool, low
}
