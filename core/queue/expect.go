package queue

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// condition lets a transaction depend on how full a queue is, and on leases. A queue has no version, so it cannot be
// watched.
var condition = &command.Condition{Check: "queue.check", Field: "queue"}

// checking declares the command that makes a condition of a queue.
func checking() *command.Command {
	return command.Read(command.Info{
		Name: "queue.check", Op: 0x020f, Args: "queue",
		Summary: "Check that a queue is as you expect: conflict if it is not.",
		Doc: "This is how a transaction depends on a queue: a condition of txn.exec is a request of this command. The depth counts ready, leased " +
			"and delayed messages, as queue.stats does; a queue that does not exist has none. To acknowledge a message and do its work " +
			"in one transaction, make it a condition that the receipt is still good: queue.ack of a stale one is no error.",
	}, (*Queues).expect)
}

// CheckRequest says what is expected of a queue. What is not given is not checked.
type CheckRequest struct {
	Queue    string `json:"queue" jsonschema:"the queue"`
	Exists   *bool  `json:"exists,omitempty" jsonschema:"whether the queue exists"`
	MinDepth *int   `json:"min_depth,omitempty" min:"0" max:"1000000000" jsonschema:"at least so many messages are ready, leased or delayed"`
	MaxDepth *int   `json:"max_depth,omitempty" min:"0" max:"1000000000" jsonschema:"at most so many messages are"`
	// A stale receipt is no error of queue.ack. This is how a worker's transaction does not do twice what only the holder
	// of the lease may do.
	Receipts []string `json:"receipts,omitempty" max:"1000" jsonschema:"these receipts of queue.receive are still good: none of their leases has ended"`

	parsed []receipt // of Receipts; Validate fills it in
}

// Resource is the queue.
func (r *CheckRequest) Resource() auth.Resource { return auth.Name(structureName, r.Queue) }

// Validate refuses what cannot be a queue, and bounds that nothing is between.
func (r *CheckRequest) Validate() error {
	if r.MinDepth != nil && r.MaxDepth != nil && *r.MinDepth > *r.MaxDepth {
		return fault.New(fault.Invalid, `"min_depth" is %d and "max_depth" %d: no depth is both`, *r.MinDepth, *r.MaxDepth).
			With("field", "max_depth")
	}
	r.parsed = r.parsed[:0]
	for _, text := range r.Receipts {
		rc, err := parseReceipt(text)
		if err != nil {
			return err
		}
		if rc.queue != r.Queue {
			return fault.New(fault.Invalid, "%q is a receipt of queue %q, not of %q", clip(text), rc.queue, clip(r.Queue)).
				With("field", "receipts")
		}
		r.parsed = append(r.parsed, rc)
	}
	return checkName(r.Queue)
}

// CheckResponse is what there is.
type CheckResponse struct {
	Exists bool `json:"exists" jsonschema:"whether the queue exists"`
	Depth  int  `json:"depth" jsonschema:"how many messages are ready, leased or delayed"`
}

func (s *Queues) expect(_ context.Context, r *CheckRequest) (resp CheckResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.find(r.Queue)
	if q != nil {
		resp = CheckResponse{Exists: true, Depth: q.depth()}
	}
	for i, rc := range r.parsed {
		if q.holds(rc, s.env.Clock.Now()) == nil {
			return resp, command.Unmet("receipts", r.Receipts[i], "stale", "receipt %q is stale: its lease has ended, or it was settled before",
				clip(r.Receipts[i]))
		}
	}
	return resp, r.compare(resp)
}

// compare reports the first expectation that is not met.
func (r *CheckRequest) compare(found CheckResponse) error {
	switch {
	case r.Exists != nil && *r.Exists != found.Exists && found.Exists:
		return command.Unmet("exists", false, true, "queue %q exists", r.Queue)
	case r.Exists != nil && *r.Exists != found.Exists:
		return command.Unmet("exists", true, false, "there is no queue %q", r.Queue)
	case r.MinDepth != nil && found.Depth < *r.MinDepth:
		return command.Unmet("min_depth", *r.MinDepth, found.Depth, "queue %q has a depth of %d; at least %d was expected",
			r.Queue, found.Depth, *r.MinDepth)
	case r.MaxDepth != nil && found.Depth > *r.MaxDepth:
		return command.Unmet("max_depth", *r.MaxDepth, found.Depth, "queue %q has a depth of %d; at most %d was expected",
			r.Queue, found.Depth, *r.MaxDepth)
	}
	return nil
}
