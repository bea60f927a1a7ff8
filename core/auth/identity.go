// Package auth says who calls and what they may touch.
//
// An Identity is fixed by a door before any command runs and is never taken from
// a request's arguments. The dispatcher asks it once for every name a request
// touches; nothing else in Synap decides about access. Who there is, with which
// secrets, is kept elsewhere (core/auth/directory): this package knows no data, only
// how a permission is read (permission.go), how it is held against a name (rules.go),
// how a secret is written (secret.go), and how a caller's rights change while it is
// served (principal.go).
package auth

import (
	"context"
	"slices"

	"github.com/hivellm/synap-go/core/fault"
)

// Access is what a command does to the things it names.
type Access uint8

// The kinds of access, from least to most: who may write may read, and who may administer may do both.
const (
	None  Access = iota // nothing of its own: what it calls is checked instead
	Read                // looks
	Write               // changes data
	Admin               // changes how the server works, or who may use it
)

// String returns "none", "read", "write" or "admin".
func (a Access) String() string {
	return [...]string{"none", "read", "write", "admin"}[a]
}

// Match says how a Resource's name is meant.
type Match uint8

// The ways to name things.
const (
	Exact  Match = iota // just this name
	Prefix              // every name that begins so; an empty prefix is everything
	Glob                // every name that fits the pattern: * any characters, ? any one, [a-z] one of a set, \ before a character as it is
	Levels              // every topic that fits the pattern of levels between dots: * is one level, # at the end any number of them
)

// Resource is what a permission is asked for.
type Resource struct {
	Structure string // "kv", "queue", …
	Name      string // the key, queue or room, as Match means it
	Match     Match
}

// Any is every name of a structure.
func Any(structure string) Resource { return Resource{Structure: structure, Match: Prefix} }

// Name is exactly one name of a structure.
func Name(structure, name string) Resource { return Resource{Structure: structure, Name: name} }

// Identity is a caller. It is immutable once a door has handed it out.
type Identity struct {
	Name       string   // for logs and provenance; no two callers have the same
	Agent      string   // which of the agents that share the credential; see As
	Key        string   // the id of the API key that it called with; "" for others
	Namespace  string   // where requests go that name no namespace
	Namespaces []string // further namespaces it may select; nil means every one
	Access     Access   // the most it may do, everywhere in its namespaces

	Profile string // the only profile of MCP tools that it is for; "" is any

	RequestsPerS, Burst int64 // how fast it may call, if it has a rate of its own; 0 is that of everybody

	permissions []Permission // what it may do besides
	rules       *ruleSet     // the same, made ready; nil when there is nothing
	principal   *Principal   // what it follows; nil for an identity that never changes
}

// Local is the identity of everybody on a server without authentication: it may do everything.
func Local() *Identity {
	return &Identity{Name: LocalName, Namespace: "default", Access: Admin}
}

// LocalName is what Local is called; nobody else may be.
const LocalName = "local"

// With returns the identity with these permissions, and no others.
func (id Identity) With(permissions []Permission) *Identity {
	id.Access = None
	for _, p := range permissions {
		if p.everything() {
			id.Access = max(id.Access, p.Access)
		}
	}
	id.permissions = permissions
	id.rules = compile(permissions)
	return &id
}

// Permissions are what the identity may do. The list is shared: do not change it.
func (id *Identity) Permissions() []Permission {
	if id.permissions == nil && id.Access > None {
		return []Permission{{Access: id.Access, Structure: all, Name: all}}
	}
	return id.permissions
}

// Select returns the namespace for a request that asks for one by name, or for none with "".
func (id *Identity) Select(name string) (string, error) {
	if name == "" || name == id.Namespace {
		return id.Namespace, nil
	}
	if id.Namespaces == nil || slices.Contains(id.Namespaces, name) {
		return name, nil
	}
	return "", fault.New(fault.Denied, "%s may not use namespace %q", id.Name, name)
}

// Most is the most that the identity may do anywhere.
func (id *Identity) Most() Access {
	most := id.Access
	for _, p := range id.permissions {
		most = max(most, p.Access)
	}
	return most
}

// Everywhere reports whether the identity may do so to whatever a request touches, so that nobody has to look
// at what that is.
func (id *Identity) Everywhere(a Access) bool { return a <= id.Access }

// Check returns nil if the identity may access the resource so, and a Denied error naming both otherwise. A resource
// that is many names must be covered as a whole, by one permission.
func (id *Identity) Check(a Access, r Resource) error {
	if id.Everywhere(a) || id.rules.allow(a, r) {
		return nil
	}
	what := r.Structure
	switch {
	case r.Match == Prefix && r.Name == "":
		what = "everything of " + what
	case r.Match == Prefix:
		what += " " + quote(r.Name+all)
	default:
		what += " " + quote(r.Name)
	}
	verb := a.String()
	if a == Admin {
		verb = "administer"
	}
	return fault.New(fault.Denied, "%s may not %s %s", id.Name, verb, what)
}

type identityKey struct{}

// NewContext returns a context that carries the identity that a door's front has established.
func NewContext(ctx context.Context, id *Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// FromContext returns the identity that the context carries, or nil.
func FromContext(ctx context.Context) *Identity {
	id, _ := ctx.Value(identityKey{}).(*Identity)
	return id
}

// In returns the identity at home in a namespace that it may select.
func (id *Identity) In(namespace string) (*Identity, error) {
	selected, err := id.Select(namespace)
	if err != nil || selected == id.Namespace {
		return id, err
	}
	moved := *id
	if moved.Namespaces != nil {
		moved.Namespaces = append(slices.Clone(id.Namespaces), id.Namespace) // it may go back
	}
	moved.Namespace = selected
	return &moved, nil
}
