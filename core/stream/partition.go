package stream

import "sort"

// partition is events in a row. Offsets run from oldest to just before next.
type partition struct {
	ring    []*Event // the event of an offset is at ring[offset % len(ring)]; a power of two long, or nil
	oldest  uint64   // the first offset that is held; next when none is
	next    uint64   // the offset that the next event gets
	bytes   int64    // the sum of the held events' sizes
	waiting waiting  // who waits for the next event
}

// partitionBytes is about what an empty partition costs.
const partitionBytes = 64

func (p *partition) count() int { return int(p.next - p.oldest) } //nolint:gosec // bounded by the ring

// at returns the event of an offset that is held.
func (p *partition) at(offset uint64) *Event { return p.ring[offset%uint64(len(p.ring))] }

func (p *partition) set(offset uint64, e *Event) { p.ring[offset%uint64(len(p.ring))] = e }

// newest returns the newest event, or nil.
func (p *partition) newest() *Event {
	if p.count() == 0 {
		return nil
	}
	return p.at(p.next - 1)
}

// push appends the event that has the next offset.
func (p *partition) push(e *Event) {
	if p.count() == len(p.ring) {
		p.resize(max(1, 2*len(p.ring)))
	}
	p.set(p.next, e)
	p.next++
	p.bytes += int64(e.size)
}

// pushFront puts in the event that comes just before the oldest.
func (p *partition) pushFront(e *Event) {
	if p.count() == len(p.ring) {
		p.resize(max(1, 2*len(p.ring)))
	}
	p.oldest--
	p.set(p.oldest, e)
	p.bytes += int64(e.size)
}

// drop lets go of all events before the offset, which is not past next.
func (p *partition) drop(before uint64) {
	for ; p.oldest < before; p.oldest++ {
		p.bytes -= int64(p.at(p.oldest).size)
		p.set(p.oldest, nil)
	}
	// A ring that is mostly air is replaced, so that a burst does not cost its memory for good.
	switch n := p.count(); {
	case n == 0 && len(p.ring) > smallRing:
		p.ring = nil
	case len(p.ring) > smallRing && n < len(p.ring)/4:
		p.resize(len(p.ring) / 2)
	}
}

// smallRing is the size below which a ring is left as it is.
const smallRing = 64

// resize moves the events into a ring of another size, which holds them all.
func (p *partition) resize(size int) {
	old := *p
	p.ring = make([]*Event, size)
	for o := p.oldest; o < p.next; o++ {
		p.set(o, old.at(o))
	}
}

// restore makes the partition hold just the events given, the first of which has the offset oldest.
func (p *partition) restore(oldest uint64, events []*Event) {
	p.ring, p.oldest, p.next, p.bytes = nil, oldest, oldest, 0
	for _, e := range events {
		p.push(e)
	}
}

// since returns the first held offset whose event is not older than the time, in Unix milliseconds; next when
// all are.
func (p *partition) since(at int64) uint64 {
	n := sort.Search(p.count(), func(i int) bool { return p.at(p.oldest+uint64(i)).At >= at }) //nolint:gosec // never negative
	return p.oldest + uint64(n)                                                                //nolint:gosec // never negative
}

// excess returns the offset before which events must go so that the partition, with the fresh ones appended,
// is within the bounds at the time now. The newest event goes by age only.
func (p *partition) excess(c *config, unread uint64, now int64, fresh []*Event) uint64 {
	count, bytes := int64(p.count()+len(fresh)), p.bytes
	for _, e := range fresh {
		bytes += int64(e.size)
	}
	offset := p.oldest
	for ; count > 0; count-- {
		var e *Event
		if offset < p.next {
			e = p.at(offset)
		} else {
			e = fresh[offset-p.next]
		}
		full := count > 1 && ((c.maxEvents > 0 && count > c.maxEvents) || (c.maxBytes > 0 && bytes > c.maxBytes))
		old := c.maxAge > 0 && e.At+c.maxAge <= now
		if !full && !old || (offset >= unread && bytes <= c.keepUnread) {
			break
		}
		bytes -= int64(e.size)
		offset++
	}
	return offset
}
