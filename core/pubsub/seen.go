package pubsub

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/journal"
)

// What is remembered of messages that were taken in from other servers: of so many servers' lives the last so many numbers each.
// It takes 34 KiB for one of them at most, 9 MiB for a namespace.
const (
	maxSources  = 256     // of more the one of which something was taken in longest ago is forgotten
	windowSize  = 1 << 18 // what is further behind is passed over, as if it had been here
	pageNumbers = 64 * 64
	maxPages    = windowSize/pageNumbers + 2

	// About what a source and a page of it take besides the page's bits.
	sourceBytes = 256
	pageBytes   = 64 + pageNumbers/8
)

// seen is which messages of other servers were taken in, so that what comes by several ways, or again, comes once. It is data: what
// is in it depends on the ops that were applied, and not on their order. The broker's mu guards it.
type seen struct {
	sources btree.Map[string, *window] // by sourceKey
	pages   int                        // of all of them
}

// sourceKey is what a life of another server is called.
func sourceKey(node, run string) string { return node + ":" + run }

// window is which of a source's last numbers were here.
type window struct {
	node, run string
	taken     int64            // when something was taken in last, in Unix milliseconds
	high      uint64           // the highest number
	pages     map[uint64]*page // by number/pageNumbers; none is empty, and none is before least
}

// page is a bit for each of pageNumbers numbers.
type page [64]uint64

func (p *page) has(bit uint64) bool { return p[bit/64]&(1<<(bit%64)) != 0 }
func (p *page) set(bit uint64)      { p[bit/64] |= 1 << (bit % 64) }

// highest is the highest bit that is set; some is.
func (p *page) highest() uint64 {
	for i := len(p) - 1; ; i-- {
		if p[i] != 0 {
			return uint64(64*i + bits.Len64(p[i]) - 1) //nolint:gosec // not negative
		}
	}
}

// least is the first page that is not behind the window as a whole.
func (w *window) least() uint64 {
	if w.high < windowSize {
		return 0
	}
	return (w.high - windowSize) / pageNumbers
}

// has reports whether the number was here, or is too far behind to tell.
func (w *window) has(number uint64) bool {
	if w == nil {
		return false
	}
	if w.high >= windowSize && number <= w.high-windowSize {
		return true
	}
	p := w.pages[number/pageNumbers]
	return p != nil && p.has(number%pageNumbers)
}

// apply does what the op says.
func (s *seen) apply(op *takenOp) {
	key := op.key()
	w, known := s.sources.Get(key)
	if op.forgets() {
		if known {
			s.sources.Delete(key)
			s.pages -= len(w.pages)
		}
		return
	}
	if !known {
		w = &window{node: op.node, run: op.run, pages: map[uint64]*page{}}
		s.sources.Set(key, w)
	}
	before := w.least()
	w.taken, w.high = max(w.taken, op.at), max(w.high, op.page*pageNumbers+op.bits.highest())
	s.pages -= len(w.pages)
	if least := w.least(); op.page >= least {
		p := w.pages[op.page]
		if p == nil {
			p = &page{}
			w.pages[op.page] = p
		}
		for i, word := range op.bits {
			p[i] |= word
		}
	}
	if least := w.least(); least > before {
		maps.DeleteFunc(w.pages, func(n uint64, _ *page) bool { return n < least })
	}
	s.pages += len(w.pages)
}

// undo returns what takes back what apply of the op is about to do.
func (s *seen) undo(op *takenOp) func() {
	key := op.key()
	w, known := s.sources.Get(key)
	if !known {
		return func() {
			if w, there := s.sources.Delete(key); there {
				s.pages -= len(w.pages)
			}
		}
	}
	was, pages := *w, maps.Clone(w.pages)
	var old page
	touched := w.pages[op.page]
	if touched != nil {
		old = *touched
	}
	return func() {
		if now, there := s.sources.Get(key); there {
			s.pages -= len(now.pages)
		}
		*w = was
		if w.pages = pages; touched != nil {
			*touched = old // in place: what earlier ops take back has it, too
		}
		s.sources.Set(key, w)
		s.pages += len(pages)
	}
}

