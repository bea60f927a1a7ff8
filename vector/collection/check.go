package collection

import (
	"errors"
	"fmt"
)

// Check verifies the collection's invariants. It takes the lock by itself.
func (c *Collection) Check() error {
	c.RLock()
	defer c.RUnlock()
	var wrong []error
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	used := map[uint32]bool{}
	var bytes int64
	rows := make([]int, len(c.vectors))
	expiring := 0
	c.points.Scan(func(p *Point) bool {
		bytes += p.size()
		if p.Expires != 0 {
			expiring++
		}
		if int(p.slot) >= len(c.slots) || c.slots[p.slot] != p || used[p.slot] || !c.alive.Contains(p.slot) {
			add("point %s is not in its slot %d", p.ID, p.slot)
		}
		used[p.slot] = true
		for i, v := range c.vectors {
			switch at := p.at[i]; {
			case at >= 0:
				rows[i]++
				if v.flat.slotOf[at] != p.slot || v.flat.used[at/64]&(1<<(at%64)) == 0 {
					add("point %s is not at the position %d of vector %d", p.ID, at, i)
				}
			case at == inGraph && !v.graph.Has(p.slot):
				add("point %s is not in the graph of vector %d", p.ID, i)
			}
		}
		return true
	})
	for i, v := range c.vectors {
		held := 0
		for _, n := range v.flat.blocks {
			held += min(n, 1)
		}
		if held != v.flat.held {
			add("the table of vector %d has %d blocks, counted as %d", i, held, v.flat.held)
		}
		if v.flat.count != rows[i] {
			add("the table of vector %d has %d rows, and points %d", i, v.flat.count, rows[i])
		}
	}
	for _, slot := range c.free {
		if used[slot] || c.slots[slot] != nil {
			add("slot %d is free and in use", slot)
		}
		used[slot] = true
	}
	for slot, n := range c.held {
		if used[slot] || n < 1 {
			add("slot %d is kept by %d graphs, and free or in use", slot, n)
		}
		used[slot] = true
	}
	if len(used) != len(c.slots) {
		add("%d slots of %d are accounted for", len(used), len(c.slots))
	}
	if int(c.alive.GetCardinality()) != c.points.Len() { //nolint:gosec // at most MaxPoints
		add("%d slots are alive, and there are %d points", c.alive.GetCardinality(), c.points.Len())
	}
	if bytes != c.bytes || expiring != c.due.Len() {
		add("points take %d bytes, counted as %d; %d expire, counted as %d", bytes, c.bytes, expiring, c.due.Len())
	}
	return errors.Join(append(wrong, c.checkIndexes())...)
}

// checkIndexes compares every payload index with one that is made anew.
func (c *Collection) checkIndexes() error {
	for _, config := range c.config.Indexes {
		fresh := newIndex(config)
		for _, p := range c.slots {
			if p != nil {
				fresh.add(p.slot, p.Payload)
			}
		}
		if had, has := fresh.entries(), c.indexes[config.Path].entries(); had != has {
			return fmt.Errorf("the index of %s has %d entries, and the points %d", config.Path, has, had)
		}
	}
	return nil
}
