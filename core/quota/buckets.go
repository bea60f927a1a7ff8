package quota

import (
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// MaxBuckets is how many callers, or addresses, are told apart unless said otherwise.
const MaxBuckets = 65_536

const (
	bucketShards = 16
	lookAt       = 16 // entries that are looked at to find one that can be forgotten
)

// Buckets hold a rate for each of any number of callers or addresses, in bounded memory. One whose rate has recovered
// fully is like one that was never seen, so it can be forgotten. At the bound such a one makes room for the newcomer; when
// a look at some finds none, the newcomer shares one more bucket with all others in its position: who floods the map
// from many addresses has no rate for each of them, and takes nothing away from those that are known.
type Buckets struct {
	name   string
	rate   atomic.Pointer[Rate] // nil is no limit
	index  sync.Map             // string to *bucket: all that shards hold, to be found without a lock
	seed   maphash.Seed
	shards [bucketShards]buckets
}

type buckets struct {
	mu     sync.Mutex
	byKey  map[string]*bucket
	most   int
	common *bucket  // of those for whom there is no room
	_      [64]byte // so that shards do not share a cache line
}

// NewBuckets returns buckets of the rate under the name, which errors and headers carry. most bounds how many are
// told apart; 0 is MaxBuckets.
func NewBuckets(name string, r Rate, most int) *Buckets {
	if most <= 0 {
		most = MaxBuckets
	}
	b := &Buckets{name: name, seed: maphash.MakeSeed()}
	for i := range b.shards {
		b.shards[i].most = max(1, most/bucketShards)
		b.shards[i].byKey = map[string]*bucket{}
	}
	b.SetRate(r)
	return b
}

// SetRate changes the rate, for everybody: all begin anew.
func (b *Buckets) SetRate(r Rate) {
	if old := b.rate.Load(); old != nil && *old == r || old == nil && !r.Limited() {
		return
	}
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		s.byKey, s.common = map[string]*bucket{}, commonBucket(r)
		b.index.Clear()
		s.mu.Unlock()
	}
	if !r.Limited() {
		b.rate.Store(nil)
		return
	}
	b.rate.Store(&r)
}

// Limited reports whether there is a rate at all.
func (b *Buckets) Limited() bool { return b.rate.Load() != nil }

// Take lets n of the key pass, or refuses it with an Exhausted fault that says when to come again. own is the key's own rate, which
// goes before that of all; the zero Rate is none.
func (b *Buckets) Take(key string, own Rate, now time.Time, n int64) error {
	r, limited := b.of(own)
	if !limited {
		return nil
	}
	return take(b.name, b.bucket(key, r, now), now, n)
}

// Levels appends how the key's rate stands.
func (b *Buckets) Levels(levels []Level, key string, own Rate, now time.Time) []Level {
	if r, limited := b.of(own); limited {
		levels = append(levels, levelOf(b.name, b.bucket(key, r, now), now))
	}
	return levels
}

// of is the rate that holds for who has that one of its own.
func (b *Buckets) of(own Rate) (r Rate, limited bool) {
	if own.Limited() {
		return own, true
	}
	if all := b.rate.Load(); all != nil {
		return *all, true
	}
	return r, false
}

// Len returns how many keys are told apart now.
func (b *Buckets) Len() (n int) {
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		n += len(s.byKey)
		s.mu.Unlock()
	}
	return n
}

func (b *Buckets) shard(key string) *buckets {
	return &b.shards[maphash.String(b.seed, key)%bucketShards]
}

// bucket finds or makes the key's. One whose rate was another is made anew.
func (b *Buckets) bucket(key string, r Rate, now time.Time) *bucket {
	if known, ok := b.index.Load(key); ok && known.(*bucket).holds(r) {
		return known.(*bucket)
	}
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.byKey[key]
	switch {
	case known != nil && known.holds(r):
		b.index.Store(key, known) // SetRate may have emptied it meanwhile
		return known
	case known == nil && len(s.byKey) >= s.most && !b.forgetOne(s, now):
		if s.common == nil {
			s.common = newBucket(r)
		}
		return s.common
	}
	made := newBucket(r)
	s.byKey[key] = made
	b.index.Store(key, made)
	return made
}

// holds reports whether the bucket is of that rate.
func (b *bucket) holds(r Rate) bool {
	return b.rate.PerSecond == r.PerSecond && b.rate.Burst == min(r.burst(), math.MaxInt32)
}

// commonBucket is of those for whom there is no room; without a rate of all there is none before somebody needs it.
func commonBucket(r Rate) *bucket {
	if !r.Limited() {
		return nil
	}
	return newBucket(r)
}

// forgetOne drops a bucket that is full again, if a look at some finds one. s.mu is held. Whoever found it just before takes from
// it once more, which is no harm.
func (b *Buckets) forgetOne(s *buckets, now time.Time) bool {
	seen := 0
	for key, known := range s.byKey { // in no order, and never the same
		if known.missing(now) == 0 {
			delete(s.byKey, key)
			b.index.Delete(key)
			return true
		}
		if seen++; seen == lookAt {
			return false
		}
	}
	return false
}
