package persistence

import (
	"context"
	"errors"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence/snapshot"
)

// keep is how many snapshots there are, and the log back to the older one: if the newest should turn out to be
// damaged, nothing is lost.
const keep = 2

// snapshots are the snapshots of a directory.
type snapshots struct {
	dir      string
	appended atomic.Int64 // bytes of log since the last snapshot began

	mu      sync.Mutex // held while one is taken
	state   State
	kept    []snapshot.File // whole, as far as is known; the newest first
	damaged []snapshot.File
	seq     uint64    // where the last one began
	taken   time.Time // when, or when the store was opened
	retry   time.Time // no earlier than this by itself, after a failure

	told sync.Mutex // held, too, while kept and taken change: whoever only looks at them does not wait for a snapshot
}

// retryAfter is how long after a snapshot that failed the next one is tried.
const retryAfter = 30 * time.Second

func (s *Store) openSnapshots() error {
	s.snapshots.dir = path.Join(s.o.Dir, snapshotName)
	if err := s.o.FS.MkdirAll(s.snapshots.dir); err != nil {
		return err
	}
	if err := snapshot.CleanUp(s.o.FS, s.snapshots.dir); err != nil {
		return err
	}
	var err error
	s.snapshots.kept, err = snapshot.List(s.o.FS, s.snapshots.dir)
	s.snapshots.taken = time.Now()
	return err
}

// Taken says what a snapshot is.
type Taken struct {
	Name    string
	Epoch   uint64
	Seq     uint64 // everything up to this record is in it
	Bytes   int64  // on disk
	Raw     int64  // before compression
	Seconds float64
}

// Snapshot takes a snapshot now, while writers go on, and returns when it is on disk and was read back. What of the log and
// of older snapshots is no longer needed is removed.
func (s *Store) Snapshot(ctx context.Context) (Taken, error) {
	s.snapshots.mu.Lock()
	defer s.snapshots.mu.Unlock()
	if err := s.Health(); err != nil {
		return Taken{}, err
	}
	began := time.Now()
	from := s.Position()
	grown := s.snapshots.appended.Load()
	w, err := snapshot.Create(s.o.FS, s.snapshots.dir, snapshot.Header{
		Epoch: from.Epoch, Seq: from.Seq, Created: began.UnixMilli(), Version: s.o.Version,
	})
	if err != nil {
		return Taken{}, err
	}
	pace := pacer{since: began}
	err = s.snapshots.state.Save(ctx, func(at journal.Place, chunk []byte) error {
		if err := pace.rest(ctx); err != nil {
			return err
		}
		return w.Put(at.Namespace, at.Structure, at.Part, chunk)
	})
	end := s.Position().Seq
	if err == nil {
		// What is in the snapshot must be in the log as well, or a crash could leave a part of a change.
		err = s.await(ctx, end)
	}
	if err != nil {
		return Taken{}, errors.Join(err, w.Abort())
	}
	done, err := w.Commit(end)
	if err != nil {
		return Taken{}, err
	}
	s.snapshots.seq = from.Seq
	s.snapshots.appended.Add(-grown)
	taken := Taken{
		Name: done.Name, Epoch: from.Epoch, Seq: from.Seq, Bytes: done.Bytes, Raw: done.RawBytes, Seconds: time.Since(began).Seconds(),
	}
	s.o.Note(Info, "took a snapshot", map[string]any{"file": done.Name, "seq": from.Seq, "bytes": done.Bytes, "seconds": taken.Seconds})
	return taken, s.trim(snapshot.File{Name: done.Name, Epoch: from.Epoch, Seq: from.Seq})
}

// pacer keeps a snapshot from taking the machine for itself: it works a third of the time.
type pacer struct{ since time.Time }

const (
	stint       = 2 * time.Millisecond   // for how long a snapshot works before it rests
	longestRest = 100 * time.Millisecond // however long that took: when the machine or its disk stood still, it was no work
)

