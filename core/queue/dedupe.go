package queue

// dedupe remembers the dedupe_ids of recent publishes. The zero dedupe is empty and costs little.
type dedupe struct {
	known map[string]published
	order []remembered // as they came; the first one is at from
	from  int
}

// published is which message a dedupe_id stands for, and until when.
type published struct {
	id    uint64
	until int64 // Unix milliseconds
}

type remembered struct {
	dedupeID string
	until    int64
}

// find returns the message that was published under the id within the window.
func (d *dedupe) find(dedupeID string, now int64) (id uint64, ok bool) {
	p, ok := d.known[dedupeID]
	return p.id, ok && p.until > now
}

func (d *dedupe) add(dedupeID string, p published) {
	if d.known == nil {
		d.known = map[string]published{}
	}
	d.known[dedupeID] = p
	d.order = append(d.order, remembered{dedupeID, p.until})
}

// undo takes back what add did last; before is what was known, if was.
func (d *dedupe) undo(dedupeID string, before published, was bool) {
	if was {
		d.known[dedupeID] = before
	} else {
		delete(d.known, dedupeID)
	}
	d.order = d.order[:len(d.order)-1]
}

// next is when the one that came first may be forgotten; 0 when there is none.
func (d *dedupe) next() int64 {
	if d.from == len(d.order) {
		return 0
	}
	return d.order[d.from].until
}

// forget drops what came first, as long as its time is not after until.
func (d *dedupe) forget(until int64) {
	for d.from < len(d.order) && d.order[d.from].until <= until {
		r := d.order[d.from]
		d.order[d.from] = remembered{}
		d.from++
		if d.known[r.dedupeID].until == r.until {
			delete(d.known, r.dedupeID)
		}
	}
	switch {
	case d.from == len(d.order):
		*d = dedupe{}
	case d.from > len(d.order)/2:
		d.order = append([]remembered(nil), d.order[d.from:]...)
		d.from = 0
	}
}

// clone returns a copy that shares nothing.
func (d *dedupe) clone() dedupe {
	c := dedupe{order: append([]remembered(nil), d.order[d.from:]...)}
	if d.known != nil {
		c.known = make(map[string]published, len(d.known))
		for k, p := range d.known {
			c.known[k] = p
		}
	}
	return c
}
