// Package persistence keeps what it is promised to keep: a journal whose records are
// in a log on disk, snapshots so that the log stays short, and recovery from both.
//
// A Store is a journal.Journal. A record is numbered and encoded into a buffer while
// its writer holds its structure's lock; it goes to the file and to disk later, many
// records at once, by whichever goroutine waits for it. What a write is worth then,
// its reply says.
//
// A data directory holds LOCK (who uses it), log/ (see wal), snapshots/ (see
// snapshot) and RESERVE, some space that is given up when the disk is full, so that
// all that was accepted can still be written. format.md has the formats.
package persistence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/persistence/wal"
)

// Mode is when a record is forced to disk.
type Mode uint8

// The modes.
const (
	Periodic Mode = iota // every Interval: a power failure costs that much at most
	Always               // before a write is answered
	Never                // when the operating system likes; a killed process loses next to nothing
)

var modes = [...]string{Periodic: "periodic", Always: "always", Never: "none"}

// String returns the mode's permanent name: "periodic", "always" or "none".
func (m Mode) String() string { return modes[m] }

// ParseMode reads what String writes.
func ParseMode(name string) (Mode, error) {
	for m, n := range modes {
		if n == name {
			return Mode(m), nil //nolint:gosec // there are three
		}
	}
	return 0, fmt.Errorf("fsync mode %q is none of none, periodic, always", name)
}

// State is what a Store keeps. An engine is one.
type State interface {
	// Save hands everything to put, while writers go on. put keeps nothing of a chunk.
	Save(ctx context.Context, put func(at journal.Place, chunk []byte) error) error
	// Restore takes in what Save handed out: the places of namespace 0 first, chunks of one place in order, different
	// places at the same time.
	Restore(at journal.Place, chunk []byte) error
	// Replay applies a record, or a part of one. Records that change different things may come at the same time.
	Replay(rec *journal.Record) error
}

// Options say what a Store keeps, where and how. FS, Dir and Decode must be set; for the rest zero is the default.
type Options struct {
	FS     vfs.FS
	Dir    string
	Decode DecodeOp

	Mode     Mode
	Interval time.Duration // between two fsyncs in mode Periodic; 0 is a second

	SegmentBytes int64 // of a file of the log; 0 is 64 MiB
	Compress     bool  // the log's files, once they are full
	Reserve      int64 // bytes that are kept free for the worst; 0 is 16 MiB, negative is none

	SnapshotInterval time.Duration // between two snapshots, if anything changed; 0 is 5 minutes, negative is never
	SnapshotLogBytes int64         // a snapshot is taken when the log grew by so much since the last; 0 is 512 MiB, negative is never

	BacklogRecords, BacklogBytes int // of recent records that are kept in memory; 0 is the default

	AcceptLossFrom uint64 // see wal.Options
	Version        string // of the program, for snapshots

	// Note hears of what an operator should know, from several goroutines at once; nil drops it.
	Note func(level Level, message string, facts map[string]any)
}

// Level is how much a note matters.
type Level uint8

// The levels.
const (
	Info Level = iota
	Warning
	Failure
)

// Defaults of Options.
const (
	DefaultInterval         = time.Second
	DefaultReserve          = 16 << 20
	DefaultSnapshotInterval = 5 * time.Minute
	DefaultSnapshotLogBytes = 512 << 20
)

func (o Options) withDefaults() (Options, error) {
	switch {
	case o.FS == nil || o.Dir == "" || o.Decode == nil:
		return o, errors.New("FS, Dir and Decode must be set")
	case o.Interval < 0:
		return o, fmt.Errorf("Interval: %v is negative", o.Interval)
	case int(o.Mode) >= len(modes):
		return o, fmt.Errorf("Mode: %d is none", o.Mode)
	}
	orElse := func(n *int64, preset int64) {
		if *n == 0 {
			*n = preset
		}
	}
	orElse(&o.SegmentBytes, wal.DefaultSegmentBytes)
	orElse(&o.Reserve, DefaultReserve)
	orElse(&o.SnapshotLogBytes, DefaultSnapshotLogBytes)
	orElse((*int64)(&o.Interval), int64(DefaultInterval))
	orElse((*int64)(&o.SnapshotInterval), int64(DefaultSnapshotInterval))
	if o.Note == nil {
		o.Note = func(Level, string, map[string]any) {}
	}
	return o, nil
}

