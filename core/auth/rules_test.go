package auth_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// holder is an identity with the permissions.
func holder(t testing.TB, permissions ...string) *auth.Identity {
	t.Helper()
	var list []auth.Permission
	for _, text := range permissions {
		p, err := auth.ParsePermission(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return auth.Identity{Name: "x", Namespace: "default"}.With(list)
}

func TestPermissions(t *testing.T) {
	kv := func(name string, m auth.Match) auth.Resource {
		return auth.Resource{Structure: "kv", Name: name, Match: m}
	}
	topic := func(pattern string) auth.Resource {
		return auth.Resource{Structure: "pubsub", Name: pattern, Match: auth.Levels}
	}
	tests := []struct {
		name        string
		permissions string
		access      auth.Access
		resource    auth.Resource
		want        bool
	}{
		{"nothing is allowed by itself", "", auth.Read, kv("a", auth.Exact), false},
		{"but what needs nothing", "", auth.None, kv("a", auth.Exact), true},
		{"an exact name", "read:kv:a", auth.Read, kv("a", auth.Exact), true},
		{"another name", "read:kv:a", auth.Read, kv("ab", auth.Exact), false},
		{"another structure", "read:kv:a", auth.Read, auth.Name("queue", "a"), false},
		{"more than is allowed", "read:kv:a", auth.Write, kv("a", auth.Exact), false},
		{"who may write may read", "write:kv:a", auth.Read, kv("a", auth.Exact), true},
		{"a prefix that is allowed", "read:kv:a:*", auth.Read, kv("a:", auth.Prefix), true},
		{"a longer prefix", "read:kv:a:*", auth.Read, kv("a:b", auth.Prefix), true},
		{"a shorter prefix only overlaps", "read:kv:a:*", auth.Read, kv("a", auth.Prefix), false},
		{"a name is no prefix", "read:kv:a", auth.Read, kv("a", auth.Prefix), false},
		{"everything of a structure", "read:kv", auth.Read, auth.Any("kv"), true},
		{"everything of every structure", "read:*", auth.Read, auth.Any("kv"), true},
		{"a part of every structure", "read:*:a*", auth.Read, kv("ab", auth.Exact), true},
		{"a part is not everything", "read:*:a*", auth.Read, auth.Any("kv"), false},
		{"the longer prefix does not take away", "write:kv:a* read:kv:ab*", auth.Write, kv("abc", auth.Exact), true},
		{"the longer prefix gives more", "read:kv:a* write:kv:ab*", auth.Write, kv("abc", auth.Exact), true},
		{"the shorter one does not", "read:kv:a* write:kv:ab*", auth.Write, kv("ac", auth.Exact), false},
		{"a star in the middle", "read:kv:user:*:name", auth.Read, kv("user:7:name", auth.Exact), true},
		{"a star in the middle, and what is after it", "read:kv:user:*:name", auth.Read, kv("user:7:mail", auth.Exact), false},
		{"a star in the middle is no prefix", "read:kv:user:*:name", auth.Read, kv("user:7:name", auth.Prefix), false},
		{"the pattern that is allowed", "read:kv:user:*:name", auth.Read, kv("user:*:name", auth.Glob), true},
		{"a narrower pattern", "read:kv:user:*:name", auth.Read, kv("user:?[0-9]:name", auth.Glob), true},
		{"a wider pattern", "read:kv:user:*:name", auth.Read, kv("user:*", auth.Glob), false},
		{"an escaped star is a character", "read:kv:a*", auth.Read, kv(`\*a`, auth.Glob), false},
		{"an escaped letter is that letter", "read:kv:a*", auth.Read, kv(`\ab`, auth.Glob), true},
		{"an escaped bracket in a set", "read:kv:a*", auth.Read, kv(`[a\]b]c`, auth.Glob), false},
		{"a name with a star is a name", "read:kv:a", auth.Read, kv("*", auth.Exact), false},
		{"a topic below", "read:pubsub:a.*", auth.Read, topic("a.b"), true},
		{"a level of any name", "read:pubsub:a.*", auth.Read, topic("a.*"), true},
		{"all below, but not itself", "read:pubsub:a.*", auth.Read, topic("a.#"), false},
		{"all below and itself", "read:pubsub:a.* read:pubsub:a", auth.Read, topic("a.#"), true},
		{"all topics", "read:pubsub", auth.Read, topic("#"), true},
		{"not all topics", "read:pubsub:a*", auth.Read, topic("#"), false},
		{"any first level", "read:pubsub:a.*", auth.Read, topic("*.b"), false},
		{"a backslash in a topic is a character", "read:pubsub:a.b", auth.Read, topic(`a.\b`), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			id := holder(t, strings.Fields(test.permissions)...)
			err := id.Check(test.access, test.resource)
			if (err == nil) != test.want || (err != nil && fault.CodeOf(err) != fault.Denied) {
				t.Errorf("%s %+v with %q: %v", test.access, test.resource, test.permissions, err)
			}
		})
	}
}

func TestMost(t *testing.T) {
	for permissions, want := range map[string]auth.Access{"": auth.None, "read:kv": auth.Read, "read:kv write:queue:a": auth.Write, "admin:*": auth.Admin} {
		if got := holder(t, strings.Fields(permissions)...).Most(); got != want {
			t.Errorf("%q may %s at most, want %s", permissions, got, want)
		}
	}
	if auth.Local().Most() != auth.Admin {
		t.Error("a local caller may not do everything")
	}
}

func TestParsePermission(t *testing.T) {
	for text, want := range map[string]string{
		"read:kv": "read:kv:*", "write:queue:jobs": "write:queue:jobs", "admin:*": "admin:*:*", "read:kv:a:b:*": "read:kv:a:b:*",
	} {
		p, err := auth.ParsePermission(text)
		if err != nil || p.String() != want {
			t.Errorf("%q is %v, %v; want %q", text, p, err, want)
		}
		if again, err := auth.ParsePermission(p.String()); err != nil || again != p {
			t.Errorf("%q comes back as %v, %v", p, again, err)
		}
	}
	for _, text := range []string{"", "read", "read:", "none:kv", "own:kv:a", "read:kv:", "read:k*:a", "read:kv:\xff", "read:kv:" + strings.Repeat("a", 1024)} {
		if p, err := auth.ParsePermission(text); err == nil {
			t.Errorf("%q is the permission %v", text, p)
		}
	}
}

// words is every name of up to n of the letters.
func words(letters string, n int) []string {
	all := []string{""}
	for from := 0; n > 0; n-- {
		upTo := len(all)
		for _, w := range all[from:upTo] {
			for _, l := range letters {
				all = append(all, w+string(l))
			}
		}
		from = upTo
	}
	return all
}

// fits is a matcher that is too simple to be wrong, for * and ?.
func fits(pattern, name string) bool {
	switch {
	case pattern == "":
		return name == ""
	case pattern[0] == '*':
		return fits(pattern[1:], name) || (name != "" && fits(pattern, name[1:]))
	}
	return name != "" && (pattern[0] == '?' || pattern[0] == name[0]) && fits(pattern[1:], name[1:])
}

// naive says whether one of the permissions covers the names that the resource means, by looking at all short ones.
func naive(permissions []auth.Permission, a auth.Access, r auth.Resource, names []string) bool {
	for _, p := range permissions {
		if p.Access < a || (p.Structure != "*" && p.Structure != r.Structure) {
			continue
		}
		covered := true
		for _, name := range names {
			meant := false
			switch r.Match {
			case auth.Exact:
				meant = name == r.Name
			case auth.Prefix:
				meant = strings.HasPrefix(name, r.Name)
			default:
				meant = fits(r.Name, name)
			}
			covered = covered && (!meant || fits(p.Name, name))
		}
		if covered {
			return true
		}
	}
	return false
}

// The letters of names hold one that no pattern has, as real names do.
var someNames = words("abz", 6)

// checkAgainstNaive fails when more is allowed than the naive matcher allows, or less where ours promises to be exact.
func checkAgainstNaive(t *testing.T, permissions []auth.Permission, r auth.Resource) {
	t.Helper()
	id := auth.Identity{Name: "x"}.With(permissions)
	for _, a := range []auth.Access{auth.Read, auth.Write, auth.Admin} {
		got, want := id.Check(a, r) == nil, naive(permissions, a, r, someNames)
		// Of a ? ours only knows that it is something, so it may refuse what is covered.
		if got != want && (got || !strings.Contains(r.Name, "?")) {
			t.Fatalf("%v: %s %+v: %v, want %v", permissions, a, r, got, want)
		}
	}
}

func text(rng *rand.Rand, letters string, most int) string {
	b := make([]byte, rng.IntN(most+1))
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
	}
	return string(b)
}

