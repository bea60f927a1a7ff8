package queue

import (
	"context"
	"strconv"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// Outgoing is one message to publish.
type Outgoing struct {
	Message  value.Value       `json:"message,omitzero" jsonschema:"the message: text, JSON or bytes"`
	Priority *int              `json:"priority,omitempty" jsonschema:"9 is handed out first and 0 last; 5 when absent"`
	Delay    int64             `json:"delay,omitempty" jsonschema:"hand it out only after so many seconds"`
	DelayMS  int64             `json:"delay_ms,omitempty" jsonschema:"the same in milliseconds"`
	TTL      int64             `json:"ttl,omitempty" jsonschema:"drop it when nobody has received it after so many seconds; 0 is never"`
	TTLMS    int64             `json:"ttl_ms,omitempty" jsonschema:"the same in milliseconds"`
	Headers  map[string]string `json:"headers,omitempty" jsonschema:"short facts about the message, at most 64 of them"`
	DedupeID string            `json:"dedupe_id,omitempty" jsonschema:"publishing the same dedupe_id again within the queue's window does nothing, so that a retry is safe"`
	Group    string            `json:"group,omitempty" jsonschema:"messages of one group are worked on one after the other, in the order they were published"`
}

// Describe gives the schema the bounds that validate enforces: tags would do it too, and cost twice as much
// for every message as checking them here.
func (*Outgoing) Describe(s *jsonschema.Schema) {
	bound(s, numPriorities-1, "priority")
	bound(s, maxLifeMS/1000, "delay", "ttl")
	bound(s, maxLifeMS, "delay_ms", "ttl_ms")
	most := maxNameBytes
	s.Properties["dedupe_id"].MaxLength, s.Properties["group"].MaxLength = &most, &most
}

// bound says in a schema that the fields are between 0 and most.
func bound(s *jsonschema.Schema, most float64, fields ...string) {
	least := 0.0
	for _, name := range fields {
		s.Properties[name].Minimum, s.Properties[name].Maximum = &least, &most
	}
}

// PublishRequest is one message, or several.
type PublishRequest struct {
	Queue string `json:"queue" jsonschema:"the queue; the first message makes it"`
	Outgoing
	Messages []Outgoing `json:"messages,omitempty" max:"1000" jsonschema:"several messages, instead of the fields of one; all are published or none"`
}

// Resource is the queue.
func (r *PublishRequest) Resource() auth.Resource { return auth.Name(structureName, r.Queue) }

// Validate refuses what no queue takes.
func (r *PublishRequest) Validate() error {
	if err := checkName(r.Queue); err != nil {
		return err
	}
	if len(r.Messages) == 0 {
		return r.Outgoing.validate()
	}
	if !r.Outgoing.empty() {
		return fault.New(fault.Invalid, `"messages" stands for itself: each has a priority, headers and so on of its own`)
	}
	for i := range r.Messages {
		if err := r.Messages[i].validate(); err != nil {
			return fault.From(err).With("index", i)
		}
	}
	return nil
}

func (o *Outgoing) empty() bool {
	return o.Message.IsZero() && o.Priority == nil && o.Delay|o.DelayMS|o.TTL|o.TTLMS == 0 &&
		len(o.Headers) == 0 && o.DedupeID == "" && o.Group == ""
}

func (o *Outgoing) validate() error {
	if o.Message.IsZero() {
		return fault.New(fault.Invalid, `"message" is required`).With("field", "message")
	}
	if o.Priority != nil && (*o.Priority < 0 || *o.Priority >= numPriorities) {
		return fault.New(fault.OutOfRange, `"priority": %d is not allowed for it: it is between 0 and 9`, *o.Priority).With("field", "priority")
	}
	if err := checkTime("delay", o.Delay, o.DelayMS, maxLifeMS); err != nil {
		return err
	}
	if err := checkTime("ttl", o.TTL, o.TTLMS, maxLifeMS); err != nil {
		return err
	}
	if err := checkText("dedupe_id", o.DedupeID, maxNameBytes); err != nil {
		return err
	}
	if err := checkText("group", o.Group, maxNameBytes); err != nil {
		return err
	}
	return o.checkHeaders()
}

func (o *Outgoing) checkHeaders() error {
	if o.Headers == nil {
		return nil
	}
	size := 0
	for k, v := range o.Headers {
		size += len(k) + len(v)
	}
	if len(o.Headers) > MaxHeaders || size > MaxHeaderBytes {
		return fault.New(fault.TooLarge, "%d headers of %d bytes in all; at most %d of %d bytes are allowed",
			len(o.Headers), size, MaxHeaders, MaxHeaderBytes).With("field", "headers")
	}
	return nil
}

// checkTime refuses a time that is given twice, or is out of range, whichever unit it is given in.
func checkTime(name string, seconds, ms, mostMS int64) error {
	if seconds != 0 && ms != 0 {
		return fault.New(fault.Invalid, "give only one of %s and %s_ms", name, name).With("field", name)
	}
	if seconds < 0 || seconds > mostMS/1000 || ms < 0 || ms > mostMS {
		return fault.New(fault.OutOfRange, "%q is between 0 and %d seconds", name, mostMS/1000).With("field", name)
	}
	return nil
}

func checkText(name, text string, most int) error {
	if len(text) > most {
		return fault.New(fault.TooLarge, "%q is %d bytes long; at most %d are allowed", name, len(text), most).With("field", name)
	}
	if !utf8.ValidString(text) {
		return fault.New(fault.Invalid, "%q is not UTF-8", name).With("field", name)
	}
	return nil
}

// Published is what became of one message.
type Published struct {
	MessageID string `json:"message_id,omitempty" jsonschema:"the message's number in its queue"`
	Duplicate bool   `json:"duplicate,omitempty" jsonschema:"true when the dedupe_id was known: nothing was published, and message_id is the first one's"`
}

// PublishResponse is what became of the messages.
type PublishResponse struct {
	Published
	Messages []Published `json:"messages,omitempty" jsonschema:"of several messages, what became of each, in order"`
	Depth    int         `json:"depth" jsonschema:"how many messages the queue holds now: ready, delayed and leased"`
	command.Receipt
}

func (s *Queues) publish(_ context.Context, tx *command.Tx, r *PublishRequest) (resp PublishResponse, err error) {
	if err := s.checkSizes(r); err != nil {
		return resp, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.catchUp(tx, s.find(r.Queue)); err != nil {
		return resp, err
	}
	d := s.draft(tx)
	p, err := d.need(r.Queue)
	if err != nil {
		return resp, err
	}
	batch := r.Messages
	if len(batch) == 0 {
		resp.Published, err = d.publish(p, &r.Outgoing)
	} else {
		resp.Messages, err = d.publishAll(p, batch)
	}
	if err != nil {
		return resp, err
	}
	resp.Depth = p.depth
	if p.last == p.before() {
		return resp, nil // duplicates all: nothing happened
	}
	_, err = d.commit()
	return resp, err
}

// before is the last number before the draft.
func (p *plan) before() uint64 {
	if p.q == nil {
		return 0
	}
	return p.q.last
}

func (s *Queues) checkSizes(r *PublishRequest) error {
	check := func(v value.Value) error {
		if v.Len() <= s.max.MaxMessageBytes {
			return nil
		}
		return fault.New(fault.TooLarge, "the message is %d bytes long; at most %d are allowed", v.Len(), s.max.MaxMessageBytes).
			With("limit", s.max.MaxMessageBytes)
	}
	for i := range r.Messages {
		if err := check(r.Messages[i].Message); err != nil {
			return fault.From(err).With("index", i)
		}
	}
	return check(r.Outgoing.Message)
}

// publish adds one message to the draft, and makes room for it if need be.
func (d *draft) publish(p *plan, o *Outgoing) (Published, error) {
	if id, known := p.known(o.DedupeID, d.tx.Now()); known {
		return Published{MessageID: strconv.FormatUint(id, 10), Duplicate: true}, nil
	}
	op := d.compose(p, o)
	if err := d.makeRoom(p, 1, int64(op.body.size())); err != nil {
		return Published{}, err
	}
	d.put(p, op)
	return Published{MessageID: strconv.FormatUint(op.id, 10)}, nil
}

// publishAll is publish for several, which fit together or not at all.
func (d *draft) publishAll(p *plan, batch []Outgoing) ([]Published, error) {
	results := make([]Published, len(batch))
	ops := make([]*put, 0, len(batch))
	bytes := int64(0)
	within := map[string]int{} // dedupe_ids of this batch, and which message has them
	repeats := make([]int, len(batch))
	for i := range batch {
		o := &batch[i]
		repeats[i] = -1
		if id, known := p.known(o.DedupeID, d.tx.Now()); known {
			results[i] = Published{MessageID: strconv.FormatUint(id, 10), Duplicate: true}
			continue
		}
		if first, known := within[o.DedupeID]; known && p.settings.DedupeMS > 0 {
			repeats[i] = first
			continue
		}
		if o.DedupeID != "" {
			within[o.DedupeID] = i
		}
		op := d.compose(p, o)
		bytes += int64(op.body.size())
		ops = append(ops, op)
	}
	if err := d.makeRoom(p, len(ops), bytes); err != nil {
		return nil, err
	}
	for i, next := 0, 0; i < len(batch); i++ {
		switch first := repeats[i]; {
		case results[i].Duplicate:
		case first >= 0:
			results[i] = Published{MessageID: results[first].MessageID, Duplicate: true}
		default:
			d.put(p, ops[next])
			results[i].MessageID = strconv.FormatUint(ops[next].id, 10)
			next++
		}
	}
	return results, nil
}

// known returns the message that the dedupe_id stands for.
func (p *plan) known(dedupeID string, now int64) (uint64, bool) {
	if dedupeID == "" || p.q == nil {
		return 0, false
	}
	return p.q.dedupe.find(dedupeID, now)
}

// compose makes the op of a message; its number comes later.
func (d *draft) compose(p *plan, o *Outgoing) *put {
	now := d.tx.Now()
	op := &put{body: body{
		value: o.Message, headers: o.Headers, group: o.Group, priority: usualPriority, publishedAt: now,
		expires: sooner(later(now, o.TTL*1000+o.TTLMS), later(now, p.settings.RetentionMS)),
	}}
	if caller := d.tx.Caller(); caller != nil {
		op.body.publishedBy = caller.Name
	}
	if o.Priority != nil {
		op.body.priority = uint8(*o.Priority) //nolint:gosec // 0 to 9, says Validate
	}
	op.due = later(now, o.Delay*1000+o.DelayMS)
	if o.DedupeID != "" && p.settings.DedupeMS > 0 {
		op.dedupeID, op.until = o.DedupeID, later(now, p.settings.DedupeMS)
	}
	return op
}

// makeRoom sees to it that so many more messages fit, or says that they do not.
func (d *draft) makeRoom(p *plan, count int, bytes int64) error {
	if count == 0 {
		return nil
	}
	over := int64(p.depth+count) - p.settings.MaxDepth
	overBytes := p.bytes + bytes - p.settings.MaxBytes
	if over <= 0 && overBytes <= 0 {
		return nil
	}
	if p.settings.Overflow == overflowDropOldest && p.q != nil {
		for _, m := range p.q.oldest(over, overBytes) {
			d.move(p, m, move{to: gone, cause: dropped})
		}
	}
	switch {
	case int64(p.depth+count) > p.settings.MaxDepth:
		return fault.New(fault.Exhausted, "queue %q is full: it holds %d messages of at most %d", p.name, p.depth, p.settings.MaxDepth).
			With("limit", p.settings.MaxDepth).With("depth", p.depth)
	case p.bytes+bytes > p.settings.MaxBytes:
		return fault.New(fault.Exhausted, "queue %q is full: its %d messages take %d bytes of at most %d, and %d more do not fit",
			p.name, p.depth, p.bytes, p.settings.MaxBytes, bytes).
			With("limit", p.settings.MaxBytes).With("bytes", p.bytes).With("depth", p.depth)
	}
	return nil
}

// oldest returns the messages to drop so that the queue has so many fewer, and so many fewer bytes: of the
// lowest priority the oldest first, then delayed ones. Leased messages are never dropped.
func (q *queue) oldest(count, bytes int64) (victims []*message) {
	take := func(m *message) bool {
		victims = append(victims, m)
		count--
		bytes -= m.size
		return count > 0 || bytes > 0
	}
	for priority := range uint8(numPriorities) {
		pivot := &message{body: &body{priority: priority}}
		for m := q.readyFrom(pivot); m != nil && m.priority == priority; m = q.readyFrom(pivot) {
			if !take(m) {
				return victims
			}
			pivot.id = m.id + 1
		}
	}
	q.delayed.each(take)
	return victims
}

// readyFrom is the first ready message that does not come before the pivot, or nil.
func (q *queue) readyFrom(pivot *message) *message {
	a, b := q.line.atLeast(pivot, byPlace), q.blocked.atLeast(pivot, byPlace)
	if a == nil || (b != nil && byPlace(b, a)) {
		return b
	}
	return a
}
