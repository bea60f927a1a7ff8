package stream

// dedupe remembers the dedupe ids of a room's events, for as long as the room's window says and whether or not
// the events are still held.
//
// A room's marks are numbered from 0 without gaps, as the events of a partition are, and go from the old end only.
// Which of them go is decided by the handler and the sweeper, and said in their ops.
type dedupe struct {
	byID map[string]uint64 // the number of the newest mark of each id
	// order[head:] is the marks, oldest first. What is before head is forgotten, but left as it was until the
	// slice is replaced, so that an undo finds it.
	order []mark
	head  int
	first uint64 // the number of the oldest mark; of the next one when there is none
}

// mark is an id and the event that it was given to.
type mark struct {
	id        string
	partition int
	offset    uint64
	at        int64 // Unix milliseconds
}

// markBytes is about what a mark costs.
const markBytes = 128

func (d *dedupe) count() int { return len(d.order) - d.head }

// next is the number that the next mark gets. The nil dedupe has none yet.
func (d *dedupe) next() uint64 {
	if d == nil {
		return 0
	}
	return d.first + uint64(d.count()) //nolint:gosec // never negative
}

// at returns the mark of that number, which is remembered.
func (d *dedupe) at(number uint64) *mark { return &d.order[d.head+int(number-d.first)] } //nolint:gosec // less than count

// find returns the event that the id was given to within the window.
func (d *dedupe) find(id string, window, now int64) (mark, bool) {
	if d == nil || id == "" {
		return mark{}, false
	}
	number, ok := d.byID[id]
	if !ok {
		return mark{}, false
	}
	m := *d.at(number)
	return m, m.at+window > now
}

// add remembers an id.
func (d *dedupe) add(m mark) {
	if d.byID == nil {
		d.byID = map[string]uint64{}
	}
	d.byID[m.id] = d.next()
	d.order = append(d.order, m)
}

// forget drops the marks with lower numbers.
func (d *dedupe) forget(before uint64) {
	if before <= d.first {
		return
	}
	for ; d.first < before && d.count() > 0; d.first++ {
		m := &d.order[d.head]
		if d.byID[m.id] == d.first {
			delete(d.byID, m.id)
		}
		d.head++
	}
	switch {
	case d.count() == 0:
		d.byID, d.order, d.head = nil, nil, 0
	case d.head > 64 && d.head > len(d.order)/2:
		d.order, d.head = append([]mark(nil), d.order[d.head:]...), 0
	}
}

// expired returns the number of the oldest mark that is within the window; those before it can be forgotten.
func (d *dedupe) expired(window, now int64) uint64 {
	number := d.first
	for number < d.next() && d.at(number).at+window <= now {
		number++
	}
	return number
}

// nextDue is when the sweeper is to forget: when the newest mark is older than the window, and so all of them are. It
// does not come for each mark, because that would be a record each time, and appends forget too. 0 is never.
func (d *dedupe) nextDue(window int64) int64 {
	if d.count() == 0 {
		return 0
	}
	return max(d.order[d.head].at, d.order[len(d.order)-1].at) + window
}

// rebuilt returns what remembers just these marks, oldest first, from the number on.
func rebuilt(first uint64, order []mark) *dedupe {
	c := &dedupe{byID: make(map[string]uint64, len(order)), order: order[:len(order):len(order)], first: first}
	for i := range order {
		c.byID[order[i].id] = first + uint64(i) //nolint:gosec // never negative
	}
	return c
}

// prepend remembers marks that are older than all others, oldest first. There are as many numbers below first.
func (d *dedupe) prepend(marks []mark) {
	if d.head < len(marks) { // room at the front doubles, so that this is cheap however often it happens
		head := len(marks) + d.count()
		d.order, d.head = append(make([]mark, head, head+d.count()), d.order[d.head:]...), head
	}
	d.head -= len(marks)
	d.first -= uint64(len(marks))
	copy(d.order[d.head:], marks)
	if d.byID == nil {
		d.byID = make(map[string]uint64, len(marks))
	}
	for i := len(marks) - 1; i >= 0; i-- {
		if _, newer := d.byID[marks[i].id]; !newer {
			d.byID[marks[i].id] = d.first + uint64(i) //nolint:gosec // never negative
		}
	}
}
