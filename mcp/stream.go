package mcp

import (
	"bytes"
	"mime"
	"net/http"
	"sync"
	"time"
)

// keepAliveEvery is how long a stream may be silent before a comment says that it is alive.
const keepAliveEvery = 15 * time.Second

var (
	keepAlive = []byte(": keep-alive\n\n")
	eventEnd  = []byte("\n\n")
)

// stream is a response that may turn out to be a stream of events. It then tells proxies not to hold it back, and
// is kept alive with comments while it is silent.
type stream struct {
	http.ResponseWriter

	posed posed // what the client was asked over it

	mu      sync.Mutex    // held while anything is written
	timer   *time.Timer   // nil unless this is a stream of events
	between bool          // nothing was written yet, or the last thing ended an event
	last    time.Time     // when something was last written
	opened  chan struct{} // closed when this turns out to be a stream of events
	closed  bool          // the response is over: nothing may be written any more
	status  int           // of an answer of which nothing was written yet, not even this; 0 afterwards
}

func newStream(w http.ResponseWriter) *stream {
	return &stream{ResponseWriter: w, between: true, opened: make(chan struct{})}
}

// Unwrap lets http.ResponseController reach the connection.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (s *stream) WriteHeader(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isEvents(s.Header().Get("Content-Type")) {
		s.Header().Set("X-Accel-Buffering", "no")
		s.last = time.Now()
		s.timer = time.AfterFunc(keepAliveEvery, s.beat)
		s.ResponseWriter.WriteHeader(status)
		close(s.opened)
		return
	}
	s.status = status // an error in the answer may ask for another one
}

// isEvents reports whether an answer of that type is a stream of events.
func isEvents(contentType string) bool {
	if contentType == "application/json" { // nearly all are
		return false
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "text/event-stream"
}

// begin writes the status. mu is held.
func (s *stream) begin(status int) {
	if s.status != 0 {
		s.status = 0
		s.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, http.ErrHandlerTimeout
	}
	s.between = bytes.HasSuffix(p, eventEnd)
	s.last = time.Now()
	right, status := restore(p)
	if status == 0 {
		status = s.status
	}
	s.begin(status)
	if _, err := s.ResponseWriter.Write(right); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush implements http.Flusher.
func (s *stream) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.begin(s.status)
	s.flush()
}

// flush is Flush with mu held. A connection that is gone shows at the next write.
func (s *stream) flush() { _ = http.NewResponseController(s.ResponseWriter).Flush() }

// beat writes a comment if the stream was silent, and comes back when it next may have been.
func (s *stream) beat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.between && time.Since(s.last) >= keepAliveEvery {
		s.last = time.Now()
		if _, err := s.ResponseWriter.Write(keepAlive); err != nil {
			return // the client is gone, as the next event will find
		}
		s.flush()
	}
	s.timer.Reset(max(keepAliveEvery-time.Since(s.last), time.Second))
}

// close ends the stream; the response may not be touched after its handler has returned.
func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.begin(s.status)
	if s.timer != nil {
		s.timer.Stop()
	}
}
