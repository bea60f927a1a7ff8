// Package http is the door for HTTP: curl, browsers, plain clients, and whatever else is mounted on the same
// port.
//
// Everything it serves is derived from the command table when the door is made: the envelope at
// /api/v1/command and over WebSocket at /v1/ws, a route for every command, the resource routes that commands
// declare, and the OpenAPI document. The front (front.go) stands before all of it and before mounted doors. A
// Door owns its sockets and watches and ends them when it stops; Serve owns the server around it. The door
// knows no structure, holds no data, and decides nothing about access: it finds out who calls and hands the
// call to the executor.
package http

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/quota"
	"github.com/hivellm/synap-go/http/dialect"
)

// What Options' zero fields mean.
const (
	DefaultMaxBodyBytes   = 16 << 20
	DefaultMaxBatch       = 1000
	DefaultMaxInFlight    = 256
	DefaultMaxConnections = 100_000
	DefaultKeepAlive      = 15 * time.Second
	DefaultWriteTimeout   = 10 * time.Second
)

// Options say what a door serves. Only Executor is needed.
type Options struct {
	Executor command.Executor
	// Authenticator says who shows a credential; an error refuses the request. Nil takes everybody for auth.Local.
	Authenticator auth.Authenticator
	Version       string         // of the program, for the OpenAPI document
	Log           *logrus.Logger // nil drops what would be logged
	Ready         func() error   // why the server cannot serve now, for /ready; nil is always ready
	Mounts        []Mount        // further doors behind the same front
	// Addresses hold every address to a rate, before anybody is asked who calls; nil is no rate.
	Addresses *quota.Buckets
	// TLS, if it is not nil, is how connections are secured; then none is taken in the clear.
	TLS *tls.Config
	// CertificateName says by which name a caller is known that shows a verified certificate; "" is by none. Nil is by the
	// subject's common name.
	CertificateName func(*x509.Certificate) string
	// Clients counts and bounds the connections, of further doors too; nil is a registry of the door's own.
	Clients *clients.Registry
	// Collectors have more to say at /metrics.
	Collectors []prometheus.Collector

	// AllowedHosts are the names, without port, under which the server may be addressed besides the loopback
	// ones; "*" is any. AllowedOrigins are the web origins ("https://app.example.com") whose pages may call it
	// besides loopback ones; they get CORS headers.
	AllowedHosts   []string
	AllowedOrigins []string

	MaxBodyBytes   int64         // of a request's body, also inflated, and of a WebSocket message
	MaxBatch       int           // commands in one batch
	MaxInFlight    int           // requests and watches at once on one WebSocket; the next is refused with Exhausted
	MaxConnections int           // connections at once; the next one is answered 503 and closed. Clients goes before it
	KeepAlive      time.Duration // how often an idle event stream says that it is alive
	WriteTimeout   time.Duration // how long a caller may take nothing of what it is sent before it is dropped
}

// validate fills in defaults and refuses nonsense.
func (o *Options) validate() error {
	if o.Executor == nil {
		return errors.New("Executor: there is none")
	}
	if o.Authenticator == nil {
		o.Authenticator = auth.Everybody
	}
	if o.CertificateName == nil {
		o.CertificateName = func(cert *x509.Certificate) string { return cert.Subject.CommonName }
	}
	if o.Log == nil {
		o.Log = logrus.New()
		o.Log.SetOutput(io.Discard)
	}
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	defer func() {
		if o.Clients == nil {
			o.Clients = clients.New(clients.Limits{Connections: o.MaxConnections})
		}
	}()
	return errors.Join(
		fill("MaxBodyBytes", &o.MaxBodyBytes, DefaultMaxBodyBytes),
		fill("MaxBatch", &o.MaxBatch, DefaultMaxBatch),
		fill("MaxInFlight", &o.MaxInFlight, DefaultMaxInFlight),
		fill("MaxConnections", &o.MaxConnections, DefaultMaxConnections),
		fill("KeepAlive", &o.KeepAlive, DefaultKeepAlive),
		fill("WriteTimeout", &o.WriteTimeout, DefaultWriteTimeout),
	)
}

