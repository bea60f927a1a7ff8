package snapshot_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/hivellm/synap-go/persistence/snapshot"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// torture is set for runs that take as long as they take.
var torture = os.Getenv("SYNAP_TORTURE") != ""

// often returns the first number, or the second when there is all the time in the world.
func often(everyDay, atLeisure int) int {
	if torture {
		return atLeisure
	}
	return everyDay
}

// The tests write big where small was, or nothing. It is forced to the disk several times before its end.
var (
	older = snapshot.Header{Epoch: 0x18f, Seq: 41}
	small = []chunk{{1, 1, 0, []byte("small")}}
	big   = []chunk{{1, 1, 0, noise(300_000)}, {1, 1, 0, []byte("x")}, {2, 1, 0, make([]byte, 100_000)}, {2, 1, 1, noise(100_000)}}
)

// wantWhole fails the test unless every snapshot that is listed is small or big, in full. It returns where they began.
func wantWhole(t *testing.T, fsys vfs.FS, when string) (seqs []uint64) {
	t.Helper()
	files, err := snapshot.List(fsys, dir)
	must(t, err)
	for _, f := range files {
		got, err := load(fsys, f.Name)
		if err != nil || !same(got, big) && !same(got, small) {
			t.Errorf("%s: %s holds %v, %v", when, f.Name, got, err)
		}
		seqs = append(seqs, f.Seq)
	}
	return seqs
}

// wantSeqs fails the test unless these are the snapshots there are, whole.
func wantSeqs(t *testing.T, fsys vfs.FS, when string, want ...uint64) {
	t.Helper()
	if got := wantWhole(t, fsys, when); !slices.Equal(got, want) {
		t.Errorf("%s: there are snapshots of %v, want %v", when, got, want)
	}
}

// outcome is what a machine finds that lost power.
type outcome struct {
	when string
	disk *vfs.Mem
}

// crash returns several outcomes of a loss of power at this moment: the strictest, and what chance makes of it.
func crash(m *vfs.Mem, when string) []outcome {
	all := []outcome{{"power lost before " + when, m.Crash(nil)}}
	for seed := range often(5, 100) {
		luck := rand.New(rand.NewPCG(uint64(seed), 0))
		all = append(all, outcome{fmt.Sprintf("power lost before %s, seed %d", when, seed), m.Crash(luck)})
	}
	return all
}

// wantKept fails the test unless there are whole snapshots only in every outcome, and the old one among them.
func wantKept(t *testing.T, all []outcome, old uint64) {
	t.Helper()
	for _, o := range all {
		if seqs := wantWhole(t, o.disk, o.when); !slices.Contains(seqs, old) {
			t.Errorf("%s: of the old snapshot nothing is left", o.when)
		}
	}
}

// failing returns a file system whose n-th operation fails as it is told, and the operation's name once it has.
func failing(inner vfs.FS, n int64, fault func(vfs.Op) vfs.Fault) (fsys vfs.FS, failed *string) {
	failed = new(string) // written before the operation fails, and read by whoever is told that it did
	return vfs.NewFaulty(inner, func(op vfs.Op) vfs.Fault {
		if op.N != n {
			return vfs.Fault{}
		}
		*failed = op.String()
		return fault(op)
	}), failed
}

func TestALossOfPowerLeavesWholeSnapshots(t *testing.T) {
	snapshot.SetSyncBytes(t, 100_000)
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
			_, err := write(m, row.old, small)
			must(t, err)
			syncs, outcomes := 0, []outcome(nil)
			done, err := write(vfs.NewFaulty(m, func(op vfs.Op) vfs.Fault {
				if op.Kind.Changes() {
					outcomes = append(outcomes, crash(m, op.String())...)
				}
				if op.Kind == vfs.OpSync {
					syncs++
				}
				return vfs.Fault{}
			}), header, big)
			must(t, err)
			wantKept(t, outcomes, row.old.Seq)
			if syncs < 3 {
				t.Errorf("the file was forced to the disk %d times, want 3 or more", syncs)
			}
			wantSeqs(t, m.Crash(nil), "after commit", row.want...)
			if got, err := load(m.Crash(nil), done.Name); err != nil || !same(got, big) {
				t.Errorf("after commit: %v, %v", got, err)
			}
		})
	}
}

func TestWhenAnyOperationFailsThereIsNoSnapshot(t *testing.T) {
	snapshot.SetSyncBytes(t, 100_000)
	for n := int64(1); ; n++ {
		m := newMem(t)
		_, err := write(m, older, small)
		must(t, err)
		fsys, failed := failing(m, n, func(op vfs.Op) vfs.Fault { return vfs.Fault{Err: syscall.ENOSPC, Short: int(op.Length / 2)} })
		_, err = write(fsys, header, big)
		if *failed == "" {
			must(t, err)
			wantSeqs(t, m, "without a fault", 42, 41)
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s failed, and the writer says %v", *failed, err)
		}
		wantSeqs(t, m, *failed, 41)
		wantKept(t, crash(m, "anything else, after a failed "+*failed), 41)
		must(t, snapshot.CleanUp(m, dir))
		if names, _ := m.List(dir); len(names) != 1 {
			t.Errorf("%s failed, and %q is left", *failed, names)
		}
		if _, err := write(m, header, small); err != nil {
			t.Errorf("%s failed, and then the next snapshot too: %v", *failed, err)
		}
	}
}

func TestAFailedReplacementLeavesAWholeOne(t *testing.T) {
	snapshot.SetSyncBytes(t, 100_000)
	for n := int64(1); ; n++ {
		m := newMem(t)
		_, err := write(m, header, small)
		must(t, err)
		fsys, failed := failing(m, n, func(vfs.Op) vfs.Fault { return vfs.Fault{Err: syscall.EIO} })
		_, err = write(fsys, header, big)
		if *failed == "" {
			must(t, err)
			return
		}
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("%s failed, and the writer says %v", *failed, err)
		}
		wantSeqs(t, m, *failed, 42)
		wantKept(t, crash(m, "anything else, after a failed "+*failed), 42)
	}
}

func TestADiskThatLiesIsFoundOutBeforeTheSnapshotExists(t *testing.T) {
	m := newMem(t)
	lying := vfs.NewFaulty(m, func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpSync {
			spoil(t, m, op.Name)
		}
		return vfs.Fault{}
	})
	if _, err := write(lying, header, big); err == nil {
		t.Error("the snapshot was committed")
	}
	if names, _ := m.List(dir); len(names) != 0 {
		t.Errorf("%q is left", names)
	}
}

func spoil(t *testing.T, m *vfs.Mem, name string) {
	f, err := m.Open(name)
	if err == nil {
		_, err = f.WriteAt([]byte{0xff, 0xff}, 200)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Error(err)
	}
}

func TestAReaderTellsADiskThatFailsFromDamage(t *testing.T) {
	m := newMem(t)
	done, err := write(m, header, big)
	must(t, err)
	for n := int64(1); ; n++ {
		fsys, failed := failing(m, n, func(vfs.Op) vfs.Fault { return vfs.Fault{Err: syscall.EIO} })
		_, err := load(fsys, done.Name)
		if *failed == "" {
			must(t, err)
			return
		}
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("%s failed, and the reader says %v", *failed, err)
		}
	}
}
