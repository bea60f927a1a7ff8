package queue

import (
	"encoding/binary"
	"math"

	"github.com/hivellm/synap-go/core/fault"
)

// The kinds of entries that Save writes. The numbers are permanent, and so are the encodings; see op.go for how numbers
// and strings are written, and for death. All entries of a queue follow its head; a head after others means that the
// queue was saved anew.
//
//	head        ┌──────┬─────────┬──────┬───────────┬───────────┬──────┬─────────┬─────────┬───────────────┐
//	            │ 1 u8 │ version │ last │ published │ delivered │ done │ expired │ dropped │ dead-lettered │
//	            ├──────┴─────────┴──┬───┴───────────┴───────────┴──────┴─────────┴─────────┴───────────────┘
//	            │ as op configure … │
//	            └───────────────────┘
//	message     ┌──────┬───────┬────┬──────────┬──────────┬─────┬─────────┬───────┬──────────┬────────┬───────┐
//	            │ 2 u8 │ queue │ id │ state u8 │ attempts │ due │ expires │ token │ consumer │ reason │ death │
//	            ├──────┴──────┬┴────┴────────┬─┴──────────┴─┬───┴───┬─────┴───────┴───┬──────┴────────┴───────┘
//	            │ priority u8 │ published at │ published by │ group │ headers, many   │
//	            ├─────────────┴──────────────┴──┬─────────┬─┴──────┬┴─────────────────┘
//	            │ key and value of each, by key │ kind u8 │ data … │
//	            └───────────────────────────────┴─────────┴────────┘
//	remembered  ┌──────┬───────┬────┬───────┬─────────────┐
//	            │ 3 u8 │ queue │ id │ until │ dedupe id … │
//	            └──────┴───────┴────┴───────┴─────────────┘
const (
	entryHead       = 1
	entryMessage    = 2
	entryRemembered = 3
)

func appendHead(b []byte, q *queue) []byte {
	b = binary.AppendUvarint(append(b, entryHead), q.version)
	b = binary.AppendUvarint(b, q.last)
	for _, n := range q.totals.all() {
		b = binary.AppendUvarint(b, *n)
	}
	return (&configure{name: q.name, created: q.created, paused: q.paused, settings: q.settings}).AppendTo(b)
}

// all is every total, in the permanent order of an entry.
func (t *Totals) all() [6]*uint64 {
	return [...]*uint64{&t.Published, &t.Delivered, &t.Done, &t.Expired, &t.Dropped, &t.DeadLettered}
}

func appendMessage(b []byte, queue string, m *message) []byte {
	b = binary.AppendUvarint(appendString(append(b, entryMessage), queue), m.id)
	b = binary.AppendUvarint(append(b, byte(m.state)), uint64(m.attempts))
	b = binary.AppendUvarint(appendNumber(appendNumber(b, m.due), m.expires), m.token)
	b = appendDeath(appendString(appendString(b, m.consumer), m.reason), m.death)
	b = appendNumber(append(b, m.priority), m.publishedAt)
	return m.appendContent(appendString(appendString(b, m.publishedBy), m.group))
}

func appendRemembered(b []byte, queue string, r remembered) []byte {
	b = binary.AppendUvarint(appendString(append(b, entryRemembered), queue), r.id)
	return append(appendNumber(b, r.until), r.dedupeID...)
}

// Restore implements command.State. Of a message's value it checks the kind, and not what is in it: what a journal or
// a snapshot holds is protected by checksums.
func (s *Queues) Restore(entry []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := reading(entry)
	kind := r.Byte(math.MaxUint8)
	var q *queue
	switch kind {
	case entryHead:
		q = s.restoreHead(r)
	case entryMessage:
		if q = s.restored(r.Bytes()); q != nil {
			s.restoreMessage(q, r)
		}
	case entryRemembered:
		if q = s.restored(r.Bytes()); q != nil {
			q.restoreRemembered(r)
		}
	}
	if r.Bad() || q == nil {
		return fault.New(fault.Corrupt, "a saved entry of a queue, of kind %d, cannot be read, or does not go with those before it", kind)
	}
	s.tend(q)
	return nil
}

// restored is the queue that an entry belongs to; nil when there is none.
func (s *Queues) restored(name []byte) *queue {
	if q := s.recent; q != nil && q.name == string(name) {
		return q
	}
	s.recent = s.byName[string(name)]
	return s.recent
}

// restoreHead makes the queue, in place of what was restored of it before; nil when it cannot.
func (s *Queues) restoreHead(r *reader) *queue {
	version, last := r.Number(), r.Number()
	var totals Totals
	for _, n := range totals.all() {
		*n = r.Number()
	}
	op := r.configure()
	if r.Bad() || version == 0 || checkName(op.name) != nil {
		return nil
	}
	if before := s.find(op.name); before != nil {
		s.remove(before)
	}
	q := newQueue(op)
	q.version, q.restored, q.last, q.totals = version, version, last, totals
	s.insert(q)
	s.recent = q
	return q
}

// restoreMessage adds a message to the queue, unless it is none that could be there.
func (s *Queues) restoreMessage(q *queue, r *reader) {
	both := &struct {
		message
		body body
	}{} // one allocation, as they live and die together
	m, b := &both.message, &both.body
	m.body, m.id = b, r.Number()
	m.state, m.attempts = state(r.Byte(byte(dead))), r.attempts()
	m.due, m.expires, m.token = r.Int(), r.Int(), r.Number()
	m.consumer, m.reason, m.death = r.TextLike(s.alike.consumer), r.Text(), r.death()
	b.priority, b.publishedAt, b.expires = r.Byte(numPriorities-1), r.Int(), m.expires
	b.publishedBy, b.group = r.TextLike(s.alike.publishedBy), r.TextLike(s.alike.group)
	r.content(b)
	s.alike.consumer, s.alike.publishedBy, s.alike.group = m.consumer, b.publishedBy, b.group
	if r.Bad() || !m.possible() || m.id == 0 || m.id > q.last || q.messages[m.id] != nil {
		r.Fail()
		return
	}
	m.size = int64(b.size())
	q.enter(m)
}

// possible reports whether the message has what its state needs, and nothing that its state rules out.
func (m *message) possible() bool {
	switch m.state {
	case leased:
		return m.due != 0 && m.token != 0 && m.attempts != 0
	case ready:
		return m.due == 0 && m.token == 0 && m.consumer == ""
	case delayed:
		return m.due != 0 && m.token == 0 && m.consumer == ""
	case dead:
		return m.death != nil && m.token == 0 && m.consumer == ""
	}
	return false
}

// restoreRemembered adds a dedupe_id to those that the queue remembers. They come in order.
func (q *queue) restoreRemembered(r *reader) {
	d := remembered{id: r.Number(), until: r.Int()}
	d.dedupeID = r.Rest()
	if d.id <= q.dedupe.last() || d.id > q.last || d.until == 0 || d.until == math.MaxInt64 || d.dedupeID == "" {
		r.Fail()
	}
	if !r.Bad() {
		q.dedupe.add(d)
	}
}
