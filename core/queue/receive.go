package queue

import (
	"context"
	"strconv"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// maxReceived is how many messages one receive takes at most.
const maxReceived = 1000

// ReceiveRequest asks for messages to work on.
type ReceiveRequest struct {
	Queue    string `json:"queue" jsonschema:"the queue; one that does not exist is empty, and can be waited for"`
	Max      int    `json:"max,omitempty" default:"1" min:"1" max:"1000" jsonschema:"take at most so many messages"`
	MaxBytes int    `json:"max_bytes,omitempty" default:"4194304" min:"1" max:"67108864" jsonschema:"and at most so many bytes, but at least one message"`
	Wait     int64  `json:"wait,omitempty" jsonschema:"how long to wait for the first message, in seconds"`
	WaitMS   int64  `json:"wait_ms,omitempty" jsonschema:"the same in milliseconds"`
	Lease    int64  `json:"lease,omitempty" jsonschema:"how long the messages are yours, in seconds; the queue's setting when absent"`
	LeaseMS  int64  `json:"lease_ms,omitempty" jsonschema:"the same in milliseconds"`
	Consumer string `json:"consumer,omitempty" jsonschema:"who receives, for the queue's prefetch limit; your principal when absent"`
}

// Describe gives the schema the bounds that Validate enforces; see Outgoing.Describe.
func (*ReceiveRequest) Describe(s *jsonschema.Schema) {
	bound(s, command.MaxWait.Seconds(), "wait")
	bound(s, float64(command.MaxWait.Milliseconds()), "wait_ms")
	bound(s, maxLeaseMS/1000, "lease")
	bound(s, maxLeaseMS, "lease_ms")
	most := maxNameBytes
	s.Properties["consumer"].MaxLength = &most
}

// Resource is the queue.
func (r *ReceiveRequest) Resource() auth.Resource { return auth.Name(structureName, r.Queue) }

// Validate refuses times that are given twice.
func (r *ReceiveRequest) Validate() error {
	if err := checkName(r.Queue); err != nil {
		return err
	}
	if err := checkTime("wait", r.Wait, r.WaitMS, command.MaxWait.Milliseconds()); err != nil {
		return err
	}
	if err := checkText("consumer", r.Consumer, maxNameBytes); err != nil {
		return err
	}
	return checkTime("lease", r.Lease, r.LeaseMS, maxLeaseMS)
}

// ReceiveResponse is what there was.
type ReceiveResponse struct {
	Messages []Delivered `json:"messages" jsonschema:"the messages, in the order to work on them; empty when nothing came in time"`
	Ready    int         `json:"ready" jsonschema:"how many more are ready"`
	command.Receipt
}

// Delivered is a message under a lease.
type Delivered struct {
	Receipt        string            `json:"receipt" jsonschema:"pass it to queue.ack before the lease ends"`
	MessageID      string            `json:"message_id"`
	Message        value.Value       `json:"message"`
	Attempt        uint32            `json:"attempt" jsonschema:"how often the message was handed out, this time included"`
	Priority       int               `json:"priority"`
	Group          string            `json:"group,omitempty"`
	Headers        map[string]string `json:"headers,omitempty"`
	PublishedAt    int64             `json:"published_at" jsonschema:"in Unix milliseconds"`
	PublishedBy    string            `json:"published_by,omitempty"`
	LeaseExpiresAt int64             `json:"lease_expires_at" jsonschema:"when it will be handed out again unless it is acknowledged, in Unix milliseconds"`
	Reason         string            `json:"reason,omitempty" jsonschema:"what the last receiver said when it gave the message back"`
	Died           *Death            `json:"died,omitempty" jsonschema:"of a dead letter of another queue: why and where it died"`
}

// Death is why a message became a dead letter.
type Death struct {
	Cause     string `json:"cause" jsonschema:"rejected, or max_attempts"`
	Reason    string `json:"reason,omitempty" jsonschema:"what the receiver said"`
	Attempts  uint32 `json:"attempts" jsonschema:"how often it had been handed out"`
	At        int64  `json:"at" jsonschema:"when, in Unix milliseconds"`
	Queue     string `json:"queue" jsonschema:"where"`
	MessageID string `json:"message_id" jsonschema:"its number there"`
}

func (d *death) shown() *Death {
	if d == nil {
		return nil
	}
	return &Death{
		Cause: d.cause.String(), Reason: d.reason, Attempts: d.attempts, At: d.at,
		Queue: d.queue, MessageID: strconv.FormatUint(d.id, 10),
	}
}

func (s *Queues) receive(ctx context.Context, tx *command.Tx, r *ReceiveRequest) (ReceiveResponse, error) {
	consumer := r.Consumer
	if consumer == "" {
		consumer = tx.Caller().Name
	}
	wait := r.Wait*1000 + r.WaitMS
	until := int64(0) // set when the first look found nothing
	s.mu.Lock()
	defer func() { s.mu.Unlock() }() // a closure: the lock is let go of while waiting
	for {
		resp, err := s.take(tx, r, consumer)
		if err != nil || len(resp.Messages) > 0 || wait <= 0 {
			return resp, err
		}
		if until == 0 {
			until = tx.Now() + wait
		}
		w := s.park(r.Queue, consumer)
		s.mu.Unlock()
		called, err := command.Wait(ctx, w.ready, time.Duration(wait)*time.Millisecond)
		s.mu.Lock()
		s.unpark(r.Queue, w)
		if err != nil {
			if q := s.find(r.Queue); q != nil {
				s.wake(q) // what this one was called for is somebody else's now
			}
			return resp, fault.From(err)
		}
		tx.Later()
		if wait = until - tx.Now(); !called {
			wait = 0 // one last look
		}
	}
}

// take leases what is there.
func (s *Queues) take(tx *command.Tx, r *ReceiveRequest, consumer string) (ReceiveResponse, error) {
	resp := ReceiveResponse{Messages: []Delivered{}}
	q := s.find(r.Queue)
	if q == nil {
		return resp, nil
	}
	if err := s.catchUp(tx, q); err != nil {
		return resp, err
	}
	defer s.wake(q) // if this one was called for a message that it leaves
	if q.paused || q.line.len() == 0 {
		resp.Ready = q.ready()
		return resp, nil
	}
	op := &lease{queue: r.Queue, consumer: consumer, until: tx.Now() + r.Lease*1000 + r.LeaseMS}
	if r.Lease == 0 && r.LeaseMS == 0 {
		op.until += q.settings.LeaseMS
	}
	s.picked = q.pick(s.picked[:0], op, min(r.Max, q.room(consumer)), r.MaxBytes, tx.Now())
	picked := s.picked
	defer clear(picked)
	if len(picked) == 0 {
		resp.Ready = q.ready()
		return resp, nil
	}
	if len(picked) == q.ready() {
		op.edge = drained
	}
	version, err := tx.Commit(op)
	if err != nil {
		return resp, err
	}
	resp.Ready = q.ready()
	resp.Messages = make([]Delivered, len(picked))
	for i, m := range picked {
		m.deliver(&resp.Messages[i], r.Queue, version)
	}
	return resp, nil
}

// pick appends the messages to hand out, and grants them.
func (q *queue) pick(picked []*message, op *lease, most, maxBytes int, now int64) []*message {
	if most == 0 {
		return picked
	}
	op.grants = op.one[:0]
	bytes := 0
	q.line.each(func(m *message) bool {
		if m.expired(now) {
			return true // the sweeper is on its way
		}
		if bytes += m.value.Len(); len(picked) > 0 && bytes > maxBytes {
			return false
		}
		picked = append(picked, m)
		op.grants = append(op.grants, grant{m.id, m.attempts + 1})
		return len(picked) < most
	})
	return picked
}

// deliver fills in the message as its receiver sees it.
func (m *message) deliver(to *Delivered, queue string, token uint64) {
	var text [maxReceiptBytes]byte
	rc := receipt{queue: queue, id: m.id, token: token, attempts: m.attempts}
	b := rc.appendTo(text[:0])
	id := len(b)
	both := string(strconv.AppendUint(b, m.id, 10)) // one allocation
	*to = Delivered{
		Receipt: both[:id], MessageID: both[id:], Message: m.value,
		Attempt: m.attempts, Priority: int(m.priority), Group: m.group, Headers: m.headers,
		PublishedAt: m.publishedAt, PublishedBy: m.publishedBy, LeaseExpiresAt: m.due,
		Reason: m.reason, Died: m.death.shown(),
	}
}
