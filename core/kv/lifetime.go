package kv

import (
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// maxLifeMS is the longest time to live, about 100 years: a longer one is a unit mixed up.
const maxLifeMS = 100 * 366 * 24 * 60 * 60 * 1000

// Lifetime is embedded by every request that may give a key a deadline, in one of three ways. The bounds are
// checked in Validate and not by tags, because a SET pays for every tag that is checked.
type Lifetime struct {
	TTL       int64 `json:"ttl,omitempty" jsonschema:"seconds until the key expires"`
	TTLMS     int64 `json:"ttl_ms,omitempty" jsonschema:"milliseconds until the key expires"`
	ExpiresAt int64 `json:"expires_at,omitempty" jsonschema:"when the key expires, in Unix milliseconds"`
}

// Describe adds the bounds to a request's schema.
func (l *Lifetime) Describe(s *jsonschema.Schema) {
	least, seconds, millis := 1.0, float64(maxLifeMS/1000), float64(maxLifeMS)
	s.Properties["ttl"].Minimum, s.Properties["ttl"].Maximum = &least, &seconds
	s.Properties["ttl_ms"].Minimum, s.Properties["ttl_ms"].Maximum = &least, &millis
	s.Properties["expires_at"].Minimum = &least
}

// Validate refuses times that are negative or too long, and more than one way to say it.
func (l *Lifetime) Validate() error {
	if *l == (Lifetime{}) {
		return nil
	}
	given := 0
	for _, f := range []struct {
		name    string
		n, most int64
	}{{"ttl", l.TTL, maxLifeMS / 1000}, {"ttl_ms", l.TTLMS, maxLifeMS}, {"expires_at", l.ExpiresAt, 1 << 53}} {
		if f.n < 0 || f.n > f.most {
			return fault.New(fault.OutOfRange, "%q: %d is not allowed for it: it is between 1 and %d", f.name, f.n, f.most).
				With("field", f.name)
		}
		if f.n != 0 {
			given++
		}
	}
	if given > 1 {
		return fault.New(fault.Invalid, "give only one of ttl, ttl_ms and expires_at")
	}
	return nil
}

// given reports whether there is a deadline at all.
func (l *Lifetime) given() bool { return *l != (Lifetime{}) }

// deadline is when the key expires in Unix milliseconds; 0 when it does not.
func (l *Lifetime) deadline(tx *command.Tx) (int64, error) {
	switch {
	case l.TTL != 0:
		return tx.Now() + l.TTL*1000, nil
	case l.TTLMS != 0:
		return tx.Now() + l.TTLMS, nil
	case l.ExpiresAt == 0:
		return 0, nil
	}
	if now := tx.Now(); l.ExpiresAt <= now || l.ExpiresAt > now+maxLifeMS {
		return 0, fault.New(fault.OutOfRange,
			"expires_at %d is not between now (%d) and 100 years from now; it is in Unix milliseconds", l.ExpiresAt, now).
			With("field", "expires_at").With("now", now)
	}
	return l.ExpiresAt, nil
}

// seconds rounds milliseconds up, so that a key that is there never has 0 seconds left.
func seconds(ms int64) int64 { return (ms + 999) / 1000 }
