package http

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// The routes that no command declares.
const (
	routeIndex   = "/"
	routeCommand = "/api/v1/command"
	routeSocket  = "/v1/ws"
	routeOpenAPI = "/openapi.json"
	routeHealth  = "/health"
	routeReady   = "/ready"
	routeMetrics = "/metrics"
)

// Mount is another door behind the same front: its handler finds who calls with auth.FromContext, a body
// that is inflated and bounded, and a context that ends when the server stops.
type Mount struct {
	Pattern string // a path, such as "/mcp"; one that ends in a slash is everything below it
	Handler http.Handler
}

// route builds the router. gin panics over routes that contradict each other; that is an error here.
func (d *Door) route() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the routes contradict each other: %v", p)
		}
	}()
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	// Keys may hold encoded slashes. gin would unescape a path as if it were a query, and make "+" a space.
	e.UseRawPath, e.UnescapePathValues = true, false
	e.RedirectTrailingSlash = false
	e.HandleMethodNotAllowed = true
	d.engine = e

	e.POST(routeCommand, d.handle(d.serveEnvelope))
	e.GET(routeSocket, d.handle(d.serveSocket))
	d.routeFeeds()
	e.GET(routeMetrics, d.handle(d.serveMetrics))
	d.lookOnly(routeOpenAPI, d.serveOpenAPI)
	d.lookOnly(routeIndex, d.serveIndex)
	d.lookOnly(routeHealth, serveHealth)
	d.lookOnly(routeReady, d.serveReady)
	e.NoRoute(d.handle(nowhere))
	e.NoMethod(d.handle(wrongMethod))
	for _, m := range d.o.Mounts {
		pattern := m.Pattern
		if strings.HasSuffix(pattern, "/") {
			pattern += "*below"
		}
		e.Any(pattern, d.handle(d.mounted(m.Handler)))
	}
	for _, c := range d.o.Executor.Table().Commands() {
		e.POST("/v1/"+strings.ReplaceAll(c.Name, ".", "/"), d.handle(d.serveDerived(c)))
	}
	return d.routeResources()
}

// lookOnly serves what everybody may see, for GET and HEAD.
func (d *Door) lookOnly(path string, h handler) {
	d.engine.GET(path, d.handleAnyone(h))
	d.engine.HEAD(path, d.handleAnyone(h))
}

// routeResources routes what the commands declare. A route that both a Watch and another command declare is
// the Watch's when the caller asks for a stream of events.
func (d *Door) routeResources() error {
	type pair struct{ plain, watch handler }
	pairs := map[string]*pair{}
	var order []string
	for _, c := range d.o.Executor.Table().Commands() {
		for _, route := range c.Routes {
			b, err := newBinder(c, route)
			if err != nil {
				return fmt.Errorf("%s: route %q: %w", c.Name, route, err)
			}
			place, _, _ := strings.Cut(route, "?")
			p := pairs[place]
			if p == nil {
				p = &pair{}
				pairs[place], order = p, append(order, place)
			}
			slot := &p.plain
			if c.Kind == command.KindWatch {
				slot = &p.watch
			}
			if *slot != nil {
				return fmt.Errorf("%s: route %q is another command's too", c.Name, route)
			}
			*slot = d.serveResource(b)
		}
	}
	for _, route := range order {
		method, path, _ := strings.Cut(route, " ")
		h := either(pairs[route].plain, pairs[route].watch)
		d.engine.Handle(method, "/v1"+path, d.handle(h))
		if method == http.MethodGet {
			d.engine.HEAD("/v1"+path, d.handle(h))
		}
	}
	return nil
}

func either(plain, watch handler) handler {
	switch {
	case watch == nil:
		return plain
	case plain == nil:
		return watch
	}
	return func(x *exchange) error {
		if streamOf(x.r) != noStream {
			return watch(x)
		}
		return plain(x)
	}
}

func nowhere(x *exchange) error {
	return fault.New(fault.NotFound, "there is nothing at %s; %s lists everything there is", clip(x.r.URL.Path), routeOpenAPI).
		With("openapi", routeOpenAPI)
}

// wrongMethod answers 405, which no error code means; gin has set Allow.
func wrongMethod(x *exchange) error {
	return x.failAs(http.StatusMethodNotAllowed, fault.New(fault.Invalid, "%s does not take %s but %s",
		clip(x.r.URL.Path), clip(x.r.Method), x.w.Header().Get("Allow")).With("openapi", routeOpenAPI))
}

// clip shortens what a caller sent before it is repeated in an error.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return strings.ToValidUTF8(s, "�")
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
