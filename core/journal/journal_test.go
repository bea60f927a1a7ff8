package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// note is an op that names a thing, or with prefix everything under it.
type note struct {
	name   string
	prefix bool
	size   int
}

func (n note) Kind() byte               { return 1 }
func (n note) AppendTo(b []byte) []byte { return append(b, n.name...) }
func (n note) Target() (string, bool)   { return n.name, n.prefix }
func (n note) Size() int                { return max(n.size, 1) }

func record(ops ...note) *journal.Record {
	rec := &journal.Record{}
	for _, op := range ops {
		rec.Add(journal.Change{Namespace: 1, Structure: 1, Op: op})
	}
	return rec
}

func appendNames(t testing.TB, j journal.Journal, names ...string) (last uint64) {
	t.Helper()
	for _, name := range names {
		seq, err := j.Append(record(note{name: name}))
		if err != nil {
			t.Fatal(err)
		}
		last = seq
	}
	return last
}

func TestNumbersHaveNoGapsAndAnAbandonedOneIsUsedAgain(t *testing.T) {
	m := journal.NewMemory(journal.MemoryOptions{Epoch: 3})
	if got := appendNames(t, m, "a", "b"); got != 2 {
		t.Errorf("second record got number %d", got)
	}
	if got := m.Begin(); got != 3 {
		t.Errorf("Begin() = %d, want 3", got)
	}
	m.Abandon()
	m.Begin()
	if err := m.Commit(record(note{name: "c"}, note{name: "d"})); err != nil {
		t.Fatal(err)
	}
	if got := m.Position(); got != (journal.Position{Epoch: 3, Seq: 3}) {
		t.Errorf("Position() = %v, want 3-3", got)
	}
	got := make([]journal.Record, 10)
	n, err := m.ReadAfter(2, got)
	if err != nil || n != 1 || got[0].Seq != 3 || got[0].Len() != 2 {
		t.Errorf("ReadAfter(2) = %d records, %v; the record %+v", n, err, got[0])
	}
}

func TestBacklogIsBounded(t *testing.T) {
	tests := []struct {
		name    string
		options journal.MemoryOptions
		sizes   []int
		oldest  uint64 // the first position that can still be read from
	}{
		{"nothing is dropped before a bound is met", journal.MemoryOptions{Records: 8, Bytes: 100}, []int{1, 1, 1}, 0},
		{"by number", journal.MemoryOptions{Records: 2, Bytes: 100}, []int{1, 1, 1, 1, 1}, 3},
		{"by bytes", journal.MemoryOptions{Records: 100, Bytes: 10}, []int{6, 6, 6}, 2},
		{"the newest stays though it is over the bound alone", journal.MemoryOptions{Records: 100, Bytes: 10}, []int{5, 50}, 1},
		{"past the ring's first size", journal.MemoryOptions{Records: 1000, Bytes: 1 << 20}, make([]int, 700), 0},
		{"past a bound that is no power of two", journal.MemoryOptions{Records: 100, Bytes: 1 << 20}, make([]int, 700), 600},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := journal.NewMemory(test.options)
			for i, size := range test.sizes {
				if _, err := m.Append(record(note{name: fmt.Sprint(i), size: size})); err != nil {
					t.Fatal(err)
				}
			}
			got := make([]journal.Record, len(test.sizes)+1)
			n, err := m.ReadAfter(test.oldest, got)
			if want := len(test.sizes) - int(test.oldest); err != nil || n != want {
				t.Fatalf("ReadAfter(%d) = %d, %v; want %d records", test.oldest, n, err, want)
			}
			for i := range n {
				name, _ := next(got[i]).Target()
				if want := fmt.Sprint(int(test.oldest) + i); name != want || got[i].Seq != test.oldest+uint64(i)+1 {
					t.Fatalf("record %d is %s with number %d", i, name, got[i].Seq)
				}
			}
			if test.oldest > 0 {
				if _, err := m.ReadAfter(test.oldest-1, got); fault.CodeOf(err) != fault.OutOfRange {
					t.Errorf("ReadAfter(%d) = %v, want out_of_range", test.oldest-1, err)
				}
			}
		})
	}
}

