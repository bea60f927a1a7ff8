package core_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/synaptest"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	goldenOps  = "testdata/ops.golden"
	goldenSave = "testdata/save.golden"
)

// aLife lets namespaces come, change and go, with quotas of all kinds.
func aLife(t *testing.T) *synaptest.Recording {
	one := synaptest.Record(t, everything)
	in := tenant{t, one.Engine.Dispatcher(), auth.Local(), ""}
	in.do("namespace.create", `{"name":"a"}`)
	in.do("namespace.create", `{"name":"b-2.c_3","quotas":{"memory_bytes":0,"keys":1,"value_bytes":127,"queues":128,"queue_depth":1000,
		"rooms":2,"subscriptions":3,"connections":4,"requests_per_s":1000000,"bytes_per_s":1125899906842624}}`)
	in.do("namespace.update", `{"name":"default","quotas":{"rooms":7}}`)
	in.do("namespace.update", `{"name":"default","quotas":{"rooms":null,"queues":0}}`)
	in.do("namespace.update", `{"name":"a","quotas":{"rooms":7}}`)
	in.do("namespace.update", `{"name":"a","quotas":{"rooms":null}}`)
	in.do("namespace.create", `{"name":"gone"}`)
	in.do("namespace.delete", `{"name":"gone","confirm":"gone"}`)
	return one
}

// compare fails unless the golden file holds just that.
func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != got {
		t.Errorf("it is\n%s\nand %s holds\n%s, %v", got, file, want, err)
	}
}

// TestOpsOfTheEngineAreReadableForEver compares with what was written once, and makes an engine of that.
func TestOpsOfTheEngineAreReadableForEver(t *testing.T) {
	one := aLife(t)
	var text strings.Builder
	for _, rec := range one.Records(t) {
		for c := range rec.Changes() {
			fmt.Fprintf(&text, "%d %d %x\n", c.Namespace, c.Op.Kind(), c.Op.AppendTo(nil))
		}
	}
	compare(t, goldenOps, text.String())
	two := synaptest.Record(t, everything)
	stored, err := os.ReadFile(goldenOps)
	if err != nil {
		t.Fatal(err)
	}
	seq := uint64(0)
	for line := range strings.Lines(string(stored)) {
		var namespace uint32
		var kind uint8
		var data []byte
		if _, err := fmt.Sscanf(line, "%d %d %x", &namespace, &kind, &data); err != nil {
			t.Fatal(err)
		}
		op, err := two.Engine.DecodeOp(0, kind, data)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if again := op.AppendTo(nil); !bytes.Equal(again, data) {
			t.Errorf("%s comes back as %x", line, again)
		}
		seq++
		rec := &journal.Record{Seq: seq}
		rec.Add(journal.Change{Namespace: namespace, Op: op})
		for range 2 { // twice is as once
			if err := two.Engine.Replay(rec); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
	}
	one.ExpectSame(t, "replayed from the golden file", two)
}

// TestSavedNamespacesAreReadableForEver does the same for the engine's own parts of a snapshot.
func TestSavedNamespacesAreReadableForEver(t *testing.T) {
	one := aLife(t)
	var text strings.Builder
	for _, c := range one.Save(t, func() {}).Chunks {
		fmt.Fprintf(&text, "%d %d %d %x\n", c.At.Namespace, c.At.Structure, c.At.Part, c.Data)
	}
	compare(t, goldenSave, text.String())
	two := synaptest.Record(t, everything)
	stored, err := os.ReadFile(goldenSave)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(stored)) {
		var at journal.Place
		var data []byte
		if _, err := fmt.Sscanf(line, "%d %d %d %x", &at.Namespace, &at.Structure, &at.Part, &data); err != nil {
			t.Fatal(err)
		}
		if err := two.Engine.Restore(at, data); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	one.ExpectSame(t, "restored from the golden file", two)
}

func TestWhatIsNoOpOfTheEngineIsRefused(t *testing.T) {
	engine, err := core.New(core.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]struct {
		kind uint8
		data string
	}{
		"nothing":                      {1, ""},
		"half a number":                {1, "\x01\x00\x00"},
		"no name":                      {1, "\x02\x00\x00\x00"},
		"a name that cannot be":        {3, "\x02\x00\x00\x00UPPER"},
		"number 0":                     {1, "\x00\x00\x00\x00a"},
		"a kind that is not":           {4, "\x02\x00\x00\x00a"},
		"half a quota":                 {2, "\x02\x00\x00\x00\x01"},
		"quota 0":                      {2, "\x02\x00\x00\x00\x00\x01"},
		"a quota that is not":          {2, "\x02\x00\x00\x00\x0b\x01"},
		"a quota twice":                {2, "\x02\x00\x00\x00\x01\x01\x01\x01"},
		"a limit over the largest one": {2, "\x02\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\x7f"},
		"a limit without an end":       {2, "\x02\x00\x00\x00\x01\xff\xff"},
	} {
		if op, err := engine.DecodeOp(0, bad.kind, []byte(bad.data)); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%s: %#v, %v", name, op, err)
		}
	}
	for name, bad := range map[string]struct {
		kind uint8
		data string
	}{
		"quotas of a namespace that never was":   {2, "\x09\x00\x00\x00\x01\x01"},
		"the end of a namespace that never was":  {3, "\x09\x00\x00\x00a"},
		"the end of the default one":             {3, "\x01\x00\x00\x00default"},
		"a new namespace of the name of another": {1, "\x02\x00\x00\x00default"},
	} {
		op, err := engine.DecodeOp(0, bad.kind, []byte(bad.data))
		if err != nil {
			t.Fatal(err)
		}
		rec := &journal.Record{Seq: 1}
		rec.Add(journal.Change{Namespace: 9, Op: op})
		if err := engine.Replay(rec); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
	for part, bad := range map[uint16]string{0: "\x03abc", 2: "\x03abc", 3: "\x05\x02\x00\x00\x00\x01", 9: "\x01a"} {
		if err := engine.Restore(journal.Place{Part: part}, []byte(bad)); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("part %d of %x was restored: %v", part, bad, err)
		}
	}
}

// FuzzEngineOps feeds anything to the decoder: what it takes comes back as it was.
func FuzzEngineOps(f *testing.F) {
	text, err := os.ReadFile(goldenOps)
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		data, err := hex.DecodeString(fields[2])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(fields[1][0]-'0', data)
	}
	engine, err := core.New(core.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		op, err := engine.DecodeOp(0, kind, data)
		if err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Errorf("refused with %v", err)
			}
			return
		}
		again, err := engine.DecodeOp(0, op.Kind(), op.AppendTo(nil))
		if err != nil || !bytes.Equal(again.AppendTo(nil), op.AppendTo(nil)) {
			t.Errorf("%x comes back as %x, %v", data, op.AppendTo(nil), err)
		}
	})
}
