package kv

import "github.com/tidwall/btree"

// index is the order of a shard's keys, bytewise. It is the whole of what the store knows about how keys are
// ordered in memory. The zero index is empty.
type index struct {
	tree btree.Map[string, *item]
}

func (x *index) len() int { return x.tree.Len() }

func (x *index) set(it *item) { x.tree.Set(it.key, it) }

func (x *index) remove(key string) { x.tree.Delete(key) }

// at returns the item with i keys before it.
func (x *index) at(i int) *item {
	_, it, _ := x.tree.GetAt(i)
	return it
}

// rank is how many keys are less than the key.
func (x *index) rank(key string) int {
	low, high := 0, x.tree.Len()
	for low < high {
		middle := (low + high) / 2
		if k, _, _ := x.tree.GetAt(middle); k < key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// walk is a place in an index. The index must not change while one is used.
type walk struct {
	iter  btree.MapIter[string, *item]
	item  *item // nil when not valid
	valid bool
}

// from returns the place of the first key that is not less than the key.
func (x *index) from(key string) walk {
	w := walk{}
	if x.tree.Len() == 0 {
		return w
	}
	w.iter = x.tree.Iter()
	w.settle(w.iter.Seek(key))
	return w
}

// next moves to the next key.
func (w *walk) next() { w.settle(w.iter.Next()) }

func (w *walk) settle(valid bool) {
	w.valid, w.item = valid, nil
	if valid {
		w.item = w.iter.Value()
	}
}
