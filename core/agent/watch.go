package agent

import (
	"context"
	"slices"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
)

// WatchRequest follows the caller's inbox.
type WatchRequest struct {
	command.Following
}

// Arrival is a message that arrived.
type Arrival struct {
	MessageID string `json:"message_id"`
	From      string `json:"from" jsonschema:"who sent it"`
	Thread    string `json:"thread,omitempty"`
	Broadcast bool   `json:"broadcast,omitempty" jsonschema:"true when it went to everybody"`
	Version   uint64 `json:"version" jsonschema:"the version of this change"`
}

func (s *Agents) watch(ctx context.Context, r *WatchRequest, out *command.Stream[Arrival]) error {
	name := command.CallOf(ctx).Caller.AgentName()
	filter := journal.Filter{
		Namespace: s.env.Namespace, Structure: s.env.Structure, Names: []string{name},
		Accept: func(op journal.Op) bool {
			send, ok := op.(*sendOp)
			if !ok {
				return false
			}
			_, mine := slices.BinarySearch(send.unread, name)
			return mine
		},
	}
	return command.Follow(ctx, s.env.Feed, filter, r.From, out, func(ev journal.Event) Arrival {
		op := ev.Op.(*sendOp)
		return Arrival{MessageID: formatID(op.id), From: op.from, Thread: op.thread, Broadcast: op.all, Version: ev.Seq}
	})
}
