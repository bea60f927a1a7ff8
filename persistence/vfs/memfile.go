package vfs

import (
	"io"
	"io/fs"
	"path/filepath"
	"time"
)

// memFile is an open file of a Mem. A file that was removed lives on in those that have it open.
type memFile struct {
	m      *Mem
	name   string // as it was opened, for errors
	node   *node
	closed bool // guarded by Mem.mu
}

// lock takes the file system's lock for an operation, which it refuses on a closed file or with a negative number.
func (f *memFile) lock(op string, number int64) error {
	f.m.mu.Lock()
	var err error
	switch {
	case f.closed:
		err = fs.ErrClosed
	case number < 0:
		err = fs.ErrInvalid
	default:
		return nil
	}
	f.m.mu.Unlock()
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// ReadAt implements io.ReaderAt.
func (f *memFile) ReadAt(p []byte, offset int64) (int, error) {
	if err := f.lock("read", offset); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	n := f.node.content.readAt(p, offset)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements io.WriterAt.
func (f *memFile) WriteAt(p []byte, offset int64) (int, error) {
	if err := f.lock("write", offset); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	if len(p) > 0 {
		f.node.do(edit{offset: offset, data: append([]byte(nil), p...), to: max(f.node.content.size, offset+int64(len(p)))})
	}
	return len(p), nil
}

// Truncate implements File.
func (f *memFile) Truncate(size int64) error {
	if err := f.lock("truncate", size); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	f.node.do(edit{to: size})
	return nil
}

// Allocate implements File.
func (f *memFile) Allocate(size int64) error { return f.Truncate(size) }

// Sync implements File.
func (f *memFile) Sync() error {
	if err := f.lock("sync", 0); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	for _, e := range f.node.edits {
		e.apply(&f.node.synced)
	}
	f.node.edits = nil
	return nil
}

// Size implements File.
func (f *memFile) Size() (int64, error) {
	if err := f.lock("stat", 0); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	return f.node.content.size, nil
}

// Close implements io.Closer.
func (f *memFile) Close() error {
	if err := f.lock("close", 0); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	f.closed = true
	return nil
}

// edit is a change of a file's content: a write, or a change of size when there is no data.
type edit struct {
	offset   int64
	data     []byte
	from, to int64 // the file's size before and after
}

// do makes an edit that is not durable yet. Mem.mu is held.
func (n *node) do(e edit) {
	e.from = n.content.size
	e.apply(&n.content)
	n.edits = append(n.edits, e)
	n.modified = time.Now()
}

func (e edit) apply(content *sparse) {
	content.resize(e.to)
	content.writeAt(e.data, e.offset)
}

// memLock is a lock that is held on a file.
type memLock struct{ *memFile }

// Lock implements FS.
func (m *Mem) Lock(name string) (Lock, error) {
	name = filepath.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[name] == nil && !m.isDir(name) {
		if _, err := m.make(name); err != nil {
			return nil, err
		}
	}
	n, err := m.file("lock", name)
	if err != nil {
		return nil, err
	}
	if n.locked {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: ErrLocked}
	}
	n.locked = true
	return memLock{&memFile{m: m, name: name, node: n}}, nil
}

// Close implements io.Closer.
func (l memLock) Close() error {
	if err := l.memFile.Close(); err != nil {
		return err
	}
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	l.node.locked = false
	return nil
}

// Write implements Lock.
func (l memLock) Write(text []byte) error {
	if err := l.Truncate(0); err != nil {
		return err
	}
	_, err := l.WriteAt(text, 0)
	return err
}
