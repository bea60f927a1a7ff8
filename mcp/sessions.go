package mcp

import (
	"container/list"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/server"

	"github.com/hivellm/synap-go/core/auth"
)

// A session that nobody used for sessionIdleTTL ends. When there are too many, the one that was idle longest makes
// room: its client is told that it is gone, and connects anew.
const (
	sessionIdleTTL          = 30 * time.Minute
	maxSessions             = 10_000
	maxSessionsPerPrincipal = 1_000
)

var errNoSession = errors.New("there is no such session")

// sessions are the sessions of clients of the revisions up to 2025-11-25, and whose each one is.
type sessions struct {
	forget func(id string) // drops what the library keeps of a session; called without mu, by several goroutines

	mu     sync.Mutex
	byID   map[string]*session
	all    *list.List            // of *session, the one that was used longest ago first
	owned  map[string]*list.List // each principal's, in the same order; never empty
	timer  *time.Timer           // armed while there is a session
	closed bool
}

// session is one client's connection, from initialize to DELETE.
type session struct {
	id    string
	owner string
	place [2]*list.Element // among all, and among its owner's
	agent string           // what its client calls itself
	box   *outbox          // what waits for its stream
	gone  chan struct{}    // closed when it ends
	leave func()           // gives its place among its namespace's connections back; called once, when it ends
	stop  func()           // ends the watch over its caller; nil before there is one
	busy  int              // requests and streams in progress: a busy session is not idle
	last  time.Time        // when it was last used
}

func newSessions(forget func(id string)) *sessions {
	return &sessions{forget: forget, byID: map[string]*session{}, all: list.New(), owned: map[string]*list.List{}}
}

// use counts a request of the session in; done counts it out. It refuses when the session is not the caller's, just
// as it does when there is none.
func (ss *sessions) use(id, owner string) (done func(), ok bool) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.byID[id]
	if s == nil || s.owner != owner {
		return nil, false
	}
	s.busy++
	ss.touch(s)
	return func() {
		ss.mu.Lock()
		defer ss.mu.Unlock()
		s.busy--
		ss.touch(s)
	}, true
}

// touch notes that a session was used just now; one that has ended has no place any more. mu is held.
func (ss *sessions) touch(s *session) {
	s.last = time.Now()
	if mine := ss.owned[s.owner]; mine != nil && ss.byID[s.id] == s {
		ss.all.MoveToBack(s.place[0])
		mine.MoveToBack(s.place[1])
	}
}

// start opens a session that keeps a place until it ends.
func (ss *sessions) start(owner string, leave func()) (id string) {
	id = rand.Text() // 130 bits
	ss.mu.Lock()
	var full string
	switch mine := ss.owned[owner]; {
	case mine != nil && mine.Len() >= maxSessionsPerPrincipal:
		full = idlest(mine)
	case ss.all.Len() >= maxSessions:
		full = idlest(ss.all)
	}
	ss.remove(full)
	if ss.owned[owner] == nil {
		ss.owned[owner] = list.New()
	}
	s := &session{id: id, owner: owner, leave: leave, last: time.Now(), box: newOutbox(), gone: make(chan struct{})}
	s.place = [2]*list.Element{ss.all.PushBack(s), ss.owned[owner].PushBack(s)}
	ss.byID[id] = s
	if ss.timer == nil && !ss.closed {
		ss.timer = time.AfterFunc(sessionIdleTTL, ss.sweep)
	}
	ss.mu.Unlock()
	if full != "" {
		ss.forget(full)
	}
	return id
}

// watch ends the session when its caller is nobody any more: nobody could use it, and it would keep its place.
func (ss *sessions) watch(id string, caller *auth.Identity) {
	stop := caller.OnEnd(func(error) {
		if ss.end(id) {
			go ss.forget(id)
		}
	})
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if s := ss.byID[id]; s != nil {
		s.stop = stop
	} else {
		stop()
	}
}

