package queue

import (
	"cmp"
	"slices"
)

// dedupe remembers the dedupe_ids of recent publishes. The zero dedupe is empty and costs little.
type dedupe struct {
	known map[string]uint64 // which message a dedupe_id stands for: the last one that had it
	order []remembered      // as they came, so by number; the first one is at from
	from  int
	bytes int64 // about how much memory they take
}

// rememberedBytes is about what a dedupe_id costs besides its own text.
const rememberedBytes = 112

// remembered is a dedupe_id, the message that was published under it, and until when it is not published again.
type remembered struct {
	dedupeID string
	id       uint64
	until    int64 // Unix milliseconds
}

// find returns the message that was published under the id within the window.
func (d *dedupe) find(dedupeID string, now int64) (id uint64, ok bool) {
	id, ok = d.known[dedupeID]
	return id, ok && d.after(id - 1)[0].until > now
}

// after is what is remembered of the messages with higher numbers.
func (d *dedupe) after(id uint64) []remembered {
	all := d.order[d.from:]
	i, _ := slices.BinarySearchFunc(all, id+1, func(r remembered, id uint64) int { return cmp.Compare(r.id, id) })
	return all[i:]
}

// last is the number of the newest message that is remembered; 0 when there is none.
func (d *dedupe) last() uint64 {
	if d.from == len(d.order) {
		return 0
	}
	return d.order[len(d.order)-1].id
}

// add remembers what is newer than everything before it.
func (d *dedupe) add(r remembered) {
	if d.known == nil {
		d.known = map[string]uint64{}
	}
	d.known[r.dedupeID] = r.id
	d.order = append(d.order, r)
	d.bytes += rememberedBytes + int64(len(r.dedupeID))
}

// undo takes back what add did last; before is what was known, if was.
func (d *dedupe) undo(dedupeID string, before uint64, was bool) {
	if was {
		d.known[dedupeID] = before
	} else {
		delete(d.known, dedupeID)
	}
	d.order = d.order[:len(d.order)-1]
	d.bytes -= rememberedBytes + int64(len(dedupeID))
}

// next is when the one that came first may be forgotten; 0 when there is none.
func (d *dedupe) next() int64 {
	if d.from == len(d.order) {
		return 0
	}
	return d.order[d.from].until
}

// due is what forget would drop.
func (d *dedupe) due(until int64) []remembered {
	end := d.from
	for end < len(d.order) && d.order[end].until <= until {
		end++
	}
	return d.order[d.from:end]
}

// forget drops what came first, as long as its time is not after until.
func (d *dedupe) forget(until int64) {
	over := d.due(until)
	for i, r := range over {
		over[i] = remembered{}
		d.bytes -= rememberedBytes + int64(len(r.dedupeID))
		if d.known[r.dedupeID] == r.id {
			delete(d.known, r.dedupeID)
		}
	}
	d.from += len(over)
	switch {
	case d.from == len(d.order):
		*d = dedupe{}
	case d.from > len(d.order)/2:
		d.order = append([]remembered(nil), d.order[d.from:]...)
		d.from = 0
	}
}

// recall takes back what forget did last: over is a copy of what it dropped.
func (d *dedupe) recall(over []remembered) {
	if len(over) == 0 {
		return
	}
	order := d.order[d.from:]
	d.order, d.from = append(slices.Clip(over), order...), 0
	if d.known == nil {
		d.known = make(map[string]uint64, len(d.order))
	}
	for _, r := range over {
		d.bytes += rememberedBytes + int64(len(r.dedupeID))
		if d.known[r.dedupeID] < r.id {
			d.known[r.dedupeID] = r.id
		}
	}
}
