package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/wal"
)

// log reads the log, and compares it with the snapshots.
func (k *checking) log() error {
	found, err := wal.Inspection{
		FS: k.fs, Dir: path.Join(k.Dir, logName), Record: k.record,
		Damaged: func(d wal.Damage) error {
			k.damaged(Damage{File: path.Join(logName, d.Segment), Offset: d.Offset, Sequence: d.Seq, Why: d.Why})
			return nil
		},
	}.Run()
	if err != nil {
		return err
	}
	f := &k.found
	f.Segments, f.Records, f.First, f.Last, f.Epoch = found.Segments, found.Records, found.First, found.End.Seq, found.End.Epoch
	f.Torn = tailOf(found)
	if err := k.together(found); err != nil {
		return err
	}
	if k.State != nil && k.missed && len(f.Damage) == 0 {
		return fault.New(fault.Unavailable, "the log was shortened while it was read: try again")
	}
	return nil
}

// record takes a record of the log apart.
func (k *checking) record(r wal.Record) error {
	if err := k.ctx.Err(); err != nil {
		return err
	}
	rec, err := decodeRecord(r.Seq, r.Payload, k.Decode)
	if err == nil {
		k.found.Changes += uint64(rec.Len()) //nolint:gosec // never negative
		k.missed = k.missed || r.Seq > k.loaded+1
		if k.State != nil && len(k.found.Damage) == 0 && !k.missed && r.Seq > k.loaded {
			k.loaded = r.Seq
			err = k.State.Replay(rec)
		}
	}
	if err != nil {
		k.damaged(Damage{File: path.Join(logName, r.Segment), Offset: r.Offset, Sequence: r.Seq, Why: err.Error()})
	}
	return nil
}

// together reports where the log does not go on from a snapshot that is still there. A log that is damaged itself is
// not compared.
func (k *checking) together(found wal.Inspected) error {
	if len(k.found.Damage) == 0 && len(k.found.Snapshots) == 0 && k.found.First > 1 {
		k.damaged(Damage{File: logName, Sequence: 1, Why: fmt.Sprintf("the log begins with record %d, and there is no snapshot of what was before", k.found.First)})
	}
	for _, s := range k.found.Snapshots {
		if _, err := k.FS.Stat(path.Join(k.Dir, s.File)); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		if why, seq := k.apart(s, found); why != "" {
			k.damaged(Damage{File: s.File, Sequence: seq, Why: why})
		}
	}
	return nil
}

// apart says why the log does not go on from the snapshot, and which record is in question; "" when it does.
func (k *checking) apart(s CheckedSnapshot, log wal.Inspected) (why string, seq uint64) {
	switch {
	case log.First == 0:
		return fmt.Sprintf("the log is gone: it should go on with record %d", s.Version+1), s.Version + 1
	case log.First > s.Version+1:
		return fmt.Sprintf("the log begins with record %d, and should go on with record %d", log.First, s.Version+1), s.Version + 1
	case len(k.found.Damage) > 0:
		return "", 0
	case log.End.Seq < s.Until:
		return fmt.Sprintf("the log ends with record %d, and the snapshot holds changes up to record %d", log.End.Seq, s.Until), log.End.Seq + 1
	}
	for _, run := range log.Runs {
		if run.First <= s.Version && run.Epoch > s.epoch {
			return fmt.Sprintf("it is of epoch %d, and record %d of the log is of epoch %d: they are of different histories", s.epoch, s.Version, run.Epoch), s.Version
		}
	}
	return "", 0
}
