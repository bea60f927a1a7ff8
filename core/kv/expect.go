package kv

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/value"
)

// condition lets a transaction depend on a key.
var condition = &command.Condition{Check: "kv.check", Field: "key", Marks: []string{"version"}}

// checking declares the command that makes a condition of a key.
func checking() *command.Command {
	return command.Read(command.Info{
		Name: "kv.check", Op: 0x0118, Args: "key",
		Summary: "Check that a key is as you expect: conflict if it is not.",
		Doc: "This is how a transaction depends on a key: a condition of txn.exec is a request of this command. Text and bytes are equal when " +
			"their kind and their bytes are. JSON is compared by value: the order of members does not matter, and numbers are compared as " +
			"they are written, so that 1 and 1.0 differ.",
	}, (*Store).expect)
}

// CheckRequest says what is expected of a key. What is not given is not checked.
type CheckRequest struct {
	KeyRequest
	Version *uint64     `json:"version,omitempty" jsonschema:"the key has this version, 0 for a key that does not exist"`
	Exists  *bool       `json:"exists,omitempty" jsonschema:"whether the key exists"`
	Value   value.Value `json:"value,omitzero" jsonschema:"the key holds just this"`
}

// CheckResponse is what there is.
type CheckResponse struct {
	Exists  bool   `json:"exists" jsonschema:"whether the key exists"`
	Version uint64 `json:"version" jsonschema:"the write that last changed the key; 0 when it does not exist"`
}

func (s *Store) expect(_ context.Context, r *CheckRequest) (resp CheckResponse, err error) {
	var held value.Value
	err = s.peek(r.Key, func(it *item) {
		resp, held = CheckResponse{Exists: true, Version: it.version}, it.value
	})
	if err != nil {
		return resp, err
	}
	return resp, r.compare(resp, held)
}

// compare reports the first expectation that is not met.
func (r *CheckRequest) compare(found CheckResponse, held value.Value) error {
	is := "does not exist"
	if found.Exists {
		is = "exists"
	}
	switch {
	case r.Exists != nil && *r.Exists != found.Exists:
		return command.Unmet("exists", *r.Exists, found.Exists, "key %q %s", clip(r.Key), is)
	case r.Version != nil && *r.Version != found.Version && found.Exists:
		return command.Unmet("version", *r.Version, found.Version, "key %q has version %d; version %d was expected",
			clip(r.Key), found.Version, *r.Version)
	case r.Version != nil && *r.Version != found.Version:
		return command.Unmet("version", *r.Version, found.Version, "key %q does not exist; version %d was expected", clip(r.Key), *r.Version)
	case !r.Value.IsZero() && !found.Exists:
		return command.Unmet("value", shown(r.Value), nil, "key %q does not exist; a value was expected", clip(r.Key))
	case !r.Value.IsZero() && !equal(r.Value, held):
		return command.Unmet("value", shown(r.Value), shown(held), "key %q holds another value, under version %d",
			clip(r.Key), found.Version)
	}
	return nil
}

// equal reports whether two values are the same.
func equal(a, b value.Value) bool {
	if a == b {
		return true
	}
	return a.Kind() == value.JSON && b.Kind() == value.JSON && reflect.DeepEqual(parsed(a), parsed(b))
}

// parsed is JSON with its numbers as they are written.
func parsed(v value.Value) (tree any) {
	dec := json.NewDecoder(strings.NewReader(v.Data()))
	dec.UseNumber()
	_ = dec.Decode(&tree) // a value's JSON is valid
	return tree
}

// shown is a value as an error shows it: whole if it is short, else its beginning.
func shown(v value.Value) any {
	const most = 200
	if v.Len() <= most {
		return v
	}
	if v.Kind() == value.Bytes {
		return fmt.Sprintf("%d bytes", v.Len())
	}
	return v.Data()[:boundary(v.Data(), most)] + "…"
}
