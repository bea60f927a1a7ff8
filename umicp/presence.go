package umicp

import (
	"cmp"
	"crypto/tls"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

// connector is an executor that counts the connections which stay in a namespace.
type connector interface {
	Connect(caller *auth.Identity, namespace string) (leave func(), err error)
}

// How a session ends whose caller is nobody any more, all within a second.
const (
	tellWithin  = 200 * time.Millisecond // for what it follows to be ended, each with the reason
	leaveWithin = 500 * time.Millisecond // for the goodbye to be taken
)

// settle makes the session its caller's: it counts as a connection of the caller's namespace, and ends once the caller is
// nobody any more. Only the goroutine that reads calls it, before anything runs; a second call is of one who says in HELLO
// that it is somebody else than the front took it for.
func (x *session) settle(caller *auth.Identity) error {
	x.depart()
	x.depart = func() {}
	leave := func() {}
	if c, counts := x.server.executor.(connector); counts {
		var err error
		if leave, err = c.Connect(caller, ""); err != nil {
			return err
		}
	}
	stop := caller.OnEnd(func(why error) {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.closing {
			return // it ends by itself
		}
		x.turning.Add(1)
		go x.turnOut(why)
	})
	x.caller, x.depart = caller, func() { stop(); leave() }
	return nil
}

// turnOut ends the session of a caller that is nobody any more. What it follows is ended by the executor, meanwhile.
func (x *session) turnOut(why error) {
	defer x.turning.Done()
	wait := time.NewTimer(tellWithin)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-x.ctx.Done():
		return
	}
	defer time.AfterFunc(leaveWithin, x.link.close).Stop()
	x.goAway(umx.FromFault(fault.From(why).Code))
	x.cancel(why)
	x.link.close()
}

// certificate is the name in the certificate that the peer has shown on a TLS connection, if it was verified; "" is none. Who comes
// by WebSocket has shown it to the front.
func (x *session) certificate() string {
	l, ok := x.link.(*tcpLink)
	if !ok {
		return ""
	}
	secured, ok := l.conn.(*tls.Conn)
	if !ok {
		return ""
	}
	if chains := secured.ConnectionState().VerifiedChains; len(chains) > 0 {
		return x.server.certificate(chains[0][0])
	}
	return ""
}

// identify finds out who says this HELLO. Where a front knows that already, HELLO need not say it again.
func (x *session) identify(theirs *umx.Hello) (err error) {
	caller := x.caller
	if caller != nil && theirs.Auth == nil {
		return nil
	}
	shown := &auth.Credential{From: x.link.remote(), Certificate: x.certificate()}
	if theirs.Auth != nil {
		shown.Key = cmp.Or(theirs.Auth.APIKey, theirs.Auth.Bearer)
	}
	if caller, err = x.server.authenticator.Authenticate(x.ctx, shown); err != nil {
		return err
	}
	if x.client != nil {
		if err := x.client.Call(caller.Name); err != nil {
			return err
		}
	}
	return x.settle(caller)
}
