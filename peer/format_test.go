package peer

import (
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/formattest"
	"github.com/hivellm/synap-go/core/journal"
)

var format = formattest.Format[*Peers]{
	New: func() *Peers { return newPeers(command.Env{}, Options{}) }, Decode: decodeOp, History: history,
}

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
		&peerOp{&Peer{Name: "shows", URL: "wss://paris.example.org", Certificate: "cert-1", Rules: []Rule{{Rooms, "*", In}}}},
	}
}

func TestSavedEntriesAreReadableForEver(t *testing.T) {
	defer SmallSaves(1, 1)()
	format.Entries(t, func(x *Peers) {
		if x.peers.Len() != 3 || x.places.Len() != 4 || x.stamps != 3 || len(x.tables) != 2 || x.node != "SELF" {
			t.Errorf("%d peers, %d places, %d stamps of node %q", x.peers.Len(), x.places.Len(), x.stamps, x.node)
		}
	})
}

func TestOpsAreReadableForEver(t *testing.T) { format.Ops(t, opNoTable) }

// TestOpsTwice applies every op twice in a row: it is the same as once.
func TestOpsTwice(t *testing.T) { format.Twice(t) }

// TestUndo takes back each op of the history on what the ones before it have made.
func TestUndo(t *testing.T) {
	format.Undo(t, &forgetOp{"B"}, &dropOp{"plain"}, &nodeOp{"OTHER"}, &dropTableOp{"docs"}, &dropTableOp{"none"}, &unstampOp{"none", []string{"x"}},
		&stampOp{collection: "docs", born: 4, stamps: []stamp{{id: "dead", time: 9, node: "X"}, {id: "new", time: 9, node: "X", deleted: true}}},
		&stampOp{collection: "new", born: 4, stamps: []stamp{{id: "x", time: 9, node: "X"}}})
}

func TestEntriesThatCannotBe(t *testing.T) {
	lines := formattest.Lines(format.Of(history()))
	format.Refuses(t, map[string][]byte{
		"nothing":                      {},
		"a kind that there is not":     {9, 1},
		"a node twice":                 formattest.Unhex(t, lines[0]),
		"a node that cannot be":        {entryNode, ' '},
		"a peer twice":                 formattest.Unhex(t, lines[1]),
		"a peer that is cut":           formattest.Unhex(t, lines[1])[:20],
		"a peer without a URL":         (&peerOp{&Peer{Name: "x"}}).AppendTo([]byte{entryPeer}),
		"a certificate that is none":   append((&peerOp{&Peer{Name: "x", URL: "ws://x", Certificate: "y"}}).AppendTo([]byte{entryPeer})[:16], 0),
		"a certificate that cannot be": (&peerOp{&Peer{Name: "x", URL: "ws://x", Certificate: "Y/y"}}).AppendTo([]byte{entryPeer}),
		"a rule without direction":     (&peerOp{&Peer{Name: "x", URL: "ws://x", Rules: []Rule{{Rooms, "a", 0}}}}).AppendTo([]byte{entryPeer}),
		"a rule without a pattern":     (&peerOp{&Peer{Name: "x", URL: "ws://x", Rules: []Rule{{Topics, "a..b", In}}}}).AppendTo([]byte{entryPeer}),
		"a place twice":                (&place{placeKey{atTable, "B", "docs", 0}, Spot{}}).appendTo([]byte{entryPlace}),
		"a place of no kind":           append([]byte{entryPlace, 0}, (&place{placeKey{atTable, "B", "x", 0}, Spot{}}).appendTo(nil)[1:]...),
		"a table twice":                append([]byte{entryTable, 3}, "docs"...),
		"a table of no record":         append([]byte{entryTable, 0}, "fresh"...),
		"a stamp twice":                formattest.Unhex(t, lines[len(lines)-1]),
		"a stamp of no record":         (&stamp{id: "x", node: "B", version: 1}).appendTo(append(appendText([]byte{entryStamp}, "docs"), 0)),
		"a stamp without version":      (&stamp{id: "x", node: "B"}).appendTo(append(appendText([]byte{entryStamp}, "docs"), 1)),
		"more than there is":           append((&place{placeKey{1, "X", "", 0}, Spot{}}).appendTo([]byte{entryPlace}), 0),
	})
}

// FuzzRestore feeds anything: what is taken in is sound, and comes out again.
func FuzzRestore(f *testing.F) { format.FuzzRestore(f) }

// FuzzOp decodes anything: what can be read is applied, and reads the same again.
func FuzzOp(f *testing.F) { format.FuzzOp(f) }

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
