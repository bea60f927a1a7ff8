package persistence

import (
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/persistence/wal"
)

// maxCursors is how many readers of the log are kept open between two reads.
const maxCursors = 8

// cursors keep the places in the log where readers stopped, so that one who reads on does not look for it again.
type cursors struct {
	mu   sync.Mutex
	idle []cursor // the one used longest ago first
}

type cursor struct {
	after uint64
	in    *wal.Reader
}

// read fills dst with the records after seq, from the log.
func (c *cursors) read(s *Store, seq uint64, dst []journal.Record) (n int, err error) {
	if err := s.flush(false); err != nil {
		return 0, s.Health()
	}
	in, err := c.take(s.log, seq)
	if err != nil {
		return 0, err
	}
	for n < len(dst) {
		rec, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var decoded *journal.Record
		if err == nil {
			decoded, err = decodeRecord(rec.Seq, rec.Payload, s.o.Decode)
		}
		if err != nil {
			in.Close()
			return 0, err
		}
		dst[n] = *decoded
		n++
	}
	c.put(cursor{seq + uint64(n), in})
	return n, nil
}

// take returns a reader that stands at seq.
func (c *cursors) take(log *wal.Log, seq uint64) (*wal.Reader, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, known := range c.idle {
		if known.after == seq {
			c.idle = slices.Delete(c.idle, i, i+1)
			return known.in, nil
		}
	}
	return log.Reader(seq)
}

func (c *cursors) put(p cursor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.idle) == maxCursors {
		c.idle[0].in.Close()
		c.idle = slices.Delete(c.idle, 0, 1)
	}
	c.idle = append(c.idle, p)
}

func (c *cursors) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, known := range c.idle {
		known.in.Close()
	}
	c.idle = nil
}
