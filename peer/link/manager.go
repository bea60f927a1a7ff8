// Package link makes the links of federation: for each peer of each namespace one
// connection to the other server, over which events of rooms, points of collections and
// messages of topics flow in the directions that the peer's rules say.
//
// Manager owns the links and waits for them. A link has a goroutine that connects,
// again and again, and while it is connected one for each partition of each room and
// direction. They hold no data: what was read is taken in by peer.apply, here or there,
// with how far it came, and whoever begins anew asks for that. Of topics, which keep
// nothing, a link holds the messages that it has read and not passed on. Keys and certificates are looked up when
// they are shown, kept nowhere, and told to nobody but the peer.
package link

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"slices"
	"sync"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/peer"
)

// Side is a namespace of a server, this one or another: what commands are run in.
type Side interface {
	// Call runs a command and fills what answer points at; a watch answers once. It fails with Unavailable when whether it
	// ran is not known.
	Call(ctx context.Context, operation string, args, answer any) error
	Close() error
}

// Options say how links are made. The zero Options know no credentials.
type Options struct {
	// Key returns the key of that name, or why there is none.
	Key func(credential string) (string, error)
	// TLS is how a link is secured, over umicps and wss, that shows the certificate of that name; "" shows none. It is asked each
	// time that a link connects. Nil, and a nil configuration, is as the system has it.
	TLS func(certificate string) (*tls.Config, error)
	// Note is told when a link comes up, err being nil then, and of each new reason for which it is down. It may be nil.
	Note func(peer string, err error)
	// Dial opens the connection; nil is by UMICP. Tests have others.
	Dial func(ctx context.Context, p *peer.Peer, key string) (Side, error)
}

// Manager keeps a link for every peer. It implements peer.Links.
type Manager struct {
	o    Options
	wake chan struct{} // holds a token when peers may have changed

	mu sync.Mutex

	states map[uint32]*peer.Peers // of namespaces that have peers, or had
	links  map[linkKey]*link
}

type linkKey struct {
	namespace uint32
	peer      string
}

// New returns a manager that makes no link before Run.
func New(o Options) *Manager {
	m := &Manager{o: o, wake: make(chan struct{}, 1), states: map[uint32]*peer.Peers{}, links: map[linkKey]*link{}}
	if m.o.Dial == nil {
		m.o.Dial = m.dial
	}
	if m.o.Note == nil {
		m.o.Note = func(string, error) {}
	}
	return m
}

// Changed implements peer.Links.
func (m *Manager) Changed(p *peer.Peers) {
	m.mu.Lock()
	m.states[p.Namespace()] = p
	m.mu.Unlock()
	m.look()
}

// look has Run look at the peers again.
func (m *Manager) look() {
	select {
	case m.wake <- struct{}{}:
	default: // it will
	}
}

// Status implements peer.Links.
func (m *Manager) Status(namespace uint32, name string) (peer.Status, bool) {
	m.mu.Lock()
	l := m.links[linkKey{namespace, name}]
	m.mu.Unlock()
	if l == nil {
		return peer.Status{}, false
	}
	return l.status(), true
}

// Peers are the peers of a namespace that there are links with, whether they work or not, in order.
func (m *Manager) Peers(namespace uint32) (all []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k := range m.links {
		if k.namespace == namespace {
			all = append(all, k.peer)
		}
	}
	slices.Sort(all)
	return all
}

// Ask runs a command at a peer over its link, and fills in what answer points at.
func (m *Manager) Ask(ctx context.Context, namespace uint32, name, operation string, args, answer any) error {
	m.mu.Lock()
	l := m.links[linkKey{namespace, name}]
	m.mu.Unlock()
	if l == nil {
		return fault.New(fault.NotFound, "there is no link with a peer %q", name)
	}
	side := l.live()
	if side == nil {
		return fault.New(fault.Unavailable, "the link with %s does not work now", name)
	}
	text, err := json.Marshal(args)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "the request does not encode: %v", err)
	}
	return side.Call(ctx, operation, json.RawMessage(text), answer)
}

// Run makes the links that peers ask for, until the context ends; then it ends them all.
func (m *Manager) Run(ctx context.Context, x command.Executor, spaces func() []*command.Space) error {
	defer m.adjust(ctx, nil)
	for {
		m.adjust(ctx, m.wanted(x, spaces()))
		select {
		case <-m.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// wanted are the links that there should be. Of a namespace that was deleted there are none.
func (m *Manager) wanted(x command.Executor, spaces []*command.Space) map[linkKey]*link {
	names := map[uint32]string{}
	for _, s := range spaces {
		names[s.ID] = s.Name
	}
	m.mu.Lock()
	var states []*peer.Peers
	for id, p := range m.states {
		if names[id] == "" {
			delete(m.states, id)
		} else {
			states = append(states, p)
		}
	}
	m.mu.Unlock()
	all := map[linkKey]*link{}
	for _, p := range states { // without m.mu: a Peers calls Changed under its own lock
		namespace := names[p.Namespace()]
		for _, to := range p.All() {
			if to.Paused {
				continue
			}
			all[linkKey{p.Namespace(), to.Name}] = newLink(m, to, &here{x: x, caller: callerOf(to, namespace)})
		}
	}
	return all
}

// adjust ends links that are not wanted as they are, and begins those that are missing.
func (m *Manager) adjust(ctx context.Context, wanted map[linkKey]*link) {
	m.mu.Lock()
	over := map[linkKey]*link{}
	for k, l := range m.links {
		if w := wanted[k]; w == nil || w.peer != l.peer {
			over[k] = l
			l.cancel()
		}
	}
	m.mu.Unlock()
	for _, l := range over {
		<-l.done
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for k := range over {
		delete(m.links, k)
	}
	for k, l := range wanted {
		if m.links[k] == nil {
			m.links[k] = l
			l.start(ctx)
		}
	}
}

// callerOf is who writes here what comes from the peer: it may do what the rules need, and nothing else.
func callerOf(p *peer.Peer, namespace string) *auth.Identity {
	id := &auth.Identity{Name: "peer:" + p.Name, Namespace: namespace, Namespaces: []string{}}
	permissions := []auth.Permission{{Access: auth.Write, Structure: "peer", Name: "*"}, {Access: auth.Read, Structure: "server", Name: "*"}}
	for _, r := range p.Rules {
		access := auth.Write
		if r.Direction == peer.Out {
			access = auth.Read
		}
		structure := "stream"
		switch r.Kind {
		case peer.Collections: // what becomes of its points is noted here whichever way they flow
			structure = "vector"
		case peer.Topics:
			structure = "pubsub"
		}
		for _, name := range r.Permissions() {
			permissions = append(permissions, auth.Permission{Access: access, Structure: structure, Name: name})
		}
	}
	return id.With(permissions)
}

// key is the key to show to the peer.
func (m *Manager) key(p *peer.Peer) (string, error) {
	if p.Credential == "" {
		return "", nil
	}
	if m.o.Key == nil {
		return "", noKey(p.Credential)
	}
	return m.o.Key(p.Credential)
}
