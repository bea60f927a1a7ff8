package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/http"
	"github.com/hivellm/synap-go/mcp"
	"github.com/hivellm/synap-go/umicp"
)

// structures are what an engine holds. To remove one, remove its line.
func structures() []*command.Structure {
	return []*command.Structure{
		kv.Structure(kv.Options{}),
		queue.Structure(queue.Options{}),
		stream.Structure(stream.Options{}),
		pubsub.Structure(),
	}
}

// newEngine assembles an engine in memory. Its internal errors go to the log, if there is one.
func newEngine(log *logrus.Logger) (*core.Engine, error) {
	o := core.Options{Structures: structures(), Version: version}
	if log != nil {
		o.Report = func(command string, err error) {
			log.WithField("command", command).WithField("cause", errors.Unwrap(err)).Error(err)
		}
	}
	return core.New(o)
}

// server is a whole server: an engine, the doors in front of it, and the socket they share.
type server struct {
	engine   *core.Engine
	http     *http.Door
	mcp      *mcp.Server
	listener net.Listener
}

// newServer opens the socket and assembles what is behind it. Nothing is served before run.
func newServer(c *Config, log *logrus.Logger) (*server, error) {
	if err := checkLoopback(c.HTTP); err != nil {
		return nil, err
	}
	engine, err := newEngine(log)
	if err != nil {
		return nil, err
	}
	s := &server{engine: engine}
	if err := s.openDoors(c, log); err != nil {
		return nil, err
	}
	s.listener, err = net.Listen("tcp", c.HTTP)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is taken: another program listens there, perhaps another synap; choose another address with --http", c.HTTP)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w", c.HTTP, err)
	}
	return s, nil
}

// openDoors makes the doors. To remove one, remove its lines.
func (s *server) openDoors(c *Config, log *logrus.Logger) (err error) {
	executor := s.engine.Dispatcher()
	if s.mcp, err = mcp.New(mcp.Options{Executor: executor, Version: version, Log: log, Profile: c.Profile}); err != nil {
		return err
	}
	peers := umicp.New(umicp.Options{Executor: executor, Version: version, Log: log, MaxBytes: c.MaxBody})
	s.http, err = http.New(http.Options{
		Executor: executor, Version: version, Log: log,
		AllowedHosts: c.Hosts, AllowedOrigins: c.Origins, MaxBodyBytes: c.MaxBody,
		Mounts: []http.Mount{
			{Pattern: "/mcp", Handler: s.mcp.Handler()},
			{Pattern: umicp.Path, Handler: peers},
			{Pattern: umicp.DiscoverPath, Handler: peers},
		},
	})
	return err
}

// run serves until the context ends or a part of the server fails, then takes it down in reverse.
func (s *server) run(ctx context.Context) error {
	var g group
	g.add(s.engine.Run)
	g.add(func(ctx context.Context) error { return s.http.Serve(ctx, s.listener) })
	// Before the socket, so that tools that wait can still answer that the server is stopping.
	g.add(until(s.mcp.Shutdown))
	return g.run(ctx)
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
