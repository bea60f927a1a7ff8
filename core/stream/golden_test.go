package stream

import (
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
	"github.com/hivellm/synap-go/core/value"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	golden    = "testdata/save.golden"
	goldenOps = "testdata/ops.golden"
)

func alone() *Streams {
	return newStreams(command.Env{Clock: command.NewClock(), Wake: func(int64) {}}, Options{}.withDefaults())
}

// everyOp is ops of every kind, with every field in use.
func everyOp() []journal.Op {
	room := head{"room", 1_700_000_000_000}
	event := func(offset uint64, at int64, e Event) *Event {
		e.Offset, e.At, e.By = offset, at, "somebody"
		e.weigh()
		return &e
	}
	return []journal.Op{
		&roomOp{room, 2, &config{maxEvents: 1, maxBytes: 2000, maxAge: 3000, keepUnread: 4000, window: 5000}},
		&appendOp{head: room, partition: 0, at: 1_700_000_000_001, by: "somebody", events: []*Event{
			event(0, 1_700_000_000_001, Event{Data: value.OfText("gone"), dedupe: "forgotten"}),
			event(1, 1_700_000_000_001, Event{Event: "task.done", Data: value.OfText("héé"), Key: "key", dedupe: "id"}),
		}},
		&appendOp{head: room, partition: 0, first: 2, oldest: 1, forget: 1, at: 1_700_000_000_002, by: "somebody", events: []*Event{
			event(2, 1_700_000_000_002, Event{Data: value.Restore(value.JSON, `[1]`), Headers: map[string]string{"b": "2", "a": ""}}),
			event(3, 1_700_000_000_002, Event{Data: value.OfBytes([]byte{0, 255}), dedupe: "another"}),
		}},
		&groupOp{room, &group{name: "gone", strategy: byRange, generation: 1_700_000_000_009, positions: []uint64{0, 0}}},
		&ungroupOp{room, "gone"},
		&groupOp{room, &group{name: "", strategy: roundRobin, session: 1000, generation: 1_700_000_000_003, positions: []uint64{4, 0}}},
		&groupOp{room, &group{name: "group", strategy: sticky, session: 30_000, generation: 1_700_000_000_004, positions: []uint64{1, 0}, members: []member{
			{"one", "somebody", 1_700_000_030_000, []int{1}}, {"two", "else", 1_700_000_030_001, []int{0}},
		}}},
		&progressOp{head: room, group: "group", member: "two", deadline: 1_700_000_030_002, offsets: []PartitionOffset{{0, 3}}},
		&roomOp{head{"empty", 1_700_000_000_005}, 1, defaultConfig},
		&roomOp{head{"gone", 1_700_000_000_006}, 1, defaultConfig},
		&dropOp{head{"gone", 1_700_000_000_006}},
	}
}

// everyKind is a state that takes an entry of every kind to save, with every field in use.
func everyKind() *Streams { return made(everyOp()) }

// made is the state that the ops make.
func made(ops []journal.Op) *Streams {
	s := alone()
	for i, op := range ops {
		s.Replay(uint64(i+1), op) //nolint:gosec // a small number
	}
	return s
}

// TestOpsAreReadableForEver compares with what was written once, and applies what that says.
func TestOpsAreReadableForEver(t *testing.T) {
	var out strings.Builder
	for _, op := range everyOp() {
		fmt.Fprintf(&out, "%d %x\n", op.Kind(), op.AppendTo(nil))
	}
	text := kept(t, goldenOps, out.String())
	var ops []journal.Op
	kinds := map[byte]int{}
	for line := range strings.Lines(text) {
		var kind byte
		var data []byte
		if _, err := fmt.Sscanf(line, "%d %x", &kind, &data); err != nil {
			t.Fatal(err)
		}
		op, err := decodeOp(kind, data)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		ops = append(ops, op)
		kinds[kind]++
	}
	if got := fmt.Sprint(kinds); got != "map[1:3 2:1 3:2 4:3 5:1 6:1]" {
		t.Errorf("%s holds ops of these kinds: %s", goldenOps, got)
	}
	if got := made(ops).text(); got != everyKindText {
		t.Errorf("there is\n%s\nwant\n%s", got, everyKindText)
	}
}

// kept returns what a golden file holds, which is what it should; with -update that is written first.
func kept(t *testing.T, name, want string) string {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want {
		t.Errorf("written today %s, and %s holds %s", want, name, text)
	}
	return string(text)
}

// lines are a state's entries in hexadecimal, by part.
func (s *Streams) lines() (lines []string) {
	for part := range s.Parts() {
		for next, more := []byte(nil), true; more; more = next != nil {
			next = s.Save(part, next, func(entry []byte) { lines = append(lines, hex.EncodeToString(entry)) })
		}
	}
	return lines
}

