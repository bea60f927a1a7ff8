package http

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/clients"
)

// noting is a connection that writes down which deadlines it is given.
type noting struct {
	net.Conn
	mu    sync.Mutex
	reads []time.Duration // read deadlines from the start; 0 is none
	start time.Time
	wrote int // how many write deadlines were set
}

func (c *noting) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := time.Duration(0)
	if !t.IsZero() {
		d = t.Sub(c.start)
	}
	c.reads = append(c.reads, d)
	return c.Conn.SetReadDeadline(t)
}

func (c *noting) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrote++
	return c.Conn.SetWriteDeadline(t)
}

// pipe is a counted connection with its other end, in virtual time.
func pipe(t *testing.T, test func(t *testing.T, c *counted, seen *noting, other net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		seen := &noting{Conn: near, start: time.Now()}
		client, err := clients.New(clients.Limits{}).Open("http", netip.AddrPort{}, func() {})
		if err != nil {
			t.Fatal(err)
		}
		c := &counted{Conn: seen, start: time.Now(), patience: 10 * time.Second, client: client}
		test(t, c, seen, far)
		_ = c.Close()
		_ = far.Close()
	})
}

func TestReadDeadlinesAreSetWhenSomebodyReads(t *testing.T) {
	pipe(t, func(t *testing.T, c *counted, seen *noting, other net.Conn) {
		now := time.Now()
		for _, d := range []time.Duration{5, 0, 120, 60} {
			at := time.Time{}
			if d > 0 {
				at = now.Add(d * time.Second)
			}
			if err := c.SetReadDeadline(at); err != nil {
				t.Fatal(err)
			}
		}
		go func() { _, _ = other.Write([]byte("x")) }()
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if want := []time.Duration{60 * time.Second}; !slices.Equal(seen.reads, want) {
			t.Errorf("deadlines set: %v, want %v", seen.reads, want)
		}
		// The last one holds.
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(now) != 60*time.Second {
			t.Errorf("Read() = %v after %s", err, time.Since(now))
		}
	})
}

// TestADeadlineEndsAReadInProgress is how net/http takes a connection back from a read in the background.
func TestADeadlineEndsAReadInProgress(t *testing.T) {
	pipe(t, func(t *testing.T, c *counted, _ *noting, other net.Conn) {
		done := make(chan error)
		go func() {
			_, err := c.Read(make([]byte, 1))
			done <- err
		}()
		synctest.Wait()
		if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read() = %v", err)
		}
		// And no deadline makes it good again.
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = other.Write([]byte("x")) }()
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Errorf("Read() = %v", err)
		}
	})
}

func TestWriteDeadlines(t *testing.T) {
	pipe(t, func(t *testing.T, c *counted, seen *noting, other net.Conn) {
		go func() { _, _ = io.CopyN(io.Discard, other, 4) }()
		write := func(wantSet int) {
			t.Helper()
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if seen.wrote != wantSet {
				t.Errorf("%d write deadlines were set, want %d", seen.wrote, wantSet)
			}
		}
		write(1)
		write(1)
		_ = c.SetWriteDeadline(time.Time{}) // as net/http does before every request
		write(1)
		time.Sleep(c.patience/rearmShare + time.Second)
		write(2)

		// Nobody reads any more: a write gives up by itself.
		start := time.Now()
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write() = %v", err)
		}
		if d := time.Since(start); d < c.patience/rearmShare || d > c.patience {
			t.Errorf("it took %s", d)
		}
		// Somebody's own deadline holds, until it is given back.
		start = time.Now()
		_ = c.SetWriteDeadline(start.Add(3 * time.Second))
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("Write() = %v after %s", err, time.Since(start))
		}
		_ = c.SetWriteDeadline(time.Time{})
		go func() { _, _ = io.CopyN(io.Discard, other, 1) }()
		if _, err := c.Write([]byte("x")); err != nil {
			t.Errorf("Write() = %v", err)
		}
	})
}
