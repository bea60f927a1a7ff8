package queue_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/queue"
)

var update = flag.Bool("update", false, "write the golden files anew")

// story is a history with everything that an op or an entry can hold, always the same.
func (b *bench) story() {
	b.do("queue.create", `{"queue":"q","max_attempts":2,"dedupe_ms":60000,"retention_ms":600000,"backoff":"exponential","backoff_ms":100,"overflow":"drop_oldest"}`)
	b.do("queue.create", `{"queue":"r","dead_letter_queue":"grave","prefetch":5}`)
	b.do("queue.publish", `{"queue":"q","messages":[{"message":"","headers":{"z":"1","a":""},"dedupe_id":"d1"},{"message":{"json":[1]},"priority":9,"group":"g"},`+
		`{"message":{"$base64":"AP8="},"priority":0,"group":"g","ttl_ms":5000},{"message":"later","delay_ms":70000,"dedupe_id":"d2"},{"message":"4"},{"message":"5"}]}`)
	got := b.receive(`,"max":4,"consumer":"somebody"`)
	b.ack(got[:1], `,"action":"reject","reason":"no use"`)
	b.ack(got[1:2], `,"action":"retry","reason":"not now"`)
	b.ack(got[2:3], `,"action":"extend","ms":90000`)
	b.ack(got[3:], "")
	b.do("queue.publish", `{"queue":"r","message":"r"}`)
	b.ack(must[queue.ReceiveResponse](b, "queue.receive", `{"queue":"r"}`).Messages, `,"action":"reject"`)
	b.do("queue.pause", `{"queue":"r"}`)
	if _, err := b.d.Transact(context.Background(), []*command.Request{
		b.request("queue.publish", `{"queue":"t","message":"a","dedupe_id":"d1"}`),
		b.request("queue.receive", `{"queue":"t"}`),
	}); err != nil {
		b.t.Error(err)
	}
	b.publish("brief", `,"ttl_ms":1`)
	b.do("queue.publish", `{"queue":"gone","message":"x"}`)
	b.do("queue.delete", `{"queue":"gone"}`)
}

// told returns an engine with the story in it, and what its journal keeps.
func told(tb testing.TB) (*bench, []journal.Record) {
	j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
	b := newBench(tb, j)
	b.story()
	return b, j.kept()
}

// golden reads a file of lines, each a kind and bytes in hexadecimal; with -update it writes them first.
func golden(tb testing.TB, name string, lines []string) []string {
	tb.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func unhex(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

var place = journal.Place{Namespace: 1, Structure: 2}

// entriesOf are the entries of queues among chunks.
func entriesOf(all []saved) (entries [][]byte) {
	for _, c := range all {
		for chunk := c.chunk; c.at == place && len(chunk) > 0; {
			entry, rest, _ := journal.NextEntry(chunk)
			entries = append(entries, entry)
			chunk = rest
		}
	}
	return entries
}

// TestEntriesStayReadable compares the entries of a fixed history with those in testdata, which are of the first
// version of the format and must be readable for ever, and restores them.
func TestEntriesStayReadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, _ := told(t)
		var lines []string
		kinds := map[byte]bool{}
		for _, entry := range entriesOf(from.save(func() {})) {
			lines = append(lines, hex.EncodeToString(entry))
			kinds[entry[0]] = true
		}
		if len(kinds) != 3 {
			t.Errorf("only entries of the kinds %v", kinds)
		}
		want := golden(t, "testdata/entries.golden", lines)
		from.want("written today", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		to := newBench(t, nil)
		for i, line := range want {
			if err := to.engine.Restore(place, journal.AppendEntry(nil, unhex(t, line))); err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
		}
		expectSame(t, "read back", to, from)
	})
}