func next(rec journal.Record) journal.Op {
	for c := range rec.Changes() {
		return c.Op
	}
	return nil
}

func TestPositionText(t *testing.T) {
	for _, p := range []journal.Position{{Seq: 17}, {Epoch: 3, Seq: 17}, {Epoch: 3}} {
		text, err := json.Marshal(p)
		var back journal.Position
		if err != nil || json.Unmarshal(text, &back) != nil || back != p {
			t.Errorf("%v became %s and then %v", p, text, back)
		}
	}
	var fromNumber journal.Position
	if err := json.Unmarshal([]byte("17"), &fromNumber); err != nil || fromNumber.Seq != 17 {
		t.Errorf("a bare version became %v, %v", fromNumber, err)
	}
	for _, bad := range []string{`"x"`, `"1-2-3"`, `-1`, `1.5`, `""`, `{}`} {
		if err := json.Unmarshal([]byte(bad), &fromNumber); err == nil {
			t.Errorf("%s was taken for a position", bad)
		}
	}
}

func TestDurabilityText(t *testing.T) {
	for d := journal.InMemory; d <= journal.Replicated; d++ {
		text, _ := d.MarshalText()
		var back journal.Durability
		if err := back.UnmarshalText(text); err != nil || back != d {
			t.Errorf("%s came back as %s, %v", d, back, err)
		}
	}
	if err := new(journal.Durability).UnmarshalText([]byte("safe")); err == nil {
		t.Error("an unknown level was accepted")
	}
}

// follow runs a feed for the length of a synctest bubble.
func follow(t *testing.T, o journal.MemoryOptions, test func(t *testing.T, m *journal.Memory, f *journal.Feed)) {
	synctest.Test(t, func(t *testing.T) {
		m := journal.NewMemory(o)
		f := journal.NewFeed(m)
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { _ = f.Run(ctx) })
		test(t, m, f)
		cancel()
		done.Wait()
	})
}

var everything = journal.Filter{Namespace: 1, Structure: 1, Prefixes: []string{""}}

// drain returns the names of all events there are.
func drain(t *testing.T, s *journal.Subscription) (names []string) {
	t.Helper()
	synctest.Wait() // until the feed has handed out what there is
	for {
		events, err := s.Next(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			return names
		}
		for _, ev := range events {
			name, _ := ev.Op.Target()
			names = append(names, name)
		}
	}
}

func TestFilters(t *testing.T) {
	long := journal.Filter{Namespace: 1, Structure: 1, Prefixes: []string{"user:"},
		Accept: func(op journal.Op) bool { name, _ := op.Target(); return len(name) > 6 }}
	tests := []struct {
		name   string
		filter journal.Filter
		want   []string
	}{
		{"a name", journal.Filter{Namespace: 1, Structure: 1, Names: []string{"user:1"}}, []string{"user:1", "user"}},
		{"a prefix", journal.Filter{Namespace: 1, Structure: 1, Prefixes: []string{"user:"}}, []string{"user:1", "user:22", "user"}},
		{"overlapping prefixes and a name deliver once", journal.Filter{Namespace: 1, Structure: 1,
			Names: []string{"user:1"}, Prefixes: []string{"u", "user:", ""}}, []string{"user:1", "user:22", "job", "user"}},
		{"accept narrows", long, []string{"user:22"}},
		{"another structure", journal.Filter{Namespace: 1, Structure: 2, Prefixes: []string{""}}, nil},
		{"another namespace", journal.Filter{Namespace: 2, Structure: 1, Prefixes: []string{""}}, nil},
		{"a range that was dropped reaches names and prefixes in it only",
			journal.Filter{Namespace: 1, Structure: 1, Names: []string{"job:9"}, Prefixes: []string{"use"}}, []string{"user:1", "user:22", "user"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			follow(t, journal.MemoryOptions{Epoch: 1}, func(t *testing.T, m *journal.Memory, f *journal.Feed) {
				live, err := f.Subscribe(test.filter, journal.Position{})
				if err != nil {
					t.Fatal(err)
				}
				defer live.Close()
				start := m.Position()
				appendNames(t, m, "user:1", "user:22", "job")
				if _, err := m.Append(record(note{name: "user", prefix: true})); err != nil {
					t.Fatal(err)
				}
				if got := drain(t, live); !slices.Equal(got, test.want) {
					t.Errorf("live: got %q, want %q", got, test.want)
				}
				resumed, err := f.Subscribe(test.filter, start)
				if err != nil {
					t.Fatal(err)
				}
				defer resumed.Close()
				if got := drain(t, resumed); !slices.Equal(got, test.want) {
					t.Errorf("resumed: got %q, want %q", got, test.want)
				}
			})
		})
	}
}

