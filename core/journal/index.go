package journal

import (
	"maps"
	"slices"
	"strings"

	"github.com/armon/go-radix"
)

// index finds the subscriptions that a change concerns. Feed.mu guards it.
type index struct {
	all      map[*Subscription]struct{}
	names    map[address]subscribers // by exact name
	prefixes map[space]*radix.Tree   // by prefix; the values are subscribers
}

type (
	subscribers = map[*Subscription]struct{}
	space       struct {
		namespace uint32
		structure uint8
	}
	address struct {
		space
		name string
	}
)

func newIndex() index {
	return index{
		all:      map[*Subscription]struct{}{},
		names:    map[address]subscribers{},
		prefixes: map[space]*radix.Tree{},
	}
}

func (x *index) len() int { return len(x.all) }

func (x *index) each(f func(*Subscription)) {
	for s := range x.all {
		f(s)
	}
}

func (x *index) add(s *Subscription) {
	x.all[s] = struct{}{}
	at := space{s.filter.Namespace, s.filter.Structure}
	for _, name := range s.filter.Names {
		group := x.names[address{at, name}]
		if group == nil {
			group = subscribers{}
			x.names[address{at, name}] = group
		}
		group[s] = struct{}{}
	}
	for _, prefix := range s.filter.Prefixes {
		tree := x.prefixes[at]
		if tree == nil {
			tree = radix.New()
			x.prefixes[at] = tree
		}
		if group, ok := tree.Get(prefix); ok {
			group.(subscribers)[s] = struct{}{}
		} else {
			tree.Insert(prefix, subscribers{s: {}})
		}
	}
}

func (x *index) remove(s *Subscription) {
	delete(x.all, s)
	at := space{s.filter.Namespace, s.filter.Structure}
	for _, name := range s.filter.Names {
		group := x.names[address{at, name}]
		if delete(group, s); len(group) == 0 {
			delete(x.names, address{at, name})
		}
	}
	tree := x.prefixes[at]
	for _, prefix := range s.filter.Prefixes {
		if group, ok := tree.Get(prefix); ok {
			if delete(group.(subscribers), s); len(group.(subscribers)) == 0 {
				tree.Delete(prefix)
			}
		}
	}
	if tree != nil && tree.Len() == 0 {
		delete(x.prefixes, at)
	}
}

// match calls f once for every subscription that asked for the change.
func (x *index) match(c Change, f func(*Subscription)) {
	at := space{c.Namespace, c.Structure}
	name, prefix := c.Op.Target()
	found := x.names[address{at, name}]
	if prefix {
		// Rare (a whole range was dropped): everybody is asked.
		found = x.all
	} else if tree := x.prefixes[at]; tree != nil {
		shared := true // found still belongs to the index
		tree.WalkPath(name, func(_ string, group any) bool {
			switch {
			case len(found) == 0:
				found = group.(subscribers)
			case shared:
				found, shared = maps.Clone(found), false
				fallthrough
			default:
				maps.Copy(found, group.(subscribers))
			}
			return false
		})
	}
	for s := range found {
		if s.filter.matches(c) {
			f(s)
		}
	}
}

// matches reports whether the change is one that the filter asks for.
func (f *Filter) matches(c Change) bool {
	if c.Namespace != f.Namespace || c.Structure != f.Structure {
		return false
	}
	name, prefix := c.Op.Target()
	touches := func(asked string) bool { return strings.HasPrefix(name, asked) }
	if prefix {
		if !slices.ContainsFunc(f.Names, func(asked string) bool { return strings.HasPrefix(asked, name) }) &&
			!slices.ContainsFunc(f.Prefixes, func(asked string) bool {
				return strings.HasPrefix(name, asked) || strings.HasPrefix(asked, name)
			}) {
			return false
		}
	} else if !slices.Contains(f.Names, name) && !slices.ContainsFunc(f.Prefixes, touches) {
		return false
	}
	return f.Accept == nil || f.Accept(c.Op)
}
