package mcp

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

const (
	// updateGap is the least time between two updates of one address for one client; what changes meanwhile is one update.
	updateGap = 250 * time.Millisecond
	// maxFollowed bounds what one client follows; the next subscription is refused.
	maxFollowed = 256
	// followAgain is how long to wait before following something anew whose watch has failed.
	followAgain = time.Second
	// tellAgain is how long to wait before telling a client again that has not taken what it was told before.
	tellAgain = 5 * time.Second
	// settleTime is how long a subscription may take to be in place before it is refused.
	settleTime = 5 * time.Second
)

// updates are the addresses that one client follows. Each has a goroutine that runs the address's Watch as the client,
// and ends with stop or close. Telling never blocks: that something changed is a fact and not a message, so one that is
// not delivered in time is told once, later.
type updates struct {
	server *Server
	tell   func(uri string) bool // must not block; false when the client takes nothing now

	mu       sync.Mutex
	followed map[string]context.CancelFunc // by address
	held     map[string]bool               // what is to be told when hold ends; nil when nothing is held back
	closed   bool
	running  sync.WaitGroup
}

func (s *Server) newUpdates(tell func(uri string) bool) *updates {
	return &updates{server: s, tell: tell, followed: map[string]context.CancelFunc{}}
}

// start follows an address, and returns when nothing that happens from then on is missed.
func (u *updates) start(id *auth.Identity, uri string) error {
	v, err := u.server.pages.find(uri)
	if err != nil {
		return err
	}
	r, err := v.following(id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(u.server.all)
	u.mu.Lock()
	switch {
	case u.closed || u.followed[uri] != nil:
		u.mu.Unlock()
		cancel()
		return nil
	case len(u.followed) >= maxFollowed:
		u.mu.Unlock()
		cancel()
		return fault.New(fault.Exhausted, "you follow %d resources, and no more are allowed", maxFollowed).With("limit", maxFollowed)
	}
	u.followed[uri] = cancel
	u.running.Add(1)
	u.mu.Unlock()
	f := &follower{updates: u, uri: uri, ready: make(chan error, 1)}
	go func() {
		defer u.running.Done()
		f.run(ctx, r)
	}()
	settle := time.NewTimer(settleTime)
	defer settle.Stop()
	select {
	case err = <-f.ready:
	case <-settle.C:
		err = fault.New(fault.Unavailable, "the subscription to %s is not in place yet: try again", clip(uri, 200))
	}
	if err != nil {
		u.stop(uri)
	}
	return err
}

// stop ends following the address.
func (u *updates) stop(uri string) {
	u.mu.Lock()
	cancel := u.followed[uri]
	delete(u.followed, uri)
	u.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// close ends following everything, and returns when it has ended.
func (u *updates) close() {
	u.mu.Lock()
	u.closed = true
	all := u.followed
	u.followed = map[string]context.CancelFunc{}
	u.mu.Unlock()
	for _, cancel := range all {
		cancel()
	}
	u.running.Wait()
}

// hold keeps updates back until release, so that what must be told first is.
func (u *updates) hold() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.held = map[string]bool{}
}

func (u *updates) release() {
	u.mu.Lock()
	held := u.held
	u.held = nil
	u.mu.Unlock()
	for uri := range held {
		u.say(uri)
	}
}

// say tells the client, unless it is held back or over, and reports whether that is done with.
func (u *updates) say(uri string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.followed[uri] == nil:
	case u.held != nil:
		u.held[uri] = true
	default:
		return u.tell(uri)
	}
	return true
}

// count is how many addresses are followed.
func (u *updates) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.followed)
}

// follower follows one address. It is the sink of its Watch.
type follower struct {
	updates *updates
	uri     string
	ready   chan error // told once: nil when the watch is in place, or why it cannot be
	settled bool       // ready was told; only the watch's goroutine looks

	mu    sync.Mutex
	last  time.Time   // when the client was last told
	timer *time.Timer // armed while an update waits for its time
	over  bool
}

// run follows until the context ends. A watch that fails for what may pass is begun anew, and what may have happened
// meanwhile is an update.
func (f *follower) run(ctx context.Context, r *command.Request) {
	defer f.end()
	for again := false; ctx.Err() == nil; again = true {
		if again {
			pause := time.NewTimer(followAgain)
			select {
			case <-pause.C:
			case <-ctx.Done():
				pause.Stop()
				return
			}
			f.changed()
		}
		err := f.updates.server.executor.Watch(ctx, r, f)
		switch fault.CodeOf(err) {
		case fault.Denied, fault.Unauthenticated, fault.Invalid, fault.NotFound, fault.Unsupported, fault.Exhausted:
			f.settle(err)
			return
		}
		f.settle(err)
	}
}

// settle says whether the watch is in place.
func (f *follower) settle(err error) {
	if !f.settled {
		f.settled = true
		f.ready <- err
	}
}

// Event implements command.Sink.
func (f *follower) Event(journal.Position, any) error {
	f.changed()
	return nil
}

// Flush implements command.Sink: the first one says that the watch is in place.
func (f *follower) Flush(journal.Position) error {
	f.settle(nil)
	return nil
}

// changed tells the client now, or as soon as it may be told again.
func (f *follower) changed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over || f.timer != nil {
		return
	}
	if wait := updateGap - time.Since(f.last); wait > 0 && !f.last.IsZero() {
		f.timer = time.AfterFunc(wait, f.due)
		return
	}
	f.say()
}

// say tells the client; one that takes nothing now is told later. f.mu is held.
func (f *follower) say() {
	f.last = time.Now()
	if !f.updates.say(f.uri) {
		f.timer = time.AfterFunc(tellAgain, f.due)
	}
}

func (f *follower) due() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.timer = nil
	if !f.over {
		f.say()
	}
}

func (f *follower) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	f.settle(errors.New("the subscription ended"))
}
