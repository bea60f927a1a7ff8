package vector

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/vector/collection"
	"github.com/hivellm/synap-go/vector/tensor"
)

var update = flag.Bool("update", false, "write the golden files anew")

// alone is a state without an engine.
func alone() *Collections {
	return Structure().New(command.Env{Namespace: 1, Structure: ID, Clock: command.NewClock(), Wake: func(int64) {}}).(*Collections)
}

// story is ops with everything that one can hold, always the same.
func story(t testing.TB) []journal.Op {
	docs := &collection.Config{
		Vectors: []collection.VectorConfig{{Dimension: 3, Index: collection.HNSW}},
		Indexes: []collection.IndexConfig{{Path: "city", Type: "keyword"}, {Path: "a.b", Type: "float"}, {Path: "on", Type: "bool"}, {Path: "at", Type: "geo"}},
		Text:    []string{"title", "body"}, Language: "german",
	}
	many := &collection.Config{Vectors: []collection.VectorConfig{
		{Name: "half", Dimension: 2, Element: collection.Float16, Metric: collection.Euclidean, Index: collection.Flat},
		{Name: "byte", Dimension: 5, Element: collection.Int8, Metric: collection.Dot, M: 8, EfBuild: 32},
		{Name: "bits", Dimension: 16, Element: collection.Bit, Metric: collection.Hamming},
		{Name: "walk", Dimension: 4, Walk: collection.Int8},
	}}
	texts := &collection.Config{}
	for _, c := range []*collection.Config{docs, many, texts} {
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
	}
	point := func(c *collection.Config, d *collection.Draft, vectors map[string]tensor.Floats) *collection.Draft {
		rows, err := collection.New(c).Encode(vectors)
		if err != nil {
			t.Fatal(err)
		}
		d.Rows = rows
		return d
	}
	number, text := collection.NumberID, collection.TextID
	return []journal.Op{
		&configure{"docs", 1_700_000_000_000, docs},
		&configure{"many", 1, many},
		&configure{"texts", 2, texts},
		&configure{"gone", 3, texts},
		&put{"docs", point(docs, &collection.Draft{ID: number(7), Payload: `{"city":"lima","a":{"b":1.5}}`, Text: "häfen", Expires: 4_000_000_000_000},
			map[string]tensor.Floats{"": {1, -2, 0.5}})},
		&put{"docs", point(docs, &collection.Draft{ID: text("a/b ü")}, map[string]tensor.Floats{"": {0, 1e-3, 3e9}})},
		&put{"docs", point(docs, &collection.Draft{ID: number(1<<63 - 1)}, nil)},
		&put{"many", point(many, &collection.Draft{ID: text("x")}, map[string]tensor.Floats{
			"half": {1.5, -3}, "byte": {1, 2, 3, 4, 5}, "bits": {1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1}, "walk": {4, 3, 2, 1},
		})},
		&put{"many", point(many, &collection.Draft{ID: text("y")}, map[string]tensor.Floats{"byte": {-1, 0, 0, 0, 0}})},
		&put{"texts", &collection.Draft{ID: number(0), Text: "only words"}},
		&put{"texts", &collection.Draft{ID: number(1), Text: "others"}},
		&remove{"texts", deleted, []collection.ID{number(1), text("none")}},
		&remove{"docs", expired, []collection.ID{number(99)}},
		&drop{"gone"},
	}
}

// told is a state with the story in it.
func told(t testing.TB) *Collections {
	s := alone()
	for i, op := range story(t) {
		s.Replay(uint64(i+1), op)
	}
	return s
}

// lines are the entries of a state, in hexadecimal.
func (s *Collections) lines() (all []string) {
	for next, more := []byte(nil), true; more; more = next != nil {
		next = s.Save(0, next, func(entry []byte) { all = append(all, hex.EncodeToString(entry)) })
	}
	return all
}

