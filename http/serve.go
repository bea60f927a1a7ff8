package http

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// Bounds of a connection.
const (
	headerTimeout   = 5 * time.Second
	requestTimeout  = 60 * time.Second // for a whole request to arrive, and for a write of its answer; streams have their own
	idleTimeout     = 120 * time.Second
	maxHeaderBytes  = 16 << 10
	maxStreamsPerH2 = 250 // requests at once on one HTTP/2 connection
)

// How a stop goes on: at once watches end, after hurryAfter whatever still runs is cancelled, after stopWithin
// connections are cut.
const (
	hurryAfter = 2 * time.Second
	stopWithin = 5 * time.Second
)

// Serve serves the listener's connections until the context ends, then stops: watches end, requests in flight
// finish, and after five seconds what is left is cut off. It returns nil after a stop that cut nothing off. A
// door that was stopped stays so; to serve several listeners, call Serve for each with the same context.
func (d *Door) Serve(ctx context.Context, l net.Listener) error {
	base, hurry := context.WithCancel(context.WithoutCancel(ctx))
	defer hurry()
	server, closeLog := d.server(base)
	defer closeLog()
	served := make(chan error, 1)
	go func() { served <- server.Serve(newLimited(l, d.o.MaxConnections, &d.metrics.connections)) }()
	select {
	case err := <-served:
		d.stop()
		_ = server.Close() // the listener failed; that is the error to tell
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	err := d.shutdown(server, hurry)
	if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
		err = errors.Join(err, failed)
	}
	return err
}

func (d *Door) server(base context.Context) (s *http.Server, closeLog func()) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	complaints := d.o.Log.WriterLevel(logrus.DebugLevel) // of handshakes and broken connections: noise in a log
	return &http.Server{
		Handler:           d,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreamsPerH2, WriteByteTimeout: requestTimeout},
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          log.New(complaints, "", 0),
	}, func() { _ = complaints.Close() } // a pipe's writer does not fail to close
}

func (d *Door) shutdown(server *http.Server, hurry context.CancelFunc) error {
	within, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	defer time.AfterFunc(hurryAfter, hurry).Stop()
	d.stop()
	err := server.Shutdown(within)
	gone := make(chan struct{})
	go func() { d.sockets.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-within.Done():
		err = errors.Join(err, within.Err())
	}
	if err == nil {
		return nil
	}
	hurry()
	return errors.Join(fmt.Errorf("connections were cut off that did not end within %v", stopWithin), server.Close())
}

// Stop ends the door's watches and WebSockets and refuses new ones. Serve does it by itself; it is for a Door
// that is used as the handler of another server.
func (d *Door) Stop() {
	d.stop()
	d.sockets.Wait()
}

// limited is a listener with a bound: the connection over it is told so and closed.
type limited struct {
	net.Listener
	slots chan struct{} // holds one token for each open connection
	open  *gauge
}

func newLimited(l net.Listener, most int, open *gauge) *limited {
	return &limited{Listener: l, slots: make(chan struct{}, most), open: open}
}

const tooMany = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n" +
	"Connection: close\r\nContent-Length: %d\r\n\r\n%s"

const tooManyBody = `{"error":{"code":"exhausted","message":"there are too many connections"}}` + "\n"

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.slots <- struct{}{}:
			l.open.Add(1)
			return &counted{Conn: conn, start: time.Now(), release: sync.OnceFunc(func() { l.open.Add(-1); <-l.slots })}, nil
		default:
		}
		// A fresh connection's send buffer takes this at once. Whoever does not hear it sees the connection close.
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = fmt.Fprintf(conn, tooMany, len(tooManyBody), tooManyBody)
		_ = conn.Close()
	}
}
