package persistence

import (
	"context"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence/wal"
)

// maxBuffer is how many bytes of records may wait to be written; past it writers wait, too.
const maxBuffer = 8 << 20

// Append implements journal.Journal.
func (s *Store) Append(rec *journal.Record) (uint64, error) {
	s.pen.Lock()
	s.awaitRoom()
	err := s.add(rec)
	s.pen.Unlock()
	if err != nil {
		return 0, err
	}
	s.tell()
	return rec.Seq, nil
}

// Begin implements journal.Journal.
func (s *Store) Begin() uint64 {
	s.pen.Lock()
	s.awaitRoom()
	return s.mark.Seq + 1
}

// Commit implements journal.Journal.
func (s *Store) Commit(rec *journal.Record) error {
	err := s.add(rec)
	s.pen.Unlock()
	if err != nil {
		return err
	}
	s.tell()
	return nil
}

// Abandon implements journal.Journal.
func (s *Store) Abandon() { s.pen.Unlock() }

// awaitRoom waits while the buffer is full, and until it is known that it never will be empty. The pen is held,
// and free meanwhile.
func (s *Store) awaitRoom() {
	for len(s.buf) >= maxBuffer && s.trouble.Load() == nil {
		s.room.Wait()
	}
}

// add numbers the record and encodes it into the buffer. The pen is held.
func (s *Store) add(rec *journal.Record) error {
	if t := s.trouble.Load(); t != nil {
		return t.refusal
	}
	start := len(s.buf)
	s.buf = appendRecord(wal.Begin(s.buf), rec)
	if size := len(s.buf) - start; size > wal.MaxPayload {
		s.buf = s.buf[:start]
		return fault.New(fault.TooLarge, "the change takes %d bytes in the log; at most %d fit into one record", size, wal.MaxPayload).
			With("limit", wal.MaxPayload)
	}
	s.mark = s.mark.Seal(s.buf[start:], s.synced.Load())
	rec.Seq = s.mark.Seq
	s.last.Store(rec.Seq)
	s.backlog.Push(rec)
	return nil
}

// tell has the record written, unless those who wait for the disk will do that, and lets followers know of it.
func (s *Store) tell() {
	if s.o.Mode == Always {
		return
	}
	s.notifyAll()
	select {
	case s.filled <- struct{}{}:
	default:
	}
}

// notifyAll lets followers know that there are records for them.
func (s *Store) notifyAll() {
	if f := s.notify.Load(); f != nil {
		(*f)()
	}
}

// Levels implements journal.Journal.
func (s *Store) Levels() (standard, highest journal.Durability) {
	if s.o.Mode == Always {
		return journal.Fsynced, journal.Fsynced
	}
	return journal.Buffered, journal.Fsynced
}

// Wait implements journal.Journal.
func (s *Store) Wait(ctx context.Context, seq uint64, level journal.Durability) (journal.Durability, error) {
	if s.synced.Load() >= seq {
		return journal.Fsynced, nil
	}
	if level >= journal.Fsynced {
		return journal.Fsynced, s.await(ctx, seq)
	}
	if t := s.trouble.Load(); t != nil && s.written.Load() < seq {
		return 0, t.unsure(seq)
	}
	return journal.Buffered, nil
}

// Seen implements journal.Journal.
func (s *Store) Seen(ctx context.Context) error {
	last := s.last.Load()
	if s.o.Mode != Always || s.synced.Load() >= last || s.trouble.Load() != nil {
		return nil
	}
	err := s.await(ctx, last)
	if s.trouble.Load() != nil { // what is in memory can still be read
		return nil
	}
	return err
}

// Position implements journal.Source.
func (s *Store) Position() journal.Position {
	s.pen.Lock()
	defer s.pen.Unlock()
	return journal.Position{Epoch: s.mark.Epoch, Seq: s.mark.Seq}
}

// Includes implements journal.Source.
func (s *Store) Includes(p journal.Position) bool { return s.log.Includes(p.Epoch, p.Seq) }

// Notify implements journal.Source.
func (s *Store) Notify(f func()) {
	if f == nil {
		s.notify.Store(nil)
		return
	}
	s.notify.Store(&f)
}

// ReadAfter implements journal.Source: from memory for the recent past, else from the log. In mode Always followers hear
// of a change when it is on disk, as everybody else does.
func (s *Store) ReadAfter(seq uint64, dst []journal.Record) (int, error) {
	if s.o.Mode == Always {
		safe := s.synced.Load()
		if seq >= safe && seq <= s.last.Load() {
			return 0, nil
		}
		dst = dst[:min(uint64(len(dst)), max(safe, seq)-seq)]
	}
	s.pen.Lock()
	n, ok := s.backlog.ReadAfter(seq, dst)
	last := s.backlog.Last()
	s.pen.Unlock()
	switch {
	case ok:
		return n, nil
	case seq > last:
		return 0, journal.OutOfRange(seq, s.log.First()-1, last)
	}
	return s.readers.read(s, seq, dst)
}
