package directory

import (
	"context"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// UpdateKeyRequest changes an API key; what is absent stays as it is. Its secrets go on working.
type UpdateKeyRequest struct {
	KeyRequest
	Name        string    `json:"name,omitempty" max:"64" jsonschema:"what it is called from now on"`
	Roles       *[]string `json:"roles,omitempty" max:"32" jsonschema:"all of its roles from now on"`
	Permissions *[]string `json:"permissions,omitempty" max:"256" jsonschema:"all of its own permissions from now on"`
	Home        string    `json:"home,omitempty" jsonschema:"the namespace that it belongs to from now on"`
	Namespaces  *[]string `json:"namespaces,omitempty" max:"64" jsonschema:"all further namespaces that it may select from now on; * is every one"`
	Networks    *[]string `json:"networks,omitempty" max:"32" jsonschema:"where it may be used from, from now on; an empty list is everywhere"`

	TTL   *int64 `json:"ttl,omitempty" min:"0" max:"3153600000" jsonschema:"seconds from now until it expires; 0 is never"`
	TTLMS *int64 `json:"ttl_ms,omitempty" min:"0" max:"3153600000000" jsonschema:"the same in milliseconds"`

	RequestsPerS *int64 `json:"requests_per_s,omitempty" min:"0" max:"1000000000" jsonschema:"how many requests a second it may make; 0 is as many as every key"`
	Burst        *int64 `json:"burst,omitempty" min:"0" max:"1000000000" jsonschema:"how many of them at once; 0 is as many as in a second"`

	Profile *string `json:"profile,omitempty" max:"64" jsonschema:"the only profile of MCP tools that it is for, from now on; an empty text is any"`
}

// Validate refuses what cannot be, whatever the key is.
func (r *UpdateKeyRequest) Validate() error {
	if r.Name != "" {
		if err := checkName(r.Name); err != nil {
			return err
		}
	}
	if r.TTL != nil && r.TTLMS != nil {
		return fault.New(fault.Invalid, `"ttl" and "ttl_ms" say the same: give one of them`).With("field", "ttl_ms")
	}
	if r.Profile != nil {
		if err := checkProfile(*r.Profile); err != nil {
			return err
		}
	}
	if r.Networks != nil {
		if _, err := parseNetworks(*r.Networks); err != nil {
			return err
		}
	}
	wanted := Rights{Home: r.Home, Permissions: orNone(r.Permissions), Namespaces: orNone(r.Namespaces)}
	return wanted.Validate()
}

func orNone(list *[]string) []string {
	if list == nil {
		return nil
	}
	return *list
}

// KeyResponse is an API key, without its secret.
type KeyResponse struct {
	Key
	command.Receipt
}

func (d *Directory) updateKey(_ context.Context, tx *command.Tx, r *UpdateKeyRequest) (resp KeyResponse, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old, err := d.find(r.Key)
	if err == nil {
		err = d.reaches(tx.Caller(), &old.rights)
	}
	if err != nil {
		return resp, err
	}
	k := old.again()
	for _, s := range old.secrets { // their callers are found again by what they are
		k.secrets = append(k.secrets, &secret{hash: s.hash, created: s.created, expires: s.expires})
	}
	if r.Name != "" && r.Name != old.name {
		if err := d.taken(r.Name); err != nil {
			return resp, err
		}
		k.name = r.Name
	}
	if k.rights, err = d.rightsOf(tx.Caller(), r.rights(old)); err != nil {
		return resp, err
	}
	if r.Networks != nil {
		k.networks = sorted(*r.Networks)
		if k.allowed, err = parseNetworks(k.networks); err != nil {
			return resp, err
		}
	}
	if ms, given := r.ttl(); given {
		if k.expires = 0; ms > 0 {
			k.expires = tx.Now() + ms
		}
	}
	if k.rate, err = r.rate(old.rate); err != nil {
		return resp, err
	}
	if r.Profile != nil {
		if err := d.hasProfile(*r.Profile); err != nil {
			return resp, err
		}
		k.profile = *r.Profile
	}
	_, err = tx.Commit(&keyOp{k})
	resp.Key = k.shown(tx.Now())
	return resp, err
}

// rights are those of the key, but for what is given.
func (r *UpdateKeyRequest) rights(old *key) *Rights {
	wanted := &Rights{Roles: old.roles, Permissions: shown(old.permissions), Home: old.home, Namespaces: old.namespaces}
	for _, list := range []struct {
		given *[]string
		into  *[]string
	}{{r.Roles, &wanted.Roles}, {r.Permissions, &wanted.Permissions}, {r.Namespaces, &wanted.Namespaces}} {
		if list.given != nil {
			*list.into = *list.given
		}
	}
	if r.Home != "" {
		wanted.Home = r.Home
	}
	return wanted
}

// ttl is how long the key is to live from now on, in milliseconds.
func (r *UpdateKeyRequest) ttl() (ms int64, given bool) {
	switch {
	case r.TTL != nil:
		return *r.TTL * 1000, true
	case r.TTLMS != nil:
		return *r.TTLMS, true
	}
	return 0, false
}

// rate is the key's, but for what is given. Without a rate there is no burst of one.
func (r *UpdateKeyRequest) rate(old keyRate) (keyRate, error) {
	perSecond, burst := old.perSecond, old.burst
	if r.RequestsPerS != nil {
		if perSecond = *r.RequestsPerS; perSecond == 0 {
			burst = 0
		}
	}
	if r.Burst != nil {
		burst = *r.Burst
	}
	return rateOf(perSecond, burst)
}
