package directory

import (
	"context"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// CreateKeyRequest describes an API key.
type CreateKeyRequest struct {
	Name string `json:"name,omitempty" max:"64" jsonschema:"what it is called, in logs and as the author of what it writes; absent is made of its id"`
	Rights
	TTL      int64    `json:"ttl,omitempty" min:"0" max:"3153600000" jsonschema:"seconds until it expires; absent is never"`
	TTLMS    int64    `json:"ttl_ms,omitempty" min:"0" max:"3153600000000" jsonschema:"milliseconds until it expires, instead of ttl"`
	Networks []string `json:"networks,omitempty" max:"32" jsonschema:"where it may be used from: addresses, or networks like 10.1.0.0/16; absent is everywhere"`

	RequestsPerS int64 `json:"requests_per_s,omitempty" min:"0" max:"1000000000" jsonschema:"how many requests a second it may make; absent is as many as every key"`
	Burst        int64 `json:"burst,omitempty" min:"0" max:"1000000000" jsonschema:"how many of them at once; absent is as many as in a second"`

	Profile string `json:"profile,omitempty" max:"64" jsonschema:"the only profile of MCP tools that it is for, such as kv or readonly: others are neither shown nor run; absent is any"`
}

// checkProfile refuses what cannot be the name of a profile. A key that is read from a log may be for one that this server does not have; it
// gets no tools.
func checkProfile(name string) error {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fault.New(fault.Invalid, "a profile cannot be called %q: names are of a-z 0-9 _ -, such as readonly", clip(name)).With("field", "profile")
		}
	}
	if len(name) > maxProfileName {
		return fault.New(fault.Invalid, "the name of a profile has at most %d characters", maxProfileName).With("field", "profile")
	}
	return nil
}

// hasProfile refuses a profile that there is not. "" is none.
func (d *Directory) hasProfile(name string) error {
	if name == "" || d.profiles == nil || slices.Contains(d.profiles, name) {
		return nil
	}
	return fault.New(fault.Invalid, "there is no profile %q; the profiles are %s", clip(name), strings.Join(d.profiles, ", ")).
		With("field", "profile").With("allowed", d.profiles)
}

// maxRate bounds the numbers of a key's own rate.
const maxRate = 1_000_000_000

// rateOf makes a rate of what a request says.
func rateOf(perSecond, burst int64) (keyRate, error) {
	if burst > 0 && perSecond == 0 {
		return keyRate{}, fault.New(fault.Invalid, `"burst" is of a key's own rate: say "requests_per_s", too`).With("field", "burst")
	}
	return keyRate{perSecond, burst}, nil
}

// Validate refuses what cannot be.
func (r *CreateKeyRequest) Validate() error {
	if r.Name != "" {
		if err := checkName(r.Name); err != nil {
			return err
		}
	}
	if r.TTL != 0 && r.TTLMS != 0 {
		return fault.New(fault.Invalid, `"ttl" and "ttl_ms" say the same: give one of them`).With("field", "ttl_ms")
	}
	if _, err := rateOf(r.RequestsPerS, r.Burst); err != nil {
		return err
	}
	if err := checkProfile(r.Profile); err != nil {
		return err
	}
	if _, err := parseNetworks(r.Networks); err != nil {
		return err
	}
	return r.Rights.Validate()
}

