package persistence

import (
	"context"
	"errors"
	"path"
	"sync"
	"syscall"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence/wal"
)

// trouble is why the store takes no more changes.
type trouble struct {
	full    bool         // the disk is full: it passes
	refusal *fault.Error // what writers are told
	cause   error
}

// unsure is the error for a record that was accepted, and is in memory, and is not known to be on disk.
func (t *trouble) unsure(seq uint64) error {
	return fault.Wrap(t.refusal.Code, t.cause, "the change was made, and it is not known to be safe: %s", t.refusal.Message).
		With("version", seq)
}

// failure is what keeps the log from being written for good; nil when nothing does.
func (s *Store) failure() error {
	if t := s.trouble.Load(); t != nil && !t.full {
		return t.cause
	}
	return nil
}

// Health is nil, or why the store takes no more changes: the disk is full, which passes, or it failed.
func (s *Store) Health() error {
	if t := s.trouble.Load(); t != nil {
		return t.refusal
	}
	return nil
}

// forcing is how goroutines that wait for the disk share one fsync: the first of them does it for all who had
// written before it began, and the next one for all who came meanwhile.
type forcing struct {
	mu   sync.Mutex
	done chan struct{} // of the one that is under way; nil when none is
}

// await returns when the disk has the record. A single writer waits for nothing but its own fsync.
func (s *Store) await(ctx context.Context, seq uint64) error {
	for s.synced.Load() < seq {
		if t := s.trouble.Load(); t != nil {
			return t.unsure(seq)
		}
		s.force.mu.Lock()
		done := s.force.done
		if done == nil {
			done = make(chan struct{})
			s.force.done = done
			s.force.mu.Unlock()
			_ = s.flush(true) // it leaves word in s.trouble
			s.force.mu.Lock()
			s.force.done = nil
			s.force.mu.Unlock()
			close(done)
			continue
		}
		s.force.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// flush writes what is in the buffer, and with sync forces it to disk.
func (s *Store) flush(sync bool) error {
	s.io.Lock()
	defer s.io.Unlock()
	if err := s.failure(); err != nil {
		return err
	}
	if err := s.write(); err != nil {
		return err
	}
	written := s.written.Load()
	if !sync || s.synced.Load() == written {
		return nil
	}
	if err := s.log.Sync(); err != nil {
		s.fail(err)
		return err
	}
	s.synced.Store(written)
	if s.o.Mode == Always {
		s.notifyAll()
	}
	return nil
}

// write takes the buffer and writes it. When the disk is full it gives up the reserve and tries again; what still
// cannot be written goes back into the buffer. io is held.
func (s *Store) write() error {
	s.pen.Lock()
	batch, end := s.buf, s.mark
	s.buf = s.spare[:0]
	s.pen.Unlock()
	s.spare = nil
	if len(batch) == 0 {
		s.spare = batch
		return nil
	}
	s.room.Broadcast()
	err := s.log.Write(batch, end)
	if isFull(err) {
		s.full(err)
		s.log.Crowd()
		err = s.log.Write(batch, end)
	}
	if err != nil {
		if !isFull(err) {
			s.fail(err)
		}
		s.pen.Lock()
		s.buf = append(batch, s.buf...)
		s.pen.Unlock()
		return err
	}
	s.written.Store(end.Seq)
	s.snapshots.appended.Add(int64(len(batch)))
	if cap(batch) <= maxBuffer+maxBuffer/2 {
		s.spare = batch
	}
	return nil
}

// isFull reports whether the disk is full. An fsync that fails for that has failed all the same.
func isFull(err error) bool {
	var sync *wal.SyncError
	return errors.Is(err, syscall.ENOSPC) && !errors.As(err, &sync)
}

// fail stops the store for good: after EIO, or an fsync that failed, nobody knows what is on disk.
func (s *Store) fail(cause error) {
	refusal := fault.Wrap(fault.Unavailable, cause, "the disk failed, and nothing more is written: %v; the data can still be read; restart the server when the disk is well", cause)
	s.trouble.Store(&trouble{refusal: refusal, cause: cause})
	s.room.Broadcast()
	s.o.Note(Failure, "the disk failed: no more changes are taken", map[string]any{"cause": cause.Error()})
}

// full stops the store until there is space again.
func (s *Store) full(cause error) {
	if s.trouble.Load() != nil {
		return
	}
	refusal := fault.Wrap(fault.Exhausted, cause, "the disk is full: nothing more is written until there is space; the data can still be read")
	s.trouble.Store(&trouble{full: true, refusal: refusal, cause: cause})
	s.room.Broadcast()
	_ = s.o.FS.Remove(path.Join(s.o.Dir, reserveName)) // or there was none
	s.o.Note(Failure, "the disk is full: no more changes are taken", map[string]any{"cause": cause.Error()})
}

// recoverSpace tries to go on after the disk was full: there is space again when the reserve can be made anew, and
// the log can have the segment that is due.
func (s *Store) recoverSpace() {
	t := s.trouble.Load()
	if t == nil || !t.full || s.flush(true) != nil || s.reserve() != nil || s.spread() != nil {
		return
	}
	if s.trouble.CompareAndSwap(t, nil) {
		s.o.Note(Info, "there is space on the disk again: changes are taken", nil)
	}
}

// spread has the log begin new segments again.
func (s *Store) spread() error {
	s.io.Lock()
	defer s.io.Unlock()
	err := s.log.Spread()
	if err != nil && !isFull(err) {
		s.fail(err)
	}
	return err
}

// reserve sees to it that some space is held back.
func (s *Store) reserve() error {
	name := path.Join(s.o.Dir, reserveName)
	if s.o.Reserve < 0 {
		return nil
	}
	if info, err := s.o.FS.Stat(name); err == nil && info.Size >= s.o.Reserve {
		return nil
	}
	_ = s.o.FS.Remove(name) // one of another size, or none
	file, err := s.o.FS.Create(name)
	if err != nil {
		return err
	}
	err = file.Allocate(s.o.Reserve)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		_ = s.o.FS.Remove(name)
	}
	return err
}

// gather is how long records may gather before they are written, when nobody waits for the disk: one system call
// for many. A process that is killed loses that much.
const gather = time.Millisecond

// Run writes and forces the log as its mode says and takes snapshots when they are due, until the context ends.
func (s *Store) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { s.runSnapshots(ctx) })
	tick := time.NewTicker(s.o.Interval)
	defer tick.Stop()
	wait := time.NewTimer(time.Hour)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.tick()
		case <-s.filled:
			wait.Reset(gather)
			select {
			case <-ctx.Done():
				return nil
			case <-wait.C:
			}
			_ = s.flush(false) // it leaves word in s.trouble
		}
	}
}

// tick does what is done every interval.
func (s *Store) tick() {
	if s.trouble.Load() != nil {
		s.recoverSpace()
		return
	}
	_ = s.flush(s.o.Mode != Never) // it leaves word in s.trouble
}
