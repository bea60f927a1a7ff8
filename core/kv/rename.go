package kv

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// RenameRequest asks for a key to be moved.
type RenameRequest struct {
	Key      string `json:"key" jsonschema:"the key to rename"`
	To       string `json:"to" jsonschema:"its new name; what that held before is replaced"`
	IfAbsent bool   `json:"if_absent,omitempty" jsonschema:"only if there is no key of the new name; already_exists otherwise"`
}

// Resources are both keys.
func (r *RenameRequest) Resources() []auth.Resource { return names([]string{r.Key, r.To}) }

// Validate refuses one key for both.
func (r *RenameRequest) Validate() error { return different(r.Key, r.To) }

func different(from, to string) error {
	if from == to {
		return fault.New(fault.Invalid, "key and to are the same").With("field", "to")
	}
	return nil
}

// MoveResponse says what a rename or a copy did.
type MoveResponse struct {
	command.Receipt
	Replaced bool `json:"replaced" jsonschema:"true when there was a key of the new name before"`
}

func (s *Store) rename(_ context.Context, tx *command.Tx, r *RenameRequest) (MoveResponse, error) {
	return s.move(tx, r.Key, r.To, r.IfAbsent, func(it *item) ([]journal.Op, error) {
		return []journal.Op{
			&put{key: r.To, value: it.value, expires: it.expires},
			&remove{key: r.Key, cause: deleted},
		}, nil
	})
}

// CopyRequest asks for a key to be copied.
type CopyRequest struct {
	Key      string `json:"key" jsonschema:"the key to copy"`
	To       string `json:"to" jsonschema:"the name of the copy; what that held before is replaced"`
	IfAbsent bool   `json:"if_absent,omitempty" jsonschema:"only if there is no key of that name; already_exists otherwise"`
	Lifetime
}

// Resources are both keys.
func (r *CopyRequest) Resources() []auth.Resource { return names([]string{r.Key, r.To}) }

// Validate refuses one key for both.
func (r *CopyRequest) Validate() error {
	if err := different(r.Key, r.To); err != nil {
		return err
	}
	return r.Lifetime.Validate()
}

func (s *Store) copy(_ context.Context, tx *command.Tx, r *CopyRequest) (MoveResponse, error) {
	return s.move(tx, r.Key, r.To, r.IfAbsent, func(it *item) ([]journal.Op, error) {
		expires := it.expires
		if r.given() {
			var err error
			if expires, err = r.deadline(tx); err != nil {
				return nil, err
			}
		}
		return []journal.Op{&put{key: r.To, value: it.value, expires: expires}}, nil
	})
}

// move commits what ops makes of the key's item, with both keys locked.
func (s *Store) move(tx *command.Tx, key, to string, ifAbsent bool, ops func(*item) ([]journal.Op, error)) (resp MoveResponse, err error) {
	if err := s.checkKey(key); err != nil {
		return resp, err
	}
	if err := s.checkKey(to); err != nil {
		return resp, err
	}
	t, set := s.writing(), s.shardsOf(key, to)
	t.lock(set)
	defer t.unlock(set)
	target := t[s.place(to)].current(tx, to)
	it := t[s.place(key)].current(tx, key)
	switch {
	case it == nil:
		return resp, notFound(key)
	case ifAbsent && target != nil:
		return resp, alreadyExists(to, target)
	}
	resp.Replaced = target != nil
	made, err := ops(it)
	if err != nil {
		return resp, err
	}
	_, err = tx.CommitAll(made)
	return resp, err
}
