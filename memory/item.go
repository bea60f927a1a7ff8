package memory

import (
	"strconv"
	"strings"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/text"
)

// item is one memory. It never changes.
type item struct {
	number     uint64
	collection string
	slot       uint32 // its place in the collection; the one that follows it there has the same

	version     uint64 // of the record that last changed it, its vector apart
	textVersion uint64 // of the record that last changed its text
	text        string
	metadata    *metadata // shared; nil when there is none
	source      string
	stored      stamp
	updated     stamp // zero when it never was
	expires     int64 // Unix milliseconds; 0 is never

	vector []float32 // of length 1; nil when there is none yet
	model  string    // that made the vector
}

// stamp is who did something, and when.
type stamp struct {
	at  int64  // Unix milliseconds
	by  string // the caller's name
	key string // the id of its API key; "" when it had none
}

// id is what callers call the memory: collection:number.
func (it *item) id() string { return it.collection + ":" + strconv.FormatUint(it.number, 10) }

// dead reports whether the memory's time is over, whether the sweeper has come by or not.
func (it *item) dead(now int64) bool { return it != nil && it.expires != 0 && it.expires <= now }

// itemBytes is about what a memory costs besides what it holds: itself, and its places in the maps and trees.
const itemBytes = 360

// size is about how much memory it takes, the index of its words apart.
func (it *item) size() int64 {
	return int64(itemBytes + len(it.text) + len(it.source) + len(it.stored.by) + len(it.updated.by) + 4*len(it.vector))
}

// parseID takes an id apart.
func parseID(id string) (collection string, number uint64, err error) {
	if at := strings.LastIndexByte(id, ':'); at > 0 {
		digits := id[at+1:]
		number, err = strconv.ParseUint(digits, 10, 64)
		if err == nil && number > 0 && digits[0] != '0' && digits[0] != '+' && checkCollection(id[:at]) == nil {
			return id[:at], number, nil
		}
	}
	return "", 0, fault.New(fault.Invalid, "%q is not the id of a memory: ids are answered by memory.store and look like %s:17",
		clip(id, 80), DefaultCollection).With("field", "id")
}

// checkCollection reports what is wrong with a collection's name.
func checkCollection(name string) error {
	switch {
	case name == "":
		return fault.New(fault.Invalid, "a collection has a name").With("field", "collection")
	case len(name) > MaxCollectionBytes:
		return fault.New(fault.TooLarge, "the collection's name has %d bytes; at most %d are allowed", len(name), MaxCollectionBytes).
			With("field", "collection").With("limit", MaxCollectionBytes)
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f || r == '/' || r == '\uFFFD' {
			return fault.New(fault.Invalid, "%q cannot be a collection: blanks, control characters and / are not allowed in a name", clip(name, 80)).
				With("field", "collection")
		}
	}
	return nil
}

// clip cuts a text to about so many bytes, between letters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xc0 == 0x80 {
		most--
	}
	return s[:most] + "…"
}

// find returns the memory of that id that is alive, or nil. s.mu is held.
func (s *Memories) find(collection string, number uint64, now int64) *item {
	it := s.items[number]
	if it == nil || it.collection != collection || it.dead(now) {
		return nil
	}
	return it
}

// set makes it, or nothing with nil, the memory of that number, and keeps all indexes with it. terms are the words of its text, if they are known already.
// It and empty are the only code that changes what s holds. s.mu is held.
func (s *Memories) set(number uint64, it *item, terms *text.Terms) {
	old := s.items[number]
	if old != nil {
		s.forget(old, it)
	}
	if it == nil {
		delete(s.items, number)
		return
	}
	s.last = max(s.last, number)
	s.items[number] = it
	s.bytes += it.size()
	s.keep(it.metadata)
	c := s.collection(it.collection)
	c.put(it, old, terms)
	if it.expires != 0 {
		s.deadlines.Set(deadline{it.expires, number})
		s.wake(it.expires)
	}
	if s.lacks(it) {
		notBefore, _ := s.waiting.Get(number)
		s.waiting.Set(number, notBefore)
		s.wake(s.now())
	}
}

// forget takes the old memory out of what the next does not take over from it.
func (s *Memories) forget(old, next *item) {
	s.release(old, next)
	if next != nil && next.collection == old.collection {
		return
	}
	c, _ := s.collections.Get(old.collection)
	if c.remove(old); c.numbers.Len() == 0 {
		s.collections.Delete(c.name)
	}
}

// empty forgets all of a collection, with its indexes as a whole: taking the memories out one by one would take seconds for many.
func (s *Memories) empty(c *collection) {
	for _, it := range c.slots {
		if it != nil {
			s.release(it, nil)
			delete(s.items, it.number)
		}
	}
	s.collections.Delete(c.name)
}

// release takes the old memory out of all but its collection.
func (s *Memories) release(old, next *item) {
	s.bytes -= old.size()
	s.drop(old.metadata)
	if old.expires != 0 {
		s.deadlines.Delete(deadline{old.expires, old.number})
	}
	if next == nil || !s.lacks(next) || next.textVersion != old.textVersion {
		s.waiting.Delete(old.number)
	}
}

// lacks reports whether the memory has to wait for a vector.
func (s *Memories) lacks(it *item) bool { return s.model != "" && it.model != s.model }

func (s *Memories) now() int64 {
	if s.env.Clock == nil {
		return 0
	}
	return s.env.Clock.Now()
}
