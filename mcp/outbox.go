package mcp

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// updatesStream is the stream of a session on which it hears of updates.
const updatesStream = "updates"

const headerLastEventID = "Last-Event-ID"

// outbox is what waits for a session's GET stream. What it holds is in the events; it knows how far the client was told.
// mcp-go has such streams too. There, whatever request is in progress may take the update away, and keeps a stream of its
// own for it until the session ends; a session that lives for weeks would grow.
type outbox struct {
	wake chan struct{} // holds a token when there may be more to tell

	mu    sync.Mutex
	shown uint64            // the last event that was written to a stream
	last  map[string]uint64 // the last event about each address, nil before there is one; one that is not shown yet says it all
	taken chan struct{}     // closed when another stream takes over; nil when there is none
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// poke says that there is more to tell.
func (b *outbox) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// open makes the caller's stream the session's only one, until over is closed. It goes on after the event from.
func (b *outbox) open() (from uint64, over <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken != nil {
		close(b.taken)
	}
	b.taken = make(chan struct{})
	b.poke()
	return b.shown, b.taken
}

// waits reports whether the client has yet to be told that something changed there.
func (b *outbox) waits(uri string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last[uri] > b.shown
}

// put notes the event that tells of the address.
func (b *outbox) put(uri string, id uint64) {
	b.mu.Lock()
	if b.last == nil {
		b.last = map[string]uint64{}
	}
	b.last[uri] = id
	b.mu.Unlock()
	b.poke()
}

// forget notes that the address is not followed any more.
func (b *outbox) forget(uri string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.last, uri)
}

// told notes that the client was told of the event.
func (b *outbox) told(id uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shown = max(b.shown, id)
}

// updated puts an update where the session's stream finds it, now or when there is one.
func (s *Server) updated(session, uri string) bool {
	box, _ := s.sessions.outbox(session)
	if box == nil { // a pipe's
		return s.library.SendNotificationToSpecificClient(session, mcp.MethodNotificationResourceUpdated, map[string]any{"uri": uri}) == nil
	}
	if box.waits(uri) {
		return true
	}
	text, err := encode(map[string]any{
		"jsonrpc": mcp.JSONRPC_VERSION, "method": mcp.MethodNotificationResourceUpdated, "params": map[string]any{"uri": uri},
	})
	if err != nil {
		return false
	}
	box.put(uri, s.events.store(session, updatesStream, text))
	return true
}

// withUpdates has the session's updates written to the stream that a GET opens, beside whatever mcp-go has to say there, until
// stop is called. The request is returned as mcp-go is to see it: without the event to go on after, if that was an update.
func (s *Server) withUpdates(out *stream, r *http.Request) (seen *http.Request, stop func()) {
	session := r.Header.Get(server.HeaderKeySessionID)
	box, _ := s.sessions.outbox(session)
	if box == nil {
		return r, func() {}
	}
	from, over := box.open()
	if last := r.Header.Get(headerLastEventID); last != "" && s.events.streamOf(session, last) == updatesStream {
		from, _ = strconv.ParseUint(last, 10, 64) // it is an event's
		r = r.Clone(r.Context())
		r.Header.Del(headerLastEventID)
	}
	ended := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		select {
		case <-out.opened:
			s.writeUpdates(out, session, box, from, over, ended)
		case <-ended: // it was refused
		}
	})
	return r, func() { close(ended); writer.Wait() }
}

// writeUpdates writes what there is and what comes, until the stream is over or another one takes over.
func (s *Server) writeUpdates(out *stream, session string, box *outbox, from uint64, over, ended <-chan struct{}) {
	for {
		for _, e := range s.events.since(session, updatesStream, from) {
			if _, err := fmt.Fprintf(out, "id: %d\nevent: message\ndata: %s\n\n", e.id, e.message); err != nil {
				return
			}
			out.Flush()
			from = e.id
			box.told(from)
		}
		select {
		case <-box.wake:
		case <-over:
			return
		case <-ended:
			return
		}
	}
}
