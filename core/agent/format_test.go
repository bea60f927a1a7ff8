package agent

import (
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/formattest"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

var format = formattest.Format[*Agents]{
	New: func() *Agents { return newAgents(command.Env{}) }, Decode: decodeOp, History: history,
}

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

func TestSavedEntriesAreReadableForEver(t *testing.T) {
	defer SmallSaves(1, 1)()
	format.Entries(t, func(x *Agents) {
		if x.agents.Len() != 3 || x.messages.Len() != 2 || len(x.sent) != 2 || x.last != 3 {
			t.Errorf("%d agents, %d messages, %d dedupe ids, last %d", x.agents.Len(), x.messages.Len(), len(x.sent), x.last)
		}
	})
}

func TestOpsAreReadableForEver(t *testing.T) { format.Ops(t, opLapse) }

// TestOpsTwice applies every op twice in a row: it is the same as once.
func TestOpsTwice(t *testing.T) { format.Twice(t) }

// TestUndo takes back each op of the history on what the ones before it have made.
func TestUndo(t *testing.T) {
	format.Undo(t, &lapseOp{upTo: 9}, &forgetOp{agent: "bob"}, &seenOp{agent: "new", at: 1})
}

func TestEntriesThatCannotBe(t *testing.T) {
	lines := formattest.Lines(format.Of(history()))
	format.Refuses(t, map[string][]byte{
		"nothing":                  {},
		"a kind that there is not": {9, 1},
		"a number that is cut":     {entryLast, 0x80},
		"an agent twice":           formattest.Unhex(t, lines[1]),
		"an agent without a name":  {entryAgent, 0},
		"a message twice":          formattest.Unhex(t, lines[4]),
		"a message that is cut":    formattest.Unhex(t, lines[4])[:9],
		"a message to nobody":      (&sendOp{message: message{id: 9, value: value.OfText("x")}}).AppendTo([]byte{entryMessage}),
		"a message to everybody":   (&sendOp{message: message{id: 9, value: value.OfText("x"), unread: []string{"*"}}}).AppendTo([]byte{entryMessage}),
		"names out of order":       (&sendOp{message: message{id: 9, value: value.OfText("x"), unread: []string{"b", "a"}}}).AppendTo([]byte{entryMessage}),
		"a dedupe id twice":        formattest.Unhex(t, lines[len(lines)-1]),
		"more than there is":       append(formattest.Unhex(t, lines[0]), 0),
	})
}

// FuzzRestore feeds anything: what is taken in is sound, and comes out again.
func FuzzRestore(f *testing.F) { format.FuzzRestore(f) }

// FuzzOp decodes anything: what can be read is applied, and reads the same again.
func FuzzOp(f *testing.F) { format.FuzzOp(f) }
