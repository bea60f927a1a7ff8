package wal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// Inspection reads the log in a directory and changes nothing there. The log may be written meanwhile: what is written
// after Run began to read may be seen or not, and is no damage either way.
type Inspection struct {
	FS   vfs.FS
	Dir  string
	From uint64 // segments with none but records before this one are passed over; 0 passes over none

	Record  func(Record) error // is called with every record, in order; an error ends it
	Damaged func(Damage) error // is called with what is wrong, and an error ends it; after nil it goes on with the next segment
}

// Damage is a place in a log where something is wrong.
type Damage struct {
	Segment string // the name of the file
	Offset  int64  // in what the file is when it is not compressed
	Seq     uint64 // of the record that should be there
	Why     string
}

// Error says where it is, and what.
func (d *Damage) Error() string {
	return fmt.Sprintf("%s, offset %d, record %d: %s", d.Segment, d.Offset, d.Seq, d.Why)
}

// Fault is the damage as recovery refuses it: with the code Corrupt, and with file, offset and sequence.
func (d *Damage) Fault() *fault.Error {
	return lost(&damage{d.Segment, d.Offset, d.Seq, d.Why}, 0)
}

// Inspected is what an Inspection found.
type Inspected struct {
	Segments int
	Records  uint64 // that are whole
	First    uint64 // the first record that the log has, or would have; 0 when there is no segment
	End      Mark   // the last record that was read
	Torn     *Torn  // what is behind it, if that is a write that was cut short, or is under way; nil if nothing is
	Runs     []Run  // the epochs, in order
}

// Run is a run of records of one epoch.
type Run struct{ Epoch, First uint64 }

// Files returns the names of the segments in a directory, in order. A directory that is not there has none.
func Files(fs vfs.FS, dir string) ([]string, error) {
	segments, err := list(fs, dir, false)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, len(segments))
	for i, s := range segments {
		names[i] = s.name()
	}
	return names, err
}

// Run reads the log. Damage is no error of its own, but every file that cannot be read for other reasons is one.
func (i Inspection) Run() (Inspected, error) {
	in := &inspector{Inspection: i}
	segments, err := list(i.FS, i.Dir, false)
	if errors.Is(err, os.ErrNotExist) {
		return in.found, nil
	}
	if err != nil {
		return in.found, err
	}
	for len(segments) > 1 && segments[1].first <= i.From {
		segments = segments[1:]
	}
	for n := range segments {
		if err := in.segment(segments[n], n == len(segments)-1); err != nil {
			return in.found, err
		}
	}
	return in.found, nil
}

type inspector struct {
	Inspection
	found Inspected
	known bool // the record before the next segment was read
}

// segment reads a segment. In the last one a write may have been cut short.
func (in *inspector) segment(s segment, last bool) error {
	sc, err := in.open(s)
	var d *damage
	switch {
	case errors.As(err, &d):
		in.known = false
		return in.damaged(d)
	case err != nil:
		return err
	case sc == nil: // it was removed, and with it all before it: the log begins later now
		in.found.First, in.found.Runs, in.known = 0, nil, false
		return nil
	}
	defer sc.close() //nolint:errcheck // it was only read
	in.found.Segments++
	if err := in.follows(s, sc); err != nil {
		return err
	}
	in.found.End, in.known = sc.last, true
	for {
		rec, err := in.next(sc, last)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &d):
			in.known = false
			return in.damaged(d)
		case err != nil:
			return err
		}
		in.found.End = sc.last
		in.found.Records++
		if rec.Seq < in.From {
			continue
		}
		if err := in.Record(rec); err != nil {
			return err
		}
	}
}

// open opens a segment, whatever its name is by now; nil when it is gone because the log was shortened.
func (in *inspector) open(s segment) (*scanner, error) {
	for range 3 { // it may be compressed while it is looked for
		sc, err := openScanner(in.FS, in.Dir, s, nil)
		if !errors.Is(err, os.ErrNotExist) {
			return sc, err
		}
		now, err := list(in.FS, in.Dir, false)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(now, func(o segment) bool { return o.first == s.first && o.epoch == s.epoch })
		if at < 0 {
			if len(now) > 0 && cmpSegments(now[0], s) > 0 {
				return nil, nil
			}
			return nil, &damage{s.name(), 0, s.first, "it is gone"}
		}
		s = now[at]
	}
	return nil, fmt.Errorf("%s comes and goes", s.name())
}

// follows notes where the segment begins, and reports what is missing before it.
func (in *inspector) follows(s segment, sc *scanner) error {
	f := &in.found
	if f.First == 0 {
		f.First = s.first
	}
	if len(f.Runs) == 0 || f.Runs[len(f.Runs)-1].Epoch != s.epoch {
		f.Runs = append(f.Runs, Run{s.epoch, s.first})
	}
	if !in.known {
		return nil
	}
	switch {
	case s.first != f.End.Seq+1:
		return in.damaged(&damage{s.name(), 0, f.End.Seq + 1,
			fmt.Sprintf("the log has a gap: the records before the segment end with %d, and it begins with %d", f.End.Seq, s.first)})
	case sc.head.chain != f.End.CRC:
		return in.damaged(&damage{s.name(), 0, s.first, "the segment does not belong to the record before it"})
	}
	return nil
}

func (in *inspector) damaged(d *damage) error {
	return in.Damaged(Damage{Segment: d.segment, Offset: d.offset, Seq: d.seq, Why: d.why})
}
