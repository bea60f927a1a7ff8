package link

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/peer"
)

const (
	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 30 * time.Second
	// callTime is how long a call may take besides what it waits.
	callTime = 15 * time.Second
	// A peer of which nothing was heard for askAfter is asked whether it is there. One that answers nothing at all for answerTime then is
	// taken for gone: 15 seconds after it was heard of last.
	askAfter   = 5 * time.Second
	answerTime = 10 * time.Second
	// MaxRooms bounds the partitions of rooms that a link follows, those of both directions counted twice. Rooms beyond it, in
	// the order of their names, are not followed, and the link says so.
	MaxRooms = 500
	// maxErrorBytes bounds what is kept of an error.
	maxErrorBytes = 500
	// maxTold is how many different errors of a link are told, and tellAgain after how long each is told once more.
	maxTold   = 20
	tellAgain = 10 * time.Minute
	// A connection that has lasted for steady begins anew at once when it breaks; one that breaks sooner is as one that did not come about.
	steady = 5 * time.Second
)

// link is the link to one peer. It is run by one goroutine and those that it waits for.
type link struct {
	manager *Manager
	peer    *peer.Peer
	here    Side
	cancel  context.CancelFunc
	done    chan struct{} // closed when it has ended

	mu sync.Mutex

	now     peer.Status
	told    map[string]bool       // the errors that Note was told since it was up, or since toldAt; at most maxTold
	toldAt  time.Time             // when the first of them was
	copiers map[courseKey]*copier // those that run
	far     Side                  // the peer, while the connection lasts; nil else
	broke   int64                 // when there was a connection last, or when the link was made, in Unix milliseconds
	oldest  int64                 // of what was known and not passed on then, in Unix milliseconds; 0 is none
	boxes   map[courseKey]*box    // of topics, each used by one copier at a time
}

func newLink(m *Manager, p *peer.Peer, here Side) *link {
	return &link{
		manager: m, peer: p, here: here, cancel: func() {}, done: make(chan struct{}),
		copiers: map[courseKey]*copier{}, boxes: map[courseKey]*box{}, broke: time.Now().UnixMilli(),
		now: peer.Status{State: peer.Connecting, Since: time.Now().UnixMilli()},
	}
}

// start begins it. It ends with the context, or when it is cancelled.
func (l *link) start(ctx context.Context) {
	ctx, l.cancel = context.WithCancel(ctx)
	go func() {
		defer close(l.done)
		l.run(ctx)
	}()
}

// status is how it fares.
func (l *link) status() peer.Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.now
	s.Rooms = len(l.copiers)
	for _, c := range l.copiers {
		s.Behind += c.behind
	}
	if oldest := l.waits(); oldest != 0 {
		s.LagMS = max(0, time.Now().UnixMilli()-oldest)
	}
	return s
}

// waits is since when something may wait to be passed on; 0 is that nothing does. l.mu is held.
func (l *link) waits() (oldest int64) {
	if len(l.peer.Rules) == 0 {
		return 0
	}
	if l.far == nil { // what came since is not known
		oldest = l.broke
	}
	older := func(t int64) {
		if t != 0 && (oldest == 0 || t < oldest) {
			oldest = t
		}
	}
	if older(l.oldest); l.far != nil {
		for _, c := range l.copiers {
			older(c.oldest)
		}
	}
	return oldest
}

// live is the peer, if there is a connection.
func (l *link) live() Side {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.far
}

// run connects, and again whenever the connection breaks, later each time that it does not come about.
func (l *link) run(ctx context.Context) {
	for wait := firstBackoff; ; {
		l.state(peer.Connecting)
		began := time.Now()
		up, err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if up && time.Since(began) >= steady {
			wait = firstBackoff
		}
		l.failed(err)
		l.state(peer.Waiting)
		l.manager.look()                      // perhaps the namespace is gone
		if !pause(ctx, wait/2+rand.N(wait)) { //nolint:gosec // spreading attempts needs no secret
			return
		}
		wait = min(2*wait, maxBackoff)
	}
}

// pause waits; false means that the context ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// state notes a change of state.
func (l *link) state(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now.State, l.now.Since = s, time.Now().UnixMilli()
	if s == peer.Connecting {
		l.now.Attempts++
	}
}