func TestRulesAgainstANaiveMatcher(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 1500 {
		var permissions []auth.Permission
		for range rng.IntN(4) {
			p := auth.Permission{Access: auth.Access(1 + rng.IntN(3)), Structure: []string{"kv", "queue", "*"}[rng.IntN(3)], Name: text(rng, "ab**", 3)} //nolint:gosec // small
			if p.Name == "" {
				p.Name = "a"
			}
			permissions = append(permissions, p)
		}
		r := auth.Resource{Structure: []string{"kv", "stream"}[rng.IntN(2)], Match: auth.Match(rng.IntN(3))} //nolint:gosec // small
		if r.Match == auth.Glob {
			r.Name = text(rng, "ab*?", 3)
		} else {
			r.Name = text(rng, "ab", 3)
		}
		checkAgainstNaive(t, permissions, r)
	}
}

func FuzzRules(f *testing.F) {
	f.Add("a*", "ab", byte(1))
	f.Add("*a*b", "a*b", byte(2))
	f.Add("**", "", byte(1))
	f.Fuzz(func(t *testing.T, pattern, name string, match byte) {
		keep := func(s, letters string) string {
			s = strings.Map(func(r rune) rune {
				if strings.ContainsRune(letters, r) {
					return r
				}
				return -1
			}, s)
			return s[:min(len(s), 4)]
		}
		pattern = keep(pattern, "ab*")
		r := auth.Resource{Structure: "kv", Match: auth.Match(match % 3)}
		if name = keep(name, "ab"); r.Match == auth.Glob {
			name = keep(name, "ab*")
		}
		if r.Name = name; pattern != "" {
			checkAgainstNaive(t, []auth.Permission{{Access: auth.Write, Structure: "kv", Name: pattern}}, r)
		}
	})
}

// FuzzParse feeds the parsers what a caller could send.
func FuzzParse(f *testing.F) {
	f.Add("read:kv:a*", auth.NewSecret(auth.NewID()))
	f.Fuzz(func(t *testing.T, permission, secret string) {
		if p, err := auth.ParsePermission(permission); err == nil {
			if again, err := auth.ParsePermission(p.String()); err != nil || again != p {
				t.Errorf("%q comes back as %v, %v", p, again, err)
			}
			holder(t, permission).Check(auth.Write, auth.Resource{Structure: "kv", Name: permission, Match: auth.Glob}) //nolint:errcheck // it must not panic
		}
		if id, ok := auth.ParseSecret(secret); ok && !auth.ValidID(id) && len(id) != auth.IDLength {
			t.Errorf("%q has the id %q", secret, id)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	many := []string{"read:kv"}
	for i := range 200 {
		many = append(many, fmt.Sprintf("write:kv:tenant-%d:*", i))
	}
	for name, permissions := range map[string][]string{"one": {"write:kv:tenant-77:*"}, "many": many, "pattern": {"write:kv:*:77:*"}} {
		id := holder(b, permissions...)
		r := auth.Name("kv", "tenant-77:77:a-key")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := id.Check(auth.Write, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
