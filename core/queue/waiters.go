package queue

import "container/list"

// waiters are the receivers that wait for one queue, whether it exists or not.
type waiters struct {
	parked list.List // of *waiter, the longest waiting first
	called int       // how many were woken and have not looked yet: each is good for one message
}

// waiter is a receiver that waits.
type waiter struct {
	consumer string
	ready    chan struct{} // closed by wake when there is something for it
	parked   *list.Element // nil once it was woken
}

// park lines the receiver up. It must be followed by unpark, however the waiting ends.
func (s *Queues) park(queue, consumer string) *waiter {
	all := s.waiting[queue]
	if all == nil {
		all = &waiters{}
		if s.waiting == nil {
			s.waiting = map[string]*waiters{}
		}
		s.waiting[queue] = all
	}
	w := &waiter{consumer: consumer, ready: make(chan struct{})}
	w.parked = all.parked.PushBack(w)
	return w
}

// unpark ends the waiting. Whoever was woken then takes a message, or calls wake so that somebody else does.
func (s *Queues) unpark(queue string, w *waiter) {
	all := s.waiting[queue]
	if w.parked != nil {
		all.parked.Remove(w.parked)
	} else {
		all.called--
	}
	if all.parked.Len() == 0 && all.called == 0 {
		delete(s.waiting, queue)
	}
}

// wake calls one waiting receiver for each message in line that nobody was called for yet, passing over those
// that may not have another.
func (s *Queues) wake(q *queue) {
	if len(s.waiting) == 0 || q.paused {
		return
	}
	all := s.waiting[q.name]
	if all == nil {
		return
	}
	for e := all.parked.Front(); e != nil && all.called < q.line.len(); {
		w, next := e.Value.(*waiter), e.Next()
		if q.room(w.consumer) > 0 {
			all.parked.Remove(e)
			w.parked = nil
			all.called++
			close(w.ready)
		}
		e = next
	}
}

// room is how many more messages the consumer may hold.
func (q *queue) room(consumer string) int {
	if q.settings.Prefetch == 0 {
		return maxReceived
	}
	return max(0, int(q.settings.Prefetch)-q.inFlight[consumer])
}
