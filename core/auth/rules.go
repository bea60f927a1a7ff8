package auth

import (
	"slices"
	"strings"

	"github.com/armon/go-radix"
)

// ruleSet is a list of permissions made ready to be asked. It is immutable.
type ruleSet struct {
	about  []about // structures that are named in a permission: few enough to look through, which costs less than to look up
	others *rules  // for any other structure
}

// about are the permissions about a structure, with what is about every structure merged in.
type about struct {
	structure string
	rules     *rules
}

// of returns what holds for a structure.
func (s *ruleSet) of(structure string) *rules {
	for i := range s.about {
		if s.about[i].structure == structure {
			return s.about[i].rules
		}
	}
	return s.others
}

// rules are the permissions about one structure, by how their names are written.
type rules struct {
	every Access            // of all names
	exact map[string]Access // of names without *
	// heads are of names whose only * is the last character, without it. Each holds the most that it or a shorter one of
	// which it is a continuation gives, so that the longest one that a name begins with decides.
	heads *radix.Tree
	odd   []Permission // all others
}

// compile makes permissions ready.
func compile(permissions []Permission) *ruleSet {
	if len(permissions) == 0 {
		return nil
	}
	s := &ruleSet{others: newRules(permissions, all)}
	for _, p := range permissions {
		if p.Structure != all && s.of(p.Structure) == s.others {
			s.about = append(s.about, about{p.Structure, newRules(permissions, p.Structure)})
		}
	}
	return s
}

// newRules collects what the permissions say about a structure.
func newRules(permissions []Permission, structure string) *rules {
	r := &rules{exact: map[string]Access{}}
	heads := map[string]Access{}
	for _, p := range permissions {
		if p.Structure != structure && p.Structure != all {
			continue
		}
		head, open := strings.CutSuffix(p.Name, all)
		head = strings.TrimRight(head, all) // several in a row are one
		switch {
		case strings.Contains(head, all):
			r.odd = append(r.odd, p)
		case !open:
			r.exact[p.Name] = max(r.exact[p.Name], p.Access)
		case head == "":
			r.every = max(r.every, p.Access)
		default:
			heads[head] = max(heads[head], p.Access)
		}
	}
	if len(heads) == 0 {
		return r
	}
	r.heads = radix.New()
	names := make([]string, 0, len(heads))
	for head := range heads {
		names = append(names, head)
	}
	slices.Sort(names) // so that a head comes after those which it continues
	for _, head := range names {
		access := heads[head]
		if _, above, ok := r.heads.LongestPrefix(head); ok {
			access = max(access, above.(Access))
		}
		r.heads.Insert(head, access)
	}
	return r
}

// allow reports whether the permissions cover the resource.
func (s *ruleSet) allow(a Access, r Resource) bool {
	if s == nil {
		return false
	}
	of := s.of(r.Structure)
	switch {
	case of.every >= a:
		return true
	case r.Match == Exact:
		return of.covers(a, r.Name, false)
	case r.Match == Prefix:
		return of.covers(a, r.Name, true)
	case r.Match == Glob:
		return of.covers(a, wildGlob(r.Name), false)
	}
	topic, below := wildLevels(r.Name)
	return of.covers(a, topic, false) && (!below || of.covers(a, topic+".", true))
}

// covers reports whether one of the rules covers the name, in which wild stands for any run of characters, and if open all
// that begin so.
func (r *rules) covers(a Access, name string, open bool) bool {
	if !open && r.exact[name] >= a {
		return true
	}
	if r.heads != nil {
		if _, access, ok := r.heads.LongestPrefix(name); ok && access.(Access) >= a {
			return true
		}
	}
	for i := range r.odd {
		p := &r.odd[i]
		// A pattern that ends in * matches a name together with all that begin so, and another one never does.
		if p.Access >= a && (!open || strings.HasSuffix(p.Name, all)) && match(p.Name, name) {
			return true
		}
	}
	return false
}

// match reports whether the name fits the pattern, in which * is any run of bytes. It takes at most len(pattern) times
// len(name) steps: only the last * that was passed is ever tried again.
func match(pattern, name string) bool {
	p, n := 0, 0
	star, from := -1, 0 // the last * passed, and where the name went on after it
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], all) == ""
}

// wild stands in a name for any run of characters. A permission never contains it, because it is no part of UTF-8: only a *
// takes it in. So a pattern is covered by a permission just if the pattern, so written, fits the permission like a name.
const wild = "\xff"

// wildGlob writes a Glob with wild for whatever is not a plain character: what fits that is at least what fits the glob.
func wildGlob(glob string) string {
	if !strings.ContainsAny(glob, `*?[\`) {
		return glob
	}
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; {
		case c == '\\' && i+1 < len(glob):
			i++
			b.WriteByte(glob[i])
		case c == '[':
			i = classEnd(glob, i)
			b.WriteString(wild)
		case c == '*' || c == '?':
			b.WriteString(wild)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// classEnd returns where the set that begins at i ends: at the first ] that is not escaped.
func classEnd(glob string, i int) int {
	for end := i + 1; end < len(glob); end++ {
		switch glob[end] {
		case '\\':
			end++
		case ']':
			return end
		}
	}
	return len(glob) - 1
}

// globOf writes a permission's name as a Glob.
func globOf(name string) string {
	return strings.NewReplacer(`\`, `\\`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// wildLevels writes a pattern of levels with wild for each * that is a level. below means that the topics below it belong to it
// as well, as after a #.
func wildLevels(pattern string) (topic string, below bool) {
	switch {
	case pattern == "#":
		return wild, false
	case strings.HasSuffix(pattern, ".#"):
		pattern, below = pattern[:len(pattern)-len(".#")], true
	}
	if !strings.Contains(pattern, all) {
		return pattern, below
	}
	levels := strings.Split(pattern, ".")
	for i, level := range levels {
		if level == all {
			levels[i] = wild
		}
	}
	return strings.Join(levels, "."), below
}
