// Package vfs is the file system as a log needs it: few operations, each with a plain promise about what a
// crash leaves.
//
// OS is the real one. Mem lives in memory and knows what was synced, so that a test can ask what a machine
// would find after losing power at any moment. Faulty wraps either and makes chosen operations fail.
//
// Three rules hold for all of them, and whoever writes to disk must keep them in mind:
//
//   - What was written is durable when Sync of its file has returned, not before. Until then each 512-byte
//     sector of it may be on disk or not, in any combination, and so may the file's size.
//   - A name that was made, moved or removed is durable when SyncDir of its directory has returned.
//   - After a Sync that failed nobody knows what is on disk. Trying again proves nothing.
package vfs

import (
	"errors"
	"io"
	"time"
)

// ErrLocked is what Lock fails with when somebody else holds the lock.
var ErrLocked = errors.New("locked by another process")

// FS is a file system. Names are paths in the form of the operating system. Errors are those of package os:
// errors.Is(err, fs.ErrNotExist) and fs.ErrExist mean what they say. All methods are safe for concurrent use.
type FS interface {
	// Create makes a new file, open for reading and writing. It fails with fs.ErrExist when there is one.
	Create(name string) (File, error)

	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)

	// Rename moves a file, in one step, and replaces a file that has the new name. It moves no directories.
	Rename(from, to string) error

	// Remove removes a file. Whoever has it open keeps using it, where the system allows that. It removes no
	// directories.
	Remove(name string) error

	// MkdirAll makes a directory and those above it, where they are missing, durable each in its parent.
	MkdirAll(dir string) error

	// List returns the names in a directory, sorted. It fails with fs.ErrNotExist when there is no such directory.
	List(dir string) ([]string, error)

	// Stat describes a file or a directory, whose size is 0.
	Stat(name string) (Info, error)

	// SyncDir returns when what was made, moved and removed in a directory is durable.
	SyncDir(dir string) error

	// Lock takes an exclusive lock on a file, made if need be, that the process holds until Close or its own end.
	// It does not wait: when another holds the lock, it fails with ErrLocked. Taking it twice in one process fails, too.
	Lock(name string) (Lock, error)

	// Free returns how many bytes of disk space are left to this user where dir is.
	Free(dir string) (bytes uint64, err error)
}

// File is an open file. All methods are safe for concurrent use, and fail with fs.ErrClosed after Close.
type File interface {
	io.ReaderAt
	io.WriterAt // past the end it makes the file longer; what lies between reads as zeros
	io.Closer

	// Truncate makes the file size bytes long. What it gains reads as zeros.
	Truncate(size int64) error

	// Allocate makes the file size bytes long and reserves the disk space, so that writing within it does not
	// find the disk full. What it gains reads as zeros. Where space cannot be reserved it is Truncate.
	Allocate(size int64) error

	// Sync returns when the file's content and size are on disk. Its name is SyncDir's business.
	Sync() error

	// Size returns the file's length in bytes.
	Size() (int64, error)
}

// Lock is a lock that is held. Close gives it back and leaves the file.
type Lock interface {
	io.Closer

	// Write replaces the text of the lock file, which others may read. It is not synced: it concerns the living.
	Write(text []byte) error
}

// Info describes a file.
type Info struct {
	Size     int64 // bytes
	Modified time.Time
}
