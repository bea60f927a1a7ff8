package kv

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/value"
)

// itemBytes is about what a key costs besides its own bytes and its value's: the item, and its slots in the
// map and in the order.
const itemBytes = 144

// item is a key and what it holds.
type item struct {
	key     string
	value   value.Value
	version uint64 // the record that last changed it
	expires int64  // Unix milliseconds; from then on the key is absent. 0 is never
	place   int32  // in the shard's deadlines; meaningless when expires is 0

	// written is the low half of the number of the record that wrote the value: by it Save knows, between two pieces of
	// a long value, that it is still the same one. Half is enough, and keeps an item at 64 bytes.
	written uint32
}

// dead reports whether the item's deadline has come.
func (it *item) dead(now int64) bool { return it.expires != 0 && it.expires <= now }

// shard is a part of the keys behind one lock. What every write needs is in its first cache line, and no other shard is in its last.
type shard struct {
	mu sync.RWMutex

	items map[string]*item
	// recent is the item that find returned last, nil once it is removed: a handler looks a key up and Apply
	// looks it up again, which cost a fifth of a SET (BenchmarkDispatchSet).
	recent *item

	keyBytes, valueBytes int64        // of all items
	held                 atomic.Int64 // how many items there are, for those who hold no lock or another one

	order index     // the same items, by key; while unordered, some of them
	due   deadlines // those with a deadline

	// unordered is true from the beginning of a recovery until settle: the items that are not in the order are in loose
	// then, in which there may be others that are no longer in items.
	unordered bool
	loose     []*item

	// halves are the long values of which Restore has seen the first pieces, by key; empty but in the middle of that.
	halves map[string][]byte

	_ [56]byte
}

// find returns the item under the key, dead or alive, or nil. It is for holders of the lock, not of the read lock.
func (sh *shard) find(key string) *item {
	if it := sh.recent; it != nil && it.key == key {
		return it
	}
	it := sh.items[key]
	sh.recent = it
	return it
}

// current is find for a writer: a dead item is none.
func (sh *shard) current(tx *command.Tx, key string) *item {
	it := sh.find(key)
	if it != nil && it.expires != 0 && it.dead(tx.Now()) {
		return nil
	}
	return it
}

// put sets the key. It returns the deadline if that is now the shard's earliest, else 0.
func (sh *shard) put(key string, v value.Value, version uint64, expires int64) (wake int64) {
	it := sh.find(key)
	if it == nil {
		it = sh.add(key)
		sh.recent = it
	}
	return sh.assign(it, v, version, expires)
}

// add makes an item for a key that has none. It holds nothing until assign.
func (sh *shard) add(key string) *item {
	it := &item{key: key}
	if sh.items == nil {
		sh.items = map[string]*item{}
	}
	sh.items[key] = it
	if sh.unordered {
		sh.leave(it)
	} else {
		sh.order.set(it)
	}
	sh.keyBytes += int64(len(key))
	sh.held.Add(1)
	return it
}

// assign makes the item hold the value. It returns what put returns.
func (sh *shard) assign(it *item, v value.Value, version uint64, expires int64) (wake int64) {
	sh.valueBytes += int64(v.Len() - it.value.Len())
	it.value, it.version, it.written = v, version, uint32(version) //nolint:gosec // the low half
	return sh.due.schedule(it, expires)
}

// touch changes the key's deadline and version. It returns what put returns.
func (sh *shard) touch(key string, version uint64, expires int64) (wake int64) {
	it := sh.find(key)
	if it == nil {
		return 0
	}
	it.version = version
	return sh.due.schedule(it, expires)
}

// remove drops the key, if it is there.
func (sh *shard) remove(key string) {
	it := sh.find(key)
	if it == nil {
		return
	}
	sh.recent = nil
	delete(sh.items, key)
	sh.held.Add(-1)
	sh.order.remove(key)
	sh.due.schedule(it, 0)
	sh.keyBytes -= int64(len(key))
	sh.valueBytes -= int64(it.value.Len())
}

// wipe drops every key that begins with the prefix.
func (sh *shard) wipe(prefix string) {
	if prefix == "" {
		sh.items, sh.order, sh.loose, sh.due, sh.recent = nil, index{}, nil, nil, nil
		sh.keyBytes, sh.valueBytes = 0, 0
		sh.held.Store(0)
		return
	}
	var keys []string
	sh.under(prefix, func(it *item) { keys = append(keys, it.key) })
	for _, key := range keys {
		sh.remove(key)
	}
}

// under calls f for every item whose key begins with the prefix. The shard is in order.
func (sh *shard) under(prefix string, f func(*item)) {
	for w := sh.order.from(prefix); w.valid && strings.HasPrefix(w.item.key, prefix); w.next() {
		f(w.item)
	}
}

// appendUnder appends copies of the items whose keys begin with the prefix.
func (sh *shard) appendUnder(dst []item, prefix string) []item {
	sh.under(prefix, func(it *item) { dst = append(dst, *it) })
	return dst
}

// bytes is about how much memory the shard holds.
func (sh *shard) bytes() int64 {
	return sh.keyBytes + sh.valueBytes + itemBytes*int64(len(sh.items))
}
