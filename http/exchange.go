package http

import (
	"context"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// peer is who calls, with what the headers say about all of its calls.
type peer struct {
	caller         *auth.Identity
	namespace      string
	durability     journal.Durability
	idempotencyKey string
	shown          auth.Credential // only while identify runs; here so that none is allocated
}

// exchange is one HTTP request and its answer. It is used again once its handler has returned: nothing that
// outlives the handler may touch it.
type exchange struct {
	peer
	w      http.ResponseWriter
	r      *http.Request
	params gin.Params
	rates  rater // nil when there are none
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// identify finds out who calls.
func (d *Door) identify(p *peer, r *http.Request) (err error) {
	if err := d.readCredential(&p.shown, r); err != nil {
		return err
	}
	p.caller, err = d.o.Authenticator.Authenticate(r.Context(), &p.shown)
	p.shown = auth.Credential{}
	if err == nil {
		p.caller, err = p.caller.As(first(r.Header, headerAgent))
	}
	if err != nil {
		return err
	}
	p.namespace = first(r.Header, headerNamespace)
	p.idempotencyKey = first(r.Header, headerIdempotencyKey)
	if level := first(r.Header, headerDurability); level != "" {
		if err := p.durability.UnmarshalText([]byte(level)); err != nil {
			return fault.Wrap(fault.Invalid, err, "%s: %s", headerDurability, err)
		}
	}
	return nil
}

// request is a call of the command by this peer, still without its arguments.
func (p *peer) request(c *command.Command) *command.Request {
	return &command.Request{
		Caller: p.caller, Command: c,
		Namespace: p.namespace, Durability: p.durability, IdempotencyKey: p.idempotencyKey,
	}
}

// run runs a call that is answered once; a watch answers with what there is.
func (d *Door) run(ctx context.Context, r *command.Request) (any, error) {
	if r.Command.Kind != command.KindWatch {
		answer, err := d.o.Executor.Do(ctx, r)
		if err != nil {
			return nil, d.ended(err)
		}
		return answer, nil
	}
	ctx, done := d.untilStop(ctx)
	defer done()
	events, err := command.Collect(ctx, d.o.Executor, r)
	if err != nil {
		return nil, d.ended(err)
	}
	return events, nil
}

// ended says why a watch or a wait was cut short: a caller that did not cancel it is told that the door stops.
func (d *Door) ended(err error) error {
	if fault.CodeOf(err) == fault.Canceled && d.stopping.Err() != nil {
		return errStopping
	}
	return err
}

var errStopping = fault.New(fault.Unavailable, "the server is shutting down")
