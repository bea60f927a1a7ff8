package memory

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/vector/text"
)

var update = flag.Bool("update", false, "write the golden files anew")

func empty(t testing.TB) *Memories {
	t.Helper()
	a, err := text.NewAnalyzer(text.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return newMemories(command.Env{}, nil, a)
}

// history is ops of every kind, with every field in use.
func history() []journal.Op {
	m, _ := parseMetadata(`{"a":[1,2.50,"x"],"b":{"c":null}}`)
	return []journal.Op{
		&put{collection: "default", number: 1, newText: true, content: content{text: "héé", stored: stamp{1_700_000_000_000, "somebody", "k1"}}},
		&put{collection: "prefs:ui", number: 2, newText: true, content: content{
			text: "dark", metadata: m, source: "a file", stored: stamp{1, "a", ""}, updated: stamp{2, "b", "k2"}, expires: 1_900_000_000_000,
		}},
		&embedOp{number: 2, textVersion: 2, model: "m#1", vector: []float32{0.6, -0.8}},
		&put{collection: "prefs:ui", number: 2, content: content{text: "dark", stored: stamp{1, "a", ""}, updated: stamp{3, "b", ""}}},
		&put{collection: "prefs:ui", number: 300, newText: true, content: content{text: "x"}},
		&put{collection: "gone", number: 301, newText: true, content: content{text: "y"}},
		&remove{collection: "prefs:ui", numbers: []uint64{300, 999}},
		&clearOp{collection: "gone"},
		&embedOp{number: 1, textVersion: 99, model: "m", vector: []float32{1}}, // of a text that it has not got
	}
}

// lines are entries or ops in hexadecimal.
func (s *Memories) lines() (lines []string) {
	for next, more := []byte(nil), true; more; more = next != nil {
		next = s.Save(0, next, func(entry []byte) { lines = append(lines, hex.EncodeToString(entry)) })
	}
	return lines
}

// golden compares with what was written once.
func golden(t *testing.T, file, got string) string {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got {
		t.Fatalf("%s holds %s, %v\n got %s", file, want, err, got)
	}
	return string(want)
}

// TestOpsAreReadableForEver reads what was written once, and makes the same of it.
func TestOpsAreReadableForEver(t *testing.T) {
	var b strings.Builder
	for _, op := range history() {
		b.WriteString(hex.EncodeToString(op.AppendTo([]byte{op.Kind()})) + "\n")
	}
	written := golden(t, "testdata/ops.golden", b.String())
	was, again := empty(t), empty(t)
	for i, op := range history() {
		was.Replay(uint64(i+1), op)
	}
	for i, line := range strings.Fields(written) {
		data, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		op, err := decodeOp(data[0], data[1:])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if !bytes.Equal(op.AppendTo([]byte{op.Kind()}), data) || op.Size() == 0 {
			t.Errorf("%s is written as %x", line, op.AppendTo(nil))
		}
		again.Replay(uint64(i+1), op)
		again.Replay(uint64(i+1), op) // twice is the same as once
	}
	if got, want := strings.Join(again.lines(), "\n"), strings.Join(was.lines(), "\n"); got != want || again.Check() != nil {
		t.Errorf("made again it is\n%s\nwant\n%s\n%v", got, want, again.Check())
	}
}

// TestSavedEntriesAreReadableForEver restores what was written once.
func TestSavedEntriesAreReadableForEver(t *testing.T) {
	defer SmallSaves(1, 1)()
	s := empty(t)
	for i, op := range history() {
		s.Replay(uint64(i+1), op)
	}
	written := golden(t, "testdata/save.golden", strings.Join(s.lines(), "\n")+"\n")
	again := empty(t)
	for _, line := range strings.Fields(written) {
		entry, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Restore(entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if got := strings.Join(again.lines(), "\n") + "\n"; got != written || again.Check() != nil {
		t.Errorf("saved again: %s, %v", got, again.Check())
	}
	it := again.items[2]
	if it.text != "dark" || it.metadata != nil || it.vector[1] != -0.8 || it.model != "m#1" || it.version != 4 || it.textVersion != 2 || again.last != 301 ||
		again.items[1].stored != (stamp{1_700_000_000_000, "somebody", "k1"}) || len(again.items) != 2 {
		t.Errorf("it remembers %+v and %+v, last %d", it, again.items[1], again.last)
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	good := history()[1].AppendTo(nil)
	for _, c := range []struct {
		name string
		kind byte
		data []byte
	}{
		{"another kind", 9, good},
		{"nothing", opPut, nil},
		{"cut off", opPut, good[:len(good)-1]},
		{"too long", opPut, append(bytes.Clone(good), 0)},
		{"a collection that is none", opPut, (&put{collection: "a b", number: 1, content: content{text: "x"}}).AppendTo(nil)},
		{"the number 0", opPut, (&put{collection: "a", content: content{text: "x"}}).AppendTo(nil)},
		{"no text", opPut, (&put{collection: "a", number: 1}).AppendTo(nil)},
		{"metadata that are none", opPut, (&put{collection: "a", number: 1, content: content{text: "x", metadata: &metadata{text: "[1]"}}}).AppendTo(nil)},
		{"no vector", opEmbed, (&embedOp{number: 1, model: "m"}).AppendTo(nil)},
		{"no model", opEmbed, (&embedOp{number: 1, vector: []float32{1}}).AppendTo(nil)},
		{"three bytes of floats", opEmbed, []byte{1, 1, 1, 'm', 3, 0, 0, 0}},
		{"no number", opEmbed, []byte{1, 1, 1, 'm', 4, 0, 0, 0xc0, 0x7f}},
		{"a length that lies", opRemove, []byte{1, 'a', 0xff, 0xff, 0xff, 0x7f, 1}},
		{"no collection", opClear, nil},
	} {
		if op, err := decodeOp(c.kind, c.data); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%s: %v, %v, want corrupt", c.name, op, err)
		}
	}
	s := empty(t)
	entry, _ := hex.DecodeString("0201610102020178000000000000000000")
	_ = s.Restore(entry)
	for _, bad := range [][]byte{nil, {9}, {entryLast}, {entryLast, 0}, {entryMemory, 1}, entry} {
		if err := s.Restore(bad); fault.CodeOf(err) != fault.Corrupt && len(s.items) != 1 {
			t.Errorf("%x: %v, want corrupt", bad, err)
		}
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

// FuzzOps decodes anything: what is an op is written as it came, and can be applied.
func FuzzOps(f *testing.F) {
	for _, op := range history() {
		f.Add(op.Kind(), op.AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		op, err := decodeOp(kind, data)
		if err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("it is refused with %v", err)
			}
			return
		}
		again, err := decodeOp(kind, op.AppendTo(nil))
		if err != nil || !bytes.Equal(again.AppendTo(nil), op.AppendTo(nil)) {
			t.Fatalf("%x is written as %x: %v", data, op.AppendTo(nil), err)
		}
		s := empty(t)
		s.Replay(5, op)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzRestore feeds anything: what is taken in is saved as it came.
func FuzzRestore(f *testing.F) {
	s := empty(f)
	for i, op := range history() {
		s.Replay(uint64(i+1), op)
	}
	for _, line := range s.lines() {
		entry, _ := hex.DecodeString(line)
		f.Add(entry)
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		s := empty(t)
		if err := s.Restore(entry); err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("it is refused with %v", err)
			}
			return
		}
		again := empty(t)
		for _, line := range s.lines() {
			saved, _ := hex.DecodeString(line)
			if err := again.Restore(saved); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Join(again.lines(), " ") != strings.Join(s.lines(), " ") || s.Check() != nil {
			t.Fatalf("%x is saved as %v: %v", entry, s.lines(), s.Check())
		}
	})
}
