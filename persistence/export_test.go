package persistence

import "context"

// Tick does what Run does every interval.
func (s *Store) Tick() { s.tick() }

// Flush writes what was appended, without forcing it to disk.
func (s *Store) Flush() error { return s.flush(false) }

// Compress compresses what of the log is full.
func (s *Store) Compress() { s.compress(context.Background()) }
