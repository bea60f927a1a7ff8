package kv

import (
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// TestReplayLeavesAloneWhatIsNewer replays one op over a key that was restored with version 10.
func TestReplayLeavesAloneWhatIsNewer(t *testing.T) {
	restored := &item{key: "a:1", value: value.OfText("restored"), version: 10, expires: 5000}
	const asItWas = `a:1="restored" version 10 expires 5000`
	for _, test := range []struct {
		name string
		seq  uint64
		op   journal.Op
		want string
	}{
		{"an older put", 9, &put{key: "a:1", value: value.OfText("x")}, asItWas},
		{"an older touch", 9, &touch{key: "a:1", expires: 7000}, asItWas},
		{"an older remove", 9, &remove{key: "a:1", cause: deleted}, asItWas},
		{"an older wipe", 9, &wipe{prefix: "a:"}, asItWas},
		{"an older wipe of everything", 9, &wipe{}, asItWas},
		{"a put of its own record", 10, &put{key: "a:1", value: value.OfText("x")}, `a:1="x" version 10 expires 0`},
		{"a touch of its own record", 10, &touch{key: "a:1", expires: 7000}, `a:1="restored" version 10 expires 7000`},
		{"a remove of its own record", 10, &remove{key: "a:1", cause: deleted}, ""},
		{"a wipe of its own record", 10, &wipe{prefix: "a:"}, ""},
		{"a newer put", 11, &put{key: "a:1", value: value.OfText("x"), expires: 1}, `a:1="x" version 11 expires 1`},
		{"a newer touch", 11, &touch{key: "a:1"}, `a:1="restored" version 11 expires 0`},
		{"a newer remove", 11, &remove{key: "a:1", cause: expired}, ""},
		{"a newer wipe", 11, &wipe{prefix: "a"}, ""},
		{"a newer wipe of something else", 11, &wipe{prefix: "b"}, asItWas},
		{"a newer touch of nothing", 11, &touch{key: "b", expires: 1}, asItWas},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := emptyStore()
			if err := s.Restore(appendKey(nil, restored, 0)); err != nil {
				t.Fatal(err)
			}
			s.Replay(test.seq, test.op)
			if got := s.text(); got != test.want {
				t.Errorf("there is %s, want %s", got, test.want)
			}
			if err := s.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRecoveryAsksToBeSwept restores and replays keys that expire: the store asks for a round at each earlier deadline.
func TestRecoveryAsksToBeSwept(t *testing.T) {
	var woken []int64
	s := newStore(command.Env{Clock: command.NewClock(), Wake: func(at int64) { woken = append(woken, at) }}, Options{}.withDefaults())
	if err := s.Restore(appendKey(nil, &item{key: "k", value: value.OfText("v"), version: 1, expires: 3000}, 0)); err != nil {
		t.Fatal(err)
	}
	s.Replay(2, &put{key: "k", value: value.OfText("v"), expires: 2000})
	s.Replay(3, &touch{key: "k", expires: 1000})
	s.Replay(4, &touch{key: "k", expires: 4000})
	if !slices.Equal(woken[1:], []int64{3000, 2000, 1000}) { // the first is to put the keys in order
		t.Errorf("woken at %v", woken)
	}
}

// TestKeysThatDifferLittleAreSaved has keys of which each is the least that comes after another.
func TestKeysThatDifferLittleAreSaved(t *testing.T) {
	defer SmallSaves(1000, 1)()
	const keys = 300
	s := emptyStore()
	for i := range keys {
		s.Replay(uint64(i+1), &put{key: "k" + strings.Repeat("\x00", i), value: value.OfText("v")})
	}
	if n := len(s.lines()); n != keys {
		t.Errorf("saved %d keys of %d", n, keys)
	}
}
