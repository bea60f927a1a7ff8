package kv

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// TestAValueWhoseReplacementWasUndoneIsSavedToItsEnd undoes a write between two pieces of a value. The journal knows nothing
// of that, so the pieces must not be taken back: nobody would write the value again. A touch before makes the key's version
// another one than the value's.
func TestAValueWhoseReplacementWasUndoneIsSavedToItsEnd(t *testing.T) {
	defer SmallSaves(4, 1)()
	s := emptyStore()
	s.Apply(1, &put{key: "k", value: value.OfText("0123456789")})
	s.Apply(2, &touch{key: "k", expires: 5000})
	again := emptyStore()
	part := s.place("k")
	for next, more := []byte(nil), true; more; more = next != nil {
		next = s.Save(part, next, func(entry []byte) {
			if err := again.Restore(entry); err != nil {
				t.Fatal(err)
			}
		})
		for _, op := range []*put{{key: "k", value: value.OfText("x")}, {key: "k", value: value.OfText("another value"), expires: 1}} {
			undo := s.Undo(op)
			s.Apply(9, op)
			undo()
		}
	}
	const want = `k="0123456789" version 2 expires 5000`
	if s.text() != want || again.text() != want {
		t.Errorf("there is %s, and what was saved is %s; want %s", s.text(), again.text(), want)
	}
	if err := again.Check(); err != nil {
		t.Error(err)
	}
}

// TestACallOfSaveHandsOutAboutSoMuch saves values of which a few are as much as one call may hand out.
func TestACallOfSaveHandsOutAboutSoMuch(t *testing.T) {
	const most, keys, length, besides = 1000, 500, 300, 20 // an entry is its value, and some bytes besides
	defer SmallSaves(most, keys)()
	s := emptyStore()
	for i := range keys {
		s.Replay(uint64(i+1), &put{key: fmt.Sprint(i), value: value.OfText(strings.Repeat("x", length))})
	}
	for part := range s.Parts() {
		for next, more := []byte(nil), true; more; more = next != nil {
			bytes := 0
			next = s.Save(part, next, func(entry []byte) { bytes += len(entry) })
			if entries := most/length + 1; bytes > entries*(length+besides) {
				t.Fatalf("a call handed out %d bytes", bytes)
			}
		}
	}
}

// TestAnEntryWithALengthThatLies has a key that would go past the end of its entry.
func TestAnEntryWithALengthThatLies(t *testing.T) {
	for name, entry := range map[string][]byte{
		"one byte too long":     {entryPiece, 0, 2, 'k'},
		"far too long":          {entryKey, 1, 0, 0, 200, 1, 'k'},
		"longer than there are": {entryKey, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'k'},
		"cut off in its middle": {entryKey, 1, 0, 0, 0x80},
	} {
		if err := emptyStore().Restore(entry); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%s: %v, want corrupt", name, err)
		}
	}
}
