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
// written before it began. Those who come meanwhile make up the next round, for which one of them does it as soon as
// the disk is free, before any of the others is woken: the disk works while they answer.
type forcing struct {
	mu   sync.Mutex
	busy bool   // a round is under way
	next *round // who waits for the next; nil when nobody does. Only while busy
}

// round is who shares an fsync.
type round struct {
	waiting int           // how many; guarded by forcing.mu
	lead    chan struct{} // holds a token when one of them is to do it
	done    chan struct{} // closed when it was done, or failed
}

// await returns when the disk has the record. A single writer waits for nothing but its own fsync.
func (s *Store) await(ctx context.Context, seq uint64) error {
	for s.synced.Load() < seq {
		if t := s.trouble.Load(); t != nil {
			return t.unsure(seq)
		}
		r := s.join()
		if r == nil {
			s.forceFor(nil)
			continue
		}
		select {
		case <-r.done:
		case <-r.lead:
			s.forceFor(r)
		case <-ctx.Done():
			if s.leave(r) {
				s.forceFor(r) // it was this one's to do, and there is nobody else to do it
			}
			return ctx.Err()
		}
	}
	return nil
}

// join makes the caller one of those who wait for the next round; nil when none is under way, and the first is the caller's
// to do.
func (s *Store) join() *round {
	f := &s.force
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.busy {
		f.busy = true
		return nil
	}
	if f.next == nil {
		f.next = &round{lead: make(chan struct{}, 1), done: make(chan struct{})}
	}
	f.next.waiting++
	return f.next
}

// forceFor does a round's fsync and lets the next round do its.
func (s *Store) forceFor(r *round) {
	_ = s.flush(true) // it leaves word in s.trouble
	f := &s.force
	f.mu.Lock()
	next := f.next
	f.next = nil
	if next == nil || next.waiting == 0 {
		f.busy, next = false, nil
	} else {
		next.lead <- struct{}{}
	}
	f.mu.Unlock()
	if r != nil {
		close(r.done)
	}
}

// leave takes one who waits no longer out of a round. It reports whether it was the last one, and the round's fsync is its
// to do all the same.
func (s *Store) leave(r *round) (mine bool) {
	s.force.mu.Lock()
	defer s.force.mu.Unlock()
	if r.waiting--; r.waiting > 0 {
		return false
	}
	select {
	case <-r.lead:
		return true
	default:
		return false
	}
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
