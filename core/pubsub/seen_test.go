package pubsub

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
)

// TestSeen marks numbers in any order, and compares with a set of all of them.
func TestSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s seen
		all, high := map[uint64]bool{}, uint64(0)
		from := source{"N", "r"}
		at := rapid.Uint64Range(0, 3*windowSize).Draw(t, "begin")
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			at += rapid.Uint64Range(0, windowSize/4).Draw(t, "on")
			n := at - min(at, rapid.Uint64Range(0, windowSize+pageNumbers).Draw(t, "back"))
			high = max(high, n)
			want := !all[n] && n+windowSize > high
			if got := s.mark(from, n); got != want {
				t.Fatalf("%d, of which the highest is %d, is new: %t, want %t", n, high, got, want)
			}
			all[n] = true
			if rapid.IntRange(0, 9).Draw(t, "unmark") == 0 && want {
				s.unmark(from, n)
				delete(all, n)
			}
			if pages := len(s.sources[from].pages); pages > maxPages {
				t.Fatalf("there are %d pages", pages)
			}
		}
	})
}

// TestSourcesAreBounded forgets the source that was heard of longest ago.
func TestSourcesAreBounded(t *testing.T) {
	var s seen
	for i := range maxSources {
		s.mark(source{"N", strconv.Itoa(i)}, 1)
	}
	s.mark(source{"N", "0"}, 1)
	if !s.mark(source{"M", "new"}, 1) || len(s.sources) != maxSources {
		t.Errorf("there are %d sources", len(s.sources))
	}
	if s.mark(source{"N", "0"}, 1) {
		t.Error("the wrong one is forgotten")
	}
	if !s.mark(source{"N", "1"}, 1) {
		t.Error("the oldest is not forgotten")
	}
}

// TestGravesAreBounded lets go of the oldest.
func TestGravesAreBounded(t *testing.T) {
	defer func(n int) { maxGraves = n }(maxGraves)
	maxGraves = 3
	b := newBroker(command.Env{})
	for i := range 6 {
		topic := strconv.Itoa(9 - i)
		var ops []journal.Op
		b.mu.Lock()
		ops = append(b.roomForGraves(1), &retainOp{topic, &Message{Topic: topic, gone: true, stamp: stamp{time: int64(i)}}})
		for _, op := range ops {
			b.Apply(1, op)
		}
		b.mu.Unlock()
	}
	if _, ok := b.graves.Get("4"); !ok || b.graves.Len() != 3 || b.Check() != nil {
		t.Errorf("there are graves of %q: %v", b.graves.Keys(), b.Check())
	}
}

// TestWhatIsLater is by time, node and number, and whoever publishes here comes after what was here.
func TestWhatIsLater(t *testing.T) {
	for _, c := range []struct {
		a, b stamp
		want bool
	}{
		{stamp{2, "A", 1}, stamp{1, "B", 9}, true},
		{stamp{1, "B", 1}, stamp{1, "A", 9}, true},
		{stamp{1, "A", 9}, stamp{1, "B", 1}, false},
		{stamp{1, "", 2}, stamp{1, "A", 9}, true}, // here is M
		{stamp{1, "", 2}, stamp{1, "Z", 1}, false},
		{stamp{1, "M", 2}, stamp{1, "", 1}, true},
		{stamp{1, "M", 1}, stamp{1, "", 1}, false},
	} {
		if got := c.a.later(&c.b, "M"); got != c.want {
			t.Errorf("%+v after %+v: %t", c.a, c.b, got)
		}
	}
	for _, c := range []struct {
		now    int64
		before stamp
		want   int64
	}{
		{5, stamp{4, "Z", 9}, 5}, {5, stamp{5, "A", 1}, 6}, {5, stamp{9, "A", 1}, 10}, {5, stamp{5, "", 1}, 5}, {5, stamp{5, "", 2}, 6}, {5, stamp{9, "", 1}, 9},
	} {
		m := &Message{PublishedAt: c.now, stamp: stamp{number: 2}}
		m.after(&Message{stamp: c.before})
		if m.time != c.want {
			t.Errorf("at %d after %+v it has the time %d, want %d", c.now, c.before, m.time, c.want)
		}
	}
}
