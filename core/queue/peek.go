package queue

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

const (
	previewBytes  = 120 // of a message's beginning
	shownBytes    = 96  // about what a message costs in an answer besides its text
	cursorVersion = 1   // begins every cursor, so that a later layout can tell its own from these
)

// PeekRequest asks to look at messages without taking them.
type PeekRequest struct {
	Queue    string `json:"queue" jsonschema:"the queue"`
	State    string `json:"state,omitempty" default:"ready" enum:"ready,leased,delayed,dead" jsonschema:"look at the messages in this state"`
	Limit    int    `json:"limit,omitempty" default:"20" min:"1" max:"1000" jsonschema:"how many messages a page has at most"`
	MaxBytes int    `json:"max_bytes,omitempty" default:"1048576" min:"1024" max:"67108864" jsonschema:"end the page early when its messages come to about so many bytes"`
	Full     bool   `json:"full,omitempty" jsonschema:"show whole messages and their headers, not previews"`
	Cursor   string `json:"cursor,omitempty" max:"64" jsonschema:"next_cursor of the page before, with everything else the same"`
}

// Resource is the queue.
func (r *PeekRequest) Resource() auth.Resource { return auth.Name(structureName, r.Queue) }

// Validate refuses a cursor that cannot be read.
func (r *PeekRequest) Validate() error {
	if err := checkName(r.Queue); err != nil {
		return err
	}
	_, err := readCursor(r.Cursor)
	return err
}

// PeekResponse is a page of messages.
type PeekResponse struct {
	Messages   []Seen `json:"messages" jsonschema:"ready ones in the order they are handed out, others in the order they were published"`
	Counts     Counts `json:"counts"`
	NextCursor string `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

// Counts is how many messages a queue has in each state.
type Counts struct {
	Ready   int `json:"ready" jsonschema:"may be received, or wait for their group"`
	Leased  int `json:"leased" jsonschema:"with a receiver"`
	Delayed int `json:"delayed" jsonschema:"not to be handed out yet"`
	Dead    int `json:"dead" jsonschema:"dead letters"`
}

func (q *queue) counts() Counts {
	return Counts{Ready: q.ready(), Leased: q.leased.len(), Delayed: q.delayed.len(), Dead: q.dead.len()}
}

// Seen is a message that was looked at.
type Seen struct {
	MessageID      string            `json:"message_id"`
	Kind           string            `json:"kind" jsonschema:"text, json or bytes"`
	Size           int               `json:"size" jsonschema:"the message's length in bytes"`
	Preview        string            `json:"preview,omitempty" jsonschema:"how the message begins; bytes have no preview"`
	Message        value.Value       `json:"message,omitzero" jsonschema:"the whole message, if full was asked for"`
	Headers        map[string]string `json:"headers,omitempty" jsonschema:"if full was asked for"`
	Priority       int               `json:"priority"`
	Group          string            `json:"group,omitempty"`
	Attempts       uint32            `json:"attempts,omitempty" jsonschema:"how often it was handed out"`
	PublishedAt    int64             `json:"published_at" jsonschema:"in Unix milliseconds"`
	PublishedBy    string            `json:"published_by,omitempty"`
	ExpiresAt      int64             `json:"expires_at,omitempty" jsonschema:"when it is dropped, in Unix milliseconds"`
	DueAt          int64             `json:"due_at,omitempty" jsonschema:"of a delayed message: when it is ready"`
	Consumer       string            `json:"consumer,omitempty" jsonschema:"of a leased message: who has it"`
	LeaseExpiresAt int64             `json:"lease_expires_at,omitempty" jsonschema:"of a leased message: until when"`
	Reason         string            `json:"reason,omitempty" jsonschema:"what the last receiver said"`
	Died           *Death            `json:"died,omitempty" jsonschema:"of a dead letter: why and where it died"`
}

func (s *Queues) peek(_ context.Context, r *PeekRequest) (PeekResponse, error) {
	resp := PeekResponse{Messages: []Seen{}}
	pivot, err := readCursor(r.Cursor)
	if err != nil {
		return resp, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.find(r.Queue)
	if q == nil {
		return resp, noQueue(r.Queue)
	}
	resp.Counts = q.counts()
	bytes := 0
	for m := q.seek(r.State, pivot); m != nil; m = q.seek(r.State, pivot) {
		seen := m.seen(r.Full)
		bytes += shownBytes + len(seen.Preview) + seen.Message.Len()
		if n := len(resp.Messages); n == r.Limit || (n > 0 && bytes > r.MaxBytes) {
			resp.NextCursor = cursorOf(pivot)
			break
		}
		resp.Messages = append(resp.Messages, seen)
		pivot.body.priority, pivot.id = m.priority, m.id+1
	}
	return resp, nil
}

// seek returns the first message in the state that does not come before the pivot, or nil.
func (q *queue) seek(state string, pivot *message) *message {
	switch state {
	case leased.String():
		return q.leased.atLeast(pivot, byID)
	case delayed.String():
		return q.delayed.atLeast(pivot, byID)
	case dead.String():
		return q.dead.atLeast(pivot, byID)
	}
	return q.readyFrom(pivot)
}

func (m *message) seen(full bool) Seen {
	seen := Seen{
		MessageID: strconv.FormatUint(m.id, 10), Kind: m.value.Kind().String(), Size: m.value.Len(),
		Priority: int(m.priority), Group: m.group, Attempts: m.attempts, PublishedAt: m.publishedAt, PublishedBy: m.publishedBy,
		ExpiresAt: m.expires, Reason: m.reason, Died: m.death.shown(),
	}
	switch m.state {
	case delayed:
		seen.DueAt = m.due
	case leased:
		seen.Consumer, seen.LeaseExpiresAt = m.consumer, m.due
	case dead:
		seen.ExpiresAt = m.due
	}
	if full {
		seen.Message, seen.Headers = m.value, m.headers
	} else {
		seen.Preview = preview(m.value)
	}
	return seen
}

// preview is how a message begins.
func preview(v value.Value) string {
	data := v.Data()
	switch {
	case v.Kind() == value.Bytes:
		return ""
	case len(data) <= previewBytes:
		return data
	}
	return data[:boundary(data, previewBytes)] + "…"
}

// boundary is the last place not after n where no character is cut.
func boundary(text string, n int) int {
	for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

// cursorOf says where to go on, and nothing about what is there, so that messages may come and go.
func cursorOf(pivot *message) string {
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint([]byte{cursorVersion, pivot.priority}, pivot.id))
}

// readCursor returns the message to go on from; the first of all for no cursor.
func readCursor(cursor string) (*message, error) {
	pivot := &message{body: &body{priority: numPriorities - 1}}
	if cursor == "" {
		return pivot, nil
	}
	if b, err := base64.RawURLEncoding.DecodeString(cursor); err == nil && len(b) > 2 && b[0] == cursorVersion && b[1] < numPriorities {
		if id, n := binary.Uvarint(b[2:]); n == len(b)-2 {
			pivot.body.priority, pivot.id = b[1], id
			return pivot, nil
		}
	}
	return nil, fault.New(fault.Invalid, "the cursor cannot be read: pass next_cursor of the page before, or none").With("field", "cursor")
}
