package queue

import (
	"context"
	"slices"
	"strconv"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// RedriveRequest says which dead letters to bring back, and where.
type RedriveRequest struct {
	Queue      string   `json:"queue" jsonschema:"the queue that the dead letters are in: its own, and those that came from other queues and wait in it"`
	To         string   `json:"to,omitempty" jsonschema:"the queue they go to; back to where they died when absent"`
	MessageIDs []string `json:"message_ids,omitempty" max:"1000" jsonschema:"only these; all when absent"`
	Limit      int      `json:"limit,omitempty" default:"1000" min:"1" max:"10000" jsonschema:"at most so many, the oldest first"`

	ids []uint64 // of MessageIDs, sorted; Validate fills it in
}

// Resources are both queues; where letters of other queues died is checked when it is known.
func (r *RedriveRequest) Resources() []auth.Resource {
	all := []auth.Resource{auth.Name(structureName, r.Queue)}
	if r.To != "" {
		all = append(all, auth.Name(structureName, r.To))
	}
	return all
}

// Validate reads the ids.
func (r *RedriveRequest) Validate() error {
	if err := checkName(r.Queue); err != nil {
		return err
	}
	if r.To != "" {
		if err := checkName(r.To); err != nil {
			return fault.From(err).With("field", "to")
		}
	}
	r.ids = r.ids[:0]
	for i, text := range r.MessageIDs {
		id, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fault.New(fault.Invalid, "%q is no message_id", clip(text)).With("field", "message_ids").With("index", i)
		}
		r.ids = append(r.ids, id)
	}
	slices.Sort(r.ids)
	return nil
}

// RedriveResponse says how many came back.
type RedriveResponse struct {
	Redriven int `json:"redriven" jsonschema:"how many messages may be received again"`
	Left     int `json:"left" jsonschema:"how many dead letters are left, because of limit or because the queue they go to is full"`
	command.Receipt
}

func (s *Queues) redrive(_ context.Context, tx *command.Tx, r *RedriveRequest) (resp RedriveResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.find(r.Queue)
	if q == nil {
		return resp, noQueue(r.Queue)
	}
	if err := s.catchUp(tx, q); err != nil {
		return resp, err
	}
	d := s.draft(tx)
	p := d.plan(r.Queue)
	var full error
	for _, m := range q.letters(r.ids) {
		if full == nil && resp.Redriven < r.Limit {
			if full, err = d.redrive(p, m, r.To); err != nil {
				return RedriveResponse{}, err
			}
			if full == nil {
				resp.Redriven++
				continue
			}
		}
		resp.Left++
	}
	if resp.Redriven == 0 && full != nil {
		return resp, full
	}
	_, err = d.commit()
	return resp, err
}

// letters returns the dead letters of the queue, and those that wait in it and died elsewhere, the oldest
// first; with ids only these.
func (q *queue) letters(ids []uint64) (all []*message) {
	pick := func(m *message) bool {
		if m.death == nil || m.state == leased {
			return true
		}
		if len(ids) > 0 {
			if _, chosen := slices.BinarySearch(ids, m.id); !chosen {
				return true
			}
		}
		all = append(all, m)
		return true
	}
	q.dead.each(pick)
	if q.foreign > 0 {
		for _, o := range []*order{&q.line, &q.blocked, &q.delayed} {
			o.each(pick)
		}
	}
	slices.SortFunc(all, func(a, b *message) int {
		if byID(a, b) {
			return -1
		}
		return 1
	})
	return all
}

// redrive brings one dead letter back. full says that there is no room for it.
func (d *draft) redrive(p *plan, m *message, to string) (full, err error) {
	if to == "" {
		to = m.death.queue
	}
	if to != p.name {
		if err := d.tx.Caller().Check(auth.Write, auth.Name(structureName, to)); err != nil {
			return nil, err
		}
	}
	target, err := d.need(to)
	if err != nil {
		return nil, err
	}
	count, bytes := 1, m.size
	if to == p.name && m.live() {
		count, bytes = 0, 0
	}
	if int64(target.depth+count) > target.settings.MaxDepth || target.bytes+bytes > target.settings.MaxBytes {
		return fault.New(fault.Exhausted, "queue %q is full: it holds %d messages of at most %d", to, target.depth, target.settings.MaxDepth).
			With("limit", target.settings.MaxDepth).With("depth", target.depth), nil
	}
	expires := later(d.tx.Now(), target.settings.RetentionMS)
	if to == p.name {
		d.move(p, m, move{to: ready, cause: redriven, fresh: true, due: expires})
		return nil, nil
	}
	d.move(p, m, move{to: gone, cause: moved})
	op := &put{body: *m.body}
	op.body.expires = expires
	d.put(target, op)
	return nil, nil
}
