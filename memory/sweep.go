package memory

import (
	"sync"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/memory/embed"
)

// Bounds of one sweep.
const (
	sweepBatch = 128  // memories whose time is over
	fillBatch  = 64   // texts that are handed to the embedder at once
	fillLooks  = 4096 // memories that are looked at to find them
)

// How long until what did not work is tried again, in milliseconds.
const (
	busyGap    = 200            // another namespace's texts are with the embedder
	refusedGap = 60 * 60 * 1000 // the embedder does not want the text
)

// filler is texts on their way to the embedder and vectors on their way back. Only Sweep, of which there is one at a time, hands texts out.
type filler struct {
	mu sync.Mutex

	out   bool     // texts are with the embedder
	back  []filled // what came back, for the next Sweep
	after int64    // nothing is handed out before then, Unix milliseconds
}

// filled is what became of a text.
type filled struct {
	number      uint64
	textVersion uint64
	embed.Filled
}

// Sweep implements command.State: it commits the vectors that came back, removes a batch of memories whose time is over, and hands texts without a vector to the
// embedder. It waits for nothing.
func (s *Memories) Sweep(tx *command.Tx) (next int64, err error) {
	s.fill.mu.Lock()
	back := s.fill.back
	s.fill.back = nil
	s.fill.mu.Unlock()
	if err := s.takeIn(tx, back); err != nil {
		return 0, err // the texts still wait, and are embedded again; the embedder's cache has them
	}
	if err := s.expire(tx); err != nil {
		return 0, err
	}
	return earlier(s.nextExpiry(), s.handOut(tx.Now())), nil
}

// earlier is the earlier of two times, of which 0 is never.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// takeIn commits vectors, of texts that are still the same.
func (s *Memories) takeIn(tx *command.Tx, back []filled) error {
	if len(back) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ops []journal.Op
	for _, f := range back {
		it := s.items[f.number]
		if it == nil || it.textVersion != f.textVersion || !s.lacks(it) {
			continue
		}
		switch {
		case f.Err == nil:
			ops = append(ops, &embedOp{collection: it.collection, number: it.number, textVersion: it.textVersion, model: s.model, vector: f.Vector})
		case embed.Refused(f.Err):
			s.waiting.Set(it.number, tx.Now()+refusedGap)
		}
	}
	_, err := tx.CommitAll(ops)
	return err
}

// expire removes memories whose time is over.
func (s *Memories) expire(tx *command.Tx) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ops []journal.Op
	s.deadlines.Scan(func(d deadline) bool {
		if d.at > tx.Now() || len(ops) == sweepBatch {
			return false
		}
		ops = append(ops, &remove{collection: s.items[d.number].collection, numbers: []uint64{d.number}})
		return true
	})
	_, err := tx.CommitAll(ops)
	return err
}

func (s *Memories) nextExpiry() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d, _ := s.deadlines.Min()
	return d.at
}

// handOut gives texts that wait to the embedder, and returns when to look again; 0 when there is nothing to look for, or the embedder will say.
func (s *Memories) handOut(now int64) (next int64) {
	if s.embedder == nil {
		return 0
	}
	s.fill.mu.Lock()
	defer s.fill.mu.Unlock()
	if s.fill.out {
		return 0
	}
	due, next := s.due(now)
	switch {
	case len(due) == 0:
		return next
	case s.fill.after > now:
		return s.fill.after
	}
	texts := make([]string, len(due))
	for i, it := range due {
		texts[i] = it.text
	}
	s.fill.out = s.embedder.Fill(texts, func(out []embed.Filled) { s.comeBack(due, out) })
	if !s.fill.out {
		return now + busyGap
	}
	return 0
}

// due returns the memories whose texts wait to be embedded now, the oldest first, and else when there will be some.
func (s *Memories) due(now int64) (list []*item, next int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	looks := 0
	s.waiting.Scan(func(number uint64, notBefore int64) bool {
		if looks++; notBefore > now {
			next = earlier(next, notBefore)
		} else {
			list = append(list, s.items[number])
		}
		return len(list) < fillBatch && looks < fillLooks
	})
	return list, next
}

// comeBack leaves what the embedder said for the next Sweep.
func (s *Memories) comeBack(texts []*item, out []embed.Filled) {
	s.fill.mu.Lock()
	defer s.fill.mu.Unlock()
	s.fill.out = false
	for i, it := range texts {
		s.fill.back = append(s.fill.back, filled{it.number, it.textVersion, out[i]})
		if err := out[i].Err; err != nil && !embed.Refused(err) {
			s.fill.after = s.now() + s.rest()
		}
	}
	s.wake(s.now())
}

// rest is how long the embedder is left alone, in milliseconds.
func (s *Memories) rest() int64 {
	ms := time.Until(s.embedder.Status().Retry).Milliseconds()
	return max(ms, 1000)
}
