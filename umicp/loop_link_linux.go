package umicp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errNothing is what a read returns when nothing has come.
var errNothing = errors.New("nothing has come")

// errClosed is what the reader returns when the peer has closed the connection.
var errClosed = io.EOF

// pollLink is a TCP connection that a loop watches. Its descriptor is its own until release, which is called, as are the methods
// that write, by whoever has the session's writing; so nobody writes to what that number stands for next.
type pollLink struct {
	fd      int
	loop    *loop
	from    string
	timeout time.Duration
	traffic *traffic
	room    chan struct{} // a token: the peer may take more

	// epoll tells once that something has come, and not again until more does; so a read that took all that there was room for may have
	// left something, and so has one from a connection that ends, namely that it does. Both are of whoever reads.
	unread bool
	ends   bool

	mu       sync.Mutex // guards the rest
	reads    bool       // the loop is told when there is something to read
	writes   bool       // it is told when there is room to write
	mask     uint32     // what epoll was told, 0 for not to look
	released bool       // set with mu and the session's writing held, and read with either
}

// Read returns what has come; errNothing when nothing has.
func (l *pollLink) Read(b []byte) (int, error) {
	for {
		n, err := quickly(unix.SYS_RECVFROM, l.fd, b)
		switch {
		case err == 0 && n == 0 && len(b) > 0:
			return 0, io.EOF
		case err == 0:
			l.unread = n == len(b) || l.ends
			return n, nil
		case err == unix.EAGAIN:
			l.unread = false
			return 0, errNothing
		case err != unix.EINTR:
			return 0, os.NewSyscallError("recvfrom", err)
		}
	}
}

// quickly receives into b or sends it without telling Go's scheduler, which would cost as much as a tenth of the call: the descriptor does not
// block, so that no goroutine has to wait for this one. The calls are those of sockets: read and write look for a file behind the descriptor first, which
// takes another tenth.
func quickly(call uintptr, fd int, b []byte) (n int, err syscall.Errno) {
	if len(b) == 0 {
		return 0, 0
	}
	done, _, err := unix.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0) //nolint:gosec // not negative
	return int(done), err                                                                                                                       //nolint:gosec // at most len(b)
}

// maxWaiters bounds who waits for more of a large frame in the system: each takes a thread.
const maxWaiters = 32

// waiters are those who do.
var waiters = make(chan struct{}, maxWaiters)

// moreWithin is how long the rest of a large frame is waited for, in milliseconds, before the loop is asked to.
const moreWithin = 5

// more waits a little for more of a large frame to come, which is cheaper than to go by way of the loop for each piece of it. It
// reports whether something has.
func (l *pollLink) more() bool {
	select {
	case waiters <- struct{}{}:
	default:
		return false
	}
	defer func() { <-waiters }()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}, moreWithin) //nolint:gosec // descriptors are small
	return err == nil && n > 0
}

// try writes as much of b as the peer takes at once.
func (l *pollLink) try(b []byte) (n int, err error) {
	l.traffic.wrote(b, 0)
	return l.some(b)
}

func (l *pollLink) some(b []byte) (done int, err error) {
	if l.released {
		return 0, net.ErrClosed
	}
	for done < len(b) {
		n, err := quickly(unix.SYS_SENDTO, l.fd, b[done:])
		switch {
		case err == 0:
			done += n
		case err == unix.EAGAIN:
			return done, nil
		case err != unix.EINTR:
			return done, os.NewSyscallError("sendto", err)
		}
	}
	return done, nil
}

// write implements link.
func (l *pollLink) write(frames []byte, more net.Buffers) error {
	l.traffic.wrote(frames, size(more))
	if len(more) == 0 {
		return l.finish(frames)
	}
	all := make(net.Buffers, 0, len(more)+1)
	if len(frames) > 0 {
		all = append(all, frames)
	}
	return l.finish(append(all, more...)...)
}

// finish writes all of it, however slow the peer takes it, within bounds.
func (l *pollLink) finish(all ...[]byte) error {
	if l.released {
		return net.ErrClosed
	}
	until := time.Now().Add(l.timeout + time.Duration(size(all)/slowestPeer)*time.Second)
	for len(all) > 0 {
		n, err := unix.Writev(l.fd, all[:min(len(all), maxVector)])
		switch {
		case err == nil:
			for len(all) > 0 && n >= len(all[0]) {
				n -= len(all[0])
				all = all[1:]
			}
			if n > 0 {
				all[0] = all[0][n:]
			}
		case err == unix.EAGAIN: //nolint:errorlint // a number
			if err := l.await(until); err != nil {
				return err
			}
		case err != unix.EINTR: //nolint:errorlint // as above
			return os.NewSyscallError("writev", err)
		}
	}
	return nil
}

// maxVector is how many buffers the system takes at a time.
const maxVector = 1024

// await waits until the peer may take more.
func (l *pollLink) await(until time.Time) error {
	l.watch(func(l *pollLink) { l.writes = true })
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-l.room:
		return nil
	case <-timer.C:
		return fmt.Errorf("the peer took nothing for %v: %w", l.timeout, os.ErrDeadlineExceeded)
	}
}

// writable says that the peer may take more, or is gone, which who writes finds out.
func (l *pollLink) writable() {
	l.watch(func(l *pollLink) {
		if !l.writes {
			return
		}
		l.writes = false
		select {
		case l.room <- struct{}{}:
		default:
		}
	})
}

// watch tells epoll what change has made of what is to be looked for.
func (l *pollLink) watch(change func(*pollLink)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
	var mask uint32
	if l.reads {
		mask |= unix.EPOLLIN | unix.EPOLLRDHUP
	}
	if l.writes {
		mask |= unix.EPOLLOUT
	}
	if mask != 0 {
		mask |= unix.EPOLLET
	}
	if mask == l.mask || l.released {
		return
	}
	op := unix.EPOLL_CTL_MOD
	switch {
	case l.mask == 0:
		op = unix.EPOLL_CTL_ADD
	case mask == 0:
		op = unix.EPOLL_CTL_DEL
	}
	l.mask = mask
	_ = unix.EpollCtl(l.loop.epoll, op, l.fd, &unix.EpollEvent{Events: mask, Fd: int32(l.fd)}) //nolint:gosec // small; it cannot fail but for want of memory
}

// move has another loop watch the connection, which tells it of nothing yet. It reports false when somebody waits to write.
func (l *pollLink) move(to *loop) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writes || l.released {
		return false
	}
	if l.mask != 0 {
		_ = unix.EpollCtl(l.loop.epoll, unix.EPOLL_CTL_DEL, l.fd, nil) // it cannot fail: it is there
	}
	l.reads, l.mask, l.loop = false, 0, to
	return true
}

// hangUp is tcpLink.hangUp. It reads only what has come: to wait would take a thread.
func (l *pollLink) hangUp() {
	_ = unix.Shutdown(l.fd, unix.SHUT_WR) // the peer may be gone
	b := make([]byte, 64<<10)
	for left := mostUnheard; left > 0; {
		n, err := quickly(unix.SYS_RECVFROM, l.fd, b)
		if err != 0 || n == 0 {
			return
		}
		left -= n
	}
}

// close implements link: it breaks the connection off, which whoever reads it finds out.
func (l *pollLink) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.released {
		_ = unix.Shutdown(l.fd, unix.SHUT_RDWR) // the peer may have done so before
	}
}

// release gives the descriptor back. Nobody reads or writes any more.
func (l *pollLink) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.released {
		l.released = true
		_ = unix.Close(l.fd) // as above
	}
}

// remote implements link.
func (l *pollLink) remote() string { return l.from }
