package http

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/clients"
)

// rearmShare is which part of its time a connection's write deadline may have used up before a write moves it on.
const rearmShare = 2

// maxWriteBytes is how much is written under one deadline, so that a large answer over a slow line is not taken for a
// reader that takes nothing.
const maxWriteBytes = 256 << 10

// counted is a connection that gives its place back when it is closed, and that is sparing with deadlines:
// net/http sets six for every request, and each costs as much as reading a key (bench/http).
//
// A read deadline is only noted, and set when somebody reads; net/http replaces most of them before that. How
// long a write may take is bounded by patience, unless somebody has set a deadline; that one is moved on when half
// of it is over.
type counted struct {
	net.Conn
	client   *clients.Client
	start    time.Time
	patience time.Duration // how long the caller may take nothing of what it is sent

	armed atomic.Int64 // when the write deadline was last moved, in nanoseconds since start; 0 is never
	taken atomic.Bool  // somebody else has set the write deadline
	begun atomic.Bool  // a request has come, or the connection is over

	mu      sync.Mutex
	readBy  time.Time // the read deadline that is wanted
	noted   bool      // readBy has not been set yet
	reading bool      // a Read is in progress, so that deadlines are set at once
}

// Read implements net.Conn.
func (c *counted) Read(b []byte) (int, error) {
	if err := c.beginRead(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	c.reading = false
	c.mu.Unlock()
	return n, err
}

func (c *counted) beginRead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = true
	if !c.noted {
		return nil
	}
	c.noted = false
	return c.Conn.SetReadDeadline(c.readBy)
}

// SetReadDeadline implements net.Conn.
func (c *counted) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readBy, c.noted = t, !c.reading
	if c.reading {
		return c.Conn.SetReadDeadline(t)
	}
	return nil
}

// Write implements net.Conn.
func (c *counted) Write(b []byte) (n int, err error) {
	for {
		if err := c.arm(); err != nil {
			return n, err
		}
		part, err := c.Conn.Write(b[n : n+min(len(b)-n, maxWriteBytes)])
		n += part
		if err != nil || n == len(b) {
			return n, err
		}
	}
}

// arm moves the write deadline on if it is time.
func (c *counted) arm() error {
	now := int64(time.Since(c.start)) + 1
	if c.taken.Load() || (c.armed.Load() != 0 && now-c.armed.Load() <= int64(c.patience/rearmShare)) {
		return nil
	}
	c.armed.Store(now)
	return c.Conn.SetWriteDeadline(time.Now().Add(c.patience))
}

// SetWriteDeadline implements net.Conn; no time gives the deadline back to Write.
func (c *counted) SetWriteDeadline(t time.Time) error {
	if t.IsZero() && !c.taken.Load() {
		return nil // net/http says so before every request; Write's own deadline stays
	}
	c.taken.Store(!t.IsZero())
	c.armed.Store(0)
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *counted) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// Close implements net.Conn.
func (c *counted) Close() error {
	err := c.Conn.Close()
	c.client.Close()
	return err
}

// end breaks the connection off, whatever it is doing.
func (c *counted) end() { _ = c.Close() }
