package main

import (
	"os"
	"path/filepath"

	"github.com/hivellm/synap-go/persistence/vfs"
)

// readable is the file system for those who only look: it opens what this user may read and not write, too.
type readable struct{ vfs.FS }

// Open opens a file for reading.
func (readable) Open(name string) (vfs.File, error) {
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	return readableFile{file}, nil
}

// readableFile is an *os.File that was opened for reading: the system refuses to write it.
type readableFile struct{ *os.File }

// Allocate is refused, as Truncate is.
func (f readableFile) Allocate(size int64) error { return f.Truncate(size) }

// Size returns the file's length.
func (f readableFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
