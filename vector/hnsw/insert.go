package hnsw

import (
	"sync"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/distance"
)

// Insert puts a vector under an id, in place of the one that is there. While one is replaced, a search may
// find neither the old nor the new one.
func (x *Index) Insert(id uint32, v []float32) error {
	if err := x.space.Check(v); err != nil {
		return err
	}
	return x.insert(id, func(row []byte) distance.Head { return x.space.Encode(row, v) })
}

// InsertRow puts a row that AppendRow gave, of an Index with the same Space, under an id.
func (x *Index) InsertRow(id uint32, row []byte, head distance.Head) error {
	if err := x.space.CheckRow(row, head); err != nil {
		return err
	}
	return x.insert(id, func(to []byte) distance.Head { copy(to, row); return head })
}

// AppendRow appends the very bytes that are kept for the vector of an id: what a snapshot stores, because an
// Index that gets them by InsertRow measures the same distances.
func (x *Index) AppendRow(b []byte, id uint32) ([]byte, distance.Head, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if !x.alive.has(id) {
		return b, distance.Head{}, false
	}
	return append(b, x.rows.Row(id)...), *x.rows.Head(id), true
}

func (x *Index) insert(id uint32, encode func(row []byte) distance.Head) error {
	if id > MaxID {
		return fault.New(fault.Exhausted, "an index holds at most %d vectors", MaxID+1)
	}
	owner := &x.owners[id%owners]
	owner.Lock()
	defer owner.Unlock()
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	x.remove(s, id)

	x.room(id)
	defer x.mu.RUnlock()
	*x.rows.Head(id) = encode(x.rows.Row(id))
	x.alive.set(id)
	x.count.Add(1)
	if !x.options.Flat {
		x.link(s, id)
	}
	return nil
}

// room returns with mu held shared and memory for an id.
func (x *Index) room(id uint32) {
	x.mu.RLock()
	for id >= x.end || !x.rows.Has(id) {
		x.mu.RUnlock()
		x.mu.Lock()
		x.grow(id)
		x.mu.Unlock()
		x.mu.RLock()
	}
}

// grow makes memory for an id; mu is held exclusively.
func (x *Index) grow(id uint32) {
	if !x.rows.Has(id) {
		x.rows.Grow(id)
		if !x.options.Flat {
			x.links.cover(x.rows)
		}
	}
	x.alive = x.alive.grow(id)
	if n := 32 * len(x.alive); !x.options.Flat && n > len(x.degrees) {
		degrees := make([]uint32, n)
		copy(degrees, x.degrees)
		x.degrees = degrees
	}
	x.end = max(x.end, id+1)
}

// Build inserts n vectors with many goroutines, which is what a recovery does. item is called once for each number
// from 0 to n-1, by several goroutines at once; the vector it returns is not used after the next call by the same
// worker, whose number, 0 to workers-1, it gets. The first error ends the building.
func (x *Index) Build(workers, n int, item func(worker, i int) (id uint32, v []float32)) error {
	return spread(workers, n, func(w, i int) error {
		id, v := item(w, i)
		return x.Insert(id, v)
	})
}

// spread calls do for each number from 0 to n-1, from many goroutines that it waits for. The first error ends it.
func spread(workers, n int, do func(worker, i int) error) error {
	var next atomic.Int64
	var failed atomic.Bool
	errs := make([]error, max(workers, 1))
	var all sync.WaitGroup
	for w := range errs {
		all.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[w] = do(w, i); errs[w] != nil {
					failed.Store(true)
				}
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
