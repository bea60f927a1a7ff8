package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// What the operating system creates belongs to its user alone.
const (
	fileMode = 0o600
	dirMode  = 0o700
)

// OS is the file system of the operating system.
var OS FS = osFS{}

type osFS struct{}

func (osFS) Create(name string) (File, error) {
	return openOS(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (osFS) Open(name string) (File, error) {
	return openOS(name, os.O_RDWR)
}

func openOS(name string, flags int) (File, error) {
	f, err := os.OpenFile(name, flags, fileMode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Rename(from, to string) error {
	if err := refuseDir("rename", from); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (osFS) Remove(name string) error {
	if err := refuseDir("remove", name); err != nil {
		return err
	}
	return os.Remove(name)
}

// refuseDir keeps an operation on files away from directories.
func refuseDir(op, name string) error {
	info, err := os.Lstat(name)
	if err == nil && info.IsDir() {
		return &fs.PathError{Op: op, Path: name, Err: syscall.EISDIR}
	}
	return err
}

// MkdirAll syncs the parent of dir also when dir is there: whoever made it may have died before doing so.
func (o osFS) MkdirAll(dir string) error {
	parent := filepath.Dir(dir)
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		_ = o.SyncDir(parent) // the parent may be one that this user cannot open, and then it is not ours to care for
		return nil
	}
	if parent != dir {
		if err := o.MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return errors.Join(err, &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR})
	}
	return o.SyncDir(parent)
}

func (osFS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names, nil
}

func (osFS) Stat(name string) (Info, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	if info.IsDir() {
		return Info{Modified: info.ModTime()}, nil
	}
	return Info{Size: info.Size(), Modified: info.ModTime()}, nil
}

func (osFS) SyncDir(dir string) error { return syncDir(dir) }

func (osFS) Free(dir string) (uint64, error) { return free(dir) }

func (osFS) Lock(name string) (Lock, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		_ = f.Close() // nothing was written to it
		return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	return osLock{f}, nil
}

// osFile is an *os.File; ReadAt, WriteAt, Truncate and Close are its own.
type osFile struct{ *os.File }

func (f osFile) Sync() error { return syncFile(f.File) }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) Allocate(size int64) error {
	if size < 0 {
		return &fs.PathError{Op: "allocate", Path: f.Name(), Err: fs.ErrInvalid}
	}
	err := reserve(f.File, size)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if had, err2 := f.Size(); err == nil && err2 == nil && had == size {
		return nil
	}
	return f.Truncate(size)
}

type osLock struct{ f *os.File }

// Close gives the lock back with the file.
func (l osLock) Close() error { return l.f.Close() }

func (l osLock) Write(text []byte) error {
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err := l.f.WriteAt(text, 0)
	return err
}
