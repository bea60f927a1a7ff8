package umicp

import (
	"context"
	"errors"
	"net"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/umicp/umx"
)

// Served is a session as a loop serves it, without the system.
type Served struct {
	session *session
	reader  *umx.Reader
	come    []byte
}

// ServeOnly returns a session of somebody who has said HELLO.
func ServeOnly(ctx context.Context, s *Server) *Served {
	x := newSession(s, deafLink{}, ctx)
	x.greet, x.quick, x.caller, x.limits = false, true, auth.Local(), umx.Limits{}.OrDefault()
	x.in.SetLimits(x.limits)
	x.spares = newSpares(s)
	served := &Served{session: x}
	served.reader = umx.NewReader(served, x.limits)
	return served
}

// Turn takes so many frames that came together, and returns the answers, which are valid until the next turn.
func (s *Served) Turn(frames []byte, n int) ([]byte, error) {
	x := s.session
	s.come, x.pending = frames, x.pending[:0]
	x.spares.watch.Reset()
	for range n {
		f, err := s.reader.Next()
		if err == nil {
			err = x.frame(f)
		}
		if err == nil && x.later != nil {
			err = errors.New("it would wait")
		}
		if err != nil {
			return nil, err
		}
	}
	s.reader.Rest()
	return x.pending, nil
}

// Again expects frames to be numbered from the beginning.
func (s *Served) Again() { s.session.in = umx.NewInbound(true, s.session.limits) }

// Read implements io.Reader.
func (s *Served) Read(b []byte) (int, error) {
	n := copy(b, s.come)
	s.come = s.come[n:]
	if n == 0 {
		return 0, errNothing
	}
	return n, nil
}

type deafLink struct{}

func (deafLink) write([]byte, net.Buffers) error { return nil }
func (deafLink) close()                          {}
func (deafLink) remote() string                  { return "127.0.0.1:1" }

// SetMostPosted changes how many bytes frames over HTTP are answered with.
func (s *Server) SetMostPosted(n int) { s.maxPosted = n }

// MostUnsent is how many bytes gather at most when so many pings come to a session that has a goroutine of its own.
func (s *Server) MostUnsent(ctx context.Context, pings int) (most int) {
	x := newSession(s, deafLink{}, ctx)
	x.greet = false
	for range pings {
		if x.frame(&umx.Frame{Header: umx.Header{Kind: umx.KindPing}}) != nil {
			return most
		}
		most = max(most, len(x.out))
	}
	return most
}
