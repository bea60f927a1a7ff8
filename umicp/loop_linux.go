package umicp

import (
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/quota"
	"github.com/hivellm/synap-go/umicp/umx"
)

// Plain TCP connections are read by a few loops, and not by a goroutine each: a loop asks
// the system which of its connections have something to read, runs what is quick of that, waits once for the disk for all of
// it, and lets the answers go. So a thousand writers share what each would else pay for: a goroutine to wake, a read that
// finds nothing, and a place among those who wait for an fsync. There is one for every two processors: more would have fewer
// connections ready at a time each, and leave no processor to what else runs. Those who send much at a time may have more (loop_spread_linux.go).
//
// A loop never waits for a peer, nor for anything that concerns one peer alone. What would have to wait, and what takes long,
// goes on in a goroutine of the session's own, which hands the session back when nothing more of it has come.

// loops are those of a server. The zero loops are ready for use.
type loops struct {
	mu      sync.Mutex
	all     []*loop // one for every processor, none before the first connection; never changed after that
	next    int     // whose turn it is to take one
	stopped bool
	running sync.WaitGroup
}

// loop reads the connections of one epoll instance. It is one goroutine, most of the time in the system.
type loop struct {
	set   *loops // that it is one of
	epoll int
	bell  int // an eventfd that ends the loop
	ctx   context.Context
	deep  atomic.Int32 // how many of those that are spread it has

	mu    sync.Mutex
	peers []*polled // by descriptor, which are small; nil where there is none

	asked   []*polled // whose turn was, and who is to be answered; of the goroutine
	again   []*polled // who is to have another turn without being told of; as above
	spares  *spares   // as above
	held    []held    // lent to the sessions whose turn it is, one after the other; as above
	pending []byte    // as above
}

// maxEvents is how many a loop takes at a time.
const maxEvents = 1024

// adopt lets a loop serve the connection. It reports false where that cannot be.
func (ls *loops) adopt(ctx context.Context, s *Server, conn net.Conn) bool {
	plain, ok := conn.(*net.TCPConn)
	if !ok {
		return false
	}
	l := ls.pick(ctx, s)
	if l == nil {
		return false
	}
	fd := duplicate(plain)
	if fd < 0 {
		return false
	}
	link := &pollLink{
		fd: fd, loop: l, from: conn.RemoteAddr().String(), timeout: s.writeTimeout, traffic: &s.traffic,
		room: make(chan struct{}, 1),
	}
	_ = conn.Close() // the duplicate goes on
	x := newSession(s, link, ctx)
	if !x.arrive() {
		x.writing.Lock()
		link.release()
		x.writing.Unlock()
		return true
	}
	x.spares = l.spares
	p := &polled{loop: l, session: x, link: link, reader: umx.NewReader(link, x.limits), from: quota.AddressKey(link.from)}
	p.greeted = time.AfterFunc(helloTimeout, link.close)
	l.know(p)
	p.back()
	return true
}

// know has the loop find the connection when the system tells of it.
func (l *loop) know(p *polled) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.peers) <= p.link.fd {
		l.peers = append(l.peers, nil)
	}
	l.peers[p.link.fd] = p
}

// forget undoes know.
func (l *loop) forget(p *polled) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.peers[p.link.fd] = nil
}

// duplicate returns another descriptor of the connection, one that Go does not watch.
func duplicate(conn *net.TCPConn) int {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1
	}
	fd := -1
	if raw.Control(func(theirs uintptr) {
		if fd, err = unix.FcntlInt(theirs, unix.F_DUPFD_CLOEXEC, 0); err != nil {
			fd = -1
		}
	}) != nil {
		return -1
	}
	return fd
}

// pick returns the loop that takes the next connection, nil if there can be none.
func (ls *loops) pick(ctx context.Context, s *Server) *loop {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.stopped {
		return nil
	}
	if len(ls.all) == 0 && !ls.start(context.WithoutCancel(ctx), s) {
		return nil
	}
	return ls.turn()
}

// start makes the loops. There are none on one processor: a loop would be away in the system with the only one there is.
func (ls *loops) start(ctx context.Context, s *Server) bool {
	n := runtime.GOMAXPROCS(0)
	if n == 1 {
		return false
	}
	for range n {
		l, err := newLoop(ctx, ls, newSpares(s))
		if err != nil {
			break
		}
		ls.all = append(ls.all, l)
	}
	for _, l := range ls.all {
		ls.running.Go(l.run)
	}
	return len(ls.all) > 0
}

// turn returns the loop whose turn it is to take one of those that are not spread. ls.mu is held.
func (ls *loops) turn() *loop {
	ls.next++
	return ls.all[ls.next%ls.usual()]
}

// usual is how many loops, the first ones, take whoever comes.
func (ls *loops) usual() int { return max(1, len(ls.all)/2) }

