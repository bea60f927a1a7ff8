package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/audit"
	"github.com/hivellm/synap-go/certs"
	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/agent"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/auth/directory"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/quota"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/http"
	"github.com/hivellm/synap-go/mcp"
	"github.com/hivellm/synap-go/memory"
	"github.com/hivellm/synap-go/peer"
	"github.com/hivellm/synap-go/peer/link"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/vector"
	"github.com/hivellm/synap-go/vector/matrix"
)

// links are what makes links with other servers; nil is nothing.
type links interface {
	peer.Links
	vector.Elsewhere
}

// structures are what an engine holds. To remove one, remove its line.
func structures(m memory.Options, keys kv.Options, links links) []*command.Structure {
	all := append([]*command.Structure{
		kv.Structure(keys),
		queue.Structure(queue.Options{}),
		stream.Structure(stream.Options{}),
		pubsub.Structure(),
		memory.Structure(m),
		agent.Structure(),
		vector.Federated(links),
		peer.Structure(peer.Options{Links: links}),
	}, matrix.Structures()...)
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	return append(all, directory.Structure(directory.Options{Structures: names, Profiles: mcp.Profiles(all)}))
}

// newEngine assembles an engine, in memory unless the options have a journal, and without an embedder unless they have
// structures. Its internal errors go to the log, if there is one.
func newEngine(log *logrus.Logger, o core.Options) (*core.Engine, error) {
	if o.Version = version; o.Structures == nil {
		o.Structures = structures(memory.Options{}, kv.Options{}, nil)
	}
	if log != nil {
		o.Report = func(command string, err error) {
			log.WithField("command", command).WithField("cause", errors.Unwrap(err)).Error(err)
		}
	}
	return core.New(o)
}

// server is a whole server: an engine, the doors in front of it, and the socket they share.
type server struct {
	config *Config
	engine *core.Engine
	store  *persistence.Store // nil when everything is in memory
	http   *http.Door
	umicp  *umicp.Server
	// addresses are held to a rate before anybody is asked who calls.
	addresses *quota.Buckets
	peers     []net.Listener // where frames of UMICP come in
	links     *link.Manager  // with other servers
	mcp       *mcp.Server
	memory    memory.Options // what memories were made with
	listener  net.Listener
	opened    atomic.Bool    // all data is there, and the key of a first start
	onReady   func(firstKey) // called then; may be nil

	clients *clients.Registry
	certs   *certs.Files // nil without TLS
	audit   *audit.Log   // nil when nothing is written
	admin   net.Listener // nil when no profiles are served
	reload  *reloader    // nil when nobody asks for it
}

// url is where the server can be reached.
func (s *server) url() string {
	if s.certs != nil {
		return "https://" + s.listener.Addr().String()
	}
	return "http://" + s.listener.Addr().String()
}

// newServer opens the socket and assembles what is behind it. Nothing is served before run.
func newServer(c *Config, log *logrus.Logger) (*server, error) {
	if err := checkExposure(c.HTTP, !c.authOff(), c.secured()); err != nil {
		return nil, err
	}
	s := &server{config: c, clients: clients.New(c.connectionLimits())}
	if err := s.open(c, log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *server) open(c *Config, log *logrus.Logger) (err error) {
	if s.memory, err = c.newMemory(); err != nil {
		return err
	}
	if s.links, err = c.newLinks(log); err != nil {
		return err
	}
	if c.durable() {
		s.engine, s.store, err = openDurable(c, vfs.OS, log, s.memory, s.links)
	} else {
		s.engine, err = newEngine(log, core.Options{Structures: structures(s.memory, c.keys(), s.links)})
	}
	if err != nil {
		return err
	}
	if err = s.engine.SetLimits(c.limits()); err != nil {
		return err
	}
	if s.certs, err = c.openCerts(log); err != nil {
		return err
	}
	if s.audit, err = c.openAudit(log); err != nil {
		return err
	}
	s.operate(c, log)
	if err = s.openDoors(c, log); err != nil {
		return err
	}
	if s.admin, err = listenAdmin(c.Admin); err != nil {
		return err
	}
	s.listener, err = net.Listen("tcp", c.HTTP)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken: another program listens there, perhaps another synap; choose another address with --http", c.HTTP)
	case err != nil:
		return fmt.Errorf("cannot listen on %s: %w", c.HTTP, err)
	}
	if err := s.listenForPeers(c); err != nil {
		return err
	}
	if s.store != nil {
		return s.store.Announce(s.url())
	}
	return nil
}

