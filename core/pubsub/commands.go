package pubsub

import (
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// How much a tool's answer holds, so that it stays under 8,000 tokens: what was heard is not to be had again.
const (
	toolTakeBytes = 8 << 10
	toolTakeMost  = 50
)

// commands is everything a client can ask of topics.
func commands() []*command.Command {
	return []*command.Command{
		command.Write(command.Info{
			Name: "pubsub.publish", Op: 0x0401, Args: "topic message", Body: "message",
			Routes:  []string{"POST /topics/:topic"},
			Summary: "Publish a message to everybody who listens to its topic now.",
			Doc: "Nobody who listens later hears of it, unless it is retained. Each matching subscriber gets it once, however many of " +
				"its patterns match; of each queue group one member does. In a transaction messages leave when it succeeds.",
			Tool: &command.Tool{
				Former: &command.Former{Name: "synap_pubsub_publish"},
				Name:   "synap_topic_publish", Title: "Publish to a topic", Profiles: []string{"core", "messaging"},
				Description: "Tell whoever listens to a topic now; nothing is kept. For work use a queue, for history a stream.",
				Docs:        map[string]string{"topic": "Levels by dots: build.linux.done.", "message": "Text or JSON."},
				Args:        []string{"topic", "message"},
			},
		}, (*Broker).publish),
		command.Write(command.Info{
			Name: "pubsub.forget", Op: 0x0402, Frees: true, Args: "topic", Hints: command.Idempotent | command.Destructive,
			Summary: "Forget the message that a topic retains.",
		}, (*Broker).forget),
		command.Watch(command.Info{
			Name: "pubsub.subscribe", Op: 0x0403, Args: "patterns...", Routes: []string{"GET /topics?subscribe=patterns"},
			Summary: "Follow the messages of topics and patterns.",
			Doc: "Retained messages come first. A subscriber that does not keep up loses the oldest messages and is told how many " +
				"with a dropped event, or with overflow close is cut off.",
		}, (*Broker).watch),
		command.Act(command.Info{
			Name: "pubsub.listen", Op: 0x0404, Access: auth.Read, Waits: true, Args: "patterns...",
			Summary: "Poll for the messages of topics and patterns.",
			Doc: "The first call opens a subscription and later ones go on with it by name, so that nothing is missed in between. It " +
				"belongs to whoever opened it and ends five minutes after its last use.",
			Tool: &command.Tool{
				Name: "synap_topic_listen", Title: "Listen to topics", Profiles: []string{"core", "messaging", "readonly"},
				Description: "Hear topics from now on. The first call gives patterns and returns a subscription; pass that to later calls, within 5 minutes, to miss nothing. dropped = how many were lost.",
				Docs:        map[string]string{"patterns": "* = one level, # = the rest.", "subscription": "-", "wait_seconds": "-", "limit": "-", "close": "-"},
				Args:        []string{"patterns", "subscription", "wait_seconds=wait", "limit", "close"},
				Defaults:    map[string]any{"max_bytes": toolTakeBytes},
				Most:        map[string]int{"limit": toolTakeMost},
				Aliases:     map[string]string{"topics": "patterns", "topic": "patterns", "pattern": "patterns", "wait": "wait_seconds"},
			},
		}, (*Broker).listen),
		command.Act(command.Info{
			Name: "pubsub.request", Op: 0x0405, Access: auth.Write, Waits: true, Args: "topic message",
			Summary: "Publish a message and wait for the first answer to it.",
			Doc: "Listeners see reply_to and publish their answer to it. Fails at once with not_found when nobody listens, and with " +
				"timeout when nobody answers.",
		}, (*Broker).ask),
		command.Act(command.Info{
			Name: "pubsub.carry", Op: 0x0409, Access: auth.Read, Waits: true, Args: "patterns...",
			Summary: "Poll for the messages of topics and patterns to carry them to another server.",
			Doc: "It is as pubsub.listen, and says of each message where it was published and which one it is; that a retained one was forgotten is " +
				"heard, too. It needs leave to read peers.",
		}, (*Broker).carry),
		command.Write(command.Info{
			Name: "pubsub.accept", Op: 0x0408,
			Summary: "Take in messages that were published at another server.",
			Doc: "What is here already, whichever way it came, and what was published here is passed over. Of retained messages, and that they were " +
				"forgotten, the later one stays, by time and at the same time by node, and only what is later than what is here is passed to " +
				"listeners. It needs leave to write peers, too.",
		}, (*Broker).accept),
		command.Read(command.Info{
			Name: "pubsub.topics", Op: 0x0406, Args: "prefix",
			Summary: "List the topics and patterns that somebody listens to, or that retain a message.",
			Addresses: []*command.Address{{
				URI: "synap://topic/{+topic}", Name: "topic", Title: "A topic", Fields: map[string]string{"topic": "prefix"},
				Description: "Who listens to a topic and those that begin so. Changes with every message to it.",
				Follow:      &command.Watched{Command: "pubsub.subscribe", Fields: map[string]string{"topic": "patterns"}},
			}},
		}, (*Broker).topics),
		command.Read(command.Info{
			Name: "pubsub.stats", Op: 0x0407,
			Summary: "Report how many subscriptions there are and how much was published.",
		}, (*Broker).stats),
	}
}
