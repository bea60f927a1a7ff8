package collection

import (
	"github.com/hivellm/synap-go/vector/distance"
	"github.com/hivellm/synap-go/vector/hnsw"
)

// buildBatch is how many vectors one round of Build takes into the graph.
const buildBatch = 16

// Pending is how many vectors wait for Build, those of points that are gone included. RLock is held.
func (c *Collection) Pending() (n int) {
	for _, v := range c.vectors {
		if v.graph != nil {
			n += len(v.queue) - v.head + len(v.doomed)
		}
	}
	return n
}

// Busy reports whether Build has something to do. RLock is held.
func (c *Collection) Busy() bool {
	for _, v := range c.vectors {
		if v.busy() {
			return true
		}
	}
	return false
}

// Build moves some vectors from the flat tables into the graphs, and takes those of points that are gone out of them:
// some milliseconds of work. It reports whether there is more to do. Several may build at the same time.
func (c *Collection) Build() (more bool) {
	for place := range c.vectors {
		c.build(place)
	}
	c.RLock()
	defer c.RUnlock()
	return c.Busy()
}

// work is one round: what is to be put into a graph, and what taken out of it.
type work struct {
	graph *hnsw.Index
	slots []uint32
	rows  []byte
	heads []distance.Head
	gone  []uint32
}

func (c *Collection) build(place int) {
	w := c.begin(place)
	if w == nil {
		return
	}
	size := c.vectors[place].space.Size()
	for _, slot := range w.gone {
		w.graph.Delete(slot)
	}
	for i, slot := range w.slots {
		if err := w.graph.InsertRow(slot, w.rows[i*size:(i+1)*size], w.heads[i]); err != nil {
			panic(err) // the row was checked when it came
		}
	}
	c.end(place, w)
}

// begin takes a round's work; nil when there is none.
func (c *Collection) begin(place int) *work {
	c.Lock()
	defer c.Unlock()
	v := c.vectors[place]
	c.pack(v)
	if v.graph == nil || !v.busy() {
		return nil
	}
	w := &work{graph: v.graph}
	n := min(buildBatch, len(v.doomed))
	w.gone = append(w.gone, v.doomed[len(v.doomed)-n:]...)
	v.doomed = v.doomed[:len(v.doomed)-n]
	for ; v.head < len(v.queue) && len(w.slots) < buildBatch; v.head++ {
		slot := v.queue[v.head]
		p := c.slots[slot]
		if p == nil || p.at[place] < 0 || v.moving[slot] != nil {
			continue
		}
		row := v.flat.row(p.at[place])
		w.slots, w.heads = append(w.slots, slot), append(w.heads, row.Head)
		w.rows = append(w.rows, row.Bytes...)
		v.moving[slot] = p
	}
	if v.head == len(v.queue) {
		v.queue, v.head = nil, 0
	}
	return w
}

// end marks the round's work as done.
func (c *Collection) end(place int, w *work) {
	c.Lock()
	defer c.Unlock()
	v := c.vectors[place]
	if v.graph != w.graph {
		return // everything was reset meanwhile
	}
	for _, slot := range w.gone {
		c.release(slot)
	}
	for _, slot := range w.slots {
		p := v.moving[slot]
		delete(v.moving, slot)
		if c.slots[slot] != p {
			v.doomed = append(v.doomed, slot) // it left while it was moved
			continue
		}
		v.flat.remove(p.at[place])
		p.at[place] = inGraph
	}
}

// release frees a slot that one of the graphs had kept, when no other does.
func (c *Collection) release(slot uint32) {
	if c.held[slot]--; c.held[slot] == 0 {
		delete(c.held, slot)
		c.free = append(c.free, slot)
	}
}

// pack moves some rows of a flat table together, so that memory can be given back, unless a search is under way that
// might miss them.
func (c *Collection) pack(v *vectors) {
	if !v.flat.loose() || c.scanning() {
		return
	}
	v.flat.pack(func(slot uint32, at int32) { c.slots[slot].at[v.place] = at })
}
