package hnsw

import "fmt"

// Check returns what is wrong inside; nil if nothing is. It reads everything.
func (x *Index) Check() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if n := x.alive.len(); n != x.count {
		return fmt.Errorf("%d vectors are alive, and %d are counted", n, x.count)
	}
	for id := range x.end {
		if !x.alive.has(id) {
			continue
		}
		if !x.rows.Has(id) {
			return fmt.Errorf("vector %d is alive and has no memory", id)
		}
		if err := x.space.CheckRow(x.rows.Row(id), *x.rows.Head(id)); err != nil {
			return fmt.Errorf("vector %d: %w", id, err)
		}
	}
	return nil
}
