package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// place is a file system and a directory of its own in it.
type place struct {
	*testing.T
	vfs.FS
	dir string
}

func (p place) path(name string) string { return filepath.Join(p.dir, name) }

// must fails the test, for what is only preparation.
func (p place) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p place) create(name, content string) vfs.File {
	p.Helper()
	f, err := p.Create(p.path(name))
	p.must(err)
	p.Cleanup(func() { _ = f.Close() })
	_, err = f.WriteAt([]byte(content), 0)
	p.must(err)
	return f
}

// wants checks a file's content under its name.
func (p place) wants(name, content string) {
	p.Helper()
	got, err := vfs.ReadAll(p.FS, p.path(name), 1<<20)
	if err != nil || string(got) != content {
		p.Errorf("%s holds %q, %v; want %q", name, got, err, content)
	}
}

func (p place) wantsError(err, want error) {
	p.Helper()
	if !errors.Is(err, want) {
		p.Errorf("got error %v, want %v", err, want)
	}
}

var behaviours = []struct {
	name string
	test func(p place)
}{
	{"what is written can be read under the name", func(p place) {
		p.create("a", "hello")
		p.wants("a", "hello")
	}},
	{"two open files of one name are the same file", func(p place) {
		p.create("a", "hello")
		f, err := p.Open(p.path("a"))
		p.must(err)
		_, err = f.WriteAt([]byte("J"), 0)
		p.must(errors.Join(err, f.Close()))
		p.wants("a", "Jello")
	}},
	{"create refuses a name that is there", func(p place) {
		p.create("a", "old")
		_, err := p.Create(p.path("a"))
		p.wantsError(err, fs.ErrExist)
		p.wants("a", "old")
	}},
	{"what is not there is not found", func(p place) {
		_, err := p.Open(p.path("a"))
		p.wantsError(err, fs.ErrNotExist)
		_, err = p.Stat(p.path("a"))
		p.wantsError(err, fs.ErrNotExist)
		_, err = p.List(p.path("a"))
		p.wantsError(err, fs.ErrNotExist)
		_, err = p.Create(p.path("a/b"))
		p.wantsError(err, fs.ErrNotExist)
		_, err = p.Lock(p.path("a/b"))
		p.wantsError(err, fs.ErrNotExist)
		p.wantsError(p.Remove(p.path("a")), fs.ErrNotExist)
		p.wantsError(p.Rename(p.path("a"), p.path("b")), fs.ErrNotExist)
		p.wantsError(p.SyncDir(p.path("a")), fs.ErrNotExist)
	}},
	{"writing past the end leaves zeros between", func(p place) {
		f := p.create("a", "x")
		_, err := f.WriteAt([]byte("y"), 5)
		p.must(err)
		p.wants("a", "x\x00\x00\x00\x00y")
	}},
	{"reading at the end is EOF, across it EOF with what there is", func(p place) {
		f := p.create("a", "hello")
		buffer := make([]byte, 4)
		for _, row := range []struct {
			offset int64
			want   string
			err    error
		}{{0, "hell", nil}, {1, "ello", nil}, {3, "lo", io.EOF}, {5, "", io.EOF}, {9, "", io.EOF}} {
			n, err := f.ReadAt(buffer, row.offset)
			if string(buffer[:n]) != row.want || err != row.err {
				p.Errorf("at %d: %q, %v; want %q, %v", row.offset, buffer[:n], err, row.want, row.err)
			}
		}
	}},
	{"truncate cuts, and what grows back is zeros", func(p place) {
		f := p.create("a", strings.Repeat("x", 10_000))
		p.must(f.Truncate(3))
		p.must(f.Truncate(5))
		p.wants("a", "xxx\x00\x00")
		size, err := f.Size()
		if size != 5 || err != nil {
			p.Errorf("size %d, %v", size, err)
		}
	}},
	{"allocate sets the size either way and keeps what is within", func(p place) {
		f := p.create("a", "hello")
		p.must(f.Allocate(8))
		p.wants("a", "hello\x00\x00\x00")
		p.must(f.Allocate(8))
		p.must(f.Allocate(2))
		p.wants("a", "he")
		p.must(f.Allocate(0))
		p.wants("a", "")
	}},
	{"numbers below zero are refused", func(p place) {
		f := p.create("a", "hello")
		_, errRead := f.ReadAt(make([]byte, 1), -1)
		_, errWrite := f.WriteAt([]byte("x"), -1)
		for what, err := range map[string]error{
			"read": errRead, "write": errWrite, "truncate": f.Truncate(-1), "allocate": f.Allocate(-1),
		} {
			if err == nil {
				p.Errorf("%s was not refused", what)
			}
		}
		p.wants("a", "hello")
	}},
	{"a closed file refuses everything", func(p place) {
		f := p.create("a", "hello")
		p.must(f.Close())
		_, errRead := f.ReadAt(make([]byte, 1), 0)
		_, errWrite := f.WriteAt([]byte("x"), 0)
		_, errSize := f.Size()
		for what, err := range map[string]error{
			"read": errRead, "write": errWrite, "truncate": f.Truncate(1), "allocate": f.Allocate(9),
			"sync": f.Sync(), "size": errSize, "close": f.Close(),
		} {
			if !errors.Is(err, fs.ErrClosed) {
				p.Errorf("%s: %v", what, err)
			}
		}
		p.wants("a", "hello")
	}},
	{"rename replaces, and open files follow their file", func(p place) {
		f := p.create("a", "new")
		old := p.create("b", "old")
		p.must(p.Rename(p.path("a"), p.path("b")))
		p.wants("b", "new")
		_, err := p.Stat(p.path("a"))
		p.wantsError(err, fs.ErrNotExist)
		_, err = f.WriteAt([]byte("N"), 0)
		p.must(err)
		_, err = old.WriteAt([]byte("O"), 0)
		p.must(err)
		p.wants("b", "New")
	}},
	{"rename to itself changes nothing", func(p place) {
		p.create("a", "x")
		p.must(p.Rename(p.path("a"), p.path("a")))
		p.wants("a", "x")
	}},
	{"rename from one directory to another", func(p place) {
		p.must(p.MkdirAll(p.path("sub")))
		p.create("a", "x")
		p.must(p.Rename(p.path("a"), p.path("sub/b")))
		p.wants("sub/b", "x")
	}},
	{"a removed file is gone for those who look and there for those who have it open", func(p place) {
		f := p.create("a", "hello")
		p.must(p.Remove(p.path("a")))
		_, err := p.Open(p.path("a"))
		p.wantsError(err, fs.ErrNotExist)
		_, err = f.WriteAt([]byte("J"), 0)
		p.must(errors.Join(err, f.Sync()))
		buffer := make([]byte, 5)
		if _, err := f.ReadAt(buffer, 0); err != nil || string(buffer) != "Jello" {
			p.Errorf("%q, %v", buffer, err)
		}
		p.create("a", "another")
		p.wants("a", "another")
	}},
	{"directories are made with those above, again and again", func(p place) {
		for range 2 {
			p.must(p.MkdirAll(p.path("x/y/z")))
		}
		p.must(p.SyncDir(p.path("x/y")))
		p.create("x/y/z/a", "deep")
		p.wants("x/y/z/a", "deep")
	}},
	{"a file is no directory, a directory no file", func(p place) {
		p.create("a", "")
		p.must(p.MkdirAll(p.path("d")))
		_, errOpen := p.Open(p.path("d"))
		_, errCreate := p.Create(p.path("d"))
		_, errLock := p.Lock(p.path("d"))
		_, errList := p.List(p.path("a"))
		for what, err := range map[string]error{
			"mkdir of a file": p.MkdirAll(p.path("a")), "mkdir under a file": p.MkdirAll(p.path("a/b")),
			"open a directory": errOpen, "create a directory": errCreate, "lock a directory": errLock, "list a file": errList,
			"remove a directory": p.Remove(p.path("d")), "rename a directory": p.Rename(p.path("d"), p.path("e")),
			"rename onto a directory": p.Rename(p.path("a"), p.path("d")),
		} {
			if err == nil {
				p.Errorf("%s was not refused", what)
			}
		}
	}},
	{"a list is sorted names of what is in it, not below", func(p place) {
		for _, name := range []string{"b", "c", "a"} {
			p.create(name, "")
		}
		p.must(p.MkdirAll(p.path("d/e")))
		names, err := p.List(p.dir)
		if want := []string{"a", "b", "c", "d"}; err != nil || !slices.Equal(names, want) {
			p.Errorf("%q, %v; want %q", names, err, want)
		}
	}},
	{"an empty directory has an empty list", func(p place) {
		names, err := p.List(p.dir)
		if err != nil || len(names) != 0 {
			p.Errorf("%q, %v", names, err)
		}
	}},
	{"stat tells size and time, a directory has no size", func(p place) {
		p.create("a", "hello")
		info, err := p.Stat(p.path("a"))
		if err != nil || info.Size != 5 || info.Modified.IsZero() {
			p.Errorf("%+v, %v", info, err)
		}
		if info, err := p.Stat(p.dir); err != nil || info.Size != 0 {
			p.Errorf("%+v, %v", info, err)
		}
	}},
	{"a lock is one's own until it is closed", func(p place) {
		first, err := p.Lock(p.path("lock"))
		p.must(err)
		_, err = p.Lock(p.path("lock"))
		p.wantsError(err, vfs.ErrLocked)
		p.must(first.Close())
		second, err := p.Lock(p.path("lock"))
		p.must(err)
		p.wantsError(first.Close(), fs.ErrClosed)
		_, err = p.Lock(p.path("lock"))
		p.wantsError(err, vfs.ErrLocked)
		p.must(second.Close())
	}},
	{"a lock's text can be read by others, replaced, and outlives the lock", func(p place) {
		lock, err := p.Lock(p.path("lock"))
		p.must(err)
		p.must(lock.Write([]byte("a long text")))
		p.wants("lock", "a long text")
		p.must(lock.Write([]byte("short")))
		p.wants("lock", "short")
		p.must(lock.Close())
		p.wants("lock", "short")
	}},
	{"free says something", func(p place) {
		if n, err := p.Free(p.dir); err != nil || n == 0 {
			p.Errorf("%d, %v", n, err)
		}
		_, err := p.Free(p.path("missing"))
		p.wantsError(err, fs.ErrNotExist)
	}},
	{"read all of at most so many bytes", func(p place) {
		p.create("a", "hello")
		got, err := vfs.ReadAll(p.FS, p.path("a"), 5)
		if err != nil || string(got) != "hello" {
			p.Errorf("%q, %v", got, err)
		}
		if _, err = vfs.ReadAll(p.FS, p.path("a"), 4); fault.CodeOf(err) != fault.TooLarge {
			p.Errorf("over the limit: %v", err)
		}
		p.create("empty", "")
		p.wants("empty", "")
	}},
	{"publish makes and replaces, and leaves nothing else", func(p place) {
		p.create("a.tmp", "left over from a crash")
		for _, text := range []string{"first, and long", "second"} {
			p.must(vfs.Publish(p.FS, p.path("a"), []byte(text)))
			p.wants("a", text)
		}
		if names, _ := p.List(p.dir); !slices.Equal(names, []string{"a"}) {
			p.Errorf("left %q", names)
		}
	}},
	{"what spans many pages comes back", func(p place) {
		f := p.create("a", "")
		want := make([]byte, 20_000)
		for _, span := range []struct{ from, to int }{{0, 100}, {4_090, 4_100}, {9_000, 20_000}, {8_191, 8_193}} {
			part := bytes.Repeat([]byte{byte(span.from) | 1}, span.to-span.from)
			copy(want[span.from:], part)
			_, err := f.WriteAt(part, int64(span.from))
			p.must(err)
		}
		p.wants("a", string(want))
	}},
}