func parseNetworks(texts []string) (all networks, err error) {
	for _, text := range texts {
		p, err := parseNetwork(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Key is what can be told of an API key.
type Key struct {
	ID          string   `json:"id" jsonschema:"the second part of its secret, which is no secret itself"`
	Name        string   `json:"name" jsonschema:"what it is called"`
	Roles       []string `json:"roles,omitempty"`
	Permissions []string `json:"permissions,omitempty" jsonschema:"what it may do besides what its roles allow"`
	Home        string   `json:"home" jsonschema:"the namespace that it belongs to"`
	Namespaces  []string `json:"namespaces,omitempty" jsonschema:"further namespaces that it may select; * is every one"`
	Networks    []string `json:"networks,omitempty" jsonschema:"where it may be used from; absent is everywhere"`

	RequestsPerS int64  `json:"requests_per_s,omitempty" jsonschema:"how many requests a second it may make; absent is as many as every key"`
	Burst        int64  `json:"burst,omitempty" jsonschema:"how many of them at once; absent is as many as in a second"`
	Profile      string `json:"profile,omitempty" jsonschema:"the only profile of MCP tools that it is for; absent is any"`

	CreatedAt  int64       `json:"created_at" jsonschema:"in Unix milliseconds"`
	CreatedBy  string      `json:"created_by"`
	ExpiresAt  int64       `json:"expires_at,omitempty" jsonschema:"in Unix milliseconds; absent is never"`
	LastUsedAt int64       `json:"last_used_at,omitempty" jsonschema:"in Unix milliseconds, to the second; absent is never"`
	Expired    bool        `json:"expired,omitempty" jsonschema:"true when it cannot be used any more"`
	Secrets    []KeySecret `json:"secrets" jsonschema:"its secret; while it is being replaced, the one before, too"`
}

// KeySecret is what can be told of a secret.
type KeySecret struct {
	CreatedAt int64 `json:"created_at" jsonschema:"in Unix milliseconds"`
	ExpiresAt int64 `json:"expires_at,omitempty" jsonschema:"in Unix milliseconds; absent is with the key"`
}

// KeySecretResponse is an API key, with its secret.
type KeySecretResponse struct {
	Secret string `json:"secret" jsonschema:"the key itself, to be sent as Authorization: Bearer …; it is told this once and cannot be told again"`
	Key
	command.Receipt
}

func (k *key) shown(now int64) Key {
	out := Key{
		ID: k.id, Name: k.name, Roles: k.roles, Permissions: shown(k.permissions), Home: k.home, Namespaces: k.namespaces, Networks: k.networks,
		RequestsPerS: k.rate.perSecond, Burst: k.rate.burst, Profile: k.profile,
		CreatedAt: k.created, CreatedBy: k.by, ExpiresAt: k.expires, LastUsedAt: k.used.Load(), Expired: k.expires != 0 && k.expires <= now,
	}
	for _, s := range k.secrets {
		if s.expires == 0 || s.expires > now {
			out.Secrets = append(out.Secrets, KeySecret{s.created, s.expires})
		}
	}
	return out
}

func (d *Directory) createKey(_ context.Context, tx *command.Tx, r *CreateKeyRequest) (resp KeySecretResponse, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.keys.Len() >= MaxKeys {
		return resp, fault.New(fault.Exhausted, "there are %d keys, and no more are allowed", MaxKeys).With("limit", MaxKeys)
	}
	if err := d.hasProfile(r.Profile); err != nil {
		return resp, err
	}
	given, err := d.rightsOf(tx.Caller(), &r.Rights)
	if err != nil {
		return resp, err
	}
	k := &key{rights: given, id: auth.NewID(), name: r.Name, created: tx.Now(), by: tx.Caller().Name, networks: sorted(r.Networks), profile: r.Profile}
	if k.name == "" {
		k.name = "key-" + k.id
	}
	if err := d.taken(k.name); err != nil {
		return resp, err
	}
	if k.allowed, err = parseNetworks(k.networks); err != nil {
		return resp, err
	}
	if k.rate, err = rateOf(r.RequestsPerS, r.Burst); err != nil {
		return resp, err
	}
	if ms := r.TTL*1000 + r.TTLMS; ms != 0 {
		k.expires = tx.Now() + ms
	}
	resp.Secret = auth.NewSecret(k.id)
	k.secrets = []*secret{{hash: auth.HashSecret(resp.Secret), created: tx.Now()}}
	_, err = tx.Commit(&keyOp{k})
	resp.Key = k.shown(tx.Now())
	return resp, err
}

// ListRequest asks for a page of names.
type ListRequest struct {
	Prefix string `json:"prefix,omitempty" max:"64" jsonschema:"only names that begin so"`
	Limit  int    `json:"limit,omitempty" default:"100" min:"1" max:"1000" jsonschema:"at most so many"`
	Cursor string `json:"cursor,omitempty" max:"256" jsonschema:"next_cursor of the page before"`
}

// KeysResponse is a page of keys, by name.
type KeysResponse struct {
	Items      []Key  `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

func (d *Directory) listKeys(_ context.Context, r *ListRequest) (resp KeysResponse, err error) {
	now := d.env.Clock.Now()
	d.mu.RLock()
	defer d.mu.RUnlock()
	byName := func(from string, visit func(string, *key) bool) {
		d.keys.Ascend(from, func(_ string, k *key) bool { return visit(k.name, k) })
	}
	resp.Items, resp.NextCursor = command.Page(byName, r.Prefix, r.Cursor, r.Limit, func(_ string, k *key) Key { return k.shown(now) })
	return resp, nil
}

// KeyRequest names an API key.
type KeyRequest struct {
	Key string `json:"key" max:"64" jsonschema:"its id, or its name"`
}

// find returns the key of that id or name. d.mu is held.
func (d *Directory) find(name string) (*key, error) {
	if k, ok := d.byID.Load(name); ok {
		return k.(*key), nil
	}
	if k := d.keyNamed(name); k != nil {
		return k, nil
	}
	return nil, fault.New(fault.NotFound, "there is no key %q", clip(name))
}

// RevokeKeyResponse says which key was revoked.
type RevokeKeyResponse struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	command.Receipt
}

func (d *Directory) revokeKey(_ context.Context, tx *command.Tx, r *KeyRequest) (resp RevokeKeyResponse, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, err := d.find(r.Key)
	if err == nil {
		err = d.reaches(tx.Caller(), &k.rights)
	}
	if err != nil {
		return resp, err
	}
	resp.ID, resp.Name = k.id, k.name
	_, err = tx.Commit(&dropOp{opNoKey, k.id})
	return resp, err
}

// RotateKeyRequest asks for a new secret.
type RotateKeyRequest struct {
	KeyRequest
	Overlap   *int64 `json:"overlap,omitempty" min:"0" max:"31536000" jsonschema:"seconds for which the secret before goes on working; absent is a day, 0 ends it at once"`
	OverlapMS *int64 `json:"overlap_ms,omitempty" min:"0" max:"31536000000" jsonschema:"the same in milliseconds"`
}

const defaultOverlap = 24 * 60 * 60 * 1000 // milliseconds

// Validate wants the overlap said once.
func (r *RotateKeyRequest) Validate() error {
	if r.Overlap != nil && r.OverlapMS != nil {
		return fault.New(fault.Invalid, `"overlap" and "overlap_ms" say the same: give one of them`).With("field", "overlap_ms")
	}
	return nil
}

// overlap is in milliseconds.
func (r *RotateKeyRequest) overlap() int64 {
	switch {
	case r.Overlap != nil:
		return *r.Overlap * 1000
	case r.OverlapMS != nil:
		return *r.OverlapMS
	}
	return defaultOverlap
}

func (d *Directory) rotateKey(_ context.Context, tx *command.Tx, r *RotateKeyRequest) (resp KeySecretResponse, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old, err := d.find(r.Key)
	if err == nil {
		err = d.reaches(tx.Caller(), &old.rights)
	}
	if err != nil {
		return resp, err
	}
	resp.Secret = auth.NewSecret(old.id)
	k := old.again()
	if overlap := r.overlap(); overlap > 0 {
		last := old.secrets[len(old.secrets)-1]
		until := tx.Now() + overlap
		if last.expires != 0 {
			until = min(until, last.expires)
		}
		k.secrets = append(k.secrets, &secret{hash: last.hash, created: last.created, expires: until})
	}
	k.secrets = append(k.secrets, &secret{hash: auth.HashSecret(resp.Secret), created: tx.Now()})
	_, err = tx.Commit(&keyOp{k})
	resp.Key = k.shown(tx.Now())
	return resp, err
}

// again is the key without its secrets, to be given others, or changed, and put in its place. d.mu is held.
func (k *key) again() *key {
	other := &key{
		rights: k.rights, id: k.id, name: k.name, created: k.created, by: k.by, expires: k.expires,
		networks: k.networks, allowed: k.allowed, rate: k.rate, profile: k.profile, saved: k.saved,
	}
	other.used.Store(k.used.Load())
	return other
}
