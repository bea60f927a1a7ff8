package kv

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/save.golden"

// lines are the entries of a store in hexadecimal, by part.
func (s *Store) lines() (lines []string) {
	for part := range s.Parts() {
		for next, more := []byte(nil), true; more; more = next != nil {
			next = s.Save(part, next, func(entry []byte) { lines = append(lines, hex.EncodeToString(entry)) })
		}
	}
	return lines
}

// text is all that a store holds.
func (s *Store) text() string {
	var lines []string
	for part := range s.Parts() {
		sh := &s.ordered(s.reading())[part]
		sh.mu.RLock()
		for w := sh.order.from(""); w.valid; w.next() {
			data, _ := w.item.value.MarshalJSON()
			lines = append(lines, fmt.Sprintf("%s=%s version %d expires %d", w.item.key, data, w.item.version, w.item.expires))
		}
		sh.mu.RUnlock()
	}
	return strings.Join(lines, "\n")
}

// TestSavedEntriesAreReadableForEver compares with what was written once: a key of every kind of value, one that
// expires, one in pieces, and one whose value was replaced when a piece of it had been saved.
func TestSavedEntriesAreReadableForEver(t *testing.T) {
	defer SmallSaves(8, 1)()
	s := emptyStore()
	for i, op := range []*put{
		{key: "text", value: value.OfText("héé")},
		{key: "json", value: value.Restore(value.JSON, `{"a":[1]}`)},
		{key: "bytes", value: value.OfBytes([]byte{0, 255}), expires: 1_700_000_000_000},
		{key: "long", value: value.OfText("0123456789abcdefghi")},
		{key: "replaced", value: value.OfText("a value that is long")},
	} {
		s.Replay(uint64(i+1), op)
	}
	var lines []string
	for part := range s.Parts() {
		for next, more := []byte(nil), true; more; more = next != nil {
			next = s.Save(part, next, func(entry []byte) { lines = append(lines, hex.EncodeToString(entry)) })
			if readMark(next).key == "replaced" && readMark(next).before == 8 {
				s.Replay(9, &put{key: "replaced", value: value.OfText("short")})
			}
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	// Which part a key is in, and so what comes first, is up to chance.
	slices.Sort(lines)
	if want := slices.Sorted(strings.FieldsSeq(string(text))); !slices.Equal(lines, want) {
		t.Errorf("saved\n%s\nand %s holds\n%s", strings.Join(lines, "\n"), golden, strings.Join(want, "\n"))
	}
	restored, kinds := emptyStore(), map[byte]int{}
	for line := range strings.Lines(string(text)) {
		entry, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := restored.Restore(entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		kinds[entry[0]]++
	}
	if fmt.Sprint(kinds) != "map[1:4 2:4 3:1]" {
		t.Errorf("%s holds entries of these kinds: %v", golden, kinds)
	}
	restored.Replay(9, &put{key: "replaced", value: value.OfText("short")}) // it is in the journal
	if err := restored.Check(); err != nil {
		t.Error(err)
	}
	for _, x := range []*Store{s, restored} {
		for _, line := range []string{
			`text="héé" version 1 expires 0`, `json={"a":[1]} version 2 expires 0`, `bytes={"$base64":"AP8="} version 3 expires 1700000000000`,
			`long="0123456789abcdefghi" version 4 expires 0`, `replaced="short" version 9 expires 0`,
		} {
			if !strings.Contains(x.text(), line) {
				t.Errorf("there is no %s in\n%s", line, x.text())
			}
		}
	}
}

func TestEntriesThatCannotBe(t *testing.T) {
	it := &item{key: "k", value: value.OfText("0123456789"), version: 7, expires: 1000}
	whole, piece := appendKey(nil, it, 0), appendPiece(nil, it, 0, 4)
	rest := appendKey(nil, it, 4)
	for _, c := range []struct {
		name    string
		entries [][]byte // the last of them is wrong
	}{
		{"nothing", [][]byte{{}}},
		{"another kind", [][]byte{append([]byte{9}, whole[1:]...)}},
		{"cut off", [][]byte{whole[:4]}},
		{"a value of no kind", [][]byte{append(append([]byte{}, whole[:len(whole)-11]...), 0)}},
		{"a key again", [][]byte{whole, whole}},
		{"the end of a value without its beginning", [][]byte{rest}},
		{"a piece again", [][]byte{piece, piece}},
		{"a piece of a key that there is", [][]byte{whole, piece}},
		{"a key with pieces from its beginning", [][]byte{piece, whole}},
		{"nothing to take back", [][]byte{appendVoid(nil, "k")}},
		{"no key", [][]byte{appendKey(nil, &item{value: value.OfText("x"), version: 1}, 0)}},
		{"a key that is no text", [][]byte{appendKey(nil, &item{key: "\xff", value: value.OfText("x"), version: 1}, 0)}},
		{"no version", [][]byte{appendKey(nil, &item{key: "k", value: value.OfText("x")}, 0)}},
	} {
		s := emptyStore()
		for i, entry := range c.entries {
			err := s.Restore(entry)
			if last := i == len(c.entries)-1; last && fault.CodeOf(err) != fault.Corrupt || !last && err != nil {
				t.Errorf("%s: entry %d: %v", c.name, i, err)
			}
		}
	}
}

// FuzzRestore feeds anything: what is taken in as a key is saved as it came.
func FuzzRestore(f *testing.F) {
	it := &item{key: "k", value: value.OfText("0123456789"), version: 7, expires: 1000}
	f.Add(appendKey(nil, it, 0))
	f.Add(appendPiece(nil, it, 0, 4))
	f.Add(appendVoid(nil, "k"))
	f.Fuzz(func(t *testing.T, entry []byte) {
		s := emptyStore()
		if err := s.Restore(entry); err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("it is refused with %v", err)
			}
			return
		}
		if entry[0] != entryKey {
			return // half a value; Check says so
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		again := emptyStore()
		for _, line := range s.lines() {
			saved, _ := hex.DecodeString(line)
			if err := again.Restore(saved); err != nil {
				t.Fatal(err)
			}
		}
		if again.text() != s.text() {
			t.Fatalf("%s is saved as %s", s.text(), again.text())
		}
	})
}
