package dialect

import (
	"encoding/json"
	"strconv"

	"github.com/hivellm/synap-go/core/fault"
)

var queueCommands = map[string]func(*call) (any, error){
	"queue.create":  about((*call).createQueue, "name", "queue"),
	"queue.delete":  about((*call).deleteQueue, "queue", "name"),
	"queue.publish": about((*call).enqueue, "queue"),
	"queue.consume": about((*call).consume, "queue"),
	"queue.ack":     (*call).ack,
	"queue.nack":    (*call).nack,
	"queue.list":    (*call).queues,
	"queue.stats":   about((*call).queueStats, "queue"),
	"queue.purge":   about((*call).purge, "queue"),
}

const (
	standardRetries = 3 // that a message has unless it was published with others
	// retriesHeader is the header in which a message carries how often it is to be handed out again.
	retriesHeader = "synap-max-retries"
)

// noQueue replaces an error that says that there is no such queue by the words for it.
func noQueue(queue string, err error) error {
	if is(err, fault.NotFound) {
		return refusal("Queue not found: " + clip(queue))
	}
	return err
}

// createQueue makes a queue, or leaves one that exists as it is.
func (c *call) createQueue(name string) (any, error) {
	request := object{"queue": name}
	for _, given := range []fields{c.fields, c.within("config")} {
		if n := given.size("max_depth"); n > 0 {
			request["max_depth"] = n
		}
		if n := given.size("ack_deadline_secs"); n > 0 {
			request["lease_ms"] = min(n, 12*60*60) * 1000
		}
		if n, ok := given.number("default_max_retries"); ok && n >= 0 {
			request["max_attempts"] = n + 1
		}
		if n := given.size("prefetch_limit"); n > 0 {
			request["prefetch"] = n
		}
	}
	if err := c.do("queue.create", request, nil); err != nil && !is(err, fault.AlreadyExists) {
		return nil, err
	}
	return done, nil
}

func (c *call) deleteQueue(name string) (any, error) {
	err := c.do("queue.delete", object{"queue": name}, nil)
	if err != nil && !is(err, fault.NotFound) {
		return nil, err
	}
	return object{"deleted": err == nil}, nil
}

func (c *call) enqueue(queue string) (any, error) {
	message, err := c.message("payload")
	if err != nil {
		return nil, err
	}
	request := object{"queue": queue, "message": message}
	if n, ok := c.number("priority"); ok {
		request["priority"] = min(max(n, 0), 9)
	}
	headers := c.strings("headers")
	if n, ok := c.number("max_retries"); ok && n >= 0 {
		headers[retriesHeader] = strconv.FormatInt(n, 10)
	}
	if len(headers) > 0 {
		request["headers"] = headers
	}
	var got struct {
		ID string `json:"message_id"`
	}
	if err := c.do("queue.publish", request, &got); err != nil {
		if e := fault.From(err); e.Code == fault.Exhausted && e.Details["limit"] != nil && e.Details["retry_after_ms"] == nil {
			return nil, refusal("Queue is full: " + clip(queue))
		}
		return nil, err
	}
	return object{"message_id": got.ID}, nil
}

// received is a message as queue.receive answers it.
type received struct {
	Receipt   string            `json:"receipt"`
	ID        string            `json:"message_id"`
	Message   json.RawMessage   `json:"message"`
	Attempt   int64             `json:"attempt"`
	Priority  int64             `json:"priority"`
	Headers   map[string]string `json:"headers"`
	Published int64             `json:"published_at"`
	LeaseEnds int64             `json:"lease_expires_at"`
}

func (c *call) consume(queue string) (any, error) {
	consumer, err := c.need("consumer_id")
	if err != nil {
		return nil, err
	}
	got, err := c.receive(queue, consumer, 0)
	if err != nil {
		return nil, err
	}
	if got == nil {
		return object{"message": nil}, nil
	}
	return object{"message": got}, nil
}

