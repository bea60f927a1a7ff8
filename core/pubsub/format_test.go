package pubsub

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/formattest"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

var format = formattest.Format[*Broker]{
	New: func() *Broker { return newBroker(command.Env{}) }, Decode: decodeOp, History: history,
}

// numbers is an op that takes them in; they are of one page.
func numbers(node, run string, at int64, all ...uint64) *takenOp {
	op := &takenOp{node: node, run: run, at: at, page: all[0] / pageNumbers}
	for _, n := range all {
		op.bits.set(n % pageNumbers)
	}
	return op
}

// history is ops of every kind, with every field in use.
func history() (ops []journal.Op) {
	for _, m := range []*Message{
		{Topic: "b", Message: value.OfText("héé"), stamp: stamp{1_700_000_000_001, "ELSEWHERE", 300}, PublishedAt: 1_700_000_000_000, PublishedBy: "somebody", Headers: map[string]string{"b": "2", "a": ""}},
		{Topic: "a.b", Message: value.Restore(value.JSON, `[1]`), ReplyTo: "inbox"},
		{Topic: "gone", Message: value.OfText("x")},
		{Topic: "a", Message: value.OfBytes([]byte{0, 255})},
	} {
		m.Retained = true
		ops = append(ops, &retainOp{m.Topic, m})
	}
	ops = append(ops, &retainOp{topic: "gone"})
	for i, topic := range []string{"a.gone", "0", "a.c"} {
		m := &Message{Topic: topic, gone: true, PublishedAt: 1, PublishedBy: "x", stamp: stamp{int64(i), "", uint64(i)}}
		ops = append(ops, &retainOp{topic, m})
	}
	return append(ops, &retainOp{topic: "a.c"},
		numbers("B", "r1", 1_700_000_000_000, 1, 2, 63, 64, 4095),
		numbers("B", "r1", 1_700_000_000_001, 4096, 4097),
		numbers("B", "r1", 1_700_000_000_001, 2, 3),
		numbers("B", "r2", 0, 0),
		numbers("A", "r1", 5, 3*windowSize),   // what was before it
		numbers("A", "r1", 6, 3*windowSize+9), // and after
		numbers("A", "r1", 7, 1),              // is behind
		numbers("GONE", "r", 7, 1),
		&takenOp{node: "GONE", run: "r"},
		numbers("FAR", "r", 8, 1<<64-1),
	)
}

// kept is what topics retain, in words.
func kept(b *Broker) (got string) {
	b.retained.Scan(func(topic string, m *Message) bool {
		text, _ := m.Message.MarshalJSON()
		got += fmt.Sprintf("%s %s %v %q %d %q; ", topic, text, m.Headers, m.PublishedBy, m.PublishedAt, m.ReplyTo)
		return m.Retained && m.Topic == topic
	})
	return got
}

const keptOfHistory = `a {"$base64":"AP8="} map[] "" 0 ""; a.b [1] map[] "" 0 "inbox"; b "héé" map[a: b:2] "somebody" 1700000000000 ""; `

func TestSavedEntriesAreReadableForEver(t *testing.T) {
	defer SmallSaves(1, 1)()
	format.Entries(t, func(b *Broker) {
		m, _ := b.retained.Get("b")
		if kept(b) != keptOfHistory || m.stamp != (stamp{1_700_000_000_001, "ELSEWHERE", 300}) || b.graves.Len() != 2 {
			t.Errorf("it retains %s, one with the stamp %+v, and there are %d graves", kept(b), m.stamp, b.graves.Len())
		}
		for _, c := range []struct {
			key    string
			number uint64
			want   bool
		}{
			{"B:r1", 0, false}, {"B:r1", 1, true}, {"B:r1", 3, true}, {"B:r1", 4, false}, {"B:r1", 4095, true}, {"B:r1", 4097, true}, {"B:r1", 4098, false},
			{"B:r2", 0, true}, {"A:r1", 2 * windowSize, true}, {"A:r1", 2*windowSize + 10, false}, {"A:r1", 3*windowSize + 9, true},
			{"GONE:r", 1, false}, {"FAR:r", 1<<64 - 1, true}, {"FAR:r", 1<<64 - 2, false}, {"FAR:r", 7, true},
		} {
			w, _ := b.seen.sources.Get(c.key)
			if w.has(c.number) != c.want {
				t.Errorf("%s: %d was here: %t", c.key, c.number, !c.want)
			}
		}
	})
}

