package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// Writer writes a snapshot. It is for one goroutine, and has one of its own until Commit or Abort has returned: one
// of them must be called in the end, after a Put that failed too.
type Writer struct {
	fs       vfs.FS
	path     string // its final name
	header   Header
	file     vfs.File
	replaces bool // there was a snapshot of this name before
	ended    bool

	press    *press
	sections []section
	block    []byte // the chunks of the last section that were not given to the press yet
}

// Create begins a snapshot in a directory that is there. It exists when Commit has returned without error, not
// before. One that is there under the same name is replaced then.
func Create(fsys vfs.FS, dir string, h Header) (*Writer, error) {
	w := &Writer{fs: fsys, header: h, path: filepath.Join(dir, fileName(h.Epoch, h.Seq))}
	_, err := fsys.Stat(w.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	w.replaces = err == nil
	if err := fsys.Remove(w.temporary()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if w.file, err = fsys.Create(w.temporary()); err != nil {
		return nil, err
	}
	header := appendHeader(nil, h)
	if _, err := w.file.WriteAt(header, 0); err != nil {
		return nil, errors.Join(err, w.discard())
	}
	if w.press, err = startPress(w.file, headerCRC(header), int64(len(header))); err != nil {
		return nil, errors.Join(err, w.discard())
	}
	return w, nil
}

func (w *Writer) temporary() string { return w.path + vfs.TemporarySuffix }

// Put appends a chunk of a place. Chunks come back in the order in which they came; a place that comes again after
// another begins another section. The chunk is the caller's again when Put returns. fault.TooLarge when it is larger
// than MaxChunk, and the snapshot goes on without it. An error of the disk may come with a later Put or with Commit, and
// the snapshot is lost then.
func (w *Writer) Put(namespace uint32, structure uint8, part uint16, chunk []byte) error {
	if w.ended {
		return errEnded
	}
	if len(chunk) > MaxChunk {
		return fault.New(fault.TooLarge, "a chunk of %d bytes is over the limit of %d", len(chunk), MaxChunk)
	}
	if err := w.enter(namespace, structure, part); err != nil {
		return err
	}
	if len(w.block) > 0 && len(w.block)+maxVarint+len(chunk) > blockBytes {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.block = binary.AppendUvarint(w.block, uint64(len(chunk)))
	w.block = append(w.block, chunk...)
	s := &w.sections[len(w.sections)-1]
	s.Chunks++
	s.Bytes += int64(len(chunk))
	return nil
}

var errEnded = fault.New(fault.Internal, "the snapshot's writer has ended")

// enter begins another section if the place is not that of the last one.
func (w *Writer) enter(namespace uint32, structure uint8, part uint16) error {
	if n := len(w.sections); n > 0 {
		last := &w.sections[n-1]
		if last.Namespace == namespace && last.Structure == structure && last.Part == part {
			return nil
		}
		if n == maxSections {
			return fault.New(fault.TooLarge, "a snapshot has at most %d sections", maxSections)
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.sections = append(w.sections, section{Section: Section{Namespace: namespace, Structure: structure, Part: part}})
	return nil
}

// flush gives the gathered chunks to the press.
func (w *Writer) flush() (err error) {
	if len(w.block) > 0 {
		w.block, err = w.press.put(len(w.sections)-1, w.block)
	}
	return err
}

// Summary says what was written.
type Summary struct {
	Name     string
	Bytes    int64 // on disk
	RawBytes int64 // of all chunks, before compression
	Chunks   int64
	Sections int
	Header   Header
}

// Commit ends the snapshot and returns when it is on disk under its name and was read back in full. No change after
// the record end is in it. When it fails, there is no snapshot, and nothing is left to Abort; one that would have been
// replaced is there still, or is replaced by a whole one.
func (w *Writer) Commit(end uint64) (Summary, error) {
	if w.ended {
		return Summary{}, errEnded
	}
	w.ended, w.header.End = true, end
	size, err := w.finish()
	if err != nil {
		return Summary{}, errors.Join(fmt.Errorf("%s: %w", filepath.Base(w.path), err), w.discard())
	}
	if err := w.publish(); err != nil {
		return Summary{}, fmt.Errorf("%s: %w", filepath.Base(w.path), err)
	}
	done := Summary{Name: filepath.Base(w.path), Bytes: size, Sections: len(w.sections), Header: w.header}
	for _, s := range w.sections {
		done.RawBytes += s.Bytes
		done.Chunks += s.Chunks
	}
	return done, nil
}

// finish writes what is left, forces it to the disk, and reads it back.
func (w *Writer) finish() (size int64, err error) {
	places, size, err := w.press.stop(w.flush())
	if err != nil {
		return 0, err
	}
	for i, at := range places {
		w.sections[i].extent = at
	}
	footer := appendFooter(nil, w.press.seed, w.sections, w.header.End)
	if _, err := w.file.WriteAt(footer, size); err != nil {
		return 0, err
	}
	if err := w.file.Sync(); err != nil {
		return 0, err
	}
	r, err := read(w.file, filepath.Base(w.path))
	if err != nil {
		return 0, err
	}
	defer r.decoder.Close()
	return size + int64(len(footer)), r.Verify()
}

// publish gives the finished file its name. If nobody can say whether it would keep that, it is taken back, unless it
// replaced another: then either of them is right.
func (w *Writer) publish() error {
	if err := w.file.Close(); err != nil {
		return errors.Join(err, w.fs.Remove(w.temporary()))
	}
	if err := w.fs.Rename(w.temporary(), w.path); err != nil {
		return errors.Join(err, w.fs.Remove(w.temporary()))
	}
	err := w.fs.SyncDir(filepath.Dir(w.path))
	if err != nil && !w.replaces {
		err = errors.Join(err, w.fs.Remove(w.path))
	}
	return err
}

// Abort gives the snapshot up and removes what was written. After Commit it does nothing.
func (w *Writer) Abort() error {
	if w.ended {
		return nil
	}
	w.ended = true
	_, _, _ = w.press.stop(errEnded) // what went wrong there is of no interest any more
	return w.discard()
}

func (w *Writer) discard() error {
	return errors.Join(w.file.Close(), w.fs.Remove(w.temporary()))
}
