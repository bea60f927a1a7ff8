package mcp

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// Bounds of one completion: what the protocol lets it answer, and how many names are looked at to find so many.
const (
	maxCompletions    = 100
	completionPage    = 1000
	maxCompletionPage = 5
)

// completer completes the arguments of prompts and the variables of addresses, with the names of what the caller may see.
// What cannot be completed has no completions; a completion is never an error.
type completer struct{ server *Server }

// CompletePromptArgument implements server.PromptCompletionProvider.
func (c completer) CompletePromptArgument(ctx context.Context, name string, argument mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	for _, p := range c.server.prompts {
		if p.Name != name {
			continue
		}
		for _, a := range p.Arguments {
			if a.Name == argument.Name && a.Complete != "" {
				return c.names(ctx, a.Complete, argument.Value), nil
			}
		}
	}
	return &mcp.Completion{Values: []string{}}, nil
}

// CompleteResourceArgument implements server.ResourceCompletionProvider.
func (c completer) CompleteResourceArgument(ctx context.Context, uri string, argument mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	for _, p := range c.server.pages.all {
		if p.uri != uri || len(p.path) == 0 || argument.Name != p.path[0] {
			continue
		}
		if p.things != nil {
			return c.names(ctx, p.things.Kind, argument.Value), nil
		}
		return c.commands(argument.Value), nil
	}
	return &mcp.Completion{Values: []string{}}, nil
}

// commands completes the name of a command.
func (c completer) commands(begun string) *mcp.Completion {
	var found completion
	for _, cmd := range c.server.catalog.table.Commands() {
		if strings.HasPrefix(cmd.Name, begun) && !found.add(cmd.Name) {
			break
		}
	}
	return found.answer()
}

// names completes the name of a thing of the kind, a level at a time where names have levels.
func (c completer) names(ctx context.Context, kind, begun string) *mcp.Completion {
	var found completion
	for _, st := range c.server.catalog.table.Structures() {
		if st.Things != nil && st.Things.Kind == kind {
			c.list(ctx, st.Things, begun, &found)
		}
	}
	return found.answer()
}

// list looks through the things that begin so.
func (c completer) list(ctx context.Context, things *command.Things, begun string, found *completion) {
	list, err := c.server.catalog.table.Find(things.List)
	if err != nil {
		return
	}
	cursor := ""
	for range maxCompletionPage {
		r, err := requestOf(auth.FromContext(ctx), list, map[string]any{"prefix": begun, "limit": completionPage, "cursor": cursor})
		if err != nil {
			return
		}
		resp, err := c.server.run(ctx, r)
		if err != nil {
			return // what the caller may not list is not completed
		}
		var page struct {
			Items      []map[string]json.RawMessage `json:"items"`
			NextCursor string                       `json:"next_cursor"`
		}
		text, err := encode(resp)
		if err != nil || json.Unmarshal(text, &page) != nil {
			return
		}
		for _, item := range page.Items {
			var name string
			if json.Unmarshal(item[things.Name], &name) == nil && !found.add(level(name, begun, things.Separator)) {
				return
			}
		}
		if cursor = page.NextCursor; cursor == "" {
			return
		}
	}
	found.more = true
}

// level cuts a name behind the next separator after what has been begun.
func level(name, begun, separator string) string {
	if separator == "" || len(name) <= len(begun) {
		return name
	}
	if head, _, deeper := strings.Cut(name[len(begun):], separator); deeper {
		return begun + head + separator
	}
	return name
}

// completion is what was found, in order and each once.
type completion struct {
	values []string
	more   bool
}

// add takes one in, and reports whether there is room for more.
func (c *completion) add(value string) bool {
	if n := len(c.values); n > 0 && c.values[n-1] == value {
		return true
	}
	if len(c.values) == maxCompletions {
		c.more = true
		return false
	}
	c.values = append(c.values, value)
	return true
}

func (c *completion) answer() *mcp.Completion {
	if c.values == nil {
		c.values = []string{}
	}
	answer := &mcp.Completion{Values: c.values, HasMore: c.more}
	if !c.more {
		answer.Total = len(c.values)
	}
	return answer
}
