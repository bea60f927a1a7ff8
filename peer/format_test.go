package peer

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

// history is ops of every kind, with every field in use.
func history() []journal.Op {
	at := func(kind byte, node, room string, partition uint64, generation int64, offset uint64) place {
		return place{placeKey{kind, node, room, partition}, Spot{generation, offset}}
	}
	return []journal.Op{
		&nodeOp{"SELF"},
		&peerOp{&Peer{
			Name: "berlin", URL: "umicps://berlin.example.org", Credential: "key-1", Remote: "team", Paused: true, Configured: true,
			Created: 1_700_000_000_000, By: "admin", Rules: []Rule{{Rooms, "chat.*", Both}, {Rooms, "häh", In}, {Collections, "*", Out}, {Topics, "a.*.#", Both}},
		}},
		&peerOp{&Peer{Name: "gone", URL: "ws://127.0.0.1"}},
		&peerOp{&Peer{Name: "plain", URL: "umicp://127.0.0.1:15502"}},
		&reachOp{[]place{at(atSource, "B", "chat.1", 0, 7, 300), at(atOrigin, "B", "chat.1", 0, 7, 299), at(atOrigin, "C", "", 255, 0, 1)}},
		&reachOp{[]place{at(atSource, "B", "chat.1", 0, 8, 1), at(atSource, "GONE", "chat.1", 3, 1, 1)}},
		&dropOp{"gone"},
		&forgetOp{"GONE"},
		&stampOp{collection: "docs", born: 3, stamps: []stamp{
			{id: "1", time: 1_700_000_000_000, node: "SELF", version: 5}, {id: "häh", time: 7, node: "B", expires: 1_700_000_000_001},
			{id: "dead", time: 8, node: "B", deleted: true},
		}},
		&stampOp{collection: "docs", born: 3, stamps: []stamp{{id: "1", time: 1_700_000_000_002, node: "C", version: 6}, {id: "grave", time: 1, node: "C", deleted: true}}},
		&reachOp{[]place{at(atTable, "B", "docs", 0, 3, 9), at(atTable, "B", "old", 0, 1, 1)}},
		&stampOp{collection: "old", born: 1, stamps: []stamp{{id: "1", time: 1, node: "B"}}},
		&dropTableOp{"old"},
		&unstampOp{"docs", []string{"grave", "never"}},
		&stampOp{collection: "empty", born: 1},
	}
}

func of(ops []journal.Op) *Peers {
	p := newPeers(command.Env{}, Options{})
	for i, op := range ops {
		p.Replay(uint64(i+1), op)
	}
	return p
}