// fresh reports whether an error is to be told, which it is remembered to be then. What many copiers fail of, one after the other, again and
// again, fills no log. l.mu is held.
func (l *link) fresh(text string) bool {
	if now := time.Now(); len(l.told) == 0 || now.Sub(l.toldAt) >= tellAgain {
		l.told, l.toldAt = map[string]bool{}, now
	}
	if l.told[text] || len(l.told) >= maxTold {
		return false
	}
	l.told[text] = true
	return true
}

// failed notes what went wrong, and tells it once.
func (l *link) failed(err error) {
	text := clip(err.Error())
	l.mu.Lock()
	l.now.LastError, l.now.ErrorAt = text, time.Now().UnixMilli()
	fresh := l.fresh(text)
	l.mu.Unlock()
	if fresh {
		l.manager.o.Note(l.peer.Name, errors.New(text))
	}
}

func clip(s string) string {
	if len(s) > maxErrorBytes {
		return strings.ToValidUTF8(s[:maxErrorBytes], "") + "…"
	}
	return s
}

// session is the link while one connection lasts. up says whether it came about.
func (l *link) session(ctx context.Context) (up bool, err error) {
	key, err := l.manager.key(l.peer)
	if err != nil {
		return false, err
	}
	dialing, cancel := context.WithTimeout(ctx, callTime)
	remote, err := l.manager.o.Dial(dialing, l.peer, key)
	cancel()
	if err != nil {
		return false, err
	}
	defer remote.Close() //nolint:errcheck // what was under way is asked about when it begins anew
	s := &session{link: l, here: end{side: l.here}, there: end{side: remote, far: true}, changed: make(chan struct{}, 1), records: map[courseKey]*records{}}
	if err := s.greet(ctx); err != nil {
		return false, err
	}
	l.state(peer.Connected)
	l.mu.Lock()
	l.now.Node, l.far, l.told, l.oldest = s.there.node, remote, nil, 0
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.far, l.broke = nil, time.Now().UnixMilli()
		l.mu.Unlock()
	}()
	l.manager.o.Note(l.peer.Name, nil)
	return true, s.run(ctx)
}

// end is one of the two between which a link is.
type end struct {
	side Side
	node string
	far  bool // it is the peer's
	// packed is the latest form of packed points that it knows; 0 is none.
	packed int
	older  atomic.Bool  // pubsub.carry knows no except there
	heard  atomic.Int64 // when it answered something last, in Unix nanoseconds
}

// call runs a command at the end. An error for which there is no sense in going on with the connection is a broken.
func (e *end) call(ctx context.Context, wait time.Duration, operation string, args, answer any) error {
	within, cancel := context.WithTimeout(ctx, wait+callTime)
	defer cancel()
	err := e.side.Call(within, operation, args, answer)
	if err == nil || fault.CodeOf(err) != fault.Unavailable && within.Err() == nil {
		e.heard.Store(time.Now().UnixNano())
	}
	switch {
	case err == nil || ctx.Err() != nil || !e.far:
		return err
	case within.Err() != nil:
		return broken{fault.New(fault.Unavailable, "the peer does not answer")}
	}
	if code := fault.CodeOf(err); code == fault.Unavailable || code == fault.Unauthenticated {
		return broken{err}
	}
	return err
}

// broken is why a connection is given up.
type broken struct{ error }

// Unwrap returns what it is made of.
func (b broken) Unwrap() error { return b.error }

// session is one connection.
type session struct {
	*link
	here, there end
	records     map[courseKey]*records // of points; guarded by the link's mu
	changed     chan struct{}          // holds a token when there may be rooms that nobody follows
	all         sync.WaitGroup
	give        context.CancelCauseFunc // ends it
}

// greet finds out which nodes are linked.
func (s *session) greet(ctx context.Context) error {
	for _, e := range []*end{&s.here, &s.there} {
		var hello peer.HelloResponse
		if err := e.call(ctx, 0, "peer.hello", struct{}{}, &hello); err != nil {
			return err
		}
		e.node, e.packed = hello.Node, hello.Packed
	}
	if s.here.node == s.there.node {
		return fault.New(fault.Invalid, "%s is this namespace itself", s.peer.URL)
	}
	return nil
}