// call notes what the session's client calls itself.
func (ss *sessions) call(id, agent string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if s := ss.byID[id]; s != nil {
		s.agent = agent
	}
}

// client is what the session's client calls itself.
func (ss *sessions) client(id string) string {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if s := ss.byID[id]; s != nil {
		return s.agent
	}
	return ""
}

// outbox is what waits for the session's stream, and is closed when it ends; nil when there is no such session.
func (ss *sessions) outbox(id string) (box *outbox, gone <-chan struct{}) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if s := ss.byID[id]; s != nil {
		return s.box, s.gone
	}
	return nil, nil
}

// idlest returns the session that was idle longest: of those in use only when all are. sessions' mu is held.
func idlest(inOrder *list.List) (id string) {
	for e := inOrder.Front(); e != nil; e = e.Next() {
		if s := e.Value.(*session); s.busy == 0 {
			return s.id
		}
	}
	return inOrder.Front().Value.(*session).id
}

// end closes a session and reports whether there was one.
func (ss *sessions) end(id string) bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.remove(id)
}

// remove is end with mu held.
func (ss *sessions) remove(id string) bool {
	s := ss.byID[id]
	if s == nil {
		return false
	}
	delete(ss.byID, id)
	close(s.gone)
	s.leave()
	if s.stop != nil {
		s.stop()
	}
	ss.all.Remove(s.place[0])
	mine := ss.owned[s.owner]
	if mine.Remove(s.place[1]); mine.Len() == 0 {
		delete(ss.owned, s.owner)
	}
	return true
}

// sweep ends the sessions that were idle too long, and comes back when the next one can be.
func (ss *sessions) sweep() {
	now := time.Now()
	next := sessionIdleTTL
	var idle []string
	ss.mu.Lock()
	for id, s := range ss.byID {
		left := sessionIdleTTL
		if s.busy == 0 {
			left = s.last.Add(sessionIdleTTL).Sub(now)
		}
		if left <= 0 {
			idle = append(idle, id)
			ss.remove(id)
		}
		next = min(next, max(left, time.Second))
	}
	ss.timer = nil
	if len(ss.byID) > 0 && !ss.closed {
		ss.timer = time.AfterFunc(next, ss.sweep)
	}
	ss.mu.Unlock()
	for _, id := range idle {
		ss.forget(id)
	}
}

// close stops the sweeping.
func (ss *sessions) close() {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.closed = true
	if ss.timer != nil {
		ss.timer.Stop()
		ss.timer = nil
	}
}

// count returns how many sessions there are.
func (ss *sessions) count() int {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return len(ss.byID)
}

// ResolveSessionIdManager implements server.SessionIdManagerResolver: the ids that a request may make and use are
// those of its caller. Without a request the library is cleaning up.
func (ss *sessions) ResolveSessionIdManager(r *http.Request) server.SessionIdManager { //nolint:staticcheck // ST1003: the library named it
	if r == nil {
		return &principal{sessions: ss}
	}
	return &principal{sessions: ss, id: auth.FromContext(r.Context()), request: r}
}

// principal is the sessions as one caller has them.
type principal struct {
	sessions *sessions
	id       *auth.Identity // nil when the library itself asks
	request  *http.Request  // as above
}

// Generate implements server.SessionIdManager.
func (p *principal) Generate() string {
	id := p.sessions.start(p.id.Name, keepPlace(p.request))
	p.sessions.watch(id, p.id)
	return id
}

// Validate implements server.SessionIdManager.
func (p *principal) Validate(id string) (terminated bool, err error) {
	p.sessions.mu.Lock()
	defer p.sessions.mu.Unlock()
	if s := p.sessions.byID[id]; s == nil || p.id == nil || s.owner != p.id.Name {
		return false, errNoSession
	}
	return false, nil
}

// Terminate implements server.SessionIdManager. Only the front lets a request end a session, and only its own.
func (p *principal) Terminate(id string) (notAllowed bool, err error) {
	p.sessions.end(id)
	return false, nil
}
