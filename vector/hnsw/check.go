package hnsw

import (
	"fmt"
	"slices"
)

// Check returns what is wrong inside; nil if nothing is. It reads everything, and nobody may insert or delete
// meanwhile.
func (x *Index) Check() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if n := x.alive.len(); n != int(x.count.Load()) {
		return fmt.Errorf("%d vectors are alive, and %d are counted", n, x.count.Load())
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
	if x.options.Flat {
		return nil
	}
	return x.checkGraph()
}

func (x *Index) checkGraph() error {
	degrees := make([]uint32, len(x.degrees))
	top := -1
	for id := range x.end {
		if !x.rows.Has(id) {
			continue
		}
		level := x.links.level(id)
		if x.alive.has(id) {
			top = max(top, level)
		}
		for l := range level + 1 {
			list := x.links.list(id, l)
			ids := read(list, nil)
			if err := x.checkList(id, l, ids, list[len(ids):]); err != nil {
				return err
			}
			for _, other := range ids {
				if l == 0 {
					degrees[other]++
				}
			}
		}
	}
	for id := range x.end {
		if degrees[id] != x.degrees[id] {
			return fmt.Errorf("%d nodes link to node %d, and %d are counted", degrees[id], id, x.degrees[id])
		}
	}
	entry, ok := x.enter()
	switch {
	case !ok && x.count.Load() > 0:
		return fmt.Errorf("there are %d nodes and no entry", x.count.Load())
	case ok && x.links.level(entry) != top:
		return fmt.Errorf("the entry %d is on level %d, and the highest is %d", entry, x.links.level(entry), top)
	}
	return nil
}

func (x *Index) checkList(id uint32, level int, ids, rest []uint32) error {
	if !x.alive.has(id) && len(ids) > 0 {
		return fmt.Errorf("node %d is dead and links to %v on level %d", id, ids, level)
	}
	for _, w := range rest {
		if w != 0 {
			return fmt.Errorf("the list of node %d on level %d goes on after its end", id, level)
		}
	}
	for i, other := range ids {
		switch {
		case other >= x.end:
			return fmt.Errorf("node %d links to %d, which never was", id, other)
		case other == id:
			return fmt.Errorf("node %d links to itself on level %d", id, level)
		case slices.Contains(ids[:i], other):
			return fmt.Errorf("node %d links to %d twice on level %d", id, other, level)
		case x.links.level(other) < level:
			return fmt.Errorf("node %d links to %d on level %d, which that does not reach", id, other, level)
		}
	}
	return nil
}
