package persistence_test

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/vector"
)

// checked checks a directory deeply, and returns the engine that it was loaded into.
func checked(t testing.TB, fs vfs.FS, dir string) (persistence.Checked, *core.Engine) {
	t.Helper()
	found, engine, err := tryCheck(fs, dir)
	if err != nil {
		t.Fatal(err)
	}
	return found, engine
}

func tryCheck(fs vfs.FS, dir string) (persistence.Checked, *core.Engine, error) {
	engine, err := core.New(core.Options{Structures: []*command.Structure{
		kv.Structure(kv.Options{}), queue.Structure(queue.Options{}), stream.Structure(stream.Options{}), pubsub.Structure(),
		vector.Structure(),
	}})
	if err != nil {
		return persistence.Checked{}, nil, err
	}
	c := persistence.Check{FS: fs, Dir: dir, Decode: engine.DecodeOp, State: engine}
	found, err := c.Run(context.Background())
	return found, engine, err
}

// played returns a directory with two snapshots, compressed and plain segments, of two runs of a server, and how it was
// left.
func played(t testing.TB) (fs *vfs.Mem, digest, seq uint64) {
	t.Helper()
	fs = vfs.NewMem()
	for life := range 2 {
		w := mustOpen(t, fs, persistence.Options{Mode: persistence.Always, SegmentBytes: 3000, Compress: true})
		for i := range 100 {
			if err := w.play(life*100 + i); err != nil {
				t.Fatal(err)
			}
			if i != 50 {
				continue
			}
			if _, err := w.store.Snapshot(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.store.Compress()
		}
		digest, seq = w.engine.Digest(), w.seq()
		w.close(t)
	}
	return fs, digest, seq
}

// filesOf are the files of a directory's data.
func filesOf(t testing.TB, fs vfs.FS) (names []string) {
	t.Helper()
	for _, dir := range []string{"data/snapshots", "data/log"} {
		all, err := fs.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range all {
			names = append(names, path.Join(dir, name))
		}
	}
	return names
}

func contentOf(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	b, err := vfs.ReadAll(fs, name, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCheckOfWhatIsWhole finds all there is, comes to the same as recovery, and leaves everything as it was.
func TestCheckOfWhatIsWhole(t *testing.T) {
	fs, digest, seq := played(t)
	before := map[string]string{}
	for _, name := range filesOf(t, fs) {
		before[name] = string(contentOf(t, fs, name))
	}
	found, engine := checked(t, fs, "data")
	if len(found.Damage) > 0 || found.Torn != nil || found.Last != seq || len(found.Snapshots) != 2 || found.First > found.Snapshots[1].Version+1 {
		t.Errorf("it finds %+v; the last version is %d", found, seq)
	}
	if engine.Digest() != digest || engine.Check() != nil {
		t.Errorf("what is loaded is not what there is: %v", engine.Check())
	}
	for _, name := range filesOf(t, fs) {
		if string(contentOf(t, fs, name)) != before[name] {
			t.Errorf("%s was changed", name)
		}
	}
}

// TestCheckSeesEveryByte flips a bit in every third byte of every file, one at a time: it is found in that file, or it changes nothing.
func TestCheckSeesEveryByte(t *testing.T) {
	fs, digest, seq := played(t)
	harmless := 0
	for _, name := range filesOf(t, fs) {
		content := contentOf(t, fs, name)
		for at := 0; at < len(content); at += often(23, 1) {
			spoilt := slices.Clone(content)
			spoilt[at] ^= 1 << (at % 8)
			if err := vfs.Publish(fs, name, spoilt); err != nil {
				t.Fatal(err)
			}
			found, engine := checked(t, fs, "data")
			told := found.Torn != nil
			for _, d := range found.Damage {
				told = told || path.Join("data", d.File) == name
			}
			if !told {
				harmless++ // as a bit of a zstd header that means nothing
				if len(found.Damage) > 0 || found.Last != seq || engine.Digest() != digest || !strings.HasSuffix(name, ".zst") {
					t.Errorf("%s, byte %d: it finds %v", name, at, found.Damage)
				}
			}
		}
		if err := vfs.Publish(fs, name, content); err != nil {
			t.Fatal(err)
		}
	}
	if harmless > often(10, 200) {
		t.Errorf("%d bits do not matter: what are they for?", harmless)
	}
}

// TestCheckOfWhatDoesNotFit removes and exchanges whole files.
func TestCheckOfWhatDoesNotFit(t *testing.T) {
	segments := func(t *testing.T, fs vfs.FS) []string { return under(filesOf(t, fs), "data/log") }
	tests := []struct {
		name  string
		spoil func(t *testing.T, fs vfs.FS)
		file  string // a part of its name; "" when nothing is wrong
		why   string
	}{
		{"the older snapshot is gone", func(t *testing.T, fs vfs.FS) { remove(t, fs, snapshots(t, fs)[1]) }, "", ""},
		{"the newer snapshot is gone", func(t *testing.T, fs vfs.FS) { remove(t, fs, snapshots(t, fs)[0]) }, "", ""},
		{"both snapshots are gone", func(t *testing.T, fs vfs.FS) {
			for _, name := range snapshots(t, fs) {
				remove(t, fs, name)
			}
		}, "log", "there is no snapshot of what was before"},
		{"the log is gone", func(t *testing.T, fs vfs.FS) {
			for _, name := range segments(t, fs) {
				remove(t, fs, name)
			}
		}, "snapshots/", "the log is gone"},
		{"the beginning of the log is gone", func(t *testing.T, fs vfs.FS) { remove(t, fs, segments(t, fs)[0]) }, "snapshots/", "should go on with record"},
		{"the end of the log is gone", func(t *testing.T, fs vfs.FS) {
			all := segments(t, fs)
			for _, name := range all[len(all)-2:] {
				remove(t, fs, name)
			}
		}, "snapshots/", "the log ends with record"},
		{"something from the middle of the log is gone", func(t *testing.T, fs vfs.FS) { remove(t, fs, segments(t, fs)[2]) }, "log/", "gap"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fs, _, _ := played(t)
			test.spoil(t, fs)
			found, _ := checked(t, fs, "data")
			fits := func(d persistence.Damage) bool {
				return test.file != "" && strings.Contains(d.File, test.file) && strings.Contains(d.Why, test.why)
			}
			if (test.file == "") != (len(found.Damage) == 0) || (test.file != "" && !slices.ContainsFunc(found.Damage, fits)) {
				t.Errorf("it finds %v, want %q in %s", found.Damage, test.why, test.file)
			}
		})
	}
}

func under(names []string, dir string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return path.Dir(name) != dir })
}

