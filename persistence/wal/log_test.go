package wal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/persistence/wal"
)

func write(t testing.TB, l *wal.Log, m wal.Mark, synced uint64, payloads ...string) wal.Mark {
	t.Helper()
	var b []byte
	for _, p := range payloads {
		start := len(b)
		b = append(wal.Begin(b), p...)
		m = m.Seal(b[start:], synced)
	}
	if err := l.Write(b, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t testing.TB, fs vfs.FS, o wal.Options) *wal.Log {
	t.Helper()
	o.FS, o.Dir = fs, "log"
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 4096
	}
	l, err := wal.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func recovered(t testing.TB, l *wal.Log, after uint64) (string, wal.Recovered, error) {
	t.Helper()
	var got []string
	r, err := l.Recover(after, func(rec wal.Record) error {
		got = append(got, fmt.Sprintf("%d=%s", rec.Seq, rec.Payload))
		return nil
	})
	return strings.Join(got, " "), r, err
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	fs := vfs.NewMem()
	l := open(t, fs, wal.Options{})
	if got, _, err := recovered(t, l, 0); got != "" || err != nil {
		t.Fatalf("an empty log holds %q, %v", got, err)
	}
	m, err := l.Start(wal.Mark{}, 7)
	if err != nil {
		t.Fatal(err)
	}
	m = write(t, l, m, 0, "a", "b", "")
	m = write(t, l, m, 0, strings.Repeat("x", 5000))
	m = write(t, l, m, 0, "c")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, fs, wal.Options{})
	got, r, err := recovered(t, l, 0)
	if want := "1=a 2=b 3= 4=" + strings.Repeat("x", 5000) + " 5=c"; got != want || err != nil || r.Torn != nil || r.End != m {
		t.Fatalf("got %q %+v %v, want %q", got, r, err, want)
	}
	if l.First() != 1 || !l.Includes(7, 5) || l.Includes(8, 5) {
		t.Errorf("First() = %d", l.First())
	}
	m2, err := l.Start(r.End, 3)
	if err != nil || m2.Epoch != 8 {
		t.Fatalf("Start() = %v %v", m2, err)
	}
	write(t, l, m2, 5, "d")
	for after, want := range []string{"1=a 2=b 3= 4=" + strings.Repeat("x", 5000) + " 5=c 6=d", "2=b", "", "", "5=c 6=d", "6=d", ""} {
		rd, err := l.Reader(uint64(after))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			rec, err := rd.Next()
			if err != nil {
				break
			}
			got = append(got, fmt.Sprintf("%d=%s", rec.Seq, rec.Payload))
		}
		if g := strings.Join(got, " "); want != "" && !strings.HasPrefix(g, want) {
			t.Errorf("after %d: %q", after, g)
		}
	}
	if _, err := l.Reader(7); fault.CodeOf(err) != fault.OutOfRange {
		t.Errorf("a reader of the future: %v", err)
	}
}
