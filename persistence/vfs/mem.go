package vfs

import (
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Mem is a file system in memory that knows what is durable. See Crash and Kill.
//
// There are no links: a file has one name or, once removed, none. Every directory in a name must have been
// made by MkdirAll; the current directory and the root are there from the start.
type Mem struct {
	mu sync.Mutex

	names   map[string]*node // what a process sees: every file and directory by its cleaned name
	durable map[string]*node // what is on disk
	moves   []move           // what leads from durable to names, oldest first
	free    uint64           // what Free says
}

// node is a file, or a directory, which has nothing but its name. Its fields are guarded by Mem.mu.
type node struct {
	dir      bool
	locked   bool
	modified time.Time

	content sparse // what a process sees
	synced  sparse // what is on disk for certain
	edits   []edit // what leads from synced to content, oldest first
}

// move is a change of names that happens wholly or not at all: a name that gets a node, or two when a file is
// renamed. A nil node means that the name is gone.
type move map[string]*node

// NewMem returns a file system with nothing in it and with a terabyte free.
func NewMem() *Mem {
	return &Mem{names: map[string]*node{}, durable: map[string]*node{}, free: 1 << 40}
}

// SetFree sets what Free answers; nothing else takes notice of it.
func (m *Mem) SetFree(bytes uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = bytes
}

// Free implements FS.
func (m *Mem) Free(dir string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.free, m.needDir("statfs", filepath.Clean(dir))
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) {
	name = filepath.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isDir(name) || m.names[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	n, err := m.make(name)
	if err != nil {
		return nil, err
	}
	return &memFile{m: m, name: name, node: n}, nil
}

// make gives a name that is not there a new file. The lock is held.
func (m *Mem) make(name string) (*node, error) {
	if err := m.needDir("create", filepath.Dir(name)); err != nil {
		return nil, err
	}
	n := &node{modified: time.Now()}
	m.do(move{name: n})
	return n, nil
}

// Open implements FS.
func (m *Mem) Open(name string) (File, error) {
	name = filepath.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.file("open", name)
	if err != nil {
		return nil, err
	}
	return &memFile{m: m, name: name, node: n}, nil
}

// Rename implements FS.
func (m *Mem) Rename(from, to string) error {
	from, to = filepath.Clean(from), filepath.Clean(to)
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.file("rename", from)
	if err != nil {
		return err
	}
	if m.isDir(to) {
		return &fs.PathError{Op: "rename", Path: to, Err: syscall.EISDIR}
	}
	if err := m.needDir("rename", filepath.Dir(to)); err != nil {
		return err
	}
	if from != to {
		m.do(move{from: nil, to: n})
	}
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	name = filepath.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.file("remove", name); err != nil {
		return err
	}
	m.do(move{name: nil})
	return nil
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mkdirAll(filepath.Clean(dir))
}

func (m *Mem) mkdirAll(dir string) error {
	if m.isDir(dir) {
		return nil
	}
	if m.names[dir] != nil {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	}
	if err := m.mkdirAll(filepath.Dir(dir)); err != nil {
		return err
	}
	m.do(move{dir: {dir: true, modified: time.Now()}})
	m.settle(func(name string) bool { return name == dir })
	return nil
}

// List implements FS.
func (m *Mem) List(dir string) ([]string, error) {
	dir = filepath.Clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.needDir("list", dir); err != nil {
		return nil, err
	}
	var names []string
	for name := range m.names {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Stat implements FS.
func (m *Mem) Stat(name string) (Info, error) {
	name = filepath.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[name]
	switch {
	case n != nil:
		return Info{Size: n.content.size, Modified: n.modified}, nil
	case m.isDir(name):
		return Info{}, nil
	}
	return Info{}, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// SyncDir implements FS. A file that was moved from one directory to another is settled by a sync of either.
func (m *Mem) SyncDir(dir string) error {
	dir = filepath.Clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.needDir("syncdir", dir); err != nil {
		return err
	}
	m.settle(func(name string) bool { return filepath.Dir(name) == dir })
	return nil
}

// file returns the file with a name. The lock is held.
func (m *Mem) file(op, name string) (*node, error) {
	n := m.names[name]
	switch {
	case n != nil && !n.dir:
		return n, nil
	case m.isDir(name):
		return nil, &fs.PathError{Op: op, Path: name, Err: syscall.EISDIR}
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// isDir reports whether a directory has the name. The lock is held.
func (m *Mem) isDir(name string) bool {
	n := m.names[name]
	return n != nil && n.dir || name == filepath.Dir(name)
}

// needDir refuses a directory that is not there. The lock is held.
func (m *Mem) needDir(op, dir string) error {
	switch {
	case m.isDir(dir):
		return nil
	case m.names[dir] != nil:
		return &fs.PathError{Op: op, Path: dir, Err: syscall.ENOTDIR}
	}
	return &fs.PathError{Op: op, Path: dir, Err: fs.ErrNotExist}
}

// do makes a move that is not durable yet. The lock is held.
func (m *Mem) do(change move) {
	change.apply(m.names)
	m.moves = append(m.moves, change)
}

func (c move) apply(names map[string]*node) {
	for name, n := range c {
		if n == nil {
			delete(names, name)
		} else {
			names[name] = n
		}
	}
}
