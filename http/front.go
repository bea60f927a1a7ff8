package http

import (
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/fault"
)

// The headers that the door understands besides those of HTTP itself.
const (
	headerNamespace      = "Synap-Namespace"
	headerDurability     = "Synap-Durability"
	headerIdempotencyKey = "Idempotency-Key"
	headerAgent          = "Synap-Agent"
	headerRequestID      = "X-Request-Id"
	headerTrace          = "Traceparent"
)

// front keeps out what must not come in, whoever calls: requests under a foreign Host name, with which a web
// page could reach a server on the reader's own machine (DNS rebinding), and requests of foreign pages.
type front struct {
	hosts     []string // lower case, without ports
	anyHost   bool
	origins   []string // lower case
	anyOrigin bool
}

func newFront(hosts, origins []string) front {
	f := front{anyHost: slices.Contains(hosts, "*"), anyOrigin: slices.Contains(origins, "*")}
	for _, h := range hosts {
		f.hosts = append(f.hosts, hostName(strings.ToLower(h)))
	}
	for _, origin := range origins {
		f.origins = append(f.origins, strings.ToLower(strings.TrimSuffix(origin, "/")))
	}
	return f
}

// traced puts what the caller says about its request into the context, for logs, and says in the answer by which id it is known.
// One that the caller did not name is named by its connection: a context of its own costs a request more than a small read.
func traced(w http.ResponseWriter, r *http.Request) *http.Request {
	trace := clients.NewTrace(first(r.Header, headerRequestID), first(r.Header, headerTrace))
	alone := false
	if trace.RequestID == "" {
		client := clients.FromContext(r.Context())
		if alone = client != nil && r.ProtoMajor == 1; alone {
			trace.RequestID = client.NextRequest()
		} else {
			trace.RequestID = clients.NewRequestID()
		}
	}
	w.Header()[headerRequestID] = []string{trace.RequestID}
	if alone && trace.TraceID == "" {
		return r // whoever logs finds the id by the connection
	}
	return r.WithContext(clients.WithTrace(r.Context(), &trace))
}

// admit answers the request itself and returns false when it must go no further.
func (f *front) admit(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path == routeHealth || r.URL.Path == routeReady {
		return true // probes use addresses, and learn nothing
	}
	if !f.anyHost && !f.hostAllowed(r.Host) {
		refuse(w, r, "the host %q is not one of this server's names", clip(r.Host))
		return false
	}
	origin := first(r.Header, "Origin")
	if origin == "" {
		return f.admitUnnamed(w, r)
	}
	listed := f.anyOrigin || slices.Contains(f.origins, strings.ToLower(origin))
	if !listed && !sameOrLoopback(origin, r.Host) {
		refuse(w, r, "pages of %q may not use this server", clip(origin))
		return false
	}
	return !listed || !cors(w, r, origin)
}

// admitUnnamed is admit for a request that names no origin. A browser names none when a page has it fetch a picture or a script, or send its
// reader there, but says in Sec-Fetch-Site that a page of another site is behind it: the page does not see the answer, and a GET that takes messages from
// a queue has taken them. Of the same site are the other names under ours, too; on this machine that is everything, as with origins.
func (f *front) admitUnnamed(w http.ResponseWriter, r *http.Request) bool {
	switch site := first(r.Header, "Sec-Fetch-Site"); {
	case site != "cross-site" && site != "same-site", f.anyOrigin, r.URL.Path == routeIndex:
		return true
	case site == "same-site" && loopback(hostName(r.Host)):
		return true
	}
	refuse(w, r, "pages of other sites may not use this server")
	return false
}

func refuse(w http.ResponseWriter, r *http.Request, format string, args ...any) {
	x := &exchange{w: w, r: r}
	x.fail(fault.New(fault.Denied, format, args...))
}

// first is Header.Get for a key that is in its canonical form.
func first(h http.Header, canonical string) string {
	if v := h[canonical]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (f *front) hostAllowed(host string) bool {
	name := hostName(host)
	return loopback(name) || slices.Contains(f.hosts, strings.ToLower(name))
}

// hostName drops the port, and the brackets of an IPv6 address.
func hostName(host string) string {
	colon := strings.IndexByte(host, ':')
	switch {
	case colon < 0:
		return host
	case strings.IndexByte(host[colon+1:], ':') < 0:
		return host[:colon]
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

func loopback(name string) bool {
	if name == "127.0.0.1" || strings.EqualFold(name, "localhost") {
		return true
	}
	if name == "" || (name[0] != '1' && name[0] != ':') {
		return false // spares the parser what cannot be a loopback address
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.IsLoopback()
}

// sameOrLoopback reports whether a page was served by this host itself or by this machine.
func sameOrLoopback(origin, host string) bool {
	scheme, at, ok := strings.Cut(origin, "://")
	if !ok || (scheme != "http" && scheme != "https") {
		return false // "null" too
	}
	return strings.EqualFold(at, host) || loopback(hostName(at))
}

// cors tells the browser that the origin may read the answer, and answers its preflights; true means answered.
func cors(w http.ResponseWriter, r *http.Request, origin string) bool {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "ETag, Retry-After, RateLimit, RateLimit-Policy, Location, "+headerRequestID)
	h.Add("Vary", "Origin")
	if r.Method != http.MethodOptions || first(r.Header, "Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", first(r.Header, "Access-Control-Request-Headers"))
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// recovered turns a panic, which is a bug, into an Internal error for this one caller. When the answer has
// begun, all that is left is to break it off.
func (d *Door) recovered(c *gin.Context) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
		panic(p)
	}
	d.o.Log.WithField("path", c.FullPath()).Errorf("panic: %v\n%s", p, debug.Stack())
	if c.Writer.Written() {
		panic(http.ErrAbortHandler)
	}
	x := &exchange{w: c.Writer, r: c.Request}
	x.fail(fault.New(fault.Internal, "internal error"))
}
