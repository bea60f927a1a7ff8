package stream

import (
	"encoding/binary"
	"slices"
)

// walk is how far the saving of a part has come. Between calls of Save it is a string of bytes, which is not kept.
type walk struct {
	room   string // all rooms of the part before that name are saved
	inside bool   // this one is begun, and so far
	done   bool   // there are no more

	generation int64    // of the room; should it get another, its saving ends
	group      string   // all groups before that name are saved
	grouped    bool     // there are no more groups
	groups     []string // the names of those to come, in order, while a call lasts; nil when it has not looked
	marks      uint64   // all marks from that number on are saved, or in records
	ends       []uint64 // for each partition: all events from that offset on are saved, or in records
}

// enter begins with a room's groups, marks and events. The caller holds its lock.
func (w *walk) enter(r *room) {
	*w = walk{room: r.name, inside: true, generation: r.generation, grouped: r.groups == nil, marks: r.dedupe.next()}
	for i := range r.partitions {
		w.ends = append(w.ends, r.partitions[i].next)
	}
}

// leave goes on with the rooms that follow.
func (w *walk) leave() { *w = walk{room: after(w.room)} }

// after is the least name that follows the name.
func after(name string) string { return name + "\x00" }

// nextGroup returns a copy of the next group, or nil.
func (w *walk) nextGroup(r *room) *group {
	if w.grouped {
		return nil
	}
	if w.groups == nil {
		w.groups = r.groupNames()
		i, _ := slices.BinarySearch(w.groups, w.group)
		w.groups = w.groups[i:]
	}
	for len(w.groups) > 0 {
		name := w.groups[0]
		w.group, w.groups = after(name), w.groups[1:]
		if g := r.groups[name]; g != nil {
			return g.clone()
		}
	}
	w.grouped = true
	return nil
}

// nextMarks returns copies of marks, oldest first, that come just before those that were saved; nil when there are no
// more. The first of them gets the number w.marks.
func (w *walk) nextMarks(d *dedupe) (marks []mark) {
	if d == nil || w.marks <= d.first {
		return nil
	}
	end := w.marks
	for size := 0; w.marks > d.first && size < entryBytes; {
		w.marks--
		size += markBytes + len(d.at(w.marks).id)
	}
	for number := w.marks; number < end; number++ {
		marks = append(marks, *d.at(number))
	}
	return marks
}

// nextEvents returns events of a partition, oldest first, that come just before those that were saved; nil when there
// are no more of any.
func (w *walk) nextEvents(r *room) (partition int, events []*Event) {
	for i := range r.partitions {
		p, end := &r.partitions[i], w.ends[i]
		if end <= p.oldest {
			continue
		}
		for size := 0; w.ends[i] > p.oldest && size < entryBytes; {
			w.ends[i]--
			size += int(p.at(w.ends[i]).size)
		}
		for offset := w.ends[i]; offset < end; offset++ {
			events = append(events, p.at(offset))
		}
		return i, events
	}
	return 0, nil
}

// appendTo writes the walk for the next call.
func (w *walk) appendTo(b []byte) []byte {
	b = appendString(append(b, bit(w.inside)), w.room)
	if !w.inside {
		return b
	}
	b = appendString(append(appendInt(b, w.generation), bit(w.grouped)), w.group)
	b = binary.AppendUvarint(b, w.marks)
	for _, end := range w.ends {
		b = binary.AppendUvarint(b, end)
	}
	return b
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// walkFrom reads what appendTo wrote; nil is the beginning.
func walkFrom(b []byte) *walk {
	if b == nil {
		return &walk{}
	}
	r := reading(b)
	w := &walk{inside: r.Flag(), room: r.Text()}
	if !w.inside {
		return w
	}
	w.generation, w.grouped, w.group, w.marks = r.int(), r.Flag(), r.Text(), r.Number()
	for r.More() {
		w.ends = append(w.ends, r.Number())
	}
	return w
}
