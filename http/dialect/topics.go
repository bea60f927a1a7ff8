package dialect

import (
	"crypto/rand"
	"encoding/json"

	"github.com/hivellm/synap-go/core/fault"
)

var topicCommands = map[string]func(*call) (any, error){
	"pubsub.subscribe":   (*call).subscribe,
	"pubsub.unsubscribe": (*call).unsubscribe,
	"pubsub.publish":     (*call).publish,
	"pubsub.stats":       (*call).topicStats,
	"pubsub.topics":      (*call).topics,
	"pubsub.info":        (*call).topicInfo,
}

// subscribe answers that there is a subscription, if there could be one. Over HTTP no SDK ever asks for what has come, so none is kept: who
// wants to be told connects a WebSocket.
func (c *call) subscribe() (any, error) {
	topics, err := c.texts("topics")
	if err != nil {
		return nil, err
	}
	if err := c.do("server.execute", object{"command": "pubsub.subscribe", "payload": object{"patterns": topics}, "dry_run": true}, nil); err != nil {
		return nil, err
	}
	id, ok := c.text("subscriber_id")
	if !ok || id == "" {
		id = newID()
	}
	return object{"subscriber_id": id, "subscription_id": id, "topics": topics, "subscription_count": len(topics)}, nil
}

func (c *call) unsubscribe() (any, error) {
	if _, err := c.need("subscriber_id"); err != nil {
		return nil, err
	}
	var topics []string
	_ = json.Unmarshal(c.fields["topics"], &topics) //nolint:errcheck // without topics, of all there are
	return object{"unsubscribed": len(topics)}, nil
}

func (c *call) publish() (any, error) {
	topic, err := c.need("topic")
	if err != nil {
		return nil, err
	}
	if topic == "" {
		return nil, refusal("Invalid value: Topic cannot be empty")
	}
	message, err := c.value("payload")
	if err != nil {
		if message, err = c.value("data"); err != nil {
			return nil, invalid("Missing 'payload' or 'data' field")
		}
	}
	headers := c.strings("metadata")
	for name, text := range c.strings("headers") {
		headers[name] = text
	}
	if n, ok := c.number("priority"); ok {
		headers["priority"] = string(encoded(n))
	}
	id := newID()
	headers[idHeader] = id
	var got struct{ Subscribers int64 }
	if err := c.do("pubsub.publish", object{"topic": topic, "message": message, "headers": headers}, &got); err != nil {
		return nil, err
	}
	return object{"message_id": id, "topic": topic, "subscribers_matched": got.Subscribers}, nil
}

// newID is a name that nobody else has.
func newID() string { return rand.Text() }

// idHeader is the header in which a message that was published in this language carries its id.
const idHeader = "synap-message-id"

func (c *call) topicStats() (any, error) {
	var got struct{ Subscriptions, Published, Delivered int64 }
	if err := c.do("pubsub.stats", object{}, &got); err != nil {
		return nil, err
	}
	names, err := c.names("pubsub.topics", "name")
	if err != nil {
		return nil, err
	}
	wild := 0
	for _, name := range names {
		if isPattern(name) {
			wild++
		}
	}
	return object{
		"total_topics": len(names) - wild, "total_subscribers": got.Subscriptions, "total_wildcard_subscriptions": wild,
		"messages_published": got.Published, "messages_delivered": got.Delivered,
	}, nil
}

func isPattern(name string) bool {
	for _, r := range name {
		if r == '*' || r == '#' {
			return true
		}
	}
	return false
}

func (c *call) topics() (any, error) {
	names, err := c.names("pubsub.topics", "name")
	if err != nil {
		return nil, err
	}
	topics := []string{}
	for _, name := range names {
		if !isPattern(name) {
			topics = append(topics, name)
		}
	}
	return object{"topics": topics, "count": len(topics)}, nil
}

func (c *call) topicInfo() (any, error) {
	topic, err := c.need("topic")
	if err != nil {
		return nil, err
	}
	var got struct {
		Items []struct {
			Name        string
			Subscribers int64
		}
	}
	if err := c.do("pubsub.topics", object{"prefix": topic, "limit": 1}, &got); err != nil && !is(err, fault.NotFound) {
		return nil, err
	}
	if len(got.Items) == 0 || got.Items[0].Name != topic {
		return nil, invalid("Topic '%s' not found", clip(topic))
	}
	return object{"topic": topic, "subscriber_count": got.Items[0].Subscribers}, nil
}
