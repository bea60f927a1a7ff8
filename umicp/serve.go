package umicp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/quota"
	"github.com/hivellm/synap-go/umicp/umx"
)

// Times of a session.
const (
	helloTimeout = 10 * time.Second // from the connection to its HELLO
	lookEvery    = 15 * time.Second // how often it is looked at who is silent
	pingAfter    = 2                // looks without a frame until a peer is asked whether it is there
	dropAfter    = 6                // looks until it is taken for gone
	stopWithin   = 3 * time.Second  // for what runs to end when the server stops
)

// sessions are those that are open.
type sessions struct {
	mu       sync.Mutex
	all      map[*session]struct{}
	stopping bool
	gone     sync.WaitGroup // counts all
}

func (s *sessions) init() { s.all = map[*session]struct{}{} }

// add takes a session in, unless there are too many or the server stops.
func (s *sessions) add(x *session, most int) *fault.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return errStopping
	case len(s.all) >= most:
		return fault.New(fault.Exhausted, "%d sessions are open, and no more are allowed", len(s.all))
	}
	s.all[x] = struct{}{}
	s.gone.Add(1)
	return nil
}

func (s *sessions) remove(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, x)
	s.gone.Done()
}

func (s *sessions) list() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*session, 0, len(s.all))
	for x := range s.all {
		list = append(list, x)
	}
	return list
}

// Sessions is how many are open.
func (s *Server) Sessions() int {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	return len(s.sessions.all)
}

// Serve serves the listeners' connections, and asks silent peers of any session whether they are there, until the context
// ends. Then it says goodbye to every session, those over WebSocket too, and waits a little for what runs. It is called
// once; without listeners it is still needed.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	defer s.loops.stop()
	var accepting sync.WaitGroup
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		accepting.Go(func() { failed <- s.accept(ctx, l) })
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var err error
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case err = <-failed:
			done = true
		case <-tick.C:
			for _, x := range s.sessions.list() {
				x.look()
			}
		}
	}
	for _, l := range listeners {
		_ = l.Close() // it may be closed already
	}
	accepting.Wait()
	s.stop()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// stop ends all sessions.
func (s *Server) stop() {
	s.sessions.mu.Lock()
	s.sessions.stopping = true
	s.sessions.mu.Unlock()
	all := s.sessions.list()
	var drained sync.WaitGroup
	for _, x := range all {
		drained.Go(func() {
			defer time.AfterFunc(stopWithin, func() { x.cancel(errStopping); x.link.close() }).Stop()
			x.drainLanes()
			x.link.close()
		})
	}
	drained.Wait()
	s.sessions.gone.Wait()
}

// How long is waited after a connection could not be taken, and how often the log is told.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = time.Second
	tellEvery    = time.Minute
)

