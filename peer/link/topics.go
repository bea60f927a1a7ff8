package link

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/client"
)

const (
	// listenLimit is how many messages are carried at once.
	listenLimit = 1000
)

// The headers of messages that were published elsewhere, as pubsub.accept sets them.
const (
	headersOfOrigin = "synap."
	headerBy        = "synap.by"
	headerAt        = "synap.at"
)

// box is the messages of a rule's topics in one direction. It outlives a connection: what waits at the end where it is read
// waits there for five minutes, and what was read and not taken in for sure is sent again, which the taker notices.
type box struct {
	now     line   // at the end where it is read; without a subscription there is none yet
	old     []line // those before it, in which there may be messages still; at most maxOld
	node    string // whose they are
	pending []client.PubsubIncoming
	waits   int64 // when about the oldest of what comes after pending was published; 0 is that nothing is known to
	again   bool  // something was lost: what topics retain is to be gone through again
}

// box returns the copier's.
func (c *copier) box() *box {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.boxes[c.courseKey]
	if b == nil || b.node != c.from.node {
		b = &box{node: c.from.node}
		c.boxes[c.courseKey] = b
	}
	return b
}

// line is a subscription, and up to which of its answers all have arrived.
type line struct {
	subscription string
	answer       uint64
}

// maxOld is how many subscriptions of broken connections are gone back to. What is in others is lost.
const maxOld = 4

// renew has a subscription opened anew, which begins with all that topics retain, and then the one before it emptied.
func (b *box) renew() {
	if b.again = false; b.now.subscription != "" {
		b.old = append(b.old, b.now)
		b.old = b.old[max(0, len(b.old)-maxOld):]
		b.now = line{}
	}
}

// tryTopics carries until something goes wrong.
func (c *copier) tryTopics(ctx context.Context) (moved bool, err error) {
	b := c.box()
	b.renew()
	for {
		if len(b.pending) == 0 {
			if err := c.listen(ctx, b); err != nil {
				return moved, err
			}
		}
		if len(b.pending) == 0 {
			c.left(b.waits)
			continue
		}
		if err := c.accept(ctx, b); err != nil {
			return moved, err
		}
		moved = true
	}
}

