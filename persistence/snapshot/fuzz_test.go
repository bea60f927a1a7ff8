package snapshot_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/snapshot"
)

// FuzzOpen reads any bytes, first as they are and then with checksums that are right.
func FuzzOpen(f *testing.F) {
	golden, err := os.ReadFile("testdata/v1.synap")
	must(f, err)
	f.Add(golden)
	f.Add(bytesOf(f, header, nil))
	f.Add(bytesOf(f, snapshot.Header{}, []chunk{{1, 1, 0, []byte("abc")}, {1, 1, 0, nil}, {1, 1, 1, []byte("defghi")}}))
	f.Add(snapshot.OneBlock(zip, 400, zipped(make([]byte, 400)), 400, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		readAny(t, content)
		fixed := bytes.Clone(content)
		snapshot.Fix(fixed)
		readAny(t, fixed)
	})
}

// FuzzBlock reads any block in a file that is right in all else.
func FuzzBlock(f *testing.F) {
	f.Add(uint8(plain), uint32(4), []byte("\x03abc"), int64(1), int64(3))
	f.Add(uint8(zip), uint32(400), zipped(make([]byte, 400)), int64(400), int64(0))
	f.Add(uint8(zip), uint32(5002), zipped(append([]byte{0x88, 0x27}, text(5000)...)), int64(1), int64(5000))
	f.Fuzz(func(t *testing.T, kind uint8, raw uint32, stored []byte, chunks, length int64) {
		if raw > 1<<20 && raw <= snapshot.MaxChunk {
			t.Skip() // it is allowed, and takes its time
		}
		readAny(t, snapshot.OneBlock(kind, raw, stored, chunks, length))
	})
}

// readAny fails the test unless a file is either refused or consistent in itself.
func readAny(t *testing.T, content []byte) {
	t.Helper()
	r, err := snapshot.Open(only(t, content), dir, "x")
	if err != nil {
		wantTyped(t, err)
		return
	}
	defer r.Close()
	verified := r.Verify()
	wantTyped(t, verified)
	var all error
	for i, s := range r.Sections() {
		chunks, length := int64(0), int64(0)
		err := r.Read(i, func(data []byte) error {
			chunks++
			length += int64(len(data))
			return nil
		})
		if err == nil && (chunks != s.Chunks || length != s.Bytes) {
			t.Errorf("%d chunks with %d bytes are in %+v", chunks, length, s)
		}
		all = errors.Join(all, err)
	}
	if (verified == nil) != (all == nil) {
		t.Errorf("Verify says %v, and Read %v", verified, all)
	}
}

func wantTyped(t *testing.T, err error) {
	t.Helper()
	if code := fault.CodeOf(err); err != nil && code != fault.Corrupt && code != fault.Unsupported {
		t.Errorf("refused with %v", err)
	}
}
