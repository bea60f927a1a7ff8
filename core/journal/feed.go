package journal

import (
	"context"
	"sync"

	"github.com/hivellm/synap-go/core/fault"
)

// Source is what a Feed reads: a journal's recent past, and word of what comes next.
type Source interface {
	// Position is where the journal stands now.
	Position() Position
	// Includes reports whether the position is one that this history has been at, in this epoch or an earlier one.
	Includes(Position) bool
	// ReadAfter fills dst with the records that follow seq, in order, and says how many there were.
	// It fails with OutOfRange when the record after seq is no longer, or not yet, held.
	ReadAfter(seq uint64, dst []Record) (int, error)
	// Notify has f called after every new record, from the writer's goroutine: f must not block.
	// Nil ends that.
	Notify(f func())
}

// Limits of the feed.
const (
	maxQueued = 1024 // deliveries waiting for one subscriber; past that it reads the journal again by itself
	readBatch = 256  // records read from the journal at a time
)

// Feed tells subscribers what changed.
//
// One goroutine (Run) follows the journal and hands every change to the subscribers
// it concerns, found by an index, so that a writer pays for a signal at most and a
// subscriber pays only for what it asked for. A subscriber that does not keep up
// loses its queue, not its place: it goes on by reading the journal from where it
// was, and is told OutOfRange if the journal no longer reaches back that far.
type Feed struct {
	source Source
	wake   chan struct{} // holds one token when there may be new records

	mu       sync.Mutex
	position uint64 // every record up to here was handed out
	index    index
	closed   bool
}

// NewFeed returns a feed of the journal's changes. Nothing is delivered before Run.
func NewFeed(source Source) *Feed {
	return &Feed{source: source, wake: make(chan struct{}, 1), index: newIndex()}
}

// Filter says which changes a subscriber wants: those of one structure in one namespace that touch one of
// the names, or a name under one of the prefixes, and of these only the ones that Accept accepts.
type Filter struct {
	Namespace uint32
	Structure uint8
	Names     []string
	Prefixes  []string
	Accept    func(Op) bool // nil accepts all
}

// Event is one change that a subscriber asked for.
type Event struct {
	Seq uint64 // the record it came in: the version of what it changed
	Op  Op
	// Resume is the position to subscribe from to go on after this event. When more events of the same
	// record follow, it lies before the record, so that an interrupted follower sees some twice and misses none.
	Resume Position
}

// Subscription is one follower's place in the journal. Next must be called from one goroutine at a time.
type Subscription struct {
	feed   *Feed
	filter Filter
	epoch  uint64
	wake   chan struct{} // holds one token when queue or a flag changed

	// Only Next touches these.
	from    uint64   // while behind: everything up to here has been delivered
	records []Record // scratch for reading the journal

	// feed.mu guards these.
	queue  []Event
	seen   uint64 // while not behind: everything up to here is in queue or was delivered
	behind bool   // not in the index; Next reads the journal from `from`
	closed bool
}

// Subscribe starts to follow. With a zero from only what happens after now is delivered, otherwise everything
// after from; a from of another epoch, or one that the journal no longer reaches, fails with OutOfRange.
// The caller must Close the subscription.
func (f *Feed) Subscribe(filter Filter, from Position) (*Subscription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, fault.New(fault.Unavailable, "the server is shutting down")
	}
	now := f.source.Position()
	s := &Subscription{feed: f, filter: filter, epoch: now.Epoch, wake: make(chan struct{}, 1)}
	if f.index.len() == 0 {
		f.source.Notify(f.signal)
		now = f.source.Position()
		f.position = now.Seq
	}
	switch {
	case from.IsZero():
		s.seen = f.position
		// What is between f.position and now was written before the subscription; Run will offer it, and
		// seen tells it apart.
		s.seen = max(s.seen, now.Seq)
	case from.Epoch != 0 && !f.source.Includes(from):
		return nil, fault.New(fault.OutOfRange,
			"position %s belongs to an earlier history of this server: read the current state and watch from there", from).
			With("epoch", now.Epoch).With("newest", now.Seq)
	default:
		if _, err := f.source.ReadAfter(from.Seq, nil); err != nil {
			return nil, err
		}
		s.behind, s.from = true, from.Seq
	}
	f.index.add(s)
	return s, nil
}

// Position is where the subscription stands: everything up to it was delivered by Next, or was not asked for.
func (s *Subscription) Position() Position {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	switch {
	case s.behind:
		return Position{s.epoch, s.from}
	case len(s.queue) > 0:
		return Position{s.epoch, s.queue[0].Seq - 1}
	}
	return Position{s.epoch, max(s.seen, s.feed.position)}
}

