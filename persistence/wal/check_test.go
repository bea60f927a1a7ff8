package wal_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/persistence/wal"
)

// looked is what an Inspection says of a log.
type looked struct {
	records uint64
	end     uint64
	torn    bool
	damage  []wal.Damage
}

func lookAt(t testing.TB, fs vfs.FS) (l looked) {
	t.Helper()
	found, err := wal.Inspection{
		FS: fs, Dir: "log",
		Record:  func(wal.Record) error { l.records++; return nil },
		Damaged: func(d wal.Damage) error { l.damage = append(l.damage, d); return nil },
	}.Run()
	if err != nil {
		t.Fatal(err)
	}
	if found.Records != l.records {
		t.Fatalf("it counts %d records, and shows %d", found.Records, l.records)
	}
	l.end, l.torn = found.End.Seq, found.Torn != nil
	return l
}

// TestInspectionAgreesWithRecovery spoils a log of one segment at every byte, in several ways: what recovery refuses is
// damage, what it cuts off is torn, and both name the same record.
func TestInspectionAgreesWithRecovery(t *testing.T) {
	name, content, _ := oneSegment(t, 12, 30, 3)
	rng := rand.New(rand.NewPCG(3, 4))
	ways := map[string]func(b []byte, at int) []byte{
		"a bit flips":        func(b []byte, at int) []byte { b[at] ^= 1 << rng.IntN(8); return b },
		"it is cut":          func(b []byte, at int) []byte { return b[:at] },
		"zeros from there":   func(b []byte, at int) []byte { clear(b[at:]); return b },
		"zeros behind it":    func(b []byte, _ int) []byte { return append(b, make([]byte, 100)...) },
		"a hole of 20 bytes": func(b []byte, at int) []byte { clear(b[at:min(len(b), at+20)]); return b },
	}
	for way, spoil := range ways {
		for at := range content {
			fs := vfs.NewMem()
			if err := fs.MkdirAll("log"); err != nil {
				t.Fatal(err)
			}
			put(t, fs, "log/"+name, spoil(append([]byte(nil), content...), at))
			agree(t, fs, way, at)
		}
	}
}

// agree compares an Inspection with a recovery, which changes the log.
func agree(t testing.TB, fs vfs.FS, way string, at int) {
	t.Helper()
	l := lookAt(t, fs)
	records := uint64(0)
	found, err := open(t, fs, wal.Options{}).Recover(0, func(wal.Record) error { records++; return nil })
	if (fault.CodeOf(err) == fault.Corrupt) != (len(l.damage) > 0) || (err == nil) != (len(l.damage) == 0) {
		t.Fatalf("%s, byte %d: recovery says %v, the inspection %v", way, at, err, l.damage)
	}
	if err != nil {
		if seq := fault.From(err).Details["sequence"]; seq != l.damage[0].Seq {
			t.Fatalf("%s, byte %d: recovery names record %v, the inspection %v", way, at, seq, l.damage[0])
		}
		return
	}
	if records != l.records || found.End.Seq != l.end || (found.Torn != nil) != l.torn {
		t.Fatalf("%s, byte %d: recovery finds %d records and %+v, the inspection %+v", way, at, records, found.Torn, l)
	}
}

// segmented returns a log of several segments, some of them compressed.
func segmented(t testing.TB) *vfs.Mem {
	t.Helper()
	fs := vfs.NewMem()
	l := open(t, fs, wal.Options{SegmentBytes: 700, Compress: true})
	if _, _, err := recovered(t, l, 0); err != nil {
		t.Fatal(err)
	}
	m, err := l.Start(wal.Mark{}, 7)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		m = write(t, l, m, m.Seq, strings.Repeat("x", 100+i))
		for more := i == 20; more; {
			if more, err = l.Compress(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return fs
}

// TestInspectionOfManySegments takes away, spoils and exchanges segments.
func TestInspectionOfManySegments(t *testing.T) {
	whole := lookAt(t, segmented(t))
	if whole.records != 30 || len(whole.damage) > 0 || whole.torn {
		t.Fatalf("a log that is whole: %+v", whole)
	}
	names, err := wal.Files(segmented(t), "log")
	if err != nil || len(names) < 5 || !strings.HasSuffix(names[1], ".zst") || strings.HasSuffix(names[len(names)-2], ".zst") {
		t.Fatalf("Files() = %v, %v", names, err)
	}
	spoil := func(fs vfs.FS, name string, f func(b []byte) []byte) {
		b, err := vfs.ReadAll(fs, "log/"+name, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		put(t, fs, "log/"+name, f(b))
	}
	tests := []struct {
		name  string
		spoil func(fs vfs.FS)
		file  string // where the damage is; "" is nowhere
		why   string
	}{
		{"the first is gone", func(fs vfs.FS) { _ = fs.Remove("log/" + names[0]) }, "", ""},
		{"one in the middle is gone", func(fs vfs.FS) { _ = fs.Remove("log/" + names[2]) }, names[3], "gap"},
		{"a compressed one is cut", func(fs vfs.FS) { spoil(fs, names[1], func(b []byte) []byte { return b[:len(b)-5] }) }, names[1], ""},
		{"a compressed one is spoilt", func(fs vfs.FS) { spoil(fs, names[1], func(b []byte) []byte { b[len(b)/2] ^= 9; return b }) }, names[1], ""},
		{"one that is complete is cut", func(fs vfs.FS) { spoil(fs, names[4], func(b []byte) []byte { return b[:len(b)-5] }) }, names[4], "the file ends"},
		{"a header is spoilt", func(fs vfs.FS) { spoil(fs, names[4], func(b []byte) []byte { b[30] ^= 1; return b }) }, names[4], "header"},
		{"a file has the name of another", func(fs vfs.FS) {
			b, _ := vfs.ReadAll(fs, "log/"+names[4], 1<<20)
			spoil(fs, names[5], func([]byte) []byte { return b })
		}, names[5], "another segment"},
		{"the last record is cut", func(fs vfs.FS) { spoil(fs, names[len(names)-1], func(b []byte) []byte { return b[:len(b)-5] }) }, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fs := segmented(t)
			test.spoil(fs)
			l := lookAt(t, fs)
			switch {
			case test.file == "" && len(l.damage) > 0:
				t.Errorf("it finds %v", l.damage)
			case test.file != "" && (len(l.damage) != 1 || l.damage[0].Segment != test.file || !strings.Contains(l.damage[0].Why, test.why)):
				t.Errorf("it finds %v, want one thing in %s about %q", l.damage, test.file, test.why)
			}
			if l.end < 29 {
				t.Errorf("it stops at record %d: what follows damage is to be read, too", l.end)
			}
		})
	}
}

// TestInspectionStopsWhereItIsTold ends at an error of its own callbacks.
func TestInspectionStopsWhereItIsTold(t *testing.T) {
	enough := errors.New("enough")
	n := 0
	_, err := wal.Inspection{
		FS: segmented(t), Dir: "log", From: 11,
		Record: func(r wal.Record) error {
			if n++; r.Seq != uint64(10+n) {
				t.Errorf("record %d is the %d-th", r.Seq, n)
			}
			if n == 5 {
				return enough
			}
			return nil
		},
	}.Run()
	if !errors.Is(err, enough) || n != 5 {
		t.Errorf("after %d records it ends with %v", n, err)
	}
}
