package kv

import "github.com/hivellm/synap-go/core/auth"

// Selection is embedded by requests that look at many keys: those that fit all that is given.
type Selection struct {
	Prefix string `json:"prefix,omitempty" jsonschema:"only keys that begin so"`
	Start  string `json:"start,omitempty" jsonschema:"only keys from this one on, in bytewise order"`
	End    string `json:"end,omitempty" jsonschema:"only keys before this one"`
	Glob   string `json:"glob,omitempty" jsonschema:"only keys that fit the pattern: * any characters, ? any one, [a-z] one of a set, \\\\ before a character to take it as it is"`
}

// Resource is the range under the prefix, or without one what fits the pattern.
func (q *Selection) Resource() auth.Resource {
	if q.Prefix == "" && q.Glob != "" {
		return auth.Resource{Structure: structureName, Name: q.Glob, Match: auth.Glob}
	}
	return auth.Resource{Structure: structureName, Name: q.Prefix, Match: auth.Prefix}
}

// Validate refuses a pattern that cannot be read.
func (q *Selection) Validate() error {
	_, err := q.compile()
	return err
}

// query is a Selection made ready.
type query struct {
	span
	glob *glob // what the span leaves to ask; nil for nothing
}

// compile narrows the span as far as the pattern's literal beginning allows.
func (q *Selection) compile() (query, error) {
	c := query{span: span{start: q.Start, end: q.End}}
	c.narrow(q.Prefix)
	if q.Glob == "" {
		return c, nil
	}
	g, err := parseGlob(q.Glob)
	if err != nil {
		return c, inField("glob", err)
	}
	c.narrow(g.prefix)
	if !g.open {
		c.glob = g
	}
	return c, nil
}

// span is the keys from start to before end; an empty end is no end.
type span struct{ start, end string }

// narrow keeps the keys that begin with the prefix.
func (p *span) narrow(prefix string) {
	p.start = max(p.start, prefix)
	if end := successor(prefix); end != "" && (p.end == "" || end < p.end) {
		p.end = end
	}
}

// successor is the first string after all that begin with the prefix; "" when there is none.
func successor(prefix string) string {
	last := len(prefix) - 1
	for last >= 0 && prefix[last] == 0xff {
		last--
	}
	if last < 0 {
		return ""
	}
	return prefix[:last] + string([]byte{prefix[last] + 1})
}

// has reports whether the key is in the span.
func (p *span) has(key string) bool { return key >= p.start && (p.end == "" || key < p.end) }

// scan calls f for every item of the span in order, dead ones too, until f returns false. All shards are locked.
func (t *table) scan(p span, f func(*item) bool) {
	m := merge{}
	for i := range t {
		if w := t[i].order.from(p.start); w.valid {
			m.walks[m.n] = w
			m.n++
		}
	}
	for i := m.n/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	for ; m.n > 0; m.next() {
		if it := m.walks[0].item; !p.has(it.key) || !f(it) {
			return
		}
	}
}

// merge is a heap of places in the shards' orders, the least key first.
type merge struct {
	walks [numShards]walk
	n     int
}

// next moves the first place on.
func (m *merge) next() {
	if m.walks[0].next(); !m.walks[0].valid {
		m.n--
		m.walks[0] = m.walks[m.n]
	}
	m.down(0)
}

func (m *merge) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < m.n; child++ {
			if m.walks[child].item.key < m.walks[least].item.key {
				least = child
			}
		}
		if least == i {
			return
		}
		m.walks[i], m.walks[least] = m.walks[least], m.walks[i]
		i = least
	}
}

// count is how many live keys the span has; without a look at each, because the orders can be counted. All
// shards are locked.
func (t *table) count(p span, now int64) int64 {
	n := 0
	for i := range t {
		sh := &t[i]
		if p == (span{}) {
			n += sh.order.len()
		} else if sh.order.len() > 0 {
			n -= sh.order.rank(p.start)
			if p.end == "" {
				n += sh.order.len()
			} else {
				n += max(sh.order.rank(p.end), sh.order.rank(p.start))
			}
		}
		sh.due.overdue(now, func(it *item) bool {
			if p.has(it.key) {
				n--
			}
			return true
		})
	}
	return int64(n)
}
