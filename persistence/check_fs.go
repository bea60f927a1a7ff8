package persistence

import (
	"io/fs"

	"github.com/hivellm/synap-go/persistence/vfs"
)

// looking is a file system that nothing can be changed through. It counts what is read.
type looking struct {
	vfs.FS
	read func(bytes int)
}

func (l looking) Open(name string) (vfs.File, error) {
	file, err := l.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return lookingFile{file, l.read}, nil
}

func (l looking) Create(name string) (vfs.File, error) { return nil, refused("create", name) }
func (l looking) Rename(from, _ string) error          { return refused("rename", from) }
func (l looking) Remove(name string) error             { return refused("remove", name) }
func (l looking) MkdirAll(dir string) error            { return refused("mkdir", dir) }
func (l looking) SyncDir(dir string) error             { return refused("sync", dir) }
func (l looking) Lock(name string) (vfs.Lock, error)   { return nil, refused("lock", name) }
func refused(op, name string) error                    { return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission} }

// lookingFile is a file that is only read.
type lookingFile struct {
	vfs.File
	read func(bytes int)
}

func (f lookingFile) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(b, at)
	f.read(n)
	return n, err
}

func (f lookingFile) WriteAt([]byte, int64) (int, error) { return 0, fs.ErrPermission }
func (f lookingFile) Truncate(int64) error               { return fs.ErrPermission }
func (f lookingFile) Allocate(int64) error               { return fs.ErrPermission }
func (f lookingFile) Sync() error                        { return fs.ErrPermission }
