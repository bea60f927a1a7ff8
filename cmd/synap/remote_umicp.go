package main

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/umicp/client"
)

// asker is a server as a subcommand sees it.
type asker interface {
	command.Executor
	close()
}

// newAsker returns an executor that runs the table's commands at the server, in the protocol of its URL. Nothing is sent yet.
func newAsker(c *Config, table *command.Table) asker {
	if overHTTP(c.Server) {
		return newRemote(c, table)
	}
	s := &remoteUMICP{address: c.Server, table: table}
	s.options.APIKey, s.options.PeerID = c.findKey(), c.Agent
	s.options.TLS, s.broken = c.clientTLS()
	return s
}

// overHTTP reports whether the server at the URL is asked over HTTP.
func overHTTP(server string) bool {
	u, err := url.Parse(server)
	return err != nil || u.Scheme == "http" || u.Scheme == "https"
}

// remoteUMICP is an executor that asks a server over UMICP. Its answers are the server's, as JSON.
type remoteUMICP struct {
	address string
	options client.Options
	table   *command.Table
	broken  error // why no connection can be made at all

	mu     sync.Mutex
	client *client.Client // nil before the first call
}

var _ command.Executor = (*remoteUMICP)(nil)

// Table implements command.Executor.
func (s *remoteUMICP) Table() *command.Table { return s.table }

func (s *remoteUMICP) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		_ = s.client.Close() // nothing is under way
	}
}

// begin makes a call of a request, and a connection if there is none.
func (s *remoteUMICP) begin(ctx context.Context, r *command.Request) (*client.Client, client.Raw, []client.Option, error) {
	if err := r.Validate(); err != nil {
		return nil, nil, nil, err
	}
	payload, err := payloadOf(r)
	if err != nil {
		return nil, nil, nil, err
	}
	var args client.Raw
	if len(payload) > 0 {
		if args, err = client.FromJSON(payload); err != nil {
			return nil, nil, nil, err
		}
	}
	var opts []client.Option
	switch {
	case r.Namespace != "":
		opts = append(opts, client.Namespace(r.Namespace))
	case r.Caller.Namespace != core.DefaultNamespace: // as over HTTP
		opts = append(opts, client.Namespace(r.Caller.Namespace))
	}
	if r.Durability != 0 {
		opts = append(opts, client.Durability(r.Durability.String()))
	}
	if r.IdempotencyKey != "" {
		opts = append(opts, client.IdempotencyKey(r.IdempotencyKey))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		if s.broken != nil {
			return nil, nil, nil, s.broken
		}
		if s.client, err = client.Dial(ctx, s.address, s.options); err != nil {
			s.client = nil // the next call tries again
			return nil, nil, nil, err
		}
	}
	return s.client, args, opts, nil
}

// Do implements command.Executor. The response is a json.RawMessage. Like that over HTTP it takes a Watch, too.
func (s *remoteUMICP) Do(ctx context.Context, r *command.Request) (any, error) {
	c, args, opts, err := s.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	if r.Command.Kind == command.KindWatch {
		opts = append(opts, client.Once())
	}
	var answer client.Raw
	if err := c.Call(ctx, r.Command.Name, args, &answer, opts...); err != nil {
		return nil, err
	}
	return answer.JSON()
}

// Watch implements command.Executor. Events are given to the sink as json.RawMessage. Like that over HTTP it ends when the connection breaks, with
// an error that says so.
func (s *remoteUMICP) Watch(ctx context.Context, r *command.Request, sink command.Sink) error {
	c, args, opts, err := s.begin(ctx, r)
	if err != nil {
		return err
	}
	for e, err := range c.Watch(ctx, r.Command.Name, args, append(opts, client.Marks(), client.UntilBroken())...) {
		if fault.CodeOf(err) == fault.Unavailable {
			return fault.Wrap(fault.Unavailable, fmt.Errorf("%w: %w", errBroken, err), "%s", fault.From(err).Message)
		}
		if err != nil {
			return err
		}
		var at journal.Position
		if e.Position != "" {
			if at, err = journal.ParsePosition(e.Position); err != nil {
				return fault.From(err)
			}
		}
		if e.Value == nil {
			if err := sink.Flush(at); err != nil {
				return err
			}
			continue
		}
		event, err := e.Value.JSON()
		if err != nil {
			return err
		}
		if err := sink.Event(at, event); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return fault.From(ctx.Err())
	}
	return nil
}