// listen reads the next messages, for which it waits unless some may be left from before.
func (c *copier) listen(ctx context.Context, b *box) error {
	args := client.PubsubCarryRequest{Limit: listenLimit}
	var wait time.Duration
	at := &b.now
	opens, left := b.now.subscription == "", len(b.old) > 0
	switch {
	case opens: // it is to be known before anything is waited for
		args.Patterns = []string{c.room}
		if !c.from.older.Load() {
			args.Except = c.to.node
		}
	case left:
		at = &b.old[0]
	default:
		wait = readTime
	}
	args.Subscription, args.Answer, args.WaitMS = at.subscription, at.answer, wait.Milliseconds()
	var found client.PubsubCarryResponse
	err := c.from.call(ctx, wait, "pubsub.carry", args, &found)
	switch {
	case fault.CodeOf(err) == fault.NotFound && left && !opens:
		b.old = b.old[1:] // it ended, as nobody came for it or with its server
		return nil
	case fault.CodeOf(err) == fault.NotFound && !opens:
		b.now = line{}
		return nil
	case fault.CodeOf(err) == fault.Invalid && args.Except != "": // an older server, which tells what came from there, too
		c.from.older.Store(true)
		return nil
	case err != nil:
		return err
	case opens:
		at.subscription = found.Subscription
	case left && len(found.Messages) == 0:
		b.old = b.old[1:]
		args.Close = true
		return c.from.call(ctx, 0, "pubsub.carry", args, &found)
	}
	at.answer = found.Answer
	if found.Dropped > 0 {
		b.again = true
	}
	if b.again && found.Waiting == 0 && !left {
		b.renew()
	}
	if len(found.Origins) != len(found.Messages) {
		return fault.New(fault.Unsupported, "the server where they are read does not say where messages come from: it is an older one")
	}
	for i := range found.Messages {
		if m, ok := c.carried(found.Messages[i], &found.Origins[i]); ok {
			b.pending = append(b.pending, m)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Lost += found.Dropped
	c.now.Passed += uint64(len(found.Messages) - len(b.pending)) //nolint:gosec // they are fewer
	b.waits = 0
	if len(found.Messages) > 0 {
		c.oldest = found.Messages[0].PublishedAt
		if found.Waiting > 0 {
			b.waits = found.Messages[len(found.Messages)-1].PublishedAt
		}
	}
	c.behind = uint64(len(b.pending) + found.Waiting) //nolint:gosec // not negative
	return nil
}

// carried is a message as it is sent on; false when it is known to be where it would go.
func (c *copier) carried(m *client.PubsubMessage, o *client.PubsubOrigin) (client.PubsubIncoming, bool) {
	in := client.PubsubIncoming{
		Topic: m.Topic, ReplyTo: m.ReplyTo, By: m.PublishedBy, At: m.PublishedAt,
		Node: o.Node, Run: o.Run, Number: o.Number, Hops: o.Hops + 1, Time: o.Time, Retain: o.Retain, Forgotten: o.Forgotten,
	}
	if !o.Forgotten {
		in.Message = m.Message
	}
	if o.Via == c.to.node {
		return in, false
	}
	if o.Node == "" {
		in.Node = c.from.node
	} else {
		in.By = m.Headers[headerBy]
		in.At, _ = strconv.ParseInt(m.Headers[headerAt], 10, 64)
	}
	if in.Node == c.to.node && !in.Retain && !in.Forgotten {
		return in, false
	}
	for k, v := range m.Headers {
		if strings.HasPrefix(k, headersOfOrigin) {
			continue
		}
		if in.Headers == nil {
			in.Headers = make(map[string]string, len(m.Headers))
		}
		in.Headers[k] = v
	}
	return in, true
}

// accept has the other end take in what was read. A message that it will not take is left out, so that one that it cannot have does
// not hold up all others; when it takes nothing at all for now, all of it is kept.
func (c *copier) accept(ctx context.Context, b *box) error {
	err := c.send(ctx, b.pending)
	if err == nil {
		b.pending = nil
		c.left(b.waits)
		return nil
	}
	if ctx.Err() != nil || !about(err) {
		return err
	}
	for len(b.pending) > 0 {
		err := c.send(ctx, b.pending[:1])
		if err != nil && (ctx.Err() != nil || !about(err)) {
			return err
		}
		if err != nil {
			c.failed(fault.Wrap(fault.CodeOf(err), err, "a message of topic %s was left out: %v", b.pending[0].Topic, err))
			c.mu.Lock()
			c.now.Lost++
			c.mu.Unlock()
		}
		b.pending = b.pending[1:]
	}
	c.left(b.waits)
	return nil
}

// about reports whether an error is about messages, and not about whoever refuses them: a full disk and a rate of calls are not.
func about(err error) bool {
	if errors.As(err, &broken{}) {
		return false
	}
	switch fault.CodeOf(err) {
	case fault.Invalid, fault.Denied, fault.TooLarge, fault.Unsupported, fault.Internal:
		return true
	case fault.Exhausted:
		details := fault.From(err).Details
		return details["limit"] != nil && details["retry_after_ms"] == nil
	}
	return false
}

// send is one call of it, and counts.
func (c *copier) send(ctx context.Context, messages []client.PubsubIncoming) error {
	var done client.PubsubAcceptResponse
	args := client.PubsubAcceptRequest{Here: c.to.node, From: c.from.node, Messages: messages}
	if err := c.to.call(ctx, 0, "pubsub.accept", args, &done); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out {
		c.now.Out += uint64(done.Taken) //nolint:gosec // not negative
	} else {
		c.now.In += uint64(done.Taken) //nolint:gosec // not negative
	}
	c.now.Passed += uint64(done.Passed) //nolint:gosec // not negative
	c.behind -= min(c.behind, uint64(len(messages)))
	return nil
}
