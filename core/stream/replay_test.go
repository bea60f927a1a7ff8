package stream_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/stream"
)

// keeping is a journal that keeps every record.
type keeping struct {
	*journal.Memory
	records []journal.Record
}

func (k *keeping) Append(rec *journal.Record) (uint64, error) {
	seq, err := k.Memory.Append(rec)
	k.records = append(k.records, *rec)
	return seq, err
}

func (k *keeping) Commit(rec *journal.Record) error {
	err := k.Memory.Commit(rec)
	k.records = append(k.records, *rec)
	return err
}

// copied returns the record as it comes back from its encoding.
func copied(t testing.TB, rec *journal.Record) journal.Record {
	t.Helper()
	decode := stream.Structure(stream.Options{}).DecodeOp
	again := journal.Record{Seq: rec.Seq}
	for c := range rec.Changes() {
		op, err := decode(c.Op.Kind(), c.Op.AppendTo(nil))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(op.AppendTo(nil), c.Op.AppendTo(nil)) {
			t.Fatalf("an op of kind %d is other bytes the second time", op.Kind())
		}
		c.Op = op
		again.Add(c)
	}
	return again
}

// history is a bit of everything.
func history(b *bench) {
	for _, line := range strings.Split(strings.TrimSpace(`
stream.append {"room":"a","data":"text","event":"e","key":"k","headers":{"x":"1","y":""},"dedupe_id":"d1"}
stream.append {"room":"a","events":[{"data":{"json":[1]}},{"data":{"$base64":"AP8="}},{"data":null},{"data":""}]}
stream.create {"room":"p","partitions":5,"max_events":4,"keep_unread_bytes":3000}
stream.group.create {"room":"p","group":"g","assignment":"sticky"}
stream.group.join {"room":"p","group":"g","member":"m"}
stream.group.join {"room":"p","group":"g","member":"n"}
stream.append {"room":"p","events":[{"data":1},{"data":2},{"data":3},{"data":4},{"data":5},{"data":6},{"data":7}]}
stream.append {"room":"p","events":[{"data":1,"key":"z"},{"data":2,"key":"z"},{"data":3,"key":"z"},{"data":4,"key":"z"},{"data":5,"key":"z"},{"data":6,"key":"z"}]}
stream.group.leave {"room":"p","group":"g","member":"m"}
stream.group.create {"room":"p","group":"gone"}
stream.group.delete {"room":"p","group":"gone"}
stream.update {"room":"a","max_events":3}
stream.append {"room":"gone","data":1}
stream.delete {"room":"gone"}
stream.append {"room":"again","data":1}
stream.append {"room":"again","data":2}
stream.delete {"room":"again"}
stream.append {"room":"again","data":3}
stream.trim {"room":"p","keep":1}
`), "\n") {
		name, payload, _ := strings.Cut(line, " ")
		if got := b.do(name, "%s", payload); strings.HasPrefix(got, "!") {
			b.t.Fatalf("%s: %s", line, got)
		}
	}
	g := must[stream.GroupStatsResponse](b, "stream.group.stats", `{"room":"p","group":"g"}`)
	b.do("stream.group.commit", `{"room":"p","group":"g","member":"n","generation":%d,"offsets":[{"partition":0,"offset":1},{"partition":2,"offset":1}]}`, g.Generation)
	if _, err := b.d.Transact(b.t.Context(), []*command.Request{
		b.request("stream.append", `{"room":"tx","data":1}`), b.request("stream.append", `{"room":"tx","data":2}`),
		b.request("stream.trim", `{"room":"tx","before_offset":1}`),
	}); err != nil {
		b.t.Fatal(err)
	}
}

// TestReplay encodes every op, decodes it into another engine, and compares all that can be read.
func TestReplay(t *testing.T) {
	j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
	one := newBench(t, j, stream.Options{})
	history(one)
	two := newBench(t, nil, stream.Options{})
	for i := range j.records {
		rec := copied(t, &j.records[i])
		for range 2 { // twice is the same as once
			if err := two.engine.Replay(&rec); err != nil {
				t.Fatal(err)
			}
			two.check()
		}
	}
	expect(t, "replayed", two.whole(), one.whole())
	again := must[stream.AppendResponse](two, "stream.append", `{"room":"a","data":"text","dedupe_id":"d1"}`)
	if !again.Duplicate || again.Offset != 0 {
		t.Errorf("the dedupe id was forgotten: %+v", again)
	}
}

// TestReplayOverALaterState does what recovery does with a snapshot that was taken while writers ran: the log
// from before it is applied over it.
func TestReplayOverALaterState(t *testing.T) {
	j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
	one := newBench(t, j, stream.Options{})
	history(one)
	for from := range j.records {
		two := newBench(t, nil, stream.Options{})
		for _, i := range slices.Concat(upTo(len(j.records)), upTo(len(j.records))[from:]) {
			rec := copied(t, &j.records[i])
			if err := two.engine.Replay(&rec); err != nil {
				t.Fatal(err)
			}
		}
		two.check()
		expect(t, fmt.Sprintf("replayed again from record %d", from), two.whole(), one.whole())
	}
}

// TestOpsOfAnOlderRoom are ignored: they speak of another generation.
func TestOpsOfAnOlderRoom(t *testing.T) {
	j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
	b := newBench(t, j, stream.Options{})
	b.append("r", "old", "older")
	b.do("stream.group.create", `{"room":"r","group":"g"}`)
	b.do("stream.group.join", `{"room":"r","group":"g","member":"m"}`)
	b.do("stream.group.heartbeat", `{"room":"r","group":"g","member":"m"}`)
	b.do("stream.group.delete", `{"room":"r","group":"g"}`)
	b.do("stream.delete", `{"room":"r"}`)
	old := len(j.records)
	b.append("r", "new")
	b.do("stream.group.create", `{"room":"r","group":"g"}`)
	want := b.whole()
	for i := range old {
		rec := copied(t, &j.records[i])
		if err := b.engine.Replay(&rec); err != nil {
			t.Fatal(err)
		}
		expect(t, fmt.Sprintf("after record %d of the old room", i), b.whole(), want)
	}
	b.check()
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func FuzzDecodeOp(f *testing.F) {
	j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
	history(newBench(f, j, stream.Options{}))
	for i := range j.records {
		for c := range j.records[i].Changes() {
			f.Add(c.Op.Kind(), c.Op.AppendTo(nil))
		}
	}
	decode := stream.Structure(stream.Options{}).DecodeOp
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		op, err := decode(kind, data)
		if err != nil {
			return
		}
		again, err := decode(op.Kind(), op.AppendTo(nil))
		if err != nil || !bytes.Equal(again.AppendTo(nil), op.AppendTo(nil)) {
			t.Fatalf("%d %x came back as %v, %v", kind, data, again, err)
		}
		// Whatever it says, applying it does no harm: not to an empty engine, and not twice.
		b := newBench(t, nil, stream.Options{})
		name, _ := op.Target()
		rec := journal.Record{Seq: 1}
		rec.Add(journal.Change{Namespace: 1, Structure: 3, Op: op})
		for range 2 {
			if err := b.engine.Replay(&rec); err != nil {
				t.Fatal(err)
			}
		}
		if op.Size() < len(name) {
			t.Errorf("an op of %d bytes names %q", op.Size(), name)
		}
		b.check()
	})
}
