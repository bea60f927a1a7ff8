package snapshot_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/hivellm/synap-go/persistence/snapshot"
	"github.com/hivellm/synap-go/persistence/vfs"
)

var (
	older = snapshot.Header{Epoch: 0x18f, Seq: 41}
	big   = []chunk{{1, 1, 0, noise(300_000)}, {1, 1, 0, []byte("x")}, {2, 1, 0, make([]byte, 9<<20)}, {2, 1, 1, noise(9 << 20)}}
)

// wantWhole fails the test unless every snapshot that is listed is one of those that were written, in full.
func wantWhole(t *testing.T, fsys vfs.FS, when string) (seqs []uint64) {
	t.Helper()
	files, err := snapshot.List(fsys, dir)
	must(t, err)
	for _, f := range files {
		got, err := load(fsys, f.Name)
		if err != nil || !same(got, big) && !same(got, big[:2]) {
			t.Errorf("%s: %s holds %v, %v", when, f.Name, got, err)
		}
		seqs = append(seqs, f.Seq)
	}
	return seqs
}

// wantSeqs fails the test unless these are the snapshots there are.
func wantSeqs(t *testing.T, got []uint64, when string, want ...uint64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: there are snapshots of %v, want %v", when, got, want)
	}
}

func TestACrashAtAnyOperationLeavesWholeSnapshots(t *testing.T) {
	for _, row := range []struct {
		name string
		old  snapshot.Header // what is there before
		want []uint64        // what is there afterwards
	}{
		{"beside an older one", older, []uint64{42, 41}},
		{"in place of one of the same position", header, []uint64{42}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMem(t)
			_, err := write(m, row.old, big[:2])
			must(t, err)
			done, err := write(vfs.NewFaulty(m, func(op vfs.Op) vfs.Fault {
				if op.Kind.Changes() {
					crash(t, m, row.old.Seq, op.String())
				}
				return vfs.Fault{}
			}), header, big)
			must(t, err)
			wantSeqs(t, wantWhole(t, m.Crash(nil), "after commit"), "after commit", row.want...)
			if got, err := load(m.Crash(nil), done.Name); err != nil || !same(got, big) {
				t.Errorf("after commit: %v, %v", got, err)
			}
		})
	}
}

func crash(t *testing.T, m *vfs.Mem, must uint64, when string) {
	t.Helper()
	if seqs := wantWhole(t, m.Crash(nil), when); !slices.Contains(seqs, must) {
		t.Errorf("%s: the old snapshot is lost", when)
	}
	for seed := range uint64(5) {
		when := fmt.Sprintf("%s, seed %d", when, seed)
		if seqs := wantWhole(t, m.Crash(rand.New(rand.NewPCG(seed, 0))), when); !slices.Contains(seqs, must) {
			t.Errorf("%s: the old snapshot is lost", when)
		}
	}
}

func TestWhenAnyOperationFailsThereIsNoSnapshot(t *testing.T) {
	for n := int64(1); ; n++ {
		m := newMem(t)
		_, err := write(m, older, big[:2])
		must(t, err)
		failed := ""
		_, err = write(vfs.NewFaulty(m, func(op vfs.Op) vfs.Fault {
			if op.N != n {
				return vfs.Fault{}
			}
			failed = op.String()
			return vfs.Fault{Err: syscall.ENOSPC, Short: int(op.Length / 2)}
		}), header, big)
		if failed == "" {
			must(t, err)
			wantSeqs(t, wantWhole(t, m, "without a fault"), "without a fault", 42, 41)
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s failed, and the writer says %v", failed, err)
		}
		wantSeqs(t, wantWhole(t, m, failed), failed, 41)
		crash(t, m, 41, failed)
		must(t, snapshot.CleanUp(m, dir))
		if names, _ := m.List(dir); len(names) != 1 {
			t.Errorf("%s failed, and %q is left", failed, names)
		}
		if _, err := write(m, header, big[:2]); err != nil {
			t.Errorf("%s failed, and then the next snapshot too: %v", failed, err)
		}
	}
}

func TestAFailedReplacementLeavesAWholeOne(t *testing.T) {
	for n := int64(1); ; n++ {
		m := newMem(t)
		_, err := write(m, header, big[:2])
		must(t, err)
		failed := ""
		_, err = write(vfs.NewFaulty(m, func(op vfs.Op) vfs.Fault {
			if op.N != n {
				return vfs.Fault{}
			}
			failed = op.String()
			return vfs.Fault{Err: syscall.EIO}
		}), header, big)
		if failed == "" {
			must(t, err)
			return
		}
		if err == nil {
			t.Errorf("%s failed, and the writer does not say so", failed)
		}
		wantSeqs(t, wantWhole(t, m, failed), failed, 42)
		crash(t, m, 42, failed)
	}
}

func TestADiskThatLiesIsFoundOutBeforeTheSnapshotExists(t *testing.T) {
	m := newMem(t)
	lying := vfs.NewFaulty(m, func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpSync {
			f, err := m.Open(op.Name)
			must(t, err)
			_, err = f.WriteAt([]byte{0xff, 0xff}, 200)
			must(t, errors.Join(err, f.Close()))
		}
		return vfs.Fault{}
	})
	_, err := write(lying, header, big[:2])
	if err == nil {
		t.Error("the snapshot was committed")
	}
	if names, _ := m.List(dir); len(names) != 0 {
		t.Errorf("%q is left", names)
	}
}

func TestAReaderTellsADiskThatFailsFromDamage(t *testing.T) {
	m := newMem(t)
	done, err := write(m, header, big[:2])
	must(t, err)
	for n := int64(1); ; n++ {
		failed := ""
		_, err := load(vfs.NewFaulty(m, func(op vfs.Op) vfs.Fault {
			if op.N != n {
				return vfs.Fault{}
			}
			failed = op.String()
			return vfs.Fault{Err: syscall.EIO}
		}), done.Name)
		if failed == "" {
			must(t, err)
			return
		}
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("%s failed, and the reader says %v", failed, err)
		}
	}
}
