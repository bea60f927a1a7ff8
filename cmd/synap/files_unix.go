//go:build unix

package main

import (
	"math"
	"syscall"
)

// mostFiles is how many files and sockets the system lets this process have open. The runtime has raised it to the most that there may be.
func mostFiles() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return math.MaxInt
	}
	return int(min(uint64(l.Cur), math.MaxInt32)) //nolint:gosec,unconvert // of other types elsewhere
}