// bytes is about how much memory it takes.
func (s *seen) bytes() int64 { return int64(s.sources.Len()*sourceBytes + s.pages*pageBytes) }

// check returns what is wrong with it.
func (s *seen) check() (wrong []error) {
	pages := 0
	s.sources.Scan(func(key string, w *window) bool {
		pages += len(w.pages)
		top := w.pages[w.high/pageNumbers]
		if key != sourceKey(w.node, w.run) || len(w.pages) > maxPages || top == nil || *top == (page{}) || top.highest() != w.high%pageNumbers {
			wrong = append(wrong, fmt.Errorf("the window of %s up to %d, of %s:%s, has %d pages", key, w.high, w.node, w.run, len(w.pages)))
		}
		for n, p := range w.pages {
			if n < w.least() || n > w.high/pageNumbers || *p == (page{}) {
				wrong = append(wrong, fmt.Errorf("the window of %s up to %d has the page %d: %x", key, w.high, n, *p))
			}
		}
		return true
	})
	if pages != s.pages {
		wrong = append(wrong, fmt.Errorf("windows have %d pages, counted as %d", pages, s.pages))
	}
	return wrong
}

// taking is what one call takes in, until it is committed.
type taking struct {
	seen *seen
	at   int64
	ops  []*takenOp // one for each page of each source, in the order in which they came up

	last   *takenOp // that of the message before: most often it is that of the next, too
	window *window  // of its source; nil is none yet
}

// mark notes a message, and reports whether it was not here before.
func (t *taking) mark(node, run string, number uint64) bool {
	n, bit := number/pageNumbers, number%pageNumbers
	if t.last == nil || t.last.page != n || t.last.run != run || t.last.node != node {
		t.last = nil
		t.window, _ = t.seen.sources.Get(sourceKey(node, run))
	}
	if t.window.has(number) {
		return false
	}
	if t.last == nil {
		t.last = t.op(node, run, n)
	}
	if t.last.bits.has(bit) {
		return false
	}
	t.last.bits.set(bit)
	return true
}

// op finds the op of a source's page, or begins it.
func (t *taking) op(node, run string, n uint64) *takenOp {
	for _, op := range t.ops {
		if op.page == n && op.run == run && op.node == node {
			return op
		}
	}
	op := &takenOp{node: node, run: run, at: t.at, page: n}
	t.ops = append(t.ops, op)
	return op
}

// all are its ops, behind those that make room for sources that are new: the ones forgotten are those of which something was taken in
// longest ago. If one call has more than there may be at all, its first ones are not remembered.
func (t *taking) all() (ops []journal.Op) {
	var fresh []string
	touched := map[string]bool{}
	for _, op := range t.ops {
		key := op.key()
		if _, known := t.seen.sources.Get(key); !known && !touched[key] {
			fresh = append(fresh, key)
		}
		touched[key] = true
	}
	skip := map[string]bool{}
	if surplus := t.seen.sources.Len() + len(fresh) - maxSources; surplus > 0 && len(fresh) > 0 {
		var old []*window
		t.seen.sources.Scan(func(key string, w *window) bool {
			if !touched[key] {
				old = append(old, w)
			}
			return true
		})
		slices.SortStableFunc(old, func(a, b *window) int { return cmp.Compare(a.taken, b.taken) })
		for _, w := range old[:min(surplus, len(old))] {
			ops = append(ops, &takenOp{node: w.node, run: w.run})
		}
		for _, key := range fresh[:max(0, min(surplus-len(old), len(fresh)))] {
			skip[key] = true
		}
	}
	for _, op := range t.ops {
		if !skip[op.key()] {
			ops = append(ops, op)
		}
	}
	return ops
}
