package kv

import (
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/fault"
)

// maxGlobBytes bounds a pattern, and with it what matching one key costs.
const maxGlobBytes = 1024

// glob is a pattern of keys: * is any run of characters, ? any one, [a-z] and [^a-z] one of a set, and \ takes
// the next character as it is.
//
// It is matched as an automaton whose states are bits: state i means that the first i tokens have matched. A
// key of n characters costs n steps of m/64 words, whatever the pattern, where backtracking takes n*m or worse.
type glob struct {
	prefix string // what every match begins with
	exact  bool   // a match is exactly the prefix
	open   bool   // a match is the prefix and then anything

	tokens []token
	loop   []uint64 // states that a * lets stay
	// ascii holds, for each character, the states that a token consuming it leads out of.
	ascii [utf8.RuneSelf][]uint64
	// others holds the same for all other characters: runs of them that the tokens do not tell apart, in order, up to the last.
	others []runeClass
}

// runeClass is the characters from one on, up to where the next class begins, and the states that a token consuming one leads out of.
type runeClass struct {
	from  rune
	taken []uint64
}

// token is what one character of a key is held against.
type token struct {
	ranges  []runeRange // nil is any character
	negated bool
}

type runeRange struct{ low, high rune }

func (t *token) takes(r rune) bool {
	if t.ranges == nil {
		return true
	}
	for _, x := range t.ranges {
		if x.low <= r && r <= x.high {
			return !t.negated
		}
	}
	return t.negated
}

// parseGlob reads a pattern.
func parseGlob(pattern string) (*glob, error) {
	switch {
	case len(pattern) > maxGlobBytes:
		return nil, fault.New(fault.TooLarge, "the pattern is %d bytes long; at most %d are allowed", len(pattern), maxGlobBytes).
			With("limit", maxGlobBytes)
	case !utf8.ValidString(pattern):
		return nil, fault.New(fault.Invalid, "the pattern is not UTF-8")
	}
	g := &glob{}
	var stars []int // how many tokens there are before each *
	var prefix strings.Builder
	literal := true // everything so far was
	for rest := pattern; rest != ""; {
		if rest[0] == '*' {
			stars = append(stars, len(g.tokens))
			rest, literal = rest[1:], false
			continue
		}
		t, n, err := parseToken(rest)
		if err != nil {
			return nil, err
		}
		rest = rest[n:]
		if r, ok := t.literal(); ok && literal {
			prefix.WriteRune(r)
			continue
		}
		literal = false
		g.tokens = append(g.tokens, t)
	}
	g.prefix = prefix.String()
	g.exact = literal
	g.open = !literal && len(g.tokens) == 0
	if len(g.tokens) > 0 {
		g.compile(stars)
	}
	return g, nil
}

// literal returns the only character that the token takes, if it is so written.
func (t *token) literal() (rune, bool) {
	if len(t.ranges) == 1 && !t.negated && t.ranges[0].low == t.ranges[0].high {
		return t.ranges[0].low, true
	}
	return 0, false
}

// parseToken reads the token that pattern begins with and returns its length.
func parseToken(pattern string) (t token, n int, err error) {
	switch pattern[0] {
	case '?':
		return token{}, 1, nil
	case '[':
		return parseSet(pattern)
	}
	r, n, err := parseChar(pattern)
	return token{ranges: []runeRange{{r, r}}}, n, err
}

// parseChar reads one character, perhaps escaped.
func parseChar(pattern string) (r rune, n int, err error) {
	r, n = utf8.DecodeRuneInString(pattern)
	if r != '\\' {
		return r, n, nil
	}
	if len(pattern) == 1 {
		return 0, 0, fault.New(fault.Invalid, `the pattern ends with a \ that escapes nothing: write \\ for a backslash`)
	}
	r, n = utf8.DecodeRuneInString(pattern[1:])
	return r, 1 + n, nil
}

