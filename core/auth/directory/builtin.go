package directory

import (
	"slices"

	"github.com/hivellm/synap-go/core/auth"
)

// builtinRoles are the roles that there always are. They cannot be changed.
func builtinRoles(structures []string) map[string]*role {
	all := map[string]*role{}
	add := func(name string, permissions ...auth.Permission) {
		all[name] = &role{name: name, permissions: permissions}
	}
	every := func(a auth.Access, structure string) auth.Permission {
		return auth.Permission{Access: a, Structure: structure, Name: "*"}
	}
	add("admin", every(auth.Admin, "*"))
	add("writer", every(auth.Write, "*"))
	add("reader", every(auth.Read, "*"))
	add("monitor", every(auth.Read, "server"), every(auth.Read, "persistence"), every(auth.Read, "namespace"))
	for _, s := range structures {
		add(s+"-reader", every(auth.Read, s))
		add(s+"-writer", every(auth.Write, s))
		add(s+"-admin", every(auth.Admin, s))
	}
	if slices.Contains(structures, "queue") {
		add("queue-worker", every(auth.Write, "queue")) // taking from a queue changes it
	}
	return all
}
