package stream

import "sync"

// waiting is readers that wait for the same thing. Each has a channel with room for one token; whoever makes
// the thing happen sends it and forgets them all.
type waiting map[chan struct{}]struct{}

func (w *waiting) add(ch chan struct{}) {
	if *w == nil {
		*w = waiting{}
	}
	(*w)[ch] = struct{}{}
}

func (w *waiting) remove(ch chan struct{}) {
	if delete(*w, ch); len(*w) == 0 {
		*w = nil
	}
}

func (w *waiting) wake() {
	for ch := range *w {
		select {
		case ch <- struct{}{}:
		default: // it was woken already
		}
	}
	*w = nil
}

// absent is readers that wait for a room that does not exist.
type absent struct {
	mu sync.Mutex

	byRoom map[string]waiting // no empty ones
}

// add is called with Streams.mu held shared, so that the room cannot come to be in between.
func (a *absent) add(room string, ch chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byRoom == nil {
		a.byRoom = map[string]waiting{}
	}
	w := a.byRoom[room]
	w.add(ch)
	a.byRoom[room] = w
}

func (a *absent) remove(room string, ch chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.byRoom[room]
	if w.remove(ch); w == nil {
		delete(a.byRoom, room)
	}
}

func (a *absent) wake(room string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w, ok := a.byRoom[room]; ok {
		w.wake()
		delete(a.byRoom, room)
	}
}

// leave takes the reader's channel away from the partition or the room that it waited for.
func (s *Streams) leave(name string, partition int, ch chan struct{}) {
	s.absent.remove(name, ch)
	if r := s.lock(name); r != nil {
		if partition < len(r.partitions) {
			r.partitions[partition].waiting.remove(ch)
		}
		s.unlock(r)
	}
}

// A transaction's changes are in the rooms before it is sure that they will stay. Commands do not see that,
// because a transaction has the namespace's gate to itself, but watches pass no gate. So Undo, which is called
// for every op of a transaction before it is applied and for no others, begins a hold; the end of the
// transaction, or its undoing, ends it.

// beginHold makes watches wait, and reports whether they did not before. The caller holds the lock of the room
// that is about to change.
func (s *Streams) beginHold() bool {
	if s.hold.Load() != nil {
		return false
	}
	ch := make(chan struct{})
	s.hold.Store(&ch) // nobody else can: a transaction is alone
	return true
}

// endHold lets watches look. It takes no lock.
func (s *Streams) endHold() {
	if ch := s.hold.Swap(nil); ch != nil {
		close(*ch)
	}
}