// golden reads a file of lines; with -update it writes them first.
func golden(t testing.TB, name string, lines []string) []string {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOpsStayReadable compares the ops of the story with those in testdata, which are of the first version of the format
// and must be readable for ever.
func TestOpsStayReadable(t *testing.T) {
	var lines []string
	for _, op := range story(t) {
		lines = append(lines, fmt.Sprintf("%d %x", op.Kind(), op.AppendTo(nil)))
	}
	want := golden(t, "testdata/ops.golden", lines)
	if !slices.Equal(lines, want) {
		t.Errorf("written today:\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	s := alone()
	for i, line := range want {
		kind, text, _ := strings.Cut(line, " ")
		op, err := decodeOp(kind[0]-'0', unhex(t, text))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		s.Replay(uint64(i+1), op)
	}
	if got, want := s.lines(), told(t).lines(); !slices.Equal(got, want) {
		t.Errorf("read back:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

// TestEntriesStayReadable does the same with what the story comes to.
func TestEntriesStayReadable(t *testing.T) {
	lines := told(t).lines()
	want := golden(t, "testdata/entries.golden", lines)
	if !slices.Equal(lines, want) {
		t.Errorf("written today:\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	s := alone()
	for _, line := range want {
		if err := s.Restore(unhex(t, line)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	for s.Build() { // what is in a graph is saved as it was
	}
	if got := s.lines(); !slices.Equal(got, want) {
		t.Errorf("saved again:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

// TestEntriesThatCannotBe are refused.
func TestEntriesThatCannotBe(t *testing.T) {
	all := told(t).lines()
	head, point := unhex(t, all[0]), unhex(t, all[1])
	other := unhex(t, all[4]) // the head of another collection
	cut := func(b []byte) []byte { return b[:len(b)-1] }
	for name, entries := range map[string][][]byte{
		"nothing":                        {{}},
		"a kind that there is not":       {append([]byte{9}, head[1:]...)},
		"a head without a version":       {append([]byte{1, 0}, head[2:]...)},
		"a head that is cut":             {cut(head)},
		"a head with more behind":        {append(bytes.Clone(head), 0)},
		"a point of no collection":       {point},
		"a point of another collection":  {other, point},
		"a point twice":                  {head, point, point},
		"a point that is cut":            {head, cut(point)},
		"a point older than the head":    {append([]byte{1, 100}, head[2:]...), point},
		"a point that is nowhere finite": {head, poisoned(point)},
	} {
		t.Run(name, func(t *testing.T) {
			s := alone()
			var err error
			for _, entry := range entries {
				err = s.Restore(entry)
			}
			if fault.CodeOf(err) != fault.Corrupt {
				t.Errorf("restored: %v", err)
			}
			if err := s.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// poisoned is the point with a vector that is not a number.
func poisoned(point []byte) []byte {
	b := bytes.Clone(point)
	for i := len(b) - 128; i < len(b); i++ {
		b[i] = 0xff
	}
	return b
}

// FuzzRestore restores any chunk: what is taken in is sound, and comes out again.
func FuzzRestore(f *testing.F) {
	var whole []byte
	for _, line := range told(f).lines() {
		whole = journal.AppendEntry(whole, unhex(f, line))
		f.Add(bytes.Clone(whole))
	}
	f.Fuzz(func(t *testing.T, chunk []byte) {
		one, two := alone(), alone()
		for entry, rest, ok := journal.NextEntry(chunk); ok; entry, rest, ok = journal.NextEntry(rest) {
			if err := one.Restore(entry); err != nil && fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("the error is %v", err)
			}
		}
		for _, line := range one.lines() {
			if err := two.Restore(unhex(t, line)); err != nil {
				t.Fatalf("%s was taken, and is not any more: %v", line, err)
			}
		}
		for _, s := range []*Collections{one, two} {
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := two.lines(), one.lines(); !slices.Equal(got, want) {
			t.Fatalf("there and back: %q, want %q", got, want)
		}
	})
}

// FuzzOp decodes any op: what is taken comes out as it was, and can be applied twice.
func FuzzOp(f *testing.F) {
	for _, op := range story(f) {
		f.Add(op.Kind(), op.AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		op, err := decodeOp(kind, data)
		if err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		again, err := decodeOp(kind, op.AppendTo(nil))
		if err != nil || !bytes.Equal(again.AppendTo(nil), op.AppendTo(nil)) {
			t.Fatalf("%x comes back as %x: %v", op.AppendTo(nil), again.AppendTo(nil), err)
		}
		s := told(t)
		s.Replay(100, op)
		once := s.lines()
		s.Replay(100, op)
		if !slices.Equal(s.lines(), once) || s.Check() != nil {
			t.Fatalf("applied twice it is another: %v", s.Check())
		}
	})
}
