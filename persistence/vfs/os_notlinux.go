//go:build !linux

package vfs

import (
	"errors"
	"os"
)

// syncFile flushes the file; on macOS that goes through the disk's own cache.
func syncFile(f *os.File) error { return f.Sync() }

// reserve is for Linux.
func reserve(*os.File, int64) error { return errors.ErrUnsupported }