func (p *pacer) rest(ctx context.Context) error {
	worked := time.Since(p.since)
	if worked < stint {
		return nil
	}
	over := time.NewTimer(min(2*worked, longestRest))
	defer over.Stop()
	select {
	case <-over.C:
	case <-ctx.Done():
	}
	p.since = time.Now()
	return ctx.Err()
}

// trim removes what a new snapshot makes superfluous: all but the newest two, and the log before the older of them.
func (s *Store) trim(newest snapshot.File) error {
	all := []snapshot.File{newest}
	for _, file := range s.snapshots.kept {
		if file.Name != newest.Name {
			all = append(all, file)
		}
	}
	s.snapshots.told.Lock()
	s.snapshots.kept, s.snapshots.taken = all[:min(keep, len(all))], time.Now()
	s.snapshots.told.Unlock()
	var errs []error
	for _, file := range append(all[len(s.snapshots.kept):], s.snapshots.damaged...) {
		if file.Name != newest.Name {
			errs = append(errs, s.o.FS.Remove(path.Join(s.snapshots.dir, file.Name)))
		}
	}
	s.snapshots.damaged = nil
	errs = append(errs, s.o.FS.SyncDir(s.snapshots.dir))
	if len(s.snapshots.kept) == keep {
		_, err := s.log.RemoveBefore(s.snapshots.kept[keep-1].Seq)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// runSnapshots takes snapshots when they are due, and compresses what of the log is full.
func (s *Store) runSnapshots(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			s.compress(ctx)
			if !s.due(now) {
				continue
			}
			if _, err := s.Snapshot(ctx); err != nil && ctx.Err() == nil {
				s.snapshots.mu.Lock()
				s.snapshots.retry = now.Add(retryAfter)
				s.snapshots.mu.Unlock()
				s.o.Note(Failure, "a snapshot failed", map[string]any{"cause": err.Error()})
			}
		}
	}
}

// due reports whether it is time for a snapshot.
func (s *Store) due(now time.Time) bool {
	s.snapshots.mu.Lock()
	defer s.snapshots.mu.Unlock()
	grown := s.snapshots.appended.Load()
	if s.Health() != nil || now.Before(s.snapshots.retry) || grown == 0 {
		return false
	}
	return (s.o.SnapshotInterval > 0 && now.Sub(s.snapshots.taken) >= s.o.SnapshotInterval) ||
		(s.o.SnapshotLogBytes > 0 && grown >= s.o.SnapshotLogBytes)
}

func (s *Store) compress(ctx context.Context) {
	for more := s.o.Compress; more && ctx.Err() == nil && s.Health() == nil; {
		var err error
		if more, err = s.log.Compress(); err != nil {
			s.o.Note(Warning, "a file of the log could not be compressed", map[string]any{"cause": err.Error()})
			return
		}
	}
}

// Usage is what a store takes on disk, and what it knows of itself.
type Usage struct {
	Mode         string    `json:"mode"`
	LogBytes     int64     `json:"log_bytes"`
	FirstRecord  uint64    `json:"first_record"`
	LastRecord   uint64    `json:"last_record"`
	SyncedRecord uint64    `json:"synced_record"`
	Snapshots    int       `json:"snapshots"`
	SnapshotSeq  uint64    `json:"snapshot_seq"`
	SnapshotAt   time.Time `json:"snapshot_at"`
}

// Usage says how much the store takes. It does not wait for a snapshot that is being taken.
func (s *Store) Usage() Usage {
	s.snapshots.told.Lock()
	u := Usage{Snapshots: len(s.snapshots.kept), SnapshotAt: s.snapshots.taken}
	if len(s.snapshots.kept) > 0 {
		u.SnapshotSeq = s.snapshots.kept[0].Seq
	}
	s.snapshots.told.Unlock()
	u.Mode, u.LogBytes, u.FirstRecord = s.o.Mode.String(), s.log.Bytes(), s.log.First()
	u.LastRecord, u.SyncedRecord = s.Position().Seq, s.synced.Load()
	return u
}
