package vector

import (
	"runtime"
	"sync"

	"github.com/hivellm/synap-go/core/command"
)

// maxSwept is how many points one round of sweeping takes out at most.
const maxSwept = 1_000

// Sweep implements command.State: it takes out the points whose time is over, and puts vectors into graphs.
func (s *Collections) Sweep(tx *command.Tx) (next int64, err error) {
	s.building.Store(false)
	now := tx.Now()
	left := maxSwept
	all := s.all()
	for _, e := range all {
		due, n, err := s.expire(tx, e.name, left)
		if err != nil {
			return 0, err
		}
		if left -= n; due != 0 && (next == 0 || due < next) {
			next = due
		}
	}
	if s.build(all) || left <= 0 {
		next = now
	}
	return next, nil
}

// maxBuilt is how many collections one round of sweeping works on. They take turns: after a restart all may have to be
// built.
const maxBuilt = 4

// build works on the graphs of some collections, and reports whether there is more to do.
func (s *Collections) build(all []*entry) (more bool) {
	done := 0
	for i := range all {
		at := (int(s.turn.Load()) + i) % len(all)
		switch e := all[at]; {
		case !e.busy():
		case done == maxBuilt:
			s.turn.Store(int64(at))
			return true
		default:
			more = e.build() || more
			done++
		}
	}
	return more
}

// busy reports whether there is something to do for build.
func (e *entry) busy() bool {
	e.RLock()
	defer e.RUnlock()
	return e.Busy()
}

// expire takes out at most so many points of a collection, and says when the next is due; 0 is never.
func (s *Collections) expire(tx *command.Tx, name string, atMost int) (next int64, n int, err error) {
	e, unlock, err := s.change(name)
	if err != nil {
		return 0, 0, nil //nolint:nilerr // it is gone, and its points with it
	}
	defer unlock()
	over, next := e.Due(tx.Now(), atMost)
	if len(over) == 0 {
		return next, 0, nil
	}
	_, err = tx.Commit(&remove{name: name, cause: expired, ids: over})
	return next, len(over), err
}

// manyPending is how many vectors wait before several goroutines put them into the graph side by side: after a recovery,
// not in everyday life.
const manyPending = 256

// build does a few milliseconds' work on the collection's graphs, and reports whether there is more.
func (e *entry) build() (more bool) {
	e.RLock()
	pending := e.Pending()
	e.RUnlock()
	var others sync.WaitGroup
	if pending > manyPending {
		for range runtime.GOMAXPROCS(0)/2 - 1 { // half of the processors: commands go on
			others.Go(func() { e.Build() })
		}
	}
	more = e.Build()
	others.Wait()
	return more
}

// maxPending is how many vectors may wait to be put into a graph before those who bring more have to help.
const maxPending = 4_096

// help has a writer put as many vectors into the graph as it brought, when too many wait.
func (e *entry) help(brought int) {
	for done := 0; done < brought; done += 16 {
		e.RLock()
		pending := e.Pending()
		e.RUnlock()
		if pending <= maxPending || !e.Build() {
			return
		}
	}
}