// lines are the entries in hexadecimal.
func (p *Peers) lines() (lines []string) {
	for next, more := []byte(nil), true; more; more = next != nil {
		next = p.Save(0, next, func(entry []byte) { lines = append(lines, hex.EncodeToString(entry)) })
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
	p := of(history())
	want := golden(t, "testdata/entries.golden", p.lines())
	again := newPeers(command.Env{}, Options{})
	for _, line := range want {
		if err := again.Restore(unhex(t, line)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if got := again.lines(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("saved again: %s", got)
	}
	for _, x := range []*Peers{p, again} {
		if err := x.Check(); err != nil || x.peers.Len() != 2 || x.places.Len() != 4 || x.stamps != 3 || len(x.tables) != 2 || x.node != "SELF" {
			t.Errorf("%d peers, %d places, %d stamps of node %q: %v", x.peers.Len(), x.places.Len(), x.stamps, x.node, err)
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
	if len(kinds) != opNoTable {
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
	twice := newPeers(command.Env{}, Options{})
	for i, op := range history() {
		twice.Replay(uint64(i+1), op)
		twice.Replay(uint64(i+1), op)
	}
	if got, want := twice.lines(), of(history()).lines(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("twice they make\n%s\nwant\n%s", got, want)
	}
}

// TestUndo takes back each op of the history on what the ones before it have made.
func TestUndo(t *testing.T) {
	all := append(history(), &forgetOp{"B"}, &dropOp{"plain"}, &nodeOp{"OTHER"}, &dropTableOp{"docs"}, &dropTableOp{"none"}, &unstampOp{"none", []string{"x"}},
		&stampOp{collection: "docs", born: 4, stamps: []stamp{{id: "dead", time: 9, node: "X"}, {id: "new", time: 9, node: "X", deleted: true}}},
		&stampOp{collection: "new", born: 4, stamps: []stamp{{id: "x", time: 9, node: "X"}}})
	for i, op := range all {
		p := of(all[:i])
		before := strings.Join(p.lines(), " ")
		undo := p.Undo(op)
		p.Replay(99, op)
		undo()
		if got := strings.Join(p.lines(), " "); got != before || p.Check() != nil {
			t.Errorf("op %d taken back leaves\n%s\nwant\n%s: %v", i, got, before, p.Check())
		}
	}
}

func TestEntriesThatCannotBe(t *testing.T) {
	lines := of(history()).lines()
	for name, entry := range map[string][]byte{
		"nothing":                  {},
		"a kind that there is not": {9, 1},
		"a node twice":             unhex(t, lines[0]),
		"a node that cannot be":    {entryNode, ' '},
		"a peer twice":             unhex(t, lines[1]),
		"a peer that is cut":       unhex(t, lines[1])[:20],
		"a peer without a URL":     (&peerOp{&Peer{Name: "x"}}).AppendTo([]byte{entryPeer}),
		"a rule without direction": (&peerOp{&Peer{Name: "x", URL: "ws://x", Rules: []Rule{{Rooms, "a", 0}}}}).AppendTo([]byte{entryPeer}),
		"a rule without a pattern": (&peerOp{&Peer{Name: "x", URL: "ws://x", Rules: []Rule{{Topics, "a..b", In}}}}).AppendTo([]byte{entryPeer}),
		"a place twice":            (&place{placeKey{atTable, "B", "docs", 0}, Spot{}}).appendTo([]byte{entryPlace}),
		"a place of no kind":       append([]byte{entryPlace, 0}, (&place{placeKey{atTable, "B", "x", 0}, Spot{}}).appendTo(nil)[1:]...),
		"a table twice":            append([]byte{entryTable, 3}, "docs"...),
		"a table of no record":     append([]byte{entryTable, 0}, "fresh"...),
		"a stamp twice":            unhex(t, lines[len(lines)-1]),
		"a stamp of no record":     (&stamp{id: "x", node: "B", version: 1}).appendTo(append(appendText([]byte{entryStamp}, "docs"), 0)),
		"a stamp without version":  (&stamp{id: "x", node: "B"}).appendTo(append(appendText([]byte{entryStamp}, "docs"), 1)),
		"more than there is":       append((&place{placeKey{1, "X", "", 0}, Spot{}}).appendTo([]byte{entryPlace}), 0),
	} {
		p := newPeers(command.Env{}, Options{})
		for _, line := range lines {
			if err := p.Restore(unhex(t, line)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Restore(entry); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%s: %v, want corrupt", name, err)
		}
		if got := p.lines(); strings.Join(got, " ") != strings.Join(lines, " ") || p.Check() != nil {
			t.Errorf("%s changed something: %v", name, p.Check())
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
		p := newPeers(command.Env{}, Options{})
		if err := p.Restore(entry); err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("it is refused with %v", err)
			}
			return
		}
		again := newPeers(command.Env{}, Options{})
		for _, line := range p.lines() {
			if err := again.Restore(unhex(t, line)); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Join(again.lines(), " ") != strings.Join(p.lines(), " ") || p.Check() != nil || again.Check() != nil {
			t.Fatalf("%x is saved as %s: %v", entry, p.lines(), p.Check())
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
		p := newPeers(command.Env{}, Options{})
		p.Replay(1, op)
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFound reads where an event was made off its headers, and does not believe what cannot be.
func TestFound(t *testing.T) {
	for name, c := range map[string]struct {
		headers map[string]string
		want    Event
	}{
		"made where it was found":     {map[string]string{"h": "1"}, Event{Origin: "HERE", Generation: 1, Offset: 2, By: "x", At: 3}},
		"made elsewhere":              {map[string]string{"h": "1", HeaderOrigin: "FAR:7:8", HeaderBy: "ann", HeaderAt: "9"}, Event{Origin: "FAR", Generation: 7, Offset: 8, By: "ann", At: 9}},
		"of a place that cannot be":   {map[string]string{"h": "1", HeaderOrigin: "FAR:7:-8"}, Event{Origin: "HERE", Generation: 1, Offset: 2}},
		"of a node that cannot be":    {map[string]string{"h": "1", HeaderOrigin: "F R:7:8"}, Event{Origin: "HERE", Generation: 1, Offset: 2}},
		"with too little to be known": {map[string]string{"h": "1", HeaderOrigin: "FAR"}, Event{Origin: "HERE", Generation: 1, Offset: 2}},
	} {
		got := Found("HERE", Event{Generation: 1, Offset: 2, By: "x", At: 3, Headers: c.headers})
		if got.Origin != c.want.Origin || got.Generation != c.want.Generation || got.Offset != c.want.Offset || got.By != c.want.By || got.At != c.want.At ||
			len(got.Headers) != 1 || got.Headers["h"] != "1" {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