// TestOpsStayReadable does the same with the ops of that history, which the log is made of.
func TestOpsStayReadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, records := told(t)
		var lines []string
		kinds := map[byte]bool{}
		for i := range records {
			for c := range records[i].Changes() {
				kinds[c.Op.Kind()] = true
				lines = append(lines, fmt.Sprintf("%d %d %x", records[i].Seq, c.Op.Kind(), c.Op.AppendTo(nil)))
			}
		}
		if len(kinds) != 5 { // all but forget
			t.Errorf("only ops of the kinds %v", kinds)
		}
		want := golden(t, "testdata/ops.golden", lines)
		from.want("written today", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		to := newBench(t, nil)
		for _, line := range want {
			var seq uint64
			var kind byte
			var text string
			if _, err := fmt.Sscan(line, &seq, &kind, &text); err != nil {
				t.Fatal(err)
			}
			op, err := queue.Structure(queue.Options{}).DecodeOp(kind, unhex(t, text))
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			rec := journal.Record{Seq: seq}
			rec.Add(journal.Change{Namespace: 1, Structure: 2, Op: op})
			if err := to.engine.Replay(&rec); err != nil {
				t.Fatal(err)
			}
		}
		expectSame(t, "read back", to, from)
	})
}

// TestEntriesThatCannotBe are refused.
func TestEntriesThatCannotBe(t *testing.T) {
	b := newBench(t, nil)
	b.publish("x", `,"dedupe_id":"d"`)
	all := entriesOf(b.save(func() {}))
	head, rest := all[0], all[1:]
	for name, entries := range map[string][][]byte{
		"nothing":                       {{}},
		"a kind that there is not":      {{9}},
		"a message of no queue":         {rest[1]},
		"a dedupe_id of no queue":       {rest[0]},
		"a message twice":               {head, rest[1], rest[1]},
		"a dedupe_id twice":             {head, rest[0], rest[0]},
		"a head that is cut":            {head[:20]},
		"a message that is cut":         {head, rest[1][:12]},
		"a dedupe_id that is cut":       {head, rest[0][:4]},
		"a version of 0":                {append([]byte{1, 0}, head[2:]...)},
		"a message later than the last": {append([]byte{1, 1, 0}, head[3:]...), rest[1]},
	} {
		t.Run(name, func(t *testing.T) {
			again := newBench(t, nil)
			var err error
			for _, entry := range entries {
				err = errors.Join(err, again.engine.Restore(place, journal.AppendEntry(nil, entry)))
			}
			if err == nil || !strings.Contains(err.Error(), "cannot be read") {
				t.Errorf("restored: %v", err)
			}
			again.check()
		})
	}
}

// alone is a state without an engine, which costs little to make.
func alone() command.State {
	return queue.Structure(queue.Options{}).New(command.Env{Namespace: 1, Structure: 2, Clock: command.NewClock(), Wake: func(int64) {}})
}

// lines are the entries of a state, in hexadecimal and in order.
func lines(s command.State) (all []string) {
	for next, more := []byte(nil), true; more; more = next != nil {
		next = s.Save(0, next, func(entry []byte) { all = append(all, hex.EncodeToString(entry)) })
	}
	slices.Sort(all)
	return all
}

// FuzzRestore restores any chunk: what is taken in is sound, and comes out again.
func FuzzRestore(f *testing.F) {
	b, _ := told(f)
	whole := []byte(nil)
	for _, entry := range entriesOf(b.save(func() {})) {
		whole = journal.AppendEntry(whole, entry)
		f.Add(bytes.Clone(whole))
	}
	f.Fuzz(func(t *testing.T, chunk []byte) {
		one, two := alone(), alone()
		for entry, rest, ok := journal.NextEntry(chunk); ok; entry, rest, ok = journal.NextEntry(rest) {
			if err := one.Restore(entry); err != nil && fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("the error is %v", err)
			}
		}
		for next, more := []byte(nil), true; more; more = next != nil {
			next = one.Save(0, next, func(entry []byte) {
				if err := two.Restore(entry); err != nil {
					t.Fatalf("%x was taken, and is not any more: %v", entry, err)
				}
			})
		}
		for _, s := range []command.State{one, two} {
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := lines(two), lines(one); !slices.Equal(got, want) {
			t.Fatalf("there and back: %q, want %q", got, want)
		}
	})
}
