package pubsub

import (
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/formattest"
	"github.com/hivellm/synap-go/core/journal"
)

// take is what one call takes in; it returns which numbers were new.
func (b *Broker) take(at int64, node, run string, all ...uint64) (fresh []uint64) {
	t := taking{seen: &b.seen, at: at}
	for _, n := range all {
		if t.mark(node, run, n) {
			fresh = append(fresh, n)
		}
	}
	for _, op := range t.all() {
		b.Apply(1, op)
	}
	return fresh
}

// TestSeen takes numbers in, some at a time and in any order, and compares with a set of all of them. What is saved in the middle, and
// what is told after that, makes the same in whatever order it is told.
func TestSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, again := newBroker(command.Env{}), newBroker(command.Env{})
		all, high := map[uint64]bool{}, uint64(0)
		var since []journal.Op
		at := rapid.Uint64Range(0, 3*windowSize).Draw(t, "begin")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			taking := taking{seen: &b.seen, at: int64(len(since))}
			before := high
			for range rapid.IntRange(1, 4).Draw(t, "at once") {
				at += rapid.Uint64Range(0, windowSize/4).Draw(t, "on")
				n := at - min(at, rapid.Uint64Range(0, windowSize+pageNumbers).Draw(t, "back"))
				want := !all[n] && (before < windowSize || n > before-windowSize)
				if got := taking.mark("N", "r", n); got != want {
					t.Fatalf("%d, of which the highest is %d, is new: %t, want %t", n, before, got, want)
				}
				all[n], high = true, max(high, n)
			}
			for _, op := range taking.all() {
				b.Apply(1, op)
				since = append(since, op)
			}
			if rapid.IntRange(0, 20).Draw(t, "save") == 0 {
				again = newBroker(command.Env{})
				for next, more := []byte(nil), true; more; more = next != nil {
					next = b.Save(0, next, func(entry []byte) {
						if err := again.Restore(entry); err != nil {
							t.Fatal(err)
						}
					})
				}
				since = nil
			}
			if err := b.Check(); err != nil {
				t.Fatal(err)
			}
		}
		for _, i := range rapid.Permutation(since).Draw(t, "order") {
			again.Replay(1, i)
		}
		if got, want := formattest.Lines(again), formattest.Lines(b); !slices.Equal(got, want) || again.Check() != nil {
			t.Fatalf("recovered\n%s\nwant\n%s: %v", got, want, again.Check())
		}
	})
}

// TestSourcesAreBounded forgets the source of which something was taken in longest ago.
func TestSourcesAreBounded(t *testing.T) {
	b := newBroker(command.Env{})
	for i := range maxSources {
		b.take(int64(i), "N", strconv.Itoa(i), 1)
	}
	b.take(1000, "N", "0", 2)
	if b.take(1001, "M", "new", 1) == nil || b.seen.sources.Len() != maxSources {
		t.Errorf("there are %d sources", b.seen.sources.Len())
	}
	if b.take(1002, "N", "0", 1) != nil {
		t.Error("the wrong one is forgotten")
	}
	if b.take(1002, "N", "1", 1) == nil || b.seen.sources.Len() != maxSources || b.Check() != nil {
		t.Errorf("the oldest is not forgotten of %d: %v", b.seen.sources.Len(), b.Check())
	}
	// One call that has more of them than there may be keeps the last ones.
	all := taking{seen: &b.seen, at: 2000}
	for i := range 2 * maxSources {
		if !all.mark("O", strconv.Itoa(i), 7) || all.mark("O", strconv.Itoa(i), 7) {
			t.Fatalf("%d of many is not new once", i)
		}
	}
	for _, op := range all.all() {
		b.Apply(1, op)
	}
	if b.take(2001, "O", strconv.Itoa(maxSources), 7) != nil || b.take(2001, "O", "0", 7) == nil || b.seen.sources.Len() != maxSources || b.Check() != nil {
		t.Errorf("there are %d sources after many at once: %v", b.seen.sources.Len(), b.Check())
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
