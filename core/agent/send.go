package agent

import (
	"context"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// everybody is to whom a broadcast goes.
const everybody = "*"

const (
	maxNameBytes   = 256
	maxThreadBytes = 256
	maxFullNamed   = 10 // how many full inboxes an answer names
)

// checkName refuses what no agent is called.
func checkName(name string) error {
	if name == "" || name == everybody || len(name) > maxNameBytes || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return fault.New(fault.Invalid, "%q is no agent's name: it is 1 to %d bytes of printable text, and not *", clip(name), maxNameBytes)
	}
	return nil
}

// clip shortens what a caller sent before it is repeated.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// SendRequest is a message to others.
type SendRequest struct {
	To       string      `json:"to" jsonschema:"the agent's name; * is every agent that there is now, except you"`
	Message  value.Value `json:"message" jsonschema:"text or JSON, at most 16 KiB"`
	Thread   string      `json:"thread,omitempty" max:"256" jsonschema:"the same in all messages of a conversation"`
	ReplyTo  string      `json:"reply_to,omitempty" max:"20" jsonschema:"the message_id of the message that this one answers"`
	DedupeID string      `json:"dedupe_id,omitempty" max:"256" jsonschema:"sending it again with the same one within 10 minutes sends nothing"`
}

// Resource is the one it is for, or all.
func (r *SendRequest) Resource() auth.Resource {
	if r.To == everybody {
		return auth.Any(structureName)
	}
	return auth.Name(structureName, r.To)
}

// Validate refuses names, sizes and answers that cannot be.
func (r *SendRequest) Validate() error {
	if r.To != everybody {
		if err := checkName(r.To); err != nil {
			return fault.From(err).With("field", "to")
		}
	}
	if n := r.Message.Len(); n > MaxMessageBytes {
		return fault.New(fault.TooLarge,
			"the message has %d bytes; at most %d are allowed: keep what is large in a key, and send the key", n, MaxMessageBytes).
			With("field", "message").With("limit", MaxMessageBytes)
	}
	if _, err := r.replyTo(); err != nil {
		return fault.New(fault.Invalid, "%q is no message_id", clip(r.ReplyTo)).With("field", "reply_to")
	}
	return nil
}

func (r *SendRequest) replyTo() (uint64, error) {
	if r.ReplyTo == "" {
		return 0, nil
	}
	return strconv.ParseUint(r.ReplyTo, 10, 64)
}

// SendResponse says where the message went.
type SendResponse struct {
	MessageID   string   `json:"message_id,omitempty" jsonschema:"absent when a broadcast reached nobody"`
	DeliveredTo int      `json:"delivered_to" jsonschema:"into how many inboxes it was put"`
	NeverSeen   bool     `json:"never_seen,omitempty" jsonschema:"true when nobody of that name was here yet: the message waits, perhaps for ever"`
	Duplicate   bool     `json:"duplicate,omitempty" jsonschema:"true when it was sent before with this dedupe_id: nothing was done"`
	Full        []string `json:"full,omitempty" jsonschema:"of a broadcast: some whose inbox is full, and who did not get it"`
	command.Receipt
}

func (s *Agents) sendMessage(_ context.Context, tx *command.Tx, r *SendRequest) (SendResponse, error) {
	from := tx.Caller().AgentName()
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.sent[sending{from, r.DedupeID}]; ok && old.until > tx.Now() {
		return SendResponse{MessageID: formatID(old.message), DeliveredTo: int(old.delivered), Duplicate: true}, nil //nolint:gosec // counted here
	}
	op := &sendOp{
		message: message{id: s.last + 1, from: from, sent: tx.Now(), all: r.To == everybody, thread: r.Thread, value: r.Message},
		dedupe:  r.DedupeID,
	}
	op.replyTo, _ = r.replyTo() // Validate has seen that it can be read
	if r.DedupeID != "" {
		op.until = tx.Now() + dedupeMS
	}
	var resp SendResponse
	if err := s.address(op, r.To, &resp); err != nil || len(op.unread) == 0 {
		return resp, err
	}
	ops, err := s.roomFor(from, op)
	if err != nil {
		return resp, err
	}
	if _, err := tx.CommitAll(append(ops, op)); err != nil {
		return resp, err
	}
	resp.MessageID, resp.DeliveredTo = formatID(op.id), len(op.unread)
	return resp, nil
}

// address fills in to whom the message goes.
func (s *Agents) address(op *sendOp, to string, resp *SendResponse) error {
	if s.bytes+op.size() > maxBytes {
		return fault.New(fault.Exhausted, "unread messages take %d bytes, and no more than %d may", s.bytes, maxBytes).With("limit", maxBytes)
	}
	if to == everybody {
		s.agents.Scan(func(name string, a *agent) bool {
			switch {
			case name == op.from:
			case a.full(op.size()):
				if len(resp.Full) < maxFullNamed {
					resp.Full = append(resp.Full, name)
				}
			default:
				op.unread = append(op.unread, name)
			}
			return true
		})
		return nil
	}
	a, known := s.agents.Get(to)
	resp.NeverSeen = to != op.from && (!known || a.seen == 0)
	if known && a.full(op.size()) {
		return fault.New(fault.Exhausted, "the inbox of %q is full: %d messages with %d bytes wait for it", clip(to), a.inbox.Len(), a.bytes).
			With("limit", MaxInbox)
	}
	op.unread = []string{to}
	return nil
}

// maxBytes bounds all unread messages of a namespace; the next one is refused with Exhausted.
const maxBytes = 1 << 30

// full reports whether a message of that size has no room.
func (a *agent) full(size int64) bool {
	return a.inbox.Len() >= MaxInbox || a.bytes+size > MaxInboxBytes
}

// roomFor returns the ops that make room for what the message brings with it: agents and a dedupe id.
func (s *Agents) roomFor(from string, op *sendOp) (ops []journal.Op, err error) {
	fresh := map[string]bool{}
	for _, name := range append([]string{from}, op.unread...) {
		if _, known := s.agents.Get(name); !known {
			fresh[name] = true
		}
	}
	ops, err = s.roomForAgents(len(fresh), op.unread)
	if err != nil {
		return nil, err
	}
	if op.dedupe != "" && s.order.Len() >= MaxRemembered {
		oldest, _, _ := s.order.Min()
		ops = append(ops, &lapseOp{upTo: oldest})
	}
	return ops, nil
}

// roomForAgents returns the ops that make room for so many more agents, at the cost of none of those that are needed.
func (s *Agents) roomForAgents(more int, needed []string) (ops []journal.Op, err error) {
	for surplus := s.agents.Len() + more - MaxAgents; surplus > 0; surplus-- {
		var idlest *agent
		s.agents.Scan(func(name string, a *agent) bool {
			if a.inbox.Len() == 0 && (idlest == nil || a.seen < idlest.seen) && !contains(needed, name) && !forgotten(ops, name) {
				idlest = a
			}
			return true
		})
		if idlest == nil {
			return nil, fault.New(fault.Exhausted, "there are %d agents with unread messages, and no more are allowed", MaxAgents).
				With("limit", MaxAgents)
		}
		ops = append(ops, &forgetOp{agent: idlest.name})
	}
	return ops, nil
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

func forgotten(ops []journal.Op, name string) bool {
	for _, op := range ops {
		if f, ok := op.(*forgetOp); ok && f.agent == name {
			return true
		}
	}
	return false
}

func formatID(id uint64) string { return strconv.FormatUint(id, 10) }
