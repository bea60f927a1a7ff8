// Package collection is points with vectors, found by what they are near to: the data of a
// vector collection, without commands and without a journal.
//
// A point has an id, vectors, a payload in JSON and a text. While it lives in the
// collection it is a Point with a slot, a small number by which the indexes know it,
// and it never changes: whoever puts another point under the same id gets another slot,
// so that a search that is under way never sees a point in two states.
//
// A vector is in one of two places. It comes into a flat table, which is searched
// exactly; from there Build moves it into the graph, where there is one. So a change
// costs microseconds, however long an insertion into the graph takes, and what is in
// neither place yet does not exist: a search looks into both. Who calls Build is the
// owner's affair: the collection starts no goroutine.
//
// Locks: changes, Put and Remove and Configure, need Lock held, and Find and Each RLock
// at least, because their callers decide by what they see and the journal comes in
// between. What takes the lock itself says nothing of it: Search, Count, Build. A search
// gives way to writers every few thousand vectors, and Build holds the lock only while it
// takes vectors out of the table and marks them as moved.
package collection

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/vector/distance"
)

// Collection is points of one Config. New makes one.
type Collection struct {
	mu      sync.RWMutex
	writers atomic.Int32 // how many wait for mu: long searches make way for them

	shape   *Config // its Vectors, of which the names and what they hold never change; needs no lock
	config  *Config
	vectors []*vectors // by place in config.Vectors

	points *btree.BTreeG[*Point] // by id
	slots  []*Point              // by slot; nil for a free one
	free   []uint32              // slots, the one to use next last
	held   map[uint32]int        // slots without a point that are not free, as so many graphs still know them
	alive  *roaring.Bitmap       // slots that have a point
	due    *btree.BTreeG[*Point] // those that expire, by when

	indexes map[string]index // by path
	words   *words           // nil when no text is indexed
	puts    uint64           // points that ever came
	bytes   int64            // of the points, without vectors and indexes

	scanMu sync.Mutex

	scans int      // searches under way
	came  []uint32 // slots that got a point while there were any; see scan.go
}

// Point is a point of a collection. It is immutable.
type Point struct {
	Draft
	Version uint64 // of the record that put it

	born uint64 // its number among all that ever came
	slot uint32
	at   []int32 // by place in Config.Vectors: where its row is in the flat table, or one of the constants below
}

// Where a vector is when it is not in the flat table.
const (
	inGraph = -1
	nowhere = -2 // the point has none of that name
)

// Draft is what a point is made of. Its fields belong to the collection once it is put.
type Draft struct {
	ID      ID
	Payload string // a JSON object, compact; "" is none
	Text    string
	Expires int64 // Unix milliseconds; 0 is never
	Rows    []Row // by place in Config.Vectors, as Encode made them; empty once the point is put
	terms   terms
}

// Row is a vector as a collection keeps it: in the layout of its distance.Space. One without bytes is none.
type Row struct {
	Bytes []byte
	Head  distance.Head
}

// pointBytes is about what a point takes besides its texts, vectors and indexes.
const pointBytes = 240

// New returns an empty collection of a config that was checked.
func New(config *Config) *Collection {
	c := &Collection{
		shape: &Config{Vectors: slices.Clone(config.Vectors)}, config: &Config{},
		alive: roaring.New(), held: map[uint32]int{}, indexes: map[string]index{},
	}
	c.points = btree.NewBTreeGOptions(func(a, b *Point) bool { return a.ID.Less(b.ID) }, btree.Options{NoLocks: true})
	c.due = btree.NewBTreeGOptions(func(a, b *Point) bool {
		if a.Expires != b.Expires {
			return a.Expires < b.Expires
		}
		return a.slot < b.slot
	}, btree.Options{NoLocks: true})
	for i := range config.Vectors {
		c.vectors = append(c.vectors, newVectors(&config.Vectors[i], i))
	}
	c.Configure(config)
	return c
}

// Lock takes the lock for changes.
func (c *Collection) Lock() {
	c.writers.Add(1)
	c.mu.Lock()
	c.writers.Add(-1)
}

// Unlock gives it back.
func (c *Collection) Unlock() { c.mu.Unlock() }

// RLock takes the lock for looking.
func (c *Collection) RLock() { c.mu.RLock() }

// RUnlock gives it back.
func (c *Collection) RUnlock() { c.mu.RUnlock() }

// Config is how the collection is made. It must not be changed. RLock is held.
func (c *Collection) Config() *Config { return c.config }

// Len is how many points there are.
func (c *Collection) Len() int { return c.points.Len() }

// lookup returns the point of that id; nil when there is none.
func (c *Collection) lookup(id ID) *Point {
	p, _ := c.points.Get(&Point{Draft: Draft{ID: id}})
	return p
}

// Find returns the point of that id at the time, in Unix milliseconds; nil when there is none, or it has expired.
func (c *Collection) Find(id ID, now int64) *Point {
	if p := c.lookup(id); p != nil && p.lives(now) {
		return p
	}
	return nil
}

// lives reports whether the point has not expired.
func (p *Point) lives(now int64) bool { return p.Expires == 0 || p.Expires > now }

