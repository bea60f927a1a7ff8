package queue

import (
	"slices"

	"github.com/tidwall/btree"
)

// order is messages in some order: a slice while there are few, a tree once there are many. Most queues are
// short most of the time, and a tree that empties and fills again allocates every time (BenchmarkCycle).
// The zero order is empty.
type order struct {
	few  []*message // sorted; empty while there is a tree
	tree *btree.BTreeG[*message]
}

const (
	// fewMessages is how many messages a slice holds at most.
	fewMessages = 32
	// orderDegree is half of how many messages a node of a tree holds.
	orderDegree = 32
)

// less says which of two messages comes first.
type less = func(a, b *message) bool

// byPlace is the order in which messages are handed out.
func byPlace(a, b *message) bool {
	if a.priority != b.priority {
		return a.priority > b.priority
	}
	return a.id < b.id
}

// byID is the order in which messages were published.
func byID(a, b *message) bool { return a.id < b.id }

func (o *order) add(m *message, before less) {
	if o.tree == nil && len(o.few) < fewMessages {
		i := o.search(m, before)
		o.few = slices.Insert(o.few, i, m)
		return
	}
	if o.tree == nil {
		o.tree = btree.NewBTreeGOptions(before, btree.Options{NoLocks: true, Degree: orderDegree})
		for _, m := range o.few {
			o.tree.Set(m)
		}
		o.few = nil
	}
	o.tree.Set(m)
}

// search is the place in few of the first message that does not come before m.
func (o *order) search(m *message, before less) int {
	low, high := 0, len(o.few)
	for low < high {
		if mid := (low + high) / 2; before(o.few[mid], m) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// remove takes out a message that is there.
func (o *order) remove(m *message) {
	if o.tree == nil {
		i := slices.Index(o.few, m)
		o.few = slices.Delete(o.few, i, i+1)
		return
	}
	o.tree.Delete(m)
	if o.tree.Len() == 0 {
		o.tree = nil
	}
}

func (o *order) len() int {
	if o.tree == nil {
		return len(o.few)
	}
	return o.tree.Len()
}

// first is the first message, or nil.
func (o *order) first() *message {
	if o.tree != nil {
		m, _ := o.tree.Min()
		return m
	}
	if len(o.few) == 0 {
		return nil
	}
	return o.few[0]
}

// each calls f for the messages in order, until it returns false. Nothing may be added or removed meanwhile.
func (o *order) each(f func(*message) bool) {
	if o.tree != nil {
		o.tree.Scan(f)
		return
	}
	for _, m := range o.few {
		if !f(m) {
			return
		}
	}
}

// from calls f for the messages that do not come before the pivot, in order, until it returns false. Nothing may be
// added or removed meanwhile.
func (o *order) from(pivot *message, before less, f func(*message) bool) {
	if o.tree != nil {
		o.tree.Ascend(pivot, f)
		return
	}
	for _, m := range o.few[o.search(pivot, before):] {
		if !f(m) {
			return
		}
	}
}

// atLeast is the first message that does not come before the pivot, or nil. The pivot need not be there.
func (o *order) atLeast(pivot *message, before less) (found *message) {
	o.from(pivot, before, func(m *message) bool {
		found = m
		return false
	})
	return found
}

// has reports whether just this message is in the order.
func (o *order) has(m *message) bool {
	if o.tree == nil {
		return slices.Contains(o.few, m)
	}
	found, ok := o.tree.Get(m)
	return ok && found == m
}
