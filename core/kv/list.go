package kv

import (
	"context"
	"encoding/base64"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// Limits of one page of a listing.
const (
	maxScanned     = 20_000  // keys looked at for a pattern, so that writers wait for milliseconds at most
	previewBytes   = 120     // of a value's beginning
	listedBytes    = 64      // about what an item costs besides its key and value
	maxCursorBytes = 1 << 17 // of a cursor; the longest key makes one that fits
)

// ListRequest asks for keys in order, a page at a time.
type ListRequest struct {
	Selection
	Values   string `json:"values,omitempty" enum:"none,preview,full" default:"none" jsonschema:"what to show of the values: none, preview for the first 120 bytes of text and JSON, or full"`
	Limit    int    `json:"limit,omitempty" min:"1" max:"1000" default:"100" jsonschema:"how many keys a page has at most"`
	MaxBytes int    `json:"max_bytes,omitempty" min:"1024" max:"67108864" default:"4194304" jsonschema:"end the page early when its keys and values come to about so many bytes"`
	Cursor   string `json:"cursor,omitempty" jsonschema:"next_cursor of the page before, with everything else the same"`
}

// Validate refuses a pattern or a cursor that cannot be read.
func (r *ListRequest) Validate() error {
	q, err := r.compile()
	if err != nil {
		return err
	}
	_, err = r.after(q.span)
	return err
}

// after is the span that the cursor leaves.
func (r *ListRequest) after(p span) (span, error) {
	if r.Cursor == "" {
		return p, nil
	}
	key, err := readCursor(r.Cursor)
	if err != nil {
		return p, err
	}
	if !p.has(key) {
		return p, fault.New(fault.Invalid, "the cursor belongs to another listing: leave it out to begin anew").With("field", "cursor")
	}
	p.start = key + "\x00" // the least key after it
	return p, nil
}

// ListResponse is a page of keys.
type ListResponse struct {
	Items      []ListItem `json:"items" jsonschema:"the keys, in bytewise order"`
	Total      *int64     `json:"total,omitempty" jsonschema:"how many keys there are on all pages; on the first page only, and not with a glob that has to look at each key"`
	NextCursor string     `json:"next_cursor,omitempty" jsonschema:"pass this as cursor for the next page, even if this one is empty; absent on the last page"`
}

// ListItem is one key of a page.
type ListItem struct {
	Key     string      `json:"key"`
	Kind    string      `json:"kind" jsonschema:"text, json or bytes"`
	Size    int         `json:"size" jsonschema:"the value's length in bytes"`
	Version uint64      `json:"version" jsonschema:"the write that last changed the key"`
	TTL     int64       `json:"ttl,omitempty" jsonschema:"seconds until the key expires, rounded up; absent when it does not"`
	TTLMS   int64       `json:"ttl_ms,omitempty" jsonschema:"the same in milliseconds"`
	Preview string      `json:"preview,omitempty" jsonschema:"how the value begins; bytes have no preview"`
	Value   value.Value `json:"value,omitzero" jsonschema:"the whole value"`
}

func (s *Store) list(_ context.Context, r *ListRequest) (ListResponse, error) {
	resp := ListResponse{Items: []ListItem{}}
	q, err := r.compile()
	if err != nil {
		return resp, err
	}
	whole := q.span
	if q.span, err = r.after(whole); err != nil {
		return resp, err
	}
	t := s.ordered(s.reading())
	t.rlock(allShards)
	defer t.runlock(allShards)
	now := s.env.Clock.Now()
	if q.glob == nil && r.Cursor == "" {
		total := t.count(whole, now)
		resp.Total = &total
	}
	resp.fill(t, q, r, now)
	return resp, nil
}

// fill adds items until the page is full, and the cursor if something is left.
func (resp *ListResponse) fill(t *table, q query, r *ListRequest, now int64) {
	bytes, scanned, last := 0, 0, ""
	t.scan(q.span, func(it *item) bool {
		if it.dead(now) {
			return true
		}
		if scanned == maxScanned || len(resp.Items) == r.Limit || bytes >= r.MaxBytes {
			resp.NextCursor = cursorAfter(last)
			return false
		}
		scanned++
		if q.glob != nil && !q.glob.matches(it.key) {
			last = it.key
			return true
		}
		item, size := listed(it, r.Values, now)
		if bytes += size; bytes > r.MaxBytes && len(resp.Items) > 0 {
			resp.NextCursor = cursorAfter(last)
			return false
		}
		resp.Items = append(resp.Items, item)
		last = it.key
		return true
	})
}

// listed returns an item as it is shown, and about how long that is.
func listed(it *item, values string, now int64) (li ListItem, size int) {
	li = ListItem{Key: it.key, Kind: it.value.Kind().String(), Size: it.value.Len(), Version: it.version}
	if it.expires != 0 {
		li.TTLMS = it.expires - now
		li.TTL = seconds(li.TTLMS)
	}
	size = listedBytes + len(it.key)
	switch values {
	case "preview":
		li.Preview = preview(it.value)
		size += len(li.Preview)
	case "full":
		li.Value = it.value
		size += it.value.Len()
	}
	return li, size
}

// preview is how a value begins.
func preview(v value.Value) string {
	data := v.Data()
	switch {
	case v.Kind() == value.Bytes:
		return ""
	case len(data) <= previewBytes:
		return data
	}
	return data[:boundary(data, previewBytes)] + "…"
}

// cursorVersion begins every cursor, so that a later layout can tell its own from these.
const cursorVersion = 1

// cursorAfter returns the cursor of the page that begins after the key. It says where to go on and nothing
// about what is there, so that keys may come and go.
func cursorAfter(key string) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{cursorVersion}, key...))
}

func readCursor(cursor string) (key string, err error) {
	if len(cursor) <= maxCursorBytes {
		if b, err := base64.RawURLEncoding.DecodeString(cursor); err == nil && len(b) > 1 && b[0] == cursorVersion {
			return string(b[1:]), nil
		}
	}
	return "", fault.New(fault.Invalid, "the cursor cannot be read: pass next_cursor of the page before, or none").With("field", "cursor")
}
