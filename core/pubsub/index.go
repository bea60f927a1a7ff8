package pubsub

import (
	"strings"

	"github.com/armon/go-radix"
)

// index finds the subscriptions whose patterns match a topic, without looking at those that do not.
//
// A pattern is cut at its first wildcard. What stands before is its key in a radix tree, of which WalkPath
// visits just the keys that the topic begins with; what stands after a * is a pattern in an index of its own.
// Keys end where a level ends, and what is left of a topic or pattern after one begins with a dot or is empty.
// So matching costs a walk down the topic for each * that fits it, however many patterns there are.
type index struct {
	exact map[string]group // patterns without a wildcard
	heads *radix.Tree      // by what stands before the first wildcard; the values are *node
}

// node is what the patterns with one literal head have after it.
type node struct {
	rest group  // #: this and everything below
	star *index // *: by what follows the level it stands for
}

type group map[*subscription]struct{}

func newIndex() *index { return &index{exact: map[string]group{}, heads: radix.New()} }

// cut splits a pattern, or the remainder of one, at its first wildcard. tail begins after it.
func cut(pattern string) (head string, wildcard byte, tail string) {
	i := strings.IndexAny(pattern, "*#")
	if i < 0 {
		return pattern, 0, ""
	}
	return strings.TrimSuffix(pattern[:i], "."), pattern[i], pattern[i+1:]
}

func (x *index) add(pattern string, s *subscription) {
	head, wildcard, tail := cut(pattern)
	if wildcard == 0 {
		if x.exact[head] == nil {
			x.exact[head] = group{}
		}
		x.exact[head][s] = struct{}{}
		return
	}
	var n *node
	if found, ok := x.heads.Get(head); ok {
		n = found.(*node)
	} else {
		n = &node{}
		x.heads.Insert(head, n)
	}
	if wildcard == '#' {
		if n.rest == nil {
			n.rest = group{}
		}
		n.rest[s] = struct{}{}
		return
	}
	if n.star == nil {
		n.star = newIndex()
	}
	n.star.add(tail, s)
}

func (x *index) remove(pattern string, s *subscription) {
	head, wildcard, tail := cut(pattern)
	if wildcard == 0 {
		if delete(x.exact[head], s); len(x.exact[head]) == 0 {
			delete(x.exact, head)
		}
		return
	}
	found, ok := x.heads.Get(head)
	if !ok {
		return
	}
	n := found.(*node)
	if wildcard == '#' {
		delete(n.rest, s)
	} else if n.star != nil {
		if n.star.remove(tail, s); n.star.empty() {
			n.star = nil
		}
	}
	if len(n.rest) == 0 && n.star == nil {
		x.heads.Delete(head)
	}
}

func (x *index) empty() bool { return len(x.exact) == 0 && x.heads.Len() == 0 }

// match calls found for every group of subscriptions with a pattern that matches; a subscription may be in
// several. topic is a topic at the top, and what is left of one further down; first tells which, because at
// the top a level begins at once and further down after a dot.
func (x *index) match(topic string, first bool, found func(group)) {
	if g := x.exact[topic]; g != nil {
		found(g)
	}
	if x.heads.Len() == 0 {
		return
	}
	x.heads.WalkPath(topic, func(head string, value any) bool {
		left := topic[len(head):]
		atLevel := left == "" || left[0] == '.'
		switch {
		case head == "" && first:
			value.(*node).match(left, true, found)
		case atLevel:
			value.(*node).match(left, false, found)
		}
		return false
	})
}

// match goes on with what the topic has after the node's head.
func (n *node) match(left string, first bool, found func(group)) {
	if len(n.rest) > 0 {
		found(n.rest)
	}
	if n.star == nil {
		return
	}
	if !first {
		if left == "" {
			return // there is no level for the star
		}
		left = left[1:]
	}
	level := strings.IndexByte(left, '.')
	if level < 0 {
		level = len(left)
	}
	n.star.match(left[level:], false, found)
}
