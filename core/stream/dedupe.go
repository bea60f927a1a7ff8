package stream

// dedupe remembers the dedupe ids of a room's events, for as long as the room's window says and whether or not
// the events are still held.
type dedupe struct {
	byID map[string]mark
	// order[head:] is the marks in byID, oldest first. What is before head is forgotten, but left as it was
	// until the slice is replaced, so that an undo finds it.
	order []mark
	head  int
}

// mark is an id and the event that it was given to.
type mark struct {
	id        string
	partition int
	offset    uint64
	at        int64 // Unix milliseconds
}

// markBytes is about what a mark costs.
const markBytes = 160

// find returns the event that the id was given to within the window.
func (d *dedupe) find(id string, window, now int64) (mark, bool) {
	if d == nil || id == "" {
		return mark{}, false
	}
	m, ok := d.byID[id]
	return m, ok && m.at+window > now
}

// add remembers an id. What is older than the window, or too much, is forgotten first.
func (d *dedupe) add(m mark, window int64) {
	d.forget(window, m.at)
	if len(d.byID) >= MaxDedupeIDs {
		d.forgetOldest()
	}
	if d.byID == nil {
		d.byID = map[string]mark{}
	}
	d.byID[m.id] = m
	d.order = append(d.order, m)
}

// forget drops the ids that are older than the window.
func (d *dedupe) forget(window, now int64) {
	for d.head < len(d.order) && d.order[d.head].at+window <= now {
		d.forgetOldest()
	}
	if d.head > 64 && d.head > len(d.order)/2 {
		d.order, d.head = append([]mark(nil), d.order[d.head:]...), 0
	}
}

func (d *dedupe) forgetOldest() {
	m := d.order[d.head]
	d.head++
	if d.byID[m.id] == m {
		delete(d.byID, m.id)
	}
}

// nextDue is when the oldest id is older than the window; 0 when there is none.
func (d *dedupe) nextDue(window int64) int64 {
	if d.head == len(d.order) {
		return 0
	}
	return d.order[d.head].at + window
}

// rebuilt returns what remembers just these marks, oldest first.
func rebuilt(order []mark) *dedupe {
	c := &dedupe{byID: make(map[string]mark, len(order)), order: order[:len(order):len(order)]}
	for _, m := range order {
		c.byID[m.id] = m
	}
	return c
}
