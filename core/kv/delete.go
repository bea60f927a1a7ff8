package kv

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// DeleteRequest names the key or the keys to delete.
type DeleteRequest struct {
	Key       string   `json:"key,omitempty" jsonschema:"the key to delete, if it is one"`
	Keys      []string `json:"keys,omitempty" min:"1" max:"1000" jsonschema:"the keys to delete, if they are several"`
	IfVersion *uint64  `json:"if_version,omitempty" jsonschema:"only if the key has this version; conflict otherwise; one key only"`
}

// Resources are the keys.
func (r *DeleteRequest) Resources() []auth.Resource { return names(r.keys()) }

func (r *DeleteRequest) keys() []string {
	if r.Key != "" {
		return []string{r.Key}
	}
	return r.Keys
}

// Validate wants one key or several, and a version for one only.
func (r *DeleteRequest) Validate() error {
	switch {
	case r.Key == "" && len(r.Keys) == 0:
		return fault.New(fault.Invalid, `"key" or "keys" is required`).With("field", "keys")
	case r.Key != "" && len(r.Keys) != 0:
		return fault.New(fault.Invalid, "give either key or keys")
	case r.IfVersion != nil && len(r.keys()) != 1:
		return fault.New(fault.Invalid, "if_version is of one key, and %d keys were given", len(r.Keys)).With("field", "if_version")
	}
	return nil
}

// DeleteResponse sorts the keys that were to be deleted.
type DeleteResponse struct {
	command.Receipt
	Deleted []string `json:"deleted" jsonschema:"those that existed and are gone"`
	Missing []string `json:"missing" jsonschema:"those that did not exist"`
}

func (s *Store) delete(_ context.Context, tx *command.Tx, r *DeleteRequest) (DeleteResponse, error) {
	resp := DeleteResponse{Deleted: []string{}, Missing: []string{}}
	keys := r.keys()
	if err := s.checkKeys(keys); err != nil {
		return resp, err
	}
	if len(keys) > 1 {
		keys = distinct(keys)
	}
	t, set := s.writing(), s.shardsOf(keys...)
	t.lock(set)
	defer t.unlock(set)
	var ops []journal.Op
	for _, key := range keys {
		it := t[s.place(key)].current(tx, key)
		if r.IfVersion != nil {
			if err := checkVersion(key, it, *r.IfVersion); err != nil {
				return resp, err
			}
		}
		if it == nil {
			resp.Missing = append(resp.Missing, key)
			continue
		}
		resp.Deleted = append(resp.Deleted, key)
		ops = append(ops, &remove{key: key, cause: deleted})
	}
	_, err := tx.CommitAll(ops)
	return resp, err
}

// distinct returns the keys without repetitions, in order.
func distinct(keys []string) []string {
	seen := make(map[string]bool, len(keys))
	once := make([]string, 0, len(keys))
	for _, key := range keys {
		if !seen[key] {
			seen[key] = true
			once = append(once, key)
		}
	}
	return once
}
