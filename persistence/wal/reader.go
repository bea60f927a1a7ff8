package wal

import (
	"errors"
	"io"
	"os"

	"github.com/hivellm/synap-go/core/fault"
)

// Reader reads a log while it is written.
type Reader struct {
	log  *Log
	sc   *scanner // nil before the first record
	next uint64   // the number of the next record
}

// Reader returns a reader of the records after the given number. It fails with OutOfRange when the log does not have them.
func (l *Log) Reader(after uint64) (*Reader, error) {
	first, end := l.First(), l.End()
	if after+1 < first || after > end.Seq {
		return nil, fault.New(fault.OutOfRange, "the log goes from record %d to %d", first, end.Seq).
			With("oldest", first).With("newest", end.Seq)
	}
	return &Reader{log: l, next: after + 1}, nil
}

// Next returns the next record, io.EOF when the log does not have it yet, or Corrupt. The payload is valid until
// Next is called again.
func (r *Reader) Next() (Record, error) {
	for again := false; ; {
		if r.sc == nil {
			if err := r.open(); err != nil {
				return Record{}, err
			}
		}
		rec, err := r.sc.next()
		var d *damage
		switch {
		case errors.Is(err, io.EOF):
			if r.next > r.log.End().Seq {
				return Record{}, io.EOF
			}
			switch {
			case !r.log.holds(r.sc.head, r.next): // it goes on in the next segment
				r.Close()
			case again:
				return Record{}, lost(r.sc.damaged("the segment ends"), 0)
			default: // it was written after the end of the segment was looked at
				again = true
			}
		case errors.As(err, &d):
			return Record{}, lost(d, 0)
		case err != nil:
			return Record{}, err
		case rec.Seq >= r.next:
			r.next = rec.Seq + 1
			return rec, nil
		}
	}
}

// Close closes the reader. It may be read on.
func (r *Reader) Close() {
	if r.sc != nil {
		_ = r.sc.close() // it was only read
		r.sc = nil
	}
}

// open opens the segment with the next record.
func (r *Reader) open() error {
	for range 3 { // a segment may be compressed, and its name change, while it is opened
		s, limit, ok := r.log.find(r.next)
		if !ok {
			return fault.New(fault.OutOfRange, "the log no longer has record %d", r.next).With("oldest", r.log.First())
		}
		sc, err := openScanner(r.log.fs, r.log.dir, s, limit)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var d *damage
		if errors.As(err, &d) {
			return lost(d, 0)
		}
		r.sc = sc
		return err
	}
	return fault.New(fault.OutOfRange, "the log no longer has record %d", r.next).With("oldest", r.log.First())
}

// find returns the segment with the record, and up to where it may be read.
func (l *Log) find(seq uint64) (s segment, limit func() int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.segments) - 1; i >= 0; i-- {
		if s = l.segments[i]; s.first > seq {
			continue
		}
		if i == len(l.segments)-1 {
			limit = func() int64 { return l.position(s) }
		}
		return s, limit, true
	}
	return s, nil, false
}

// position is up to where the segment has records; for one that is complete, past everything.
func (l *Log) position(at segment) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.segments); n > 0 && l.segments[n-1] == at {
		return l.tip
	}
	return 1 << 62
}

// holds reports whether the record is in the segment of that header.
func (l *Log) holds(h head, seq uint64) bool {
	s, _, ok := l.find(seq)
	return ok && s.first == h.first && s.epoch == h.epoch
}