// close gives back what a server that never ran had taken.
func (s *server) close() error {
	var errs []error
	if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	for _, l := range s.peers {
		errs = append(errs, l.Close())
	}
	if s.admin != nil {
		errs = append(errs, s.admin.Close())
	}
	if s.audit != nil {
		errs = append(errs, s.audit.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	closeEmbedder(s.memory.Embedder)
	return errors.Join(errs...)
}

// openDoors makes the doors. To remove one, remove its lines.
func (s *server) openDoors(c *Config, log *logrus.Logger) (err error) {
	executor := s.engine.Dispatcher()
	if s.mcp, err = mcp.New(mcp.Options{Executor: executor, Version: version, Log: log, Profile: c.Profile}); err != nil {
		return err
	}
	who := auth.Everybody
	if !c.authOff() {
		who = gate{s, directoryOf(s.engine)}
	}
	if s.audit != nil {
		who = auditing{who, s.audit}
	}
	s.addresses = quota.NewBuckets("address_requests", c.addressRate(), 0)
	s.umicp = umicp.New(umicp.Options{
		Executor: executor, Version: version, Log: log, MaxBytes: c.MaxBody, Authenticator: who, Clients: s.clients,
		Addresses: s.addresses, CertificateName: c.principalOf(),
	})
	options := http.Options{
		Executor: executor, Version: version, Log: log, Authenticator: who,
		Clients: s.clients, Collectors: []prometheus.Collector{s.collector(), s.umicp}, CertificateName: c.principalOf(), MaxBatch: c.MaxBatch,
		Ready: s.ready, AllowedHosts: c.Hosts, AllowedOrigins: c.Origins, MaxBodyBytes: c.MaxBody,
		Addresses: s.addresses,
		Mounts: []http.Mount{
			{Pattern: "/mcp", Handler: s.mcp.Handler()},
			{Pattern: umicp.Path, Handler: s.umicp},
			{Pattern: umicp.DiscoverPath, Handler: s.umicp},
		},
	}
	if c.MCP.SSE {
		options.Mounts = append(options.Mounts, http.Mount{Pattern: "/sse", Handler: s.mcp.SSEHandler()})
	}
	if s.certs != nil {
		options.TLS = s.certs.Config()
	}
	s.http, err = http.New(options)
	return err
}

// run serves until the context ends or a part of the server fails, then takes it down in reverse.
func (s *server) run(ctx context.Context) error {
	var g group
	there := make(chan struct{}) // closed when the data is
	if s.audit != nil {
		g.add(until(func(context.Context) error { return s.audit.Close() }))
	}
	if s.admin != nil {
		g.add(func(ctx context.Context) error { return serveAdmin(ctx, s.admin) })
	}
	if s.reload != nil {
		g.add(s.reload.run)
	}
	g.add(func(ctx context.Context) error { return s.keep(ctx, there) })
	g.add(func(ctx context.Context) error {
		select {
		case <-there:
			var first firstKey
			if !s.config.authOff() {
				var err error
				if first, err = s.provideKey(ctx, s.config); err != nil {
					return err
				}
			}
			s.opened.Store(true)
			if s.onReady != nil {
				s.onReady(first)
			}
			return s.engine.Run(ctx)
		case <-ctx.Done():
			return nil
		}
	})
	g.add(func(ctx context.Context) error { return s.federate(ctx, there) })
	g.add(embedding(s.memory.Embedder))
	g.add(func(ctx context.Context) error { return s.http.Serve(ctx, s.listener) })
	g.add(func(ctx context.Context) error { return s.umicp.Serve(ctx, s.peers...) })
	// Before the socket, so that tools that wait can still answer that the server is stopping.
	g.add(until(s.mcp.Shutdown))
	return g.run(ctx)
}

// keep recovers the data and then keeps it, until the context ends.
func (s *server) keep(ctx context.Context, there chan<- struct{}) error {
	if s.store == nil {
		close(there)
		<-ctx.Done()
		return nil
	}
	err := s.config.recoverDurable(ctx, s.engine, s.store)
	if err == nil {
		close(there)
		err = s.store.Run(ctx)
	}
	return errors.Join(err, s.store.Close())
}

// ready is why the server cannot serve now, or only in part; nil when it can.
func (s *server) ready() error {
	if s.store != nil && !s.store.Progress().Ready {
		return recovering(s.store)
	}
	if !s.opened.Load() {
		return fault.New(fault.Unavailable, "the server is starting: its key is not there yet; try again in a moment")
	}
	if s.store == nil {
		return nil
	}
	return s.store.Health()
}

// until makes a part of what needs nothing while it runs, only to be told when it is over.
func until(stop func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), partTimeout)
		defer cancel()
		return stop(within)
	}
}

// group runs parts of which each needs the ones before it. The last one is stopped first, and one is stopped
// only when all after it have ended.
type group struct {
	parts []func(context.Context) error
}

func (g *group) add(part func(context.Context) error) { g.parts = append(g.parts, part) }

// run returns when all parts have ended: after the context did, or after one of them ended by itself. The end
// of a part's own context is not an error.
func (g *group) run(ctx context.Context) error {
	type running struct {
		stop context.CancelFunc
		done chan error
	}
	var all []running
	ended := make(chan struct{}, len(g.parts))
	for _, part := range g.parts {
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		r := running{stop, make(chan error, 1)}
		all = append(all, r)
		go func() {
			r.done <- part(own)
			ended <- struct{}{}
		}()
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	var errs []error
	for _, r := range slices.Backward(all) {
		r.stop()
		if err := <-r.done; !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
