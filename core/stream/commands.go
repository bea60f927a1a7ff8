package stream

import "github.com/hivellm/synap-go/core/command"

// Budgets of the reading tool, so that an answer stays well under 8,000 tokens.
const (
	toolReadLimit  = 20
	toolReadBytes  = 16 << 10
	toolValueBytes = 4 << 10
)

// commands is everything that a client can ask of streams. Names and numbers are permanent.
func commands() []*command.Command {
	return append(append(append(events(), rooms()...), groups()...), checking())
}

func events() []*command.Command {
	return []*command.Command{
		command.Write(command.Info{
			Name: "stream.append", Op: 0x0306, Args: "room data", Body: "data",
			Routes:  []string{"POST /streams/:room/events"},
			Summary: "Append an event, or several, to a room.",
			Doc: "The room is made on first use. Of several partitions an event goes to the one asked for, else to its key's (FNV-1a of " +
				"64 bits, modulo the number of partitions), else to the next in turn. What no longer fits the room's bounds goes from " +
				"the old end. With expected_offset nobody's event comes in between; with dedupe_id a retry does no harm.",
			Tool: &command.Tool{
				Former: &command.Former{Name: "synap_stream_publish"},
				Name:   "synap_stream_append", Title: "Append an event", Profiles: []string{"core", "messaging"},
				Description: "Append an event to a room's history, made on first use; every reader sees it and can replay it.",
				Docs:        map[string]string{"room": "-", "event": "Its type, e.g. task.done.", "data": "Text or JSON.", "dedupe_id": "-"},
				Args:        []string{"room", "event", "data", "dedupe_id"},
				Aliases: map[string]string{
					"stream": "room", "name": "room", "type": "event", "event_type": "event", "message": "data", "value": "data", "payload": "data",
				},
			},
		}, (*Streams).append),
		command.Read(command.Info{
			Name: "stream.read", Op: 0x0307, Args: "room from_offset", Waits: true,
			Routes:  []string{"GET /streams/:room/events"},
			Summary: "Read a room's events in order.",
			Addresses: []*command.Address{{
				URI: "synap://stream/{room}{?from,limit}", Name: "stream", Title: "A room's events",
				Description: "The newest events of a room, or those from an offset on. Go on with next_offset as from.",
				Fields:      map[string]string{"from": "from_offset"}, With: map[string]any{"max_bytes": toolReadBytes},
				Follow: &command.Watched{Command: "stream.watch", Fields: map[string]string{"room": "room"}},
			}},
			Doc: "Pass next_offset as from_offset to go on. Without a beginning the newest events are read. A reader that fell behind " +
				"goes on with the oldest event there is, and lost says how many it missed. A room that does not exist reads as an " +
				"empty one, and can be waited for.",
			Tool: &command.Tool{
				Name: "synap_stream_read", Title: "Read events", Profiles: []string{"core", "messaging", "readonly"},
				Description: "Read a room's events in order; takes nothing. Go on with from_offset=next_offset; without it, the newest. Empty = nothing new. lost = events dropped before you came.",
				Docs:        map[string]string{"room": "-", "from_offset": "-", "start": "-", "event": "Only this type; task.* allowed.", "limit": "-", "wait_seconds": "-", "value_bytes": "Cuts longer data."},
				Args:        []string{"room", "from_offset", "start", "event", "limit", "wait_seconds=wait", "value_bytes"},
				Defaults:    map[string]any{"limit": toolReadLimit, "max_bytes": toolReadBytes, "value_bytes": toolValueBytes},
				Aliases: map[string]string{
					"stream": "room", "name": "room", "offset": "from_offset", "type": "event", "event_type": "event", "wait": "wait_seconds", "count": "limit",
				},
			},
		}, (*Streams).read),
		command.Watch(command.Info{
			Name: "stream.watch", Op: 0x0308, Args: "room", Routes: []string{"GET /streams/:room/events"},
			Summary: "Follow a room's events as they come.",
			Doc: "Begins with what comes next, or at from_offset, from_time or start. A position is the room's generation and the offset " +
				"to go on with, so that from resumes without a gap for as long as the room holds the events; if it no longer does, a " +
				"lost event says how many are gone. A reset event says that the room was deleted or made anew.",
		}, (*Streams).watch),
	}
}