// receive takes a message and remembers its receipt; nil when there is none, after a wait.
func (c *call) receive(queue, consumer string, waitMS int64) (object, error) {
	var got struct{ Messages []received }
	request := object{"queue": queue, "consumer": consumer, "max": 1, "wait_ms": waitMS}
	if err := c.do("queue.receive", request, &got); err != nil || len(got.Messages) == 0 {
		return nil, err
	}
	m := &got.Messages[0]
	retries := int64(standardRetries)
	if n, err := strconv.ParseInt(m.Headers[retriesHeader], 10, 64); err == nil {
		retries = n
	}
	delete(m.Headers, retriesHeader)
	if m.Headers == nil {
		m.Headers = map[string]string{}
	}
	c.dialect.leases.keep(c.lease(queue, m.ID), lease{receipt: m.Receipt, ends: m.LeaseEnds, attempt: m.Attempt, maxRetries: retries})
	return object{
		"id": m.ID, "payload": octets(m.Message), "priority": m.Priority, "headers": m.Headers,
		"retry_count": m.Attempt - 1, "retries": m.Attempt - 1, "max_retries": retries,
		"created_at": m.Published / 1000, "timestamp": m.Published / 1000, "deadline": m.LeaseEnds / 1000,
	}, nil
}

func (c *call) lease(queue, message string) leaseID {
	return leaseID{c.session.Namespace(), queue, message}
}

func (c *call) ack() (any, error) {
	return c.settle(func(lease) object { return object{"action": "done"} })
}

// nack gives a message back, or makes it a dead letter when it was given back often enough or is not wanted again.
func (c *call) nack() (any, error) {
	return c.settle(func(one lease) object {
		if !c.truth("requeue", true) {
			return object{"action": "reject", "reason": "not to be requeued"}
		}
		if one.attempt > one.maxRetries {
			return object{"action": "reject", "reason": "max_retries"}
		}
		request := object{"action": "retry"}
		if n := c.size("delay_secs"); n > 0 {
			request["seconds"] = n
		}
		return request
	})
}

func (c *call) settle(how func(lease) object) (any, error) {
	queue, err := c.need("queue")
	if err != nil {
		return nil, err
	}
	message, err := c.need("message_id")
	if err != nil {
		return nil, err
	}
	id := c.lease(queue, message)
	one, ok := c.dialect.leases.find(id)
	if !ok {
		return nil, refusal("Message not found: " + clip(message))
	}
	request := how(one)
	request["receipts"] = []string{one.receipt}
	var got struct{ Results []struct{ OK bool } }
	if err := c.do("queue.ack", request, &got); err != nil {
		return nil, noQueue(queue, err)
	}
	c.dialect.leases.forget(id, one)
	if len(got.Results) == 0 || !got.Results[0].OK {
		return nil, refusal("Message not found: " + clip(message))
	}
	return done, nil
}

func (c *call) queues() (any, error) {
	names, err := c.names("queue.list", "queue")
	if err != nil {
		return nil, err
	}
	return object{"queues": names}, nil
}

// names returns the names of everything that a native command lists. field is where an item has it.
func (c *call) names(command, field string) ([]string, error) {
	names := []string{}
	request := object{"limit": nativePage}
	for {
		var page struct {
			Items []fields
			Next  string `json:"next_cursor"`
		}
		if err := c.do(command, request, &page); err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			name, _ := item.text(field)
			names = append(names, name)
		}
		if page.Next == "" {
			return names, nil
		}
		if len(names) >= MaxKeys {
			return nil, invalid("there are more than %d: ask for pages, with a native %s", MaxKeys, command)
		}
		request["cursor"] = page.Next
	}
}

func (c *call) queueStats(queue string) (any, error) {
	var got struct {
		Ready, Leased, Consumers int64
		Totals                   struct {
			Published, Delivered, Done int64
			Dead                       int64 `json:"dead_lettered"`
		}
	}
	if err := c.do("queue.stats", object{"queue": queue}, &got); err != nil {
		return nil, noQueue(queue, err)
	}
	t := got.Totals
	return object{
		"depth": got.Ready, "consumers": got.Consumers, "published": t.Published, "consumed": t.Delivered, "acked": t.Done,
		"nacked": max(t.Delivered-t.Done-got.Leased, 0), "dead_lettered": t.Dead, // what came back, whether given back or not kept
	}, nil
}

func (c *call) purge(queue string) (any, error) {
	var got struct{ Purged int64 }
	if err := c.do("queue.purge", object{"queue": queue}, &got); err != nil {
		return nil, noQueue(queue, err)
	}
	return object{"purged": got.Purged}, nil
}
