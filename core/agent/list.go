package agent

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// ListRequest asks which agents there are.
type ListRequest struct {
	Prefix string `json:"prefix,omitempty" max:"256" jsonschema:"only agents whose names begin so"`
	Cursor string `json:"cursor,omitempty" max:"256" jsonschema:"next_cursor of the page before"`
	Limit  int    `json:"limit,omitempty" default:"100" min:"1" max:"1000" jsonschema:"at most so many"`
}

// Resource is everything under the prefix.
func (r *ListRequest) Resource() auth.Resource {
	return auth.Resource{Structure: structureName, Name: r.Prefix, Match: auth.Prefix}
}

// ListResponse is a page of agents, by name.
type ListResponse struct {
	Items      []Line `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

// Line is one agent of a page.
type Line struct {
	Name   string `json:"name"`
	Unread int    `json:"unread" jsonschema:"how many messages wait for it"`
	SeenAt int64  `json:"seen_at,omitempty" jsonschema:"when it was last here, to the minute, in Unix milliseconds; absent when it never was"`
}

func (s *Agents) list(_ context.Context, r *ListRequest) (resp ListResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	resp.Items, resp.NextCursor = command.Page(s.agents.Ascend, r.Prefix, r.Cursor, r.Limit, func(name string, a *agent) Line {
		return Line{Name: name, Unread: a.inbox.Len(), SeenAt: a.seen}
	})
	return resp, nil
}

// ForgetRequest names an agent.
type ForgetRequest struct {
	Agent        string `json:"agent" max:"256" jsonschema:"the agent's name"`
	MessagesOnly bool   `json:"messages_only,omitempty" jsonschema:"drop what waits for it, and keep the agent"`
}

// Resource is the agent.
func (r *ForgetRequest) Resource() auth.Resource { return auth.Name(structureName, r.Agent) }

// ForgetResponse says what was dropped.
type ForgetResponse struct {
	Found    bool `json:"found" jsonschema:"whether there was such an agent"`
	Messages int  `json:"messages" jsonschema:"how many unread messages were dropped"`
	command.Receipt
}

func (s *Agents) forget(_ context.Context, tx *command.Tx, r *ForgetRequest) (ForgetResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.agents.Get(r.Agent)
	if !ok {
		return ForgetResponse{}, nil
	}
	resp := ForgetResponse{Found: true, Messages: a.inbox.Len()}
	if r.MessagesOnly && resp.Messages == 0 {
		return resp, nil
	}
	_, err := tx.Commit(&forgetOp{agent: r.Agent, keep: r.MessagesOnly})
	return resp, err
}
