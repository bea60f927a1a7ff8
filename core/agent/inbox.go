package agent

import (
	"context"
	"strconv"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// LookRequest asks for what is in the caller's inbox.
type LookRequest struct {
	Limit    int    `json:"limit,omitempty" default:"10" min:"1" max:"1000" jsonschema:"at most so many messages"`
	MaxBytes int    `json:"max_bytes,omitempty" default:"1048576" min:"1" max:"16777216" jsonschema:"and at most so many bytes, but at least one message"`
	Thread   string `json:"thread,omitempty" max:"256" jsonschema:"only messages of this conversation"`
	After    string `json:"after,omitempty" max:"20" jsonschema:"only messages later than this message_id, to page through what stays unread"`
}

// Validate refuses numbers that are none.
func (r *LookRequest) Validate() error {
	if _, err := r.after(); err != nil {
		return fault.New(fault.Invalid, "%q is no message_id", clip(r.After)).With("field", "after")
	}
	return nil
}

func (r *LookRequest) after() (uint64, error) {
	if r.After == "" {
		return 0, nil
	}
	return strconv.ParseUint(r.After, 10, 64)
}

// InboxRequest asks for what is in the caller's inbox, and for more if there is nothing.
type InboxRequest struct {
	LookRequest
	Wait       int64 `json:"wait,omitempty" min:"0" max:"25" jsonschema:"how long to wait for the first message, in seconds"`
	WaitMS     int64 `json:"wait_ms,omitempty" min:"0" max:"25000" jsonschema:"the same in milliseconds"`
	KeepUnread bool  `json:"keep_unread,omitempty" jsonschema:"leave the messages unread"`
}

// Resource is the structure: whose inbox it is, the caller's credential says and not the request.
func (*InboxRequest) Resource() auth.Resource { return auth.Any(structureName) }

// LookResponse is what was in the inbox.
type LookResponse struct {
	Agent    string    `json:"agent" jsonschema:"your name, by which others write to you"`
	Messages []Message `json:"messages" jsonschema:"the messages, oldest first"`
	Unread   int       `json:"unread" jsonschema:"how many more wait, or with keep_unread, how many in all"`
}

// InboxResponse is LookResponse, of a write.
type InboxResponse struct {
	LookResponse
	command.Receipt
}

// Message is a message as its reader sees it.
type Message struct {
	MessageID string      `json:"message_id"`
	From      string      `json:"from" jsonschema:"who sent it"`
	Message   value.Value `json:"message"`
	Thread    string      `json:"thread,omitempty"`
	ReplyTo   string      `json:"reply_to,omitempty" jsonschema:"the message_id that it answers"`
	SentAt    int64       `json:"sent_at" jsonschema:"in Unix milliseconds"`
	Broadcast bool        `json:"broadcast,omitempty" jsonschema:"true when it went to everybody"`
}

func (s *Agents) look(ctx context.Context, r *LookRequest) (LookResponse, error) {
	name := command.CallOf(ctx).Caller.AgentName()
	s.mu.Lock()
	defer s.mu.Unlock()
	resp, _ := s.inboxOf(name, r)
	return resp, nil
}

// inboxOf is what is in the inbox, as asked, and the numbers of the messages.
func (s *Agents) inboxOf(name string, r *LookRequest) (resp LookResponse, ids []uint64) {
	resp = LookResponse{Agent: name, Messages: []Message{}}
	a, ok := s.agents.Get(name)
	if !ok {
		return resp, nil
	}
	resp.Unread = a.inbox.Len()
	after, _ := r.after() // Validate has seen that it can be read
	bytes := 0
	a.inbox.Ascend(after, func(id uint64, m *message) bool {
		if (r.After != "" && id <= after) || (r.Thread != "" && m.thread != r.Thread) {
			return true
		}
		if bytes += m.value.Len() + len(m.thread) + 128; len(ids) == r.Limit || (len(ids) > 0 && bytes > r.MaxBytes) {
			return false
		}
		resp.Messages = append(resp.Messages, m.shown())
		ids = append(ids, id)
		return true
	})
	return resp, ids
}

func (m *message) shown() Message {
	shown := Message{
		MessageID: formatID(m.id), From: m.from, Message: m.value, Thread: m.thread, SentAt: m.sent, Broadcast: m.all,
	}
	if m.replyTo != 0 {
		shown.ReplyTo = formatID(m.replyTo)
	}
	return shown
}

func (s *Agents) inbox(ctx context.Context, tx *command.Tx, r *InboxRequest) (InboxResponse, error) {
	name := tx.Caller().AgentName()
	wait := max(r.Wait*1000, r.WaitMS)
	until := tx.Now() + wait
	s.mu.Lock()
	defer func() { s.mu.Unlock() }() // a closure: the lock is let go of while waiting
	for {
		resp, err := s.read(tx, name, r)
		if err != nil || len(resp.Messages) > 0 || wait <= 0 {
			return resp, err
		}
		ready := s.park(name)
		s.mu.Unlock()
		called, err := command.Wait(ctx, ready, time.Duration(wait)*time.Millisecond)
		s.mu.Lock()
		s.unpark(name, ready)
		if err != nil {
			return resp, fault.From(err)
		}
		tx.Later()
		if wait = until - tx.Now(); !called {
			wait = 0 // one last look
		}
	}
}

// read takes what is there out of the inbox, and notes that the agent was here.
func (s *Agents) read(tx *command.Tx, name string, r *InboxRequest) (resp InboxResponse, err error) {
	var ids []uint64
	resp.LookResponse, ids = s.inboxOf(name, &r.LookRequest)
	var ops []journal.Op
	a, known := s.agents.Get(name)
	if !known {
		if ops, err = s.roomForAgents(1, nil); err != nil {
			return resp, err
		}
	}
	if !known || tx.Now()-a.seen >= seenMS {
		ops = append(ops, &seenOp{agent: name, at: tx.Now()})
	}
	if len(ids) > 0 && !r.KeepUnread {
		ops = append(ops, &readOp{agent: name, ids: ids})
		resp.Unread -= len(ids)
	}
	_, err = tx.CommitAll(ops)
	return resp, err
}
