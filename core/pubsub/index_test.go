package pubsub

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/fault"
)

func TestPatternsAndTopics(t *testing.T) {
	long := strings.Repeat("x", MaxTopicBytes+1)
	tests := []struct {
		name           string
		topic, pattern fault.Code // what CheckTopic and CheckPattern say
	}{
		{"a", 0, 0},
		{"a.b.c", 0, 0},
		{"ünïcode.π", 0, 0},
		{"*", fault.Invalid, 0},
		{"a.*.c", fault.Invalid, 0},
		{"a.*.*", fault.Invalid, 0},
		{"#", fault.Invalid, 0},
		{"a.#", fault.Invalid, 0},
		{"a.#.c", fault.Invalid, fault.Invalid},
		{"#.a", fault.Invalid, fault.Invalid},
		{"a.b*", fault.Invalid, fault.Invalid},
		{"a.#b", fault.Invalid, fault.Invalid},
		{"a.**", fault.Invalid, fault.Invalid},
		{"", fault.Invalid, fault.Invalid},
		{".", fault.Invalid, fault.Invalid},
		{"a.", fault.Invalid, fault.Invalid},
		{".a", fault.Invalid, fault.Invalid},
		{"a..b", fault.Invalid, fault.Invalid},
		{"a\x00b", fault.Invalid, fault.Invalid},
		{"a\xff", fault.Invalid, fault.Invalid},
		{long, fault.TooLarge, fault.TooLarge},
		{strings.Repeat("a.", MaxLevels) + "a", fault.TooLarge, fault.TooLarge},
	}
	for _, test := range tests {
		if got := fault.CodeOf(CheckTopic(test.name)); got != test.topic {
			t.Errorf("CheckTopic(%.40q) = %s, want %s", test.name, got, test.topic)
		}
		if got := fault.CodeOf(CheckPattern(test.name)); got != test.pattern {
			t.Errorf("CheckPattern(%.40q) = %s, want %s", test.name, got, test.pattern)
		}
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern string
		yes, no string // topics, separated by blanks
	}{
		{"a.b", "a.b", "a a.b.c a.c ab"},
		{"*", "a b", "a.b"},
		{"a.*", "a.b a.c", "a a.b.c b.a ab.c"},
		{"*.b", "a.b c.b", "b a.b.c"},
		{"a.*.c", "a.b.c a.a.c", "a.c a.b.d a.b.b.c"},
		{"a.*.*", "a.b.c", "a.b a.b.c.d"},
		{"#", "a a.b a.b.c", ""},
		{"a.#", "a a.b a.b.c", "b ab ab.c"},
		{"*.#", "a a.b a.b.c", ""},
		{"a.*.#", "a.b a.b.c a.b.c.d", "a b.a"},
		{"a.*.c.#", "a.b.c a.b.c.d", "a.c a.b.d"},
	}
	for _, test := range tests {
		for _, topic := range strings.Fields(test.yes) {
			checkMatch(t, test.pattern, topic, true)
		}
		for _, topic := range strings.Fields(test.no) {
			checkMatch(t, test.pattern, topic, false)
		}
	}
}

// checkMatch asks the matcher and an index that holds just the pattern.
func checkMatch(t *testing.T, pattern, topic string, want bool) {
	t.Helper()
	if got := Match(pattern, topic); got != want {
		t.Errorf("Match(%q, %q) = %v", pattern, topic, got)
	}
	x, s := newIndex(), &subscription{}
	x.add(pattern, s)
	if got := len(found(x, topic)) == 1; got != want {
		t.Errorf("the index with %q finds it for %q: %v", pattern, topic, got)
	}
	x.remove(pattern, s)
	if !x.empty() {
		t.Errorf("the index still holds %q", pattern)
	}
}

func found(x *index, topic string) map[*subscription]bool {
	all := map[*subscription]bool{}
	x.match(topic, true, func(g group) {
		for s := range g {
			all[s] = true
		}
	})
	return all
}

