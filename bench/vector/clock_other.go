//go:build !linux

package main

import "time"

var start = time.Now()

// used is the time that went by: of processor time nothing is known here.
func used() time.Duration { return time.Since(start) }

// usedByThread is the same.
func usedByThread() time.Duration { return time.Since(start) }
