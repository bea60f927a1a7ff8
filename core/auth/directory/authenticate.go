package directory

import (
	"context"
	"crypto/subtle"
	"net/netip"
	"strings"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// usedEvery is how exactly a last use is known: a busy key is not written to with every call, nor is the clock looked at for it, which costs a tenth of
// being admitted.
const usedEvery = time.Second

// use notes that the key called, unless it was noted just before.
func (d *Directory) use(k *key) {
	if k.lately.Load() || !k.lately.CompareAndSwap(false, true) {
		return
	}
	now := d.env.Clock.Now()
	k.used.Store(now)
	d.touched(now)
	time.AfterFunc(usedEvery, func() { k.lately.Store(false) })
}

// Authenticate implements auth.Authenticator.
func (d *Directory) Authenticate(ctx context.Context, c *auth.Credential) (*auth.Identity, error) {
	switch {
	case c.Key != "":
		return d.byKey(c)
	case c.Ticket != "":
		return d.byTicket(c)
	case c.User != "" || c.Password != "":
		return d.byPassword(ctx, c)
	case c.Certificate != "":
		return d.byName(c)
	}
	return nil, fault.New(fault.Unauthenticated, "who is calling is not known: send a key, as Authorization: Bearer sk_…")
}

// byKey finds who has the API key. Everything is compared, and in constant time, whether there is such a key or not.
func (d *Directory) byKey(c *auth.Credential) (*auth.Identity, error) {
	id, ok := c.KeyID()
	if !ok {
		return nil, d.mistyped(c)
	}
	hash := auth.HashSecret(c.Key)
	var found *secret
	k := nobody
	if known, ok := d.byID.Load(id); ok {
		k = known.(*key)
	}
	for _, s := range k.secrets {
		if subtle.ConstantTimeCompare(hash[:], s.hash[:]) == 1 {
			found = s
		}
	}
	known := found != nil && k != nobody
	if !known && !c.Intact() || known && !found.whole(c) {
		return nil, d.mistyped(c)
	}
	if !known {
		return nil, d.refuse(c, "there is no such API key: it may have been revoked or replaced")
	}
	who, err := found.principal.Identity()
	if err != nil {
		return nil, err
	}
	if until := k.until(found); until != 0 && until <= d.env.Clock.Now() {
		return nil, errExpired
	}
	if !k.allowed.contain(c) {
		return nil, d.refuse(c, "this API key is not for use from %s", c.Address())
	}
	d.use(k)
	return who, nil
}

// mistyped refuses what is no API key.
func (d *Directory) mistyped(c *auth.Credential) error {
	return d.refuse(c, "this is not an API key of Synap, or it is cut or mistyped: one begins with sk_ and has %d letters", auth.SecretLength)
}

// whole reports whether what was shown with the right random part has the right checksum, too. The checksum is made once for each
// secret: that and the hash are half of what it takes to know who calls (BenchmarkAdmission).
func (s *secret) whole(c *auth.Credential) bool {
	if sum := s.checksum.Load(); sum != nil && *sum == c.KeyChecksum() {
		return true
	}
	if !c.Intact() {
		return false
	}
	sum := strings.Clone(c.KeyChecksum())
	s.checksum.Store(&sum)
	return true
}

// nobody is compared with when there is no key of the id.
var nobody = &key{secrets: []*secret{{}}}

// byName finds whom a verified certificate names.
func (d *Directory) byName(c *auth.Credential) (*auth.Identity, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	now := d.env.Clock.Now()
	if u, ok := d.users.Get(c.Certificate); ok {
		u.used.Store(now)
		d.touched(now)
		return u.principal.Identity()
	}
	k := d.keyNamed(c.Certificate)
	switch {
	case k == nil:
		return nil, d.refuse(c, "the certificate names %q, and there is no key or user of that name", clip(c.Certificate))
	case !k.allowed.contain(c):
		return nil, d.refuse(c, "this API key is not for use from %s", c.Address())
	}
	if k.expires != 0 && k.expires <= now { // the sweeper may not have come by yet
		return nil, errExpired
	}
	k.used.Store(now)
	d.touched(now)
	return k.secrets[len(k.secrets)-1].principal.Identity()
}

// refuse books a failed attempt, and says what was wrong with it or that there were too many.
func (d *Directory) refuse(c *auth.Credential, format string, args ...any) error {
	if wait := d.failures.book(c.Address(), d.env.Clock.Now()); wait > 0 {
		return tooMany(wait)
	}
	return fault.New(fault.Unauthenticated, format, args...)
}

func tooMany(wait int64) error {
	return fault.New(fault.Exhausted, "too many attempts from your address failed: try again in %d seconds", (wait+999)/1000).
		With("retry_after_ms", wait)
}

// networks are where calls may come from; none are everywhere.
type networks []netip.Prefix

func (n networks) contain(c *auth.Credential) bool {
	if len(n) == 0 {
		return true
	}
	addr := c.Address()
	for _, p := range n {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// parseNetwork reads an address or a range of them.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return p, fault.New(fault.Invalid, "%q is not a network: write it like 10.1.0.0/16, or an address", clip(text)).With("field", "networks")
	}
	return p.Masked(), nil
}
