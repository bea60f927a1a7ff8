package pubsub

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/save.golden"

// before is what was saved before messages had stamps.
const before = "testdata/save1.golden"

// some is a broker that retains messages of every kind, with every field in use.
func some() *Broker {
	b := newBroker(command.Env{})
	for i, m := range []*Message{
		{Topic: "b", Message: value.OfText("héé"), stamp: stamp{1_700_000_000_001, "ELSEWHERE", 300}, PublishedAt: 1_700_000_000_000, PublishedBy: "somebody", Headers: map[string]string{"b": "2", "a": ""}},
		{Topic: "a.b", Message: value.Restore(value.JSON, `[1]`), ReplyTo: "inbox"},
		{Topic: "gone", Message: value.OfText("x")},
		{Topic: "a", Message: value.OfBytes([]byte{0, 255})},
	} {
		m.Retained = true
		b.Replay(uint64(i+1), &retainOp{m.Topic, m})
	}
	b.Replay(5, &retainOp{topic: "gone"})
	for i, topic := range []string{"a.gone", "0", "a.c"} {
		m := &Message{Topic: topic, gone: true, PublishedAt: 1, PublishedBy: "x", stamp: stamp{int64(i), "", uint64(i)}}
		b.Replay(uint64(6+i), &retainOp{topic, m})
	}
	b.Replay(9, &retainOp{topic: "a.c"})
	return b
}

// lines are the entries in hexadecimal.
func (b *Broker) lines() (lines []string) {
	for next, more := []byte(nil), true; more; more = next != nil {
		next = b.Save(0, next, func(entry []byte) { lines = append(lines, hex.EncodeToString(entry)) })
	}
	return lines
}

// TestSavedEntriesAreReadableForEver compares with what was written once.
func TestSavedEntriesAreReadableForEver(t *testing.T) {
	defer SmallSaves(1, 1)()
	b := some()
	want := strings.Join(b.lines(), "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil || string(text) != want {
		t.Fatalf("saved %s, and %s holds %s, %v", want, golden, text, err)
	}
	again := newBroker(command.Env{})
	for line := range strings.Lines(string(text)) {
		entry, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Restore(entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if got := strings.Join(again.lines(), "\n") + "\n"; got != want {
		t.Errorf("saved again: %s", got)
	}
	const all = `a {"$base64":"AP8="} map[] "" 0 ""; a.b [1] map[] "" 0 "inbox"; b "héé" map[a: b:2] "somebody" 1700000000000 ""; `
	for _, x := range []*Broker{b, again} {
		got := ""
		x.retained.Scan(func(topic string, m *Message) bool {
			text, _ := m.Message.MarshalJSON()
			got += fmt.Sprintf("%s %s %v %q %d %q; ", topic, text, m.Headers, m.PublishedBy, m.PublishedAt, m.ReplyTo)
			return m.Retained && m.Topic == topic
		})
		if got != all || x.Check() != nil {
			t.Errorf("it retains %s, want %s; %v", got, all, x.Check())
		}
		m, _ := x.retained.Get("b")
		if m.stamp != (stamp{1_700_000_000_001, "ELSEWHERE", 300}) || x.graves.Len() != 2 {
			t.Errorf("it has the stamp %+v, and there are %d graves", m.stamp, x.graves.Len())
		}
	}
	text, err = os.ReadFile(before)
	if err != nil {
		t.Fatal(err)
	}
	old := newBroker(command.Env{})
	for line := range strings.Lines(string(text)) {
		entry, err := hex.DecodeString(strings.TrimSpace(line))
		if err == nil {
			err = old.Restore(entry)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if m, _ := old.retained.Get("b"); old.retained.Len() != 3 || m.stamp != (stamp{time: 1_700_000_000_000}) || old.Check() != nil {
		t.Errorf("of what was saved once it retains %d, one with the stamp %+v: %v", old.retained.Len(), m.stamp, old.Check())
	}
}

func TestEntriesThatCannotBe(t *testing.T) {
	good := (&retainOp{"b", &Message{Topic: "b", Message: value.OfText("x")}}).AppendTo([]byte{opStamp})
	for _, c := range []struct {
		name  string
		entry []byte
	}{
		{"nothing", nil},
		{"another kind", append([]byte{9}, good[1:]...)},
		{"cut off", good[:4]},
		{"a topic without a message", (&retainOp{topic: "b"}).AppendTo([]byte{opRetain})},
		{"a node that is none", (&retainOp{"c", &Message{Topic: "c", Message: value.OfText("x"), stamp: stamp{node: "a b"}}}).AppendTo([]byte{opStamp})},
		{"a time that is none", (&retainOp{"c", &Message{Topic: "c", Message: value.OfText("x"), stamp: stamp{time: -1}}}).AppendTo([]byte{opStamp})},
		{"a topic that is none", (&retainOp{"#", &Message{Topic: "#", Message: value.OfText("x")}}).AppendTo([]byte{opStamp})},
		{"a topic again", good},
		{"a topic out of order", (&retainOp{"a", &Message{Topic: "a", Message: value.OfText("x")}}).AppendTo([]byte{opStamp})},
	} {
		b := newBroker(command.Env{})
		if err := b.Restore(good); err != nil {
			t.Fatal(err)
		}
		if err := b.Restore(c.entry); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%s: %v, want corrupt", c.name, err)
		}
		if err := b.Check(); err != nil || b.retained.Len() != 1 {
			t.Errorf("%s: it was taken in: %v", c.name, err)
		}
	}
}

// FuzzRestore feeds anything: what is taken in is saved as it came.
func FuzzRestore(f *testing.F) {
	for _, line := range some().lines() {
		entry, _ := hex.DecodeString(line)
		f.Add(entry)
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		b := newBroker(command.Env{})
		if err := b.Restore(entry); err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("it is refused with %v", err)
			}
			return
		}
		again := newBroker(command.Env{})
		saved, _ := hex.DecodeString(b.lines()[0])
		if err := again.Restore(saved); err != nil || again.lines()[0] != b.lines()[0] || b.Check() != nil {
			t.Fatalf("%x is saved as %x: %v, %v", entry, saved, err, b.Check())
		}
	})
}

// full is a broker that retains as much as it may.
func full() *Broker {
	b := newBroker(command.Env{})
	for i := range MaxRetained {
		topic := fmt.Sprintf("weather.%06d", i)
		b.keep(topic, &Message{Topic: topic, Message: value.OfText("rain and more rain, in the afternoon")})
	}
	return b
}

func BenchmarkSave(b *testing.B) {
	broker := full()
	var longest time.Duration
	for b.Loop() {
		for next, more := []byte(nil), true; more; more = next != nil {
			start := time.Now()
			next = broker.Save(0, next, func([]byte) {})
			longest = max(longest, time.Since(start))
		}
	}
	b.ReportMetric(float64(b.N)*float64(MaxRetained)/b.Elapsed().Seconds()/1e6, "M/s")
	b.ReportMetric(float64(longest.Microseconds()), "longest-µs")
}

func BenchmarkRestore(b *testing.B) {
	var entries [][]byte
	broker := full()
	for next, more := []byte(nil), true; more; more = next != nil {
		next = broker.Save(0, next, func(entry []byte) { entries = append(entries, bytes.Clone(entry)) })
	}
	for b.Loop() {
		fresh := newBroker(command.Env{})
		for _, entry := range entries {
			if err := fresh.Restore(entry); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*float64(MaxRetained)/b.Elapsed().Seconds()/1e6, "M/s")
}
