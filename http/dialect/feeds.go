package dialect

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hivellm/synap-go/core/fault"
)

// The WebSockets of the dialect. Each tells one thing, until its client goes away: what is published, what becomes of keys, a room's
// events, or a queue's messages. All frames are JSON text.

// Follower is a Session that can follow a watch: ready is called once nothing will be missed, and each for every event.
type Follower interface {
	Session
	Follow(ctx context.Context, command string, request any, ready func() error, each func(event json.RawMessage) error) error
}

// Feed is what one WebSocket is for.
type Feed struct {
	// run tells everything until the context ends. Its error is told, too.
	run func(ctx context.Context, send func(frame any) error) error
	// hear takes what the client says; nil when nobody listens.
	hear func(ctx context.Context, said fields)
	// failed is the frame that tells of an error.
	failed func(text string) any
}

// maxInline is the longest value, in bytes, that is told of a key's change; of a longer one only that it changed.
const maxInline = 64 << 10

// Run tells what the feed is for until the context ends. Its last frame, if it ended for another reason, says why.
func (f *Feed) Run(ctx context.Context, send func(frame any) error) {
	err := f.run(ctx, send)
	if err != nil && ctx.Err() == nil {
		_ = send(f.failed(said(err))) //nolint:errcheck // it was the last
	}
}

// Hear takes a message of the client. What is not understood is passed over, as there is no answer in which to say so.
func (f *Feed) Hear(ctx context.Context, message []byte) {
	var said fields
	if f.hear != nil && json.Unmarshal(message, &said) == nil {
		f.hear(ctx, said)
	}
}

