package queue

// shrinkAt is how many messages a queue has had at once before it gives back its memory when it is empty.
const shrinkAt = 64

// queue is one queue. The lock of Queues guards it.
type queue struct {
	name     string
	settings *Settings // never changed, only replaced: most queues share the defaults
	paused   bool
	created  int64 // Unix milliseconds

	version  uint64 // of the last record that changed anything here
	restored uint64 // records up to this one were in what was restored; 0 when nothing was
	last     uint64 // the highest number that a message of this queue was given

	// Every message is in messages, and in exactly one of these orders.
	messages map[uint64]*message
	line     order // ready, and may be handed out now; by place
	blocked  order // ready, but not its group's turn; by place
	delayed  order // by number, as are the following
	leased   order
	dead     order

	groups   map[string]*group
	inFlight map[string]int // how many messages each consumer holds; nil when prefetch is not limited
	due      deadlines[*message]
	dedupe   dedupe

	bytes, deadBytes int64
	most             int // messages at once since the memory was last given back
	foreign          int // live messages that died in another queue
	totals           Totals

	next  int64 // when time has something to do here, Unix milliseconds; 0 is never
	place int32 // in the heap of queues; -1 when next is 0

	saves   uint32    // how often a save of this queue began
	savings []*saving // those under way; nil when there are none
}

// group is the messages that are worked on one after the other.
type group struct {
	live   order    // those that are ready, delayed or leased; by number
	leased int      // how many of them are leased; one, but for redriven messages that came in between
	front  *message // the one that is in line; nil when none may be handed out
}

func newQueue(op *configure) *queue {
	q := &queue{name: op.name, place: -1}
	q.configure(op.settings, op.paused, op.created)
	return q
}

// configure gives the queue its settings. Who holds how much is counted only while it matters.
func (q *queue) configure(settings *Settings, paused bool, created int64) {
	q.settings, q.paused, q.created = settings, paused, created
	if settings.Prefetch == 0 {
		q.inFlight = nil
	} else if q.inFlight == nil {
		q.inFlight = q.holders()
	}
}

// holders counts how many messages each consumer holds.
func (q *queue) holders() map[string]int {
	held := map[string]int{}
	q.leased.each(func(m *message) bool {
		held[m.consumer]++
		return true
	})
	return held
}

func (q *queue) when() int64   { return q.next }
func (q *queue) where() *int32 { return &q.place }

// ready is how many messages are ready, depth how many there are besides dead letters.
func (q *queue) ready() int { return q.line.len() + q.blocked.len() }
func (q *queue) depth() int { return len(q.messages) - q.dead.len() }

// enter puts a message that is in no order where its state says.
func (q *queue) enter(m *message) {
	if q.messages == nil {
		q.messages = map[uint64]*message{}
	}
	q.messages[m.id] = m
	q.most = max(q.most, len(q.messages))
	q.sort(m)
}

// leave takes the message out of everything.
func (q *queue) leave(m *message) {
	q.unsort(m)
	delete(q.messages, m.id)
	if len(q.messages) == 0 && q.most > shrinkAt {
		// Maps and slices never shrink by themselves, and a queue that had its burst may idle for years.
		q.messages, q.groups, q.due, q.most = nil, nil, nil, 0
		q.line, q.blocked, q.delayed, q.leased, q.dead = order{}, order{}, order{}, order{}, order{}
	}
}

// sort puts the message into the order that its state says, unsort takes it out again.
func (q *queue) sort(m *message) {
	switch m.state {
	case ready:
		if m.grouped() {
			q.blocked.add(m, byPlace) // regroup below says whether it is its turn
		} else {
			q.line.add(m, byPlace)
		}
	case delayed:
		q.delayed.add(m, byID)
	case leased:
		q.leased.add(m, byID)
		if q.inFlight != nil {
			q.inFlight[m.consumer]++
		}
	case dead:
		q.dead.add(m, byID)
	}
	if m.live() {
		q.bytes += m.size
		if m.death != nil {
			q.foreign++
		}
	} else {
		q.deadBytes += m.size
	}
	if m.deadline = m.ends(); m.deadline != 0 {
		q.due.add(m)
	}
	if m.grouped() && m.live() {
		q.join(m)
	}
}

func (q *queue) unsort(m *message) {
	switch m.state {
	case ready:
		if !m.grouped() || q.groups[m.group].front == m {
			q.line.remove(m)
		} else {
			q.blocked.remove(m)
		}
	case delayed:
		q.delayed.remove(m)
	case leased:
		q.leased.remove(m)
		if q.inFlight == nil {
			break
		}
		if q.inFlight[m.consumer]--; q.inFlight[m.consumer] == 0 {
			delete(q.inFlight, m.consumer)
		}
	case dead:
		q.dead.remove(m)
	}
	if m.live() {
		q.bytes -= m.size
		if m.death != nil {
			q.foreign--
		}
	} else {
		q.deadBytes -= m.size
	}
	if m.deadline != 0 {
		q.due.remove(m)
		m.deadline = 0
	}
	if m.grouped() && m.live() {
		q.part(m)
	}
}

// join adds a live message to its group, part takes it out.
func (q *queue) join(m *message) {
	g := q.groups[m.group]
	if g == nil {
		g = &group{}
		if q.groups == nil {
			q.groups = map[string]*group{}
		}
		q.groups[m.group] = g
	}
	g.live.add(m, byID)
	if m.state == leased {
		g.leased++
	}
	q.regroup(g)
}

func (q *queue) part(m *message) {
	g := q.groups[m.group]
	g.live.remove(m)
	if m.state == leased {
		g.leased--
	}
	if g.front == m {
		g.front = nil // unsort has taken it out of the line
	}
	if g.live.len() == 0 {
		delete(q.groups, m.group)
		return
	}
	q.regroup(g)
}

// turn is the message of the group that may be handed out now: its first one, if that is ready and none of
// the group is with a receiver.
func (g *group) turn() *message {
	if m := g.live.first(); g.leased == 0 && m != nil && m.state == ready {
		return m
	}
	return nil
}

// regroup puts the message whose turn it is into the line, in place of the one that was there.
func (q *queue) regroup(g *group) {
	turn := g.turn()
	if turn == g.front {
		return
	}
	if g.front != nil {
		q.line.remove(g.front)
		q.blocked.add(g.front, byPlace)
	}
	if turn != nil {
		q.blocked.remove(turn)
		q.line.add(turn, byPlace)
	}
	g.front = turn
}
