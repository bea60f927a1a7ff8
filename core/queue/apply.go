package queue

import (
	"slices"
	"sync"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
)

// queueBytes is about what a queue costs besides its messages.
const queueBytes = 640

// Queues is the queues of one namespace.
type Queues struct {
	env command.Env
	max Options

	mu sync.Mutex

	byName map[string]*queue
	names  btree.Map[string, *queue] // the same, in order
	due    deadlines[*queue]         // those for which time has something to do
	asked  int64                     // a sweep was asked for at this time; 0 is for none
	recent *queue                    // what find returned last; nil when it was deleted

	waiting map[string]*waiters // by the queue's name, whether it exists or not

	savings []*saving // of queues that are being saved over several calls; see saving.go
	saved   uint64    // how many savings there ever were

	// The texts that the entry restored last had: the next one probably has the same, and shares them.
	alike struct{ consumer, publishedBy, group string }

	drafted draft      // see draft.go
	picked  []*message // of the receive that is running
}

func newQueues(env command.Env, o Options) *Queues { return &Queues{env: env, max: o} }

// find returns the queue of that name, or nil. A handler looks a queue up and Apply does it again: the last
// one is remembered.
func (s *Queues) find(name string) *queue {
	if q := s.recent; q != nil && q.name == name {
		return q
	}
	q := s.byName[name]
	s.recent = q
	return q
}

// insert adds a queue that there is not, with the saves of it that are under way: it may have been removed by a
// transaction that failed.
func (s *Queues) insert(q *queue) {
	if s.byName == nil {
		s.byName = map[string]*queue{}
	}
	s.byName[q.name] = q
	s.names.Set(q.name, q)
	s.savings = append(s.savings, q.savings...)
}

// remove takes a queue out, as it is.
func (s *Queues) remove(q *queue) {
	delete(s.byName, q.name)
	s.names.Delete(q.name)
	s.recent = nil
	s.savings = slices.DeleteFunc(s.savings, func(w *saving) bool { return w.q == q })
	if q.next != 0 {
		s.due.remove(q)
		q.next, q.place = 0, -1
	}
}

// Apply implements command.State. The caller holds s.mu.
func (s *Queues) Apply(seq uint64, op journal.Op) {
	name, _ := op.Target()
	q := s.find(name)
	if op, ok := op.(*configure); ok && q == nil {
		q = newQueue(op)
		s.insert(q)
	}
	if q == nil {
		return
	}
	q.version = seq
	switch op := op.(type) {
	case *configure:
		q.configure(op.settings, op.paused, op.created)
	case *drop:
		s.remove(q)
		return
	case *put:
		q.put(op)
	case *lease:
		q.lease(seq, op)
	case *move:
		q.move(op)
	case *forget:
		q.dedupe.forget(op.until)
	}
	s.tend(q)
}

// tend does what follows from a change of the queue: time may have something to do earlier or later, and
// waiting receivers something to get.
func (s *Queues) tend(q *queue) {
	next := sooner(q.due.next(), q.dedupe.next())
	switch {
	case next == q.next:
	case q.next == 0:
		q.next = next
		s.due.add(q)
	case next == 0:
		s.due.remove(q)
		q.next, q.place = 0, -1
	default:
		q.next = next
		s.due.fix(q)
	}
	if first := s.due.next(); first != 0 && (s.asked == 0 || first < s.asked) {
		s.asked = first
		s.env.Wake(first)
	}
	s.wake(q)
}

// put adds a message. One whose number was given out before has been here: whatever became of it stays so.
func (q *queue) put(op *put) {
	if op.id <= q.last {
		return
	}
	q.last = op.id
	m := &message{body: &op.body, id: op.id, state: ready, expires: op.body.expires, due: op.due, death: op.death}
	m.size = int64(m.body.size())
	if op.due != 0 {
		m.state = delayed
	}
	q.enter(m)
	q.totals.Published++
	if op.dedupeID != "" {
		q.dedupe.add(remembered{op.dedupeID, op.id, op.until})
	}
}

func (q *queue) lease(seq uint64, op *lease) {
	token := op.token
	if token == 0 {
		token = seq
	}
	for _, g := range op.grants {
		m := q.messages[g.id]
		if m == nil {
			continue
		}
		if m.token != token || m.attempts != g.attempts {
			q.totals.Delivered++
		}
		q.keep(m)
		q.unsort(m)
		m.state, m.due, m.token, m.consumer, m.attempts = leased, op.until, token, op.consumer, g.attempts
		q.sort(m)
	}
}

