package embed

import (
	"crypto/sha256"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// key is a model and a text, short.
type key [sha256.Size]byte

func (s *Service) key(text string) key {
	return sha256.Sum256([]byte(s.o.Model + "\x00" + text))
}

// cachedBytes is about what a vector costs besides its floats.
const cachedBytes = 200

// cache keeps vectors, the ones used last.
type cache struct {
	limit int64

	mu    sync.Mutex
	bytes int64 // at most limit
	lru   *simplelru.LRU[key, []float32]
}

func newCache(limit int64) *cache {
	c := &cache{limit: limit}
	// The size is in bytes; the library's own limit, in entries, is one that is never reached first.
	c.lru, _ = simplelru.NewLRU[key, []float32](int(limit/cachedBytes)+1, nil) // an error only for a size that is not positive
	return c
}

func size(v []float32) int64 { return cachedBytes + 4*int64(len(v)) }

func (c *cache) get(k key) []float32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, _ := c.lru.Get(k)
	return v
}

func (c *cache) put(k key, v []float32) {
	if size(v) > c.limit {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.lru.Peek(k); ok {
		c.bytes -= size(old)
	}
	c.lru.Add(k, v)
	for c.bytes += size(v); c.bytes > c.limit; {
		_, old, _ := c.lru.RemoveOldest()
		c.bytes -= size(old)
	}
}
