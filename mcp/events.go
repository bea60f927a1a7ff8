package mcp

import (
	"container/list"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/mark3labs/mcp-go/server"
)

// How much is kept for clients whose stream broke. When there is too much, the oldest events are forgotten first; a
// client that resumes from a forgotten one is told so, and starts anew.
var maxEventsPerSession = 256 // a variable so that tests can reach it

const (
	maxEventBytesPerSession = 1 << 20
	maxEventBytes           = 64 << 20
)

// events are the messages that were sent on streams, for clients that missed them. It implements server.EventStore.
type events struct {
	mu       sync.Mutex
	last     uint64     // the number of the newest event
	bytes    int        // of all messages
	order    *list.List // of *event, oldest first
	sessions map[string]*eventLog
}

// eventLog is the events of one session.
type eventLog struct {
	bytes  int
	events []*list.Element // of *event, oldest first
}

// event is one message. Its id is a number that no other event has.
type event struct {
	id      uint64
	session string
	stream  string
	message json.RawMessage
}

func newEvents() *events {
	return &events{order: list.New(), sessions: map[string]*eventLog{}}
}

// StoreEvent implements server.EventStore.
func (es *events) StoreEvent(ctx context.Context, session, stream string, message json.RawMessage) (string, error) {
	notePosed(ctx, message)
	return strconv.FormatUint(es.store(session, stream, message), 10), nil
}

// store keeps a message and returns the number of its event.
func (es *events) store(session, stream string, message json.RawMessage) uint64 {
	es.mu.Lock()
	defer es.mu.Unlock()
	es.last++
	e := &event{id: es.last, session: session, stream: stream, message: slices.Clone(message)}
	log := es.sessions[session]
	if log == nil {
		log = &eventLog{}
		es.sessions[session] = log
	}
	log.events = append(log.events, es.order.PushBack(e))
	log.bytes += len(message)
	es.bytes += len(message)
	for len(log.events) > maxEventsPerSession || log.bytes > maxEventBytesPerSession {
		es.drop(log)
	}
	for es.bytes > maxEventBytes {
		es.drop(es.sessions[es.order.Front().Value.(*event).session])
	}
	return e.id
}

// drop forgets the session's oldest event.
func (es *events) drop(log *eventLog) {
	e := es.order.Remove(log.events[0]).(*event)
	log.events[0] = nil
	log.events = log.events[1:]
	log.bytes -= len(e.message)
	es.bytes -= len(e.message)
	if len(log.events) == 0 {
		delete(es.sessions, e.session)
	}
}

// ReplayEventsAfter implements server.EventStore.
func (es *events) ReplayEventsAfter(_ context.Context, session, lastID string,
	send func(id string, message json.RawMessage) error,
) (stream string, err error) {
	missed, stream, err := es.after(session, lastID)
	if err != nil {
		return "", err
	}
	for _, e := range missed {
		if err := send(strconv.FormatUint(e.id, 10), e.message); err != nil {
			return "", err
		}
	}
	return stream, nil
}

// after returns the events that follow one on its stream.
func (es *events) after(session, lastID string) (missed []*event, stream string, err error) {
	es.mu.Lock()
	defer es.mu.Unlock()
	id, err := strconv.ParseUint(lastID, 10, 64)
	log := es.sessions[session]
	if err != nil || log == nil {
		return nil, "", fmt.Errorf("%w: %s", server.ErrUnknownEventID, lastID)
	}
	for i, element := range log.events {
		if e := element.Value.(*event); e.id == id {
			stream = e.stream
			for _, later := range log.events[i+1:] {
				if e := later.Value.(*event); e.stream == stream {
					missed = append(missed, e)
				}
			}
			return missed, stream, nil
		}
	}
	return nil, "", fmt.Errorf("%w: %s", server.ErrUnknownEventID, lastID)
}

// since returns what was sent on a stream after an event, however much of what is older is forgotten.
func (es *events) since(session, stream string, id uint64) (missed []*event) {
	es.mu.Lock()
	defer es.mu.Unlock()
	log := es.sessions[session]
	if log == nil {
		return nil
	}
	for _, element := range log.events {
		if e := element.Value.(*event); e.id > id && e.stream == stream {
			missed = append(missed, e)
		}
	}
	return missed
}

// streamOf is the stream on which an event was sent; "" when it is not known any more.
func (es *events) streamOf(session, id string) string {
	n, err := strconv.ParseUint(id, 10, 64)
	es.mu.Lock()
	defer es.mu.Unlock()
	if log := es.sessions[session]; log != nil && err == nil {
		for _, element := range log.events {
			if e := element.Value.(*event); e.id == n {
				return e.stream
			}
		}
	}
	return ""
}

// PurgeSession implements server.EventStore.
func (es *events) PurgeSession(_ context.Context, session string) error {
	es.mu.Lock()
	defer es.mu.Unlock()
	for log := es.sessions[session]; log != nil && len(log.events) > 0; {
		es.drop(log)
	}
	return nil
}
