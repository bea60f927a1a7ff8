package kv

import (
	"context"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// AppendRequest asks for data to be put after what a key holds.
type AppendRequest struct {
	Key   string      `json:"key" jsonschema:"the key to add to; it is made if it does not exist"`
	Value value.Value `json:"value" jsonschema:"what to put after what it holds"`
}

// Resource is the key.
func (r *AppendRequest) Resource() auth.Resource { return auth.Name(structureName, r.Key) }

// EditResponse says how long an edited value is.
type EditResponse struct {
	command.Receipt
	Length int `json:"length" jsonschema:"the value's length in bytes now"`
}

func (s *Store) append(_ context.Context, tx *command.Tx, r *AppendRequest) (EditResponse, error) {
	return s.edit(tx, r.Key, func(old value.Value) (value.Value, error) {
		if old.IsZero() {
			return r.Value, s.checkSize(int64(r.Value.Len()))
		}
		if err := s.checkSize(int64(old.Len()) + int64(r.Value.Len())); err != nil {
			return old, err
		}
		return joined(old, r.Value, old.Data()+r.Value.Data()), nil
	})
}

// SetRangeRequest asks for a part of a value to be overwritten.
type SetRangeRequest struct {
	Key    string      `json:"key" jsonschema:"the key to change; it is made if it does not exist"`
	Offset int64       `json:"offset,omitempty" min:"0" jsonschema:"the first byte to overwrite; zero bytes fill what lies between the end and there"`
	Value  value.Value `json:"value" jsonschema:"what to write there"`
}

// Resource is the key.
func (r *SetRangeRequest) Resource() auth.Resource { return auth.Name(structureName, r.Key) }

func (s *Store) setRange(_ context.Context, tx *command.Tx, r *SetRangeRequest) (EditResponse, error) {
	return s.edit(tx, r.Key, func(old value.Value) (value.Value, error) {
		if r.Offset > int64(s.max.MaxValueBytes) {
			return old, fault.New(fault.TooLarge, "offset %d is past the longest value, %d bytes", r.Offset, s.max.MaxValueBytes).
				With("limit", s.max.MaxValueBytes)
		}
		if old.IsZero() && r.Offset == 0 {
			return r.Value, s.checkSize(int64(r.Value.Len()))
		}
		end := int(r.Offset) + r.Value.Len()
		if err := s.checkSize(int64(max(end, old.Len()))); err != nil {
			return old, err
		}
		return joined(old, r.Value, overwrite(old.Data(), int(r.Offset), r.Value.Data())), nil
	})
}

// overwrite returns data with the part from the offset on replaced.
func overwrite(data string, offset int, part string) string {
	var b strings.Builder
	b.Grow(max(len(data), offset+len(part)))
	b.WriteString(data[:min(offset, len(data))])
	for b.Len() < offset {
		b.WriteByte(0)
	}
	b.WriteString(part)
	if rest := offset + len(part); rest < len(data) {
		b.WriteString(data[rest:])
	}
	return b.String()
}

// joined is the value of data made of two values: bytes if one of them is, else text if it is UTF-8. JSON that
// was edited as bytes is text, because nobody says that it is JSON still.
func joined(a, b value.Value, data string) value.Value {
	if a.Kind() == value.Bytes || b.Kind() == value.Bytes {
		return value.Restore(value.Bytes, data)
	}
	return value.OfText(data)
}

// edit replaces a key's value by what change makes of it, and keeps its deadline. change gets no value at all
// when there is no key.
func (s *Store) edit(tx *command.Tx, key string, change func(old value.Value) (value.Value, error)) (resp EditResponse, err error) {
	if err := s.checkKey(key); err != nil {
		return resp, err
	}
	sh := &s.writing()[s.place(key)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	op := &put{key: key}
	var old value.Value
	if it := sh.current(tx, key); it != nil {
		old, op.expires = it.value, it.expires
	}
	if op.value, err = change(old); err != nil {
		return resp, err
	}
	resp.Length = op.value.Len()
	_, err = tx.Commit(op)
	return resp, err
}
