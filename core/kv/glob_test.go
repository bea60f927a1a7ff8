package kv

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestGlob(t *testing.T) {
	for _, test := range []struct {
		pattern string
		fit     []string
		not     []string
	}{
		{"", []string{""}, []string{"a"}},
		{"*", []string{"", "a", "日本"}, nil},
		{"**", []string{"", "a"}, nil},
		{"a", []string{"a"}, []string{"", "aa", "A"}},
		{"a*", []string{"a", "ab"}, []string{"", "ba"}},
		{"*a", []string{"a", "ba", "aa"}, []string{"", "ab"}},
		{"*a*", []string{"a", "bab"}, []string{"", "b"}},
		{"a*b*c", []string{"abc", "aXbYc", "abcbc"}, []string{"ab", "acb", "abcd"}},
		{"?", []string{"a", "日"}, []string{"", "ab"}},
		{"user:?:name", []string{"user:1:name"}, []string{"user:12:name", "user::name"}},
		{"*?", []string{"a", "ab"}, []string{""}},
		{"[abc]", []string{"a", "c"}, []string{"d", "", "ab"}},
		{"[a-cx]", []string{"b", "x"}, []string{"d"}},
		{"[^a-c]", []string{"d", "日"}, []string{"a", ""}},
		{"[!a]", []string{"b"}, []string{"a"}},
		{"[а-я]*", []string{"я", "ключ"}, []string{"a", "Я"}},
		{"[a-]", []string{"a", "-"}, []string{"b"}},
		{`[\]]`, []string{"]"}, []string{`\`}},
		{`[\--/]`, []string{"-", ".", "/"}, []string{",", "0"}},
		{`\*`, []string{"*"}, []string{"a", `\*`}},
		{`a\?b`, []string{"a?b"}, []string{"aab"}},
		{`\[a]`, []string{"[a]"}, []string{"a"}},
		{`\\`, []string{`\`}, []string{`\\`}},
		{"a]", []string{"a]"}, []string{"a"}},
		{"ключ*", []string{"ключ", "ключи"}, []string{"клю"}},
		{strings.Repeat("?", 200) + "*", []string{strings.Repeat("a", 200), strings.Repeat("é", 300)}, []string{strings.Repeat("a", 199)}},
		{"*" + strings.Repeat("?", 63), []string{strings.Repeat("a", 63), strings.Repeat("a", 64)}, []string{strings.Repeat("a", 62)}},
		{"*" + strings.Repeat("?", 64), []string{strings.Repeat("a", 64)}, []string{strings.Repeat("a", 63)}},
	} {
		g, err := parseGlob(test.pattern)
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		for _, key := range test.fit {
			if !g.matches(key) {
				t.Errorf("%q does not match %q", test.pattern, key)
			}
		}
		for _, key := range test.not {
			if g.matches(key) {
				t.Errorf("%q matches %q", test.pattern, key)
			}
		}
	}
}

func TestGlobRefuses(t *testing.T) {
	for _, pattern := range []string{
		"[", "[a", "a[]", "[^]", "[!]", `\`, `a\`, `[a\`, `[a-\`, "[z-a]", "[a-", "\xff", strings.Repeat("a", maxGlobBytes+1),
	} {
		if _, err := parseGlob(pattern); err == nil {
			t.Errorf("%q was accepted", pattern)
		}
	}
}

func TestGlobPrefix(t *testing.T) {
	for pattern, want := range map[string]string{
		"abc": "abc", "abc*": "abc", "a?c": "a", "*a": "", "a[b]c": "abc", "a[bc]": "a", `a\*b*c`: "a*b", "": "",
	} {
		g, err := parseGlob(pattern)
		if err != nil || g.prefix != want {
			t.Errorf("%q has the literal beginning %q %v, want %q", pattern, g.prefix, err, want)
		}
	}
}

func TestSuccessor(t *testing.T) {
	for prefix, want := range map[string]string{
		"": "", "a": "b", "a:": "a;", "az\xff\xff": "a{", "\xff": "", "é": "\xc3\xaa",
	} {
		if got := successor(prefix); got != want {
			t.Errorf("successor(%q) = %q, want %q", prefix, got, want)
		}
	}
}

// TestGlobIsLinear matches the patterns that bring backtracking matchers down: with one of those this test would not end.
func TestGlobIsLinear(t *testing.T) {
	key := strings.Repeat("a", 64<<10)
	for _, pattern := range []string{
		strings.Repeat("*a", 500) + "b", strings.Repeat("*?", 500) + "b", "*" + strings.Repeat("a", 1000) + "b",
	} {
		g, err := parseGlob(pattern)
		if err != nil || g.matches(key) {
			t.Errorf("%q: %v, or it matches", pattern, err)
		}
	}
}

// TestGlobOfOtherLetters: what is not ASCII costs no more, for keys are held against patterns while nobody can write.
func TestGlobOfOtherLetters(t *testing.T) {
	for _, pattern := range []string{"*" + strings.Repeat("?", 200), "*" + strings.Repeat("é", 250), "*[а-яф-ё][^é日-本]?[!\U0010ffff]x[ -ÿ]"} {
		g, err := parseGlob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range "az\u007f\u0080éêяѐёф日本\ufffd\U0010ffff" {
			for i := range g.tokens {
				if got := g.takenBy(r)[i/64]&(1<<(i%64)) != 0; got != g.tokens[i].takes(r) {
					t.Errorf("%q: token %d takes %q: %v", pattern, i, r, got)
				}
			}
		}
		key := strings.Repeat("é日я", 300)
		if n := testing.AllocsPerRun(5, func() { g.matches(key) }); n > 0 {
			t.Errorf("%q: %v allocations for a key", pattern, n)
		}
	}
}

// naive matches as the definition says, trying everything: it is slow, and plainly right.
func naive(pattern, key string) bool {
	if pattern == "" {
		return key == ""
	}
	if pattern[0] == '*' {
		for i := range key {
			if naive(pattern[1:], key[i:]) {
				return true
			}
		}
		return naive(pattern[1:], "")
	}
	r, size := utf8.DecodeRuneInString(key)
	if size == 0 {
		return false
	}
	switch pattern[0] {
	case '?':
		return naive(pattern[1:], key[size:])
	case '[':
		fits, rest := naiveSet(pattern[1:], r)
		return fits && naive(rest, key[size:])
	case '\\':
		pattern = pattern[1:]
	}
	p, width := utf8.DecodeRuneInString(pattern)
	return p == r && naive(pattern[width:], key[size:])
}

func naiveSet(set string, r rune) (fits bool, rest string) {
	negated := set[0] == '^' || set[0] == '!'
	if negated {
		set = set[1:]
	}
	char := func() rune {
		if set[0] == '\\' {
			set = set[1:]
		}
		c, n := utf8.DecodeRuneInString(set)
		set = set[n:]
		return c
	}
	for set[0] != ']' {
		low := char()
		high := low
		if set[0] == '-' && set[1] != ']' {
			set = set[1:]
			high = char()
		}
		fits = fits || (low <= r && r <= high)
	}
	return fits != negated, set[1:]
}

// FuzzGlob holds the automaton against the naive matcher.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{
		{"a*b?c", "aXXbYc"}, {"[a-c]*[^x]", "bzz"}, {`\**[\]-a]`, "*foo`"}, {"**?*", "é"}, {"[!а-я]?*", "xя"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, key string) {
		if len(pattern) > 40 || len(key) > 40 || strings.Count(pattern, "*") > 5 || !utf8.ValidString(key) {
			return
		}
		g, err := parseGlob(pattern)
		if err != nil {
			return
		}
		want := naive(pattern, key)
		if got := g.matches(key); got != want {
			t.Errorf("%q against %q: %t, want %t", pattern, key, got, want)
		}
		if want && !strings.HasPrefix(key, g.prefix) {
			t.Errorf("%q matches %q, which does not begin with %q", pattern, key, g.prefix)
		}
	})
}

func BenchmarkGlob(b *testing.B) {
	g, err := parseGlob("user:*:name")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		g.matches("user:000000123:profile:name")
	}
}
