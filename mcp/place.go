package mcp

import (
	"context"
	"net/http"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// connector is an executor that counts the connections which stay in a namespace. A session is one, from initialize until it
// ends, with whatever streams it has.
type connector interface {
	Connect(caller *auth.Identity, namespace string) (leave func(), err error)
}

// place is one among the connections of a caller's namespace. It is taken before it is known whether the request opens a
// session, which then keeps it.
type place struct {
	leave func()
	kept  bool
}

type placeKey struct{}

// reserve takes a place for the session that a request may open. release gives it back if no session has kept it.
func (s *Server) reserve(ctx context.Context, id *auth.Identity) (with context.Context, release func(), no *refusal) {
	c, counts := s.executor.(connector)
	if !counts {
		return ctx, func() {}, nil
	}
	leave, err := c.Connect(id, "")
	if err != nil {
		status := http.StatusServiceUnavailable
		if fault.CodeOf(err) != fault.Exhausted {
			status = http.StatusForbidden
		}
		return nil, nil, &refusal{status, fault.From(err).Message}
	}
	p := &place{leave: leave}
	return context.WithValue(ctx, placeKey{}, p), func() {
		if !p.kept {
			leave()
		}
	}, nil
}

// keepPlace hands the request's place to a session; the function gives it back.
func keepPlace(r *http.Request) (leave func()) {
	p, ok := r.Context().Value(placeKey{}).(*place)
	if !ok || p.kept {
		return func() {}
	}
	p.kept = true
	return p.leave
}
