package kv

import (
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

// Save implements command.State. The items are copied with the shard's lock held and encoded without it.
func (s *Store) Save(part int, from []byte, add func(entry []byte)) (next []byte) {
	at := readMark(from)
	items, more, same := s.ordered(s.reading())[part].after(at)
	if !same {
		add(appendVoid(nil, at.key))
		at.before = 0
		return at.encode()
	}
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

// after returns copies of the items that one call of Save saves, and whether there may be more. same is false
// when the value that was being saved is no longer there.
func (sh *shard) after(at mark) (items []item, more, same bool) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if at.before > 0 {
		it := sh.items[at.key]
		if it == nil || it.written != at.written {
			return nil, true, false
		}
		return []item{*it}, true, true
	}
	first := at.key
	if first != "" {
		first += "\x00" // the least key after it
	}
	items = make([]item, 0, min(saveItems, len(sh.items)))
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
