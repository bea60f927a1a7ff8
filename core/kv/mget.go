package kv

import (
	"context"
	"slices"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// leastShare is how many bytes of every value are answered however small the budget: enough for any character.
const leastShare = 16

// MGetRequest names the keys to read and how much of them.
type MGetRequest struct {
	Keys     []string `json:"keys" min:"1" max:"1000" jsonschema:"the keys to read"`
	Offset   int64    `json:"offset,omitempty" min:"0" jsonschema:"byte offset into the value, for reading on where it was cut; one key only"`
	MaxBytes int64    `json:"max_bytes,omitempty" min:"1024" jsonschema:"how many bytes of values to answer in all: the longest are cut, and bytes count double; absent cuts nothing"`
}

// Resources are the keys.
func (r *MGetRequest) Resources() []auth.Resource { return names(r.Keys) }

// Validate refuses an offset into several values.
func (r *MGetRequest) Validate() error {
	if r.Offset != 0 && len(r.Keys) > 1 {
		return fault.New(fault.Invalid, "an offset is into one value, and %d keys were given", len(r.Keys)).With("field", "offset")
	}
	return nil
}

// MGetResponse is what the keys hold.
type MGetResponse struct {
	Items []GotItem `json:"items" jsonschema:"one for each key, in the order asked for"`
}

// GotItem is what one key holds.
type GotItem struct {
	Key        string      `json:"key"`
	Found      bool        `json:"found" jsonschema:"false when there is no such key"`
	Value      value.Value `json:"value,omitzero" jsonschema:"what the key holds; a cut value is text or bytes, even when the whole is JSON"`
	Version    uint64      `json:"version,omitempty" jsonschema:"the write that last changed the key"`
	TTL        int64       `json:"ttl,omitempty" jsonschema:"seconds until the key expires, rounded up; absent when it does not"`
	TTLMS      int64       `json:"ttl_ms,omitempty" jsonschema:"the same in milliseconds"`
	Size       int         `json:"size,omitempty" jsonschema:"the whole value's length in bytes"`
	NextOffset int64       `json:"next_offset,omitempty" jsonschema:"the value was cut: pass this as offset to read on"`
}

func (s *Store) mget(_ context.Context, r *MGetRequest) (MGetResponse, error) {
	resp := MGetResponse{Items: make([]GotItem, len(r.Keys))}
	if err := s.checkKeys(r.Keys); err != nil {
		return resp, err
	}
	s.snapshot(r.Keys, resp.Items)
	most := share(resp.Items, r.Offset, r.MaxBytes)
	for i := range resp.Items {
		if err := resp.Items[i].cut(r.Offset, most); err != nil {
			return resp, err
		}
	}
	return resp, nil
}

// snapshot fills the items with what the keys hold at one moment.
func (s *Store) snapshot(keys []string, items []GotItem) {
	t, set := s.reading(), s.shardsOf(keys...)
	t.rlock(set)
	defer t.runlock(set)
	for i, key := range keys {
		items[i].Key = key
		if it := t[s.place(key)].items[key]; s.live(it) {
			ms := s.ttl(it)
			items[i] = GotItem{
				Key: key, Found: true, Value: it.value, Version: it.version, TTLMS: ms, TTL: seconds(ms), Size: it.value.Len(),
			}
		}
	}
}

// cost is what the value's data from the offset counts against a budget: bytes are spelt in base64, which
// takes more room and reads worse.
func (g *GotItem) cost(offset int64) int64 {
	n := max(0, int64(g.Size)-offset)
	if g.Value.Kind() == value.Bytes {
		n *= 2
	}
	return n
}

// share returns how much each value may cost so that together they keep to the budget: small values are whole
// and the long ones get equal parts of what is left. 0 is no limit.
func share(items []GotItem, offset, budget int64) int64 {
	if budget == 0 {
		return 0
	}
	costs := make([]int64, len(items))
	for i := range items {
		costs[i] = items[i].cost(offset)
	}
	slices.Sort(costs)
	for i, cost := range costs {
		equal := budget / int64(len(costs)-i)
		if cost > equal {
			return max(equal, leastShare)
		}
		budget -= cost
	}
	return 0
}

// cut leaves of the value what begins at the offset and costs no more than most.
func (g *GotItem) cut(offset, most int64) error {
	if !g.Found || (offset == 0 && (most == 0 || g.cost(0) <= most)) {
		return nil
	}
	data, kind := g.Value.Data(), g.Value.Kind()
	switch {
	case offset > int64(len(data)):
		return fault.New(fault.OutOfRange, "offset %d is past the end of the value, which has %d bytes", offset, len(data)).
			With("field", "offset").With("size", len(data))
	case kind != value.Bytes && offset < int64(len(data)) && !utf8.RuneStart(data[offset]):
		return fault.New(fault.Invalid, "offset %d is inside a character: pass next_offset of the answer before", offset).
			With("field", "offset")
	}
	whole := g.cost(offset)
	data = data[offset:]
	if most != 0 && whole > most {
		n := int(most)
		if kind == value.Bytes {
			n = int(most / 2)
		} else {
			n = boundary(data, n)
		}
		data = data[:n]
		g.NextOffset = offset + int64(n)
	}
	if kind == value.JSON {
		kind = value.Text
	}
	g.Value = value.Restore(kind, data)
	return nil
}

// boundary returns the last place at or before n where a character of the text begins.
func boundary(text string, n int) int {
	for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}
