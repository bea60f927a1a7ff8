package snapshot_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hivellm/synap-go/persistence/snapshot"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// TestPutWaitsForASlowDisk is about memory: it must not grow while the disk cannot keep up.
func TestPutWaitsForASlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, goOn := newMem(t), make(chan struct{})
		w, err := snapshot.Create(vfs.NewFaulty(m, func(op vfs.Op) vfs.Fault {
			if op.Kind == vfs.OpWrite && op.Offset > 0 {
				<-goOn
			}
			return vfs.Fault{}
		}), dir, header)
		must(t, err)
		var puts atomic.Int64
		go func() {
			for range 20 {
				if err := w.Put(1, 1, 0, make([]byte, 200<<10)); err != nil {
					t.Error(err)
				}
				puts.Add(1)
			}
		}()
		synctest.Wait()
		if n := puts.Load(); n < 2 || n > 4 {
			t.Errorf("%d blocks were taken while the disk wrote the first one, want 2 to 4", n)
		}
		close(goOn)
		synctest.Wait()
		_, err = w.Commit(50)
		must(t, err)
	})
}

func TestListAndCleanUp(t *testing.T) {
	m := newMem(t)
	for _, h := range []snapshot.Header{{Epoch: 1, Seq: 7}, {Epoch: 2, Seq: 5}, {Epoch: 1, Seq: 9}, {Epoch: 1, Seq: 1 << 63}} {
		_, err := write(m, h, nil)
		must(t, err)
	}
	unfinished, err := snapshot.Create(m, dir, header)
	must(t, err)
	dead := m.Kill()
	must(t, unfinished.Abort())
	m = dead // from here on it is as if the process had been killed before the Abort
	others := []string{
		"snapshot-1-2.synap", "snapshot-00000000000000000001-0000000000000001.synap.bak", "notes.tmp", "x",
		"snapshot-00000000000000000001-000000000000000G.synap", "snapshot-99999999999999999999-0000000000000001.synap",
		"snapshot-00000000000000000001-000000000000000A.synap",
	}
	for _, name := range others {
		must(t, vfs.Publish(m, filepath.Join(dir, name), nil))
	}
	files, err := snapshot.List(m, dir)
	must(t, err)
	var got []string
	for _, f := range files {
		got = append(got, fmt.Sprintf("%d-%d", f.Epoch, f.Seq))
	}
	if want := []string{"2-5", "1-9223372036854775808", "1-9", "1-7"}; !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	must(t, snapshot.CleanUp(m, dir))
	names, err := m.List(dir)
	must(t, err)
	for _, f := range files {
		others = append(others, f.Name)
	}
	slices.Sort(others)
	if !slices.Equal(names, others) {
		t.Errorf("cleaning up left %q, want %q", names, others)
	}
	if files, err := snapshot.List(m, "/nowhere"); files != nil || err != nil {
		t.Errorf("a directory that is not there has %v, %v", files, err)
	}
	must(t, snapshot.CleanUp(m, "/nowhere"))
	if _, err := snapshot.Create(m, "/nowhere", header); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("created where there is no directory: %v", err)
	}
}

func TestAWriterEndsOnce(t *testing.T) {
	m := newMem(t)
	w, err := snapshot.Create(m, dir, header)
	must(t, err)
	_, err = w.Commit(50)
	must(t, err)
	must(t, w.Abort())
	if files, _ := snapshot.List(m, dir); len(files) != 1 {
		t.Errorf("an abort after the commit left %v", files)
	}
	if _, err := w.Commit(50); err == nil {
		t.Error("a second commit")
	}
	if err := w.Put(1, 1, 0, nil); err == nil {
		t.Error("a chunk after the end")
	}

	w, err = snapshot.Create(m, dir, snapshot.Header{Seq: 43})
	must(t, err)
	must(t, w.Put(1, 1, 0, noise(1<<20)))
	must(t, w.Abort())
	must(t, w.Abort())
	if names, _ := m.List(dir); len(names) != 1 {
		t.Errorf("an abort left %q", names)
	}
}
