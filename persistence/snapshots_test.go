package persistence_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// TestSnapshotsWhileWritersWork takes snapshots while several writers change everything, and loses the power somewhere:
// every write that was answered is there, and a recovery from the older snapshot comes to the same.
func TestSnapshotsWhileWritersWork(t *testing.T) {
	for range often(3, 100) {
		mem := vfs.NewMem()
		w := mustOpen(t, mem, persistence.Options{Mode: persistence.Always, Compress: true})
		w.do(t, "stream.create", `{"room":"log"}`)
		var writers sync.WaitGroup
		for i := range 4 {
			writers.Go(func() {
				for n := range 100 {
					if _, err := w.try("kv.set", fmt.Sprintf(`{"key":"w%d-%d","value":%d}`, i, n, n)); err != nil {
						t.Error(err)
					}
					if err := w.play(n*4 + i); err != nil && fault.CodeOf(err) != fault.AlreadyExists {
						t.Error(err)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { writers.Wait(); close(done) }()
		for taken, over := 0, false; !over || taken < 3; taken++ {
			select {
			case <-done:
				over = true
			default:
			}
			if _, err := w.store.Snapshot(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.store.Compress()
		}
		// Two snapshots of the end, so that the log's beginning is behind both, however the writers and the snapshots took turns.
		for _, key := range []string{"last", "very last"} {
			w.do(t, "kv.set", fmt.Sprintf(`{"key":%q,"value":1}`, key))
			if _, err := w.store.Snapshot(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		left := mem.Crash(nil)
		again := mustOpen(t, left, persistence.Options{})
		if again.seq() != w.seq() || again.engine.Digest() != w.engine.Digest() {
			t.Fatalf("at %d of %d, and not what it was", again.seq(), w.seq())
		}
		if u := again.store.Usage(); u.Snapshots != 2 || u.FirstRecord == 1 {
			t.Errorf("%d snapshots and the log from %d on are kept", u.Snapshots, u.FirstRecord)
		}
		older := mem.Crash(nil)
		spoil(t, older, snapshots(t, older)[1], 0.5)
		if again := mustOpen(t, older, persistence.Options{}); again.engine.Digest() != w.engine.Digest() || !again.noted("a snapshot is damaged") {
			t.Fatalf("from the older snapshot it is not what it was; it noted %v", again.notes.String())
		}
	}
}

// snapshots are the files of snapshots, the oldest first.
func snapshots(t *testing.T, fs vfs.FS) []string {
	t.Helper()
	names, err := fs.List("data/snapshots")
	if err != nil || len(names) != 2 {
		t.Fatalf("the snapshots are %v, %v", names, err)
	}
	return []string{"data/snapshots/" + names[0], "data/snapshots/" + names[1]}
}

// spoil flips a bit somewhere in a file.
func spoil(t *testing.T, fs vfs.FS, name string, where float64) {
	t.Helper()
	file, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	size, err := file.Size()
	if err != nil {
		t.Fatal(err)
	}
	at, b := int64(where*float64(size-1)), make([]byte, 1)
	if _, err := file.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 4
	if _, err := file.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		t.Fatal(err)
	}
}

// twoSnapshots is a directory with two snapshots whose log does not reach back to the beginning, and what is in it.
func twoSnapshots(t *testing.T) (fs *vfs.Mem, digest uint64) {
	t.Helper()
	fs = vfs.NewMem()
	w := mustOpen(t, fs, persistence.Options{SegmentBytes: 1000, Mode: persistence.Always})
	for i := range 150 {
		if err := w.play(i); err != nil {
			t.Fatal(err)
		}
		if i == 50 || i == 100 {
			if _, err := w.store.Snapshot(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	digest = w.engine.Digest()
	w.close(t)
	return fs, digest
}

// TestDamageIsSaidAndRefused spoils and removes what there is: either all is there in spite of it, or the start is refused and
// says why. Nothing is ever lost in silence.
func TestDamageIsSaidAndRefused(t *testing.T) {
	segment := func(t *testing.T, fs vfs.FS, i int) string {
		t.Helper()
		names, err := fs.List("data/log")
		if err != nil || len(names) < 4 {
			t.Fatalf("the log is %v, %v", names, err)
		}
		return "data/log/" + names[(i+len(names))%len(names)]
	}
	for _, c := range []struct {
		name   string
		do     func(t *testing.T, fs vfs.FS)
		refuse string // "" is when all is there
	}{
		{"the newest snapshot is damaged", func(t *testing.T, fs vfs.FS) { spoil(t, fs, snapshots(t, fs)[1], 0.9) }, ""},
		{"the newest snapshot is gone", func(t *testing.T, fs vfs.FS) { remove(t, fs, snapshots(t, fs)[1]) }, ""},
		{"the older snapshot is damaged", func(t *testing.T, fs vfs.FS) { spoil(t, fs, snapshots(t, fs)[0], 0.1) }, ""},
		{"both snapshots are damaged", func(t *testing.T, fs vfs.FS) {
			spoil(t, fs, snapshots(t, fs)[0], 0.5)
			spoil(t, fs, snapshots(t, fs)[1], 0.5)
		}, "every snapshot is damaged"},
		{"both snapshots are gone", func(t *testing.T, fs vfs.FS) {
			for _, name := range snapshots(t, fs) {
				remove(t, fs, name)
			}
		}, "the log has a gap"},
		{"the log is damaged in the middle", func(t *testing.T, fs vfs.FS) { spoil(t, fs, segment(t, fs, -2), 0.5) }, "the log is damaged"},
		{"a segment is gone", func(t *testing.T, fs vfs.FS) { remove(t, fs, segment(t, fs, -2)) }, "the log has a gap"},
		{"the log is gone", func(t *testing.T, fs vfs.FS) {
			names, _ := fs.List("data/log")
			for _, name := range names {
				remove(t, fs, "data/log/"+name)
			}
		}, "the log is gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs, digest := twoSnapshots(t)
			c.do(t, fs)
			for range 2 { // what was refused once is refused again: nothing was changed
				w, err := open(fs, persistence.Options{})
				if c.refuse != "" {
					if fault.CodeOf(err) != fault.Corrupt || !strings.Contains(err.Error(), c.refuse) {
						t.Fatalf("it is answered with %v, want %q", err, c.refuse)
					}
					continue
				}
				if err != nil || w.engine.Digest() != digest {
					t.Fatalf("it is not all there: %v", err)
				}
				w.close(t)
			}
		})
	}
}

func remove(t *testing.T, fs vfs.FS, name string) {
	t.Helper()
	if err := errors.Join(fs.Remove(name), fs.SyncDir("data/log"), fs.SyncDir("data/snapshots")); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsGivenUp starts a damaged directory without what follows the damage, as the operator says.
func TestWhatIsGivenUp(t *testing.T) {
	fs, _ := twoSnapshots(t)
	names, err := fs.List("data/log")
	if err != nil {
		t.Fatal(err)
	}
	spoil(t, fs, "data/log/"+names[len(names)-2], 0.5)
	_, err = open(fs, persistence.Options{})
	lost, ok := fault.From(err).Details["sequence"].(uint64)
	if !ok {
		t.Fatalf("the refusal does not say which record: %v", err)
	}
	w := mustOpen(t, fs, persistence.Options{AcceptLossFrom: lost})
	if w.seq() != lost-1 || !w.noted("given up") {
		t.Errorf("it is at %d, without the records from %d on; it noted %v", w.seq(), lost, w.notes.String())
	}
	w.do(t, "kv.set", `{"key":"new","value":1}`)
	digest := w.engine.Digest()
	w.close(t)
	if again := mustOpen(t, fs, persistence.Options{}); again.engine.Digest() != digest {
		t.Error("afterwards it is not what it was")
	}
}

// TestWritersShareAnFsync has many writers at once in mode always: there are far fewer fsyncs than writes.
func TestWritersShareAnFsync(t *testing.T) {
	var syncs atomic.Int64
	blocked := make(chan struct{})
	var once sync.Once
	fs := vfs.NewFaulty(vfs.NewMem(), func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpSync && strings.Contains(op.Name, "/log/") && syncs.Add(1) > 1 {
			once.Do(func() { <-blocked }) // the first writer's fsync takes until all others have written
		}
		return vfs.Fault{}
	})
	w := mustOpen(t, fs, persistence.Options{Mode: persistence.Always, SegmentBytes: 1 << 20})
	const writers = 50
	before := syncs.Load()
	if before != 1 {
		t.Fatalf("%d fsyncs of the log before the first write", before)
	}
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			if _, err := w.try("kv.set", fmt.Sprintf(`{"key":"k%d","value":%d}`, i, i)); err != nil {
				t.Error(err)
			}
		})
	}
	for w.seq() < writers { // their records are made; they wait for the disk
	}
	close(blocked)
	all.Wait()
	if got := syncs.Load() - before; got > 3 {
		t.Errorf("%d writers took %d fsyncs; two are enough", writers, got)
	}
	w.close(t)
}

// TestASecondProcessIsRefused, and told who the first one is.
func TestASecondProcessIsRefused(t *testing.T) {
	fs := vfs.NewMem()
	w := mustOpen(t, fs, persistence.Options{})
	if err := w.store.Announce("http://127.0.0.1:4711"); err != nil {
		t.Fatal(err)
	}
	_, err := open(fs, persistence.Options{})
	if fault.CodeOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "in use by process") || !strings.Contains(err.Error(), "http://127.0.0.1:4711") {
		t.Errorf("the second one: %v", err)
	}
	w.close(t)
	mustOpen(t, fs, persistence.Options{}).close(t)
}

// TestAnAnswerOutlivesTheServer repeats a call with its idempotency key after a restart from the log, and after one from a
// snapshot: it is answered as it was, and nothing happens again.
func TestAnAnswerOutlivesTheServer(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		fs := vfs.NewMem()
		w := mustOpen(t, fs, persistence.Options{Mode: persistence.Always})
		once := func(w *world) string {
			r := w.request("kv.increment", `{"key":"n"}`)
			r.IdempotencyKey = "once"
			text, err := w.run(r)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		first := once(w)
		if snapshot {
			for range 2 {
				if _, err := w.store.Snapshot(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.close(t)
		again := mustOpen(t, fs, persistence.Options{})
		if got := once(again); got != first {
			t.Errorf("the repeat is answered with %s, want %s", got, first)
		}
		if got := again.do(t, "kv.get", `{"key":"n"}`); !strings.Contains(got, `"value":1`) {
			t.Errorf("it was run again: %s", got)
		}
	}
}

// TestAFollowerGoesOnAfterARestart reads records from where it stood, before and after the server was restarted, from memory
// and from the log.
func TestAFollowerGoesOnAfterARestart(t *testing.T) {
	fs := vfs.NewMem()
	o := persistence.Options{Mode: persistence.Never, BacklogRecords: 10, Compress: true}
	w := mustOpen(t, fs, o)
	for i := range 100 {
		if err := w.play(i); err != nil {
			t.Fatal(err)
		}
	}
	stood := w.store.Position()
	want := follow(t, w, 0)
	w.close(t)
	w = mustOpen(t, fs, o)
	if !w.store.Includes(stood) || w.store.Includes(journal.Position{Epoch: stood.Epoch, Seq: stood.Seq + 1}) {
		t.Error("where the follower stood is not told from where it cannot have been")
	}
	w.do(t, "kv.set", `{"key":"new","value":1}`)
	if now := w.store.Position(); now.Epoch <= stood.Epoch || w.store.Includes(journal.Position{Epoch: now.Epoch, Seq: stood.Seq - 1}) {
		t.Errorf("after the restart it is at %v, before it was at %v", now, stood)
	}
	got := follow(t, w, 0)
	if len(got) != len(want)+1 {
		t.Fatalf("%d records were read, then %d", len(want), len(got))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("record %d was %s and is %s", i+1, want[i], got[i])
		}
	}
	if rest := follow(t, w, stood.Seq); len(rest) != 1 || rest[0] != got[len(got)-1] {
		t.Errorf("after where it stood: %v", rest)
	}
}

// follow reads every record after seq, as text.
func follow(t *testing.T, w *world, seq uint64) (all []string) {
	t.Helper()
	batch := make([]journal.Record, 7)
	for {
		n, err := w.store.ReadAfter(seq, batch)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return all
		}
		for _, rec := range batch[:n] {
			if rec.Seq != seq+1 {
				t.Fatalf("record %d follows %d", rec.Seq, seq)
			}
			seq = rec.Seq
			text := ""
			for c := range rec.Changes() {
				text += fmt.Sprintf("%d/%d/%d %q;", c.Namespace, c.Structure, c.Op.Kind(), c.Op.AppendTo(nil))
			}
			all = append(all, text)
		}
	}
}
