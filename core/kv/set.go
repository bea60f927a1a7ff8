package kv

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// SetRequest asks for a key to be set.
type SetRequest struct {
	Key   string      `json:"key" jsonschema:"the key to set"`
	Value value.Value `json:"value" jsonschema:"what it is to hold"`
	Lifetime
	Conditions
	KeepTTL   bool `json:"keep_ttl,omitempty" jsonschema:"keep the deadline that the key has; otherwise a set without one takes it away"`
	ReturnOld bool `json:"return_old,omitempty" jsonschema:"answer with what the key held before"`
}

// Resource is the key.
func (r *SetRequest) Resource() auth.Resource { return auth.Name(structureName, r.Key) }

// Validate refuses options that contradict each other.
func (r *SetRequest) Validate() error {
	if r.KeepTTL && r.Lifetime.given() {
		return fault.New(fault.Invalid, "keep_ttl does not go with ttl, ttl_ms or expires_at")
	}
	if err := r.Conditions.validate(); err != nil {
		return err
	}
	return r.Lifetime.Validate()
}

// SetResponse says what a set did.
type SetResponse struct {
	command.Receipt
	Created    bool        `json:"created" jsonschema:"true when the key did not exist before"`
	ExpiresAt  int64       `json:"expires_at,omitempty" jsonschema:"when the key expires, in Unix milliseconds; absent when it does not"`
	Old        value.Value `json:"old,omitzero" jsonschema:"what the key held before, if return_old was asked for"`
	OldVersion uint64      `json:"old_version,omitempty" jsonschema:"the version it had"`
}

func (s *Store) set(_ context.Context, tx *command.Tx, r *SetRequest) (resp SetResponse, err error) {
	if err := s.check(r.Key, r.Value); err != nil {
		return resp, err
	}
	expires, err := r.deadline(tx)
	if err != nil {
		return resp, err
	}
	sh := &s.writing()[s.place(r.Key)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old := sh.current(tx, r.Key)
	if err := r.Conditions.check(r.Key, old); err != nil {
		return resp, err
	}
	if old != nil {
		if r.KeepTTL {
			expires = old.expires
		}
		if r.ReturnOld {
			resp.Old, resp.OldVersion = old.value, old.version
		}
	}
	resp.Created, resp.ExpiresAt = old == nil, expires
	_, err = tx.Commit(&put{key: r.Key, value: r.Value, expires: expires})
	return resp, err
}

// GetSetRequest asks for a key to be set and its old value to be answered.
type GetSetRequest struct {
	Key   string      `json:"key" jsonschema:"the key to set"`
	Value value.Value `json:"value" jsonschema:"what it is to hold"`
	Lifetime
	KeepTTL bool `json:"keep_ttl,omitempty" jsonschema:"keep the deadline that the key has"`
}

// Resource is the key.
func (r *GetSetRequest) Resource() auth.Resource { return auth.Name(structureName, r.Key) }

// Validate refuses options that contradict each other.
func (r *GetSetRequest) Validate() error { return r.asSet().Validate() }

func (r *GetSetRequest) asSet() *SetRequest {
	return &SetRequest{Key: r.Key, Value: r.Value, Lifetime: r.Lifetime, KeepTTL: r.KeepTTL, ReturnOld: true}
}

// GetSetResponse is what the key held before.
type GetSetResponse struct {
	command.Receipt
	Found      bool        `json:"found" jsonschema:"false when the key did not exist before"`
	Value      value.Value `json:"value,omitzero" jsonschema:"what it held before"`
	OldVersion uint64      `json:"old_version,omitempty" jsonschema:"the version it had before"`
}

func (s *Store) getSet(ctx context.Context, tx *command.Tx, r *GetSetRequest) (GetSetResponse, error) {
	resp, err := s.set(ctx, tx, r.asSet())
	return GetSetResponse{Found: !resp.Created && err == nil, Value: resp.Old, OldVersion: resp.OldVersion}, err
}

// MSetRequest asks for several keys to be set at once.
type MSetRequest struct {
	Entries  []Entry `json:"entries" min:"1" max:"1000" jsonschema:"the keys to set"`
	IfAbsent bool    `json:"if_absent,omitempty" jsonschema:"only if none of the keys exists; already_exists otherwise"`
}

// Entry is one key to set.
type Entry struct {
	Key   string      `json:"key" jsonschema:"the key to set"`
	Value value.Value `json:"value" jsonschema:"what it is to hold"`
	Lifetime
}

// Resources are the keys.
func (r *MSetRequest) Resources() []auth.Resource { return names(r.keys()) }

func (r *MSetRequest) keys() []string {
	keys := make([]string, len(r.Entries))
	for i := range r.Entries {
		keys[i] = r.Entries[i].Key
	}
	return keys
}

// Validate refuses entries without a key or a value, with a wrong lifetime, or for the same key.
func (r *MSetRequest) Validate() error {
	seen := make(map[string]bool, len(r.Entries))
	for i := range r.Entries {
		e := &r.Entries[i]
		err := e.Lifetime.Validate()
		switch {
		case e.Key == "":
			err = fault.New(fault.Invalid, `"key" is required`)
		case e.Value.IsZero():
			err = fault.New(fault.Invalid, `"value" is required`)
		case seen[e.Key]:
			err = fault.New(fault.Invalid, "key %q is given twice", clip(e.Key))
		}
		if err != nil {
			return inEntry(i, err)
		}
		seen[e.Key] = true
	}
	return nil
}

// inEntry says in which entry the error is.
func inEntry(i int, err error) error {
	e := fault.From(err).With("entry", i)
	e.Message = fault.New(e.Code, "entries[%d]: %s", i, e.Message).Message
	return e
}

// MSetResponse says what a set of several keys did.
type MSetResponse struct {
	command.Receipt
	Created  int `json:"created" jsonschema:"how many of the keys did not exist before"`
	Replaced int `json:"replaced" jsonschema:"how many did"`
}

func (s *Store) mset(_ context.Context, tx *command.Tx, r *MSetRequest) (resp MSetResponse, err error) {
	ops := make([]journal.Op, len(r.Entries))
	for i := range r.Entries {
		e := &r.Entries[i]
		err := s.check(e.Key, e.Value)
		var expires int64
		if err == nil {
			expires, err = e.deadline(tx)
		}
		if err != nil {
			return resp, inEntry(i, err)
		}
		ops[i] = &put{key: e.Key, value: e.Value, expires: expires}
	}
	t, set := s.writing(), s.shardsOf(r.keys()...)
	t.lock(set)
	defer t.unlock(set)
	for i := range r.Entries {
		key := r.Entries[i].Key
		it := t[s.place(key)].current(tx, key)
		if it == nil {
			resp.Created++
		} else if r.IfAbsent {
			return resp, alreadyExists(key, it)
		}
	}
	resp.Replaced = len(ops) - resp.Created
	_, err = tx.CommitAll(ops)
	return resp, err
}
