// Package snapshot is a file that holds the whole of a state: sections of chunks, which are only bytes to it.
//
// A Writer gathers chunks into blocks, compresses them beside its caller, and gives the file its name only when
// it is on disk and was read back in full. So a file that List shows is whole, whatever happened when it was
// written, unless the disk spoils it later, and then a Reader says so: every byte of the file is covered by a
// checksum, and nothing of a block is handed out before the block was verified. format.md draws the file.
//
// A directory has one Writer at a time. Its files are the caller's to remove.
package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hivellm/synap-go/persistence/vfs"
)

// Header says what a snapshot is of.
type Header struct {
	Epoch   uint64 // of the history that Seq is a number of
	Seq     uint64 // where it began: every change up to this record is in it
	End     uint64 // where it ended: no change after this record is in it; set by Commit
	Created int64  // Unix milliseconds
	Version string // of the program that wrote it; at most 255 bytes are kept
}

// Section is a run of chunks of one place.
type Section struct {
	Namespace uint32
	Structure uint8
	Part      uint16
	Chunks    int64
	Bytes     int64 // of all chunks together, before compression
}

// File is a snapshot in a directory.
type File struct {
	Name  string
	Epoch uint64
	Seq   uint64
}

const nameFormat = "snapshot-%020d-%016x.synap"

func fileName(epoch, seq uint64) string { return fmt.Sprintf(nameFormat, seq, epoch) }

func parseName(name string) (File, bool) {
	f := File{Name: name}
	n, err := fmt.Sscanf(name, nameFormat, &f.Seq, &f.Epoch)
	return f, n == 2 && err == nil && fileName(f.Epoch, f.Seq) == name
}

// List returns the snapshots in a directory, by position: the newest epoch first, and in it the newest record.
// Files that were not finished are not among them. A directory that is not there has none.
func List(fsys vfs.FS, dir string) ([]File, error) {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files []File
	for _, name := range names {
		if f, ok := parseName(name); ok {
			files = append(files, f)
		}
	}
	slices.SortFunc(files, func(a, b File) int {
		return cmp.Or(cmp.Compare(b.Epoch, a.Epoch), cmp.Compare(b.Seq, a.Seq))
	})
	return files, nil
}

// CleanUp removes what Writers left that did not come to an end. None may be at work.
func CleanUp(fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		final, unfinished := strings.CutSuffix(name, vfs.TemporarySuffix)
		if _, ours := parseName(final); unfinished && ours {
			err = errors.Join(err, fsys.Remove(filepath.Join(dir, name)))
		}
	}
	return err
}
