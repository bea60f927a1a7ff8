package load

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// conn is one connection. All belong to the goroutine that runs the load.
type conn struct {
	fd       int
	protocol Protocol
	out      []byte
	in       []byte
	have     int // in[:have] has come and was not taken
	owed     int // answers that are still to come
	sent     time.Time
}

// Run drives the server. It returns when every answer has come.
func (l Load) Run() (*Result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(poll) //nolint:errcheck // it holds nothing
	conns := make([]*conn, l.Connections)
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = unix.Close(c.fd) // it was only a load
			}
		}
	}()
	for i := range conns {
		c, err := l.connect(l.Protocol(i))
		if err != nil {
			return nil, err
		}
		conns[i] = c
		if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, c.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}); err != nil { //nolint:gosec // small
			return nil, err
		}
	}
	return l.drive(poll, conns)
}

func (l Load) drive(poll int, conns []*conn) (*Result, error) {
	began := time.Now()
	until := began.Add(l.For)
	r := &Result{}
	for _, c := range conns {
		if err := c.burst(l.Depth, began); err != nil {
			return nil, err
		}
	}
	events := make([]unix.EpollEvent, len(conns))
	for busy := len(conns); busy > 0; {
		n, err := unix.EpollWait(poll, events, -1)
		if err != nil {
			if errors.Is(err, unix.EINTR) {
				continue
			}
			return nil, err
		}
		now := time.Now()
		for _, e := range events[:n] {
			c := conns[e.Fd]
			done, err := c.take()
			if err != nil {
				return nil, err
			}
			if !done {
				continue
			}
			r.Answers += l.Depth
			r.times = append(r.times, now.Sub(c.sent))
			if now.After(until) {
				busy--
				continue
			}
			if err := c.burst(l.Depth, now); err != nil {
				return nil, err
			}
		}
	}
	r.Took = time.Since(began)
	return r, nil
}

func (l Load) connect(p Protocol) (*conn, error) {
	at, err := netip.ParseAddrPort(l.Address)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	c := &conn{fd: fd, protocol: p, in: make([]byte, 64<<10)}
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()})
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if hello := p.Greeting(); err == nil && len(hello) > 0 {
		c.owed = 1
		for done := false; err == nil && !done; {
			if len(hello) > 0 {
				_, err = unix.Write(fd, hello) // a blocking socket takes all of it
				hello = nil
			}
			if err == nil {
				done, err = c.take()
			}
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %s: %w", l.Address, err), unix.Close(fd))
	}
	return c, nil
}

// burst sends as many requests as the connection is deep.
func (c *conn) burst(depth int, now time.Time) error {
	c.out = c.out[:0]
	for range depth {
		c.out = c.protocol.Append(c.out)
	}
	c.owed, c.sent = depth, now
	n, err := unix.Write(c.fd, c.out)
	if err == nil && n < len(c.out) {
		err = errors.New("a burst is larger than what the socket takes")
	}
	return err
}

// take reads what has come. It reports whether nothing is owed any more.
func (c *conn) take() (bool, error) {
	n, err := unix.Read(c.fd, c.in[c.have:])
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, errors.New("the server closed a connection")
	}
	c.have += n
	at := 0
	for c.owed > 0 {
		n, err := c.protocol.Take(c.in[at:c.have])
		if err != nil {
			return false, err
		}
		if n == 0 {
			break
		}
		at += n
		c.owed--
	}
	c.have = copy(c.in, c.in[at:c.have])
	return c.owed == 0, nil
}
