package main

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io/fs"
	"path/filepath"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// files writes files into a directory, one after the other, each from its beginning to its end.
type files struct {
	dir  string
	name string // of the one that is written
	file vfs.File
	at   int64
	sum  hash.Hash // of everything
	dirs []string  // that were made
}

func newFiles(dir string) *files { return &files{dir: dir, sum: sha256.New()} }

// write adds a piece to the file of that name.
func (f *files) write(name string, at int64, data []byte) error {
	if name != f.name {
		if err := f.next(name); err != nil {
			return err
		}
	}
	if at != f.at {
		return fault.New(fault.Corrupt, "%s: a piece for offset %d comes after %d bytes", name, at, f.at)
	}
	_, _ = f.sum.Write(data) // a hash never fails
	_, err := f.file.WriteAt(data, at)
	f.at += int64(len(data))
	return err
}

// next ends the file that was written, and begins another.
func (f *files) next(name string) error {
	if err := f.close(); err != nil {
		return err
	}
	if err := checkName(name); err != nil {
		return err
	}
	dir := filepath.Join(f.dir, filepath.Dir(filepath.FromSlash(name)))
	if err := vfs.OS.MkdirAll(dir); err != nil {
		return err
	}
	f.dirs = append(f.dirs, dir)
	var err error
	f.file, err = vfs.OS.Create(filepath.Join(f.dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Corrupt, "%s comes twice", name)
	}
	f.name, f.at = name, 0
	return err
}

// close forces the file that was written to disk.
func (f *files) close() error {
	if f.file == nil {
		return nil
	}
	err := errors.Join(f.file.Sync(), f.file.Close())
	f.file = nil
	return err
}

// finish returns when everything is on disk.
func (f *files) finish() error {
	err := f.close()
	for _, dir := range append(f.dirs, f.dir) {
		err = errors.Join(err, vfs.OS.SyncDir(dir))
	}
	return err
}
