package directory

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// Rights are what a key or user is to have.
type Rights struct {
	Roles       []string `json:"roles,omitempty" max:"32" jsonschema:"what it may do, as names of roles: admin, writer, reader, kv-reader, …; auth.role.list has them all"`
	Permissions []string `json:"permissions,omitempty" max:"256" jsonschema:"what else it may do, each written like write:queue:jobs or read:kv:user:*"`
	Home        string   `json:"home,omitempty" jsonschema:"the namespace that it belongs to; absent is the one that you belong to"`
	Namespaces  []string `json:"namespaces,omitempty" max:"64" jsonschema:"further namespaces that it may select; * is every one. Who may administer everything may select every one anyway"`
}

var (
	accountName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)
	namespaceName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
)

// checkName refuses what cannot be the name of a key, a user or a role.
func checkName(name string) error {
	if !accountName.MatchString(name) {
		return fault.New(fault.Invalid, "%q cannot be a name: 1 to 64 of A-Z a-z 0-9 . _ @ -, beginning with a letter or digit", clip(name)).With("field", "name")
	}
	if name == auth.LocalName {
		return fault.New(fault.Invalid, "%q is what everybody is called on a server without authentication: take another name", name).With("field", "name")
	}
	return nil
}

// Validate refuses what cannot be.
func (r *Rights) Validate() error {
	for _, name := range append([]string{r.Home}, r.Namespaces...) {
		if name != "" && name != everyNamespace && !namespaceName.MatchString(name) {
			return fault.New(fault.Invalid, "%q cannot be a namespace: 1 to 63 of a-z 0-9 . _ -, beginning with a letter or digit", clip(name)).With("field", "namespaces")
		}
	}
	if r.Home == everyNamespace {
		return fault.New(fault.Invalid, "it belongs to one namespace; put * into namespaces for all others").With("field", "home")
	}
	_, err := parsePermissions(r.Permissions)
	return err
}

// parsePermissions reads permissions, drops repetitions, and orders them.
func parsePermissions(texts []string) ([]auth.Permission, error) {
	all := make([]auth.Permission, 0, len(texts))
	for _, text := range texts {
		p, err := auth.ParsePermission(text)
		if err != nil {
			return nil, fault.From(err).With("field", "permissions")
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b auth.Permission) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(all), nil
}

// rightsOf makes rights of a request that was validated, if the caller may give them. d.mu is held.
func (d *Directory) rightsOf(caller *auth.Identity, r *Rights) (rights, error) {
	permissions, err := parsePermissions(r.Permissions)
	made := rights{roles: sorted(r.Roles), permissions: permissions, home: r.Home, namespaces: sorted(r.Namespaces)}
	if err != nil {
		return made, err
	}
	if made.home == "" {
		made.home = caller.Namespace
	}
	for _, name := range made.roles {
		if d.role(name) == nil {
			return made, fault.New(fault.NotFound, "there is no role %q; auth.role.list has those that there are", clip(name)).With("field", "roles")
		}
	}
	return made, d.reaches(caller, &made)
}

func sorted(names []string) []string {
	all := slices.Clone(names)
	slices.Sort(all)
	return slices.Compact(all)
}

// reaches refuses what is more than the caller has: to give it, or to decide about who has it. Otherwise whoever may make keys
// could make one that may do anything. d.mu is held.
func (d *Directory) reaches(caller *auth.Identity, r *rights) error {
	for _, name := range append([]string{r.home}, r.namespaces...) {
		if name == everyNamespace && caller.Namespaces != nil {
			return fault.New(fault.Denied, "%s may not use every namespace, so it cannot decide about who may", caller.Name)
		}
		if name != everyNamespace {
			if _, err := caller.Select(name); err != nil {
				return err
			}
		}
	}
	return mayGive(caller, d.permissionsOf(r))
}

// mayGive refuses permissions that the caller does not have itself.
func mayGive(caller *auth.Identity, permissions []auth.Permission) error {
	for _, p := range permissions {
		if caller.Check(p.Access, p.Resource()) != nil {
			return fault.New(fault.Denied, "%s does not have %s itself, so it cannot decide about who has it", caller.Name, p)
		}
	}
	return nil
}

// shown writes permissions as texts.
func shown(permissions []auth.Permission) []string {
	all := make([]string, len(permissions))
	for i, p := range permissions {
		all[i] = p.String()
	}
	return all
}

// taken refuses a name that somebody has. d.mu is held.
func (d *Directory) taken(name string) error {
	if _, user := d.users.Get(name); user || d.keyNamed(name) != nil {
		return fault.New(fault.AlreadyExists, "there is a key or user named %q", name)
	}
	return nil
}

// keyNamed returns the key of that name, or nil. d.mu is held.
func (d *Directory) keyNamed(name string) (found *key) {
	d.keys.Ascend(name+"\x00", func(_ string, k *key) bool {
		if k.name == name {
			found = k
		}
		return false
	})
	return found
}

// clip shortens what a caller sent before it is repeated in an error.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
