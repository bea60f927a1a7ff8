package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFile flushes the content and what is needed to find it again, the size included, but not the times.
func syncFile(f *os.File) error {
	return control(f, "fdatasync", unix.Fdatasync)
}

// reserve makes the file at least size bytes long with blocks behind every byte.
func reserve(f *os.File, size int64) error {
	if size == 0 {
		return nil // fallocate does not take it
	}
	return control(f, "fallocate", func(fd int) error { return unix.Fallocate(fd, 0, 0, size) })
}

// control runs a system call on the file's descriptor, again when a signal came in between.
func control(f *os.File, name string, call func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = raw.Control(func(fd uintptr) {
		for {
			if result = call(int(fd)); !errors.Is(result, unix.EINTR) { //nolint:gosec // a descriptor is small
				return
			}
		}
	})
	if err != nil {
		result = os.ErrClosed // nothing else keeps Control from running, but the error it has is not this one
	}
	if result != nil {
		return &os.PathError{Op: name, Path: f.Name(), Err: result}
	}
	return nil
}
