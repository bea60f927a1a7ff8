package snapshot_test

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/snapshot"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// text is data that compresses, though not to nothing.
func text(n int) []byte {
	words := []string{"key", "value", "user", "session", "2026", "17", "true", "null", "synap", "\n"}
	rng := rand.New(rand.NewPCG(5, 6))
	var b []byte
	for len(b) < n {
		b = append(append(b, words[rng.IntN(len(words))]...), ' ')
	}
	return b[:n]
}

// mixed has blocks that are compressed and blocks that are not, and takes about 16 KiB.
var mixed = []chunk{
	{1, 1, 0, text(30_000)}, {1, 1, 0, nil}, {1, 1, 0, text(9)}, {1, 1, 1, noise(9_000)}, {2, 3, 0, []byte("a")}, {1, 1, 0, nil},
}

// bytesOf returns a snapshot's file.
func bytesOf(t testing.TB, h snapshot.Header, chunks []chunk) []byte {
	t.Helper()
	m := newMem(t)
	done, err := write(m, h, chunks)
	must(t, err)
	content, err := vfs.ReadAll(m, filepath.Join(dir, done.Name), 1<<30)
	must(t, err)
	return content
}

// only returns a file system with one file, "x", in the directory.
func only(t testing.TB, content []byte) *vfs.Mem {
	t.Helper()
	m := newMem(t)
	must(t, vfs.Publish(m, filepath.Join(dir, "x"), content))
	return m
}

// wantRefused fails the test unless Open or Verify finds the damage, and whoever does not verify gets nothing but what
// was written until the damage is found.
func wantRefused(t *testing.T, content []byte, written []chunk, what string, args ...any) {
	t.Helper()
	m := only(t, content)
	r, err := snapshot.Open(m, dir, "x")
	if err != nil {
		if fault.CodeOf(err) != fault.Corrupt {
			t.Errorf(what+": Open says %v", append(args, err)...)
		}
		return
	}
	defer r.Close()
	if err := r.Verify(); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf(what+": Verify says %v", append(args, err)...)
	}
	found := false
	for i, s := range r.Sections() {
		first := len(written) - remaining(r, i)
		n := 0
		err := r.Read(i, func(data []byte) error {
			if c := written[first+n]; c.part != s.Part || !bytes.Equal(c.data, data) {
				t.Errorf(what+": section %d has another chunk %d", append(args, i, n)...)
			}
			n++
			return nil
		})
		found = found || fault.CodeOf(err) == fault.Corrupt
	}
	if !found {
		t.Errorf(what+": all sections can be read", args...)
	}
}

// remaining returns how many chunks there are from a section on.
func remaining(r *snapshot.Reader, section int) (n int) {
	for _, s := range r.Sections()[section:] {
		n += int(s.Chunks)
	}
	return n
}

func TestAnyFlippedBitIsFound(t *testing.T) {
	file := bytesOf(t, header, mixed)
	if len(file) < 14<<10 || len(file) > 20<<10 {
		t.Fatalf("the file has %d bytes", len(file))
	}
	for bit := 0; bit < 8*len(file); bit += often(37, 1) {
		file[bit/8] ^= 1 << (bit % 8)
		wantRefused(t, file, mixed, "bit %d of byte %d", bit%8, bit/8)
		file[bit/8] ^= 1 << (bit % 8)
	}
}

func TestAnyOtherLengthIsFound(t *testing.T) {
	file := bytesOf(t, header, mixed)
	for n := 0; n < len(file); n += often(13, 1) {
		wantRefused(t, file[:n], mixed, "cut to %d of %d bytes", n, len(file))
		wantRefused(t, file[len(file)-n:], mixed, "the last %d of %d bytes", n, len(file))
	}
	for _, more := range [][]byte{{0}, make([]byte, 4096), file} {
		wantRefused(t, append(bytes.Clone(file), more...), mixed, "%d bytes more", len(more))
	}
}

func TestWhatBelongsElsewhereIsFound(t *testing.T) {
	chunks := []chunk{{1, 1, 0, noise(5000)}, {1, 1, 0, make([]byte, 256<<10)}, {1, 1, 0, noise(5000)}, {1, 1, 1, noise(5000)}}
	file := bytesOf(t, header, chunks)
	another := header
	another.Created++
	other := bytesOf(t, another, chunks)

	begin, block := 44+len(header.Version), 21+2+5000 // of the header, and of each block of noise
	last := len(file) - 28 - 2*35 - block
	if len(file) != len(other) || !bytes.Equal(file[begin+21:begin+block], file[last+21:last+block]) {
		t.Fatal("the blocks are not where they are expected")
	}
	swapped := bytes.Clone(file)
	copy(swapped[begin:], file[last:last+block])
	copy(swapped[last:], file[begin:begin+block])
	wantRefused(t, swapped, chunks, "two blocks changed places")

	repeated := bytes.Clone(file)
	copy(repeated[last-block:], file[begin:begin+block])
	wantRefused(t, repeated, chunks, "the first block is there in place of the third too")

	for _, at := range []int{begin, last, len(file) - 28 - 2*35, len(file) - 28} {
		wantRefused(t, append(bytes.Clone(file[:at]), other[at:]...), chunks, "another snapshot's bytes from %d on", at)
	}
}

func TestGarbageIsRefused(t *testing.T) {
	rng := rand.NewChaCha8([32]byte{2})
	for n := range often(500, 5000) {
		content := make([]byte, n)
		_, _ = rng.Read(content)
		wantRefused(t, content, nil, "%d random bytes", n)
		if n > 100 {
			copy(content, "SYNAPSNP")
			copy(content[n-8:], "SYNAPEND")
			wantRefused(t, content, nil, "%d random bytes that begin and end like a snapshot", n)
		}
	}
}
