package wal_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/persistence/wal"
)

// torture is set for runs that take as long as they take.
var torture = os.Getenv("SYNAP_TORTURE") != ""

// put makes the content of a file what it says, on disk.
func put(t testing.TB, fs vfs.FS, name string, content []byte) {
	t.Helper()
	if _, err := fs.Stat(name); err == nil {
		if err := fs.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := vfs.Publish(fs, name, content); err != nil {
		t.Fatal(err)
	}
}

// oneSegment returns the file of a log with n records of up to longest bytes, its name, and where each record ends. The
// records say that all before the last unsynced ones were on disk.
func oneSegment(t testing.TB, n, longest, unsynced int) (name string, content []byte, ends []int) {
	t.Helper()
	fs := vfs.NewMem()
	l := open(t, fs, wal.Options{SegmentBytes: 64})
	if _, _, err := recovered(t, l, 0); err != nil {
		t.Fatal(err)
	}
	m, err := l.Start(wal.Mark{}, 0x0123456789)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var b []byte
	for i := range n {
		start := len(b)
		b = append(wal.Begin(b), payload(i+1, rng.IntN(longest))...)
		m = m.Seal(b[start:], uint64(min(i, n-unsynced)))
		ends = append(ends, 64+len(b))
	}
	if err := l.Write(b, m); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("log")
	if err != nil || len(names) != 1 {
		t.Fatalf("List() = %v %v", names, err)
	}
	content, err = vfs.ReadAll(fs, "log/"+names[0], 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return names[0], content, ends
}

func payload(i, length int) string {
	return fmt.Sprintf("record %d %s", i, strings.Repeat(string(rune('a'+i%26)), length))
}

// read recovers a log of the one segment and returns how many records it has; every one must be what was written.
func read(t testing.TB, name string, content []byte) (n int, r wal.Recovered, err error) {
	t.Helper()
	fs := vfs.NewMem()
	if err := fs.MkdirAll("log"); err != nil {
		t.Fatal(err)
	}
	put(t, fs, "log/"+name, content)
	l := open(t, fs, wal.Options{})
	rng := rand.New(rand.NewPCG(1, 2))
	r, err = l.Recover(0, func(rec wal.Record) error {
		n++
		if want := payload(n, rng.IntN(longest)); rec.Seq != uint64(n) || string(rec.Payload) != want {
			t.Errorf("record %d is %d %q", n, rec.Seq, rec.Payload)
		}
		return nil
	})
	return n, r, err
}

const longest = 600

// whole returns how many of the records end at or before the offset.
func whole(ends []int, offset int) (n int) {
	for n < len(ends) && ends[n] <= offset {
		n++
	}
	return n
}

// TestTornTail cuts the log, fills it with zeros and fills it with garbage from every byte of its last 64 KiB on.
func TestTornTail(t *testing.T) {
	name, content, ends := oneSegment(t, 200, longest, 200)
	step := 37
	if torture {
		step = 1
	}
	garbage := make([]byte, len(content))
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range garbage {
		garbage[i] = byte(rng.Uint32())
	}
	for _, test := range []struct {
		name string
		tear func(at int) []byte
	}{
		{"cut", func(at int) []byte { return content[:at] }},
		{"zeros", func(at int) []byte { return append(content[:at:at], make([]byte, len(content)-at)...) }},
		{"garbage", func(at int) []byte { return append(content[:at:at], garbage[at:]...) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			for at := max(64, len(content)-64<<10); at < len(content); at += step {
				n, r, err := read(t, name, test.tear(at))
				if want := whole(ends, at); err != nil || n != want {
					t.Fatalf("from byte %d on: %d records and %v, want %d", at, n, err, want)
				}
				if at > ends[n] && r.Torn == nil && test.name != "zeros" {
					t.Fatalf("from byte %d on: nothing was noticed", at)
				}
			}
		})
	}
}

// TestBitFlips flips every bit of a log. A flip in what was on disk when later records were written is refused; one in
// the last records is taken for a write that was cut short, and said. None is loaded.
func TestBitFlips(t *testing.T) {
	name, content, ends := oneSegment(t, 50, longest, 5)
	if len(content) < 14<<10 || len(content) > 20<<10 {
		t.Fatalf("the log has %d bytes", len(content))
	}
	step := 11
	if torture {
		step = 1
	}
	for bit := 0; bit < 8*len(content); bit += step {
		flipped := append([]byte(nil), content...)
		flipped[bit/8] ^= 1 << (bit % 8)
		n, r, err := read(t, name, flipped)
		hit := whole(ends, bit/8)
		switch {
		case bit/8 < 64 || hit < 45:
			if fault.CodeOf(err) != fault.Corrupt {
				t.Fatalf("bit %d of byte %d, in record %d: %v, want corrupt", bit%8, bit/8, hit+1, err)
			}
		case err != nil || r.Torn == nil || n != hit:
			t.Fatalf("bit %d of byte %d, in record %d: %d records, %+v %v", bit%8, bit/8, hit+1, n, r.Torn, err)
		}
	}
}

// TestRecordsBehindAHole is a machine that lost power while it wrote: a later sector is there, an earlier one is not.
func TestRecordsBehindAHole(t *testing.T) {
	name, content, ends := oneSegment(t, 50, longest, 5)
	clear(content[ends[46]+3 : ends[47]])
	n, r, err := read(t, name, content)
	if err != nil || n != 47 || r.Torn == nil || r.Torn.Records != 2 || r.Torn.Offset != int64(ends[46]) {
		t.Errorf("%d records, %+v %v; want 47, and 2 dropped behind the hole", n, r.Torn, err)
	}
	_, content, ends = oneSegment(t, 50, longest, 5)
	clear(content[ends[30]+3 : ends[31]])
	if _, _, err = read(t, name, content); fault.CodeOf(err) != fault.Corrupt || fault.From(err).Details["sequence"] != uint64(32) {
		t.Errorf("a hole in what was on disk: %v", err)
	}
}

// script writes, forces, rotates, packs and trims, and returns the last record that was known to be on disk, and the last one that
// was written.
func script(fs vfs.FS, round int) (synced, written uint64, err error) {
	l, err := wal.Open(wal.Options{FS: fs, Dir: "log", SegmentBytes: 300, Compress: true})
	if err != nil {
		return 0, 0, err
	}
	r, err := l.Recover(0, func(rec wal.Record) error { return check(rec) })
	if err != nil {
		return 0, 0, err
	}
	synced, written = r.End.Seq, r.End.Seq
	m, err := l.Start(r.End, uint64(100+round))
	if err != nil {
		return synced, written, err
	}
	for i := range 12 {
		var b []byte
		for range 1 + i%3 {
			start := len(b)
			b = append(wal.Begin(b), payload(int(m.Seq+1), int(m.Seq)%40)...)
			m = m.Seal(b[start:], synced)
		}
		written = m.Seq
		if err := l.Write(b, m); err != nil {
			return synced, written, err
		}
		if i%4 == 2 {
			if err := l.Sync(); err != nil {
				return synced, written, err
			}
			synced = m.Seq
		}
		if i%5 == 3 {
			if _, err := l.Compress(); err != nil {
				return synced, written, err
			}
		}
	}
	if err := l.Close(); err != nil {
		return synced, written, err
	}
	return m.Seq, m.Seq, nil
}

func check(rec wal.Record) error {
	if want := payload(int(rec.Seq), int(rec.Seq-1)%40); string(rec.Payload) != want {
		return fmt.Errorf("record %d is %q", rec.Seq, rec.Payload)
	}
	return nil
}

// inspect recovers what is left and checks that nothing which was on disk is missing.
func inspect(t *testing.T, what string, fs vfs.FS, synced, written uint64) {
	t.Helper()
	l := open(t, fs, wal.Options{SegmentBytes: 300})
	r, err := l.Recover(0, check)
	if err != nil || r.End.Seq < synced || r.End.Seq > written {
		t.Fatalf("%s: the log ends with %d and %v; %d were on disk, %d written", what, r.End.Seq, err, synced, written)
	}
}

// TestPowerLoss takes the power away after every operation of a script, on a disk that loses what it may.
func TestPowerLoss(t *testing.T) {
	rounds := 3
	if torture {
		rounds = 300
	}
	for seed := range rounds {
		for n := int64(1); ; n++ {
			mem := vfs.NewMem()
			off := errors.New("the power is off")
			var crashed *vfs.Mem
			fs := vfs.NewFaulty(mem, func(op vfs.Op) vfs.Fault {
				if op.N >= n && crashed == nil {
					crashed = mem.Crash(luck(seed, n))
				}
				if crashed != nil {
					return vfs.Fault{Err: off}
				}
				return vfs.Fault{}
			})
			synced, written, err := script(fs, 0)
			if crashed == nil {
				if err != nil || n < 40 {
					t.Fatalf("the script ended after %d operations: %v", n, err)
				}
				break
			}
			inspect(t, fmt.Sprintf("power lost at operation %d, seed %d", n, seed), crashed, synced, written)
			// It goes on from there, and loses the power once more, later.
			if _, _, err := script(crashed, 1); err != nil {
				t.Fatalf("after a power loss at operation %d: %v", n, err)
			}
		}
	}
}

// luck is the strictest outcome first, then chance.
func luck(seed int, n int64) *rand.Rand {
	if seed == 0 {
		return nil
	}
	return rand.New(rand.NewPCG(uint64(seed), uint64(n)))
}

// TestTheNthOperationFails has every operation fail in turn, in every way.
func TestTheNthOperationFails(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for _, short := range []int{0, 7} {
			for n := int64(1); ; n++ {
				mem := vfs.NewMem()
				failed := ""
				fs := vfs.NewFaulty(mem, func(op vfs.Op) vfs.Fault {
					if op.N != n {
						return vfs.Fault{}
					}
					failed = op.String()
					return vfs.Fault{Err: cause, Short: short}
				})
				synced, written, err := script(fs, 0)
				if failed == "" {
					break
				}
				what := fmt.Sprintf("%s fails with %v", failed, cause)
				if err != nil && !errors.Is(err, cause) {
					t.Fatalf("%s: the error is %v", what, err)
				}
				inspect(t, what, mem.Kill(), synced, written)
				if _, _, err := script(mem.Kill(), 1); err != nil {
					t.Fatalf("%s: afterwards: %v", what, err)
				}
			}
		}
	}
}

// TestDamageIsRefusedUntilItIsGivenUp damages each file of a log but the last, at several places.
func TestDamageIsRefusedUntilItIsGivenUp(t *testing.T) {
	for file := range 6 {
		for part := range 5 {
			fs := vfs.NewMem()
			if _, _, err := script(fs, 0); err != nil {
				t.Fatal(err)
			}
			names, err := fs.List("log")
			if err != nil || len(names) != 7 || strings.HasSuffix(names[0], ".wal") {
				t.Fatalf("the files are %v, %v; 7 are expected, the first of them compressed", names, err)
			}
			name := "log/" + names[file]
			content, err := vfs.ReadAll(fs, name, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			content[len(content)*part/5] ^= 0x10
			put(t, fs, name, content)
			giveUp(t, fs, names[file])
			if _, _, err := script(fs, 1); err != nil {
				t.Fatalf("%s: afterwards: %v", name, err)
			}
		}
	}
}

// giveUp recovers a log that is damaged in the file.
func giveUp(t *testing.T, fs vfs.FS, file string) {
	t.Helper()
	_, err := open(t, fs, wal.Options{}).Recover(0, check)
	e := fault.From(err)
	if fault.CodeOf(err) != fault.Corrupt || e.Details["file"] != file {
		t.Fatalf("%s is damaged: %v", file, err)
	}
	sequence := e.Details["sequence"].(uint64)
	if _, err := open(t, fs, wal.Options{AcceptLossFrom: sequence + 1}).Recover(0, check); fault.CodeOf(err) != fault.Corrupt {
		t.Fatalf("%s: the loss of another record was accepted, and then: %v", file, err)
	}
	r, err := open(t, fs, wal.Options{AcceptLossFrom: sequence}).Recover(0, check)
	if err != nil || r.End.Seq != sequence-1 || r.Torn == nil || !r.Torn.Given {
		t.Fatalf("%s, given up from %d on: %+v %+v %v", file, sequence, r, r.Torn, err)
	}
	if again, err := open(t, fs, wal.Options{}).Recover(0, check); err != nil || again.End.Seq != r.End.Seq {
		t.Fatalf("%s, the next time: %+v %v", file, again, err)
	}
}

// TestAMissingSegmentIsNoticed removes each segment in turn.
func TestAMissingSegmentIsNoticed(t *testing.T) {
	for i := 0; ; i++ {
		fs := vfs.NewMem()
		_, written, err := script(fs, 0)
		if err != nil {
			t.Fatal(err)
		}
		names, _ := fs.List("log")
		if i == len(names)-1 {
			break // without the last one the log is shorter, and nobody can tell
		}
		if err := fs.Remove(filepath.Join("log", names[i])); err != nil {
			t.Fatal(err)
		}
		l := open(t, fs, wal.Options{SegmentBytes: 300})
		if r, err := l.Recover(0, check); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("without %s: %d of %d records, %v", names[i], r.End.Seq, written, err)
		}
	}
}

// TestReadingWhileItIsWritten reads with several readers while a writer writes, rotates and packs.
func TestReadingWhileItIsWritten(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, wal.Options{SegmentBytes: 2000, Compress: true})
	if _, _, err := recovered(t, l, 0); err != nil {
		t.Fatal(err)
	}
	m, err := l.Start(wal.Mark{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	const total = 2000
	done := make(chan error, 3)
	for range cap(done) {
		go func() {
			r, err := l.Reader(0)
			for n := uint64(0); err == nil && n < total; {
				var rec wal.Record
				if rec, err = r.Next(); errors.Is(err, io.EOF) {
					err = nil
					continue
				}
				if err == nil {
					n++
					err = check(rec)
				}
				if err == nil && rec.Seq != n {
					err = fmt.Errorf("record %d comes as number %d", rec.Seq, n)
				}
			}
			done <- err
		}()
	}
	for m.Seq < total {
		m = write(t, l, m, 0, payload(int(m.Seq+1), int(m.Seq)%40))
		if m.Seq%100 == 0 {
			for more := true; more; {
				if more, err = l.Compress(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n, err := l.RemoveBefore(total / 2); err != nil || n == 0 || l.First() > total/2+1 {
		t.Errorf("RemoveBefore() = %d %v, and the first record is %d", n, err, l.First())
	}
	if _, err := l.Reader(0); fault.CodeOf(err) != fault.OutOfRange {
		t.Errorf("a reader of what was removed: %v", err)
	}
}