// run follows what the rules name until the context ends or the connection breaks, and says why.
func (s *session) run(ctx context.Context) error {
	ctx, s.give = context.WithCancelCause(ctx)
	for _, e := range []*end{&s.here, &s.there} {
		if kinds := s.made(e); len(kinds) > 0 {
			s.all.Go(func() { s.watch(ctx, e, kinds) })
		}
	}
	s.all.Go(func() { s.lookAfter(ctx) })
	for wait := firstBackoff; ctx.Err() == nil; {
		err := s.follow(ctx)
		if errors.As(err, &broken{}) {
			s.give(err)
			break
		}
		if err == nil {
			wait = firstBackoff
			select {
			case <-s.changed:
			case <-ctx.Done():
			}
			continue
		}
		if ctx.Err() == nil {
			s.failed(err)
		}
		again := time.NewTimer(wait)
		select {
		case <-s.changed:
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
		wait = min(2*wait, maxBackoff)
	}
	err := context.Cause(ctx)
	s.give(nil)
	s.all.Wait()
	return err
}

// lookAfter ends the connection when the peer falls silent: what waits there for something to happen would notice much later, and by a
// connection without rules nothing is asked at all.
func (s *session) lookAfter(ctx context.Context) {
	for ctx.Err() == nil {
		heard := s.there.heard.Load()
		if quiet := time.Since(time.Unix(0, heard)); quiet < askAfter {
			pause(ctx, askAfter-quiet)
			continue
		}
		within, cancel := context.WithTimeout(ctx, answerTime)
		err := s.there.side.Call(within, "peer.hello", struct{}{}, &peer.HelloResponse{})
		silent := within.Err() != nil && ctx.Err() == nil && s.there.heard.Load() == heard
		cancel()
		switch {
		case silent:
			s.give(broken{fault.New(fault.Unavailable, "the peer does not answer")})
		case fault.CodeOf(err) == fault.Unavailable || fault.CodeOf(err) == fault.Unauthenticated:
			s.give(broken{err})
		default:
			s.there.heard.Store(time.Now().UnixNano())
		}
	}
}

// made are the kinds of things of which the rules may name new ones, where they are read. Topics are listened to by their pattern.
func (s *session) made(e *end) (kinds []string) {
	direction := peer.Out
	if e.far {
		direction = peer.In
	}
	for kind, name := range map[peer.Kind]string{peer.Rooms: "streams", peer.Collections: "collections"} {
		if slices.ContainsFunc(s.peer.Rules, func(r peer.Rule) bool { return r.Kind == kind && r.Direction&direction != 0 }) {
			kinds = append(kinds, name)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// look has run look for rooms again.
func (s *session) look() {
	select {
	case s.changed <- struct{}{}:
	default: // it will
	}
}

const (
	// watchTime is how long a watch waits for the first thing.
	watchTime = 20 * time.Second
	// soon is how long it is waited until what follows is heard of: those who make many things have them looked for together.
	soon = 50 * time.Millisecond
	// quiet is the same of a server that tells of every change.
	quiet = time.Second
)

// watch hears at an end that things of those kinds come to be, which the rules may name.
func (s *session) watch(ctx context.Context, e *end, kinds []string) {
	type args struct {
		Made   []string `json:"made,omitempty"`
		From   string   `json:"from,omitempty"`
		WaitMS int64    `json:"wait_ms,omitempty"`
	}
	var from string
	var wait time.Duration // none at first, which only asks where the end stands
	rest := soon
	for ctx.Err() == nil {
		var found struct {
			Events []struct {
				Position string `json:"position"`
			} `json:"events"`
			Position string `json:"position"`
		}
		err := e.call(ctx, wait, "server.watch", args{kinds, from, wait.Milliseconds()}, &found)
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &broken{}):
			s.give(err)
			return
		case fault.CodeOf(err) == fault.Invalid && len(kinds) > 0: // an older server, which tells that something has changed
			kinds, rest = nil, quiet
			continue
		case fault.CodeOf(err) == fault.OutOfRange:
			from, wait = "", 0 // much has changed
		case err != nil:
			s.failed(fmt.Errorf("new rooms and collections are noticed late: %w", err))
			if !pause(ctx, maxBackoff) {
				return
			}
		case wait > 0 && len(found.Events) == 0:
			from = found.Position
			continue
		default:
			from, wait = found.Position, watchTime
		}
		s.look()
		if !pause(ctx, rest) {
			return
		}
	}
}
