package wal

import (
	"bufio"
	"errors"
	"io"
)

// next returns the next record, io.EOF where the segment ends, or damage. What is not right in the last segment may be
// a record that is being written: it is looked at again, and counts when it is still the same.
func (in *inspector) next(sc *scanner, last bool) (Record, error) {
	for again := false; ; again = true {
		rec, err := sc.next()
		var d *damage
		switch {
		case err == nil:
			return rec, nil
		case errors.Is(err, io.EOF):
			blank, err := sc.restIsBlank()
			switch {
			case blank:
				return Record{}, io.EOF
			case err == nil:
				d = sc.damaged("a record has no number")
			case !errors.As(err, &d):
				return Record{}, err
			}
		case !errors.As(err, &d):
			return Record{}, err
		}
		switch {
		case !last || sc.zip != nil:
			return Record{}, d
		case !again:
			sc.rewind()
		default:
			return in.tail(sc, d)
		}
	}
}

// tail is io.EOF when what is at the end of the last segment is a write that was cut short or is under way, else the
// damage; or it has become a record meanwhile.
func (in *inspector) tail(sc *scanner, d *damage) (Record, error) {
	tail, err := sc.rest()
	if err != nil {
		return Record{}, err
	}
	count, synced := survivors(tail, sc.last.Epoch, d.seq)
	if synced >= d.seq {
		// The records behind it may have been written after it was looked at; but not before it was whole.
		sc.rewind()
		if rec, err := sc.next(); err == nil {
			return rec, nil
		}
		return Record{}, d
	}
	end := len(tail)
	for end > 0 && tail[end-1] == 0 {
		end--
	}
	in.found.Torn = &Torn{Segment: d.segment, Offset: d.offset, Bytes: int64(end), Records: count, Why: d.why}
	return Record{}, io.EOF
}

// rewind has a plain segment read again from the record that could not be read.
func (sc *scanner) rewind() {
	sc.in = bufio.NewReaderSize(&fileReader{file: sc.file, at: sc.offset}, scanAhead)
}
