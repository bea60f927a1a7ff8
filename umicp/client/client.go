// Package client talks to a Synap server in UMICP: over TCP, TLS, WebSocket or HTTP, in the short binary form.
//
// A Client is one connection that many goroutines use at once; it is dialled
// again when it breaks, and what followed changes goes on where it was. A Conn is the
// bare connection for one goroutine that sends many requests before it reads the
// answers. Every command of the server can be called by its name; the generated methods
// in commands.go are the same calls with types. The package holds no data and decides
// nothing: a call whose connection broke says that its outcome is not known, and whether
// to repeat it is the caller's to say.
package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

// DefaultPort is the port of UMICP over TCP.
const DefaultPort = "15502"

// Options say how to dial. The zero Options work with a server that asks nobody who they are.
type Options struct {
	APIKey string // shown to the server, as are
	Bearer string
	PeerID string      // the name this side goes by; "" is "client"
	TLS    *tls.Config // for umicps, wss and https; nil is the system's

	Limits     umx.Limits    // proposed to the server; zero fields are the defaults of package umx
	DialWithin time.Duration // for one attempt, the greeting included; 0 is ten seconds
	Retries    int           // further attempts to dial before a call fails; 0 is 3, negative is none
	// Single has the client keep to the connection of Dial: once that is broken, calls fail with Unavailable, and nothing is dialled anew.
	// It is for whoever has to know, and to show again who calls.
	Single bool
}

const (
	defaultDialWithin = 10 * time.Second
	defaultRetries    = 3
	firstBackoff      = 50 * time.Millisecond
	maxBackoff        = 5 * time.Second
)

func (o *Options) fill() {
	if o.PeerID == "" {
		o.PeerID = "client"
	}
	if o.DialWithin <= 0 {
		o.DialWithin = defaultDialWithin
	}
	if o.Retries == 0 {
		o.Retries = defaultRetries
	}
	o.Limits = o.Limits.OrDefault()
}

// Client is a server as its callers see it. Its methods may be called at the same time.
type Client struct {
	address string
	o       Options
	http    *poster // over HTTP there is no session

	mu      sync.Mutex
	session *session // nil before the first call and after a break
	closed  bool
}

// Dial returns a client of the server at the URL, with which it has exchanged greetings:
//
//	umicp://host:port     TCP; the port may be left out
//	umicps://host:port    TLS
//	ws://host:port        WebSocket, wss:// over TLS
//	http://host:port      a request for each call, https:// over TLS
func Dial(ctx context.Context, address string, o Options) (*Client, error) {
	o.fill()
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fault.New(fault.Invalid, "%q is not a URL like umicp://127.0.0.1:%s", address, DefaultPort)
	}
	c := &Client{address: address, o: o}
	switch u.Scheme {
	case "http", "https":
		c.http = newPoster(u, o)
		return c, c.http.greet(ctx)
	case "umicp", "umicps", "ws", "wss":
		_, err := c.connected(ctx)
		return c, err
	}
	return nil, fault.New(fault.Invalid, "scheme %q is not one of umicp, umicps, ws, wss, http, https", u.Scheme)
}

// Close ends the connection. What is under way fails.
func (c *Client) Close() error {
	c.mu.Lock()
	s := c.session
	c.closed, c.session = true, nil
	c.mu.Unlock()
	if s != nil {
		s.fail(errClosed)
		<-s.done
	}
	if c.http != nil {
		c.http.client.CloseIdleConnections()
	}
	return nil
}

var errClosed = fault.New(fault.Canceled, "the client is closed")

// connected returns the session, dialling a new one when there is none.
func (c *Client) connected(ctx context.Context) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock() // others who need it wait for the same attempt
	if c.closed {
		return nil, errClosed
	}
	if c.session != nil && c.session.broken() == nil {
		return c.session, nil
	}
	if c.session != nil && c.o.Single {
		return nil, fault.Wrap(fault.Unavailable, c.session.broken(), "the connection was lost: %v", c.session.broken())
	}
	wait := firstBackoff
	for attempt := 0; ; attempt++ {
		s, err := open(ctx, c.address, c.o)
		if err == nil {
			c.session = s
			return s, nil
		}
		var known *fault.Error
		if errors.As(err, &known) && known.Code != fault.Unavailable || attempt >= c.o.Retries || ctx.Err() != nil {
			return nil, err
		}
		select {
		case <-time.After(wait/2 + rand.N(wait)): //nolint:gosec // spreading attempts needs no secret
		case <-ctx.Done():
			return nil, fault.From(ctx.Err())
		}
		wait = min(2*wait, maxBackoff)
	}
}

// dial opens the connection that a URL names.
func dial(ctx context.Context, address string, o Options) (carrier, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "ws", "wss":
		if u.Path == "" || u.Path == "/" {
			u.Path = "/umicp"
		}
		header := http.Header{}
		if key := keyOf(o); key != "" {
			header.Set("Authorization", "Bearer "+key)
		}
		conn, resp, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{ //nolint:bodyclose // it is in memory
			Subprotocols: []string{"umicp.v1.bin"}, HTTPHeader: header, HTTPClient: httpClient(o),
		})
		if err != nil {
			return nil, notUpgraded(resp, err)
		}
		conn.SetReadLimit(int64(o.Limits.MaxFrame) + umx.HeaderBytes)
		return newWSCarrier(conn, o.Limits), nil
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), DefaultPort)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "umicps" {
		secured := tls.Client(conn, tlsFor(o, u.Hostname()))
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = secured
	}
	return &tcpCarrier{conn: conn, reader: umx.NewReader(conn, o.Limits)}, nil
}

