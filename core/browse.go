package core

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// kindNamespaces is the kind of things that the engine itself has.
const kindNamespaces = "namespaces"

// BrowseRequest asks what things of a kind there are.
type BrowseRequest struct {
	Kind   string `json:"kind" jsonschema:"what to list: agents, collections, keys, memories, namespaces, queues, streams or topics"`
	Prefix string `json:"prefix,omitempty" max:"512" jsonschema:"only names that begin so"`
	Limit  int    `json:"limit,omitempty" default:"50" min:"1" max:"200" jsonschema:"at most so many"`
	Cursor string `json:"cursor,omitempty" max:"1024" jsonschema:"next_cursor of the page before"`
}

// BrowseResponse is a page of things, by name.
type BrowseResponse struct {
	Items      []Thing `json:"items"`
	NextCursor string  `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

// Thing is a queue, a room, a topic.
type Thing struct {
	Name   string                 `json:"name"`
	URI    string                 `json:"uri" jsonschema:"its address"`
	Counts map[string]json.Number `json:"counts,omitempty" jsonschema:"what is in it, in numbers"`
}

// browse runs the command that lists the things, for its own caller, and keeps of each its name and its numbers.
func (s *server) browse(ctx context.Context, r *BrowseRequest) (BrowseResponse, error) {
	if r.Kind == kindNamespaces {
		return s.browseNamespaces(ctx, r), nil
	}
	kinds := []string{kindNamespaces}
	for _, st := range s.engine.table.Structures() {
		if st.Things == nil {
			continue
		}
		if st.Things.Kind == r.Kind {
			return s.browseThings(ctx, r, st.Things)
		}
		kinds = append(kinds, st.Things.Kind)
	}
	slices.Sort(kinds)
	return BrowseResponse{}, fault.New(fault.Invalid, "\"kind\": %q is none of %s", r.Kind, strings.Join(kinds, ", ")).
		With("field", "kind")
}

func (s *server) browseThings(ctx context.Context, r *BrowseRequest, things *command.Things) (BrowseResponse, error) {
	resp := BrowseResponse{Items: []Thing{}}
	list, err := s.engine.table.Find(things.List)
	if err != nil {
		return resp, err
	}
	page, err := json.Marshal(map[string]any{"prefix": r.Prefix, "cursor": r.Cursor, "limit": r.Limit})
	if err != nil {
		return resp, err
	}
	outer := command.CallOf(ctx)
	listed, err := s.engine.dispatcher.Do(ctx, &command.Request{
		Caller: outer.Caller, Namespace: outer.Namespace, Command: list, Payload: command.JSON(page),
	})
	if err != nil {
		return resp, err
	}
	text, err := json.Marshal(listed)
	if err != nil {
		return resp, err
	}
	var found struct {
		Items      []map[string]json.RawMessage `json:"items"`
		NextCursor string                       `json:"next_cursor"`
	}
	if err := json.Unmarshal(text, &found); err != nil {
		return resp, err
	}
	resp.NextCursor = found.NextCursor
	for _, item := range found.Items {
		resp.Items = append(resp.Items, thingOf(item, things))
	}
	return resp, nil
}

// thingOf keeps an item's name and its numbers.
func thingOf(item map[string]json.RawMessage, things *command.Things) Thing {
	var t Thing
	_ = json.Unmarshal(item[things.Name], &t.Name) // the table has seen that it is there; names are strings
	t.URI = things.Root() + url.PathEscape(t.Name)
	t.Counts = numbersOf(item)
	return t
}

// numbersOf keeps the fields that are numbers.
func numbersOf(item map[string]json.RawMessage) map[string]json.Number {
	numbers := map[string]json.Number{}
	for field, raw := range item {
		var n json.Number
		if raw[0] != '"' && raw[0] != 'n' && json.Unmarshal(raw, &n) == nil {
			numbers[field] = n
		}
	}
	return numbers
}

// fieldsOf takes a response apart.
func fieldsOf(response any) (fields map[string]json.RawMessage, err error) {
	text, err := json.Marshal(response)
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(text, &fields)
	return fields, err
}

// browseNamespaces lists the namespaces that the caller may select.
func (s *server) browseNamespaces(ctx context.Context, r *BrowseRequest) BrowseResponse {
	resp := BrowseResponse{Items: []Thing{}}
	caller := command.CallOf(ctx).Caller
	for _, space := range s.engine.Namespaces() {
		if _, err := caller.Select(space.Name); err != nil || !strings.HasPrefix(space.Name, r.Prefix) || space.Name <= r.Cursor {
			continue
		}
		if len(resp.Items) == r.Limit {
			resp.NextCursor = resp.Items[r.Limit-1].Name
			break
		}
		resp.Items = append(resp.Items, Thing{Name: space.Name, URI: "synap://namespace/" + space.Name})
	}
	return resp
}
