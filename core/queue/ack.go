package queue

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// What a receiver says of a message.
const (
	actDone   = "done"
	actRetry  = "retry"
	actReject = "reject"
	actExtend = "extend"
)

// AckRequest says what became of messages that were received.
type AckRequest struct {
	Receipts []string `json:"receipts" max:"1000" jsonschema:"receipts of queue.receive, of any queues"`
	Action   string   `json:"action,omitempty" default:"done" enum:"done,retry,reject,extend" jsonschema:"done: finished, forget it; retry: hand it out again; reject: make it a dead letter; extend: keep it longer"`
	Seconds  *int64   `json:"seconds,omitempty" min:"0" max:"43200" jsonschema:"of a retry: after so long, by the queue's backoff when absent; of an extend: how long from now, the queue's lease when absent"`
	MS       *int64   `json:"ms,omitempty" min:"0" max:"43200000" jsonschema:"the same in milliseconds"`
	Reason   string   `json:"reason,omitempty" max:"1024" jsonschema:"of a retry or reject: why; it is kept with the message"`

	parsed []receipt // of Receipts; Validate fills it in
}

// Validate reads the receipts.
func (r *AckRequest) Validate() error {
	takesTime := r.Action == actRetry || r.Action == actExtend
	switch {
	case r.Seconds != nil && r.MS != nil:
		return fault.New(fault.Invalid, "give only one of seconds and ms").With("field", "seconds")
	case (r.Seconds != nil || r.MS != nil) && !takesTime:
		return fault.New(fault.Invalid, "%s takes no time: seconds and ms are for retry and extend", r.Action).With("field", "seconds")
	case r.Action == actExtend && r.ms() == 0:
		return fault.New(fault.Invalid, "a lease is extended by a time; to give the message back, retry it").With("field", "seconds")
	}
	if err := checkText("reason", r.Reason, maxReasonBytes); err != nil {
		return err
	}
	r.parsed = r.parsed[:0]
	for i, text := range r.Receipts {
		rc, err := parseReceipt(text)
		if err != nil {
			return fault.From(err).With("index", i)
		}
		r.parsed = append(r.parsed, rc)
	}
	return nil
}

// ms is the time that was given, in milliseconds; -1 when none was.
func (r *AckRequest) ms() int64 {
	switch {
	case r.Seconds != nil:
		return *r.Seconds * 1000
	case r.MS != nil:
		return *r.MS
	}
	return -1
}

// Resources are the queues that the receipts are of.
func (r *AckRequest) Resources() []auth.Resource {
	all := make([]auth.Resource, 0, 1)
	for i := range r.parsed {
		if i == 0 || r.parsed[i].queue != r.parsed[i-1].queue {
			all = append(all, auth.Name(structureName, r.parsed[i].queue))
		}
	}
	return all
}

// AckResponse says for each receipt what happened.
type AckResponse struct {
	Results []AckResult `json:"results" jsonschema:"one for each receipt, in order"`
	command.Receipt
}

// AckResult is what happened to the message of one receipt.
type AckResult struct {
	Receipt string `json:"receipt"`
	OK      bool   `json:"ok" jsonschema:"false when the receipt is stale: the lease ended, or was settled before; nothing was changed"`
	State   string `json:"state" jsonschema:"what became of the message: done, ready, delayed, dead or leased; of a stale receipt stale"`
	Due     int64  `json:"due,omitempty" jsonschema:"when a delayed message is handed out again, or the extended lease ends, in Unix milliseconds"`
}

func (s *Queues) ack(_ context.Context, tx *command.Tx, r *AckRequest) (AckResponse, error) {
	resp := AckResponse{Results: make([]AckResult, len(r.parsed))}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.draft(tx)
	var seen map[receipt]bool
	if len(r.parsed) > 1 {
		seen = make(map[receipt]bool, len(r.parsed))
	}
	for i, rc := range r.parsed {
		result := &resp.Results[i]
		result.Receipt = r.Receipts[i]
		q := s.find(rc.queue)
		m := q.holds(rc, tx.Now())
		if m == nil || seen[rc] {
			result.State = "stale"
			continue
		}
		if seen != nil {
			seen[rc] = true
		}
		result.OK = true
		d.settle(d.plan(rc.queue), m, r, result)
	}
	_, err := d.commit()
	return resp, err
}

// holds returns the message if the receipt's lease on it still lives, else nil.
func (q *queue) holds(rc receipt, now int64) *message {
	if q == nil {
		return nil
	}
	m := q.messages[rc.id]
	if m == nil || m.state != leased || m.token != rc.token || m.attempts != rc.attempts || m.due <= now {
		return nil
	}
	return m
}

// settle decides what becomes of one leased message.
func (d *draft) settle(p *plan, m *message, r *AckRequest, result *AckResult) {
	now := d.tx.Now()
	switch r.Action {
	case actDone:
		d.move(p, m, move{to: gone, cause: done})
		result.State = "done"
	case actReject:
		d.bury(p, m, rejected, r.Reason)
		result.State = dead.String()
	case actRetry:
		if m.spent(p.settings) {
			d.bury(p, m, maxAttempts, r.Reason)
			result.State = dead.String()
			return
		}
		wait := r.ms()
		if wait < 0 {
			wait = p.settings.backoff(m.attempts)
		}
		to := ready
		if result.Due = later(now, wait); wait > 0 {
			to = delayed
		}
		d.move(p, m, move{to: to, cause: retried, due: result.Due, reason: r.Reason})
		result.State = to.String()
	case actExtend:
		wait := r.ms()
		if wait < 0 {
			wait = p.settings.LeaseMS
		}
		result.Due = now + wait
		d.extend(p, m, result.Due)
		result.State = leased.String()
	}
}

// spent reports whether the message was handed out as often as it may be.
func (m *message) spent(s *Settings) bool {
	return s.MaxAttempts > 0 && int64(m.attempts) >= s.MaxAttempts
}

// extend moves the end of a lease.
func (d *draft) extend(p *plan, m *message, until int64) {
	op := &lease{queue: p.name, token: m.token, until: until, consumer: m.consumer}
	op.one[0] = grant{m.id, m.attempts}
	op.grants = op.one[:]
	d.ops = append(d.ops, op)
}
