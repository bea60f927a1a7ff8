// Package wal is a log on disk: numbered records of bytes in segment files, each
// checksummed and chained to the one before, written by one writer and read by many.
//
// It knows nothing of what is in a record. Who writes decides when a write is forced
// to disk; records say about each other how far that was (see record.go), and so
// reading after a crash can tell a write that was cut short, which is dropped, from
// damage, which is refused. ../format.md has the format.
package wal

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// DefaultSegmentBytes is how long a segment gets before the next one begins.
const DefaultSegmentBytes = 64 << 20

// Options say where a log is and how it is kept.
type Options struct {
	FS           vfs.FS
	Dir          string
	SegmentBytes int64 // 0 is DefaultSegmentBytes
	Compress     bool  // segments that are full, where it pays

	// AcceptLossFrom is the number of a damaged record from which on everything may be given up; 0 is none. What is
	// given up is kept aside under another name.
	AcceptLossFrom uint64
}

// Log is a log on disk. Begin with Open, then Recover, then Start; Write and Sync are for one goroutine at a time,
// everything else for any.
type Log struct {
	fs   vfs.FS
	dir  string
	o    Options
	file vfs.File // the segment that is written
	size int64    // how much of it

	crowded bool // see Crowd

	times Times // of Sync

	mu       sync.Mutex
	segments []segment // in order; the last one is written
	end      Mark      // the last record that was written
	tip      int64     // where it ends in the last segment
	tried    uint64    // segments up to the one that begins with this record were compressed, or do not pay
}

// Open finds the log's segments; it makes the directory if need be.
func Open(o Options) (*Log, error) {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, err
	}
	segments, err := list(o.FS, o.Dir, true)
	if err != nil {
		return nil, err
	}
	return &Log{fs: o.FS, dir: o.Dir, o: o, segments: segments}, nil
}

// Start begins a new segment, of a new epoch: what is written from now on follows after, the mark that Recover
// returned. The epoch is greater than any before.
func (l *Log) Start(after Mark, epoch uint64) (Mark, error) {
	if n := len(l.segments); n > 0 && epoch <= l.segments[n-1].epoch {
		epoch = l.segments[n-1].epoch + 1
	}
	start := Mark{Epoch: epoch, Seq: after.Seq, CRC: after.CRC}
	return start, l.begin(start)
}

