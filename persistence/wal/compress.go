package wal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"

	"github.com/klauspost/compress/zstd"

	"github.com/hivellm/synap-go/persistence/vfs"
)

// A compressed segment is kept when it is no longer than this many hundredths of the plain one.
const worthwhile = 80

// Compress compresses the oldest complete segment that was not tried before, if Options say so, and reports whether
// there may be another.
func (l *Log) Compress() (more bool, err error) {
	l.mu.Lock()
	at := -1
	for i := range max(len(l.segments)-1, 0) {
		if s := l.segments[i]; !s.compressed && s.first > l.tried {
			at = i
			break
		}
	}
	if !l.o.Compress || at < 0 {
		l.mu.Unlock()
		return false, nil
	}
	s := l.segments[at]
	l.tried = s.first
	l.mu.Unlock()

	packed := s
	packed.compressed = true
	temporary := path.Join(l.dir, packed.name()+unfinishedEnding)
	kept, err := pack(l.fs, path.Join(l.dir, s.name()), temporary)
	if err != nil || !kept {
		return true, errors.Join(err, ignore(l.fs.Remove(temporary)))
	}
	return true, l.replace(s, packed, temporary)
}

// replace puts the packed segment in the place of the plain one, unless that was removed meanwhile.
func (l *Log) replace(plain, packed segment, temporary string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.segments {
		if l.segments[i] != plain {
			continue
		}
		if err := l.fs.Rename(temporary, path.Join(l.dir, packed.name())); err != nil {
			return err
		}
		if err := l.fs.SyncDir(l.dir); err != nil {
			return err
		}
		l.segments[i] = packed
		return l.fs.Remove(path.Join(l.dir, plain.name()))
	}
	return l.fs.Remove(temporary)
}

// pack writes a compressed copy of a file, forces it to disk and reads it back. kept is false when it does not pay.
func pack(fs vfs.FS, from, to string) (kept bool, err error) {
	in, err := fs.Open(from)
	if err != nil {
		return false, err
	}
	defer in.Close() //nolint:errcheck // it was only read
	out, err := fs.Create(to)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	size, err := in.Size()
	if err != nil {
		return false, err
	}
	sum := crc32.New(castagnoli)
	sink := &fileWriter{file: out}
	zip, err := zstd.NewWriter(sink, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return false, err
	}
	if _, err = io.Copy(zip, io.TeeReader(&fileReader{file: in}, sum)); err != nil {
		return false, errors.Join(err, zip.Close())
	}
	if err = zip.Close(); err != nil {
		return false, err
	}
	if sink.at*100 > size*worthwhile {
		return false, nil
	}
	if err = out.Sync(); err != nil {
		return false, err
	}
	again := crc32.New(castagnoli)
	unzip, err := zstd.NewReader(&fileReader{file: out}, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return false, err
	}
	defer unzip.Close()
	if _, err = io.Copy(again, unzip); err != nil {
		return false, err
	}
	if !bytes.Equal(sum.Sum(nil), again.Sum(nil)) {
		return false, fmt.Errorf("%s does not read back as it was written", to)
	}
	return true, nil
}

// fileWriter writes a file from its beginning.
type fileWriter struct {
	file vfs.File
	at   int64
}

func (w *fileWriter) Write(b []byte) (int, error) {
	n, err := w.file.WriteAt(b, w.at)
	w.at += int64(n)
	return n, err
}
