package wal

import (
	"errors"
	"path"

	"github.com/hivellm/synap-go/persistence/vfs"
)

// Part is a segment that is open to be copied. That it is compressed or removed meanwhile does not matter.
type Part struct {
	Name string
	File vfs.File // the caller closes it
	Size int64    // how much of it is to be copied; a complete segment may become shorter, and what it loses is blank
}

// Parts opens the segments that have the records after the given number, up to the last one that was written, whose mark
// is returned. Every byte of them may be read at leisure while the log is written.
func (l *Log) Parts(after uint64) (parts []Part, end Mark, err error) {
	l.mu.Lock() // nothing is removed, and no name changes
	defer l.mu.Unlock()
	first := 0
	for i, s := range l.segments {
		if s.first <= after+1 {
			first = i
		}
	}
	for i := first; i < len(l.segments) && err == nil; i++ {
		p := Part{Name: l.segments[i].name()}
		if p.File, err = l.fs.Open(path.Join(l.dir, p.Name)); err != nil {
			break
		}
		parts = append(parts, p)
		if parts[len(parts)-1].Size, err = p.File.Size(); i == len(l.segments)-1 {
			parts[len(parts)-1].Size = l.tip
		}
	}
	if err != nil {
		for _, p := range parts {
			err = errors.Join(err, p.File.Close())
		}
		return nil, Mark{}, err
	}
	return parts, l.end, nil
}