// TestIndexAgreesWithTheMatcher adds and removes random patterns and asks both about random topics.
func TestIndexAgreesWithTheMatcher(t *testing.T) {
	level := rapid.SampledFrom([]string{"a", "b", "ab", "*"})
	pattern := rapid.Custom(func(t *rapid.T) string {
		p := strings.Join(rapid.SliceOfN(level, 1, 4).Draw(t, "levels"), ".")
		switch rapid.IntRange(0, 3).Draw(t, "tail") {
		case 0:
			return p + ".#"
		case 1:
			return strings.TrimPrefix(p+".#", p+".") // just #
		}
		return p
	})
	topic := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "c"}), 1, 5), func(l []string) string { return strings.Join(l, ".") })
	rapid.Check(t, func(t *rapid.T) {
		x := newIndex()
		held := map[*subscription]string{}
		for _, p := range rapid.SliceOfN(pattern, 1, 30).Draw(t, "patterns") {
			s := &subscription{}
			x.add(p, s)
			held[s] = p
			if len(held) > 3 && rapid.Bool().Draw(t, "remove one") {
				x.remove(p, s)
				delete(held, s)
			}
		}
		for _, topic := range rapid.SliceOfN(topic, 1, 20).Draw(t, "topics") {
			got := found(x, topic)
			for s, p := range held {
				if got[s] != Match(p, topic) {
					t.Fatalf("pattern %q and topic %q: index %v, matcher %v", p, topic, got[s], !got[s])
				}
			}
			if len(got) > len(held) {
				t.Fatalf("topic %q finds somebody who left", topic)
			}
		}
		for s, p := range held {
			x.remove(p, s)
		}
		if !x.empty() {
			t.Fatal("the index is not empty at the end")
		}
	})
}

// FuzzMatch compares the matcher with one that is slow and plain.
func FuzzMatch(f *testing.F) {
	f.Add("a.*.#", "a.b.c")
	f.Add("#", "a")
	f.Add("*.*", "a.b")
	f.Fuzz(func(t *testing.T, pattern, topic string) {
		if CheckPattern(pattern) != nil || CheckTopic(topic) != nil {
			return
		}
		if got, want := Match(pattern, topic), naive(strings.Split(pattern, "."), strings.Split(topic, ".")); got != want {
			t.Errorf("Match(%q, %q) = %v", pattern, topic, got)
		}
		x, s := newIndex(), &subscription{}
		x.add(pattern, s)
		if got := found(x, topic)[s]; got != Match(pattern, topic) {
			t.Errorf("the index says %v of %q and %q", got, pattern, topic)
		}
	})
}

func naive(pattern, topic []string) bool {
	switch {
	case len(pattern) == 0:
		return len(topic) == 0
	case pattern[0] == "#":
		return true
	case len(topic) == 0:
		return false
	}
	return (pattern[0] == "*" || pattern[0] == topic[0]) && naive(pattern[1:], topic[1:])
}

func FuzzDecodeOp(f *testing.F) {
	m := &Message{Topic: "a.b", PublishedAt: 5, PublishedBy: "x", ReplyTo: "c", Headers: map[string]string{"k": "v"}}
	f.Add((&retainOp{"a.b", m}).AppendTo(nil))
	f.Add((&retainOp{topic: "a"}).AppendTo(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		op, err := decodeOp(opRetain, data)
		if err != nil {
			return
		}
		again, err := decodeOp(opRetain, op.AppendTo(nil))
		if err != nil || fmt.Sprint(again.(*retainOp).message) != fmt.Sprint(op.(*retainOp).message) {
			t.Errorf("%x: %v, %v", data, op, err)
		}
	})
}

// BenchmarkMatch finds the subscribers of a topic among 10,000 patterns of every shape.
func BenchmarkMatch(b *testing.B) {
	x := newIndex()
	for i := range 10_000 {
		var p string
		switch i % 5 {
		case 0:
			p = fmt.Sprintf("tenant.%d.orders.created", i)
		case 1:
			p = fmt.Sprintf("tenant.%d.orders.*", i)
		case 2:
			p = fmt.Sprintf("tenant.%d.#", i)
		case 3:
			p = fmt.Sprintf("tenant.*.orders.%d", i)
		default:
			p = fmt.Sprintf("*.%d.*.created", i)
		}
		x.add(p, &subscription{})
	}
	topics := make([]string, 1024)
	for i := range topics {
		topics[i] = fmt.Sprintf("tenant.%d.orders.created", rand.IntN(10_000))
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		x.match(topics[n&1023], true, func(group) {})
		n++
	}
}
