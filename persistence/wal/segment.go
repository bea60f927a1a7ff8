package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hivellm/synap-go/persistence/vfs"
)

// A segment file begins with a header of 64 bytes.
//
//	┌─────────────┬───────────┬──────────┬────────────┬────────────┬────────────┬──────────────┬────────────┐
//	│ "SYNAPWAL"  │ crc, u32  │ version, │ first, u64 │ epoch, u64 │ chain, u32 │ created, u64 │ zeros … 64 │
//	│             │           │ u32      │            │            │            │ Unix ms      │            │
//	└─────────────┴───────────┴──────────┴────────────┴────────────┴────────────┴──────────────┴────────────┘
//
// crc is CRC-32C over everything after it. first is the number of the segment's first record, all of whose records are of
// the epoch, and chain the crc of the record before first.
const (
	segmentMagic   = "SYNAPWAL"
	segmentHeader  = 64
	segmentVersion = 1
)

// The names of segments are their first record's number in 20 digits, "-", their epoch in 16 hexadecimal ones, and
// an ending.
const (
	plainEnding      = ".wal"
	compressedEnding = ".wal.zst" // a zstd stream of what the plain file was
	unfinishedEnding = ".tmp"
)

// segment is a file of the log.
type segment struct {
	first      uint64
	epoch      uint64
	compressed bool
}

func (s segment) name() string {
	ending := plainEnding
	if s.compressed {
		ending = compressedEnding
	}
	return fmt.Sprintf("%020d-%016x%s", s.first, s.epoch, ending)
}

func parseName(name string) (s segment, ok bool) {
	base, plain := strings.CutSuffix(name, plainEnding)
	if !plain {
		if base, s.compressed = strings.CutSuffix(name, compressedEnding); !s.compressed {
			return s, false
		}
	}
	first, epoch, _ := strings.Cut(base, "-")
	var err1, err2 error
	s.first, err1 = strconv.ParseUint(first, 10, 64)
	s.epoch, err2 = strconv.ParseUint(epoch, 16, 64)
	return s, err1 == nil && err2 == nil && s.name() == name
}

// list returns the segments of the directory in order. What was left unfinished is removed when clean is true.
func list(fs vfs.FS, dir string, clean bool) ([]segment, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	var all []segment
	for _, name := range names {
		s, ok := parseName(name)
		switch {
		case ok:
			all = append(all, s)
		case clean && strings.HasSuffix(name, unfinishedEnding):
			if err := fs.Remove(path.Join(dir, name)); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(all, func(a, b segment) int {
		return cmpSegments(a, b)
	})
	// A segment that is there twice was compressed, and the machine stopped before the plain file was removed.
	all = slices.CompactFunc(all, func(a, b segment) bool { return a.first == b.first && a.epoch == b.epoch })
	return all, nil
}

// cmpSegments orders segments; of the same, the plain one comes first.
func cmpSegments(a, b segment) int {
	return strings.Compare(a.name(), b.name())
}

// head is a segment's header, read.
type head struct {
	first, epoch uint64
	chain        uint32
	created      int64
}

func (h head) append(b []byte) []byte {
	start := len(b)
	b = append(b, segmentMagic...)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, segmentVersion)
	b = binary.LittleEndian.AppendUint64(b, h.first)
	b = binary.LittleEndian.AppendUint64(b, h.epoch)
	b = binary.LittleEndian.AppendUint32(b, h.chain)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.created)) //nolint:gosec // never negative
	b = append(b, make([]byte, segmentHeader-(len(b)-start))...)
	binary.LittleEndian.PutUint32(b[start+8:], crc32.Checksum(b[start+12:], castagnoli))
	return b
}

func parseHead(b []byte) (h head, err error) {
	switch {
	case len(b) < segmentHeader:
		return h, errors.New("the file is too short for a segment's header")
	case string(b[:8]) != segmentMagic:
		return h, errors.New("it does not begin like a segment")
	case crc32.Checksum(b[12:segmentHeader], castagnoli) != binary.LittleEndian.Uint32(b[8:]):
		return h, errors.New("the checksum of the segment's header is wrong")
	}
	if v := binary.LittleEndian.Uint32(b[12:]); v != segmentVersion {
		return h, fmt.Errorf("the segment is of format version %d; this program reads version %d", v, segmentVersion)
	}
	return head{
		first:   binary.LittleEndian.Uint64(b[16:]),
		epoch:   binary.LittleEndian.Uint64(b[24:]),
		chain:   binary.LittleEndian.Uint32(b[32:]),
		created: int64(binary.LittleEndian.Uint64(b[36:])), //nolint:gosec // as written
	}, nil
}

// fileReader reads a file from its beginning up to a limit, which may move on meanwhile.
type fileReader struct {
	file  vfs.File
	at    int64
	limit func() int64 // nil is the end of the file
}

func (r *fileReader) Read(b []byte) (int, error) {
	if r.limit != nil {
		left := r.limit() - r.at
		if left <= 0 {
			return 0, io.EOF
		}
		b = b[:min(int64(len(b)), left)]
	}
	n, err := r.file.ReadAt(b, r.at)
	r.at += int64(n)
	if n > 0 {
		err = nil // it comes again
	}
	return n, err
}
