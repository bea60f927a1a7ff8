package http

import (
	"net/http"
	"strconv"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/quota"
)

// The headers that tell callers how the rates stand that they are held to, as the IETF's draft on rate limit fields names
// them. Both are lists: one entry for each rate.
const (
	headerRateLimit       = "Ratelimit"
	headerRateLimitPolicy = "Ratelimit-Policy"
)

// rater is an executor that holds its callers to rates, and counts the connections that stay in a namespace.
type rater interface {
	Levels(caller *auth.Identity, namespace string) []quota.Level
	Connect(caller *auth.Identity, namespace string) (leave func(), err error)
}

// connect counts a connection that stays in its caller's namespace, and refuses one too many. leave is called when it is over.
func (x *exchange) connect() (leave func(), err error) {
	if x.rates == nil {
		return func() {}, nil
	}
	return x.rates.Connect(x.caller, x.namespace)
}

// setRates says in the answer's headers how the rates stand, if there are any.
func (x *exchange) setRates() {
	if x.rates == nil || x.caller == nil {
		return
	}
	levels := x.rates.Levels(x.caller, x.namespace)
	if len(levels) == 0 {
		return
	}
	var policy, limit []byte
	for i, l := range levels {
		if i > 0 {
			policy, limit = append(policy, ", "...), append(limit, ", "...)
		}
		policy, limit = appendPolicy(policy, l), appendLimit(limit, l)
	}
	h := x.w.Header()
	h[headerRateLimitPolicy], h[headerRateLimit] = []string{string(policy)}, []string{string(limit)}
}

// appendPolicy appends what may come: "requests";q=20;w=2 is 20 within 2 seconds.
func appendPolicy(b []byte, l quota.Level) []byte {
	b = append(strconv.AppendQuote(b, l.Name), ";q="...)
	b = append(strconv.AppendInt(b, l.Burst, 10), ";w="...)
	b = strconv.AppendInt(b, max(1, (l.Burst+l.PerSecond-1)/l.PerSecond), 10)
	if l.Name == quota.BytesPerS.String() {
		b = append(b, `;qu="content-bytes"`...)
	}
	return b
}

// appendLimit appends what is left of it, and in how many seconds all of it is there again.
func appendLimit(b []byte, l quota.Level) []byte {
	b = append(strconv.AppendQuote(b, l.Name), ";r="...)
	b = append(strconv.AppendInt(b, l.Left, 10), ";t="...)
	return strconv.AppendInt(b, int64((l.Full+time.Second-1)/time.Second), 10)
}

// slowDown answers the request itself, with when to come again, and returns true when too many come from its address,
// whoever they are from. Those who probe whether the server is well are not counted.
func (d *Door) slowDown(w http.ResponseWriter, r *http.Request) bool {
	if d.o.Addresses == nil || !d.o.Addresses.Limited() || r.URL.Path == routeHealth || r.URL.Path == routeReady {
		return false
	}
	err := d.o.Addresses.Take(quota.AddressKey(r.RemoteAddr), quota.Rate{}, time.Now(), 1)
	if err == nil {
		return false
	}
	d.penalty.Hold(r.Context())
	x := &exchange{w: w, r: r}
	x.fail(err)
	return true
}
