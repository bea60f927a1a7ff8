package queue

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// ConfigureRequest names a queue and the settings to give it.
type ConfigureRequest struct {
	Queue string `json:"queue" jsonschema:"the queue"`
	Change
}

// Resources are the queue and the one that its dead letters go to.
func (r *ConfigureRequest) Resources() []auth.Resource {
	all := []auth.Resource{auth.Name(structureName, r.Queue)}
	if r.DeadLetterQueue != nil && *r.DeadLetterQueue != "" {
		all = append(all, auth.Name(structureName, *r.DeadLetterQueue))
	}
	return all
}

// Validate refuses what cannot be a queue.
func (r *ConfigureRequest) Validate() error { return checkName(r.Queue) }

// ConfigureResponse is the queue's settings now.
type ConfigureResponse struct {
	Created  bool     `json:"created" jsonschema:"true when the queue is new"`
	Settings Settings `json:"settings"`
	command.Receipt
}

func (s *Queues) create(_ context.Context, tx *command.Tx, r *ConfigureRequest) (resp ConfigureResponse, err error) {
	settings, err := r.Change.apply(defaults, r.Queue)
	if err != nil {
		return resp, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.find(r.Queue); q != nil {
		if *q.settings == settings {
			return ConfigureResponse{Settings: settings}, nil
		}
		return resp, fault.New(fault.AlreadyExists, "queue %q exists and has other settings; change them with queue.update", r.Queue)
	}
	d := s.draft(tx)
	if _, err := d.create(r.Queue, &settings); err != nil {
		return resp, err
	}
	_, err = d.commit()
	return ConfigureResponse{Created: true, Settings: settings}, err
}

func (s *Queues) update(_ context.Context, tx *command.Tx, r *ConfigureRequest) (resp ConfigureResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.find(r.Queue)
	if q == nil {
		return resp, noQueue(r.Queue)
	}
	settings, err := r.Change.apply(*q.settings, r.Queue)
	if err != nil || settings == *q.settings {
		return ConfigureResponse{Settings: *q.settings}, err
	}
	_, err = tx.Commit(&configure{name: q.name, created: q.created, paused: q.paused, settings: &settings})
	return ConfigureResponse{Settings: settings}, err
}

// QueueRequest names a queue.
type QueueRequest struct {
	Queue string `json:"queue" jsonschema:"the queue"`
}

// Resource is the queue.
func (r *QueueRequest) Resource() auth.Resource { return auth.Name(structureName, r.Queue) }

// Validate refuses what cannot be a queue.
func (r *QueueRequest) Validate() error { return checkName(r.Queue) }

// PauseResponse says whether anything changed.
type PauseResponse struct {
	Paused  bool `json:"paused" jsonschema:"whether the queue hands out nothing now"`
	Changed bool `json:"changed" jsonschema:"false when it was so before"`
	command.Receipt
}

func (s *Queues) pause(_ context.Context, tx *command.Tx, r *QueueRequest) (PauseResponse, error) {
	return s.setPaused(tx, r.Queue, true)
}

func (s *Queues) resume(_ context.Context, tx *command.Tx, r *QueueRequest) (PauseResponse, error) {
	return s.setPaused(tx, r.Queue, false)
}

func (s *Queues) setPaused(tx *command.Tx, name string, paused bool) (resp PauseResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.find(name)
	if q == nil {
		return resp, noQueue(name)
	}
	resp = PauseResponse{Paused: paused, Changed: q.paused != paused}
	if resp.Changed {
		_, err = tx.Commit(&configure{name: q.name, created: q.created, paused: paused, settings: q.settings})
	}
	return resp, err
}

// DeleteRequest names a queue to delete.
type DeleteRequest struct {
	Queue   string `json:"queue" jsonschema:"the queue"`
	IfEmpty bool   `json:"if_empty,omitempty" jsonschema:"only if it holds nothing, not even dead letters; conflict otherwise"`
}

// Resource is the queue.
func (r *DeleteRequest) Resource() auth.Resource { return auth.Name(structureName, r.Queue) }

// Validate refuses what cannot be a queue.
func (r *DeleteRequest) Validate() error { return checkName(r.Queue) }

// DeleteResponse says what went with the queue.
type DeleteResponse struct {
	Messages int `json:"messages" jsonschema:"how many messages it held, dead letters included"`
	command.Receipt
}

func (s *Queues) delete(_ context.Context, tx *command.Tx, r *DeleteRequest) (resp DeleteResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.find(r.Queue)
	if q == nil {
		return resp, noQueue(r.Queue)
	}
	if err := s.catchUp(tx, q); err != nil {
		return resp, err
	}
	resp.Messages = len(q.messages)
	if r.IfEmpty && resp.Messages > 0 {
		return resp, fault.New(fault.Conflict, "queue %q holds %d messages, %d of them dead letters", r.Queue, resp.Messages, q.dead.len()).
			With("depth", q.depth()).With("dead", q.dead.len())
	}
	_, err = tx.Commit(&drop{name: r.Queue})
	return resp, err
}

// PurgeRequest says which messages of a queue to drop.
type PurgeRequest struct {
	Queue string `json:"queue" jsonschema:"the queue"`
	State string `json:"state,omitempty" default:"ready" enum:"ready,delayed,leased,dead,all" jsonschema:"drop the messages in this state"`
}

// Resource is the queue.
func (r *PurgeRequest) Resource() auth.Resource { return auth.Name(structureName, r.Queue) }

// Validate refuses what cannot be a queue.
func (r *PurgeRequest) Validate() error { return checkName(r.Queue) }

// PurgeResponse says how many there were.
type PurgeResponse struct {
	Purged int `json:"purged" jsonschema:"how many messages were dropped"`
	command.Receipt
}

// purge names every message in its record: whatever is replayed, just these are dropped.
func (s *Queues) purge(_ context.Context, tx *command.Tx, r *PurgeRequest) (resp PurgeResponse, err error) {
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
	drop := func(m *message) bool {
		d.move(p, m, move{to: gone, cause: purged})
		resp.Purged++
		return true
	}
	for name, orders := range q.byState() {
		if r.State == name || r.State == "all" {
			for _, o := range orders {
				o.each(drop)
			}
		}
	}
	_, err = d.commit()
	return resp, err
}

// byState returns the orders that hold the messages of each state.
func (q *queue) byState() map[string][]*order {
	return map[string][]*order{
		ready.String(): {&q.line, &q.blocked}, delayed.String(): {&q.delayed},
		leased.String(): {&q.leased}, dead.String(): {&q.dead},
	}
}
