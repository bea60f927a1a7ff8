package auth

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/fault"
)

// all stands for any run of characters in a permission's name, and alone for every structure.
const all = "*"

// MaxPermissionBytes bounds a permission as text.
const MaxPermissionBytes = 1024

// Permission allows an access, and what is less than it, to the names of a structure that fit a pattern. Written down it is
// access:structure:name, such as write:queue:jobs or read:kv:user:*; the name is everything after the second colon.
// In it * stands for any run of characters, also none; everything else is meant as it is. Without a name it is every name.
type Permission struct {
	Access    Access // Read, Write or Admin
	Structure string // "*" is every structure
	Name      string
}

// String returns the permission as it is written.
func (p Permission) String() string { return p.Access.String() + ":" + p.Structure + ":" + p.Name }

// everything reports whether it is about all names of all structures.
func (p Permission) everything() bool {
	return p.Structure == all && strings.Trim(p.Name, all) == "" && p.Name != ""
}

// Resource is what the permission is about, to ask whether somebody may give it.
func (p Permission) Resource() Resource {
	return Resource{Structure: p.Structure, Name: globOf(p.Name), Match: Glob}
}

// ParsePermission reads what String writes. Which structures there are is not its business.
func ParsePermission(text string) (Permission, error) {
	var p Permission
	access, rest, _ := strings.Cut(text, ":")
	structure, name, named := strings.Cut(rest, ":")
	if !named {
		name = all
	}
	switch {
	case len(text) > MaxPermissionBytes:
		return p, fault.New(fault.TooLarge, "a permission has at most %d bytes; this one has %d", MaxPermissionBytes, len(text))
	case !utf8.ValidString(text):
		return p, fault.New(fault.Invalid, "the permission %s is not UTF-8", quote(text))
	case structure == "" || name == "" || strings.Trim(structure, "abcdefghijklmnopqrstuvwxyz") != "" && structure != all:
		return p, fault.New(fault.Invalid, "%s is not a permission: write it like read:kv:user:*, as access:structure:name", quote(text))
	}
	for _, p.Access = range []Access{Read, Write, Admin} {
		if access == p.Access.String() {
			p.Structure, p.Name = structure, name
			return p, nil
		}
	}
	return Permission{}, fault.New(fault.Invalid, "%s begins with %s, which is none of read, write, admin", quote(text), quote(access))
}

// quote shortens what a caller sent before it is repeated in an error.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
