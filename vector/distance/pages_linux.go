package distance

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// advise asks for huge pages: a walk touches a new page with nearly every row, and the processor remembers
// where few thousand small pages are. It is a wish: an error changes nothing.
func advise(b []byte) {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	from := (start + hugePage - 1) &^ (hugePage - 1)
	to := (start + uintptr(len(b))) &^ (hugePage - 1)
	if from < to {
		_ = unix.Madvise(b[from-start:to-start], unix.MADV_HUGEPAGE)
	}
}
