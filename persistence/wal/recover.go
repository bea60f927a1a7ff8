package wal

import (
	"errors"
	"io"
	"os"
	"path"
	"slices"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// Recovered is what Recover found.
type Recovered struct {
	End     Mark   // the last record
	Records uint64 // how many were read
	Bytes   int64  // of records read
	Torn    *Torn  // nil when the log ended as it should
}

// Torn is the end of a log that was not whole: what a machine leaves that stopped in the middle of a write. It was dropped.
type Torn struct {
	Segment string
	Offset  int64  // where the last whole record ends
	Bytes   int64  // what was there after it, zeros at the end not counted
	Records int    // whole records among it, behind one that is not; they were not known to be on disk either
	Why     string // what is wrong with the first
	Given   bool   // it was damage, and given up by AcceptLossFrom; kept in files that end in .lost
}

// Recover reads every record after the given number, in order, verifies it and hands it to f; an error of f ends
// it. The end of the log is then cut to the last whole record, if it was not. A log that is damaged is refused: the
// error is Corrupt and names file, offset and sequence. It is called once, before Start.
func (l *Log) Recover(after uint64, f func(Record) error) (Recovered, error) {
	r := recovery{log: l, after: after, f: f}
	if len(l.segments) == 0 {
		if after > 0 {
			return r.found, fault.New(fault.Corrupt, "the log is gone: there is not one segment in %s, and record %d was expected",
				l.dir, after+1).With("sequence", after+1)
		}
		return r.found, nil
	}
	first := 0
	for i, s := range l.segments {
		if s.first <= after+1 {
			first = i
		}
	}
	if s := l.segments[first]; s.first > after+1 {
		return r.found, l.gap(s, Mark{Seq: after})
	}
	for i := first; i < len(l.segments); i++ {
		more, err := r.segment(i, i > first)
		if err != nil || !more {
			return r.found, err
		}
	}
	return r.found, nil
}

type recovery struct {
	log   *Log
	after uint64
	f     func(Record) error
	found Recovered
}

// segment reads one segment. more is false when the log was cut in it.
func (r *recovery) segment(i int, follows bool) (more bool, err error) {
	l, s := r.log, r.log.segments[i]
	sc, err := openScanner(l.fs, l.dir, s, nil)
	var d *damage
	if errors.As(err, &d) {
		return r.damaged(i, nil, d)
	}
	if err != nil {
		return false, err
	}
	defer sc.close() //nolint:errcheck // it was only read, or synced
	if follows && (s.first != r.found.End.Seq+1 || sc.head.chain != r.found.End.CRC) {
		if l.o.AcceptLossFrom == r.found.End.Seq+1 {
			return r.damaged(i, nil, &damage{s.name(), 0, r.found.End.Seq + 1, "it does not go on where the log was"})
		}
		return false, l.gap(s, r.found.End)
	}
	r.found.End = sc.last
	for {
		rec, err := sc.next()
		switch {
		case errors.Is(err, io.EOF):
			blank, err := sc.restIsBlank()
			if err == nil && blank {
				return true, r.trim(i, sc)
			}
			if err == nil {
				err = sc.damaged("a record has no number")
			}
			if !errors.As(err, &d) {
				return false, err
			}
			return r.damaged(i, sc, d)
		case errors.As(err, &d):
			return r.damaged(i, sc, d)
		case err != nil:
			return false, err
		}
		r.found.End = sc.last
		if rec.Seq <= r.after {
			continue
		}
		r.found.Records++
		r.found.Bytes += int64(recordHeader + len(rec.Payload))
		if err := r.f(rec); err != nil {
			return false, err
		}
	}
}

// trim gives back the space that was allocated for the last segment and not used. It is not forced: zeros may stay.
func (r *recovery) trim(i int, sc *scanner) error {
	if i < len(r.log.segments)-1 || sc.zip != nil {
		return nil
	}
	return sc.file.Truncate(sc.offset)
}

// damaged decides what the damage is: a write that was cut short, at the end of the last segment, or a log that must be refused.
func (r *recovery) damaged(i int, sc *scanner, d *damage) (more bool, err error) {
	l := r.log
	if l.o.AcceptLossFrom == d.seq {
		return false, r.giveUp(i, d)
	}
	if i < len(l.segments)-1 || sc == nil || sc.zip != nil {
		return false, lost(d, 0)
	}
	tail, err := sc.rest()
	if err != nil {
		return false, lost(d, 0).With("cause", err.Error())
	}
	count, synced := survivors(tail, sc.last.Epoch, d.seq)
	if synced >= d.seq {
		return false, lost(d, synced)
	}
	end := len(tail)
	for end > 0 && tail[end-1] == 0 {
		end--
	}
	r.found.Torn = &Torn{Segment: d.segment, Offset: d.offset, Bytes: int64(end), Records: count, Why: d.why}
	if err := sc.file.Truncate(d.offset); err != nil {
		return false, err
	}
	return false, sc.file.Sync()
}

// giveUp keeps the log up to the damage, and sets aside all that follows.
func (r *recovery) giveUp(i int, d *damage) error {
	l := r.log
	r.found.Torn = &Torn{Segment: d.segment, Offset: d.offset, Why: d.why, Given: true}
	s := l.segments[i]
	kept := slices.Clone(l.segments[:i])
	if d.offset > 0 {
		prefix, err := l.prefix(s, d.offset)
		if err != nil {
			return err
		}
		whole := s
		whole.compressed = false
		if err := r.aside(s); err != nil {
			return err
		}
		if err := vfs.Publish(l.fs, path.Join(l.dir, whole.name()), prefix); err != nil {
			return err
		}
		kept = append(kept, whole)
	} else if err := r.aside(s); err != nil {
		return err
	}
	for _, later := range l.segments[i+1:] {
		if err := r.aside(later); err != nil {
			return err
		}
	}
	l.segments = kept
	return l.fs.SyncDir(l.dir)
}

// aside renames a segment so that it is none any more.
func (r *recovery) aside(s segment) error {
	l := r.log
	if info, err := l.fs.Stat(path.Join(l.dir, s.name())); err == nil {
		r.found.Torn.Bytes += info.Size
	}
	err := l.fs.Rename(path.Join(l.dir, s.name()), path.Join(l.dir, s.name()+".lost"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// prefix returns the first bytes of what the segment is when it is not compressed.
func (l *Log) prefix(s segment, length int64) ([]byte, error) {
	sc, err := openScanner(l.fs, l.dir, s, nil)
	if err != nil {
		return nil, err
	}
	defer sc.close() //nolint:errcheck // it was only read
	b := make([]byte, length-segmentHeader)
	if _, err := io.ReadFull(sc.in, b); err != nil {
		return nil, err
	}
	return append(sc.head.append(nil), b...), nil
}