// Next returns the next events, at least one, waiting for them until the context ends. With wait false it
// returns at once, with none if there are none. After an error the subscription is of no more use.
func (s *Subscription) Next(ctx context.Context, wait bool) ([]Event, error) {
	for {
		events, done, err := s.take()
		if len(events) > 0 || err != nil || (done && !wait) {
			return events, err
		}
		if !done {
			continue
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take returns what there is; done means that there is nothing more for now.
func (s *Subscription) take() (events []Event, done bool, err error) {
	s.feed.mu.Lock()
	if s.closed || s.feed.closed {
		s.feed.mu.Unlock()
		return nil, true, fault.New(fault.Unavailable, "the server is shutting down")
	}
	if len(s.queue) > 0 || !s.behind {
		events, s.queue = s.queue, nil
		s.feed.mu.Unlock()
		return events, true, nil
	}
	s.feed.mu.Unlock()
	return s.catchUp()
}

// catchUp reads some of the journal; when it has reached the feed's own position it becomes live again.
func (s *Subscription) catchUp() (events []Event, done bool, err error) {
	if s.records == nil {
		s.records = make([]Record, readBatch)
	}
	n, err := s.feed.source.ReadAfter(s.from, s.records)
	if err != nil {
		return nil, false, err
	}
	for i := range n {
		events = s.appendMatches(events, &s.records[i])
	}
	if n > 0 {
		s.from = s.records[n-1].Seq
	}
	clear(s.records[:n])

	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if s.from >= s.feed.position {
		// Records after s.feed.position up to s.from will be offered by Run again; seen tells them apart.
		s.behind, s.seen, s.records = false, s.from, nil
		return events, true, nil
	}
	return events, false, nil
}

// appendMatches appends the changes of the record that the subscriber asked for.
func (s *Subscription) appendMatches(events []Event, rec *Record) []Event {
	first := len(events)
	for c := range rec.Changes() {
		if s.filter.matches(c) {
			events = append(events, Event{Seq: rec.Seq, Op: c.Op, Resume: Position{s.epoch, rec.Seq - 1}})
		}
	}
	if len(events) > first {
		events[len(events)-1].Resume.Seq = rec.Seq
	}
	return events
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.feed.index.remove(s)
	if s.feed.index.len() == 0 && !s.feed.closed {
		s.feed.source.Notify(nil)
	}
	s.poke()
}

// poke wakes Next.
func (s *Subscription) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (f *Feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Run hands out changes until the context ends; then every subscription ends with Unavailable.
func (f *Feed) Run(ctx context.Context) error {
	defer f.close()
	records := make([]Record, readBatch)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.wake:
		}
		for f.handOut(records) {
		}
	}
}

// handOut delivers one batch of records and reports whether there may be more.
func (f *Feed) handOut(records []Record) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.index.len() == 0 {
		return false
	}
	n, err := f.source.ReadAfter(f.position, records)
	if err != nil {
		// The writers were faster than this goroutine by a whole backlog. Every subscriber finds out for
		// itself, by reading from its own place, whether that cost it anything.
		f.index.each(func(s *Subscription) { s.fallBehind(f.position) })
		f.position = f.source.Position().Seq
		return true
	}
	for i := range n {
		f.deliver(&records[i])
	}
	clear(records[:n])
	return n == len(records)
}

// deliver puts the record's changes into the queues of those who asked for them.
func (f *Feed) deliver(rec *Record) {
	for c := range rec.Changes() {
		f.index.match(c, func(s *Subscription) {
			if s.behind || rec.Seq <= s.seen {
				return
			}
			if len(s.queue) >= maxQueued {
				s.fallBehind(f.position)
				return
			}
			if n := len(s.queue); n > 0 && s.queue[n-1].Seq == rec.Seq {
				s.queue[n-1].Resume.Seq = rec.Seq - 1 // another event of the same record follows it
			}
			s.queue = append(s.queue, Event{Seq: rec.Seq, Op: c.Op, Resume: Position{s.epoch, rec.Seq}})
			s.poke()
		})
	}
	f.position = rec.Seq
}

// fallBehind takes the subscriber off the live feed: position is the last record wholly handed out. What is
// queued of later records is dropped, and read from the journal again.
func (s *Subscription) fallBehind(position uint64) {
	if s.behind {
		return
	}
	for n := len(s.queue); n > 0 && s.queue[n-1].Seq > position; n-- {
		s.queue = s.queue[:n-1]
	}
	s.behind, s.from = true, max(position, s.seen)
	s.poke()
}

// close ends every subscription.
func (f *Feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.source.Notify(nil)
	f.index.each(func(s *Subscription) { s.poke() })
}