// notUpgraded is why there is no WebSocket: what the server says, if it says something.
func notUpgraded(resp *http.Response, err error) error {
	if resp == nil || resp.Body == nil || resp.StatusCode < http.StatusBadRequest {
		return err
	}
	var refusal struct {
		Error *fault.Error `json:"error"`
	}
	text, _ := io.ReadAll(resp.Body) // its first kilobyte, which the library has read
	if json.Unmarshal(text, &refusal) == nil && refusal.Error != nil {
		return refusal.Error
	}
	return err
}

func tlsFor(o Options, host string) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS13}
	if o.TLS != nil {
		config = o.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	return config
}

func httpClient(o Options) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = o.TLS.Clone() // the transport changes it, and other clients have the same
	return &http.Client{Transport: transport}
}

func keyOf(o Options) string {
	if o.APIKey != "" {
		return o.APIKey
	}
	return o.Bearer
}

// lost is the error of calls whose connection broke.
func lost(err error) error {
	return fault.Wrap(fault.Unavailable, err, "the connection was lost, and whether the request ran is not known: %v", err)
}

// noServer is the error of a dial that failed.
func noServer(address string, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return known
	}
	return fault.Wrap(fault.Unavailable, err, "no server answers at %s: %v", address, err)
}

// carrier carries frames.
type carrier interface {
	// next returns the next frame, valid until the call after.
	next() (*umx.Frame, error)
	write(frames []byte, more net.Buffers) error
	setLimits(umx.Limits)
	close() error
}

type tcpCarrier struct {
	conn   net.Conn
	reader *umx.Reader
}

func (t *tcpCarrier) next() (*umx.Frame, error) { return t.reader.Next() }

func (t *tcpCarrier) write(frames []byte, more net.Buffers) error {
	if len(more) == 0 {
		_, err := t.conn.Write(frames)
		return err
	}
	parts := more
	if len(frames) > 0 {
		parts = append(net.Buffers{frames}, more...)
	}
	_, err := parts.WriteTo(t.conn)
	return err
}

func (t *tcpCarrier) setLimits(l umx.Limits) { t.reader.SetLimits(l) }
func (t *tcpCarrier) close() error           { return t.conn.Close() }

// wsCarrier carries frames in the binary messages of a WebSocket.
type wsCarrier struct {
	conn   *websocket.Conn
	limits umx.Limits
	rest   []byte // of the message that was read last
	frame  umx.Frame
	ctx    context.Context
	cancel context.CancelFunc
}

func newWSCarrier(conn *websocket.Conn, l umx.Limits) *wsCarrier {
	w := &wsCarrier{conn: conn, limits: l}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

func (w *wsCarrier) next() (*umx.Frame, error) {
	for len(w.rest) == 0 {
		kind, data, err := w.conn.Read(w.ctx)
		if err != nil {
			return nil, err
		}
		if kind != websocket.MessageBinary {
			return nil, umx.Errorf(umx.ProtocolError, "the server sent text where frames were to come: %.200q", data)
		}
		w.rest = data
	}
	n, err := w.frame.Decode(w.rest, w.limits)
	w.rest = w.rest[n:]
	return &w.frame, err
}

func (w *wsCarrier) write(frames []byte, more net.Buffers) error {
	for _, p := range more {
		frames = append(frames, p...)
	}
	return w.conn.Write(w.ctx, websocket.MessageBinary, frames)
}

func (w *wsCarrier) setLimits(l umx.Limits) { w.limits = l }

func (w *wsCarrier) close() error {
	w.cancel()
	return w.conn.CloseNow()
}

// greet says HELLO and returns what the server answered.
func greet(c carrier, o Options) (*umx.Hello, error) {
	ours := umx.NewHello(o.PeerID, o.Limits)
	if o.APIKey != "" || o.Bearer != "" {
		ours.Auth = &umx.Auth{APIKey: o.APIKey, Bearer: o.Bearer}
	}
	hello := umx.Message{Kind: umx.KindHello, Meta: ours.Meta()}
	b, err := hello.Append(nil)
	if err != nil {
		return nil, err
	}
	if err := c.write(b, nil); err != nil {
		return nil, err
	}
	f, err := c.next()
	switch {
	case err != nil:
		return nil, err
	case f.Kind == umx.KindError:
		_, err := parseAnswer(f)
		return nil, err
	case f.Kind != umx.KindWelcome:
		return nil, umx.Errorf(umx.ProtocolError, "a frame of kind %d came where WELCOME was to come", f.Kind)
	}
	theirs, err := umx.ParseHello(f.Meta)
	if err != nil {
		return nil, err
	}
	c.setLimits(ours.Agree(theirs))
	return theirs, nil
}

func badAnswer(format string, args ...any) error {
	return fault.New(fault.Internal, "the server's answer cannot be read: %s", fmt.Sprintf(format, args...))
}
