package vfs_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hivellm/synap-go/persistence/vfs"
)

// crashes lists every state that a machine may find after a crash at the end of a story; the first is the strictest.
var crashes = []struct {
	name  string
	story func(p place)
	finds []string
}{
	{"nothing is lost when all is synced", func(p place) {
		p.must(p.create("a", "hello").Sync())
		p.must(p.SyncDir(p.dir))
	}, []string{"a=hello"}},
	{"a synced file without a synced name may be gone, but is whole when it is there", func(p place) {
		p.must(p.create("a", "hello").Sync())
	}, []string{"", "a=hello"}},
	{"data and size of a file with a synced name come apart", func(p place) {
		f := p.synced("a", "")
		p.write(f, "hello", 0)
	}, []string{"a=", "a=.....", "a=hello"}},
	{"within a size that was synced before, only the data is in doubt", func(p place) {
		f := p.synced("a", "")
		p.must(f.Allocate(6))
		p.must(f.Sync())
		p.write(f, "hello", 0)
	}, []string{"a=......", "a=hello."}},
	{"a big write may be torn at any sector", func(p place) {
		f := p.synced("a", strings.Repeat("-", 1024))
		p.write(f, strings.Repeat("x", 600), 212)
	}, []string{"a=1024×-", "a=212×- 300×x 512×-", "a=512×- 300×x 212×-", "a=212×- 600×x 212×-"}},
	{"writes to one sector happen in order", func(p place) {
		f := p.synced("a", "---")
		p.write(f, "1", 0)
		p.write(f, "2", 1)
	}, []string{"a=---", "a=1--", "a=12-"}},
	{"sizes happen in order", func(p place) {
		f := p.synced("a", "x")
		p.must(f.Truncate(2))
		p.must(f.Truncate(4))
	}, []string{"a=x", "a=x.", "a=x..."}},
	{"a cut happens before what is written after it", func(p place) {
		f := p.synced("a", "old")
		p.must(f.Truncate(0))
		p.write(f, "n", 0)
	}, []string{"a=old", "a=", "a=.", "a=n"}},
	{"what was cut off does not come back when the file grows", func(p place) {
		f := p.synced("a", "secret")
		p.must(f.Truncate(1))
		p.must(f.Truncate(6))
	}, []string{"a=secret", "a=s", "a=s....."}},
	{"a sync keeps what is before it and not what is after", func(p place) {
		f := p.synced("a", "---")
		p.write(f, "1", 0)
		p.must(f.Sync())
		p.write(f, "2", 1)
	}, []string{"a=1--", "a=12-"}},
	{"a rename happens wholly or not at all", func(p place) {
		p.synced("a", "new")
		p.synced("b", "old")
		p.must(p.Rename(p.path("a"), p.path("b")))
	}, []string{"a=new b=old", "b=new"}},
	{"a rename rests on the creation", func(p place) {
		p.must(p.create("a", "new").Sync())
		p.must(p.Rename(p.path("a"), p.path("b")))
	}, []string{"", "a=new", "b=new"}},
	{"moves of different names are independent", func(p place) {
		p.synced("a", "1")
		p.synced("b", "2")
		p.must(p.Remove(p.path("a")))
		p.must(p.Remove(p.path("b")))
	}, []string{"a=1 b=2", "a=1", "b=2", ""}},
	{"a removed file may come back, and beside a new one of its name", func(p place) {
		p.synced("a", "old")
		p.must(p.Rename(p.path("a"), p.path("b")))
		p.must(p.create("a", "new").Sync())
	}, []string{"a=old", "b=old", "a=new b=old"}},
	{"a directory that was made is there", func(p place) {
		p.must(p.MkdirAll(p.path("x/y")))
	}, []string{"x= x/y="}},
	{"a move between directories is settled by either", func(p place) {
		p.must(p.MkdirAll(p.path("x")))
		p.must(p.create("a", "1").Sync())
		p.must(p.Rename(p.path("a"), p.path("x/b")))
		p.must(p.SyncDir(p.path("x")))
	}, []string{"x= x/b=1"}},
	{"a sync of one directory does nothing for another", func(p place) {
		p.must(p.MkdirAll(p.path("x")))
		p.must(p.create("a", "1").Sync())
		p.must(p.create("x/b", "2").Sync())
		p.must(p.SyncDir(p.dir))
	}, []string{"a=1 x=", "a=1 x= x/b=2"}},
	{"a published file is the old or the new, and when it is done the new", func(p place) {
		p.must(vfs.Publish(p.FS, p.path("a"), []byte("old")))
		p.must(vfs.Publish(p.FS, p.path("a"), []byte("new")))
	}, []string{"a=new"}},
	{"a lock does not outlive the machine", func(p place) {
		lock, err := p.Lock(p.path("lock"))
		p.must(err)
		p.must(lock.Write(nil))
		p.must(p.SyncDir(p.dir))
	}, []string{"lock="}},
}

