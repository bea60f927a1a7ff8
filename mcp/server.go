// Package mcp is the door for language models: the Model Context Protocol over
// pipes and over HTTP, with mark3labs/mcp-go underneath.
//
// The command table owns what there is to say: every tool, its schemas, its
// annotations and most of every error are derived from it when the door is built,
// and a call is one command run by the Executor. mcp-go owns the protocol; only
// library.go, http.go, pipe.go and ask.go speak to it. The door owns what lies between: which
// arguments are understood, how an answer and an error read to a model, who may use
// which session, and when everything ends.
//
// It never touches data, checks no permission of its own, and starts nothing that
// Shutdown or the end of ServeStdio does not stop.
package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// lingerTime is how long calls in progress may go on once the door is closing or its pipe has ended.
const lingerTime = 500 * time.Millisecond

// errStopping is why calls in progress end when the door closes.
var errStopping = errors.New("the server is stopping")

// Options say what a Server is made of.
type Options struct {
	Executor command.Executor // runs the commands; must be set
	Version  string           // of the program, told to clients; empty is "dev"
	Log      *logrus.Logger   // nil drops what there is to log
	Profile  string           // the tools that a pipe's client sees; empty is "core"
	Identity *auth.Identity   // who calls through a pipe; nil is auth.Local
}

// validate fills what is absent and refuses what cannot be.
func (o *Options) validate() error {
	if o.Executor == nil {
		return errors.New("Executor: there is nothing to run commands with")
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Log == nil {
		o.Log = logrus.New()
		o.Log.SetOutput(io.Discard)
	}
	if o.Identity == nil {
		o.Identity = auth.Local()
	}
	return nil
}

// Server is the door. It is safe for concurrent use.
type Server struct {
	executor command.Executor
	log      *logrus.Logger
	identity *auth.Identity
	profile  *profile // of pipes
	catalog  *catalog
	pages    *pages
	prompts  []*prompt
	library  *server.MCPServer
	web      *server.StreamableHTTPServer
	sessions *sessions
	lines    *lines
	follows  *follows
	events   *events
	asking   *asking
	waiting  *waiting
	self     mcp.Implementation // what this program is
	selfMeta []byte             // self, as the _meta of a result says it

	calls    context.Context // ends when no tool may go on
	endCalls context.CancelFunc
	all      context.Context // ends when no request may go on
	endAll   context.CancelFunc

	mu      sync.Mutex
	closing bool           // nothing may enter any more
	inside  sync.WaitGroup // requests and pipes in progress; added to with mu held
}

// New builds the door. It fails when an option, or the table as seen by a model, is wrong.
func New(o Options) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	tools, err := newCatalog(o.Executor.Table())
	if err != nil {
		return nil, err
	}
	chosen, err := tools.profileFor(o.Identity, o.Profile)
	if err != nil {
		return nil, err
	}
	s := &Server{executor: o.Executor, log: o.Log, identity: o.Identity, profile: chosen, catalog: tools, follows: newFollows(), events: newEvents(), lines: newLines(), asking: newAsking(), waiting: newWaiting(),
		self: mcp.Implementation{Name: "synap", Version: o.Version, Title: "Synap"}}
	if s.selfMeta, err = json.Marshal(map[string]any{mcp.MetaKeyServerInfo: s.self}); err != nil {
		return nil, err
	}
	if s.pages, err = newPages(tools.table); err != nil {
		return nil, err
	}
	if s.prompts, err = readPrompts(); err != nil {
		return nil, err
	}
	s.calls, s.endCalls = context.WithCancel(context.Background())
	s.all, s.endAll = context.WithCancel(context.Background())
	s.library = s.newLibrary()
	s.sessions = newSessions(s.forget)
	s.web = s.newWeb()
	return s, nil
}

// enter counts a request or a pipe in; leave counts it out again. It refuses when the door is closing.
func (s *Server) enter() (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, fault.Wrap(fault.Unavailable, errStopping, "the server is stopping")
	}
	s.inside.Add(1)
	return s.inside.Done, nil
}

// Shutdown closes the door: new requests are refused, waiting tools answer that the server is stopping, sessions
// and their streams end, pipes end. It returns when all is quiet, or with the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.endCalls()
	s.sessions.close()
	s.follows.close()
	if err := s.web.Shutdown(ctx); err != nil {
		return err
	}
	quiet := make(chan struct{})
	go func() { s.inside.Wait(); close(quiet) }()
	linger := time.NewTimer(lingerTime)
	defer linger.Stop()
	select {
	case <-quiet:
	case <-linger.C:
	case <-ctx.Done():
	}
	s.endAll()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