func TestCheckOfNoDirectory(t *testing.T) {
	fs := vfs.NewMem()
	if _, _, err := tryCheck(fs, "data"); err == nil {
		t.Error("a directory that is not there is whole")
	}
	if err := fs.MkdirAll("data/log"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tryCheck(fs, "data"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("an empty directory: %v", err)
	}
}

// busy is a world on a real disk with writers, snapshots and compression at work, until stop is called.
func busy(t *testing.T, dir string) (w *world, stop func()) {
	t.Helper()
	t.Chdir(dir)
	w = mustOpen(t, vfs.OS, persistence.Options{Mode: persistence.Always, SegmentBytes: 8000, Compress: true})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			for n := i; ctx.Err() == nil; n += 3 {
				switch err := w.play(n); fault.CodeOf(err) {
				case 0, fault.AlreadyExists, fault.Exhausted: // as some limit is reached in the end
				default:
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() { _ = w.store.Run(ctx) }) // it always returns nil
	all.Go(func() {
		for ctx.Err() == nil {
			if _, err := w.store.Snapshot(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			w.store.Compress()
		}
	})
	return w, func() { cancel(); all.Wait() }
}

// TestCheckOfARunningServer never takes for damage what is being written, compressed or removed.
func TestCheckOfARunningServer(t *testing.T) {
	w, stop := busy(t, t.TempDir())
	for range often(40, 300) {
		before := w.store.Usage().SyncedRecord
		found, engine, err := tryCheck(vfs.OS, "data")
		switch {
		case fault.CodeOf(err) == fault.Unavailable: // the log was shortened, and it says so
		case err != nil:
			t.Fatal(err)
		case len(found.Damage) > 0 || found.Last < before:
			t.Fatalf("it goes to %d, and %d was synced before: %v", found.Last, before, found.Damage)
		default:
			if err := engine.Check(); err != nil {
				t.Error(err)
			}
		}
	}
	stop()
	w.close(t)
	if found, engine := checked(t, vfs.OS, "data"); len(found.Damage) > 0 || engine.Digest() != w.engine.Digest() {
		t.Errorf("at the end it finds %v", found.Damage)
	}
}

// TestDump shows every record, and ends at damage with what was readable.
func TestDump(t *testing.T) {
	fs, _, seq := played(t)
	dump := func(from uint64) (first, last uint64, err error) {
		_, err = persistence.Dump(t.Context(), fs, "data", from, mustOpen(t, vfs.NewMem(), persistence.Options{}).engine.DecodeOp, func(e persistence.Entry) error {
			if first == 0 {
				first = e.Seq
			}
			if e.Len() == 0 || (last != 0 && e.Seq != last+1) {
				t.Errorf("record %d comes after %d", e.Seq, last)
			}
			last = e.Seq
			return nil
		})
		return first, last, err
	}
	if first, last, err := dump(seq - 20); first != seq-20 || last != seq || err != nil {
		t.Errorf("from %d it shows %d to %d, %v", seq-20, first, last, err)
	}
	_, whole, err := dump(0)
	if err != nil || whole != seq {
		t.Fatalf("it shows up to %d of %d, %v", whole, seq, err)
	}
	all := under(filesOf(t, fs), "data/log")
	plain := all[slices.IndexFunc(all, func(name string) bool { return strings.HasSuffix(name, ".wal") })]
	spoil(t, fs, plain, 0.5)
	_, last, err := dump(0)
	details := fmt.Sprint(fault.From(err).Details)
	if fault.CodeOf(err) != fault.Corrupt || !strings.Contains(details, path.Base(plain)) || !strings.Contains(details, fmt.Sprint("sequence:", last+1)) || last >= whole {
		t.Errorf("it ends after record %d with %v %s, want %s", last, err, details, plain)
	}
}
