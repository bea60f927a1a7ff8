package kv

import (
	"slices"
	"sync"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// Bounds of one call of Save. They are variables so that tests can make every boundary a common one.
var (
	saveBytes = command.SaveBytes // of entries, and of one piece of a long value
	saveItems = 1024              // how many items are looked at with the lock held: a fraction of a millisecond
)

// Parts implements command.State: a part is a shard.
func (s *Store) Parts() int { return numShards }

// copies are what the copies of items are made in, over and over: a call that allocated would have to help the garbage
// collector, which made some calls twenty times as long as the others (BenchmarkSave).
var copies = sync.Pool{New: func() any { return new([]item) }}

// Save implements command.State. The items are copied with the shard's lock held and encoded without it. After a recovery
// come calls first that hand out nothing and put keys in order.
func (s *Store) Save(part int, from []byte, add func(entry []byte)) (next []byte) {
	at, sh := readMark(from), &s.reading()[part]
	if s.unordered.Load() && sh.settle() {
		return at.encode()
	}
	room := copies.Get().(*[]item)
	items, more, same := sh.after(at, slices.Grow((*room)[:0], saveItems))
	if same {
		next = handOut(items, more, at, add)
	} else {
		add(appendVoid(nil, at.key))
		next = mark{key: at.key}.encode()
	}
	clear(items) // they keep values alive
	*room = items
	copies.Put(room)
	return next
}

// handOut encodes the items, the first of them from where the mark says, and returns where to go on.
func handOut(items []item, more bool, at mark, add func(entry []byte)) (next []byte) {
	b := make([]byte, 0, 256)
	for i := range items {
		it := &items[i]
		if rest := it.value.Len() - at.before; rest > saveBytes {
			at = mark{key: it.key, before: at.before + saveBytes, written: it.written}
			add(appendPiece(b[:0], it, at.before-saveBytes, at.before))
			return at.encode()
		}
		b = appendKey(b[:0], it, at.before)
		add(b)
		at = mark{key: it.key}
	}
	if !more {
		return nil
	}
	return at.encode()
}

// after appends copies of the items that one call of Save saves, and says whether there may be more. same is false
// when the value that was being saved is no longer there.
func (sh *shard) after(at mark, items []item) (_ []item, more, same bool) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if at.before > 0 {
		it := sh.items[at.key]
		if it == nil || it.written != at.written {
			return items, true, false
		}
		return append(items, *it), true, true
	}
	first := at.key
	if first != "" {
		first += "\x00" // the least key after it
	}
	bytes := 0
	for w := sh.order.from(first); w.valid; w.next() {
		if len(items) == saveItems || bytes >= saveBytes {
			return items, true, true
		}
		items = append(items, *w.item)
		bytes += len(w.item.key) + w.item.value.Len()
	}
	return items, false, true
}

// Restore implements command.State.
func (s *Store) Restore(entry []byte) error {
	e, err := readEntry(entry)
	if err != nil {
		return err
	}
	sh := &s.recovering()[s.placeOf(e.key)]
	sh.mu.Lock()
	wake, ok := sh.restore(&e)
	sh.mu.Unlock()
	if !ok {
		return fault.New(fault.Corrupt, "a saved entry of the key %q does not go with those before it", clip(string(e.key)))
	}
	s.wake(wake)
	return nil
}

// restore takes an entry in, unless it is not one that Save writes after those that came before. It returns what put
// returns.
func (sh *shard) restore(e *entry) (wake int64, ok bool) {
	before, begun := sh.halves[string(e.key)]
	if uint64(len(before)) != e.before && e.kind != entryVoid || sh.items[string(e.key)] != nil {
		return 0, false
	}
	switch e.kind {
	case entryPiece:
		if sh.halves == nil {
			sh.halves = map[string][]byte{}
		}
		sh.halves[string(e.key)] = append(before, e.data...)
		return 0, true
	case entryVoid:
		delete(sh.halves, string(e.key))
		return 0, begun
	}
	var key, data string
	if begun {
		delete(sh.halves, string(e.key))
		key, data = string(e.key), string(append(before, e.data...))
	} else {
		key, data = pair(e.key, e.data)
	}
	sh.recent = nil // it may remember that there was none
	return sh.assign(sh.add(key), value.Restore(e.value, data), e.version, e.expires), true
}
