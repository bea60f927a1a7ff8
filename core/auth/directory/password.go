package directory

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"

	"golang.org/x/crypto/argon2"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// How passwords are hashed: Argon2id as OWASP advises, which takes some 20 ms and 19 MiB. The parameters are kept with each
// hash, so that they can be raised.
const (
	argonPasses  = 2
	argonKiB     = 19 << 10
	argonThreads = 1
	argonSalt    = 16 // bytes
	argonHash    = 32 // bytes

	maxArgonPasses = 64      // that a hash may ask for
	maxArgonKiB    = 1 << 20 // the same
	verifiedLife   = 300_000 // for how many milliseconds a password that was right need not be hashed again
	minPassword    = 8       // bytes
	maxPassword    = 1024    // bytes
)

// hashers is how many passwords are hashed at once: each takes memory and a processor. The others wait.
func hashers() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// hashPassword returns what is kept of a password, as a PHC string.
func (d *Directory) hashPassword(ctx context.Context, password string) (string, error) {
	if len(password) < minPassword || len(password) > maxPassword {
		return "", fault.New(fault.Invalid, "a password has %d to %d bytes", minPassword, maxPassword).With("field", "password")
	}
	var salt [argonSalt]byte
	_, _ = rand.Read(salt[:]) // it never fails
	hash, err := d.argon(ctx, func() error { return nil }, password, salt[:], argonPasses, argonKiB, argonThreads)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonKiB, argonPasses, argonThreads,
		b64.EncodeToString(salt[:]), b64.EncodeToString(hash)), nil
}

// argon hashes when it is its turn, unless by then there is a reason not to.
func (d *Directory) argon(ctx context.Context, still func() error, password string, salt []byte, passes, kib uint32, threads uint8) ([]byte, error) {
	select {
	case d.hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, fault.From(ctx.Err())
	}
	defer func() { <-d.hashing }()
	if err := still(); err != nil {
		return nil, err
	}
	return argon2.IDKey([]byte(password), salt, passes, kib, threads, argonHash), nil
}

// argonParams takes a PHC string apart.
func argonParams(phc string) (salt, hash []byte, passes, kib uint32, threads uint8, err error) {
	wrong := fault.New(fault.Corrupt, "the hash of a password cannot be read")
	var version int
	var tail string
	if n, err := fmt.Sscanf(phc, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s", &version, &kib, &passes, &threads, &tail); err != nil || n != 5 {
		return nil, nil, 0, 0, 0, wrong
	}
	if len(tail) != 22+1+43 || tail[22] != '$' || version != argon2.Version || passes < 1 || passes > maxArgonPasses ||
		kib < 8 || kib > maxArgonKiB || threads < 1 || threads > 64 {
		return nil, nil, 0, 0, 0, wrong
	}
	salt, err = base64.RawStdEncoding.DecodeString(tail[:22])
	if err == nil {
		hash, err = base64.RawStdEncoding.DecodeString(tail[23:])
	}
	if err != nil {
		return nil, nil, 0, 0, 0, wrong
	}
	return salt, hash, passes, kib, threads, nil
}

// verified is a password that was right, as an HMAC that only this process can make: people's programs send it with every
// call, and cannot wait for its hash each time.
type verified struct {
	mac   [sha256.Size]byte
	until int64 // Unix milliseconds
}

func (d *Directory) mac(user, password string) (sum [sha256.Size]byte) {
	m := hmac.New(sha256.New, d.pepper[:])
	m.Write([]byte(user + "\x00" + password))
	m.Sum(sum[:0])
	return sum
}

// stranger is the hash that a password is held against when there is no such user, so that it takes as long.
var stranger = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// byPassword finds who the user is.
func (d *Directory) byPassword(ctx context.Context, c *auth.Credential) (*auth.Identity, error) {
	now := d.env.Clock.Now()
	d.mu.RLock()
	u, known := d.users.Get(c.User)
	d.mu.RUnlock()
	mac := d.mac(c.User, c.Password)
	right := false
	if known {
		v := u.verified.Load()
		right = v != nil && v.until > now && hmac.Equal(v.mac[:], mac[:])
	}
	if !right {
		// Again when it is this one's turn to be hashed: many may come at once, and all of them before the first has failed.
		unheard := func() error {
			if wait := d.failures.wait(c.Address(), d.env.Clock.Now()); wait > 0 {
				return tooMany(wait)
			}
			return nil
		}
		if err := unheard(); err != nil {
			return nil, err
		}
		phc := stranger
		if known {
			phc = u.password
		}
		if len(c.Password) <= maxPassword {
			salt, hash, passes, kib, threads, err := argonParams(phc)
			if err != nil {
				return nil, err
			}
			got, err := d.argon(ctx, unheard, c.Password, salt, passes, kib, threads)
			if err != nil {
				return nil, err
			}
			right = known && subtle.ConstantTimeCompare(got, hash) == 1
		}
		if !right {
			return nil, d.refuse(c, "there is no such user, or it has another password")
		}
		u.verified.Store(&verified{mac, d.env.Clock.Now() + verifiedLife})
	}
	if now-u.used.Load() >= usedEvery.Milliseconds() {
		u.used.Store(now)
		d.touched(now)
	}
	return u.principal.Identity()
}
