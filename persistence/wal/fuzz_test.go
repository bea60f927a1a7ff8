package wal_test

import (
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/persistence/wal"
)

// FuzzSegment recovers a log whose only segment, or the first of two, is anything: it is read or refused, it is never
// changed when it is refused, and what was read once is read again.
func FuzzSegment(f *testing.F) {
	name, content, ends := oneSegment(f, 5, 40, 2)
	f.Add(content, false)
	f.Add(content[:ends[3]+7], false)
	f.Add(content[:ends[2]], true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, content []byte, more bool) {
		if len(content) > 1<<20 {
			return
		}
		fs := vfs.NewMem()
		if err := fs.MkdirAll("log"); err != nil {
			t.Fatal(err)
		}
		put(t, fs, "log/"+name, content)
		if more {
			put(t, fs, "log/00000000000000000006-0000000123456789.wal", content)
		}
		count := func() (n int, err error) {
			_, err = open(t, fs, wal.Options{}).Recover(0, func(wal.Record) error { n++; return nil })
			return n, err
		}
		n, err := count()
		if err != nil && fault.CodeOf(err) != fault.Corrupt {
			t.Fatalf("it is refused with %v", err)
		}
		again, err2 := count()
		if again != n || (err == nil) != (err2 == nil) {
			t.Fatalf("read once: %d records, %v; read again: %d, %v", n, err, again, err2)
		}
	})
}
