package umicp_test

import (
	"context"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// stumbling panics over one key.
type stumbling struct{ doorman }

func (s stumbling) Authenticate(ctx context.Context, c *auth.Credential) (*auth.Identity, error) {
	if c.Key == "boom" {
		panic("a bug")
	}
	return s.doorman.Authenticate(ctx, c)
}

// TestAPanicEndsTheSession: a bug that a frame finds costs its own session, not the server and not the others; the log tells of it.
func TestAPanicEndsTheSession(t *testing.T) {
	everyWay(t, func(t *testing.T, serving opener) {
		log, logged := test.NewNullLogger()
		log.SetLevel(logrus.ErrorLevel)
		l, _, stop := serving(t, umicp.Options{Authenticator: stumbling{}, Log: log})
		keyed := func(key string) func(*umx.Hello) { return func(h *umx.Hello) { h.Auth = &umx.Auth{APIKey: key} } }
		other := greeted(t, l, keyed("right"))
		for range 3 {
			p := newPeer(t, l.dial())
			p.send(hello(keyed("boom")))
			untilGone(p)
		}
		other.send(other.ask(0, 0, "kv.set", map[string]any{"key": "a", "value": "1"}))
		other.expect(0, 1, `[0,{"version":1`)
		go untilGone(other)
		stop()
		entries := logged.AllEntries()
		if len(entries) != 3 || !strings.Contains(entries[0].Message, "panic: a bug") || !strings.Contains(entries[0].Message, "stumbling") {
			t.Errorf("the log has %d lines: %v", len(entries), entries)
		}
	})
}

// untilGone reads until the connection ends.
func untilGone(p *peer) {
	for {
		if _, err := p.reader.Next(); err != nil {
			return
		}
	}
}
