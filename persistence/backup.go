package persistence

import (
	"context"
	"errors"
	"io"
	"path"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// PieceBytes is how long a piece of a backup is at most.
const PieceBytes = 256 << 10

// Piece is a piece of a file of a backup. The pieces of a file follow one another, and so do the files.
type Piece struct {
	File   string // relative to the data directory
	Offset int64
	Data   []byte // valid until the next piece
}

// Backup hands out a copy of everything: a fresh snapshot, and the log from where that began up to where the log is when
// the snapshot is taken, or later. begin hears once up to which position everything will be in it, and about how many
// bytes that takes; put then gets the files, piece by piece, and holds up nobody else however long it takes. What
// was handed to put, in files of those names, is a data directory.
func (s *Store) Backup(ctx context.Context, begin func(at journal.Position, bytes int64) error, put func(Piece) error) error {
	if _, err := s.Snapshot(ctx); err != nil {
		return err
	}
	files, at, err := s.copies()
	if err != nil {
		return err
	}
	defer files.close() //nolint:errcheck // they were only read
	err = begin(at, files.bytes())
	for i := 0; i < len(files) && err == nil; i++ {
		err = files[i].send(ctx, put)
	}
	return err
}

// copies opens what belongs into a backup now: the newest snapshot, and the log from there.
func (s *Store) copies() (all copies, at journal.Position, err error) {
	s.snapshots.mu.Lock() // nothing is trimmed until all is open
	defer s.snapshots.mu.Unlock()
	if len(s.snapshots.kept) == 0 {
		return nil, at, fault.New(fault.Internal, "a snapshot was taken, and there is none")
	}
	newest := s.snapshots.kept[0]
	file, err := s.o.FS.Open(path.Join(s.snapshots.dir, newest.Name))
	if err != nil {
		return nil, at, err
	}
	all = copies{{name: path.Join(snapshotName, newest.Name), file: file}}
	if all[0].size, err = file.Size(); err != nil {
		return nil, at, errors.Join(err, all.close())
	}
	parts, end, err := s.log.Parts(newest.Seq)
	if err != nil {
		return nil, at, errors.Join(err, all.close())
	}
	for _, p := range parts {
		all = append(all, copied{path.Join(logName, p.Name), p.File, p.Size})
	}
	return all, journal.Position{Epoch: end.Epoch, Seq: end.Seq}, nil
}

// copied is a file that is open to be copied.
type copied struct {
	name string
	file vfs.File
	size int64
}

type copies []copied

func (c copies) bytes() (total int64) {
	for _, f := range c {
		total += f.size
	}
	return total
}

func (c copies) close() (err error) {
	for _, f := range c {
		err = errors.Join(err, f.file.Close())
	}
	return err
}

// send hands the file to put. A segment that was complete may have lost the blank at its end.
func (c copied) send(ctx context.Context, put func(Piece) error) error {
	buf := make([]byte, min(PieceBytes, c.size))
	for at := int64(0); at < c.size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := c.file.ReadAt(buf[:min(int64(len(buf)), c.size-at)], at)
		if n > 0 {
			if err := put(Piece{File: c.name, Offset: at, Data: buf[:n]}); err != nil {
				return err
			}
			at += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && n == 0:
			return err
		}
	}
	return nil
}
