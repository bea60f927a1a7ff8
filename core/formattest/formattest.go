// Package formattest holds what structures write, for good, to what they wrote once: their ops and their saved entries, as lines
// of hexadecimal in golden files.
//
// A Format is what there is to know of a structure: how an empty state is made, how an op is decoded, and ops of every kind
// with every field in use. The tests of a structure call its methods, one for each thing that must hold; what a state is
// then made of they look at themselves. Only tests import it.
package formattest

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Format is a structure's permanent encodings.
type Format[S command.State] struct {
	New     func() S
	Decode  func(kind byte, data []byte) (journal.Op, error)
	History func() []journal.Op // ops of every kind, with every field in use
}

// Of is the state that ops make.
func (f *Format[S]) Of(ops []journal.Op) S {
	s := f.New()
	for i, op := range ops {
		s.Replay(uint64(i+1), op) //nolint:gosec // not negative
	}
	return s
}

// Lines are a state's entries.
func Lines(s command.State) (lines []string) {
	for next, more := []byte(nil), true; more; more = next != nil {
		next = s.Save(0, next, func(entry []byte) { lines = append(lines, hex.EncodeToString(entry)) })
	}
	return lines
}

func text(s command.State) string { return strings.Join(Lines(s), " ") }

// Unhex is the bytes of a line.
func Unhex(t testing.TB, line string) []byte {
	t.Helper()
	data, err := hex.DecodeString(line)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// golden returns the lines of a file, which with -update are these.
func golden(t *testing.T, file string, lines []string) []string {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := os.ReadFile(file) //nolint:gosec // a test's own file
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(found)), "\n")
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("written today:\n%s\n%s holds:\n%s", got, file, found)
	}
	return want
}

// Entries compares what the history is saved as with testdata/entries.golden, and hands what it made, and what was restored of
// the file, to check.
func (f *Format[S]) Entries(t *testing.T, check func(s S)) {
	t.Helper()
	s := f.Of(f.History())
	want := golden(t, "testdata/entries.golden", Lines(s))
	again := f.restore(t, want)
	if got := Lines(again); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("saved again: %s", got)
	}
	for _, x := range []S{s, again} {
		if err := x.Check(); err != nil {
			t.Error(err)
		}
		check(x)
	}
}

func (f *Format[S]) restore(t testing.TB, lines []string) S {
	t.Helper()
	s := f.New()
	for _, line := range lines {
		if err := s.Restore(Unhex(t, line)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return s
}

// Ops compares the history, in which so many kinds of ops are to be, with testdata/ops.golden, which makes the same when it is read.
func (f *Format[S]) Ops(t *testing.T, want int) {
	t.Helper()
	var lines []string
	kinds := map[byte]bool{}
	for _, op := range f.History() {
		kinds[op.Kind()] = true
		lines = append(lines, fmt.Sprintf("%02x%x", op.Kind(), op.AppendTo(nil)))
	}
	if len(kinds) != want {
		t.Errorf("only ops of the kinds %v", kinds)
	}
	var again []journal.Op
	for _, line := range golden(t, "testdata/ops.golden", lines) {
		data := Unhex(t, line)
		op, err := f.Decode(data[0], data[1:])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		again = append(again, op)
	}
	if got, want := text(f.Of(again)), text(f.Of(f.History())); got != want {
		t.Errorf("read back they make\n%s\nwant\n%s", got, want)
	}
}

// Twice applies every op twice in a row, under its number: it is the same as once.
func (f *Format[S]) Twice(t *testing.T) {
	t.Helper()
	twice := f.New()
	for i, op := range f.History() {
		twice.Replay(uint64(i+1), op) //nolint:gosec // not negative
		twice.Replay(uint64(i+1), op) //nolint:gosec // not negative
	}
	if got, want := text(twice), text(f.Of(f.History())); got != want {
		t.Errorf("twice they make\n%s\nwant\n%s", got, want)
	}
}

// Undo takes back each op of the history, and some more, on what the ones before it have made.
func (f *Format[S]) Undo(t *testing.T, more ...journal.Op) {
	t.Helper()
	all := append(f.History(), more...)
	for i, op := range all {
		s := f.Of(all[:i])
		before := text(s)
		undo := s.Undo(op)
		s.Replay(99, op)
		undo()
		if got := text(s); got != before || s.Check() != nil {
			t.Errorf("op %d taken back leaves\n%s\nwant\n%s: %v", i, got, before, s.Check())
		}
	}
}

// Refuses restores entries that cannot be over the history's: each is corrupt, and changes nothing.
func (f *Format[S]) Refuses(t *testing.T, entries map[string][]byte) {
	t.Helper()
	lines := Lines(f.Of(f.History()))
	for name, entry := range entries {
		s := f.restore(t, lines)
		if err := s.Restore(entry); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%s: %v, want corrupt", name, err)
		}
		if text(s) != strings.Join(lines, " ") || s.Check() != nil {
			t.Errorf("%s changed something: %v", name, s.Check())
		}
	}
}

// FuzzRestore feeds anything: what is taken in is sound, and comes out again.
func (f *Format[S]) FuzzRestore(fuzz *testing.F) {
	for _, line := range Lines(f.Of(f.History())) {
		fuzz.Add(Unhex(fuzz, line))
	}
	fuzz.Fuzz(func(t *testing.T, entry []byte) {
		s := f.New()
		if err := s.Restore(entry); err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("it is refused with %v", err)
			}
			return
		}
		again := f.restore(t, Lines(s))
		if text(again) != text(s) || s.Check() != nil || again.Check() != nil {
			t.Fatalf("%x is saved as %s: %v", entry, Lines(s), s.Check())
		}
	})
}

// FuzzOp decodes anything: what can be read is applied, and reads the same again, as the kind that it is written as today.
func (f *Format[S]) FuzzOp(fuzz *testing.F) {
	for _, op := range f.History() {
		fuzz.Add(op.Kind(), op.AppendTo(nil))
	}
	fuzz.Fuzz(func(t *testing.T, kind byte, data []byte) {
		op, err := f.Decode(kind, data)
		if err != nil {
			return
		}
		again, err := f.Decode(op.Kind(), op.AppendTo(nil))
		if err != nil || string(again.AppendTo(nil)) != string(op.AppendTo(nil)) {
			t.Fatalf("%x reads back differently: %v", data, err)
		}
		s := f.New()
		s.Replay(1, op)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
	})
}
