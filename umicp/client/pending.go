package client

import "context"

// Call runs a command and fills what response points at: a struct, a map, a *Raw, or nothing with nil. The request is
// a struct, a map, Raw, or nil.
func (c *Client) Call(ctx context.Context, operation string, args, response any, opts ...Option) error {
	p := c.begin(ctx, operation, args, response, opts)
	return p.Wait(ctx)
}

// Pending is a call that was begun.
type Pending struct {
	session *session
	p       *pending // nil when it is over, with err
	err     error
}

// Start begins a call, to be waited for later: many can be under way, and those that are quick are run and answered in
// the order in which they were begun. Over HTTP it is made at once, and Start returns when it is over.
func (c *Client) Start(ctx context.Context, operation string, args, response any, opts ...Option) *Pending {
	p := c.begin(ctx, operation, args, response, opts)
	return &p
}

func (c *Client) begin(ctx context.Context, operation string, args, response any, opts []Option) Pending {
	r := &request{operation: operation, args: args, stream: beside[operation]}
	for _, o := range opts {
		o(r)
	}
	if c.http != nil {
		return Pending{err: c.http.call(ctx, r, response)}
	}
	s, err := c.connected(ctx)
	if err != nil {
		return Pending{err: err}
	}
	p, err := s.start(ctx, r, response)
	return Pending{s, p, err}
}

// Wait returns when the response is there.
func (p *Pending) Wait(ctx context.Context) error {
	if p.err != nil || p.p == nil {
		return p.err
	}
	return p.session.wait(ctx, p.p)
}
