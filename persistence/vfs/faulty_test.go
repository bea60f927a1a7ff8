package vfs_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/hivellm/synap-go/persistence/vfs"
)

var errDisk = errors.New("the disk is on fire")

func TestEveryOperationIsAskedAboutInOrder(t *testing.T) {
	var ops []string
	p := place{T: t, dir: "/data", FS: vfs.NewFaulty(newMem(t, "/data"), func(op vfs.Op) vfs.Fault {
		ops = append(ops, op.String())
		return vfs.Fault{}
	})}
	p.must(vfs.Publish(p.FS, p.path("a"), []byte("hello")))
	p.wants("a", "hello")
	want := []string{
		"#1 remove /data/a.tmp", "#2 create /data/a.tmp", "#3 write /data/a.tmp 5 bytes at 0", "#4 sync /data/a.tmp",
		"#5 close /data/a.tmp", "#6 rename /data/a.tmp to /data/a", "#7 syncdir /data",
		"#8 open /data/a", "#9 size /data/a", "#10 read /data/a 5 bytes at 0", "#11 close /data/a",
	}
	if !slices.Equal(ops, want) {
		t.Errorf("asked about\n%q, want\n%q", ops, want)
	}
}

func TestAChosenOperationFailsAndDoesNotHappen(t *testing.T) {
	var failing vfs.OpKind
	m := newMem(t, "/data")
	p := place{T: t, dir: "/data", FS: vfs.NewFaulty(m, func(op vfs.Op) vfs.Fault {
		if op.Kind == failing {
			return vfs.Fault{Err: errDisk, Short: 2}
		}
		return vfs.Fault{}
	})}
	f := p.create("a", "-----")
	lock, err := p.Lock(p.path("lock"))
	p.must(err)
	calls := []struct {
		kind vfs.OpKind
		call func() error
	}{
		{vfs.OpCreate, func() error { _, err := p.Create(p.path("b")); return err }},
		{vfs.OpOpen, func() error { _, err := p.Open(p.path("a")); return err }},
		{vfs.OpRename, func() error { return p.Rename(p.path("a"), p.path("b")) }},
		{vfs.OpRemove, func() error { return p.Remove(p.path("a")) }},
		{vfs.OpMkdirAll, func() error { return p.MkdirAll(p.path("b")) }},
		{vfs.OpList, func() error { _, err := p.List(p.dir); return err }},
		{vfs.OpStat, func() error { _, err := p.Stat(p.path("a")); return err }},
		{vfs.OpSyncDir, func() error { return p.SyncDir(p.dir) }},
		{vfs.OpLock, func() error { _, err := p.Lock(p.path("b")); return err }},
		{vfs.OpFree, func() error { _, err := p.Free(p.dir); return err }},
		{vfs.OpRead, func() error { _, err := f.ReadAt(make([]byte, 1), 0); return err }},
		{vfs.OpTruncate, func() error { return f.Truncate(0) }},
		{vfs.OpAllocate, func() error { return f.Allocate(0) }},
		{vfs.OpSync, f.Sync},
		{vfs.OpSize, func() error { _, err := f.Size(); return err }},
		{vfs.OpWrite, func() error { return lock.Write([]byte("text")) }},
	}
	for _, row := range calls {
		failing = row.kind
		if err := row.call(); !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", row.kind, err)
		}
	}
	if got, want := describe(t, m), "a=----- lock="; got != want {
		t.Errorf("what failed left %q, want %q", got, want)
	}

	failing = vfs.OpWrite
	if n, err := f.WriteAt([]byte("xxxx"), 1); n != 2 || !errors.Is(err, errDisk) {
		t.Errorf("a short write: %d, %v", n, err)
	}
	if got, want := describe(t, m), "a=-xx-- lock="; got != want {
		t.Errorf("the short write left %q, want %q", got, want)
	}
	failing = vfs.OpClose
	if err := errors.Join(f.Close(), lock.Close()); !errors.Is(err, errDisk) {
		t.Errorf("close: %v", err)
	}
	failing = 0
	if _, err := p.Lock(p.path("lock")); err != nil {
		t.Errorf("a lock whose close failed is still held: %v", err)
	}
}

func TestPublishThatFailsLeavesTheOldContent(t *testing.T) {
	for n := int64(1); ; n++ {
		m := newMem(t, "/data")
		p := place{T: t, dir: "/data", FS: m}
		p.must(vfs.Publish(m, p.path("a"), []byte("old")))
		failed := ""
		err := vfs.Publish(vfs.NewFaulty(m, func(op vfs.Op) vfs.Fault {
			if op.N != n {
				return vfs.Fault{}
			}
			failed = op.String()
			return vfs.Fault{Err: errDisk}
		}), p.path("a"), []byte("new"))
		if failed == "" {
			p.must(err)
			return
		}
		if !errors.Is(err, errDisk) {
			t.Errorf("%s failed, and publish says %v", failed, err)
		}
		if got := describe(t, m); got != "a=old" && got != "a=new" {
			t.Errorf("%s failed and left %q", failed, got)
		}
		if got := describe(t, m.Crash(nil)); got != "a=old" {
			t.Errorf("%s failed, and a crash leaves %q", failed, got)
		}
	}
}

func TestKindsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for kind := vfs.OpCreate; kind <= vfs.OpClose; kind++ {
		seen[kind.String()] = true
	}
	if len(seen) != int(vfs.OpClose) || seen[""] || vfs.OpKind(0).String() != "op(0)" {
		t.Errorf("%d kinds have the names %v", vfs.OpClose, seen)
	}
}