// stop ends the loops, which have no connections any more.
func (ls *loops) stop() {
	ls.mu.Lock()
	ls.stopped = true
	all := ls.all
	ls.mu.Unlock()
	for _, l := range all {
		_, _ = unix.Write(l.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // there is room for one
	}
	ls.running.Wait()
}

func newLoop(ctx context.Context, set *loops, s *spares) (*loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, bell, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(bell)}) //nolint:gosec // small
		if err != nil {
			_ = unix.Close(bell) // nothing was done with it
		}
	}
	if err != nil {
		_ = unix.Close(epoll) // as above
		return nil, err
	}
	return &loop{set: set, epoll: epoll, bell: bell, ctx: ctx, spares: s, held: make([]held, 0, maxEvents), pending: make([]byte, 0, loopRoom)}, nil
}

// run is the loop, until it is stopped.
func (l *loop) run() {
	defer unix.Close(l.epoll) //nolint:errcheck // nothing was written to it
	defer unix.Close(l.bell)  //nolint:errcheck // as above
	events := make([]unix.EpollEvent, maxEvents)
	var ready []*polled
	for {
		n := l.wait(events)
		if n < 0 {
			return
		}
		ready = l.find(events[:n], l.others(ready[:0]))
		watch := &l.spares.watch
		watch.Reset()
		at := watch.Look()
		for _, p := range ready {
			p.again, p.session.quick = false, true
			l.lend(p.session)
			p.turn()
			now := watch.Look()
			if p.looped.Load() { // else it is not the loop's any more
				l.lent(p.session)
				p.took(now - at)
			}
			at = now
		}
		l.answer()
		clear(ready)
	}
}

// loopRoom is the memory of a loop for the answers of those that it reads at a time. What does not fit is taken as needed.
const loopRoom = 256 << 10

// lend gives a session room for its answers. All of them are next to each other then, and not in as many places as there are sessions,
// which by the next time are in no cache.
func (l *loop) lend(x *session) {
	x.held, x.pending = l.held[len(l.held):], l.pending[len(l.pending):]
}

// lent books what a session has made of it.
func (l *loop) lent(x *session) {
	if room := cap(l.held) - len(l.held); cap(x.held) == room {
		l.held = l.held[:len(l.held)+len(x.held)]
	}
	if room := cap(l.pending) - len(l.pending); cap(x.pending) == room {
		l.pending = l.pending[:len(l.pending)+len(x.pending)]
	}
	x.held, x.pending = slices.Clip(x.held), slices.Clip(x.pending)
}

// wait returns how many events there are, or -1 when the loop was stopped.
func (l *loop) wait(events []unix.EpollEvent) int {
	waits := []int{0, 0, -1}
	if len(l.again) > 0 {
		waits = waits[:1]
	}
	for _, wait := range waits {
		n, err := unix.EpollWait(l.epoll, events, wait)
		switch {
		case errors.Is(err, unix.EINTR):
			return 0
		case err != nil:
			return -1
		}
		if n > 0 {
			for i := range events[:n] {
				if int(events[i].Fd) == l.bell {
					return -1
				}
			}
			return n
		}
		if wait == 0 {
			runtime.Gosched() // who was started meanwhile runs here, or not before somebody takes it from this processor
		}
	}
	return 0
}

// others adds those who are to have another turn, if they are still the loop's.
func (l *loop) others(ready []*polled) []*polled {
	for _, p := range l.again {
		if p.again = p.looped.Load(); p.again {
			ready = append(ready, p)
		}
	}
	clear(l.again)
	l.again = l.again[:0]
	return ready
}

// find adds whose connections are to be read, having told those who wait to write that they can.
func (l *loop) find(events []unix.EpollEvent, ready []*polled) []*polled {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range events {
		p := l.peers[events[i].Fd]
		if p == nil {
			continue // it left meanwhile
		}
		if events[i].Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			p.link.writable()
		}
		if events[i].Events&^unix.EPOLLOUT == 0 || !p.looped.Load() {
			continue // it is looked at again when it comes back
		}
		if events[i].Events&^(unix.EPOLLOUT|unix.EPOLLIN) != 0 {
			p.link.ends = true
		}
		if !p.again {
			ready = append(ready, p)
		}
	}
	return ready
}

// answer waits until the disk has what was done, and lets the answers go: all of them together, since a peer that is woken by
// one of them often has something else to do by the next.
func (l *loop) answer() {
	var all command.Owed
	for _, p := range l.asked {
		p.session.join(&all)
	}
	var failed error
	if all.Any() {
		failed = all.Settle(l.ctx)
	}
	for _, p := range l.asked {
		p.answer(failed)
	}
	clear(l.asked)
	clear(l.held)
	l.asked, l.held, l.pending = l.asked[:0], l.held[:0], l.pending[:0]
}

// answer lets the answers of one go.
func (p *polled) answer(failed error) {
	defer p.session.fell(p.end)
	p.session.release(failed)
	p.pause()
	p.settle()
}
