package directory

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/ops.golden"

func empty() *Directory {
	return newDirectory(command.Env{Clock: command.NewClock(), Wake: func(int64) {}}, Options{Structures: []string{"kv", "queue"}})
}

// someOps is an op of every kind, with every field in use.
func someOps() []journal.Op {
	some := []auth.Permission{{Access: auth.Read, Structure: "kv", Name: "a:*"}, {Access: auth.Admin, Structure: "*", Name: "é"}}
	r := rights{roles: []string{"support", "kv-reader"}, permissions: some, home: "crm", namespaces: []string{"*", "x"}}
	k := &key{
		rights: r, id: "abcdefgh27", name: "worker", created: 1_700_000_000_000, by: "admin", expires: 4_000_000_000_000,
		networks: []string{"10.0.0.0/8", "::1"},
		secrets:  []*secret{{hash: [32]byte{1, 2, 255}, created: 1_700_000_000_000, expires: 3_900_000_000_000}, {hash: [32]byte{3}, created: 1_700_000_000_001}},
	}
	k.used.Store(1_700_000_001_000)
	u := &user{rights: r, name: "ada@example.org", created: 1_700_000_000_000, by: "admin", disabled: true, password: stranger}
	u.used.Store(5)
	plain := &key{id: "aaaaaaaaaa", name: "plain", secrets: []*secret{{hash: [32]byte{9}}}}
	return []journal.Op{
		&roleOp{&role{name: "support", permissions: some, created: 7, by: "admin"}}, &keyOp{k}, &keyOp{plain}, &userOp{u},
		&usedOp{[]use{{false, "abcdefgh27", 1_700_000_002_000}, {true, "ada@example.org", 6}}},
		&dropOp{opNoKey, "aaaaaaaaaa"}, &dropOp{opNoUser, "bob"}, &dropOp{opNoRole, "gone"},
		&keyOp{&key{id: "bbbbbbbbbb", name: "rated", secrets: []*secret{{hash: [32]byte{9}}}, rate: keyRate{1000, 50}}},
		&keyOp{&key{id: "cccccccccc", name: "for-kv", secrets: []*secret{{hash: [32]byte{9}}}, profile: "kv"}},
		&keyOp{&key{id: "dddddddddd", name: "rated-for-kv", secrets: []*secret{{hash: [32]byte{9}}}, rate: keyRate{perSecond: 7}, profile: "my_own-2"}},
	}
}

func opLine(op journal.Op) string {
	return hex.EncodeToString(append([]byte{op.Kind()}, op.AppendTo(nil)...))
}

// TestOpsAreReadableForEver compares with what was written once.
func TestOpsAreReadableForEver(t *testing.T) {
	var lines []string
	for _, op := range someOps() {
		lines = append(lines, opLine(op))
	}
	want := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(golden)
	if err != nil || string(text) != want {
		t.Fatalf("written %s, and %s holds %s, %v", want, golden, text, err)
	}
	d := empty()
	for line := range strings.Lines(string(text)) {
		raw, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		op, err := decodeOp(raw[0], raw[1:])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if opLine(op) != strings.TrimSpace(line) {
			t.Errorf("%s comes back as %s", line, opLine(op))
		}
		d.Replay(1, op)
		d.Replay(1, op) // twice is once
	}
	if err := d.Check(); err != nil || d.Stats().Items != 6 {
		t.Errorf("%v, %+v", err, d.Stats())
	}
	who, err := d.keyNamed("worker").secrets[0].principal.Identity()
	if err != nil || len(who.Permissions()) != 5 || who.Namespaces != nil || who.Namespace != "crm" || who.Key != "abcdefgh27" {
		t.Errorf("the key is %+v, %v", who, err)
	}
	for name, profile := range map[string]string{"worker": "", "rated": "", "for-kv": "kv", "rated-for-kv": "my_own-2"} {
		if who, err := d.keyNamed(name).secrets[0].principal.Identity(); err != nil || who.Profile != profile {
			t.Errorf("%s is for the profile %q, %v", name, who.Profile, err)
		}
	}
	if used := d.keyNamed("worker").used.Load(); used != 1_700_000_002_000 {
		t.Errorf("it was last used at %d", used)
	}
}

