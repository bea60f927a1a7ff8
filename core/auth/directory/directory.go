// Package directory is who there is: API keys for programs, users with passwords for
// people, the roles that say what they may do, and the commands that change all that.
//
// It is a structure like the others, with ops, a journal and snapshots, but one of the
// whole server: there is one Directory, whatever namespace its callers are in. It owns
// every secret's hash and never keeps a secret; what it answers of one is said once.
// Roles and rights become an auth.Identity when they change, not when somebody calls, so
// that saying who calls costs a hash and a look into a map. It decides about no
// command: the dispatcher asks the identity.
//
// One mutex guards everything but what Authenticate reads of a key.
package directory

import (
	"crypto/rand"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

const (
	structureName = "auth"
	structureID   = 0x0A // permanent
)

// Limits of what there can be. The next one is refused with Exhausted, more in one thing with Invalid.
const (
	MaxKeys        = 100_000
	MaxUsers       = 10_000
	MaxRoles       = 1_000
	maxRolesEach   = 32  // of one key or user
	maxPermissions = 256 // of one role, key or user
	maxNetworks    = 32  // of one key
	maxNamespaces  = 64  // of one key or user, besides its own
	maxProfileName = 64  // bytes
)

// Options say what a directory knows of the server that it is a part of.
type Options struct {
	Structures []string // those that get roles of their own: kv-reader, kv-writer, kv-admin
	Profiles   []string // the profiles of MCP tools that a key can be for; nil takes any name
}

// Structure declares the directory.
func Structure(o Options) *command.Structure {
	return &command.Structure{
		Name: structureName, ID: structureID, Global: true,
		Summary:  "Who may do what: API keys, users and roles.",
		Commands: commands(),
		New:      func(env command.Env) command.State { return newDirectory(env, o) },
		DecodeOp: decodeOp,
	}
}

// Directory is everybody there is. It is the structure's State, and the auth.Authenticator of all doors.
type Directory struct {
	env      command.Env
	builtin  map[string]*role // by name
	profiles []string         // that a key can be for; nil is any
	byID     sync.Map         // id -> *key: what Authenticate reads
	tickets  tickets
	failures failures
	pepper   [32]byte      // of this process, for what is remembered of passwords
	hashing  chan struct{} // holds a token for each password that is being hashed
	flush    atomic.Int64  // when last uses are to be written down, in Unix milliseconds; 0 when nobody called since they were

	mu    sync.RWMutex
	keys  btree.Map[string, *key]  // by name and id
	users btree.Map[string, *user] // by name
	roles btree.Map[string, *role] // by name; not the built-in ones
}

var (
	_ command.State      = (*Directory)(nil)
	_ auth.Authenticator = (*Directory)(nil)
)

func newDirectory(env command.Env, o Options) *Directory {
	d := &Directory{env: env, builtin: builtinRoles(o.Structures), profiles: o.Profiles, hashing: make(chan struct{}, hashers())}
	d.tickets.byHash, d.tickets.held = map[[32]byte]ticket{}, map[string]int{}
	_, _ = rand.Read(d.pepper[:]) // it never fails
	return d
}

// rights are what a key or a user may do, and where.
type rights struct {
	roles       []string
	permissions []auth.Permission
	home        string   // where its requests go that name no namespace
	namespaces  []string // further ones that it may select; "*" is every one
}

// key is an API key. It is immutable but for its last use, and replaced as a whole.
type key struct {
	rights
	id, name string
	created  int64 // Unix milliseconds
	by       string
	expires  int64 // Unix milliseconds; 0 is never
	networks []string
	allowed  networks // the same, made ready
	secrets  []*secret
	rate     keyRate
	profile  string // the only one of MCP tools that it is for; "" is any

	used   atomic.Int64 // when it last called, to the second, in Unix milliseconds; 0 is never
	lately atomic.Bool  // that was less than a second ago
	saved  int64        // when it last called, as it is in the journal; guarded by Directory.mu
}

// keyRate is how fast a key may call; the zero keyRate is as fast as every key.
type keyRate struct{ perSecond, burst int64 }

// place is where a key is among all: in the order of names, which are different unless one was just given anew.
func (k *key) place() string { return k.name + "\x00" + k.id }

// secret is one of the one or two that a key has at a time.
type secret struct {
	hash      [32]byte
	created   int64           // Unix milliseconds
	expires   int64           // Unix milliseconds; 0 is with the key
	principal *auth.Principal // who calls with it: its streams end when it does

	checksum atomic.Pointer[string] // of the key as its holder has it; nil before somebody came with it
}

// until is when the secret ends; 0 is never.
func (k *key) until(s *secret) int64 {
	if s.expires == 0 || (k.expires != 0 && k.expires < s.expires) {
		return k.expires
	}
	return s.expires
}

// user is a person. It is immutable but for its last use, and replaced as a whole.
type user struct {
	rights
	name      string
	created   int64 // Unix milliseconds
	by        string
	disabled  bool
	password  string // the hash, with its parameters
	principal *auth.Principal

	verified atomic.Pointer[verified] // the password that was right lately
	used     atomic.Int64
	saved    int64 // guarded by Directory.mu
}

// role is a named list of permissions. It is immutable.
type role struct {
	name        string
	permissions []auth.Permission
	created     int64 // Unix milliseconds; 0 of a built-in one
	by          string
}

// role returns the role of that name, or nil. d.mu is held.
func (d *Directory) role(name string) *role {
	if r := d.builtin[name]; r != nil {
		return r
	}
	r, _ := d.roles.Get(name)
	return r
}

// permissionsOf is everything that the rights allow. d.mu is held.
func (d *Directory) permissionsOf(r *rights) []auth.Permission {
	all := slices.Clone(r.permissions)
	for _, name := range r.roles {
		if role := d.role(name); role != nil { // it may be created later, in a log that is being replayed
			all = append(all, role.permissions...)
		}
	}
	return all
}

// identity is who calls under that name with the rights. d.mu is held.
func (d *Directory) identity(name, id string, r *rights) *auth.Identity {
	who := auth.Identity{Name: name, Key: id, Namespace: r.home, Namespaces: append([]string{}, r.namespaces...)}.With(d.permissionsOf(r))
	if who.Access == auth.Admin || slices.Contains(r.namespaces, everyNamespace) {
		who.Namespaces = nil
	}
	return who
}

// keyIdentity is who calls with the key. d.mu is held.
func (d *Directory) keyIdentity(k *key) *auth.Identity {
	who := d.identity(k.name, k.id, &k.rights)
	who.RequestsPerS, who.Burst, who.Profile = k.rate.perSecond, k.rate.burst, k.profile
	return who
}

// everyNamespace in a list of namespaces is all of them.
const everyNamespace = "*"

// putKey takes a key in, in place of the one with its id. d.mu is held.
func (d *Directory) putKey(k *key) {
	var before []*secret
	if old, ok := d.byID.Load(k.id); ok {
		old := old.(*key)
		d.keys.Delete(old.place())
		before = old.secrets
		k.used.Store(max(k.used.Load(), old.used.Load()))
	}
	now := d.env.Clock.Now()
	for _, s := range k.secrets {
		who := d.keyIdentity(k)
		for _, b := range before {
			if b.hash == s.hash {
				s.principal = b.principal
			}
		}
		until := k.until(s)
		switch {
		case s.principal == nil:
			s.principal = auth.NewPrincipal(who)
		case until == 0 || until > now:
			s.principal.Change(who)
		}
		if until != 0 {
			d.env.Wake(until)
		}
	}
	d.byID.Store(k.id, k)
	d.keys.Set(k.place(), k)
	for _, b := range before {
		if !slices.ContainsFunc(k.secrets, func(s *secret) bool { return s.hash == b.hash }) {
			b.principal.End(errReplaced)
		}
	}
}

// dropKey lets go of a key. d.mu is held.
func (d *Directory) dropKey(id string) {
	old, ok := d.byID.LoadAndDelete(id)
	if !ok {
		return
	}
	k := old.(*key)
	d.keys.Delete(k.place())
	for _, s := range k.secrets {
		s.principal.End(errRevoked)
	}
}

// putUser takes a user in, in place of the one with its name. d.mu is held.
func (d *Directory) putUser(u *user) {
	if old, ok := d.users.Get(u.name); ok {
		u.principal = old.principal
		u.used.Store(max(u.used.Load(), old.used.Load()))
		if u.password != old.password { // who came in with the old one is to come again
			old.principal.End(errReplaced)
			u.principal = nil
		}
	}
	who := d.identity(u.name, "", &u.rights)
	if u.principal == nil {
		u.principal = auth.NewPrincipal(who)
	} else {
		u.principal.Change(who)
	}
	if u.disabled {
		u.principal.End(errDisabled)
	}
	d.users.Set(u.name, u)
}

// dropUser lets go of a user. d.mu is held.
func (d *Directory) dropUser(name string) {
	if u, ok := d.users.Delete(name); ok {
		u.principal.End(errRevoked)
	}
}

// putRole takes a role in, or with nil lets go of it, and gives everybody who has it their new rights. d.mu is held.
func (d *Directory) putRole(name string, r *role) {
	if r == nil {
		d.roles.Delete(name)
	} else {
		d.roles.Set(name, r)
	}
	now := d.env.Clock.Now()
	d.keys.Scan(func(_ string, k *key) bool {
		if slices.Contains(k.roles, name) {
			for _, s := range k.secrets {
				if until := k.until(s); until == 0 || until > now {
					s.principal.Change(d.keyIdentity(k))
				}
			}
		}
		return true
	})
	d.users.Scan(func(_ string, u *user) bool {
		if slices.Contains(u.roles, name) && !u.disabled {
			u.principal.Change(d.identity(u.name, "", &u.rights))
		}
		return true
	})
}

// Why a caller is nobody any more.
var (
	errRevoked  = fault.New(fault.Unauthenticated, "the key or user you called as was revoked")
	errReplaced = fault.New(fault.Unauthenticated, "the secret that you called with was replaced: use the new one")
	errExpired  = fault.New(fault.Unauthenticated, "the key that you called with has expired")
	errDisabled = fault.New(fault.Unauthenticated, "this user may not sign in")
)

// HasAdmin reports whether there is anybody who may do everything, and may come in now.
func (d *Directory) HasAdmin() (found bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	d.keys.Scan(func(_ string, k *key) bool {
		for _, s := range k.secrets {
			who, err := s.principal.Identity()
			found = found || (err == nil && who.Everywhere(auth.Admin))
		}
		return !found
	})
	d.users.Scan(func(_ string, u *user) bool {
		who, err := u.principal.Identity()
		found = found || (err == nil && who.Everywhere(auth.Admin))
		return !found
	})
	return found
}