func (q *queue) move(op *move) {
	for _, id := range op.ids {
		m := q.messages[id]
		if m == nil {
			continue
		}
		q.keep(m)
		q.totals.count(op, m)
		if op.to == gone {
			q.leave(m)
			continue
		}
		q.unsort(m)
		q.change(m, op)
		q.sort(m)
	}
}

// change is what a move does to a message that stays in the queue.
func (q *queue) change(m *message, op *move) {
	m.due, m.token, m.consumer = op.due, 0, ""
	if op.reason != "" {
		m.reason = op.reason
	}
	switch {
	case op.fresh:
		m.attempts, m.death, m.reason = 0, nil, ""
		m.expires, m.due = op.due, 0
	case op.to == dead && m.state != dead:
		m.death = &death{cause: op.cause, reason: m.reason, attempts: m.attempts, at: op.at, queue: q.name, id: m.id}
	}
	m.state = op.to
}

// count books the move of a message.
func (t *Totals) count(op *move, m *message) {
	switch {
	case op.cause == done:
		t.Done++
	case op.cause == expired:
		t.Expired++
	case op.cause == dropped:
		t.Dropped++
	case op.cause.buries() && m.state != dead:
		t.DeadLettered++
	}
}

// Replay implements command.State.
func (s *Queues) Replay(seq uint64, op journal.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _ := op.Target()
	if q := s.find(name); q != nil && seq <= q.restored {
		return // whatever it did is in what was restored
	}
	s.Apply(seq, op)
}

// Undo implements command.State. The caller holds s.mu.
func (s *Queues) Undo(op journal.Op) func() {
	name, _ := op.Target()
	q := s.find(name)
	version := uint64(0)
	if q != nil {
		version = q.version
	}
	var restore func()
	switch op := op.(type) {
	case *configure:
		restore = s.undoConfigure(op.name, q)
	case *drop:
		restore = func() { s.insert(q) }
	case *put:
		restore = q.undoPut(op)
	case *lease:
		ids := make([]uint64, len(op.grants))
		for i, g := range op.grants {
			ids[i] = g.id
		}
		restore = q.undoChange(ids)
	case *move:
		restore = q.undoChange(op.ids)
	case *forget:
		restore = q.undoForget(op.until)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, creates := op.(*configure); q == nil && !creates {
			return // there was no queue, and nothing happened
		}
		restore()
		if q != nil {
			q.version = version // its number goes to another record
			s.tend(q)
		}
	}
}

// undoConfigure takes back the change, or the making, of a queue.
func (s *Queues) undoConfigure(name string, q *queue) func() {
	if q == nil {
		return func() { s.remove(s.find(name)) }
	}
	settings, paused, created := q.settings, q.paused, q.created
	return func() { q.configure(settings, paused, created) }
}

func (q *queue) undoPut(op *put) func() {
	if q == nil || op.id <= q.last {
		return func() {}
	}
	last, totals := q.last, q.totals
	before, was := q.dedupe.known[op.dedupeID]
	return func() {
		q.last, q.totals = last, totals
		q.leave(q.messages[op.id])
		if op.dedupeID != "" {
			q.dedupe.undo(op.dedupeID, before, was)
		}
	}
}

// undoChange brings messages back as they are now. Those who save the queue get them before, so that they are not
// given what is brought back a second time.
func (q *queue) undoChange(ids []uint64) func() {
	if q == nil {
		return func() {}
	}
	var before []message
	for _, id := range ids {
		if m := q.messages[id]; m != nil {
			q.keep(m)
			before = append(before, *m)
		}
	}
	totals := q.totals
	return func() {
		q.totals = totals
		for i := range before {
			if m := q.messages[before[i].id]; m != nil {
				q.leave(m)
			}
			q.enter(&before[i])
		}
	}
}

func (q *queue) undoForget(until int64) func() {
	if q == nil {
		return func() {}
	}
	over := slices.Clone(q.dedupe.due(until))
	return func() { q.dedupe.recall(over) }
}

// Stats implements command.State.
func (s *Queues) Stats() command.Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	var u command.Usage
	s.names.Scan(func(name string, q *queue) bool {
		u.Items += int64(len(q.messages))
		u.Bytes += queueBytes + int64(len(name)) + q.bytes + q.deadBytes + q.dedupe.bytes
		return true
	})
	return u
}