// The names in a data directory.
const (
	lockName     = "LOCK"
	reserveName  = "RESERVE"
	logName      = "log"
	snapshotName = "snapshots"
)

// Store is a journal on disk. Begin with Open, then Recover, then Run.
type Store struct {
	o    Options
	log  *wal.Log
	lock vfs.Lock

	notify atomic.Pointer[func()]

	// The pen guards these; it is held from Begin to Commit or Abandon.
	pen     sync.Mutex
	mark    wal.Mark // the last record that was numbered
	buf     []byte   // records that were encoded and not yet taken to be written
	backlog *journal.Backlog
	room    *sync.Cond // there may be room in buf again, or there will be none

	trouble atomic.Pointer[trouble] // nil while all is well

	last    atomic.Uint64 // the last record that was numbered
	written atomic.Uint64 // the file has every record up to here
	synced  atomic.Uint64 // the disk has every record up to here

	io    sync.Mutex // held while the log is written or forced
	spare []byte     // the other buffer

	force   forcing
	filled  chan struct{} // holds a token when buf may have something for Run
	readers cursors

	progress  Progress
	snapshots snapshots
}

// Owner is what a lock file tells of the process that holds it.
type Owner struct {
	PID     int    `json:"pid"`
	Address string `json:"address,omitempty"` // where it can be reached
	Since   string `json:"since"`
}

// Open locks the directory, made if need be, and finds what is in it. A directory that another process uses is
// refused with Unavailable.
func Open(o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("persistence: %w", err)
	}
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, err
	}
	s := &Store{o: o, filled: make(chan struct{}, 1)}
	s.room = sync.NewCond(&s.pen)
	s.lock, err = lockDir(o.FS, o.Dir)
	if err != nil {
		return nil, err
	}
	s.log, err = wal.Open(wal.Options{
		FS: o.FS, Dir: path.Join(o.Dir, logName), SegmentBytes: o.SegmentBytes, Compress: o.Compress, AcceptLossFrom: o.AcceptLossFrom,
	})
	if err == nil {
		err = s.openSnapshots()
	}
	if err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

func lockDir(fs vfs.FS, dir string) (vfs.Lock, error) {
	name := path.Join(dir, lockName)
	lock, err := fs.Lock(name)
	if errors.Is(err, vfs.ErrLocked) {
		owner := Who(fs, dir)
		who := "another process"
		if owner.PID != 0 {
			who = fmt.Sprintf("process %d", owner.PID)
		}
		if owner.Address != "" {
			who += ", a server at " + owner.Address
		}
		return nil, fault.Wrap(fault.Unavailable, err, "the data directory %s is in use by %s", dir, who).
			With("pid", owner.PID).With("address", owner.Address)
	}
	if err == nil {
		// Whoever comes next is told who was first. That is a courtesy: on a disk that is full to the last byte it is left out.
		_ = announce(lock, "")
	}
	return lock, err
}

// Who returns what the lock file of a data directory says; zero if it says nothing.
func Who(fs vfs.FS, dir string) (owner Owner) {
	text, err := vfs.ReadAll(fs, path.Join(dir, lockName), 4096)
	if err == nil {
		_ = json.Unmarshal(text, &owner) // it may be half-written, or of a process that is gone
	}
	return owner
}

// Announce says in the lock file where this process can be reached; "" is nowhere.
func (s *Store) Announce(address string) error { return announce(s.lock, address) }

func announce(lock vfs.Lock, address string) error {
	text, err := json.Marshal(Owner{PID: os.Getpid(), Address: address, Since: time.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return err
	}
	return lock.Write(text)
}

// Close forces everything to disk and gives the directory back. Nothing may be appended any more.
func (s *Store) Close() error {
	s.readers.close()
	err := s.flush(true)
	s.io.Lock()
	defer s.io.Unlock()
	var sync *wal.SyncError
	if !errors.As(s.failure(), &sync) { // never again the file whose fsync failed
		err = errors.Join(err, s.log.Close())
	}
	return errors.Join(err, s.lock.Close())
}