func TestEveryFileSystemBehavesTheSame(t *testing.T) {
	systems := []struct {
		name string
		make func(t *testing.T) (vfs.FS, string)
	}{
		{"OS", func(t *testing.T) (vfs.FS, string) { return vfs.OS, t.TempDir() }},
		{"Mem", func(t *testing.T) (vfs.FS, string) { return newMem(t, "/data"), "/data" }},
		{"Mem with a relative name", func(t *testing.T) (vfs.FS, string) { return newMem(t, "data"), "./data" }},
		{"Mem after a crash", func(t *testing.T) (vfs.FS, string) { return newMem(t, "/data").Crash(nil), "/data" }},
		{"Mem after a kill", func(t *testing.T) (vfs.FS, string) { return newMem(t, "/data").Kill(), "/data" }},
		{"Faulty without faults", func(t *testing.T) (vfs.FS, string) {
			return vfs.NewFaulty(newMem(t, "/data"), func(vfs.Op) vfs.Fault { return vfs.Fault{} }), "/data"
		}},
	}
	for _, system := range systems {
		t.Run(system.name, func(t *testing.T) {
			for _, behaviour := range behaviours {
				t.Run(behaviour.name, func(t *testing.T) {
					fsys, dir := system.make(t)
					behaviour.test(place{T: t, FS: fsys, dir: dir})
				})
			}
		})
	}
}

func newMem(t *testing.T, dir string) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	if err := m.MkdirAll(dir); err != nil {
		t.Fatal(err)
	}
	return m
}
