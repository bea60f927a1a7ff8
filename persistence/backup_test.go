package persistence_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// TestBackupWhileWritersWork takes backups of a busy server: each is whole, has everything up to its position, and that
// is no less than what there was when it began. Two backups at different moments differ only by what came between.
func TestBackupWhileWritersWork(t *testing.T) {
	dir := t.TempDir()
	w, stop := busy(t, dir)
	var last uint64
	for n := range often(8, 60) {
		fs := vfs.NewMem()
		before := w.seq()
		at := backUp(t, w, fs)
		found, engine := checked(t, fs, "data")
		if len(found.Damage) > 0 || found.Torn != nil || found.Last != at.Seq || found.Epoch != at.Epoch || at.Seq < before || at.Seq < last {
			t.Fatalf("backup %d begins at %d and says %v: %+v", n, before, at, found)
		}
		if err := engine.Check(); err != nil {
			t.Error(err)
		}
		last = at.Seq
		again := mustOpen(t, fs, persistence.Options{})
		if again.seq() != at.Seq || again.engine.Digest() != engine.Digest() {
			t.Errorf("a server on backup %d is at %d, want %d", n, again.seq(), at.Seq)
		}
	}
	stop()
	fs := vfs.NewMem()
	if at := backUp(t, w, fs); at != w.store.Position() {
		t.Errorf("a backup of a server at rest is of %v, want %v", at, w.store.Position())
	}
	if again := mustOpen(t, fs, persistence.Options{}); again.engine.Digest() != w.engine.Digest() {
		t.Error("a backup of a server at rest holds something else than the server")
	}
	w.close(t)
}

// backUp writes a backup into another file system, and returns of when it is.
func backUp(t *testing.T, w *world, fs vfs.FS) (position journal.Position) {
	t.Helper()
	var announced, came int64
	files := map[string][]byte{}
	err := w.store.Backup(t.Context(), func(at journal.Position, bytes int64) error {
		position, announced = at, bytes
		return nil
	}, func(p persistence.Piece) error {
		if int64(len(files[p.File])) != p.Offset || len(p.Data) == 0 || len(p.Data) > persistence.PieceBytes {
			t.Errorf("%s has %d bytes, and %d come for offset %d", p.File, len(files[p.File]), len(p.Data), p.Offset)
		}
		came += int64(len(p.Data))
		files[p.File] = append(files[p.File], p.Data...)
		return nil
	})
	if err != nil || came > announced {
		t.Fatalf("%d of %d bytes, %v", came, announced, err)
	}
	keepFiles(t, fs, files)
	return position
}

// keepFiles writes the files of a backup as a data directory.
func keepFiles(t *testing.T, fs vfs.FS, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if err := fs.MkdirAll(path.Join("data", path.Dir(name))); err != nil {
			t.Fatal(err)
		}
		if err := vfs.Publish(fs, path.Join("data", name), content); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBackupForASlowReader does between the pieces what a server may do meanwhile: writers write, segments fill up, are
// compressed and removed, and so is the snapshot that the backup is of. The backup is of when it began all the same.
func TestBackupForASlowReader(t *testing.T) {
	from, fs := vfs.NewMem(), vfs.NewMem()
	w := mustOpen(t, from, persistence.Options{Mode: persistence.Always, SegmentBytes: 3000, Compress: true})
	n := 0
	play := func() {
		for range 40 {
			if err := w.play(n); err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	play()
	digest, seq := w.engine.Digest(), w.seq()
	files := map[string][]byte{}
	var opened []string
	err := w.store.Backup(t.Context(), func(at journal.Position, _ int64) error {
		opened = filesOf(t, from)
		if at.Seq != seq {
			t.Errorf("it is of version %d, want %d", at.Seq, seq)
		}
		return nil
	}, func(p persistence.Piece) error {
		for range 3 {
			play()
			if _, err := w.store.Snapshot(t.Context()); err != nil {
				return err
			}
			w.store.Compress()
		}
		files[p.File] = append(files[p.File], p.Data...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range files {
		full := path.Join("data", name)
		if slices.Contains(filesOf(t, from), full) && strings.Contains(name, "snapshot") {
			t.Errorf("%s is still there: nothing was removed meanwhile", name)
		}
		if !slices.Contains(opened, full) {
			t.Errorf("%s was not there when the backup began", name)
		}
	}
	keepFiles(t, fs, files)
	if found, engine := checked(t, fs, "data"); len(found.Damage) > 0 || found.Last != seq || engine.Digest() != digest {
		t.Errorf("the backup is not of when it began, version %d: %+v", seq, found)
	}
	w.close(t)
}
