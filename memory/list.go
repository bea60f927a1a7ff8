package memory

import (
	"context"
	"strconv"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// maxScanned is how many memories one page looks at for a filter, so that writers wait for milliseconds at most.
const maxScanned = 20_000

// IDRequest names a memory.
type IDRequest struct {
	ID string `json:"id" jsonschema:"the memory's id, such as default:17"`
}

// Resource is the memory's collection.
func (r *IDRequest) Resource() auth.Resource { return resourceOf(r.ID) }

// Validate refuses what cannot be an id.
func (r *IDRequest) Validate() error {
	_, _, err := parseID(r.ID)
	return err
}

// resourceOf is what permission is asked for a memory: its collection, which its id begins with.
func resourceOf(id string) auth.Resource {
	collection, _, _ := strings.Cut(id, "\x00")
	if at := strings.LastIndexByte(id, ':'); at >= 0 {
		collection = id[:at]
	}
	return auth.Name("memory", collection)
}

func resourcesOf(ids []string) []auth.Resource {
	list := make([]auth.Resource, len(ids))
	for i, id := range ids {
		list[i] = resourceOf(id)
	}
	return list
}

// GetResponse is a memory, if there is one.
type GetResponse struct {
	Found  bool    `json:"found" jsonschema:"whether there is a memory of that id"`
	Memory *Memory `json:"memory,omitempty"`
}

func (s *Memories) get(_ context.Context, r *IDRequest) (GetResponse, error) {
	collection, number, err := parseID(r.ID)
	if err != nil {
		return GetResponse{}, err
	}
	s.mu.RLock()
	it := s.find(collection, number, s.now())
	s.mu.RUnlock()
	if it == nil {
		return GetResponse{}, nil
	}
	m := show(it)
	return GetResponse{true, &m}, nil
}

// ListRequest asks for memories by id, or for a page of a collection.
type ListRequest struct {
	IDs        []string `json:"ids,omitempty" max:"100" jsonschema:"these memories; a collection, a filter and a cursor mean nothing then"`
	Collection string   `json:"collection,omitempty" default:"default" max:"128" jsonschema:"or those of this collection, the newest first"`
	Filter     Fields   `json:"filter,omitempty" jsonschema:"only those with such metadata, as in memory.search"`
	Limit      int      `json:"limit,omitempty" min:"1" max:"1000" default:"100" jsonschema:"at most so many a page"`
	Cursor     string   `json:"cursor,omitempty" max:"32" jsonschema:"next_cursor of the page before, with everything else the same"`
	MaxBytes   int      `json:"max_bytes,omitempty" min:"1024" max:"16777216" default:"4194304" jsonschema:"end the page early when it comes to about so many bytes"`
}

// Resources are the collections.
func (r *ListRequest) Resources() []auth.Resource {
	if len(r.IDs) > 0 {
		return resourcesOf(r.IDs)
	}
	return []auth.Resource{auth.Name("memory", r.Collection)}
}

// Validate refuses ids, filters and cursors that mean nothing.
func (r *ListRequest) Validate() error {
	for i, id := range r.IDs {
		if _, _, err := parseID(id); err != nil {
			return fault.From(err).With("index", i)
		}
	}
	if _, err := compileFilter(r.Filter); err != nil {
		return err
	}
	if _, err := r.before(); err != nil {
		return err
	}
	return checkCollection(r.Collection)
}

// before is the number that the page begins below; 0 for the first page.
func (r *ListRequest) before() (uint64, error) {
	if r.Cursor == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(r.Cursor, 10, 64)
	if err != nil || n == 0 {
		return 0, fault.New(fault.Invalid, "the cursor cannot be read: pass next_cursor of the page before, or none").With("field", "cursor")
	}
	return n, nil
}

// ListResponse is a page of memories.
type ListResponse struct {
	Items      []Memory `json:"items"`
	Missing    []string `json:"missing,omitempty" jsonschema:"ids of which there is no memory"`
	Total      *int     `json:"total,omitempty" jsonschema:"how many the collection has; on the first page only, and not with a filter"`
	NextCursor string   `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page, even if this one is empty; absent on the last one"`
}

func (s *Memories) list(_ context.Context, r *ListRequest) (ListResponse, error) {
	resp := ListResponse{Items: []Memory{}}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(r.IDs) > 0 {
		return resp, s.listed(&resp, r)
	}
	f, err := compileFilter(r.Filter)
	if err != nil {
		return resp, err
	}
	before, err := r.before()
	if err != nil {
		return resp, err
	}
	c, ok := s.collections.Get(r.Collection)
	if !ok {
		zero := 0
		resp.Total = &zero
		return resp, nil
	}
	if before == 0 && len(f) == 0 {
		n := c.numbers.Len()
		resp.Total = &n
	}
	s.page(&resp, c, r, f, before)
	return resp, nil
}

// listed adds the memories that were named.
func (s *Memories) listed(resp *ListResponse, r *ListRequest) error {
	now, size := s.now(), 0
	for _, id := range r.IDs {
		collection, number, err := parseID(id)
		if err != nil {
			return err
		}
		it := s.find(collection, number, now)
		if it == nil {
			resp.Missing = append(resp.Missing, id)
			continue
		}
		m := show(it)
		if size += m.bytes(); size > r.MaxBytes && len(resp.Items) > 0 {
			// The rest is as short as it can be: whoever wants more names fewer.
			m.shorten()
		}
		resp.Items = append(resp.Items, m)
	}
	return nil
}

// page adds memories, the newest first, until the page is full.
func (s *Memories) page(resp *ListResponse, c *collection, r *ListRequest, f filter, before uint64) {
	h := s.hunt(c, f, 0)
	size, scanned, last := 0, 0, before
	visit := func(number uint64, it *item) bool {
		if before != 0 && number >= before {
			return true
		}
		if scanned == maxScanned || len(resp.Items) == r.Limit || size >= r.MaxBytes {
			resp.NextCursor = strconv.FormatUint(last, 10)
			return false
		}
		scanned++
		last = number
		if h.keep(it.slot) {
			m := show(it)
			size += m.bytes()
			resp.Items = append(resp.Items, m)
		}
		return true
	}
	if before == 0 {
		c.numbers.Reverse(visit)
	} else {
		c.numbers.Descend(before, visit)
	}
}

// CollectionsRequest asks which collections there are.
type CollectionsRequest struct {
	Prefix string `json:"prefix,omitempty" max:"128" jsonschema:"only names that begin so"`
	Limit  int    `json:"limit,omitempty" min:"1" max:"1000" default:"100" jsonschema:"at most so many a page"`
	Cursor string `json:"cursor,omitempty" max:"128" jsonschema:"next_cursor of the page before"`
}

// Resource is every collection with the prefix.
func (r *CollectionsRequest) Resource() auth.Resource {
	return auth.Resource{Structure: "memory", Name: r.Prefix, Match: auth.Prefix}
}

// CollectionsResponse is a page of collections, by name.
type CollectionsResponse struct {
	Items      []CollectionInfo `json:"items"`
	NextCursor string           `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

// CollectionInfo is a collection in numbers.
type CollectionInfo struct {
	Name     string `json:"name"`
	Memories int    `json:"memories" jsonschema:"how many memories it has"`
	Words    int    `json:"words" jsonschema:"how many different words they have"`
}

func (s *Memories) names(_ context.Context, r *CollectionsRequest) (CollectionsResponse, error) {
	resp := CollectionsResponse{Items: []CollectionInfo{}}
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.collections.Ascend(max(r.Prefix, r.Cursor), func(name string, c *collection) bool {
		switch {
		case r.Cursor != "" && name <= r.Cursor:
			return true
		case !strings.HasPrefix(name, r.Prefix):
			return name < r.Prefix
		case len(resp.Items) == r.Limit:
			resp.NextCursor = resp.Items[r.Limit-1].Name
			return false
		}
		resp.Items = append(resp.Items, CollectionInfo{name, c.numbers.Len(), c.words.Words()})
		return true
	})
	return resp, nil
}