// begin makes the segment that follows the mark and has it written from now on.
func (l *Log) begin(after Mark) error {
	s := segment{first: after.Seq + 1, epoch: after.Epoch}
	temporary := path.Join(l.dir, s.name()+unfinishedEnding)
	file, err := l.fs.Create(temporary)
	if err != nil {
		return err
	}
	h := head{first: s.first, epoch: s.epoch, chain: after.CRC, created: time.Now().UnixMilli()}
	err = file.Allocate(l.o.SegmentBytes)
	if err == nil {
		_, err = file.WriteAt(h.append(nil), 0)
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = l.fs.Rename(temporary, path.Join(l.dir, s.name()))
	}
	if err != nil {
		// Best effort: what stays is removed at the next start.
		return errors.Join(err, file.Close(), ignore(l.fs.Remove(temporary)))
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		// The segment may be there after a crash or not, so that the log can go on neither in it nor in the one before.
		return errors.Join(&SyncError{err}, file.Close())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file, l.size, l.tip, l.end = file, segmentHeader, segmentHeader, after
	l.segments = append(l.segments, s)
	return nil
}

func ignore(error) error { return nil }

// Write writes whole records, sealed one after the other from the end of the log on; end is the mark of the last. They
// are on disk after the next Sync. After an error the same records, with others behind them or not, can be
// written again.
func (l *Log) Write(records []byte, end Mark) error {
	if !l.crowded && l.size > segmentHeader && l.size+int64(len(records)) > l.o.SegmentBytes {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	if _, err := l.file.WriteAt(records, l.size); err != nil {
		return err
	}
	l.size += int64(len(records))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end, l.tip = end, l.size
	return nil
}

// Crowd says that there is no space for another segment: Write goes on in the last one, beyond its length, until
// Spread. Like Write they are for one goroutine at a time.
func (l *Log) Crowd() { l.crowded = true }

// Spread ends what Crowd began, if there is space for the segment that is due.
func (l *Log) Spread() error {
	if l.crowded && l.size > l.o.SegmentBytes {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	l.crowded = false
	return nil
}

// Sync forces what was written to disk. After an error nobody knows what of it is there, and the file must not be
// used again.
func (l *Log) Sync() error {
	began := time.Now()
	err := l.file.Sync()
	l.times.observe(time.Since(began))
	if err != nil {
		return &SyncError{err}
	}
	return nil
}

// Times are how long Sync took, since the log was opened.
func (l *Log) Times() *Times { return &l.times }

// SyncError is a failed fsync: the operating system may have dropped what it could not write, and would say yes the
// next time.
type SyncError struct{ Cause error }

func (e *SyncError) Error() string { return "fsync of the log failed: " + e.Cause.Error() }
func (e *SyncError) Unwrap() error { return e.Cause }

// rotate closes the segment and begins the next one. All of a closed segment is on disk.
func (l *Log) rotate() error {
	if err := l.Sync(); err != nil {
		return err
	}
	old, size := l.file, l.size
	if err := l.begin(l.end); err != nil {
		return err
	}
	// What was allocated and not used; that it stays would harm nobody.
	return errors.Join(ignore(old.Truncate(size)), old.Close())
}

// Close forces everything to disk and closes the log.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	return errors.Join(l.Sync(), ignore(l.file.Truncate(l.size)), ignore(l.file.Sync()), l.file.Close())
}

// End is the last record that was written.
func (l *Log) End() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// First is the number of the oldest record that the log still has, or would have.
func (l *Log) First() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments) == 0 {
		return 1
	}
	return l.segments[0].first
}

// Includes reports whether the position, an epoch and a number in it, is one that this log passed through: a
// follower that stands there can go on.
func (l *Log) Includes(epoch, seq uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, s := range l.segments {
		if s.epoch != epoch || seq+1 < s.first {
			continue
		}
		return i+1 == len(l.segments) || l.segments[i+1].epoch == epoch || seq < l.segments[i+1].first
	}
	return false
}

// RemoveBefore removes segments all of whose records have numbers up to seq, but never the one that is written.
func (l *Log) RemoveBefore(seq uint64) (removed int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.segments) > 1 && l.segments[1].first <= seq+1 {
		if err := l.fs.Remove(path.Join(l.dir, l.segments[0].name())); err != nil {
			return removed, err
		}
		l.segments = slices.Delete(l.segments, 0, 1)
		removed++
	}
	if removed == 0 {
		return 0, nil
	}
	return removed, l.fs.SyncDir(l.dir)
}

// Bytes is how much disk the log takes, as far as it is in use.
func (l *Log) Bytes() (total int64) {
	l.mu.Lock()
	segments, tip := slices.Clone(l.segments), l.tip
	l.mu.Unlock()
	for i, s := range segments {
		if i == len(segments)-1 {
			return total + tip
		}
		if info, err := l.fs.Stat(path.Join(l.dir, s.name())); err == nil {
			total += info.Size
		}
	}
	return total
}

// Lost is damage that made the log refuse to be read. Its code is Corrupt.
func lost(d *damage, synced uint64) *fault.Error {
	return fault.New(fault.Corrupt, "the log is damaged: %s", d).
		With("file", d.segment).With("offset", d.offset).With("sequence", d.seq).With("synced", synced)
}

var errGap = errors.New("a segment is missing")

func (l *Log) gap(s segment, have Mark) error {
	return fault.Wrap(fault.Corrupt, errGap, "the log has a gap: %s begins with record %d, and the records before it end with %d",
		s.name(), s.first, have.Seq).With("file", s.name()).With("sequence", have.Seq+1)
}

func (m Mark) String() string { return fmt.Sprintf("%d-%d", m.Epoch, m.Seq) }
