package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/http"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// How long a process looks for somebody who has the data, and how long it waits between two looks.
const (
	shareWithin = 15 * time.Second
	shareGap    = 50 * time.Millisecond
)

// socketScheme begins the address of a process that has the data and lets others of this machine and user use it.
const socketScheme = "unix://"

// sharing is the memory in a data directory, which several processes have in common. The first one opens it and listens on a
// socket that only this user can reach; its address is in the lock file. The others send it their commands. When it is gone
// one of them opens the directory, and the rest find that one.
//
// A write carries a key of its own, so that one that was under way when the first process died is asked again and happens
// once. What is neither a read nor a write, such as listening to a topic, is not asked again: it fails with unavailable.
type sharing struct {
	config *Config
	log    *logrus.Logger
	table  *command.Table
	life   context.Context // of what runs here

	mu  sync.Mutex // held while the memory is found anew
	now *held
}

// held is the memory as it is reached now.
type held struct {
	executor command.Executor
	remote   bool
	close    func() // returns when nothing of it runs any more
}

var _ command.Executor = (*sharing)(nil)

// share finds the memory, or opens it. What runs here ends with the context; close must be called after that.
func share(ctx context.Context, c *Config, log *logrus.Logger, table *command.Table) (*sharing, error) {
	s := &sharing{config: c, log: log, table: table, life: ctx}
	var err error
	s.now, err = s.find(ctx)
	return s, err
}

func (s *sharing) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.close()
}

// Table implements command.Executor.
func (s *sharing) Table() *command.Table { return s.table }

// Do implements command.Executor.
func (s *sharing) Do(ctx context.Context, r *command.Request) (any, error) {
	again := r.Command.ReadOnly() || r.Command.Repeatable()
	if r.Command.Repeatable() && r.IdempotencyKey == "" {
		keyed := *r
		keyed.IdempotencyKey = "share-" + rand.Text()
		r = &keyed
	}
	for {
		h, err := s.held(ctx)
		if err != nil {
			return nil, err
		}
		resp, err := h.executor.Do(ctx, r)
		if !h.remote || !gone(err) {
			return resp, err
		}
		if err := s.renew(ctx, h); err != nil || !again {
			return nil, errors.Join(fault.New(fault.Unavailable, "the process that had the data is gone: try again"), err)
		}
	}
}

// Watch implements command.Executor. A watch that loses its server ends with Unavailable; whoever follows begins it anew.
func (s *sharing) Watch(ctx context.Context, r *command.Request, sink command.Sink) error {
	h, err := s.held(ctx)
	if err != nil {
		return err
	}
	err = h.executor.Watch(ctx, r, sink)
	if h.remote && gone(err) && ctx.Err() == nil {
		return errors.Join(err, s.renew(ctx, h))
	}
	return err
}

// gone reports whether nobody answered.
func gone(err error) bool { return fault.CodeOf(err) == fault.Unavailable }

func (s *sharing) held(ctx context.Context) (*held, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now, ctx.Err()
}

// renew finds the memory anew, unless somebody else has done so.
func (s *sharing) renew(ctx context.Context, old *held) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != old {
		return nil
	}
	h, err := s.find(ctx)
	if err != nil {
		return err
	}
	old.close()
	s.now = h
	return nil
}

// find opens the directory, or reaches who has it.
func (s *sharing) find(ctx context.Context) (*held, error) {
	ctx, cancel := context.WithTimeout(ctx, shareWithin)
	defer cancel()
	for {
		h, err := s.open(s.life) // a long recovery is no reason to give up
		if err == nil {
			return h, nil
		}
		address, taken := fault.From(err).Details["address"].(string)
		if !taken {
			return nil, err
		}
		if h := s.reach(ctx, address); h != nil {
			return h, nil
		}
		pause := time.NewTimer(shareGap)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, err
		case <-s.life.Done():
			pause.Stop()
			return nil, fault.New(fault.Unavailable, "the program is stopping")
		}
	}
}

// reach connects to who has the data; nil when nobody answers there.
func (s *sharing) reach(ctx context.Context, address string) *held {
	if address == "" {
		return nil
	}
	server := newRemoteAt(s.config, address, s.table)
	probe, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if !server.answers(probe) {
		server.close()
		return nil
	}
	s.log.Infof("using the memory in %s together with the process at %s", s.config.DataDir, address)
	return &held{executor: server, remote: true, close: server.close}
}

// open opens the directory and serves it to others.
func (s *sharing) open(ctx context.Context) (*held, error) {
	m, err := s.config.newMemory()
	if err != nil {
		return nil, err
	}
	engine, store, err := openDurable(s.config, vfs.OS, s.log, m, nil)
	if err != nil {
		return nil, err
	}
	if err := s.config.recoverDurable(ctx, engine, store); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	door, listener, clean, err := s.listen(engine, store)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	s.log.Infof("using a memory of its own, kept in %s; other processes share it", s.config.DataDir)
	var g group
	g.add(func(ctx context.Context) error { return errors.Join(store.Run(ctx), store.Close()) })
	g.add(engine.Run)
	g.add(embedding(m.Embedder))
	g.add(func(ctx context.Context) error { return door.Serve(ctx, listener) })
	running, stop := context.WithCancel(s.life)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer clean()
		if err := g.run(running); err != nil {
			s.log.WithError(err).Error("the memory ended")
		}
	}()
	return &held{executor: engine.Dispatcher(), close: func() { stop(); <-ended }}, nil
}

// listen opens the socket and says in the lock file where it is. Its folder is this user's alone.
func (s *sharing) listen(engine *core.Engine, store *persistence.Store) (door *http.Door, l net.Listener, clean func(), err error) {
	door, err = http.New(http.Options{Executor: engine.Dispatcher(), Version: version, Log: s.log, MaxBodyBytes: s.config.MaxBody})
	if err != nil {
		return nil, nil, nil, err
	}
	dir, err := os.MkdirTemp("", "synap-")
	if err != nil {
		return nil, nil, nil, err
	}
	clean = func() { _ = os.RemoveAll(dir) } // what stays is an empty folder of temporary files
	l, err = net.Listen("unix", filepath.Join(dir, "socket"))
	if err == nil {
		err = store.Announce(socketScheme + (&url.URL{Path: filepath.Join(dir, "socket")}).EscapedPath())
	}
	if err != nil {
		clean()
		return nil, nil, nil, err
	}
	return door, l, clean, nil
}
