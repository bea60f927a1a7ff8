package wal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/klauspost/compress/zstd"

	"github.com/hivellm/synap-go/persistence/vfs"
)

// Record is one record, read.
type Record struct {
	Seq     uint64
	Epoch   uint64
	Payload []byte // valid until the next record is read

	// Where it is, for people: the segment, and the offset in what the segment is when it is not compressed.
	Segment string
	Offset  int64
}

// damage is a place where a record should be and is not.
type damage struct {
	segment string
	offset  int64
	seq     uint64 // of the record that should be there
	why     string
}

func (d *damage) Error() string {
	return fmt.Sprintf("%s, offset %d, record %d: %s", d.segment, d.offset, d.seq, d.why)
}

// scanner reads the records of one segment in order, and verifies them.
type scanner struct {
	name   string
	file   vfs.File
	zip    *zstd.Decoder // nil for a plain segment
	in     *bufio.Reader
	head   head
	offset int64 // of the next record
	last   Mark  // the record before it
	buf    []byte
}

// scanAhead is how much of a segment is read at once.
const scanAhead = 256 << 10

// openScanner opens a segment and verifies its header. It reads up to the limit, nil for all there is.
func openScanner(fs vfs.FS, dir string, s segment, limit func() int64) (*scanner, error) {
	file, err := fs.Open(path.Join(dir, s.name()))
	if err != nil {
		return nil, err
	}
	sc := &scanner{name: s.name(), file: file, last: Mark{Epoch: s.epoch, Seq: s.first - 1}}
	var in io.Reader = &fileReader{file: file, limit: limit}
	if s.compressed {
		if sc.zip, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20)); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		in = sc.zip
	}
	sc.in = bufio.NewReaderSize(in, scanAhead)
	b := make([]byte, segmentHeader)
	n, err := io.ReadFull(sc.in, b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.Join(sc.unreadable(err), sc.close())
	}
	if sc.head, err = parseHead(b[:n]); err == nil && (sc.head.first != s.first || sc.head.epoch != s.epoch) {
		err = errors.New("its header is that of another segment")
	}
	if err != nil {
		return nil, errors.Join(&damage{sc.name, 0, s.first, err.Error()}, sc.close())
	}
	sc.offset = segmentHeader
	sc.last.CRC = sc.head.chain
	return sc, nil
}

func (sc *scanner) close() error {
	if sc.zip != nil {
		sc.zip.Close()
	}
	return sc.file.Close()
}

// next returns the next record, io.EOF where the segment ends or goes on blank, or the damage that is found instead. What
// comes after a blank is the caller's to look at.
func (sc *scanner) next() (Record, error) {
	var b [recordHeader]byte
	n, err := io.ReadFull(sc.in, b[:])
	h := parseHeader(b[:])
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && bytes.Equal(b[:n], make([]byte, n)), err == nil && h.blank():
		return Record{}, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Record{}, sc.damaged("the file ends within the header of a record")
	case err != nil:
		return Record{}, sc.unreadable(err)
	case h.seq != sc.last.Seq+1:
		return Record{}, sc.damaged(fmt.Sprintf("a record says that its number is %d", h.seq))
	case h.chain != sc.last.CRC:
		return Record{}, sc.damaged("it does not belong to the record before it")
	case h.length > MaxPayload:
		return Record{}, sc.damaged(fmt.Sprintf("it says that it is %d bytes long", h.length))
	}
	if err := sc.fill(b[:], int(h.length)); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Record{}, sc.damaged("the file ends within it")
	} else if err != nil {
		return Record{}, sc.unreadable(err)
	}
	if checksum(sc.last.Epoch, sc.buf) != h.crc {
		return Record{}, sc.damaged("its checksum is wrong")
	}
	rec := Record{Seq: h.seq, Epoch: sc.last.Epoch, Payload: sc.buf[recordHeader:], Segment: sc.name, Offset: sc.offset}
	sc.offset += int64(len(sc.buf))
	sc.last = Mark{Epoch: sc.last.Epoch, Seq: h.seq, CRC: h.crc}
	return rec, nil
}

// fill reads a record's payload behind its header. A length that lies allocates no more than there is.
func (sc *scanner) fill(head []byte, length int) error {
	sc.buf = append(sc.buf[:0], head...)
	for length > 0 {
		step := min(length, scanAhead)
		start := len(sc.buf)
		sc.buf = grow(sc.buf, step)
		if _, err := io.ReadFull(sc.in, sc.buf[start:]); err != nil {
			return err
		}
		length -= step
	}
	return nil
}

// grow makes b longer by n bytes of anything.
func grow(b []byte, n int) []byte {
	if len(b)+n <= cap(b) {
		return b[:len(b)+n]
	}
	return append(b, make([]byte, n)...)
}

func (sc *scanner) damaged(why string) *damage {
	return &damage{sc.name, sc.offset, sc.last.Seq + 1, why}
}

// unreadable is the error when a file cannot be read, which says nothing of what is in it; but a compressed file
// that does not unpack is damaged.
func (sc *scanner) unreadable(err error) error {
	if sc.zip != nil {
		return sc.damaged(err.Error())
	}
	return fmt.Errorf("%s, offset %d: %w", sc.name, sc.offset, err)
}

// rest returns the plain segment from the offset on.
func (sc *scanner) rest() ([]byte, error) {
	size, err := sc.file.Size()
	if err != nil || size <= sc.offset {
		return nil, err
	}
	b := make([]byte, size-sc.offset)
	if n, err := sc.file.ReadAt(b, sc.offset); n < len(b) {
		return nil, err
	}
	return b, nil
}

// restIsBlank reports whether a segment that next said EOF of is nothing but zeros from there on.
func (sc *scanner) restIsBlank() (bool, error) {
	var b [4096]byte
	for {
		n, err := sc.in.Read(b[:])
		for _, c := range b[:n] {
			if c != 0 {
				return false, nil
			}
		}
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, sc.unreadable(err)
		}
	}
}

// survivors looks for whole records in what follows a damaged one, and returns how many there are and up to which
// record they say that the log was on disk.
func survivors(tail []byte, epoch, expected uint64) (count int, synced uint64) {
	for i := 0; i+recordHeader <= len(tail); {
		h := parseHeader(tail[i:])
		end := i + recordHeader + int(h.length)
		plausible := h.seq >= expected && h.seq-expected < 1<<32 && h.length <= MaxPayload && end <= len(tail)
		if !plausible || checksum(epoch, tail[i:end]) != h.crc {
			i++
			continue
		}
		count++
		synced = max(synced, h.synced())
		i = end
	}
	return count, synced
}
