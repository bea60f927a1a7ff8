package persistence

import (
	"time"

	"github.com/hivellm/synap-go/persistence/wal"
)

// Queued is how much waits to be written to the log: bytes of encoded records, and how many records there are that are not in
// the file yet.
func (s *Store) Queued() (bytes int64, records uint64) {
	s.pen.Lock()
	bytes = int64(len(s.buf))
	s.pen.Unlock()
	last := s.last.Load()
	return bytes, last - min(last, s.written.Load())
}

// SyncTimes is how long the fsyncs of the log took since the start: the bounds that are told apart, how many took at most as long
// as each, how many there were, and their sum.
func (s *Store) SyncTimes() (bounds []time.Duration, cumulative []uint64, count uint64, sum time.Duration) {
	cumulative, count, sum = s.log.Times().Snapshot()
	return wal.SyncBuckets[:], cumulative, count, sum
}
