package snapshot_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/snapshot"
)

const (
	plain = 0
	zip   = 1
)

// zipped compresses data; the result says how long it is.
func zipped(data []byte) []byte {
	e, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return e.EncodeAll(data, nil)
}

// streamed compresses data; nothing in the result says before its end how long it is.
func streamed(data []byte) []byte {
	var b bytes.Buffer
	e, err := zstd.NewWriter(&b)
	if err != nil {
		panic(err)
	}
	_, err = e.Write(data)
	if err := errors.Join(err, e.Close()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// changed returns a whole file of one block in which something is changed, with checksums that are right. Offsets below
// zero are from the end.
func changed(at int, value ...byte) []byte {
	file := snapshot.OneBlock(plain, 4, []byte("\x03abc"), 1, 3)
	if at < 0 {
		at += len(file)
	}
	copy(file[at:], value)
	snapshot.Fix(file)
	return file
}

func u32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
func u64(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// TestWhatAFileSaysOfItselfIsChecked reads files that nobody has spoiled by accident: all checksums are right.
func TestWhatAFileSaysOfItselfIsChecked(t *testing.T) {
	const largest = snapshot.MaxChunk + 4
	zeros := make([]byte, 1<<20)
	twoFrames := slices.Concat(zipped([]byte("\x03abc")), zipped([]byte("\x03abc")))
	tests := []struct {
		name string
		file []byte
		want fault.Code
	}{
		{"a plain block", snapshot.OneBlock(plain, 4, []byte("\x03abc"), 1, 3), 0},
		{"a compressed block", snapshot.OneBlock(zip, 400, zipped(make([]byte, 400)), 400, 0), 0},
		{"a block of a kind that is not known", snapshot.OneBlock(2, 4, []byte("\x03abc"), 1, 3), fault.Corrupt},
		{"a plain block that says it is longer", snapshot.OneBlock(plain, 5, []byte("\x03abc"), 1, 3), fault.Corrupt},
		{"a block that is longer than what is in it", snapshot.OneBlock(plain, 3, []byte("\x03abc"), 1, 3), fault.Corrupt},
		{"a block that compressing made longer", snapshot.OneBlock(zip, 4, zipped([]byte("\x03abc")), 1, 3), fault.Corrupt},
		{"a block above the limit", snapshot.OneBlock(zip, largest+1, zipped([]byte("\x03abc")), 1, 3), fault.Corrupt},
		{"a block that would be 4 GiB", snapshot.OneBlock(zip, math.MaxUint32, zipped([]byte("\x03abc")), 1, 3), fault.Corrupt},
		{"what was not compressed", snapshot.OneBlock(zip, 400, []byte("\x03abc"), 1, 3), fault.Corrupt},
		{"a compressed block with less in it", snapshot.OneBlock(zip, 401, zipped(make([]byte, 400)), 400, 0), fault.Corrupt},
		{"a compressed block with more in it", snapshot.OneBlock(zip, 399, zipped(make([]byte, 400)), 400, 0), fault.Corrupt},
		{"a compressed block that was cut", snapshot.OneBlock(zip, 4000, zipped(noise(3000))[:2000], 1, 3998), fault.Corrupt},
		{"a compressed block with another behind it", snapshot.OneBlock(zip, 400, twoFrames, 1, 3), fault.Corrupt},
		{"a bomb that says what it is", snapshot.OneBlock(zip, 1000, zipped(zeros), 1000, 0), fault.Corrupt},
		{"a bomb that does not say what it is", snapshot.OneBlock(zip, 1000, streamed(zeros), 1000, 0), fault.Corrupt},
		{"a bomb of a thousand bombs", snapshot.OneBlock(zip, 1<<20, bytes.Repeat(zipped(zeros), 1000), 1<<20, 0), fault.Corrupt},
		{"a chunk that ends behind its block", snapshot.OneBlock(plain, 4, []byte("\x04abc"), 1, 4), fault.Corrupt},
		{"a chunk whose length is cut", snapshot.OneBlock(plain, 5, []byte("\x03abc\x80"), 2, 3), fault.Corrupt},
		{"a chunk whose length has no end", snapshot.OneBlock(plain, 11, bytes.Repeat([]byte{0xff}, 11), 1, 3), fault.Corrupt},
		{"a chunk of nearly 2⁶⁴ bytes", snapshot.OneBlock(plain, 10, binary.AppendUvarint(nil, math.MaxUint64), 1, 3), fault.Corrupt},
		{"a section with more chunks than it says", snapshot.OneBlock(plain, 4, []byte("\x03abc"), 0, 3), fault.Corrupt},
		{"a section with fewer bytes than it says", snapshot.OneBlock(plain, 4, []byte("\x03abc"), 1, 4), fault.Corrupt},

		{"a later version", changed(12, u32(2)...), fault.Unsupported},
		{"no version", changed(12, u32(0)...), fault.Unsupported},
		{"a header that is shorter than one is", changed(16, u32(43)...), fault.Corrupt},
		{"a header of 4 GiB", changed(16, u32(math.MaxUint32)...), fault.Corrupt},
		{"a header that ends in the footer", changed(16, u32(80)...), fault.Corrupt},
		{"a block of another section", changed(44+5, u32(1)...), fault.Corrupt},
		{"a block of another number", changed(44+9, u32(1)...), fault.Corrupt},
		{"a block of 4 GiB", changed(44+17, u32(math.MaxUint32)...), fault.Corrupt},
		{"a section with no blocks", changed(-28-35+7, u32(0)...), fault.Corrupt},
		{"a section with two blocks", changed(-28-35+7, u32(2)...), fault.Corrupt},
		{"a section with less than no chunks", changed(-28-35+11, u64(math.MaxUint64)...), fault.Corrupt},
		{"a section with less than no bytes", changed(-28-35+19, u64(math.MaxUint64)...), fault.Corrupt},
		{"a section that is shorter than its block", changed(-28-35+27, u64(24)...), fault.Corrupt},
		{"a section that is longer than the file", changed(-28-35+27, u64(1<<40)...), fault.Corrupt},
		{"a section of less than nothing", changed(-28-35+27, u64(1<<63)...), fault.Corrupt},
		{"no sections, but a block", changed(-28+8, u32(0)...), fault.Corrupt},
		{"more sections than there is room for", changed(-28+8, u32(2)...), fault.Corrupt},
		{"as many sections as are allowed", changed(-28+8, u32(1<<24)...), fault.Corrupt},
		{"as many sections as can be counted", changed(-28+8, u32(math.MaxUint32)...), fault.Corrupt},
		{"more blocks than there are", changed(-28+12, u32(2)...), fault.Corrupt},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := only(t, test.file)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := load(m, "x")
			runtime.ReadMemStats(&after)
			if fault.CodeOf(err) != test.want {
				t.Errorf("reading it says %v, want %v", err, test.want)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
				t.Errorf("reading %d bytes took %d bytes of memory", len(test.file), took)
			}
		})
	}
}
