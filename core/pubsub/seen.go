package pubsub

import "sync"

// What is remembered of messages that were taken in from other servers: of so many servers' lives the last so many numbers each.
// It takes 34 KiB for one of them at most, 9 MiB for a namespace.
const (
	maxSources  = 256     // of more the one that was heard of longest ago is forgotten
	windowSize  = 1 << 18 // what is further behind is passed over, as if it had been here
	pageNumbers = 64 * 64
	maxPages    = windowSize/pageNumbers + 2
)

// seen is which messages of other servers were taken in, so that what comes by several ways comes once. It is not saved:
// whoever listens has come since the start, too.
type seen struct {
	mu sync.Mutex

	sources map[source]*window
	uses    uint64 // counts them, to know which was longest ago
}

// source is a life of another server.
type source struct{ node, run string }

// window is which of a source's last numbers were here.
type window struct {
	high  uint64                 // the highest
	pages map[uint64]*[64]uint64 // bits, by number/pageNumbers; at most maxPages
	used  uint64
}

// mark notes a message, and reports whether it was not here before.
func (s *seen) mark(from source, number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.sources[from]
	if w == nil {
		w = s.add(from)
	}
	s.uses++
	w.used = s.uses
	if number+windowSize <= w.high {
		return false
	}
	if number > w.high {
		w.high = number
	}
	page, bit := w.pages[number/pageNumbers], number%pageNumbers
	if page == nil {
		w.shrink()
		page = &[64]uint64{}
		w.pages[number/pageNumbers] = page
	}
	if page[bit/64]&(1<<(bit%64)) != 0 {
		return false
	}
	page[bit/64] |= 1 << (bit % 64)
	return true
}

// shrink drops pages that are behind the window.
func (w *window) shrink() {
	if len(w.pages) < maxPages || w.high < windowSize {
		return
	}
	least := (w.high - windowSize) / pageNumbers
	for n := range w.pages {
		if n < least {
			delete(w.pages, n)
		}
	}
}

// unmark takes back what mark did.
func (s *seen) unmark(from source, number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.sources[from]; w != nil && w.pages[number/pageNumbers] != nil {
		bit := number % pageNumbers
		w.pages[number/pageNumbers][bit/64] &^= 1 << (bit % 64)
	}
}

// add makes the window of a source. s.mu is held.
func (s *seen) add(from source) *window {
	if s.sources == nil {
		s.sources = map[source]*window{}
	}
	if len(s.sources) >= maxSources {
		var old source
		least := ^uint64(0)
		for k, w := range s.sources {
			if w.used < least {
				old, least = k, w.used
			}
		}
		delete(s.sources, old)
	}
	w := &window{pages: map[uint64]*[64]uint64{}}
	s.sources[from] = w
	return w
}
