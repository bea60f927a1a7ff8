package kv

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/value"
)

// KeyRequest names one key.
type KeyRequest struct {
	Key string `json:"key" jsonschema:"the key"`
}

// Resource is the key.
func (r *KeyRequest) Resource() auth.Resource { return auth.Name(structureName, r.Key) }

// GetRequest names the key to read.
type GetRequest struct{ KeyRequest }

// GetResponse is what the key holds.
type GetResponse struct {
	Found   bool        `json:"found" jsonschema:"false when there is no such key"`
	Value   value.Value `json:"value,omitzero" jsonschema:"what the key holds"`
	Version uint64      `json:"version,omitempty" jsonschema:"the write that last changed the key"`
	TTLMS   int64       `json:"ttl_ms,omitempty" jsonschema:"milliseconds until the key expires; absent when it does not"`
}

// Raw is the value alone, for a door that answers with it and nothing else.
func (r *GetResponse) Raw() (v value.Value, found bool, version uint64) {
	return r.Value, r.Found, r.Version
}

func (s *Store) get(_ context.Context, r *GetRequest) (resp GetResponse, err error) {
	if len(r.Key)-1 >= s.max.MaxKeyBytes || r.Key == "" {
		return resp, s.checkKey(r.Key)
	}
	// A key that is not UTF-8 is not looked at for that: it cannot be there.
	sh := &s.reading()[s.place(r.Key)]
	sh.mu.RLock()
	if it := sh.items[r.Key]; s.live(it) {
		resp = GetResponse{Found: true, Value: it.value, Version: it.version, TTLMS: s.ttl(it)}
	}
	sh.mu.RUnlock()
	return resp, nil
}

// peek calls f with the live item under the key, if there is one, with the key's shard locked for reading.
func (s *Store) peek(key string, f func(*item)) error {
	if err := s.checkKey(key); err != nil {
		return err
	}
	sh := &s.reading()[s.place(key)]
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if it := sh.items[key]; s.live(it) {
		f(it)
	}
	return nil
}

// ExistsRequest names the keys to look for.
type ExistsRequest struct {
	Keys []string `json:"keys" min:"1" max:"1000" jsonschema:"the keys to look for"`
}

// Resources are the keys.
func (r *ExistsRequest) Resources() []auth.Resource { return names(r.Keys) }

func names(keys []string) []auth.Resource {
	all := make([]auth.Resource, len(keys))
	for i, key := range keys {
		all[i] = auth.Name(structureName, key)
	}
	return all
}

// ExistsResponse sorts the keys that were asked for.
type ExistsResponse struct {
	Existing []string `json:"existing" jsonschema:"those that exist, in the order asked for"`
	Missing  []string `json:"missing" jsonschema:"those that do not"`
}

func (s *Store) exists(_ context.Context, r *ExistsRequest) (resp ExistsResponse, err error) {
	resp = ExistsResponse{Existing: []string{}, Missing: []string{}}
	if err := s.checkKeys(r.Keys); err != nil {
		return resp, err
	}
	t, set := s.reading(), s.shardsOf(r.Keys...)
	t.rlock(set)
	defer t.runlock(set)
	for _, key := range r.Keys {
		if s.live(t[s.place(key)].items[key]) {
			resp.Existing = append(resp.Existing, key)
		} else {
			resp.Missing = append(resp.Missing, key)
		}
	}
	return resp, nil
}

// LengthRequest names the key to measure.
type LengthRequest struct{ KeyRequest }

// LengthResponse is how long the key's value is.
type LengthResponse struct {
	Found  bool `json:"found" jsonschema:"false when there is no such key"`
	Length int  `json:"length" jsonschema:"the value's length in bytes; 0 when there is no such key"`
}

func (s *Store) length(_ context.Context, r *LengthRequest) (resp LengthResponse, err error) {
	err = s.peek(r.Key, func(it *item) {
		resp = LengthResponse{Found: true, Length: it.value.Len()}
	})
	return resp, err
}

// GetRangeRequest names a key and a part of its value.
type GetRangeRequest struct {
	KeyRequest
	Start int64  `json:"start,omitempty" jsonschema:"the first byte; negative counts from the end"`
	End   *int64 `json:"end,omitempty" jsonschema:"the last byte, inclusive; negative counts from the end; absent is the last one"`
}

// GetRangeResponse is a part of a value.
type GetRangeResponse struct {
	Found   bool        `json:"found" jsonschema:"false when there is no such key"`
	Value   value.Value `json:"value,omitzero" jsonschema:"the part: bytes of bytes, else text, or bytes if it cuts a character"`
	Size    int         `json:"size" jsonschema:"the whole value's length in bytes"`
	Version uint64      `json:"version,omitempty" jsonschema:"the write that last changed the key"`
}

func (s *Store) getRange(_ context.Context, r *GetRangeRequest) (resp GetRangeResponse, err error) {
	end := int64(-1)
	if r.End != nil {
		end = *r.End
	}
	err = s.peek(r.Key, func(it *item) {
		data := it.value.Data()
		from, to := clampRange(r.Start, end, int64(len(data)))
		part := data[from:to]
		resp = GetRangeResponse{Found: true, Value: value.OfText(part), Size: len(data), Version: it.version}
		if it.value.Kind() == value.Bytes {
			resp.Value = value.Restore(value.Bytes, part)
		}
	})
	return resp, err
}

// clampRange turns inclusive bounds, negative from the end, into a half-open range within the size.
func clampRange(start, end, size int64) (from, to int64) {
	if start < 0 {
		start = max(0, start+size)
	}
	if end < 0 {
		end += size
	}
	to = min(end, size-1) + 1
	if start >= to {
		return 0, 0
	}
	return start, to
}