// list splits a query's list.
func list(text string) []string {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

func plainError(text string) any { return object{"error": text} }

func typedError(text string) any { return object{"type": "error", "error": text} }

// Topics is the feed of what is published to topics and patterns.
func (d *Dialect) Topics(s Follower, topics string) (*Feed, error) {
	patterns := list(topics)
	if len(patterns) == 0 {
		return nil, fault.New(fault.Invalid, "say which topics: ?topics=a,b.*")
	}
	run := func(ctx context.Context, send func(any) error) error {
		connected := func() error { return send(subscribed(patterns)) }
		return s.Follow(ctx, "pubsub.subscribe", object{"patterns": patterns, "overflow": "close"}, connected, func(raw json.RawMessage) error {
			var m struct {
				Event, Topic string
				Message      json.RawMessage
				Headers      map[string]string
				At           int64 `json:"published_at"`
			}
			if err := json.Unmarshal(raw, &m); err != nil || m.Event != "message" {
				return err
			}
			id := m.Headers[idHeader]
			delete(m.Headers, idHeader)
			return send(published(id, m.Topic, m.Message, m.Headers, m.At/1000))
		})
	}
	return &Feed{run: run, failed: plainError}, nil
}

func subscribed(topics []string) object {
	return object{"type": "connected", "subscriber_id": newID(), "topics": topics, "subscription_count": len(topics)}
}

// published is the frame of a message; metadata is null when there is none.
func published(id, topic string, payload any, metadata map[string]string, at int64) object {
	if id == "" {
		id = newID()
	}
	if len(metadata) == 0 {
		metadata = nil
	}
	return object{"type": "message", "message_id": id, "topic": topic, "payload": payload, "metadata": metadata, "timestamp": at}
}

// Keys is the feed of what becomes of keys; one with a star is a pattern.
func (d *Dialect) Keys(s Follower, keys string) (*Feed, error) {
	names := list(keys)
	if len(names) == 0 {
		return nil, fault.New(fault.Invalid, "say which keys: ?keys=k1,user:*")
	}
	topics := make([]string, len(names))
	exact, globs := []string{}, []string{}
	for i, name := range names {
		topics[i] = watchTopic(name)
		if strings.Contains(name, "*") {
			globs = append(globs, name)
		} else {
			exact = append(exact, name)
		}
	}
	request := object{"keys": exact, "globs": globs}
	run := func(ctx context.Context, send func(any) error) error {
		connected := func() error { return send(subscribed(topics)) }
		return s.Follow(ctx, "kv.watch", request, connected, func(raw json.RawMessage) error {
			var e keyEvent
			if err := json.Unmarshal(raw, &e); err != nil {
				return err
			}
			return send(published("", watchTopic(e.name()), e.envelope(), nil, time.Now().Unix()))
		})
	}
	return &Feed{run: run, failed: plainError}, nil
}

func watchTopic(key string) string { return "__watch@0__:" + key }

// keyEvent is what becomes of a key as a native watch tells it.
type keyEvent struct {
	Event, Key, Prefix string
	Value              json.RawMessage
	Expires            int64 `json:"expires_at"`
	Version            uint64
}

// name is the key; of many at once, what they begin with and a star.
func (e *keyEvent) name() string {
	if e.Event == "clear" {
		return e.Prefix + "*"
	}
	return e.Key
}

func (e *keyEvent) envelope() object {
	o := object{"key": e.name(), "event": e.Event, "version": e.Version}
	switch e.Event {
	case "set":
		if len(content(e.Value)) > maxInline {
			o["truncated"] = true
		} else {
			o["value"] = shown(e.Value)
		}
	case "delete", "clear":
		o["event"] = "del"
	case "expire":
		o["event"] = "expired"
	case "touch":
		if o["event"] = "persist"; e.Expires > 0 {
			o["event"] = "expire"
		}
	}
	return o
}

// Room is the feed of a room's events from an offset on. The room has to exist.
func (d *Dialect) Room(s Follower, room, subscriber string, from uint64) *Feed {
	run := func(ctx context.Context, send func(any) error) error {
		var there struct{ Exists bool }
		if err := s.Call(ctx, "stream.check", object{"room": room, "partition": 0}, &there); err != nil {
			return err
		}
		if !there.Exists {
			return roomNotFound(room)
		}
		connected := func() error {
			return send(object{"type": "connected", "room": room, "subscriber_id": subscriber, "from_offset": from})
		}
		return s.Follow(ctx, "stream.watch", object{"room": room, "from_offset": from}, connected, func(raw json.RawMessage) error {
			var e happened
			if err := json.Unmarshal(raw, &e); err != nil {
				return err
			}
			switch e.Kind {
			case "lost":
				return invalid("Stream offset out of range; earliest retained offset is %d", e.Offset)
			case "reset":
				return roomNotFound(room)
			}
			return send(object{"type": "event", "offset": e.Offset, "event": e.Event, "data": e.Data, "timestamp": e.At / 1000})
		})
	}
	return &Feed{run: run, failed: typedError}
}

const (
	// receiveWait is how long a queue's feed waits for a message before it asks again, in milliseconds.
	receiveWait = 20_000
	// MaxInFlight is how many messages a queue's feed hands out before it waits for one to be acknowledged, if the queue's prefetch is not less.
	MaxInFlight = 100
	// lookAgain is how often a feed that waits for that looks whether it was done elsewhere, or the lease has ended.
	lookAgain = time.Second
)

// Queue is the feed of a queue's messages for one consumer, who acknowledges them over it or in any other way.
func (d *Dialect) Queue(s Follower, queue, consumer string) *Feed {
	q := &queueFeed{call: call{dialect: d, session: s}, queue: queue, consumer: consumer, settled: make(chan struct{}, 1)}
	return &Feed{run: q.run, hear: q.hear, failed: typedError}
}

// queueFeed hands a queue's messages to one consumer.
type queueFeed struct {
	call
	queue, consumer string
	settled         chan struct{} // a token: something was, over the feed
	out             []leaseID     // handed out, and perhaps settled; of run
}

// of is a call on the feed's behalf.
func (q *queueFeed) of(ctx context.Context, f fields) *call {
	return &call{fields: f, dialect: q.dialect, session: q.session, ctx: ctx}
}

func (q *queueFeed) run(ctx context.Context, send func(any) error) error {
	if err := q.session.Call(ctx, "queue.stats", object{"queue": q.queue}, nil); err != nil {
		return noQueue(q.queue, err)
	}
	if err := send(object{"type": "connected", "queue": q.queue, "consumer_id": q.consumer}); err != nil {
		return err
	}
	for {
		if err := q.room(ctx); err != nil {
			return err
		}
		got, err := q.of(ctx, nil).receive(q.queue, q.consumer, receiveWait)
		if err != nil {
			return err
		}
		if got == nil {
			continue
		}
		q.out = append(q.out, q.lease(q.queue, got["id"].(string)))
		got["type"], got["message_id"] = "message", got["id"]
		delete(got, "id")
		if err := send(got); err != nil {
			return err
		}
	}
}

// room waits until fewer messages than may be are with the consumer.
func (q *queueFeed) room(ctx context.Context) error {
	for {
		now := time.Now().UnixMilli()
		q.out = slices.DeleteFunc(q.out, func(id leaseID) bool {
			one, ok := q.dialect.leases.find(id)
			return !ok || one.ends <= now
		})
		if len(q.out) < MaxInFlight {
			return nil
		}
		select {
		case <-q.settled:
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (q *queueFeed) hear(ctx context.Context, said fields) {
	said["queue"] = quoted(q.queue)
	c := q.of(ctx, said)
	switch command, _ := said.text("command"); command {
	case "ack":
		_, _ = c.ack() //nolint:errcheck // there is no answer in which to say so
	case "nack":
		_, _ = c.nack() //nolint:errcheck // as above
	}
	select {
	case q.settled <- struct{}{}:
	default:
	}
}
