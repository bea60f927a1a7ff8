package http

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// headerAPIKey is for clients that cannot set Authorization.
const headerAPIKey = "X-Api-Key" // #nosec G101 -- the name of a header

// readCredential reads what a request shows of its caller: an API key as a bearer token or in X-API-Key, a user and a password
// as HTTP Basic has them, and for a WebSocket, which a browser opens without headers, a ticket in the address. A key in an
// address is never looked at: addresses end up in logs.
func (d *Door) readCredential(c *auth.Credential, r *http.Request) error {
	c.From = r.RemoteAddr
	if tls := r.TLS; tls != nil && len(tls.VerifiedChains) > 0 {
		c.Certificate = d.o.CertificateName(tls.VerifiedChains[0][0])
	}
	c.Key = first(r.Header, headerAPIKey)
	authorization := first(r.Header, "Authorization")
	if authorization == "" {
		if r.URL.Path == routeSocket && c.Key == "" && r.URL.RawQuery != "" {
			c.Ticket = r.URL.Query().Get("ticket")
		}
		return nil
	}
	scheme, rest, _ := strings.Cut(authorization, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case c.Key != "" && c.Key != rest:
		return fault.New(fault.Unauthenticated, "Authorization and X-API-Key name two different callers: send one of them")
	case strings.EqualFold(scheme, "Bearer"):
		c.Key = rest
	case strings.EqualFold(scheme, "Basic"):
		text, err := base64.StdEncoding.DecodeString(rest)
		user, password, ok := strings.Cut(string(text), ":")
		if err != nil || !ok {
			return fault.New(fault.Unauthenticated, "the Authorization header cannot be read: Basic takes user:password in base64")
		}
		c.User, c.Password = user, password
	default:
		return fault.New(fault.Unauthenticated, "the authorization scheme %q is not understood: send Bearer sk_… or Basic", clip(scheme))
	}
	if c.Key == "" && c.User == "" {
		return fault.New(fault.Unauthenticated, "the Authorization header names nobody")
	}
	return nil
}
