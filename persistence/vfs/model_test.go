package vfs_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/persistence/vfs"
)

// fileModel is all that a file has been since it was last synced, oldest first.
type fileModel struct {
	states [][]byte
	cuts   map[int]int // which states were made by cutting, and to what size
}

func (f *fileModel) now() []byte { return f.states[len(f.states)-1] }

func (f *fileModel) sync() { *f = fileModel{states: [][]byte{f.now()}, cuts: map[int]int{}} }

func (f *fileModel) resize(size int) {
	if size < len(f.now()) {
		f.cuts[len(f.states)] = size
	}
	next := make([]byte, size)
	copy(next, f.now())
	f.states = append(f.states, next)
}

func (f *fileModel) write(p []byte, offset int) {
	next := make([]byte, max(len(f.now()), offset+len(p)))
	copy(next, f.now())
	copy(next[offset:], p)
	f.states = append(f.states, next)
}

// allows reports whether a crash may leave found: its size is that of some state, and so is each of its sectors,
// where a cut is seen by the size and by all that was cut off, or by none of them.
func (f *fileModel) allows(found []byte) bool {
	for i, state := range f.states {
		if len(state) == len(found) && f.allowsWithSizeOf(i, found) {
			return true
		}
	}
	return false
}

func (f *fileModel) allowsWithSizeOf(size int, found []byte) bool {
	for from := 0; from < len(found); from += 512 {
		sector := found[from:min(from+512, len(found))]
		ok := false
		for i, state := range f.states {
			was := make([]byte, len(sector))
			copy(was, state[min(from, len(state)):])
			ok = ok || bytes.Equal(was, sector) && f.agree(size, i, from/512)
		}
		if !ok {
			return false
		}
	}
	return true
}

// agree reports whether the size can be that of one state and a sector that of another.
func (f *fileModel) agree(size, state, sector int) bool {
	for cut, to := range f.cuts {
		if sector >= to/512 && (size >= cut) != (state >= cut) {
			return false
		}
	}
	return true
}

func TestModelOfContents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := vfs.NewMem()
		f, err := m.Create("a")
		must(t, err)
		must(t, m.SyncDir("."))
		model := fileModel{states: [][]byte{{}}, cuts: map[int]int{}}
		next := byte(0)
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				next++
				offset := rapid.IntRange(0, 3_000).Draw(t, "offset")
				p := bytes.Repeat([]byte{next}, rapid.IntRange(1, 2_000).Draw(t, "length"))
				_, err := f.WriteAt(p, int64(offset))
				must(t, err)
				model.write(p, offset)
			},
			"resize": func(t *rapid.T) {
				size := rapid.IntRange(0, 5_000).Draw(t, "size")
				must(t, f.Truncate(int64(size)))
				model.resize(size)
			},
			"sync": func(t *rapid.T) {
				must(t, f.Sync())
				model.sync()
			},
			"crash": func(t *rapid.T) {
				after := m.Crash(draw(t))
				found, err := vfs.ReadAll(after, "a", 1<<20)
				must(t, err)
				if !model.allows(found) {
					t.Fatalf("a crash left %q after %q", runs(found), describeAll(model.states))
				}
			},
			"": func(t *rapid.T) {
				now, err := vfs.ReadAll(m, "a", 1<<20)
				must(t, err)
				strictest, err := vfs.ReadAll(m.Crash(nil), "a", 1<<20)
				must(t, err)
				if !bytes.Equal(now, model.now()) || !bytes.Equal(strictest, model.states[0]) {
					t.Fatalf("there is %q, synced %q; want %q", runs(now), runs(strictest), describeAll(model.states))
				}
			},
		})
	})
}

func describeAll(states [][]byte) []string {
	var all []string
	for _, state := range states {
		all = append(all, runs(state))
	}
	return all
}

// namesModel knows files by what is written in them, which is synced from the start.
type namesModel struct {
	now     map[string]string   // name to file
	before  map[string][]string // what each name has been since the last sync of its directory, "" for nothing
	durable map[string]bool     // files that were once synced with their name, and since then not removed or replaced
}

func (n *namesModel) set(name, file string) {
	n.before[name] = append(n.before[name], file)
	n.now[name] = file
}

func (n *namesModel) syncDir(dir string) {
	for name, file := range n.now {
		if filepath.Dir(name) == dir {
			n.before[name] = []string{file}
			if file != "" {
				n.durable[file] = true
			}
		}
	}
}

func TestModelOfNames(t *testing.T) {
	names := []string{"/x/a", "/x/b", "/y/a", "/y/b"}
	rapid.Check(t, func(t *rapid.T) {
		m := vfs.NewMem()
		must(t, m.MkdirAll("/x"))
		must(t, m.MkdirAll("/y"))
		model := namesModel{map[string]string{}, map[string][]string{}, map[string]bool{}}
		for _, name := range names {
			model.set(name, "")
		}
		files := 0
		anyName := func(t *rapid.T, label string, taken bool) string {
			name := rapid.SampledFrom(names).Draw(t, label)
			if (model.now[name] != "") != taken {
				t.Skip()
			}
			return name
		}
		t.Repeat(map[string]func(*rapid.T){
			"create": func(t *rapid.T) {
				name := anyName(t, "name", false)
				files++
				f, err := m.Create(name)
				must(t, err)
				_, err = f.WriteAt([]byte(fmt.Sprint(files)), 0)
				must(t, err)
				must(t, f.Sync())
				model.set(name, fmt.Sprint(files))
			},
			"rename": func(t *rapid.T) {
				from, to := anyName(t, "from", true), rapid.SampledFrom(names).Draw(t, "to")
				must(t, m.Rename(from, to))
				if from != to {
					delete(model.durable, model.now[to])
					model.set(to, model.now[from])
					model.set(from, "")
				}
			},
			"remove": func(t *rapid.T) {
				name := anyName(t, "name", true)
				must(t, m.Remove(name))
				delete(model.durable, model.now[name])
				model.set(name, "")
			},
			"sync": func(t *rapid.T) {
				dir := rapid.SampledFrom([]string{"/x", "/y"}).Draw(t, "dir")
				must(t, m.SyncDir(dir))
				model.syncDir(dir)
			},
			"crash": func(t *rapid.T) { model.check(t, m.Crash(draw(t)), names) },
			"":      func(t *rapid.T) { model.check(t, m.Crash(nil), names) },
		})
	})
}

// check fails unless every name is what it once was, no file has two names, and none is lost that was durable.
func (n *namesModel) check(t *rapid.T, after vfs.FS, names []string) {
	found := map[string]string{}
	for _, name := range names {
		content, err := vfs.ReadAll(after, name, 100)
		if err != nil {
			content = nil
		}
		file := string(content)
		if !slices.Contains(n.before[name], file) {
			t.Fatalf("a crash left file %q at %s, which has been %q", file, name, n.before[name])
		}
		if other, twice := found[file]; twice && file != "" {
			t.Fatalf("a crash left file %s at %s and at %s", file, name, other)
		}
		found[file] = name
	}
	for file := range n.durable {
		if found[file] == "" {
			t.Fatalf("a crash lost file %s", file)
		}
	}
}

func draw(t *rapid.T) *rand.Rand {
	return rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
}

func must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
