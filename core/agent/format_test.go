package agent

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
	"github.com/hivellm/synap-go/core/value"
)

var update = flag.Bool("update", false, "write the golden files anew")

// history is ops of every kind, with every field in use.
func history() []journal.Op {
	return []journal.Op{
		&seenOp{agent: "local/planner", at: 1_700_000_000_000},
		&sendOp{message: message{
			id: 1, from: "local", sent: 1_700_000_000_001, thread: "häh", replyTo: 300, value: value.OfText("héé"), unread: []string{"bob"},
		}, dedupe: "once", until: 1_700_000_600_000},
		&sendOp{message: message{id: 2, from: "bob", sent: 5, all: true, value: value.Restore(value.JSON, `[1]`), unread: []string{"local", "local/planner"}}},
		&sendOp{message: message{id: 3, from: "gone", sent: 6, value: value.OfBytes([]byte{0, 255}), unread: []string{"bob"}}, dedupe: "later", until: 7},
		&readOp{agent: "bob", ids: []uint64{3, 200}},
		&forgetOp{agent: "gone"},
		&forgetOp{agent: "local", keep: true},
		&lapseOp{upTo: 0},
	}
}

func of(ops []journal.Op) *Agents {
	s := newAgents(command.Env{})
	for i, op := range ops {
		s.Replay(uint64(i+1), op)
	}
	return s
}

// lines are the entries in hexadecimal.
func (s *Agents) lines() (lines []string) {
	for next, more := []byte(nil), true; more; more = next != nil {
		next = s.Save(0, next, func(entry []byte) { lines = append(lines, hex.EncodeToString(entry)) })
	}
	return lines
}

// golden returns the lines of a file, which with -update are these.
func golden(t *testing.T, file string, lines []string) []string {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(string(text)), "\n")
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("written today:\n%s\n%s holds:\n%s", got, file, text)
	}
	return want
}

func unhex(t *testing.T, line string) []byte {
	t.Helper()
	data, err := hex.DecodeString(line)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSavedEntriesAreReadableForEver(t *testing.T) {
	defer SmallSaves(1, 1)()
	s := of(history())
	want := golden(t, "testdata/entries.golden", s.lines())
	again := newAgents(command.Env{})
	for _, line := range want {
		if err := again.Restore(unhex(t, line)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if got := again.lines(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("saved again: %s", got)
	}
	for _, x := range []*Agents{s, again} {
		if err := x.Check(); err != nil || x.agents.Len() != 3 || x.messages.Len() != 2 || len(x.sent) != 2 || x.last != 3 {
			t.Errorf("%d agents, %d messages, %d dedupe ids, last %d: %v", x.agents.Len(), x.messages.Len(), len(x.sent), x.last, err)
		}
	}
}

func TestOpsAreReadableForEver(t *testing.T) {
	var lines []string
	kinds := map[byte]bool{}
	for _, op := range history() {
		kinds[op.Kind()] = true
		lines = append(lines, fmt.Sprintf("%02x%x", op.Kind(), op.AppendTo(nil)))
	}
	if len(kinds) != opLapse {
		t.Errorf("only ops of the kinds %v", kinds)
	}
	var again []journal.Op
	for _, line := range golden(t, "testdata/ops.golden", lines) {
		data := unhex(t, line)
		op, err := decodeOp(data[0], data[1:])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		again = append(again, op)
	}
	if got, want := of(again).lines(), of(history()).lines(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("read back they make\n%s\nwant\n%s", got, want)
	}
}

// TestOpsTwice applies every op twice in a row: it is the same as once.
func TestOpsTwice(t *testing.T) {
	var twice []journal.Op
	for _, op := range history() {
		twice = append(twice, op, op)
	}
	if got, want := of(twice).lines(), of(history()).lines(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("twice they make\n%s\nwant\n%s", got, want)
	}
}

// TestUndo takes back each op of the history on what the ones before it have made.
func TestUndo(t *testing.T) {
	all := append(history(), &lapseOp{upTo: 9}, &forgetOp{agent: "bob"}, &seenOp{agent: "new", at: 1})
	for i, op := range all {
		s := of(all[:i])
		before := strings.Join(s.lines(), " ")
		undo := s.Undo(op)
		s.Replay(99, op)
		undo()
		if got := strings.Join(s.lines(), " "); got != before || s.Check() != nil {
			t.Errorf("op %d taken back leaves\n%s\nwant\n%s: %v", i, got, before, s.Check())
		}
	}
}

func TestEntriesThatCannotBe(t *testing.T) {
	lines := of(history()).lines()
	for name, entry := range map[string][]byte{
		"nothing":                  {},
		"a kind that there is not": {9, 1},
		"a number that is cut":     {entryLast, 0x80},
		"an agent twice":           unhex(t, lines[1]),
		"an agent without a name":  {entryAgent, 0},
		"a message twice":          unhex(t, lines[4]),
		"a message that is cut":    unhex(t, lines[4])[:9],
		"a message to nobody":      (&sendOp{message: message{id: 9, value: value.OfText("x")}}).AppendTo([]byte{entryMessage}),
		"a message to everybody":   (&sendOp{message: message{id: 9, value: value.OfText("x"), unread: []string{"*"}}}).AppendTo([]byte{entryMessage}),
		"names out of order":       (&sendOp{message: message{id: 9, value: value.OfText("x"), unread: []string{"b", "a"}}}).AppendTo([]byte{entryMessage}),
		"a dedupe id twice":        unhex(t, lines[len(lines)-1]),
		"more than there is":       append(unhex(t, lines[0]), 0),
	} {
		s := newAgents(command.Env{})
		for _, line := range lines {
			if err := s.Restore(unhex(t, line)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Restore(entry); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%s: %v, want corrupt", name, err)
		}
		if got := s.lines(); strings.Join(got, " ") != strings.Join(lines, " ") || s.Check() != nil {
			t.Errorf("%s changed something: %v", name, s.Check())
		}
	}
}

// FuzzRestore feeds anything: what is taken in is sound, and comes out again.
func FuzzRestore(f *testing.F) {
	for _, line := range of(history()).lines() {
		entry, _ := hex.DecodeString(line)
		f.Add(entry)
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		s := newAgents(command.Env{})
		if err := s.Restore(entry); err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("it is refused with %v", err)
			}
			return
		}
		again := newAgents(command.Env{})
		for _, line := range s.lines() {
			if err := again.Restore(unhex(t, line)); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Join(again.lines(), " ") != strings.Join(s.lines(), " ") || s.Check() != nil || again.Check() != nil {
			t.Fatalf("%x is saved as %s: %v", entry, s.lines(), s.Check())
		}
	})
}

// FuzzOp decodes anything: what can be read is applied, and reads the same again.
func FuzzOp(f *testing.F) {
	for _, op := range history() {
		f.Add(op.Kind(), op.AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		op, err := decodeOp(kind, data)
		if err != nil {
			return
		}
		again, err := decodeOp(kind, op.AppendTo(nil))
		if err != nil || string(again.AppendTo(nil)) != string(op.AppendTo(nil)) {
			t.Fatalf("%x reads back differently: %v", data, err)
		}
		s := newAgents(command.Env{})
		s.Replay(1, op)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
	})
}
