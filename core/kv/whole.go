package kv

import (
	"context"
	"math/rand/v2"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// CountRequest says which keys to count.
type CountRequest struct{ Selection }

// CountResponse is how many there are.
type CountResponse struct {
	Count int64 `json:"count" jsonschema:"how many keys there are"`
}

func (s *Store) count(_ context.Context, r *CountRequest) (resp CountResponse, err error) {
	q, err := r.compile()
	if err != nil {
		return resp, err
	}
	t := s.ordered(s.reading())
	t.rlock(allShards)
	defer t.runlock(allShards)
	now := s.env.Clock.Now()
	if q.glob == nil {
		return CountResponse{t.count(q.span, now)}, nil
	}
	t.scan(q.span, func(it *item) bool {
		if !it.dead(now) && q.glob.matches(it.key) {
			resp.Count++
		}
		return true
	})
	return resp, nil
}

// RandomRequest asks for any key.
type RandomRequest struct{}

// Resource is every key.
func (*RandomRequest) Resource() auth.Resource { return auth.Any(structureName) }

// RandomResponse is a key.
type RandomResponse struct {
	Found bool   `json:"found" jsonschema:"false when there are no keys"`
	Key   string `json:"key,omitempty" jsonschema:"a key; every one is as likely"`
}

// randomTries is how often a dead key is drawn before the live ones are counted off.
const randomTries = 64

func (s *Store) random(context.Context, *RandomRequest) (resp RandomResponse, err error) {
	t := s.ordered(s.reading())
	t.rlock(allShards)
	defer t.runlock(allShards)
	now := s.env.Clock.Now()
	alive := t.count(span{}, now)
	if alive == 0 {
		return resp, nil
	}
	total := 0
	for i := range t {
		total += t[i].order.len()
	}
	for range randomTries {
		if it := t.at(rand.IntN(total)); !it.dead(now) { //nolint:gosec // a guess that nobody guards
			return RandomResponse{Found: true, Key: it.key}, nil
		}
	}
	skip := rand.Int64N(alive) //nolint:gosec // a guess that nobody guards
	t.scan(span{}, func(it *item) bool {
		if it.dead(now) {
			return true
		}
		resp = RandomResponse{Found: true, Key: it.key}
		skip--
		return skip >= 0
	})
	return resp, nil
}

// at returns the item with i others before it, shard by shard.
func (t *table) at(i int) *item {
	for place := range t {
		order := &t[place].order
		if i < order.len() {
			return order.at(i)
		}
		i -= order.len()
	}
	return nil
}

// ClearRequest says which keys to drop.
type ClearRequest struct {
	Prefix  string `json:"prefix,omitempty" jsonschema:"only keys that begin so; absent is every key"`
	Confirm bool   `json:"confirm,omitempty" jsonschema:"must be true; without it the answer says how many keys would go"`
}

// Resource is the range under the prefix.
func (r *ClearRequest) Resource() auth.Resource {
	return auth.Resource{Structure: structureName, Name: r.Prefix, Match: auth.Prefix}
}

// ClearResponse says how many keys were dropped.
type ClearResponse struct {
	command.Receipt
	Removed int64 `json:"removed" jsonschema:"how many keys are gone"`
}

func (s *Store) clear(_ context.Context, tx *command.Tx, r *ClearRequest) (resp ClearResponse, err error) {
	t := s.ordered(s.writing())
	t.lock(allShards)
	defer t.unlock(allShards)
	var p span
	p.narrow(r.Prefix)
	n := t.count(p, tx.Now())
	if !r.Confirm {
		return resp, fault.New(fault.Invalid,
			"this would remove %d keys for good: call it again with confirm true", n).With("field", "confirm").With("keys", n)
	}
	if n == 0 {
		return resp, nil
	}
	resp.Removed = n
	_, err = tx.Commit(&wipe{prefix: r.Prefix})
	return resp, err
}

// StatsRequest asks about the whole store.
type StatsRequest struct{}

// Resource is every key.
func (*StatsRequest) Resource() auth.Resource { return auth.Any(structureName) }

// StatsResponse is what the store holds.
type StatsResponse struct {
	Keys          int64 `json:"keys" jsonschema:"how many keys there are"`
	Expiring      int64 `json:"expiring" jsonschema:"how many of them have a deadline"`
	NextExpiry    int64 `json:"next_expiry,omitempty" jsonschema:"the earliest deadline, in Unix milliseconds"`
	Bytes         int64 `json:"bytes" jsonschema:"about how much memory the keys take, their order included"`
	KeyBytes      int64 `json:"key_bytes" jsonschema:"of which are keys"`
	ValueBytes    int64 `json:"value_bytes" jsonschema:"of which are values"`
	MaxKeyBytes   int   `json:"max_key_bytes" jsonschema:"how long a key may be"`
	MaxValueBytes int   `json:"max_value_bytes" jsonschema:"how long a value may be"`
}

func (s *Store) stats(context.Context, *StatsRequest) (StatsResponse, error) {
	resp := StatsResponse{MaxKeyBytes: s.max.MaxKeyBytes, MaxValueBytes: s.max.MaxValueBytes}
	t := s.ordered(s.reading())
	t.rlock(allShards)
	defer t.runlock(allShards)
	now := s.env.Clock.Now()
	resp.Keys = t.count(span{}, now)
	for i := range t {
		sh := &t[i]
		resp.Bytes += sh.bytes()
		resp.KeyBytes += sh.keyBytes
		resp.ValueBytes += sh.valueBytes
		resp.Expiring += int64(len(sh.due))
		if next := sh.due.next(); next > now && (resp.NextExpiry == 0 || next < resp.NextExpiry) {
			resp.NextExpiry = next
		}
		sh.due.overdue(now, func(*item) bool {
			resp.Expiring--
			return true
		})
	}
	return resp, nil
}
