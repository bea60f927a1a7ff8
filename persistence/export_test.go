package persistence

import (
	"context"
	"time"
)

// Tick does what Run does every interval.
func (s *Store) Tick() { s.tick() }

// Flush writes what was appended, without forcing it to disk.
func (s *Store) Flush() error { return s.flush(false) }

// Compress compresses what of the log is full.
func (s *Store) Compress() { s.compress(context.Background()) }

// RestAfter rests as a snapshot does that has worked for so long.
func RestAfter(ctx context.Context, worked time.Duration) error {
	p := pacer{since: time.Now().Add(-worked)}
	return p.rest(ctx)
}
