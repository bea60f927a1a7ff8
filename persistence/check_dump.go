package persistence

import (
	"context"
	"path"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/persistence/wal"
)

// Entry is a record of a log, and where it is.
type Entry struct {
	*journal.Record
	Epoch  uint64
	File   string // relative to the data directory
	Offset int64  // in what the file is when it is not compressed
}

// Dump hands every record of a data directory's log from a number on to f, in order, and changes nothing. Damage ends
// it, with a Corrupt error that names file, offset and sequence; an error of f does, too. A last write that was cut
// short, or is under way, is returned and no error.
func Dump(ctx context.Context, fs vfs.FS, dir string, from uint64, decode DecodeOp, f func(Entry) error) (*Tail, error) {
	found, err := wal.Inspection{
		FS: looking{fs, func(int) {}}, Dir: path.Join(dir, logName), From: from,
		Damaged: func(d wal.Damage) error { return d.Fault() },
		Record: func(r wal.Record) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			rec, err := decodeRecord(r.Seq, r.Payload, decode)
			if err != nil {
				return (&wal.Damage{Segment: r.Segment, Offset: r.Offset, Seq: r.Seq, Why: err.Error()}).Fault()
			}
			return f(Entry{Record: rec, Epoch: r.Epoch, File: path.Join(logName, r.Segment), Offset: r.Offset})
		},
	}.Run()
	switch {
	case err != nil:
		return nil, err
	case found.First == 0:
		return nil, fault.New(fault.NotFound, "there is no log in %s", dir)
	}
	return tailOf(found), nil
}

// tailOf is what is at the end of a log that is no record; nil when nothing is.
func tailOf(found wal.Inspected) *Tail {
	t := found.Torn
	if t == nil {
		return nil
	}
	return &Tail{
		File: path.Join(logName, t.Segment), Offset: t.Offset, Version: found.End.Seq + 1, Bytes: t.Bytes, Records: t.Records, Why: t.Why,
	}
}