// Each calls f for the points from that id on, in order, until it returns false; the zero ID is before all others.
// Points that have expired are among them.
func (c *Collection) Each(from ID, f func(p *Point) bool) {
	c.points.Ascend(&Point{Draft: Draft{ID: from}}, f)
}

// Put puts a point in, in place of the one that has its id.
func (c *Collection) Put(version uint64, d *Draft) {
	c.Remove(d.ID)
	p := &Point{Draft: *d, Version: version, slot: c.take()}
	p.Rows, p.terms = nil, terms{}
	p.at = make([]int32, len(c.vectors))
	for i, v := range c.vectors {
		p.at[i] = nowhere
		if i < len(d.Rows) && d.Rows[i].Bytes != nil {
			p.at[i] = v.put(p.slot, d.Rows[i])
		}
	}
	c.slots[p.slot] = p
	c.points.Set(p)
	c.alive.Add(p.slot)
	if p.Expires != 0 {
		c.due.Set(p)
	}
	for _, x := range c.indexes {
		x.add(p.slot, p.Payload)
	}
	c.words.add(p, d.terms)
	c.bytes += p.size()
	c.note(p)
}

// size is about what the point takes besides its vectors and indexes.
func (p *Point) size() int64 { return pointBytes + int64(len(p.ID.text)+len(p.Payload)+len(p.Text)) }

// take gives out a slot. The one that was freed last is used first, so that copies of the collection that see the same
// changes give out the same slots.
func (c *Collection) take() uint32 {
	if n := len(c.free); n > 0 {
		slot := c.free[n-1]
		c.free = c.free[:n-1]
		return slot
	}
	c.slots = append(c.slots, nil)
	return uint32(len(c.slots) - 1) //nolint:gosec // at most MaxPoints
}

// Remove takes the point of that id out, and reports whether there was one.
func (c *Collection) Remove(id ID) bool {
	p := c.lookup(id)
	if p == nil {
		return false
	}
	c.points.Delete(p)
	c.alive.Remove(p.slot)
	if p.Expires != 0 {
		c.due.Delete(p)
	}
	for _, x := range c.indexes {
		x.remove(p.slot, p.Payload)
	}
	c.words.remove(p)
	c.slots[p.slot] = nil
	c.bytes -= p.size()
	for i, v := range c.vectors {
		if v.remove(p.slot, p.at[i]) {
			c.held[p.slot]++
		}
	}
	if c.held[p.slot] == 0 {
		c.free = append(c.free, p.slot)
	}
	if c.points.Len() == 0 {
		c.reset()
	}
	return true
}

// reset gives all memory back once there is nothing left.
func (c *Collection) reset() {
	for _, v := range c.vectors {
		v.reset()
	}
	c.slots, c.free, c.held = nil, nil, map[uint32]int{}
	c.alive = roaring.New()
}

// Due returns at most limit points whose time is over, the earliest first, and when the next one's will be; 0 is never.
func (c *Collection) Due(now int64, limit int) (over []ID, next int64) {
	c.due.Scan(func(p *Point) bool {
		if p.Expires > now || len(over) == limit {
			next = p.Expires
			return false
		}
		over = append(over, p.ID)
		return true
	})
	return over, next
}

// Configure changes what is indexed. The vectors' dimension, metric and element stay as they are, whatever the config
// says of them; the kind of their index may change.
func (c *Collection) Configure(config *Config) {
	fresh := &Config{Indexes: config.Indexes, Text: config.Text, Language: config.Language}
	for i, v := range c.vectors {
		v.configure(config.Vectors[i])
		fresh.Vectors = append(fresh.Vectors, v.config)
	}
	before := c.config
	c.config = fresh
	c.configureIndexes(before)
	c.configureWords(before)
}

// configureIndexes drops the indexes that are no more, and fills those that are new.
func (c *Collection) configureIndexes(before *Config) {
	types := map[string]string{}
	for _, x := range before.Indexes {
		types[x.Path] = x.Type
	}
	kept := map[string]index{}
	for _, x := range c.config.Indexes {
		if old := c.indexes[x.Path]; old != nil && types[x.Path] == x.Type {
			kept[x.Path] = old
			continue
		}
		fresh := newIndex(x)
		for _, p := range c.slots {
			if p != nil {
				fresh.add(p.slot, p.Payload)
			}
		}
		kept[x.Path] = fresh
	}
	c.indexes = kept
}

// Usage is how much memory a collection takes, about.
type Usage struct {
	Points, Vectors, Graph, Indexes, Words int64
}

// Total is all of it.
func (u Usage) Total() int64 { return u.Points + u.Vectors + u.Graph + u.Indexes + u.Words }

// Usage says how much memory the collection takes. RLock is held.
func (c *Collection) Usage() (u Usage) {
	u.Points = c.bytes + 8*int64(cap(c.slots)) + 4*int64(cap(c.free)) + int64(c.alive.GetSizeInBytes()) //nolint:gosec // small
	for _, v := range c.vectors {
		flat, graph := v.bytes()
		u.Vectors += flat
		u.Graph += graph
	}
	for _, x := range c.indexes {
		u.Indexes += x.bytes()
	}
	u.Words = c.words.bytes()
	return u
}

// Has reports whether there is a point of that id, expired or not. RLock is held.
func (c *Collection) Has(id ID) bool { return c.lookup(id) != nil }