func TestCrash(t *testing.T) {
	for _, row := range crashes {
		t.Run(row.name, func(t *testing.T) {
			m := newMem(t, "/data")
			row.story(place{T: t, FS: m, dir: "/data"})
			if got := describe(t, m.Crash(nil)); got != row.finds[0] {
				t.Errorf("the strictest crash leaves %q, want %q", got, row.finds[0])
			}
			found := map[string]bool{}
			for seed := range uint64(2_000) {
				after := m.Crash(rand.New(rand.NewPCG(seed, 0)))
				found[describe(t, after)] = true
				if again := after.Crash(nil); describe(t, after) != describe(t, again) {
					t.Fatalf("seed %d: what a crash left is not durable", seed)
				}
			}
			got, want := slices.Sorted(maps.Keys(found)), slices.Sorted(slices.Values(row.finds))
			if !slices.Equal(got, want) {
				t.Errorf("crashes leave %q, want %q", got, want)
			}
		})
	}
}

func TestTheSameLuckIsTheSameCrash(t *testing.T) {
	m := newMem(t, "/data")
	p := place{T: t, FS: m, dir: "/data"}
	for i := range 20 {
		p.create(fmt.Sprint(i), strings.Repeat("x", 3_000))
	}
	for seed := range uint64(50) {
		first := describe(t, m.Crash(rand.New(rand.NewPCG(seed, 0))))
		if again := describe(t, m.Crash(rand.New(rand.NewPCG(seed, 0)))); again != first {
			t.Fatalf("seed %d: %q and then %q", seed, first, again)
		}
	}
}

func TestAKilledProcessLosesItsLocksAndNothingElse(t *testing.T) {
	m := newMem(t, "/data")
	p := place{T: t, FS: m, dir: "/data"}
	f := p.create("a", "hello")
	p.must(p.Rename(p.path("a"), p.path("b")))
	lock, err := p.Lock(p.path("lock"))
	p.must(err)
	p.must(lock.Write([]byte("mine")))

	after := m.Kill()
	p.write(f, "later", 0)
	if got, want := describe(t, after), "b=hello lock=mine"; got != want {
		t.Errorf("a kill leaves %q, want %q", got, want)
	}
	if _, err := after.Lock("/data/lock"); err != nil {
		t.Errorf("lock after the kill: %v", err)
	}
	if got := describe(t, after.Crash(nil)); got != "" {
		t.Errorf("a kill made %q durable", got)
	}
}

func TestACrashLeavesTheOldMachineAlone(t *testing.T) {
	m := newMem(t, "/data")
	p := place{T: t, FS: m, dir: "/data"}
	f := p.synced("a", "1")
	after := m.Crash(nil)
	p.write(f, "2", 0)
	p.must(f.Sync())
	if got := describe(t, after); got != "a=1" {
		t.Errorf("the crashed machine sees what came after: %q", got)
	}
	if got := describe(t, m.Crash(nil)); got != "a=2" {
		t.Errorf("the old machine has %q", got)
	}
}

func TestMemIsUsedByMany(t *testing.T) {
	m := newMem(t, "/data")
	var workers sync.WaitGroup
	for i := range 8 {
		workers.Go(func() {
			name := fmt.Sprintf("/data/%d", i)
			for range 20 {
				if err := vfs.Publish(m, name, []byte(name)); err != nil {
					t.Error(err)
				}
				m.Crash(rand.New(rand.NewPCG(1, 2)))
				m.Kill()
			}
		})
	}
	workers.Wait()
	if names, err := m.Crash(nil).List("/data"); err != nil || len(names) != 8 {
		t.Errorf("%q, %v", names, err)
	}
}

// synced makes a file that is durable with its name.
func (p place) synced(name, content string) vfs.File {
	p.Helper()
	f := p.create(name, content)
	p.must(f.Sync())
	p.must(p.SyncDir(p.dir))
	return f
}

func (p place) write(f vfs.File, text string, offset int64) {
	p.Helper()
	_, err := f.WriteAt([]byte(text), offset)
	p.must(err)
}

// describe writes down what is in /data: short contents as they are with zeros as points, long ones as runs.
func describe(t *testing.T, fsys vfs.FS) string {
	t.Helper()
	var all []string
	var walk func(dir, prefix string)
	walk = func(dir, prefix string) {
		names, err := fsys.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			path := filepath.Join(dir, name)
			content, err := vfs.ReadAll(fsys, path, 1<<20)
			all = append(all, prefix+name+"="+runs(content))
			if err != nil {
				walk(path, prefix+name+"/")
			}
		}
	}
	walk("/data", "")
	return strings.Join(all, " ")
}

func runs(content []byte) string {
	text := strings.ReplaceAll(string(content), "\x00", ".")
	if len(text) <= 16 {
		return text
	}
	var parts []string
	for len(text) > 0 {
		rest := strings.TrimLeft(text, text[:1])
		parts = append(parts, fmt.Sprintf("%d×%s", len(text)-len(rest), text[:1]))
		text = rest
	}
	return strings.Join(parts, " ")
}
