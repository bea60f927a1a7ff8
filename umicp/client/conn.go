package client

import (
	"context"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp/umx"
)

// Conn is a bare connection for one goroutine: any number of requests are sent before their answers are read, in
// order. It is for those who count every microsecond; it dials once and follows nothing. Whoever sends much reads in
// between: a server whose answers are not taken reads no further.
type Conn struct {
	carrier carrier
	limits  umx.Limits
	out     []byte
	next    uint32
	request uint64
	in      *umx.Inbound
}

// DialConn is Dial for a Conn, over TCP, TLS or WebSocket.
func DialConn(ctx context.Context, address string, o Options) (*Conn, error) {
	o.fill()
	ctx, cancel := context.WithTimeout(ctx, o.DialWithin)
	defer cancel()
	c, err := dial(ctx, address, o)
	if err != nil {
		return nil, noServer(address, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.close() })
	hello, err := greet(c, o)
	if !stop() || err != nil {
		_ = c.close()
		return nil, noServer(address, err)
	}
	limits := umx.NewHello("", o.Limits).Agree(hello)
	conn := &Conn{carrier: c, limits: limits, next: 1, in: umx.NewInbound(false, limits)}
	conn.in.Skip() // WELCOME
	return conn, nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.carrier.close() }

// Send encodes a request, of the command with that number, to be sent with the next Flush.
func (c *Conn) Send(op uint16, args any) error {
	at := len(c.out)
	b := pack.AppendUint(pack.AppendArray(umx.Reserve(c.out), 2), uint64(op))
	b, err := pack.Append(b, args)
	if err != nil {
		return fault.New(fault.Invalid, "the request does not encode: %v", err)
	}
	return c.seal(b, at)
}

// SendRaw is Send of arguments that are MessagePack already.
func (c *Conn) SendRaw(op uint16, args Raw) error {
	at := len(c.out)
	b := pack.AppendUint(pack.AppendArray(umx.Reserve(c.out), 2), uint64(op))
	return c.seal(append(b, args...), at)
}

func (c *Conn) seal(b []byte, at int) error {
	size := len(b) - at - umx.HeaderBytes
	if size > umx.MaxMeta {
		return fault.New(fault.TooLarge, "a request of %d bytes is too large for a Conn; use a Client", size)
	}
	c.request++
	m := umx.Message{Op: umx.OpRequest, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Sequence: c.next, Request: c.request}
	c.next++
	c.out = m.Seal(b, at, size)
	return nil
}

// SendTensors sends a request with tensors at once, after what was sent before.
func (c *Conn) SendTensors(operation string, args any, opts ...Option) error {
	r := &request{operation: operation, args: args}
	for _, o := range opts {
		o(r)
	}
	meta, err := r.appendMeta(nil)
	if err != nil {
		return err
	}
	m := r.message(meta)
	c.request++
	m.Request, m.Sequence = c.request, c.next
	frames, err := m.Frames(c.limits.MaxFrame)
	if err != nil {
		return umx.AsFault(err)
	}
	c.next += uint32(len(frames)) //nolint:gosec // bounded by the largest message
	if err := c.Flush(); err != nil {
		return err
	}
	for _, parts := range frames {
		if err := c.carrier.write(nil, parts); err != nil {
			return lost(err)
		}
	}
	return nil
}

// Flush sends what was encoded.
func (c *Conn) Flush() error {
	if len(c.out) == 0 {
		return nil
	}
	err := c.carrier.write(c.out, nil)
	c.out = c.out[:0]
	if err != nil {
		return lost(err)
	}
	return nil
}

// Receive returns the answer to the oldest request that has none. It is valid until the next call.
func (c *Conn) Receive() (Raw, error) {
	for {
		f, err := c.carrier.next()
		if err != nil {
			return nil, lost(err)
		}
		switch {
		case f.Kind == umx.KindPing:
			pong := umx.Message{Kind: umx.KindPong, Request: f.Request}
			if err := c.carrier.write(pong.Bare(nil), nil); err != nil {
				return nil, lost(err)
			}
			continue
		case f.Kind == umx.KindGoAway:
			return nil, fault.New(umx.Code(f.Sequence).Fault(), "the server ends the session: %s", umx.Code(f.Sequence)) //nolint:gosec // an unknown code is Internal
		case f.Kind.Bare() || f.Kind > umx.KindFragment:
			continue
		}
		whole, err := c.in.Accept(f)
		if err != nil {
			return nil, umx.AsFault(err)
		}
		if whole == nil {
			continue
		}
		a, err := parseAnswer(whole)
		return a.result, err
	}
}