func fill[N int | int64 | time.Duration](name string, field *N, standard N) error {
	if *field < 0 {
		return fmt.Errorf("%s: %v is negative", name, *field)
	}
	if *field == 0 {
		*field = standard
	}
	return nil
}

// Door is the HTTP handler of a whole server.
type Door struct {
	o       Options
	engine  *gin.Engine
	rules   atomic.Pointer[rules] // what may change while the door is open
	rows    map[*command.Command]*row
	openapi func() ([]byte, error) // made when it is first asked for: it is a good part of a start
	metrics *metrics
	dialect *dialect.Dialect // of the first Synap's SDKs
	rates   rater            // nil when the executor holds nobody to a rate
	penalty quota.Penalty

	// stopping ends when the door stops: watches end with it and new ones are refused.
	stopping context.Context
	stop     context.CancelFunc
	sockets  sync.WaitGroup // the WebSockets, which the server forgets once it has handed them over
}

// New makes a door. It fails when an option or a command's route makes no sense.
func New(o Options) (*Door, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	d := &Door{o: o, rows: map[*command.Command]*row{}, dialect: dialect.New()}
	d.rates, _ = o.Executor.(rater)
	d.Change(Changeable{AllowedHosts: o.AllowedHosts, AllowedOrigins: o.AllowedOrigins, MaxBatch: o.MaxBatch, MaxBodyBytes: o.MaxBodyBytes})
	d.stopping, d.stop = context.WithCancel(context.Background())
	for _, c := range o.Executor.Table().Commands() {
		d.rows[c] = newRow(c)
	}
	d.openapi = sync.OnceValues(func() ([]byte, error) { return OpenAPI(o.Executor.Table(), o.Version) })
	var err error
	if d.metrics, err = newMetrics(o); err != nil {
		return nil, err
	}
	return d, d.route()
}

// Changeable is what can be changed while the door is open; its fields are as in Options.
type Changeable struct {
	AllowedHosts, AllowedOrigins []string
	MaxBatch                     int
	MaxBodyBytes                 int64
}

// rules is what requests are held to.
type rules struct {
	front    front
	maxBatch int
	maxBody  int64
}

// Change has requests that come from now on held to other rules.
func (d *Door) Change(c Changeable) {
	if c.MaxBatch <= 0 {
		c.MaxBatch = DefaultMaxBatch
	}
	if c.MaxBodyBytes <= 0 {
		c.MaxBodyBytes = DefaultMaxBodyBytes
	}
	d.rules.Store(&rules{newFront(c.AllowedHosts, c.AllowedOrigins), c.MaxBatch, c.MaxBodyBytes})
}

// ServeHTTP implements http.Handler.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = traced(w, r)
	if !d.slowDown(w, r) && d.rules.Load().front.admit(w, r) {
		d.engine.ServeHTTP(w, r)
	}
}

// handler serves one exchange; the error it returns is the answer.
type handler func(*exchange) error

// handle makes gin run h for whoever the caller turns out to be.
func (d *Door) handle(h handler) gin.HandlerFunc {
	return d.handleAnyone(func(x *exchange) error {
		if err := d.identify(&x.peer, x.r); err != nil {
			return err
		}
		if client := clients.FromContext(x.r.Context()); client != nil {
			if full := client.Call(x.caller.Name); full != nil {
				x.w.Header().Set("Connection", "close")
				return x.failAs(http.StatusServiceUnavailable, full)
			}
		}
		return h(x)
	})
}

// handleAnyone makes gin run h without asking who calls.
func (d *Door) handleAnyone(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer d.recovered(c)
		x := exchanges.Get().(*exchange)
		x.w, x.r, x.params, x.rates = c.Writer, c.Request, c.Params, d.rates
		if err := h(x); err != nil {
			x.fail(err)
		}
		*x = exchange{}
		exchanges.Put(x)
	}
}

// untilStop returns a context that also ends when the door stops.
func (d *Door) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	forget := context.AfterFunc(d.stopping, cancel)
	return ctx, func() { forget(); cancel() }
}
