package collection

// What comes while searches are under way that make way for writers is written down, so that they find it at their end.

// beginScan tells that a search begins, and returns the number of the last point that there is.
func (c *Collection) beginScan() (start uint64) {
	c.scanMu.Lock()
	defer c.scanMu.Unlock()
	if c.scans == 0 {
		c.came = c.came[:0]
	}
	c.scans++
	return c.puts
}

// endScan tells that it ended.
func (c *Collection) endScan() {
	c.scanMu.Lock()
	defer c.scanMu.Unlock()
	if c.scans--; c.scans == 0 {
		c.came = nil
	}
}

// scanning reports whether any search is under way.
func (c *Collection) scanning() bool {
	c.scanMu.Lock()
	defer c.scanMu.Unlock()
	return c.scans > 0
}

// note numbers a point that came, and writes it down for searches that are under way. Lock is held.
func (c *Collection) note(p *Point) {
	c.puts++
	p.born = c.puts
	c.scanMu.Lock()
	defer c.scanMu.Unlock()
	if c.scans > 0 && len(c.came) <= maxCame {
		c.came = append(c.came, p.slot)
	}
}

// since returns the slots of the points that came after the one of that number; false when they are too many.
func (c *Collection) since(start uint64) (slots []uint32, ok bool) {
	c.scanMu.Lock()
	defer c.scanMu.Unlock()
	if len(c.came) > maxCame {
		return nil, false
	}
	seen := map[uint32]bool{}
	for _, slot := range c.came {
		if int(slot) < len(c.slots) && c.slots[slot] != nil && c.slots[slot].born > start && !seen[slot] {
			seen[slot] = true
			slots = append(slots, slot)
		}
	}
	return slots, true
}