// TestSavedEntriesAreReadableForEver compares with what was written once.
func TestSavedEntriesAreReadableForEver(t *testing.T) {
	defer SmallSaves(1, 1, 1)()
	s := everyKind()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	want := strings.Join(s.lines(), "\n") + "\n"
	text := kept(t, golden, want)
	restored, kinds := alone(), map[byte]int{}
	for line := range strings.Lines(text) {
		entry, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := restored.Restore(entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		kinds[entry[0]]++
	}
	if got := fmt.Sprint(kinds); got != "map[1:1 2:2 3:2 4:2 5:3]" {
		t.Errorf("%s holds entries of these kinds: %s", golden, got)
	}
	if err := restored.Check(); err != nil {
		t.Error(err)
	}
	if got := restored.lines(); strings.Join(got, "\n")+"\n" != want {
		t.Errorf("saved again: %v", got)
	}
	for _, x := range []*Streams{s, restored} {
		if got := x.text(); got != everyKindText {
			t.Errorf("there is\n%s\nwant\n%s", got, everyKindText)
		}
	}
}

const everyKindText = `last 1700000000006
empty 1700000000005, configured {10000 16777216 0 0 120000}, last group 0
  partition 0 from 0 to 0
room 1700000000000, configured {1 2000 3000 4000 5000}, last group 1700000000009
  partition 0 from 1 to 4
    {1 task.done "héé" map[] key 1700000000001 somebody id}
    {2  [1] map[a: b:2]  1700000000002 somebody }
    {3  {"$base64":"AP8="} map[]  1700000000002 somebody another}
  partition 1 from 0 to 0
  group "" 2 1000 1700000000003 [4 0] []
  group "group" 3 30000 1700000000004 [3 0] [{one somebody 1700000030000 [1]} {two else 1700000030002 [0]}]
  mark 1 {id 0 1 1700000000001}
  mark 2 {another 0 3 1700000000002}
`

// text is all that a state holds.
func (s *Streams) text() string {
	var out strings.Builder
	fmt.Fprintln(&out, "last", s.last)
	s.order.Scan(func(_ string, r *room) bool {
		fmt.Fprintf(&out, "%s %d, configured %v, last group %d\n", r.name, r.generation, *r.config, r.lastGroup)
		for i := range r.partitions {
			p := &r.partitions[i]
			fmt.Fprintf(&out, "  partition %d from %d to %d\n", i, p.oldest, p.next)
			for o := p.oldest; o < p.next; o++ {
				e := p.at(o)
				data, _ := e.Data.MarshalJSON()
				fmt.Fprintf(&out, "    {%d %s %s %v %s %d %s %s}\n", e.Offset, e.Event, data, e.Headers, e.Key, e.At, e.By, e.dedupe)
			}
		}
		for _, name := range r.groupNames() {
			g := r.groups[name]
			fmt.Fprintf(&out, "  group %q %d %d %d %v %v\n", name, byte(g.strategy), g.session, g.generation, g.positions, g.members)
		}
		for n := r.dedupe.next() - uint64(r.marks()); n < r.dedupe.next(); n++ {
			fmt.Fprintf(&out, "  mark %d %v\n", n, *r.dedupe.at(n))
		}
		return true
	})
	return out.String()
}

func (r *room) marks() int {
	if r.dedupe == nil {
		return 0
	}
	return r.dedupe.count()
}

// TestRestoreRefuses entries that can be read, but not be.
func TestRestoreRefuses(t *testing.T) {
	h := head{"room", 7}
	begin := func(kind byte) []byte { return h.appendTo([]byte{kind}) }
	room := newRoom(&roomOp{head: h, partitions: 2, config: defaultConfig})
	room.partitions[0].restore(2, nil)
	room.dedupe = &dedupe{first: 2}
	roomEntry := room.appendHead(nil)
	event := func(offset uint64, at int64) *Event {
		e := &Event{Offset: offset, At: at, Data: value.OfText("x")}
		e.weigh()
		return e
	}
	events := func(partition int, all ...*Event) []byte { return appendEvents(begin(entryEvents), partition, all) }
	marks := func(first uint64, all ...mark) []byte { return appendMarks(begin(entryMarks), first, all) }
	aGroup := func(g group) []byte { return g.appendTo(begin(entryGroup)) }
	good := group{name: "g", strategy: byRange, positions: []uint64{0, 0}, members: []member{{"m", "me", 1, []int{0, 1}}}}
	half := good
	half.members = []member{{"m", "me", 1, []int{0}}}
	twice := good
	twice.members = []member{{"m", "me", 1, []int{0, 1}}, {"n", "me", 1, []int{1}}}
	short := group{name: "g", strategy: byRange, positions: []uint64{0}}
	older := slices.Clone(roomEntry)
	older[6] = 6 // the generation
	for _, tt := range []struct {
		name  string
		after [][]byte
		entry []byte
		fine  bool
	}{
		{name: "nothing", entry: nil},
		{name: "a kind that is none", entry: []byte{99}},
		{name: "a room", entry: roomEntry, fine: true},
		{name: "a room twice", after: [][]byte{roomEntry}, entry: roomEntry},
		{name: "a room of two generations", after: [][]byte{roomEntry}, entry: older},
		{name: "a room without a name", entry: (&nameless).appendHead(nil)},
		{name: "a room without partitions", entry: newRoom(&roomOp{head: h, config: defaultConfig}).appendHead(nil)},
		{name: "a room of too many partitions", entry: newRoom(&roomOp{head: h, partitions: MaxPartitions + 1, config: defaultConfig}).appendHead(nil)},
		{name: "a room and more", entry: append(slices.Clone(roomEntry), 0)},
		{name: "events", after: [][]byte{roomEntry}, entry: events(0, event(0, 1), event(1, 1)), fine: true},
		{name: "events of no room", entry: events(0, event(1, 1))},
		{name: "events of an older room", after: [][]byte{older}, entry: events(0, event(1, 1))},
		{name: "events of no partition", after: [][]byte{roomEntry}, entry: events(2, event(1, 1))},
		{name: "events that leave a hole", after: [][]byte{roomEntry}, entry: events(0, event(0, 1))},
		{name: "events beyond the end", after: [][]byte{roomEntry}, entry: events(0, event(2, 1))},
		{name: "events before the first", after: [][]byte{roomEntry}, entry: events(0, event(beforeZero, 1), event(0, 1), event(1, 1))},
		{name: "events that go back in time", after: [][]byte{roomEntry}, entry: events(0, event(0, 2), event(1, 1))},
		{name: "events later than those after them", after: [][]byte{roomEntry, events(0, event(1, 1))}, entry: events(0, event(0, 2))},
		{name: "a group", after: [][]byte{roomEntry}, entry: aGroup(good), fine: true},
		{name: "a group twice", after: [][]byte{roomEntry, aGroup(good)}, entry: aGroup(good)},
		{name: "a group of fewer partitions", after: [][]byte{roomEntry}, entry: aGroup(short)},
		{name: "a partition that is nobody's", after: [][]byte{roomEntry}, entry: aGroup(half)},
		{name: "a partition that is two members'", after: [][]byte{roomEntry}, entry: aGroup(twice)},
		{name: "marks", after: [][]byte{roomEntry}, entry: marks(0, mark{"x", 0, 0, 1}, mark{"y", 1, 0, 1}), fine: true},
		{name: "marks that leave a hole", after: [][]byte{roomEntry}, entry: marks(0, mark{"x", 0, 0, 1})},
		{name: "marks before the first", after: [][]byte{roomEntry}, entry: marks(beforeZero, mark{"x", 0, 0, 1}, mark{"x", 0, 0, 1}, mark{"y", 0, 0, 1})},
		{name: "a mark of no partition", after: [][]byte{roomEntry}, entry: marks(1, mark{"x", 2, 0, 1})},
		{name: "a mark without an id", after: [][]byte{roomEntry}, entry: marks(1, mark{"", 0, 0, 1})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := alone()
			for _, entry := range tt.after {
				if err := s.Restore(entry); err != nil {
					t.Fatal(err)
				}
			}
			before := s.text()
			err := s.Restore(tt.entry)
			if tt.fine != (err == nil) || (err != nil && fault.CodeOf(err) != fault.Corrupt) {
				t.Errorf("the answer is %v", err)
			}
			if err != nil && s.text() != before {
				t.Errorf("it was refused, and changed %s to %s", before, s.text())
			}
			for n := range tt.entry { // cut anywhere, it is refused as well
				if tt.fine && alone().Restore(tt.entry[:n]) == nil {
					t.Errorf("%d bytes of it are taken", n)
				}
			}
			if err := s.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

var nameless = room{config: defaultConfig, partitions: make([]partition, 1)}

// beforeZero is the number before 0.
const beforeZero = 1<<64 - 1

func FuzzRestore(f *testing.F) {
	undo := SmallSaves(1, 1, 1)
	for _, line := range everyKind().lines() {
		entry, _ := hex.DecodeString(line)
		f.Add(entry)
	}
	undo()
	first := alone()
	room := newRoom(&roomOp{head: head{"room", 1_700_000_000_000}, partitions: 2, config: defaultConfig})
	room.partitions[0].restore(4, nil)
	room.dedupe = &dedupe{first: 3}
	first.addRoom(room)
	before := first.lines()
	f.Fuzz(func(t *testing.T, entry []byte) {
		s := alone()
		for _, line := range before {
			entry, _ := hex.DecodeString(line)
			if err := s.Restore(entry); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Restore(entry); err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatal(err)
			}
			return
		}
		again := alone()
		for _, line := range s.lines() {
			entry, _ := hex.DecodeString(line)
			if err := again.Restore(entry); err != nil {
				t.Fatalf("%x was taken, and came back as %s, which was not: %v", entry, line, err)
			}
		}
		if again.text() != s.text() {
			t.Fatalf("%x came back as\n%s\nnot\n%s", entry, again.text(), s.text())
		}
		for i, op := range []journal.Op{ // records may follow whatever was taken
			&appendOp{head: room.head(), partition: 1, first: 9, oldest: 9, forget: 9},
			&progressOp{head: room.head(), group: "group", member: "one", offsets: []PartitionOffset{{0, 1}}},
			&dropOp{room.head()},
		} {
			s.Replay(uint64(i+1), op) //nolint:gosec // a small number
		}
		if err := s.Check(); err != nil && !strings.Contains(err.Error(), "has committed offset") && !strings.Contains(err.Error(), "are allowed") {
			t.Fatal(err)
		}
	})
}
