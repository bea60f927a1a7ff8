package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// Reader reads a snapshot. All methods are safe for concurrent use, but Close ends them.
//
// What is not as it was written is fault.Corrupt, and names the file and the offset. What the disk does not give is
// the disk's own error.
type Reader struct {
	file     vfs.File
	name     string
	size     int64
	header   Header
	seed     uint32 // the header's crc
	sections []section
	decoder  *zstd.Decoder
}

// Open opens a snapshot; its header and footer are verified.
func Open(fsys vfs.FS, dir, name string) (*Reader, error) {
	file, err := fsys.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	r, err := read(file, name)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// read returns a Reader of an open file, which stays the caller's if it fails.
func read(file vfs.File, name string) (*Reader, error) {
	r, err := load(file, name)
	if err != nil {
		return nil, err
	}
	r.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithDecoderMaxMemory(maxRaw), zstd.WithDecoderMaxWindow(maxRaw), zstd.WithDecodeAllCapLimit(true))
	return r, err
}

// load reads the header and the footer.
func load(file vfs.File, name string) (*Reader, error) {
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	r := &Reader{file: file, name: name, size: size}
	begin, err := r.readHeader()
	if err != nil {
		return nil, err
	}
	return r, r.readFooter(begin)
}

// readHeader returns the offset behind the header.
func (r *Reader) readHeader() (begin int64, err error) {
	b := make([]byte, min(maxHeader, max(r.size, headerBytes)))
	if err := r.readAt(b, 0); err != nil {
		return 0, err
	}
	length := binary.LittleEndian.Uint32(b[16:])
	switch {
	case string(b[:8]) != beginMagic:
		return 0, r.corrupt(0, "this is no snapshot")
	case length < headerBytes || int64(length) > int64(len(b)):
		return 0, r.corrupt(0, "the header says that it has %d bytes", length)
	case crc32.Checksum(b[12:length], castagnoli) != headerCRC(b):
		return 0, r.corrupt(0, "the checksum of the header is wrong")
	}
	if version := binary.LittleEndian.Uint32(b[12:]); version != formatVersion {
		return 0, fault.New(fault.Unsupported, "%s is of format version %d, this program reads version %d",
			r.name, version, formatVersion)
	}
	r.seed = headerCRC(b)
	r.header = Header{
		Epoch:   binary.LittleEndian.Uint64(b[20:]),
		Seq:     binary.LittleEndian.Uint64(b[28:]),
		Created: int64(binary.LittleEndian.Uint64(b[36:])), //nolint:gosec // taken back as it was given
		Version: string(b[headerBytes:length]),
	}
	return int64(length), nil
}

// readFooter reads the table of sections, which follow one another from begin.
func (r *Reader) readFooter(begin int64) error {
	var tail [tailBytes]byte
	at := r.size - tailBytes
	if at < begin {
		return r.corrupt(at, "the file is too short for a footer")
	}
	if err := r.readAt(tail[:], at); err != nil {
		return err
	}
	if string(tail[20:]) != endMagic {
		return r.corrupt(at, "the file does not end like a snapshot")
	}
	count := int64(binary.LittleEndian.Uint32(tail[8:]))
	if count > maxSections || count*entryBytes > at-begin {
		return r.corrupt(at, "there is no room for %d sections", count)
	}
	table := make([]byte, count*entryBytes)
	at -= int64(len(table))
	if err := r.readAt(table, at); err != nil {
		return err
	}
	if checksum(r.seed, table, tail[:16]) != binary.LittleEndian.Uint32(tail[16:]) {
		return r.corrupt(at, "the checksum of the footer is wrong")
	}
	r.header.End = binary.LittleEndian.Uint64(tail[:])
	return r.place(table, begin, at, binary.LittleEndian.Uint32(tail[12:]))
}

// place finds where the sections are; they fill the file between two offsets.
func (r *Reader) place(table []byte, begin, end int64, blocks uint32) error {
	r.sections = make([]section, len(table)/entryBytes)
	offset, block := begin, uint32(0)
	for i := range r.sections {
		s := parseEntry(table[i*entryBytes:])
		s.offset, s.first = offset, block
		if s.stored < 0 || s.stored > end-offset || s.Chunks < 0 || s.Bytes < 0 || s.blocks > blocks-block {
			return r.corrupt(end+int64(i*entryBytes), "section %d does not fit", i)
		}
		offset += s.stored
		block += s.blocks
		r.sections[i] = s
	}
	if offset != end || block != blocks {
		return r.corrupt(end, "the sections end at %d with %d blocks, and should with %d", offset, block, blocks)
	}
	return nil
}

// Header returns what the snapshot is of.
func (r *Reader) Header() Header { return r.header }

// Sections returns what there is to Read, in the order in which it was written.
func (r *Reader) Sections() []Section {
	all := make([]Section, len(r.sections))
	for i, s := range r.sections {
		all[i] = s.Section
	}
	return all
}

// Bytes returns the file's length.
func (r *Reader) Bytes() int64 { return r.size }

// Close closes the file.
func (r *Reader) Close() error {
	r.decoder.Close()
	return r.file.Close()
}

// Verify reads every byte of the file, those that Open read again, and returns the first thing that is wrong.
func (r *Reader) Verify() error {
	again, err := load(r.file, r.name)
	if err != nil {
		return err
	}
	if again.header != r.header || !slices.Equal(again.sections, r.sections) {
		return r.corrupt(0, "the file has become another since it was opened")
	}
	for i := range r.sections {
		if err := r.Read(i, func([]byte) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// readAt reads all of p, or fails: a file that is shorter than it should be is corrupt.
func (r *Reader) readAt(p []byte, offset int64) error {
	n, err := r.file.ReadAt(p, offset)
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return r.corrupt(offset+int64(n), "the file ends")
	}
	return fmt.Errorf("%s at offset %d: %w", r.name, offset, err)
}

func (r *Reader) corrupt(offset int64, format string, args ...any) error {
	return fault.New(fault.Corrupt, "%s at offset %d: %s", r.name, offset, fmt.Sprintf(format, args...)).
		With("file", r.name).With("offset", offset)
}
