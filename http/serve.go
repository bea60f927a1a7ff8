package http

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/fault"
)

// Bounds of a connection.
const (
	headerTimeout   = 5 * time.Second
	requestTimeout  = 60 * time.Second // for a whole request to arrive
	idleTimeout     = 120 * time.Second
	maxHeaderBytes  = 16 << 10
	maxStreamsPerH2 = 250 // requests at once on one HTTP/2 connection
)

// How a stop goes on: at once watches end, after hurryAfter whatever still runs is cancelled and connections over which nothing was asked
// are closed, after stopWithin all others are cut.
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
	silent := &silent{conns: map[*counted]struct{}{}}
	server.ConnState = silent.heard
	served := make(chan error, 1)
	bounded := &limited{Listener: l, clients: d.o.Clients, patience: d.o.WriteTimeout, secure: d.o.TLS != nil, log: d.o.Log}
	go func() {
		if d.o.TLS != nil {
			served <- server.ServeTLS(bounded, "", "")
		} else {
			served <- server.Serve(bounded)
		}
	}()
	select {
	case err := <-served:
		d.stop()
		_ = server.Close() // the listener failed; that is the error to tell
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	err := d.shutdown(server, func() { hurry(); silent.end() })
	if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
		err = errors.Join(err, failed)
	}
	return err
}

func (d *Door) server(base context.Context) (s *http.Server, closeLog func()) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(d.o.TLS != nil)
	protocols.SetUnencryptedHTTP2(d.o.TLS == nil)
	complaints := d.o.Log.WriterLevel(logrus.DebugLevel) // of handshakes and broken connections: noise in a log
	return &http.Server{
		Handler:           d,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreamsPerH2, WriteByteTimeout: d.o.WriteTimeout},
		TLSConfig:         d.o.TLS,
		BaseContext:       func(net.Listener) context.Context { return asBase(base) },
		ConnContext:       known,
		ErrorLog:          log.New(complaints, "", 0),
	}, func() { _ = complaints.Close() } // a pipe's writer does not fail to close
}

func (d *Door) shutdown(server *http.Server, hurry func()) error {
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

// known is the context of a connection's requests: it knows the connection.
func known(ctx context.Context, conn net.Conn) context.Context {
	if c := countedOf(conn); c != nil {
		return clients.NewContext(ctx, c.client)
	}
	return ctx
}

func countedOf(conn net.Conn) *counted {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	c, _ := conn.(*counted)
	return c
}

// silent are the connections over which no request has begun. A stop need not wait for them: clients dial more than they need when they
// are in a hurry, and net/http takes such a connection for one that is about to ask until it is five seconds old.
type silent struct {
	mu    sync.Mutex
	conns map[*counted]struct{}
}

// heard is called whenever a connection begins, has something to do, or has nothing more to do.
func (s *silent) heard(conn net.Conn, state http.ConnState) {
	c := countedOf(conn)
	if c == nil || c.begun.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == http.StateNew {
		s.conns[c] = struct{}{}
		return
	}
	c.begun.Store(true)
	delete(s.conns, c)
}

// end closes them.
func (s *silent) end() {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range all {
		c.end()
	}
}

// limited is a listener whose connections are counted: the one too many is told so and closed.
type limited struct {
	net.Listener
	clients  *clients.Registry
	patience time.Duration // how long a caller may take nothing of what it is sent
	secure   bool          // what comes over the connections is TLS
	log      logrus.FieldLogger
	told     time.Time // when the log last heard that no connection can be taken; only Accept, which is called by one, looks at it
}

// tellEvery is how often the log is told that connections cannot be taken.
const tellEvery = time.Minute

const tooMany = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n" +
	"Connection: close\r\nContent-Length: %d\r\n\r\n%s"

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) && time.Since(l.told) >= tellEvery {
				l.told = time.Now()
				l.log.WithError(err).Warn("no connection can be taken now; those that there are go on")
			}
			return nil, err // net/http tries again if that may help
		}
		c := &counted{Conn: conn, start: time.Now(), patience: l.patience}
		if c.client, err = l.clients.Open("http", addressOf(conn), c.end); err == nil {
			return c, nil
		}
		l.refuse(conn, err)
	}
}

// refuse says why there is no room, in the clear: before a handshake nothing can be said over TLS, and a handshake is
// what a server without room must not pay for.
func (l *limited) refuse(conn net.Conn, why error) {
	if !l.secure {
		body, _ := json.Marshal(errorAnswer{newFailure(fault.From(why))}) // there is nothing in it that could not be said
		// A fresh connection's send buffer takes this at once. Whoever does not hear it sees the connection close.
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = fmt.Fprintf(conn, tooMany, len(body)+1, append(body, '\n'))
	}
	_ = conn.Close()
}

// addressOf is where a connection comes from; the zero address when that is no place on a network.
func addressOf(conn net.Conn) netip.AddrPort {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}