// accept takes connections until the listener is closed. That none can be taken for now, because file descriptors or memory
// have run out, is no reason to stop: those that there are go on, and some of them will end.
func (s *Server) accept(ctx context.Context, l net.Listener) error {
	pause, told := firstPause, time.Time{}
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = firstPause
			go s.serveConn(context.WithoutCancel(ctx), conn)
			continue
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case !passing(err):
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
		if time.Since(told) >= tellEvery {
			told = time.Now()
			s.log.WithError(err).Warn("no connection can be taken now; those that there are go on")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// passing reports whether a connection may be taken a little later although this one was not: descriptors, buffers or memory have run
// out, or whoever came is gone.
func passing(err error) bool {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return true
	}
	for _, known := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EINTR} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// serveConn serves one connection to its end, unless a loop does.
func (s *Server) serveConn(ctx context.Context, conn net.Conn) {
	if s.loops.adopt(ctx, s, conn) {
		return
	}
	x := newSession(s, &tcpLink{conn: conn, timeout: s.writeTimeout, traffic: &s.traffic}, ctx)
	if !x.arrive() {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(helloTimeout)) // a connection that takes none ends by itself
	x.leave(x.read(umx.NewReader(conn, x.limits), conn))
}

// arrive books the session. One for which there is no room is told so, and is over.
func (x *session) arrive() bool {
	if err := x.book(); err != nil {
		x.goAway(umx.CodeOf(err))
		x.end()
		return false
	}
	if refused := x.server.sessions.add(x, x.server.maxSessions); refused != nil {
		x.goAway(umx.FromFault(refused.Code))
		x.end()
		x.unbook()
		return false
	}
	return true
}

// leave ends a session that had arrived; why is nil when the peer closed the connection.
func (x *session) leave(why error) {
	if why != nil {
		x.server.part(x, why)
	}
	x.end()
	x.server.sessions.remove(x)
	x.unbook()
}

// book takes a place for the connection among those of the whole server.
func (x *session) book() (err error) {
	if x.server.clients == nil {
		return nil
	}
	from, _ := netip.ParseAddrPort(x.link.remote()) // what is no address is not known
	x.client, err = x.server.clients.Open("umicp", from, x.link.close)
	if err == nil {
		x.ctx = clients.NewContext(x.ctx, x.client)
		x.zero.ctx = x.ctx
	}
	return err
}

func (x *session) unbook() {
	if x.client != nil {
		x.client.Close()
	}
}

// read takes frames until the connection ends; the error is why, nil when the peer closed it.
func (x *session) read(r *umx.Reader, conn net.Conn) (err error) {
	defer x.fell(func(why error) { err = why })
	frames, bytes := 0, 0 // since they were booked
	from := quota.AddressKey(conn.RemoteAddr().String())
	defer x.deliver()
	for {
		f, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		frames, bytes = frames+1, bytes+umx.HeaderBytes+f.BodyLen
		if !f.Kind.Bare() {
			x.slowDown(from)
		}
		if err := x.over(); err != nil {
			return err
		}
		greeting := x.greet
		if err := x.frame(f); err != nil {
			return err
		}
		if greeting && !x.greet {
			r.SetLimits(x.limits)
			_ = conn.SetReadDeadline(time.Time{}) // as when it was set
		}
		if !r.Ready() {
			x.deliver()
			if err := x.flush(); err != nil {
				return err
			}
			x.active.Store(true)
			// When the others had their turn, the peer's next request has often come, and is read at once; a read that finds
			// nothing costs a system call and waking this goroutine: of 50 peers that each wait for their answer, a tenth.
			runtime.Gosched()
			x.server.traffic.in.add(frames, bytes)
			frames, bytes = 0, 0
		}
	}
}

// tooFast reports whether the address may not send one more frame with something in it now.
func (x *session) tooFast(from string) bool {
	rates := x.server.addresses
	return rates != nil && rates.Limited() && rates.Take(from, quota.Rate{}, time.Now(), 1) != nil
}

// slowDown waits until the address may send one more frame with something in it. Whoever sends faster is read no faster, which holds
// him back by the connection itself.
func (x *session) slowDown(from string) {
	rates := x.server.addresses
	if rates == nil || !rates.Limited() {
		return
	}
	for {
		err := rates.Take(from, quota.Rate{}, time.Now(), 1)
		if err == nil {
			return
		}
		x.deliver()
		_ = x.flush()        // a session that cannot write has been cancelled
		x.active.Store(true) // it is not the peer who is silent
		wait := time.NewTimer(waitFor(err))
		select {
		case <-wait.C:
		case <-x.ctx.Done():
			wait.Stop()
			return
		}
	}
}

// waitFor is how long a refusal says to wait, within bounds.
func waitFor(err error) time.Duration {
	after, _ := fault.From(err).Details["retry_after_ms"].(int64)
	return min(max(time.Duration(after)*time.Millisecond, time.Millisecond), time.Second)
}

// part ends a session for a reason: the peer is told what it did wrong.
func (s *Server) part(x *session, err error) {
	var wrong *umx.Error
	if errors.As(err, &wrong) {
		s.log.WithField("peer", x.peer).WithField("from", x.link.remote()).Debugf("a session ends: %s", wrong.Reason)
		x.goAway(wrong.Code)
		if l, ok := x.link.(interface{ hangUp() }); ok {
			l.hangUp()
		}
		return
	}
	s.log.WithField("peer", x.peer).Debugf("a session is broken off: %v", err)
}

// look is called every now and then: a silent peer is asked whether it is there, and dropped if it does not answer.
func (x *session) look() {
	if _, ok := x.link.(*wsLink); ok {
		return // a WebSocket has pings of its own
	}
	if x.active.Swap(false) {
		x.idle = 0
		return
	}
	x.idle++
	switch {
	case x.idle >= dropAfter:
		x.cancel(errGone)
		x.link.close()
	case x.idle >= pingAfter && x.writing.TryLock(): // somebody who writes is noticed without asking
		ping := umx.Message{Kind: umx.KindPing, Request: uint64(x.idle)} //nolint:gosec // small
		_ = x.drain(net.Buffers{ping.Bare(nil)})                         // a session that cannot write has been cancelled
		x.writing.Unlock()
		_ = x.flush() // as before
	}
}

// tcpLink is a TCP or TLS connection.
type tcpLink struct {
	conn    net.Conn
	timeout time.Duration
	traffic *traffic
	until   time.Time // the write deadline that is set; of whoever writes
}

// slowestPeer is how many bytes a second a peer takes at least when much is sent to it.
const slowestPeer = 256 << 10

func (l *tcpLink) write(frames []byte, more net.Buffers) error {
	parts := size(more)
	l.traffic.wrote(frames, parts)
	total := len(frames) + parts
	need := l.timeout + time.Duration(total/slowestPeer)*time.Second
	// Moving the deadline costs more than a small write's answer: it is moved when a third of it is gone.
	if now := time.Now(); l.until.Sub(now) < need*2/3 {
		l.until = now.Add(need)
		_ = l.conn.SetWriteDeadline(l.until) // a connection that takes none ends by itself
	}
	if len(more) == 0 {
		_, err := l.conn.Write(frames)
		return err
	}
	all := more
	if len(frames) > 0 {
		all = append(net.Buffers{frames}, more...)
	}
	_, err := all.WriteTo(l.conn)
	return err
}

// hangUp lets the peer hear the last that was written: a connection that is closed while something of the peer's is unread is reset, and what
// was written to it may be lost. So that is read, for a while, in case it is not much.
func (l *tcpLink) hangUp() {
	half, ok := l.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = l.conn.SetReadDeadline(time.Now().Add(hearWithin)) // a connection that takes none ends by itself
	_, _ = io.CopyN(io.Discard, l.conn, mostUnheard)       // however it ends
}

// What is still read of a peer that was sent away.
const (
	hearWithin  = time.Second
	mostUnheard = 1 << 20
)

func (l *tcpLink) close()         { _ = l.conn.Close() } // it may be closed already
func (l *tcpLink) remote() string { return l.conn.RemoteAddr().String() }