// TestWhatWasSavedOnceIsReadable reads what was saved before messages had stamps, and before it was saved what was taken in.
func TestWhatWasSavedOnceIsReadable(t *testing.T) {
	for file, want := range map[string]stamp{
		"testdata/save1.golden": {time: 1_700_000_000_000}, "testdata/save2.golden": {1_700_000_000_001, "ELSEWHERE", 300},
	} {
		text, err := os.ReadFile(file) //nolint:gosec // a test's own file
		if err != nil {
			t.Fatal(err)
		}
		b := newBroker(command.Env{})
		for line := range strings.Lines(string(text)) {
			entry, err := hex.DecodeString(strings.TrimSpace(line))
			if err == nil {
				err = b.Restore(entry)
			}
			if err != nil {
				t.Fatalf("%s: %s: %v", file, line, err)
			}
		}
		if m, _ := b.retained.Get("b"); kept(b) != keptOfHistory || m.stamp != want || b.Check() != nil {
			t.Errorf("%s: it retains %s, one with the stamp %+v: %v", file, kept(b), m.stamp, b.Check())
		}
	}
}

func TestOpsAreReadableForEver(t *testing.T) { format.Ops(t, opTaken) }

// TestOpsTwice applies every op twice in a row: it is the same as once.
func TestOpsTwice(t *testing.T) { format.Twice(t) }

// TestUndo takes back each op of the history, and some more.
func TestUndo(t *testing.T) {
	format.Undo(t,
		&takenOp{node: "B", run: "r1"}, &takenOp{node: "NOBODY", run: "r"}, numbers("B", "r1", 9, 5*pageNumbers), numbers("B", "r1", 9, 1, 5),
		numbers("B", "r1", 9, 4*windowSize), numbers("A", "r1", 9, 0), numbers("NEW", "r", 9, 1), &retainOp{topic: "a"})
}

func TestEntriesThatCannotBe(t *testing.T) {
	message := func(topic string, s stamp) []byte {
		return (&retainOp{topic, &Message{Topic: topic, Message: value.OfText("x"), stamp: s}}).AppendTo([]byte{opStamp})
	}
	taken := func(op *takenOp) []byte { return op.AppendTo([]byte{opTaken}) }
	good := taken(numbers("Z", "r", 1, 1, 4095))
	zero := append([]byte(nil), good...)
	copy(zero[len(zero)-8:], make([]byte, 8))
	entries := map[string][]byte{
		"nothing":                        {},
		"another kind":                   append([]byte{9}, good[1:]...),
		"a topic without a message":      (&retainOp{topic: "z"}).AppendTo([]byte{opRetain}),
		"a message after what was taken": message("z", stamp{}),
		"a node that forgets":            taken(&takenOp{node: "Z", run: "r"}),
		"a node that is none":            taken(numbers("Z Z", "r", 1, 1)),
		"a run that is none":             taken(numbers("Z", "", 1, 1)),
		"a time that is none":            taken(numbers("Z", "r", -1, 1)),
		"a page that is none":            taken(&takenOp{node: "Z", run: "r", page: maxPage + 1, bits: page{1}}),
		"words of nothing":               append(taken(&takenOp{node: "Z", run: "r"}), make([]byte, 10)...),
		"a word that is zero":            zero,
		"a word more":                    append(append([]byte(nil), good...), 1, 0, 0, 0, 0, 0, 0, 0),
		"a page again":                   taken(numbers("FAR", "r", 8, 1<<64-1)),
		"a page before":                  taken(numbers("FAR", "r", 8, 1<<63)),
		"a node before":                  taken(numbers("A", "r1", 8, 1<<63)),
	}
	for n := range len(good) - 1 {
		entries[fmt.Sprintf("cut off after %d", n+1)] = good[:n+1]
	}
	format.Refuses(t, entries)
}

// TestMessagesThatCannotBe is the same of what topics retain, which nothing may follow that is retained.
func TestMessagesThatCannotBe(t *testing.T) {
	message := func(topic string, s stamp) []byte {
		return (&retainOp{topic, &Message{Topic: topic, Message: value.OfText("x"), stamp: s}}).AppendTo([]byte{opStamp})
	}
	few := format
	few.History = func() []journal.Op { return history()[:5] }
	few.Refuses(t, map[string][]byte{
		"cut off":              message("z", stamp{})[:4],
		"a node that is none":  message("z", stamp{node: "a b"}),
		"a time that is none":  message("z", stamp{time: -1}),
		"a topic that is none": message("#", stamp{}),
		"a topic again":        message("b", stamp{}),
		"a topic out of order": message("a", stamp{}),
	})
	few.History = func() []journal.Op { return history()[:9] }
	few.Refuses(t, map[string][]byte{
		"a message after a grave": message("z", stamp{}),
		"a grave before another":  (&retainOp{"/", &Message{Topic: "/", gone: true}}).AppendTo([]byte{opStamp}),
	})
}

// FuzzRestore feeds anything: what is taken in is sound, and comes out again.
func FuzzRestore(f *testing.F) { format.FuzzRestore(f) }

// FuzzOp decodes anything: what can be read is applied, and reads the same again.
func FuzzOp(f *testing.F) { format.FuzzOp(f) }
