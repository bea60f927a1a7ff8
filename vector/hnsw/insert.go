package hnsw

import (
	"sync"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/distance"
)

// Insert puts a vector under an id, in place of the one that is there.
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

func (x *Index) insert(id uint32, write func(row []byte) distance.Head) error {
	if id > MaxID {
		return fault.New(fault.Exhausted, "an index holds at most %d vectors", MaxID+1)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.rows.Has(id) {
		x.rows.Grow(id)
	}
	x.alive = x.alive.grow(id)
	if !x.alive.has(id) {
		x.count++
	}
	x.end = max(x.end, id+1)
	*x.rows.Head(id) = write(x.rows.Row(id))
	x.alive.set(id)
	return nil
}

// Build inserts n vectors with many goroutines, which is what a recovery does. item is called once for each number
// from 0 to n-1, by several goroutines at once; the vector it returns is not used after the next call by the same
// worker, whose number, 0 to workers-1, it gets. The first error ends the building.
func (x *Index) Build(workers, n int, item func(worker, i int) (id uint32, v []float32)) error {
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
				id, v := item(w, i)
				if errs[w] = x.Insert(id, v); errs[w] != nil {
					failed.Store(true)
					return
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

// Delete removes the vector under an id, and says whether there was one.
func (x *Index) Delete(id uint32) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.alive.has(id) {
		return false
	}
	x.alive.clear(id)
	x.count--
	per := x.rows.PerBlock()
	if block := int(id) / per; per >= 32 && x.alive.none(block*per, (block+1)*per) {
		x.rows.Drop(block)
	}
	return true
}