// TestSavedIsRestored saves a few at a time.
func TestSavedIsRestored(t *testing.T) {
	defer func(n int) { saveItems = n }(saveItems)
	saveItems = 1
	d := empty()
	for _, op := range someOps()[:4] {
		d.Replay(1, op)
	}
	save := func(d *Directory) (entries [][]byte) {
		for next, more := []byte(nil), true; more; more = next != nil {
			next = d.Save(0, next, func(entry []byte) { entries = append(entries, append([]byte(nil), entry...)) })
		}
		return entries
	}
	again := empty()
	entries := save(d)
	for _, entry := range entries {
		if err := again.Restore(entry); err != nil {
			t.Fatal(err)
		}
	}
	if len(entries) != 4 || again.Check() != nil {
		t.Errorf("%d entries, %v", len(entries), again.Check())
	}
	for i, entry := range save(again) {
		if string(entry) != string(entries[i]) {
			t.Errorf("entry %d is saved again as %x", i, entry)
		}
	}
}

func FuzzOps(f *testing.F) {
	for _, op := range someOps() {
		f.Add(op.Kind(), op.AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		d := empty()
		op, err := decodeOp(kind, data)
		if err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("it is refused with %v", err)
			}
			return
		}
		again, err := decodeOp(op.Kind(), op.AppendTo(nil))
		if err != nil || opLine(again) != opLine(op) {
			t.Fatalf("%x comes back as %s, %v", data, opLine(op), err)
		}
		d.Replay(1, op)
		d.Replay(2, again)
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestUndoTakesBack undoes every op, over one that was there and over nothing.
func TestUndoTakesBack(t *testing.T) {
	shape := func(d *Directory) (s string) {
		for next, more := []byte(nil), true; more; more = next != nil {
			next = d.Save(0, next, func(entry []byte) { s += hex.EncodeToString(entry) + "\n" })
		}
		return s
	}
	for _, filled := range []bool{false, true} {
		for _, op := range append(someOps(), &dropOp{opNoUser, "ada@example.org"}, &dropOp{opNoRole, "support"}, &dropOp{opNoKey, "abcdefgh27"}) {
			d := empty()
			if filled {
				for _, first := range someOps()[:4] {
					d.Replay(1, first)
				}
			}
			if op.Kind() == opUsed {
				continue // it may stay: it tells what was so
			}
			before := shape(d)
			d.mu.Lock()
			undo := d.Undo(op)
			d.Apply(2, op)
			d.mu.Unlock()
			undo()
			if after := shape(d); after != before {
				t.Errorf("op %s, filled %v: there was\n%s, and is\n%s", opLine(op), filled, before, after)
			}
		}
	}
}

func TestPasswordHashesThatCannotBe(t *testing.T) {
	for _, phc := range []string{
		"", "x", "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		strings.Replace(stranger, "m=19456", "m=4294967295", 1), strings.Replace(stranger, "t=2", "t=0", 1), strings.Replace(stranger, "p=1", "p=0", 1),
		strings.Replace(stranger, "v=19", "v=16", 1), stranger[:len(stranger)-1], strings.Replace(stranger, "$AAAA", "$AA?A", 1),
	} {
		if _, _, _, _, _, err := argonParams(phc); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("%q: %v", phc, err)
		}
	}
}

func TestFailuresAreCountedByAddress(t *testing.T) {
	var f failures
	addr := func(s string) (c auth.Credential) { c.From = s; return c }
	one, two := addr("10.0.0.1:1"), addr("[2001:db8::1]:1")
	neighbour, far := addr("[2001:db8::ffff:1]:9"), addr("[2001:db8:0:1::1]:1")
	for i := range maxFailures {
		if f.book(one.Address(), 1000) != 0 || f.book(two.Address(), 1000) != 0 {
			t.Fatalf("refused after %d", i)
		}
	}
	if wait := f.book(one.Address(), 2000); wait != failureWindow-1000 {
		t.Errorf("to wait %d", wait)
	}
	if f.wait(two.Address(), 2000) != 0 || f.book(neighbour.Address(), 2000) == 0 || f.wait(far.Address(), 2000) != 0 {
		t.Error("an IPv6 network of 64 bits counts as one")
	}
	if f.wait(one.Address(), 1000+failureWindow) != 0 || f.book(one.Address(), 1000+failureWindow) != 0 {
		t.Error("the window does not end")
	}
	// There is a bound to how many are remembered, and the oldest goes first.
	for i := range 3 * maxAddresses {
		c := addr(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))
		f.book(c.Address(), 70_000)
	}
	if len(f.byAddr) > maxAddresses || f.order.Len() != len(f.byAddr) {
		t.Errorf("%d addresses are remembered", len(f.byAddr))
	}
}
