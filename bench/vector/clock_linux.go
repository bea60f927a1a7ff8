package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// used is the processor time that this process took.
func used() time.Duration { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

// usedByThread is what the thread took.
func usedByThread() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		panic(err) // these clocks are always there
	}
	return time.Duration(t.Nano())
}
