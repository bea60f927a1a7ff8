package queue

import (
	"cmp"
	"slices"

	"github.com/hivellm/synap-go/core/command"
)

// Bounds of saving. They are variables so that tests can make every boundary a common one.
var (
	saveBytes = command.SaveBytes // about what one call of Save hands out
	saveLooks = 4096              // how many messages and queues one call looks at: a fraction of a millisecond
	maxAside  = int64(32 << 20)   // bytes put aside for a saving that has not called for them; past that it begins anew
)

const (
	maxSavings = 8      // under way in a namespace at once; one of them ends when there are more
	idleMS     = 1000   // a saving that nobody went on with for so long is the first to make room
	patienceMS = 60_000 // one that nobody went on with for so long ends when the next save begins
)

// saving is one save's way through one queue, over as many calls as that takes. What it saves is the queue as it was
// when the saving began, however much changes between the calls:
//
//   - A message that is about to change or to leave is put aside as it is, unless it was saved before.
//   - Messages with numbers above last came later. They are in the journal.
//   - So are later dedupe_ids. One that is forgotten before it was saved is missed by nobody: its place is before all
//     that are not, and the record that forgot it does nothing more to what is restored without it.
//
// Nothing is lost when a saving ends early, because nobody went on with it or too much was put aside: if somebody
// calls for it after all, the queue is saved anew, and Restore forgets what it had of it. The lock of Queues guards a
// saving.
type saving struct {
	q      *queue
	id     uint64 // of all in the namespace; 0 until it turned out that one call is not enough
	number uint32 // of all of this queue; a message whose changed is lower is as it was when this one began
	last   uint64 // the highest number that a message had then

	remembered uint64   // the dedupe_ids of messages up to this one are saved
	state      state    // messages in earlier states are saved, and of this one
	pivot      *message // those that come before the pivot

	aside []*message // copies, in the order in which they changed
	bytes int64      // of them
	limit int64      // of bytes
	spilt bool       // there was more than that, and nothing is put aside any more
	used  int64      // when somebody last called, Unix milliseconds
}

// begin begins to save a queue. Past limit bytes that wait to be called for it begins anew, with more.
func (q *queue) begin(limit int64) *saving {
	q.saves++
	w := &saving{q: q, number: q.saves, last: q.last, limit: limit, pivot: &message{body: &body{}}}
	w.come(ready)
	return w
}

// come goes on with the messages in the state.
func (w *saving) come(to state) {
	w.state, w.pivot.body.priority, w.pivot.id = to, numPriorities-1, 0
}

// passed reports whether the message, if it has not changed since the saving began, was saved.
func (w *saving) passed(m *message) bool {
	if m.state == w.state {
		return m.before(w.pivot)
	}
	return m.state < w.state
}

// before reports whether the message comes before the pivot in the order that its state has.
func (m *message) before(pivot *message) bool {
	if m.state == ready {
		return byPlace(m, pivot)
	}
	return byID(m, pivot)
}

// keep is called before the message changes or leaves: for those that save the queue and have not come to it, it is
// put aside as it is.
func (q *queue) keep(m *message) {
	if q.savings == nil {
		return
	}
	for _, w := range q.savings {
		if m.changed < w.number && m.id <= w.last && !w.spilt && !w.passed(m) {
			w.put(m)
		}
	}
	m.changed = q.saves
}

// put puts a copy of the message aside.
func (w *saving) put(m *message) {
	if w.bytes += m.size; w.bytes > w.limit {
		w.spilt, w.aside = true, nil
		return
	}
	kept := *m
	w.aside = append(w.aside, &kept)
}

// register remembers a saving between calls.
func (s *Queues) register(w *saving) {
	w.used = s.env.Clock.Now()
	if w.id != 0 {
		return
	}
	if len(s.savings) >= maxSavings {
		s.end(s.leastMissed(w.used))
	}
	s.saved++
	w.id = s.saved
	s.savings = append(s.savings, w)
	w.q.savings = append(w.q.savings, w)
}

// leastMissed is the saving that is to make room: the one that was idle the longest, if that is for long. Otherwise all are being gone on with, and
// it is the one that began last, so that the others come to their end: were it one of those, whoever went on with it would take the next one's
// place, and so on round, and none would ever come to an end.
func (s *Queues) leastMissed(now int64) *saving {
	idle := slices.MinFunc(s.savings, func(a, b *saving) int { return cmp.Compare(a.used, b.used) })
	if now-idle.used >= idleMS {
		return idle
	}
	return s.savings[len(s.savings)-1]
}

// end forgets a saving.
func (s *Queues) end(w *saving) {
	if w.id == 0 {
		return
	}
	same := func(other *saving) bool { return other == w }
	s.savings = slices.DeleteFunc(s.savings, same)
	if w.q.savings = slices.DeleteFunc(w.q.savings, same); len(w.q.savings) == 0 {
		w.q.savings = nil
	}
}

// retire ends the savings that nobody goes on with.
func (s *Queues) retire() {
	now := s.env.Clock.Now()
	for _, w := range slices.Clone(s.savings) {
		if now-w.used > patienceMS {
			s.end(w)
		}
	}
}
