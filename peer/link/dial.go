package link

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/peer"
	"github.com/hivellm/synap-go/umicp/client"
)

// dial connects by UMICP, once: whoever dials again looks again for what is to be shown.
func (m *Manager) dial(ctx context.Context, p *peer.Peer, key string) (Side, error) {
	secured, err := m.secured(p)
	if err != nil {
		return nil, err
	}
	c, err := client.Dial(ctx, p.URL, client.Options{APIKey: key, PeerID: "synap", TLS: secured, Retries: -1, Single: true})
	if err != nil {
		return nil, refused(p, err)
	}
	there := &there{client: c}
	if p.Remote != "" {
		there.options = append(there.options, client.Namespace(p.Remote))
	}
	return there, nil
}

// secured is how the link is secured.
func (m *Manager) secured(p *peer.Peer) (*tls.Config, error) {
	if m.o.TLS != nil {
		return m.o.TLS(p.Certificate)
	}
	if p.Certificate != "" {
		return nil, fault.New(fault.Unauthenticated, "there is no certificate %q", p.Certificate)
	}
	return nil, nil
}

// The alerts of TLS with which a peer refuses a certificate, and what is wrong then.
var alerts = map[string]string{
	"tls: certificate required":          "it was shown none",
	"tls: unknown certificate authority": "it does not know the authority that the certificate is from",
	"tls: expired certificate":           "the certificate has expired",
	"tls: revoked certificate":           "the certificate was revoked",
	"tls: unsupported certificate":       "the certificate is not one for clients",
	"tls: bad certificate":               "the certificate is none that it takes: one for clients, from an authority that it knows, not expired and not revoked",
	"tls: unknown certificate":           "it is not satisfied with the certificate",
	"tls: access denied":                 "whom the certificate names may not come in",
}

// refused is the error of a dial, said so that whoever administers knows what to do where a peer refused the link's certificate or whom it
// stands for. Under TLS
// 1.3 it does so when the connection is made already, as an answer to the first that is written.
func refused(p *peer.Peer, err error) error {
	var alert *net.OpError
	why := ""
	if errors.As(err, &alert) && alert.Op == "remote error" {
		why = alerts[alert.Err.Error()]
	}
	switch {
	case why == "" && fault.CodeOf(err) == fault.Unauthenticated && p.Credential == "" && p.Certificate != "":
		return fault.Wrap(fault.Unauthenticated, err, "the certificate \"%s\" alone does not say who comes: the peer's tls.principals, and its keys and users, have to know it: %v", p.Certificate, err)
	case why == "" && fault.CodeOf(err) == fault.Unauthenticated && p.Credential == "":
		return fault.Wrap(fault.Unauthenticated, err, "the link shows neither a key nor a certificate: %v", err)
	case why == "":
		return err
	}
	shown := "the peer asks for a certificate"
	if p.Certificate != "" {
		shown = "the peer refuses the certificate \"" + p.Certificate + "\""
	}
	return fault.Wrap(fault.Unauthenticated, err, "%s: %s (%v)", shown, why, alert.Err)
}
