package quota

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
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
	seed   maphash.Seed
	shards [bucketShards]buckets
}

type buckets struct {
	mu     sync.Mutex
	byKey  map[string]*rate.Limiter
	most   int
	common *rate.Limiter // of those for whom there is no room
	_      [64]byte      // so that shards do not share a cache line
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
		s.byKey, s.common = map[string]*rate.Limiter{}, r.limiter()
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

// Take lets n of the key pass, or refuses it with an Exhausted fault that says when to come again.
func (b *Buckets) Take(key string, now time.Time, n int64) error {
	r := b.rate.Load()
	if r == nil {
		return nil
	}
	return take(b.name, b.shard(key).bucket(key, r, now), now, n)
}

// Levels appends how the key's rate stands.
func (b *Buckets) Levels(levels []Level, key string, now time.Time) []Level {
	if r := b.rate.Load(); r != nil {
		levels = append(levels, levelOf(b.name, b.shard(key).bucket(key, r, now), now))
	}
	return levels
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

// bucket finds or makes the key's.
func (s *buckets) bucket(key string, r *Rate, now time.Time) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.byKey[key]; l != nil {
		return l
	}
	if len(s.byKey) >= s.most && !s.forgetOne(now) {
		return s.common
	}
	l := r.limiter()
	s.byKey[key] = l
	return l
}

// forgetOne drops a bucket that is full again, if a look at some finds one. s.mu is held.
func (s *buckets) forgetOne(now time.Time) bool {
	seen := 0
	for key, l := range s.byKey { // in no order, and never the same
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(s.byKey, key)
			return true
		}
		if seen++; seen == lookAt {
			return false
		}
	}
	return false
}