func TestResume(t *testing.T) {
	follow(t, journal.MemoryOptions{Epoch: 7, Records: 4}, func(t *testing.T, m *journal.Memory, f *journal.Feed) {
		appendNames(t, m, "a", "b", "c", "d", "e", "f")
		tests := []struct {
			name string
			from journal.Position
			want []string
			code fault.Code
		}{
			{"from now on", journal.Position{}, nil, 0},
			{"from a version", journal.Position{Seq: 4}, []string{"e", "f"}, 0},
			{"from a position of this epoch", journal.Position{Epoch: 7, Seq: 2}, []string{"c", "d", "e", "f"}, 0},
			{"from the very end", journal.Position{Seq: 6}, nil, 0},
			{"from before the backlog", journal.Position{Seq: 1}, nil, fault.OutOfRange},
			{"from the future", journal.Position{Seq: 7}, nil, fault.OutOfRange},
			{"from another epoch", journal.Position{Epoch: 6, Seq: 5}, nil, fault.OutOfRange},
		}
		for _, test := range tests {
			s, err := f.Subscribe(everything, test.from)
			if fault.CodeOf(err) != test.code {
				t.Errorf("%s: %v, want code %s", test.name, err, test.code)
				continue
			}
			if err != nil {
				continue
			}
			if got := drain(t, s); !slices.Equal(got, test.want) {
				t.Errorf("%s: got %q, want %q", test.name, got, test.want)
			}
			s.Close()
		}
	})
}