func rooms() []*command.Command {
	return []*command.Command{
		command.Write(command.Info{
			Name: "stream.create", Op: 0x0301, Args: "room", Routes: []string{"POST /streams/:room"},
			Summary: "Make a room, with bounds of its own or in partitions.",
			Doc: "A first append makes a room too, with the defaults: one partition, the newest 10,000 events, at most 16 MiB, of any age. " +
				"The bounds hold for each partition; the newest event goes by age only.",
		}, (*Streams).create),
		command.Write(command.Info{
			Name: "stream.update", Op: 0x0302, Frees: true, Args: "room", Hints: command.Idempotent | command.Destructive,
			Routes:  []string{"PATCH /streams/:room"},
			Summary: "Change how much a room keeps.",
			Doc:     "What is over the new bounds goes at once. The number of partitions is fixed.",
		}, (*Streams).update),
		command.Write(command.Info{
			Name: "stream.delete", Op: 0x0303, Frees: true, Args: "room", Hints: command.Idempotent | command.Destructive,
			Routes:  []string{"DELETE /streams/:room"},
			Summary: "Delete a room with its events and groups.",
			Doc:     "A room that is made again under the name has another generation, and begins at offset 0.",
		}, (*Streams).delete),
		command.Read(command.Info{
			Name: "stream.list", Op: 0x0304, Args: "prefix", Routes: []string{"GET /streams"},
			Summary: "List the rooms.",
		}, (*Streams).list),
		command.Read(command.Info{
			Name: "stream.stats", Op: 0x0305, Args: "room", Routes: []string{"GET /streams/:room"},
			Summary: "Report what a room holds and how it is configured.",
		}, (*Streams).stats),
		command.Write(command.Info{
			Name: "stream.trim", Op: 0x0309, Frees: true, Args: "room", Hints: command.Idempotent | command.Destructive,
			Summary: "Drop a room's oldest events.",
			Doc:     "Offsets go on as before; whoever had not read the events is told how many were lost.",
		}, (*Streams).trim),
	}
}

func groups() []*command.Command {
	return []*command.Command{
		command.Write(command.Info{
			Name: "stream.group.create", Op: 0x0310, Args: "room group",
			Summary: "Make a consumer group, which reads a room together.",
			Doc: "Members join, fetch, handle what they got, and commit. Every partition is one member's at a time. What was fetched and " +
				"not committed when a member leaves or falls silent is fetched again by another: at least once, in order per partition.",
		}, (*Streams).groupCreate),
		command.Write(command.Info{
			Name: "stream.group.delete", Op: 0x0311, Frees: true, Args: "room group", Hints: command.Idempotent | command.Destructive,
			Summary: "Delete a consumer group and what it remembers.",
		}, (*Streams).groupDelete),
		command.Read(command.Info{
			Name: "stream.group.list", Op: 0x0312, Args: "room",
			Summary: "List the consumer groups of a room.",
		}, (*Streams).groupList),
		command.Read(command.Info{
			Name: "stream.group.stats", Op: 0x0313, Args: "room group",
			Summary: "Report a group's members, and how far it has read each partition.",
		}, (*Streams).groupStats),
		command.Write(command.Info{
			Name: "stream.group.join", Op: 0x0314, Args: "room group member", Hints: command.Idempotent,
			Summary: "Become a member of a consumer group.",
			Doc: "The partitions are given out anew, under a new generation; the other members learn of it when they fetch, commit or send " +
				"a heartbeat. Joining again under the same name only says that you are alive.",
		}, (*Streams).join),
		command.Write(command.Info{
			Name: "stream.group.heartbeat", Op: 0x0315, Frees: true, Args: "room group member", Hints: command.Idempotent,
			Summary: "Say that a member is alive, and hear which partitions are its own.",
			Doc:     "Fetch and commit are heartbeats too. It is written down when half of the session has passed, so it costs next to nothing.",
		}, (*Streams).heartbeat),
		command.Write(command.Info{
			Name: "stream.group.leave", Op: 0x0316, Frees: true, Args: "room group member", Hints: command.Idempotent,
			Summary: "Leave a consumer group, so that others take over at once.",
		}, (*Streams).leaveGroup),
		command.Write(command.Info{
			Name: "stream.group.fetch", Op: 0x0317, Frees: true, Args: "room group member", Waits: true,
			Summary: "Fetch the events that are a member's to handle, from where the group stands.",
			Doc:     "The same events come again until they are committed.",
		}, (*Streams).fetch),
		command.Write(command.Info{
			Name: "stream.group.commit", Op: 0x0318, Frees: true, Hints: command.Idempotent, Args: "room group member",
			Summary: "Record how far a member has read.",
			Doc: "Refused with conflict when the partitions were given out anew since the fetch, so that nobody commits what is another's. " +
				"It is a heartbeat too.",
		}, (*Streams).commitOffsets),
	}
}
