package core

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/hivellm/synap-go/core/command"
)

// sweepGap is how long a state that has nothing overdue is left alone between two rounds, in milliseconds, so
// that many deadlines close together are met in one.
const sweepGap = 5

// retryGap is how long a state rests whose sweeping failed, in milliseconds.
const retryGap = 1000

// sweeper does what time makes due: it sleeps until the earliest deadline of any state of any namespace, and
// costs nothing while nothing is due.
type sweeper struct {
	clock      *command.Clock
	dispatcher *command.Dispatcher
	changed    chan struct{} // holds a token when the earliest deadline moved forward

	mu     sync.Mutex
	bySlot map[slot]*due
	order  deadlines
}

// slot is a state's address.
type slot struct {
	space *command.Space
	place int
}

type due struct {
	slot
	at    int64 // Unix milliseconds
	index int   // in the heap
}

func newSweeper(clock *command.Clock, d *command.Dispatcher) *sweeper {
	return &sweeper{clock: clock, dispatcher: d, changed: make(chan struct{}, 1), bySlot: map[slot]*due{}}
}

// wake asks for a round of the state at the time, or sooner.
func (s *sweeper) wake(space *command.Space, place int, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := slot{space, place}
	d := s.bySlot[key]
	switch {
	case d == nil:
		d = &due{slot: key, at: at}
		s.bySlot[key] = d
		heap.Push(&s.order, d)
	case at < d.at:
		d.at = at
		heap.Fix(&s.order, d.index)
	default:
		return
	}
	if s.order[0] == d {
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
}

// forget drops what was asked for in a namespace that is gone.
func (s *sweeper) forget(space *command.Space) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for place := range space.States {
		key := slot{space, place}
		if d := s.bySlot[key]; d != nil {
			heap.Remove(&s.order, d.index)
			delete(s.bySlot, key)
		}
	}
}

// run sweeps until the context ends.
func (s *sweeper) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(s.sweepDue())
		select {
		case <-ctx.Done():
			return
		case <-s.changed:
		case <-timer.C:
		}
	}
}

// sweepDue runs one round of the most overdue state and returns how long to sleep: not at all while anything
// is due, so that the states take turns.
func (s *sweeper) sweepDue() time.Duration {
	s.mu.Lock()
	if len(s.order) == 0 {
		s.mu.Unlock()
		return time.Hour
	}
	d := s.order[0]
	if wait := s.clock.Until(d.at); wait > 0 {
		s.mu.Unlock()
		return wait
	}
	heap.Pop(&s.order)
	delete(s.bySlot, d.slot)
	s.mu.Unlock()

	next, err := s.dispatcher.Sweep(d.space, d.place)
	now := s.clock.Now()
	switch {
	case err != nil:
		s.dispatcher.Report("sweep", err)
		s.wake(d.space, d.place, now+retryGap)
	case next > now:
		s.wake(d.space, d.place, max(next, now+sweepGap))
	case next > 0:
		s.wake(d.space, d.place, now)
	}
	return 0
}

// deadlines is a heap by time.
type deadlines []*due

func (h deadlines) Len() int           { return len(h) }
func (h deadlines) Less(i, j int) bool { return h[i].at < h[j].at }
func (h deadlines) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *deadlines) Push(x any) {
	d := x.(*due)
	d.index = len(*h)
	*h = append(*h, d)
}

func (h *deadlines) Pop() any {
	old := *h
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return d
}