func TestAnInterruptedRecordIsSeenAgainAndNeverMissed(t *testing.T) {
	follow(t, journal.MemoryOptions{}, func(t *testing.T, m *journal.Memory, f *journal.Feed) {
		s, err := f.Subscribe(everything, journal.Position{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		appendNames(t, m, "before")
		if _, err := m.Append(record(note{name: "x"}, note{name: "y"}, note{name: "z"})); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		events, err := s.Next(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		var resume []uint64
		for _, ev := range events {
			resume = append(resume, ev.Resume.Seq)
		}
		if want := []uint64{1, 1, 1, 2}; !slices.Equal(resume, want) {
			t.Errorf("resume positions %v, want %v", resume, want)
		}
	})
}

func TestASlowFollowerLosesNothingThatTheBacklogHolds(t *testing.T) {
	const many = 5000 // more than a subscriber's queue
	follow(t, journal.MemoryOptions{Records: 10_000}, func(t *testing.T, m *journal.Memory, f *journal.Feed) {
		s, err := f.Subscribe(everything, journal.Position{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := range many {
			appendNames(t, m, fmt.Sprint(i))
			if i%512 == 0 {
				synctest.Wait()
			}
		}
		got := drain(t, s)
		for i := range many {
			if i >= len(got) || got[i] != fmt.Sprint(i) {
				t.Fatalf("event %d of %d is missing or out of order", i, len(got))
			}
		}
		appendNames(t, m, "and live again")
		if got := drain(t, s); !slices.Equal(got, []string{"and live again"}) {
			t.Errorf("after catching up: %q", got)
		}
	})
}

func TestAFollowerThatFellOutOfTheBacklogIsTold(t *testing.T) {
	follow(t, journal.MemoryOptions{Records: 64}, func(t *testing.T, m *journal.Memory, f *journal.Feed) {
		s, err := f.Subscribe(everything, journal.Position{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := range 10_000 {
			appendNames(t, m, fmt.Sprint(i))
			if i%32 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		for err == nil {
			_, err = s.Next(t.Context(), true)
		}
		if fault.CodeOf(err) != fault.OutOfRange {
			t.Errorf("Next() = %v, want out_of_range", err)
		}
	})
}

func TestTheEndOfTheFeedEndsItsSubscriptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := journal.NewMemory(journal.MemoryOptions{})
		f := journal.NewFeed(m)
		ctx, cancel := context.WithCancel(t.Context())
		s, err := f.Subscribe(everything, journal.Position{})
		if err != nil {
			t.Fatal(err)
		}
		var done sync.WaitGroup
		done.Go(func() { _ = f.Run(ctx) })
		done.Go(func() {
			if _, err := s.Next(context.Background(), true); fault.CodeOf(err) != fault.Unavailable {
				t.Errorf("Next() = %v, want unavailable", err)
			}
		})
		synctest.Wait()
		cancel()
		done.Wait()
		if _, err := f.Subscribe(everything, journal.Position{}); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("Subscribe() = %v, want unavailable", err)
		}
	})
}

func TestNextEndsWithItsContext(t *testing.T) {
	follow(t, journal.MemoryOptions{}, func(t *testing.T, _ *journal.Memory, f *journal.Feed) {
		s, err := f.Subscribe(everything, journal.Position{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Next(ctx, true); !errors.Is(err, context.Canceled) {
			t.Errorf("Next() = %v, want canceled", err)
		}
	})
}

// TestFollowersAgreeWithTheJournal plays random histories: whatever mixture of live following, resuming and
// falling behind a follower goes through, it sees just the events it asked for, in order.
func TestFollowersAgreeWithTheJournal(t *testing.T) {
	names := rapid.SampledFrom([]string{"a", "a:1", "a:2", "b", "b:1", "c"})
	rapid.Check(t, func(rt *rapid.T) {
		filter := journal.Filter{Namespace: 1, Structure: 1,
			Names: rapid.SliceOfN(names, 0, 3).Draw(rt, "names"), Prefixes: rapid.SliceOfN(names, 0, 3).Draw(rt, "prefixes")}
		batches := rapid.SliceOfN(rapid.SliceOfN(names, 1, 40), 1, 60).Draw(rt, "batches")
		reopen := rapid.SliceOfN(rapid.Bool(), len(batches), len(batches)).Draw(rt, "reopen")
		follow(t, journal.MemoryOptions{Epoch: 1}, func(t *testing.T, m *journal.Memory, f *journal.Feed) {
			s, err := f.Subscribe(filter, journal.Position{})
			if err != nil {
				rt.Fatal(err)
			}
			var want, got []string
			var at journal.Position
			for i, batch := range batches {
				rec := &journal.Record{}
				for _, name := range batch {
					op := note{name: name}
					rec.Add(journal.Change{Namespace: 1, Structure: 1, Op: op})
					if slices.Contains(filter.Names, name) || slices.ContainsFunc(filter.Prefixes,
						func(p string) bool { return len(name) >= len(p) && name[:len(p)] == p }) {
						want = append(want, name)
					}
				}
				if _, err := m.Append(rec); err != nil {
					rt.Fatal(err)
				}
				if i%3 == 2 {
					got = append(got, drain(t, s)...)
					at = s.Position()
				}
				if reopen[i] && i%3 == 2 {
					s.Close()
					if s, err = f.Subscribe(filter, at); err != nil {
						rt.Fatal(err)
					}
				}
			}
			got = append(got, drain(t, s)...)
			s.Close()
			if !slices.Equal(got, want) {
				rt.Fatalf("got %q, want %q", got, want)
			}
		})
	})
}
