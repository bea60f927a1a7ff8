package kv

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// ExpireRequest asks for a key to expire.
type ExpireRequest struct {
	Key string `json:"key" jsonschema:"the key"`
	Lifetime
	IfVersion *uint64 `json:"if_version,omitempty" jsonschema:"only if the key has this version; conflict otherwise"`
}

// Resource is the key.
func (r *ExpireRequest) Resource() auth.Resource { return auth.Name(structureName, r.Key) }

// Validate wants a deadline.
func (r *ExpireRequest) Validate() error {
	if !r.given() {
		return fault.New(fault.Invalid, "give ttl, ttl_ms or expires_at").With("field", "ttl")
	}
	return r.Lifetime.Validate()
}

// ExpireResponse says when the key expires now.
type ExpireResponse struct {
	command.Receipt
	Found     bool  `json:"found" jsonschema:"false when there is no such key"`
	ExpiresAt int64 `json:"expires_at,omitempty" jsonschema:"when the key expires, in Unix milliseconds; absent when it does not"`
}

func (s *Store) expire(_ context.Context, tx *command.Tx, r *ExpireRequest) (resp ExpireResponse, err error) {
	expires, err := r.deadline(tx)
	if err != nil {
		return resp, err
	}
	return s.reschedule(tx, r.Key, expires, r.IfVersion)
}

// PersistRequest asks for a key not to expire.
type PersistRequest struct{ KeyRequest }

func (s *Store) persist(_ context.Context, tx *command.Tx, r *PersistRequest) (ExpireResponse, error) {
	return s.reschedule(tx, r.Key, 0, nil)
}

// reschedule gives a key a new deadline; 0 is none.
func (s *Store) reschedule(tx *command.Tx, key string, expires int64, ifVersion *uint64) (resp ExpireResponse, err error) {
	if err := s.checkKey(key); err != nil {
		return resp, err
	}
	sh := &s.writing()[s.place(key)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	it := sh.current(tx, key)
	if ifVersion != nil {
		if err := checkVersion(key, it, *ifVersion); err != nil {
			return resp, err
		}
	}
	if it == nil {
		return resp, nil
	}
	resp = ExpireResponse{Found: true, ExpiresAt: expires}
	if it.expires != expires {
		_, err = tx.Commit(&touch{key: key, expires: expires})
	}
	return resp, err
}

// TTLRequest names the key whose deadline is asked for.
type TTLRequest struct{ KeyRequest }

// TTLResponse says how long a key has left.
type TTLResponse struct {
	Found     bool   `json:"found" jsonschema:"false when there is no such key"`
	TTL       int64  `json:"ttl,omitempty" jsonschema:"seconds until the key expires, rounded up; absent when it does not"`
	TTLMS     int64  `json:"ttl_ms,omitempty" jsonschema:"the same in milliseconds"`
	ExpiresAt int64  `json:"expires_at,omitempty" jsonschema:"when it expires, in Unix milliseconds"`
	Version   uint64 `json:"version,omitempty" jsonschema:"the write that last changed the key"`
}

func (s *Store) ttlOf(_ context.Context, r *TTLRequest) (resp TTLResponse, err error) {
	err = s.peek(r.Key, func(it *item) {
		ms := s.ttl(it)
		resp = TTLResponse{Found: true, TTL: seconds(ms), TTLMS: ms, ExpiresAt: it.expires, Version: it.version}
	})
	return resp, err
}