// parseSet reads a set such as [a-z_] or [^0-9]. A ] right after the bracket has to be escaped.
func parseSet(pattern string) (t token, n int, err error) {
	n = 1
	if strings.HasPrefix(pattern[n:], "^") || strings.HasPrefix(pattern[n:], "!") {
		t.negated = true
		n++
	}
	for n < len(pattern) && pattern[n] != ']' {
		low, size, err := parseChar(pattern[n:])
		if err != nil {
			return t, 0, err
		}
		n += size
		high := low
		if strings.HasPrefix(pattern[n:], "-") && !strings.HasPrefix(pattern[n:], "-]") && n+1 < len(pattern) {
			if high, size, err = parseChar(pattern[n+1:]); err != nil {
				return t, 0, err
			}
			n += 1 + size
		}
		if high < low {
			return t, 0, fault.New(fault.Invalid, "the pattern has the range %c-%c, which is the wrong way round", low, high)
		}
		t.ranges = append(t.ranges, runeRange{low, high})
	}
	switch {
	case n >= len(pattern):
		return t, 0, fault.New(fault.Invalid, `the pattern has a [ without a ]: write \[ for a bracket`)
	case t.ranges == nil:
		return t, 0, fault.New(fault.Invalid, "the pattern has an empty set []")
	}
	return t, n + 1, nil
}

// compile makes the automaton's tables.
func (g *glob) compile(stars []int) {
	words := len(g.tokens)/64 + 1
	g.loop = make([]uint64, words)
	for _, i := range stars {
		g.loop[i/64] |= 1 << (i % 64)
	}
	masks := make([]uint64, words*len(g.ascii))
	for r := range g.ascii {
		g.ascii[r] = masks[r*words : (r+1)*words]
		g.mask(g.ascii[r], rune(r))
	}
	for _, from := range g.boundaries() {
		c := runeClass{from, make([]uint64, words)}
		g.mask(c.taken, from)
		g.others = append(g.others, c)
	}
}

// boundaries are the characters, in order and past ASCII, at which a range of a token begins or has ended, and the first of all.
func (g *glob) boundaries() []rune {
	all := []rune{utf8.RuneSelf}
	for i := range g.tokens {
		for _, x := range g.tokens[i].ranges {
			all = append(all, max(x.low, utf8.RuneSelf), max(x.high+1, utf8.RuneSelf))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// takenBy are the states that a token consuming the character leads out of.
func (g *glob) takenBy(r rune) []uint64 {
	if r < utf8.RuneSelf {
		return g.ascii[r]
	}
	i := sort.Search(len(g.others), func(i int) bool { return g.others[i].from > r })
	return g.others[i-1].taken
}

// mask sets the bits of the tokens that take the character.
func (g *glob) mask(dst []uint64, r rune) {
	for i := range g.tokens {
		if g.tokens[i].takes(r) {
			dst[i/64] |= 1 << (i % 64)
		}
	}
}

// matches reports whether the key, all of it, fits the pattern.
func (g *glob) matches(key string) bool {
	switch {
	case g.exact:
		return key == g.prefix
	case !strings.HasPrefix(key, g.prefix):
		return false
	case g.open:
		return true
	case len(key)-len(g.prefix) < len(g.tokens): // each takes a character
		return false
	}
	words := len(g.loop)
	var fixed [4]uint64 // enough for most patterns, so that nothing is allocated
	states := fixed[:]
	if words > len(fixed) {
		states = make([]uint64, words)
	}
	states[0] = 1
	for _, r := range key[len(g.prefix):] {
		if !g.step(states[:words], r) {
			return false
		}
	}
	return states[len(g.tokens)/64]&(1<<(len(g.tokens)%64)) != 0
}

// step goes on by one character and reports whether any state is left.
func (g *glob) step(states []uint64, r rune) bool {
	taken := g.takenBy(r)
	var carry, left uint64
	for w, s := range states {
		moved := s & taken[w]
		states[w] = moved<<1 | carry | s&g.loop[w]
		carry = moved >> 63
		left |= states[w]
	}
	return left != 0
}
