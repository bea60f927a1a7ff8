package auth

import (
	"context"
	"net/netip"
)

// Credential is what a caller has shown at a door to say who it is. Nothing in it is true before an Authenticator has said so.
type Credential struct {
	Key            string // an API key
	User, Password string // a person
	Ticket         string // that auth.ticket gave out

	// Certificate is the name in a client certificate that the door has verified; it stands for whoever has that name.
	Certificate string

	From string // where the call comes from, as address:port; "" is not known, as through a pipe

	room [SecretLength]byte // to look at Key in, so that nothing is allocated for that
}

// KeyID returns the id in Key. It fails for what has not the form of an API key.
func (c *Credential) KeyID() (id string, ok bool) { return idOf(c.Key) }

// Intact reports whether the checksum of Key, which has the form, is right: else it is cut or mistyped.
func (c *Credential) Intact() bool { return intact(c.Key, c.room[:]) }

// KeyChecksum is the checksum in Key, which has the form.
func (c *Credential) KeyChecksum() string { return c.Key[SecretLength-checksumLength:] }

// Address is From without the port; the zero value when it is not known.
func (c *Credential) Address() netip.Addr {
	from, err := netip.ParseAddrPort(c.From)
	if err != nil {
		return netip.Addr{} // a pipe, or a socket that is a file
	}
	return from.Addr().Unmap().WithZone("")
}

// None reports whether nothing was shown.
func (c *Credential) None() bool {
	return c.Key == "" && c.User == "" && c.Password == "" && c.Ticket == "" && c.Certificate == ""
}

// Authenticator says who shows a credential. Doors are given one and know nothing else of who there is.
type Authenticator interface {
	// Authenticate returns who calls. An error is Unauthenticated, or Exhausted when too many attempts from that
	// address failed.
	Authenticate(ctx context.Context, c *Credential) (*Identity, error)
}

// Everybody takes whoever comes for Local, as on a server without authentication.
var Everybody Authenticator = everybody{Local()}

type everybody struct{ local *Identity }

// Authenticate implements Authenticator.
func (e everybody) Authenticate(context.Context, *Credential) (*Identity, error) { return e.local, nil }
