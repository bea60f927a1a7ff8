//go:build linux || darwin || freebsd || dragonfly

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

func free(dir string) (uint64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	// Signed on some systems, where what is kept for root counts as less than nothing.
	blocks := max(int64(stat.Bavail), 0)            //nolint:gosec,unconvert // the types differ between systems
	return uint64(blocks) * uint64(stat.Bsize), nil //nolint:gosec,unconvert // so do these
}
